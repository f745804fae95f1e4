import { takeMoney } from './capture-intent.ts';
import { withdrawDebit } from './debits.ts';
import { chargeOf, unexpectedState } from './intent-state.ts';
import type { Intent, Store } from './store.ts';

const CANCELABLE = [
  'requires_payment_method',
  'requires_capture',
  'requires_confirmation',
  'requires_action',
  'processing',
];

export function cancelIntent(store: Store, intent: Intent, reason: Intent['cancellation_reason']): Intent {
  if (!CANCELABLE.includes(intent.status)) throw unexpectedState(intent, 'canceled', CANCELABLE);
  // What was captured is the shop's: only the rest of the authorization is released.
  if (intent.amount_received > 0) return takeMoney(store, intent, chargeOf(store, intent), { amount: 0, final: true });
  if (intent.status === 'processing') withdrawDebit(store, intent);
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
  if (intent.amount_received === 0) store.emit('charge.expired', chargeOf(store, intent));
  return cancelIntent(store, intent, 'expired');
}

export function expireDueAuthorizations(store: Store): void {
  for (const intent of [...store.intents.values()]) {
    if (intent.status !== 'requires_capture') continue;
    const { capture_before = 0 } = chargeOf(store, intent).payment_method_details?.card ?? {};
    if (capture_before <= store.now()) expireAuthorization(store, intent);
  }
}
