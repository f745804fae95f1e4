import { takeMoney } from './capture-intent.ts';
import { attemptCharge } from './charges.ts';
import { type Confirmation, refuseForeignMethod, refuseWithoutReturnUrl, threeDSecure } from './confirmation.ts';
import { useUpToken, withToken } from './confirmation-tokens.ts';
import { submitDebit } from './debits.ts';
import { invalidRequest } from './errors.ts';
import { intentOf, unexpectedState } from './intent-state.ts';
import { declined, paymentFailed } from './payment-failure.ts';
import { isCapturedByHand, mergeOptions, type Options, refuseUnofferedMethod } from './payment-method-options.ts';
import { methodOf, needsAuthentication, usePaymentMethod } from './payment-methods.ts';
import { keepOrUseUp } from './saved-methods.ts';
import type { Intent, PaymentMethod, Store } from './store.ts';

export interface PaymentConfirmation extends Confirmation {
  /** The customer is not there, and a card that wants 3-D Secure is declined instead. */
  off_session?: boolean;
  /** That the customer has agreed to be debited. */
  mandate_data?: object;
  payment_method_options?: Options;
  setup_future_usage?: Intent['setup_future_usage'];
}

export function confirmIntent(store: Store, intent: Intent, request: PaymentConfirmation): Intent {
  refuseUnlessStartable(intent);
  const given = withToken(store, request);
  const method = usePaymentMethod(store, refuseUnlessConfirmable(store, intent, given));
  refuseForeignMethod(intent, method, { payment_intent: intent });
  refuseUnofferedMethod(intent, method.type, intent);
  refuseWithoutMandate(store, intent, method, given);
  useUpToken(store, given.confirmation_token, intent);
  const confirmed: Intent = {
    ...intent,
    payment_method: method.id,
    payment_method_options: mergeOptions(intent.payment_method_options, given.payment_method_options),
    setup_future_usage: given.setup_future_usage ?? intent.setup_future_usage,
    last_payment_error: null,
    next_action: null,
  };
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

const STARTABLE = ['requires_payment_method', 'requires_confirmation', 'requires_action'];

function refuseUnlessStartable(intent: Intent): void {
  if (!STARTABLE.includes(intent.status)) throw unexpectedState(intent, 'confirmed', STARTABLE);
}

/** A bank account is debited by a mandate only: given in the browser, with the request, or when the method was saved. */
function refuseWithoutMandate(store: Store, intent: Intent, method: PaymentMethod, given: PaymentConfirmation): void {
  if (method.type === 'card' || given.fromBrowser || given.mandate_data || store.setUp.get(method.id)) return;
  throw invalidRequest(
    'This PaymentIntent requires a mandate, but no existing mandate was found. Collect mandate acceptance from the customer and try again, providing acceptance data in the mandate_data parameter.',
    { code: 'payment_intent_mandate_invalid', payment_intent: intent },
  );
}

/** Gives the id of the payment method that is to be charged. */
export function refuseUnlessConfirmable(store: Store, intent: Intent, given: PaymentConfirmation): string {
  // An intent that was to be created and confirmed at once does not exist yet, and the error does not name it.
  const payment_intent = store.intents.get(intent.id);
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

/** Authorizes the card, and takes the money at once unless it is captured by hand. A bank is only asked for it. */
function charge(store: Store, intent: Intent, authenticated: boolean): Intent {
  const method = methodOf(store, intent.payment_method);
  const attempt = attemptCharge(store, intent, method, authenticated);
  const attempted: Intent = { ...intent, latest_charge: attempt.id };
  if (method.type !== 'card') return submitDebit(store, attempted);
  if (method.decline) {
    const failure = declined(store, intent, attempt, { type: 'card_error', ...method.decline });
    // Whoever finished 3-D Secure gets the intent to look at, not an error.
    if (authenticated) return intentOf(store, intent.id);
    throw failure;
  }
  const authorized = isCapturedByHand(intent, 'card')
    ? hold(store, attempted)
    : takeMoney(store, attempted, attempt, { amount: intent.amount, final: true });
  keepOrUseUp(store, authorized);
  return authorized;
}

function hold(store: Store, intent: Intent): Intent {
  const held = store.intents.put(intent.id, {
    ...intent,
    status: 'requires_capture',
    amount_capturable: intent.amount,
  });
  store.emit('payment_intent.amount_capturable_updated', held);
  return held;
}
