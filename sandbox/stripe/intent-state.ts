import { invalidRequest, noSuch, type StripeFailure } from './errors.ts';
import type { Charge, Intent, Store } from './store.ts';

export function intentOf(store: Store, id: string): Intent {
  const intent = store.intents.get(id);
  if (!intent) throw noSuch('payment_intent', id);
  return intent;
}

export function chargeOf(store: Store, intent: Intent): Charge {
  const found = store.charges.get(intent.latest_charge ?? '');
  if (!found) throw new Error(`payment intent ${intent.id} is ${intent.status} without a charge`);
  return found;
}

export const unexpectedState = (intent: Intent, done: string, allowed: string[]): StripeFailure =>
  invalidRequest(
    `This PaymentIntent could not be ${done} because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be ${done}: ${allowed.join(', ')}.`,
    { code: 'payment_intent_unexpected_state', payment_intent: intent },
  );
