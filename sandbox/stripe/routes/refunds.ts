import { integer, metadata, oneOf, text } from '../params.ts';
import { createRefund } from '../refunds.ts';
import { readable, route } from '../route.ts';

const positive = integer({ min: 1 });

export const refundRoutes = [
  ...readable('charge', (store) => store.charges, ['payment_intent']),
  ...readable('refund', (store) => store.refunds, ['charge', 'payment_intent']),
  route(
    'POST refunds',
    'refunds.create',
    'refund',
    {
      amount: positive,
      charge: text,
      metadata,
      payment_intent: text,
      reason: oneOf('duplicate', 'fraudulent', 'requested_by_customer'),
    },
    (store, params) => createRefund(store, params),
  ),
];
