import { checkAmount, checkFraction, money } from './amounts.ts';
import { cardOf, needsAuthentication, usePaymentMethod } from './cards.ts';
import { attemptCharge, captureCharge } from './charges.ts';
import {
  type AutomaticPaymentMethods,
  type Confirmation,
  offeredMethods,
  refuseForeignMethod,
  refuseWithoutReturnUrl,
  threeDSecure,
} from './confirmation.ts';
import { givenCustomer } from './customers.ts';
import { type ErrorBody, invalidRequest, noSuch, StripeFailure } from './errors.ts';
import { type Charge, type Intent, newId, type Store } from './store.ts';

export interface NewIntent {
  amount: number;
  currency: string;
  capture_method?: Intent['capture_method'];
  payment_method?: string;
  allowed_payment_method_types?: string[];
  automatic_payment_methods?: AutomaticPaymentMethods;
  customer?: string;
  description?: string;
  metadata?: Record<string, string>;
  receipt_email?: string;
  setup_future_usage?: Intent['setup_future_usage'];
  shipping?: Intent['shipping'];
  statement_descriptor?: string;
  statement_descriptor_suffix?: string;
  confirm?: boolean;
  off_session?: boolean;
  return_url?: string;
}

/** `off_session`: the customer is not there, and a card that wants 3-D Secure is declined instead. */
type PaymentConfirmation = Confirmation & { off_session?: boolean };

export function createIntent(store: Store, given: NewIntent): Intent {
  const currency = checkAmount(given.amount, given.currency);
  const offered = offeredMethods(given);
  const customer = givenCustomer(store, given.customer);
  const method = given.payment_method === undefined ? null : usePaymentMethod(store, given.payment_method);
  if (method) refuseForeignMethod({ object: 'payment_intent', customer }, method, {});
  const id = newId('pi');
  const intent: Intent = {
    id,
    object: 'payment_intent',
    ...offered,
    amount: given.amount,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: given.capture_method ?? 'automatic_async',
    client_secret: newId(`${id}_secret`),
    confirmation_method: 'automatic',
    created: store.now(),
    currency,
    customer,
    customer_account: null,
    description: given.description ?? null,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    managed_payments: null,
    metadata: given.metadata ?? {},
    next_action: null,
    on_behalf_of: null,
    payment_method: method?.id ?? null,
    payment_method_configuration_details: null,
    payment_method_options: null,
    payment_method_types: ['card'],
    payment_record: null,
    processing: null,
    receipt_email: given.receipt_email ?? null,
    review: null,
    setup_future_usage: given.setup_future_usage ?? null,
    shipping: given.shipping ?? null,
    source: null,
    statement_descriptor: given.statement_descriptor ?? null,
    statement_descriptor_suffix: given.statement_descriptor_suffix ?? null,
    status: method ? 'requires_confirmation' : 'requires_payment_method',
    transfer_group: null,
  };
  if (!given.confirm) return store.intents.put(id, intent);
  refuseUnlessConfirmable(store, intent, given);
  return confirmIntent(store, store.intents.put(id, intent), given);
}

export function confirmIntent(store: Store, intent: Intent, given: PaymentConfirmation): Intent {
  const method = usePaymentMethod(store, refuseUnlessConfirmable(store, intent, given));
  refuseForeignMethod(intent, method, { payment_intent: intent });
  const confirmed: Intent = { ...intent, payment_method: method.id, last_payment_error: null, next_action: null };
  if (!needsAuthentication(store, method.id, given.off_session === true)) return charge(store, confirmed, false);
  if (given.off_session) {
    throw declined(store, confirmed, null, {
      type: 'card_error',
      code: 'authentication_required',
      decline_code: 'authentication_required',
      message: 'Your card was declined. This transaction requires authentication.',
    });
  }
  const waiting = store.intents.put(intent.id, {
    ...confirmed,
    status: 'requires_action',
    next_action: threeDSecure(),
  });
  store.emit('payment_intent.requires_action', waiting);
  return waiting;
}

/** The customer's bank has asked the customer. */
export function finishAuthentication(store: Store, intent: Intent, outcome: 'succeed' | 'fail'): Intent {
  if (intent.status !== 'requires_action') throw unexpectedState(intent, 'authenticated', ['requires_action']);
  const answered: Intent = { ...intent, next_action: null };
  if (outcome === 'succeed') return charge(store, answered, true);
  return paymentFailed(store, answered, null, {
    type: 'invalid_request_error',
    code: 'payment_intent_authentication_failure',
    message:
      'The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent again.',
  });
}

export function captureIntent(
  store: Store,
  intent: Intent,
  given: { amount_to_capture?: number; metadata?: Record<string, string> },
): Intent {
  if (intent.status === 'succeeded') {
    throw invalidRequest('This PaymentIntent could not be captured because it has already been captured.', {
      code: 'payment_intent_unexpected_state',
      payment_intent: intent,
    });
  }
  if (intent.status !== 'requires_capture') throw unexpectedState(intent, 'captured', ['requires_capture']);
  const amount = given.amount_to_capture ?? intent.amount_capturable;
  if (amount > intent.amount_capturable) {
    const most = money(intent.amount_capturable, intent.currency);
    throw invalidRequest(`The amount to capture is greater than the capturable amount of ${most}.`, {
      code: 'amount_too_large',
      param: 'amount_to_capture',
      payment_intent: intent,
    });
  }
  checkFraction(amount, intent.currency, 'amount_to_capture');
  const metadata = { ...intent.metadata, ...given.metadata };
  return take(store, { ...intent, metadata }, chargeOf(store, intent), amount);
}

