import { readable } from '../route.ts';

export const moneyRoutes = [
  ...readable('balance_transaction', (store) => store.balanceTransactions, ['currency', 'source', 'type']),
];
