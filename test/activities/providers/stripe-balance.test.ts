/** The balance of an account that is kept in another currency than its customers pay in, which the sandbox's is not. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createPayments, type Payments } from '../../../activities/providers/stripe.ts';

let server: Server;
let payments: Payments;
const asked: URL[] = [];

const charge = {
  ...{ id: 'ch_1', object: 'charge', amount: 5000, amount_captured: 3000, currency: 'kwd', payment_intent: 'pi_1' },
  metadata: { orderId: 'ord_1' },
};
const about = { object: 'balance_transaction', created: 1_795_564_800, available_on: 1_795_737_600, currency: 'usd' };
const lines = [
  {
    ...{ ...about, id: 'txn_2', type: 'charge', reporting_category: 'charge', source: charge },
    ...{ amount: 975, fee: 59, net: 916, exchange_rate: 3.25 },
  },
  {
    ...{ ...about, id: 'txn_1', type: 'stripe_fee', reporting_category: 'fee', source: null },
    ...{ amount: -200, fee: 0, net: -200, exchange_rate: null },
  },
];

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(new URL(request.url!, 'http://stripe'));
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ object: 'list', url: '/v1/balance_transactions', has_more: true, data: lines }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  payments = createPayments({ secretKey: 'sk_test_waybill', apiBase: `http://127.0.0.1:${port}` });
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

test('a charge is compared in its own currency, and costs what it costs in that of the balance', async () => {
  const [from, to] = [new Date('2026-11-24T00:00:00Z'), new Date('2026-11-25T00:00:00Z')];
  const page = await payments.balancePage({ from, to, after: 'txn_3' });
  expect(page).toMatchObject({ last: 'txn_1', more: true });
  expect(page.lines).toEqual([
    {
      ...{ id: 'txn_2', type: 'charge', movement: 'charge', amount: 975, fee: 59, net: 916, currency: 'USD' },
      ...{ at: new Date(1_795_564_800_000), availableAt: new Date(1_795_737_600_000) },
      ...{ sourceId: 'ch_1', intentId: 'pi_1', orderId: 'ord_1', own: { amount: 3000, currency: 'KWD' } },
    },
    {
      ...{ id: 'txn_1', type: 'stripe_fee', movement: 'fee', amount: -200, fee: 0, net: -200, currency: 'USD' },
      ...{ at: new Date(1_795_564_800_000), availableAt: new Date(1_795_737_600_000) },
    },
  ]);
  expect(Object.fromEntries(asked[0]!.searchParams)).toEqual({
    ...{ 'created[gte]': String(from.getTime() / 1000), 'created[lt]': String(to.getTime() / 1000) },
    ...{ limit: '100', 'expand[0]': 'data.source', starting_after: 'txn_3' },
  });
});
