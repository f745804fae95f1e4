import { createdFilter, page, paging } from '../lists.ts';
import { text } from '../params.ts';
import { readable, retrievable, route } from '../route.ts';

export const moneyRoutes = [
  retrievable('balance_transaction', (store) => store.balanceTransactions),
  route(
    'GET balance_transactions',
    'balance_transactions.list',
    'balance_transaction[]',
    { created: createdFilter, currency: text, payout: text, source: text, type: text, ...paging },
    (store, params) => {
      const { created, currency, payout, source, type } = params;
      const wanted = [...store.balanceTransactions.values()].filter(
        (transaction) =>
          (created?.(transaction.created) ?? true) &&
          (currency === undefined || transaction.currency === currency) &&
          (source === undefined || transaction.source === source) &&
          (type === undefined || transaction.type === type) &&
          (payout === undefined || store.paidOut.get(transaction.id) === payout),
      );
      return page(wanted, '/v1/balance_transactions', params);
    },
  ),
  ...readable('payout', (store) => store.payouts, ['status']),
];
