import { type BalanceTransaction, newId, type Store } from './store.ts';

/** Where the books call a movement otherwise than its type. What no card has paid is a `payment`. */
const CATEGORIES: Record<string, string> = { adjustment: 'dispute', payment: 'charge', payment_refund: 'refund' };

/** Writes one movement of the account's balance. Positive amounts come in. */
export function book(
  store: Store,
  entry: {
    type: 'charge' | 'payment' | 'refund' | 'payment_refund' | 'refund_failure' | 'adjustment' | 'payout';
    amount: number;
    fee: number;
    currency: string;
    source: string;
    description?: string;
  },
): BalanceTransaction {
  const { type, amount, fee, currency, source } = entry;
  const transaction: BalanceTransaction = {
    id: newId('txn'),
    object: 'balance_transaction',
    amount,
    available_on: store.now() + 2 * 86_400,
    balance_type: 'payments',
    created: store.now(),
    currency,
    description: entry.description ?? null,
    exchange_rate: null,
    fee,
    fee_details:
      fee === 0 ? [] : [{ amount: fee, application: null, currency, description: 'Stripe fee', type: 'stripe_fee' }],
    net: amount - fee,
    reporting_category: CATEGORIES[type] ?? type,
    source,
    status: 'pending',
    type,
  };
  return store.balanceTransactions.put(transaction.id, transaction);
}

/** Stripe's standard fees. */
export const cardFee = (amount: number): number => Math.round(amount * 0.029) + 30;
export const debitFee = (amount: number): number => Math.min(Math.round(amount * 0.008), 500);
