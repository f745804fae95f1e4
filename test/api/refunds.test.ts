/** Refunds by lines, by amount and as a whole, over the REST API. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createToken } from '../../activities/staff-tokens.ts';
import { serve } from '../support/serve.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let api: Awaited<ReturnType<typeof serve>>;
let support: string;
beforeAll(async () => {
  world = await startWorld();
  api = await serve(world);
  support = (await createToken(world.mongo, 'support')).token;
});
afterAll(async () => {
  await api.stop();
  await world.stop();
});

const refund = (orderId: string, body: object) =>
  api.ask('POST', `/v1/orders/${orderId}/refunds`, { reason: 'broken', ...body }, support);
const two = () =>
  world.delivered({
    items: [
      { sku: 'MUG', quantity: 2 },
      { sku: 'LAMP', quantity: 1 },
    ],
  });
const refundedAt = async (orderId: string) => (await world.atStripe(orderId)).refunds.toSorted((a, b) => a - b);

describe('a refund by lines', () => {
  test('pays back their share, names them, and never more units than were sold', async () => {
    const orderId = await two();
    const one = await refund(orderId, { lines: [{ lineId: 'line_1', quantity: 1 }] });
    expect(one).toMatchObject({
      status: 201,
      body: { amount: price, lines: [{ lineId: 'line_1', quantity: 1, amount: price }], shipping: 0 },
    });
    const tooMany = await refund(orderId, { lines: [{ lineId: 'line_1', quantity: 2 }] });
    expect(tooMany).toMatchObject({ status: 409, body: { lineId: 'line_1', left: 1 } });
    expect(tooMany.body.detail).toMatch(/Of line line_1 only 1 units can be refunded/);
    const rest = [
      { lineId: 'line_1', quantity: 1 },
      { lineId: 'line_2', quantity: 1 },
    ];
    expect(await refund(orderId, { lines: rest })).toMatchObject({ status: 201, body: { amount: 2 * price } });
    await until(async () => (await refundedAt(orderId)).length === 2);
    expect(await refundedAt(orderId)).toEqual([price, 2 * price]);
    const read = async () => (await api.ask('GET', `/v1/orders/${orderId}`, undefined, support)).body;
    await until(async () => (await read()).paymentStatus === 'refunded', 'it is written down');
    const body = await read();
    expect(body.timeline.map(({ what }: { what: string }) => what)).toContainEqual(
      expect.stringContaining('Refund refused: Of line line_1 only 1 units can be refunded'),
    );
  });

  test('of two support people at once one is refused, in words, on the timeline', async () => {
    const orderId = await world.delivered();
    const lines = [{ lineId: 'line_1', quantity: 2 }];
    const both = await Promise.all([refund(orderId, { lines }), refund(orderId, { lines })]);
    expect(both.map(({ status }) => status).toSorted()).toEqual([201, 409]);
    await until(async () => (await refundedAt(orderId)).length === 1);
    expect(await refundedAt(orderId)).toEqual([2 * price]);
  });

  test('and one by amount cannot exceed what was paid', async () => {
    const orderId = await world.delivered();
    const [byLine, byAmount] = await Promise.all([
      refund(orderId, { lines: [{ lineId: 'line_1', quantity: 1 }] }),
      refund(orderId, { amount: 2 * price }),
    ]);
    expect([byLine.status, byAmount.status].toSorted()).toEqual([201, 409]);
  });

  test.each([
    ['lines and an amount', { amount: 1, lines: [{ lineId: 'line_1', quantity: 1 }] }],
    ['shipping without lines', { shipping: true }],
    ['no units', { lines: [{ lineId: 'line_1', quantity: 0 }] }],
    ['no lines', { lines: [] }],
    [
      'a line twice',
      {
        lines: [
          { lineId: 'line_1', quantity: 1 },
          { lineId: 'line_1', quantity: 1 },
        ],
      },
    ],
  ])('with %s is refused', async (_what, body) => {
    const orderId = await world.delivered();
    expect((await refund(orderId, body)).status).toBe(400);
    expect(await refundedAt(orderId)).toEqual([]);
  });
});

test('placed while Stripe is down: 202 with a status to follow, seen as waiting, confirmed by itself', async () => {
  const down = (down: boolean) => world.control(world.stripe.url, 'POST', '/_sandbox/down', { down });
  await down(true);
  const placed = await api.ask('POST', '/v1/orders', {
    ...{ currency: 'USD', items: [{ sku: 'MUG', quantity: 1 }], expectedTotal: price, paymentMethod: 'pm_card_visa' },
    customer: { email: 'ada@example.com', name: 'Ada' },
    shippingAddress: {
      ...{ name: 'Ada', line1: '1 Road', city: 'New York', region: 'NY', postalCode: '10001', country: 'US' },
    },
  });
  expect(placed.status).toBe(202);
  const { href, link } = placed.body;
  const seen = async () => (await api.ask('GET', href, undefined, link.token)).body;
  expect(await seen()).toMatchObject({ status: 'pending', waitingFor: { event: expect.any(String) } });
  await down(false);
  await until(async () => (await seen()).status === 'confirmed', 'it is confirmed');
  expect(await world.atStripe(href.split('/').at(-1))).toMatchObject({ authorizations: 1, held: 1 });
});

test('the auditor finds nothing, and every workflow replays', async () => {
  await until(async () => (await world.mongo.models.refunds.countDocuments({ status: 'pending' })) === 0);
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
  expect(await world.replayFailures()).toEqual([]);
});
