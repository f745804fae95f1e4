import type { Stripe } from 'stripe';
import { checkCurrency } from './amounts.ts';
import { book } from './balance.ts';
import { BadControl } from './errors.ts';
import { newId, type Store } from './store.ts';

/** Pays out all that was earned in a currency since the last time, as Stripe does by itself on the days of its schedule. */
export function payOut(store: Store, request: { currency?: unknown }): Stripe.Payout {
  const currency = checkCurrency(String(request.currency));
  const earned = [...store.balanceTransactions.values()].filter(
    (transaction) => transaction.currency === currency && !store.paidOut.get(transaction.id),
  );
  const amount = earned.reduce((sum, { net }) => sum + net, 0);
  if (amount <= 0) throw new BadControl(`there is nothing to pay out in ${currency}: ${amount}`);
  const id = newId('po');
  const movement = book(store, { type: 'payout', amount: -amount, fee: 0, currency, source: id });
  for (const transaction of [...earned, movement]) {
    store.balanceTransactions.put(transaction.id, { ...transaction, status: 'available' });
    store.paidOut.put(transaction.id, id);
  }
  const payout = store.payouts.put(id, {
    id,
    object: 'payout',
    amount,
    application_fee: null,
    application_fee_amount: null,
    arrival_date: store.now(),
    automatic: true,
    balance_transaction: movement.id,
    created: store.now(),
    currency,
    description: 'STRIPE PAYOUT',
    destination: 'ba_sandbox',
    failure_balance_transaction: null,
    failure_code: null,
    failure_message: null,
    livemode: false,
    metadata: {},
    method: 'standard',
    original_payout: null,
    payout_method: null,
    reconciliation_status: 'completed',
    reversed_by: null,
    source_type: 'card',
    statement_descriptor: null,
    status: 'in_transit',
    trace_id: null,
    type: 'bank_account',
  });
  store.emit('payout.created', payout);
  const paid = store.payouts.put(id, { ...payout, status: 'paid' });
  store.emit('payout.paid', paid);
  return paid;
}