const CANCELABLE = [
  'requires_payment_method',
  'requires_capture',
  'requires_confirmation',
  'requires_action',
  'processing',
];

export function cancelIntent(store: Store, intent: Intent, reason: Intent['cancellation_reason']): Intent {
  if (!CANCELABLE.includes(intent.status)) throw unexpectedState(intent, 'canceled', CANCELABLE);
  const canceled = store.intents.put(intent.id, {
    ...intent,
    status: 'canceled',
    canceled_at: store.now(),
    cancellation_reason: reason,
    amount_capturable: 0,
    next_action: null,
  });
  store.emit('payment_intent.canceled', canceled);
  return canceled;
}

/** The authorization was not captured in time: Stripe cancels the intent by itself. */
export function expireAuthorization(store: Store, intent: Intent): Intent {
  if (intent.status !== 'requires_capture') throw unexpectedState(intent, 'expired', ['requires_capture']);
  store.emit('charge.expired', chargeOf(store, intent));
  return cancelIntent(store, intent, 'expired');
}

export function expireDueAuthorizations(store: Store): void {
  for (const intent of [...store.intents.values()]) {
    if (intent.status !== 'requires_capture') continue;
    const { capture_before = 0 } = chargeOf(store, intent).payment_method_details?.card ?? {};
    if (capture_before <= store.now()) expireAuthorization(store, intent);
  }
}

export function intentOf(store: Store, id: string): Intent {
  const intent = store.intents.get(id);
  if (!intent) throw noSuch('payment_intent', id);
  return intent;
}

/** Gives the id of the payment method that is to be charged. */
function refuseUnlessConfirmable(store: Store, intent: Intent, given: Confirmation): string {
  // An intent that was to be created and confirmed at once does not exist yet, and the error does not name it.
  const payment_intent = store.intents.get(intent.id);
  const startable = ['requires_payment_method', 'requires_confirmation', 'requires_action'];
  if (!startable.includes(intent.status)) throw unexpectedState(intent, 'confirmed', startable);
  const method = given.payment_method ?? intent.payment_method;
  if (method === null) {
    throw invalidRequest(
      "You cannot confirm this PaymentIntent because it's missing a payment method. Update the PaymentIntent with a payment method and then confirm it again.",
      { code: 'payment_intent_unexpected_state', payment_intent },
    );
  }
  refuseWithoutReturnUrl(intent, given, { payment_intent });
  return method;
}

/** Authorizes the card, and takes the money at once unless the intent is captured by hand. */
function charge(store: Store, intent: Intent, authenticated: boolean): Intent {
  const card = cardOf(store, intent.payment_method);
  const attempt = attemptCharge(store, intent, card, authenticated);
  if (card.decline) {
    const failure = declined(store, intent, attempt, { type: 'card_error', ...card.decline });
    // Whoever finished 3-D Secure gets the intent to look at, not an error.
    if (authenticated) return intentOf(store, intent.id);
    throw failure;
  }
  const authorized: Intent = { ...intent, latest_charge: attempt.id };
  if (intent.capture_method !== 'manual') return take(store, authorized, attempt, intent.amount);
  const held = store.intents.put(intent.id, {
    ...authorized,
    status: 'requires_capture',
    amount_capturable: intent.amount,
  });
  store.emit('payment_intent.amount_capturable_updated', held);
  return held;
}

function take(store: Store, intent: Intent, authorization: Charge, amount: number): Intent {
  const captured: Intent = {
    ...intent,
    status: 'succeeded',
    amount_capturable: 0,
    amount_received: amount,
  };
  store.intents.put(intent.id, captured);
  store.emit('payment_intent.succeeded', captured);
  captureCharge(store, authorization, amount, cardOf(store, intent.payment_method));
  return captured;
}

function declined(store: Store, intent: Intent, attempt: Charge | null, error: ErrorBody): StripeFailure {
  const details = { ...error, ...(attempt ? { charge: attempt.id } : {}) };
  const failed = paymentFailed(store, intent, attempt, details);
  const method = failed.last_payment_error?.payment_method;
  return new StripeFailure(402, { ...details, payment_intent: failed, payment_method: method });
}

/** Back to where another payment method can be tried. */
function paymentFailed(store: Store, intent: Intent, attempt: Charge | null, error: ErrorBody): Intent {
  const failed = store.intents.put(intent.id, {
    ...intent,
    status: 'requires_payment_method',
    payment_method: null,
    latest_charge: attempt?.id ?? intent.latest_charge,
    last_payment_error: {
      ...error,
      payment_method: store.paymentMethods.get(intent.payment_method ?? ''),
    } as Intent['last_payment_error'],
  });
  store.emit('payment_intent.payment_failed', failed);
  return failed;
}

function chargeOf(store: Store, intent: Intent): Charge {
  const found = store.charges.get(intent.latest_charge ?? '');
  if (!found) throw new Error(`payment intent ${intent.id} is ${intent.status} without a charge`);
  return found;
}

const unexpectedState = (intent: Intent, done: string, allowed: string[]): StripeFailure =>
  invalidRequest(
    `This PaymentIntent could not be ${done} because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be ${done}: ${allowed.join(', ')}.`,
    { code: 'payment_intent_unexpected_state', payment_intent: intent },
  );
