/**
 * Payment intents. Each is authorized once, so Stripe's own state machine stands behind our idempotency keys, which Stripe
 * may forget after 24 hours.
 */
import type Stripe from 'stripe';
import type { AttemptStatus } from '../../workflows/domain/states.ts';
import { fromStripe, toStripe } from './stripe-amounts.ts';
import { orAsItIs, told, withMethod } from './stripe-failures.ts';

export interface Intent {
  id: string;
  status: AttemptStatus;
  currency: string;
  /** Minor units: what it is for, what of it is held or taken, and what is taken. */
  amount: number;
  authorized: number;
  captured: number;
  clientSecret: string | undefined;
  declineCode: string | undefined;
  /** What Stripe thinks of it: https://docs.stripe.com/radar/risk-evaluation */
  risk: { level?: string | undefined; score?: number | undefined; cardCountry?: string | undefined };
  captureBefore: Date | undefined;
  /** It can be captured parcel by parcel. */
  multicapture: boolean;
  /** Whose saved methods it may be confirmed with. */
  customerId: string | undefined;
  /** The method, where it is saved and may be charged again without its owner. */
  savedMethod: string | undefined;
}

const expand = ['latest_charge', 'payment_method'];

/**
 * What can be held and taken later is held; all else, such as a bank debit, is taken when it is paid.
 * https://docs.stripe.com/payments/place-a-hold-on-a-payment-method#payment-method-capture-method
 */
const held = {
  ...{ affirm: manual(), afterpay_clearpay: manual(), amazon_pay: manual(), cashapp: manual(), klarna: manual() },
  ...{ link: manual(), mobilepay: manual(), paypal: manual(), revolut_pay: manual() },
};

function manual(): { capture_method: 'manual' } {
  return { capture_method: 'manual' };
}

export function createIntents(stripe: Stripe, publicUrl: string | undefined) {
  return {
    /**
     * An intent that is not confirmed takes no money: one that gets lost is harmless.
     * `customerId` is whose saved method it may be confirmed with; `saveMethod` saves for them what it is confirmed with.
     * `multicapture` asks for it, and the card decides. `heldOnly`: methods that take the money at once are not let in.
     */
    async createIntent(request: {
      orderId: string;
      amount: number;
      currency: string;
      customerId?: string | undefined;
      saveMethod?: boolean | undefined;
      multicapture?: boolean;
      heldOnly?: boolean;
      key: string;
    }): Promise<Intent> {
      const { orderId, amount, currency, customerId, saveMethod, multicapture, heldOnly, key } = request;
      const params: Stripe.PaymentIntentCreateParams = {
        amount: toStripe(amount, currency),
        currency: currency.toLowerCase(),
        capture_method: heldOnly ? 'manual' : 'automatic_async',
        automatic_payment_methods: { enabled: true, allow_redirects: 'always' },
        payment_method_options: {
          ...held,
          card: { ...manual(), ...(multicapture && { request_multicapture: 'if_available' }) },
        },
        metadata: { orderId, workflowId: `order-${orderId}` },
        ...(customerId !== undefined && { customer: customerId }),
        ...(saveMethod && { setup_future_usage: 'off_session' }),
      };
      return toIntent(await told(() => stripe.paymentIntents.create(params, { idempotencyKey: key })));
    },

    /**
     * A decline comes back as an intent of status `declined`; so does a method that is none, or was used up.
     * `method`: a payment method, or a confirmation token that the browser made of one.
     * `offSession`: the customer is not there, and a bank that wants to ask them declines (`authentication_required`).
     */
    async confirmIntent(
      intentId: string,
      request: { orderId: string; method: string; offSession?: true; key: string },
    ): Promise<Intent> {
      const { orderId, method, offSession, key } = request;
      const params: Stripe.PaymentIntentConfirmParams = {
        ...(method.startsWith('ctoken_') ? { confirmation_token: method } : { payment_method: method }),
        expand,
        // Where some banks send the customer back to.
        ...(publicUrl !== undefined && { return_url: `${publicUrl}/orders/${orderId}` }),
        ...(offSession && { off_session: true }),
      };
      return intentAfter(intentId, () =>
        withMethod(stripe, { method, intentId }, () =>
          stripe.paymentIntents.confirm(intentId, params, { idempotencyKey: key }),
        ),
      );
    },

    readIntent,

    /** Without `final: false` nothing more will be captured, and the rest is released. */
    async captureIntent(
      intentId: string,
      { amount, currency, final = true, key }: { amount: number; currency: string; final?: boolean; key: string },
    ): Promise<Intent> {
      const params: Stripe.PaymentIntentCaptureParams = {
        amount_to_capture: toStripe(amount, currency),
        expand,
        ...(!final && { final_capture: false }),
      };
      return intentAfter(intentId, () => stripe.paymentIntents.capture(intentId, params, { idempotencyKey: key }));
    },

    /** Releases what is authorized. What was captured already stays so. */
    async cancelIntent(intentId: string, { key }: { key: string }): Promise<Intent> {
      return intentAfter(intentId, () => stripe.paymentIntents.cancel(intentId, { expand }, { idempotencyKey: key }));
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

export function toIntent(intent: Stripe.PaymentIntent): Intent {
  const { id, amount_received, amount_capturable, currency, customer, last_payment_error } = intent;
  const { payment_method: method } = intent;
  const charge = chargeOf(intent);
  const captured = fromStripe(amount_received, currency);
  const card = charge?.payment_method_details?.card;
  return {
    id,
    status: statusOf(intent),
    currency: currency.toUpperCase(),
    amount: fromStripe(intent.amount, currency),
    authorized: captured + (intent.status === 'requires_capture' ? fromStripe(amount_capturable, currency) : 0),
    captured,
    clientSecret: intent.client_secret ?? undefined,
    declineCode: last_payment_error?.decline_code ?? last_payment_error?.code,
    risk: {
      level: charge?.outcome?.risk_level,
      score: charge?.outcome?.risk_score,
      cardCountry: card?.country ?? undefined,
    },
    captureBefore: card?.capture_before ? new Date(card.capture_before * 1000) : undefined,
    multicapture: card?.multicapture?.status === 'available',
    // Never expanded: nobody asks for that.
    customerId: (customer as string | null) ?? undefined,
    savedMethod: method !== null && typeof method === 'object' && method.customer !== null ? method.id : undefined,
  };
}

/** What was paid back of it, in minor units. */
export function refundedOf(intent: Stripe.PaymentIntent): number {
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
      // Of one that was captured in part only the rest is released.
      return intent.amount_received > 0 ? 'captured' : 'voided';
    default:
      return 'created';
  }
}
