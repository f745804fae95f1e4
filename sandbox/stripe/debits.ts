/** What becomes of a bank debit between the customer's word and the bank's answer. */
import { takeMoney } from './capture-intent.ts';
import { failCharge } from './charges.ts';
import { chargeOf, unexpectedState } from './intent-state.ts';
import { paymentFailed } from './payment-failure.ts';
import { methodOf } from './payment-methods.ts';
import { keepOrUseUp } from './saved-methods.ts';
import type { Intent, Store } from './store.ts';
import { INSUFFICIENT_FUNDS } from './test-debits.ts';

const BANK_SECONDS = 4 * 86_400;

export function submitDebit(store: Store, intent: Intent): Intent {
  const processing = store.intents.put(intent.id, { ...intent, status: 'processing' });
  store.emit('payment_intent.processing', processing);
  return processing;
}

/** The bank's answer. A method that is not known for another failure has no money. */
export function settleDebit(store: Store, intent: Intent, outcome: 'succeeded' | 'failed'): Intent {
  if (intent.status !== 'processing') throw unexpectedState(intent, 'settled', ['processing']);
  const charge = chargeOf(store, intent);
  if (outcome === 'succeeded') {
    const paid = takeMoney(store, intent, charge, { amount: intent.amount, final: true });
    keepOrUseUp(store, paid);
    return paid;
  }
  const method = methodOf(store, intent.payment_method);
  const failure = method.type !== 'card' && typeof method.end === 'object' ? method.end : INSUFFICIENT_FUNDS;
  const failed = failCharge(store, charge, failure);
  return paymentFailed(store, intent, failed, { type: 'card_error', charge: charge.id, ...failure });
}

export function settleDueDebits(store: Store): void {
  for (const intent of [...store.intents.values()]) {
    if (intent.status !== 'processing') continue;
    const method = methodOf(store, intent.payment_method);
    const end = method.type === 'card' ? undefined : method.end;
    if (!end || chargeOf(store, intent).created + BANK_SECONDS > store.now()) continue;
    settleDebit(store, intent, end === 'succeeded' ? 'succeeded' : 'failed');
  }
}

/** Called back in time: the bank never sees it. */
export function withdrawDebit(store: Store, intent: Intent): void {
  failCharge(store, chargeOf(store, intent), { code: 'payment_intent_canceled', message: 'The payment was canceled.' });
}
