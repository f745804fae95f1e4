import { checkFraction, money } from './amounts.ts';
import { captureCharge, isMulticapture } from './charges.ts';
import { invalidRequest } from './errors.ts';
import { chargeOf, unexpectedState } from './intent-state.ts';
import { methodOf } from './payment-methods.ts';
import type { Charge, Intent, Store } from './store.ts';

const MOST_CAPTURES = 50;

/**
 * Multicapture as in https://docs.stripe.com/payments/multicapture: with `final_capture=false` the rest stays held, and the
 * intent in `requires_capture`, until a final capture, which may be of 0, or until the authorization ends. What was captured
 * in part ends as `succeeded` then, also where it is cancelled or expires; `captured` of its charge is true only from then on.
 */
export function captureIntent(
  store: Store,
  intent: Intent,
  given: { amount_to_capture?: number; final_capture?: boolean; metadata?: Record<string, string> },
): Intent {
  if (intent.status === 'succeeded') {
    throw invalidRequest('This PaymentIntent could not be captured because it has already been captured.', {
      code: 'payment_intent_unexpected_state',
      payment_intent: intent,
    });
  }
  if (intent.status !== 'requires_capture') throw unexpectedState(intent, 'captured', ['requires_capture']);
  const charge = chargeOf(store, intent);
  const amount = given.amount_to_capture ?? intent.amount_capturable;
  const final = given.final_capture ?? true;
  if (given.final_capture !== undefined && !isMulticapture(charge)) {
    throw invalidRequest(
      'This PaymentIntent cannot be captured more than once. You can only use `final_capture` when multicapture is available for the PaymentIntent.',
      { param: 'final_capture', payment_intent: intent },
    );
  }
  refuseAmount(intent, amount, final);
  if (isMulticapture(charge) && amount > 0 && capturesOf(store, charge) >= MOST_CAPTURES) {
    throw invalidRequest(`A PaymentIntent can be captured up to ${MOST_CAPTURES} times.`, { payment_intent: intent });
  }
  const metadata = { ...intent.metadata, ...given.metadata };
  return takeMoney(store, { ...intent, metadata }, charge, { amount, final });
}

function refuseAmount(intent: Intent, amount: number, final: boolean): void {
  if (amount === 0 && !(final && intent.amount_received > 0)) {
    throw invalidRequest('This value must be greater than or equal to 1.', {
      code: 'parameter_invalid_integer',
      param: 'amount_to_capture',
    });
  }
  if (amount > intent.amount_capturable) {
    const most = money(intent.amount_capturable, intent.currency);
    throw invalidRequest(`The amount to capture is greater than the capturable amount of ${most}.`, {
      code: 'amount_too_large',
      param: 'amount_to_capture',
      payment_intent: intent,
    });
  }
  checkFraction(amount, intent.currency, 'amount_to_capture');
}

const capturesOf = (store: Store, charge: Charge): number =>
  [...store.balanceTransactions.values()].filter(({ source, type }) => source === charge.id && type === 'charge')
    .length;

/** Takes money from the charge; the rest is released where it is `final`. */
export function takeMoney(
  store: Store,
  intent: Intent,
  charge: Charge,
  { amount, final }: { amount: number; final: boolean },
): Intent {
  const taken = store.intents.put(intent.id, {
    ...intent,
    status: final ? 'succeeded' : 'requires_capture',
    amount_capturable: final ? 0 : intent.amount_capturable - amount,
    amount_received: intent.amount_received + amount,
  });
  const inParts = isMulticapture(charge);
  if (inParts) store.emit('payment_intent.amount_capturable_updated', taken);
  if (final) store.emit('payment_intent.succeeded', taken);
  const captured = captureCharge(store, charge, { amount, final }, methodOf(store, intent.payment_method));
  if (inParts && amount > 0) store.emit('charge.updated', captured);
  if (inParts && final) store.emit('charge.captured', captured);
  return taken;
}
