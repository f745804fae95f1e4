/**
 * Only this file and those named after it know Stripe. One order has one payment intent: it can be authorized and captured once, so
 * Stripe's own state machine stands behind our idempotency keys, which Stripe may forget after 24 hours.
 */
import Stripe from 'stripe';
import { z } from 'zod';
import { isCurrency } from '../../workflows/domain/money.ts';
import type { AttemptStatus, RefundStatus } from '../../workflows/domain/states.ts';
import { fromStripe, toStripe } from './stripe-amounts.ts';
import { orAsItIs, told, withMethod } from './stripe-failures.ts';
import { createSetups } from './stripe-setups.ts';
import { createTaxes } from './stripe-taxes.ts';
import { InvalidWebhook } from './webhook.ts';

export { ProviderError } from './stripe-failures.ts';

export interface Intent {
  id: string;
  status: AttemptStatus;
  /** Minor units. */
  authorized: number;
  captured: number;
  clientSecret: string | undefined;
  declineCode: string | undefined;
  risky: boolean;
  captureBefore: Date | undefined;
}

export interface AuditedIntent extends Intent {
  orderId: string;
  refunded: number;
}

export interface ProviderRefund {
  id: string;
  status: RefundStatus;
  amount: number;
  failure: string | undefined;
}

export type Payments = ReturnType<typeof createPayments>;

export function createPayments({ secretKey, apiBase }: { secretKey: string; apiBase?: string | undefined }) {
  const stripe = new Stripe(secretKey, {
    timeout: 15_000,
    // Temporal owns the long retries.
    maxNetworkRetries: 1,
    telemetry: false,
    ...(apiBase && location(apiBase)),
  });
  const expand = ['latest_charge'];

  return {
    ...createSetups(stripe),
    ...createTaxes(stripe),

    /**
     * An intent that is not confirmed takes no money: one that gets lost is harmless.
     * `customerId` is whose saved method it may be confirmed with.
     */
    async createIntent(request: {
      orderId: string;
      amount: number;
      currency: string;
      customerId?: string | undefined;
      key: string;
    }): Promise<Intent> {
      const { orderId, amount, currency, customerId, key } = request;
      const params: Stripe.PaymentIntentCreateParams = {
        amount: toStripe(amount, currency),
        currency: currency.toLowerCase(),
        capture_method: 'manual',
        automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
        metadata: { orderId, workflowId: `order-${orderId}` },
        ...(customerId !== undefined && { customer: customerId }),
      };
      return toIntent(await told(() => stripe.paymentIntents.create(params, { idempotencyKey: key })));
    },

    /**
     * A decline comes back as an intent of status `declined`; so does a method that is none, or was used up.
     * `offSession`: the customer is not there, and a bank that wants to ask them declines (`authentication_required`).
     */
    async confirmIntent(
      intentId: string,
      request: { paymentMethod: string; offSession?: true; key: string },
    ): Promise<Intent> {
      const { paymentMethod, offSession, key } = request;
      const params: Stripe.PaymentIntentConfirmParams = {
        payment_method: paymentMethod,
        expand,
        ...(offSession && { off_session: true }),
      };
      return intentAfter(intentId, () =>
        withMethod(() => stripe.paymentIntents.confirm(intentId, params, { idempotencyKey: key })),
      );
    },

    readIntent,

    async captureIntent(
      intentId: string,
      { amount, currency, key }: { amount: number; currency: string; key: string },
    ): Promise<Intent> {
      const params = { amount_to_capture: toStripe(amount, currency), expand };
      return intentAfter(intentId, () => stripe.paymentIntents.capture(intentId, params, { idempotencyKey: key }));
    },

    /** Releases what is authorized. What was captured already stays so. */
    async cancelIntent(intentId: string, { key }: { key: string }): Promise<Intent> {
      return intentAfter(intentId, () => stripe.paymentIntents.cancel(intentId, { expand }, { idempotencyKey: key }));
    },

    async createRefund(request: {
      intentId: string;
      refundId: string;
      attempt: number;
      amount: number;
      currency: string;
      key: string;
    }): Promise<ProviderRefund> {
      const { intentId, refundId, attempt, amount, currency, key } = request;
      const metadata = { refundId, attempt: String(attempt) };
      const params = { payment_intent: intentId, amount: toStripe(amount, currency), metadata };
      return toRefund(await told(() => stripe.refunds.create(params, { idempotencyKey: key })));
    },

    /** Whether a refund whose reply was lost is there after all. */
    async findRefund(intentId: string, refundId: string, attempt: number): Promise<ProviderRefund | undefined> {
      const refunds = await told(() =>
        stripe.refunds.list({ payment_intent: intentId, limit: 100 }).autoPagingToArray({ limit: 1_000 }),
      );
      const found = refunds.find(
        ({ metadata }) => metadata?.refundId === refundId && metadata.attempt === String(attempt),
      );
      return found && toRefund(found);
    },

    async readRefund(id: string): Promise<ProviderRefund> {
      return toRefund(await told(() => stripe.refunds.retrieve(id)));
    },

    async readDispute(id: string): Promise<{ status: 'open' | 'won' | 'lost' }> {
      const { status } = await told(() => stripe.disputes.retrieve(id));
      if (status === 'lost') return { status: 'lost' };
      // An inquiry that closes without a chargeback took no money: as good as won.
      return { status: status === 'won' || status === 'warning_closed' || status === 'prevented' ? 'won' : 'open' };
    },

    /** For the auditor: what the provider holds or took, with what it gave back. */
    async intentForAudit(
      id: string,
    ): Promise<{ status: AttemptStatus; authorized: number; captured: number; refunded: number }> {
      const found = await told(() => stripe.paymentIntents.retrieve(id, { expand }));
      return { ...toIntent(found), refunded: refundedOf(found) };
    },

    /** For the auditor: the intents made since a time that are ours by their metadata, with what they hold and took. */
    async intentsSince(since: Date): Promise<AuditedIntent[]> {
      const created = { gte: Math.floor(since.getTime() / 1000) };
      const found: AuditedIntent[] = [];
      const pages = stripe.paymentIntents.list({ created, limit: 100, expand: ['data.latest_charge'] });
      for await (const intent of pages) {
        const { orderId } = intent.metadata;
        if (orderId === undefined) continue;
        found.push({ ...toIntent(intent), orderId, refunded: refundedOf(intent) });
      }
      return found;
    },
  };

  async function readIntent(intentId: string): Promise<Intent> {
    return toIntent(await told(() => stripe.paymentIntents.retrieve(intentId, { expand })));
  }

  async function intentAfter(intentId: string, call: () => Promise<Stripe.PaymentIntent>): Promise<Intent> {
    return orAsItIs(
      async () => toIntent(await call()),
      () => readIntent(intentId),
    );
  }
}

