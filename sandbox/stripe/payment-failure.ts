import { type ErrorBody, StripeFailure } from './errors.ts';
import type { Charge, Intent, Store } from './store.ts';

/** What the caller is answered with where the card is declined. */
export function declined(store: Store, intent: Intent, attempt: Charge | null, error: ErrorBody): StripeFailure {
  const details = { ...error, ...(attempt ? { charge: attempt.id } : {}) };
  const failed = paymentFailed(store, intent, attempt, details);
  const method = failed.last_payment_error?.payment_method;
  return new StripeFailure(402, { ...details, payment_intent: failed, payment_method: method });
}

/** Back to where another payment method can be tried. */
export function paymentFailed(store: Store, intent: Intent, attempt: Charge | null, error: ErrorBody): Intent {
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
