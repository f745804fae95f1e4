/** What Stripe tells of by itself: by its webhooks, and by its list of events, which has what they missed. */
import Stripe from 'stripe';
import { z } from 'zod';
import { isCurrency } from '../../workflows/domain/money.ts';
import { fromStripe } from './stripe-amounts.ts';
import { told } from './stripe-failures.ts';
import { InvalidWebhook, toleranceSeconds } from './webhook.ts';

/** What is delivered to somebody, and so what is subscribed and polled. */
export const deliveredEvents = [
  'payment_intent.requires_action',
  'payment_intent.processing',
  'payment_intent.amount_capturable_updated',
  'payment_intent.succeeded',
  'payment_intent.payment_failed',
  'payment_intent.canceled',
  'setup_intent.requires_action',
  'setup_intent.setup_failed',
  'setup_intent.succeeded',
  'setup_intent.canceled',
  'refund.created',
  'refund.updated',
  'refund.failed',
  'charge.dispute.created',
  'charge.dispute.updated',
  'charge.dispute.closed',
  'charge.dispute.funds_withdrawn',
  'charge.dispute.funds_reinstated',
  'radar.early_fraud_warning.created',
  'radar.early_fraud_warning.updated',
  'payment_method.attached',
  'payment_method.detached',
  'payment_method.updated',
  'payment_method.automatically_updated',
  'customer.updated',
  'customer.deleted',
  'payout.created',
  'payout.updated',
  'payout.paid',
  'payout.failed',
  'payout.canceled',
] as const;

/** One request for a list of events names so many types at most. */
const typesAtOnce = 20;

/** An event is a hint: beyond what routes it, nothing of it is kept, and no secret or address of the customer. */
const eventSchema = z.object({
  id: z.string().min(1),
  type: z.string().min(1),
  data: z.object({
    object: z.object({
      id: z.string().nullish(),
      status: z.string().nullish(),
      amount: z.number().nullish(),
      amount_received: z.number().nullish(),
      currency: z.string().nullish(),
      reason: z.string().nullish(),
      payment_intent: z.string().nullish(),
      customer: z.string().nullish(),
      metadata: z.object({ orderId: z.string().optional(), refundId: z.string().optional() }).nullish(),
      arrival_date: z.number().nullish(),
      created: z.number().nullish(),
      evidence_details: z.object({ due_by: z.number().nullish() }).nullish(),
    }),
  }),
});

type EventObject = z.infer<typeof eventSchema>['data']['object'];

export interface StripeEvent {
  id: string;
  type: string;
  /** Amounts in minor units. */
  object: EventObject;
}

export function createEvents(stripe: Stripe) {
  return {
    /**
     * The events that we deliver of `from` until before `to`, in whole seconds, the oldest first. Stripe lists the newest
     * first, so that the beginning of more than `most` is not known.
     */
    async eventsBetween(
      from: Date,
      to: Date | undefined,
      most: number,
    ): Promise<(StripeEvent & { at: Date })[] | 'too_many'> {
      const created = { gte: seconds(from), ...(to && { lt: seconds(to) }) };
      const found: Stripe.Event[] = [];
      return told(async () => {
        for (let first = 0; first < deliveredEvents.length; first += typesAtOnce) {
          const types = deliveredEvents.slice(first, first + typesAtOnce);
          for await (const event of stripe.events.list({ created, types, limit: 100 })) {
            if (found.push(event) > most) return 'too_many';
          }
        }
        return found
          .sort((a, b) => a.created - b.created)
          .map((event) => ({ ...toEvent(event), at: new Date(event.created * 1000) }));
      });
    },
  };
}

function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}

/** @throws InvalidWebhook for a missing, forged, old or future signature, and for what is no event */
export function parseStripeWebhook(
  rawBody: Buffer,
  signature: string | undefined,
  secrets: readonly string[],
  now = Date.now(),
): StripeEvent {
  if (signature === undefined) throw new InvalidWebhook('no_signature', 'The header Stripe-Signature is missing');
  const body = verified(rawBody, signature, secrets);
  const age = now / 1000 - signedAt(signature);
  if (age > toleranceSeconds) throw new InvalidWebhook('old', 'The signature is too old');
  if (age < -toleranceSeconds) throw new InvalidWebhook('future', 'The signature is from the future');
  try {
    return toEvent(body);
  } catch {
    throw new InvalidWebhook('not_an_event', 'The body is not an event');
  }
}

/** What a secret of ours has signed, whenever that was. */
function verified(rawBody: Buffer, signature: string, secrets: readonly string[]): unknown {
  const noAgeLimit = 0;
  for (const secret of secrets) {
    try {
      return Stripe.webhooks.constructEvent(rawBody, signature, secret, noAgeLimit);
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeSignatureVerificationError))
        throw new InvalidWebhook('not_an_event', 'The body is not an event');
    }
  }
  throw new InvalidWebhook('bad_signature', 'The signature does not match');
}

/** Exactly as it was signed: of several times one might be signed and another young. */
function signedAt(signature: string): number {
  const [time = '', ...others] = [...signature.matchAll(/(?:^|,)t=([^,]*)/g)].map(([, value]) => value!);
  if (others.length > 0 || !/^\d{1,12}$/.test(time))
    throw new InvalidWebhook('bad_signature', 'The signature does not have one time');
  return Number(time);
}

/** @throws ZodError */
function toEvent(event: unknown): StripeEvent {
  const { id, type, data } = eventSchema.parse(event);
  return { id, type, object: inMinorUnits(data.object) };
}

/** The account may have to do with what is no currency of ours: such an event is stored as it is, and does nothing. */
function inMinorUnits(object: EventObject): EventObject {
  const { currency, amount, amount_received } = object;
  if (!currency || !isCurrency(currency.toUpperCase())) return object;
  return {
    ...object,
    ...(amount && { amount: fromStripe(amount, currency) }),
    ...(amount_received && { amount_received: fromStripe(amount_received, currency) }),
  };
}