function toIntent(intent: Stripe.PaymentIntent): Intent {
  const charge = chargeOf(intent);
  const captured = fromStripe(intent.amount_received, intent.currency);
  const card = charge?.payment_method_details?.card;
  return {
    id: intent.id,
    status: statusOf(intent),
    authorized: intent.status === 'requires_capture' ? fromStripe(intent.amount_capturable, intent.currency) : captured,
    captured,
    clientSecret: intent.client_secret ?? undefined,
    declineCode: intent.last_payment_error?.decline_code ?? intent.last_payment_error?.code,
    risky: charge?.outcome?.risk_level === 'elevated' || charge?.outcome?.risk_level === 'highest',
    captureBefore: card?.capture_before ? new Date(card.capture_before * 1000) : undefined,
  };
}

function refundedOf(intent: Stripe.PaymentIntent): number {
  return fromStripe(chargeOf(intent)?.amount_refunded ?? 0, intent.currency);
}

function chargeOf({ latest_charge }: Stripe.PaymentIntent): Stripe.Charge | null {
  return typeof latest_charge === 'object' ? latest_charge : null;
}

function statusOf(intent: Stripe.PaymentIntent): AttemptStatus {
  switch (intent.status) {
    case 'requires_payment_method':
      return intent.last_payment_error ? 'declined' : 'created';
    case 'requires_action':
      return 'requires_action';
    case 'processing':
      return 'processing';
    case 'requires_capture':
      return 'authorized';
    case 'succeeded':
      return 'captured';
    case 'canceled':
      return 'voided';
    default:
      return 'created';
  }
}

/** https://docs.stripe.com/refunds: `requires_action` and `pending` are both on their way. */
function toRefund(refund: Stripe.Refund): ProviderRefund {
  const ended = refund.status === 'succeeded' ? 'succeeded' : 'failed';
  const open = refund.status === 'pending' || refund.status === 'requires_action';
  return {
    id: refund.id,
    status: open ? 'pending' : ended,
    amount: fromStripe(refund.amount, refund.currency),
    failure: refund.failure_reason ?? undefined,
  };
}

function location(apiBase: string): Pick<Stripe.StripeConfig, 'host' | 'port' | 'protocol'> {
  const { protocol, hostname, port } = new URL(apiBase);
  return { host: hostname, port: Number(port), protocol: protocol === 'http:' ? 'http' : 'https' };
}

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
      metadata: z.object({ orderId: z.string().optional(), refundId: z.string().optional() }).nullish(),
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

/** Stripe checks the age only; time stamps more than this ahead of our clock are refused as well. */
const toleranceSeconds = 300;

/** @throws InvalidWebhook for a missing, forged, old or future signature */
export function parseStripeWebhook(
  rawBody: Buffer,
  signature: string | undefined,
  secrets: readonly string[],
  now = Date.now(),
): StripeEvent {
  if (signature === undefined) throw new InvalidWebhook('The header Stripe-Signature is missing');
  const sentAt = Number(/(?:^|,)t=(\d+)/.exec(signature)?.[1]);
  if (sentAt - now / 1000 > toleranceSeconds) throw new InvalidWebhook('The signature is from the future');
  for (const secret of secrets) {
    try {
      const event = Stripe.webhooks.constructEvent(rawBody, signature, secret, toleranceSeconds);
      const { id, type, data } = eventSchema.parse(event);
      return { id, type, object: inMinorUnits(data.object) };
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) {
        throw new InvalidWebhook('The body is not an event');
      }
    }
  }
  throw new InvalidWebhook('The signature does not match');
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
