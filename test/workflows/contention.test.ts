/** A thousand people want the same hundred units at the same time, over the real API with real workers behind it. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { load, percentile } from '../../bench/load.ts';
import { createShopClient, type Placed, Unexpected } from '../../sandbox/shop/client.ts';
import { serve } from '../support/serve.ts';
import { price } from '../support/shop.ts';
import { startWorld, type World } from '../support/world.ts';

const buyers = 1_000;
const units = 100;
const atATime = 64;

let world: World;
let api: Awaited<ReturnType<typeof serve>>;
let shop: ReturnType<typeof createShopClient>;

beforeAll(async () => {
  world = await startWorld();
  api = await serve(world);
  shop = createShopClient(api.url, { warehouse: '', support: '', admin: '' });
});
afterAll(async () => {
  shop.close();
  await api.stop();
  await world.stop();
});

/** The order, or the problem that the API answers with. One that is still under way is asked for again, under its key. */
async function buy(sku: string, key: string): Promise<Placed | Unexpected> {
  const address = { name: 'Ada', line1: '1 Road', city: 'New York', region: 'NY', postalCode: '10013', country: 'US' };
  const order = {
    currency: 'USD',
    items: [{ sku, quantity: 1 }],
    expectedTotal: price,
    customer: { email: 'ada@example.com', name: 'Ada' },
    shippingAddress: address,
    paymentMethod: 'pm_card_visa',
  };
  try {
    const placed = await shop.place(order, key);
    return placed.order === undefined ? await buy(sku, key) : placed;
  } catch (error) {
    if (error instanceof Unexpected) return error;
    if (error instanceof Error && error.message.includes('took more than')) return buy(sku, key);
    throw error;
  }
}

test('of 1,000 orders for 100 units, 64 at a time, exactly 100 are confirmed, and all others are told what is left', async () => {
  const sku = await world.newSku({ wh_east: units });
  const answers: { answer: Placed | Unexpected; ms: number }[] = [];
  await load(buyers, atATime, async () => {
    const begun = performance.now();
    const answer = await buy(sku, randomUUID());
    answers.push({ answer, ms: performance.now() - begun });
  });

  const placed = answers.filter(({ answer }) => !(answer instanceof Unexpected));
  expect(placed).toHaveLength(units);
  for (const { answer } of placed) expect(answer).toMatchObject({ order: { status: 'confirmed' } });
  const refused = answers.filter(({ answer }) => answer instanceof Unexpected);
  expect(refused).toHaveLength(buyers - units);
  const shortages = [{ sku, requested: 1, available: 0 }];
  for (const { answer } of refused)
    expect(answer).toMatchObject({ status: 409, body: { type: expect.stringMatching(/out-of-stock$/), shortages } });
  expect(await world.stock(sku, 'wh_east')).toEqual({ onHand: units, damaged: 0, reserved: 0, committed: units });

  const p50 = (some: readonly { ms: number }[]) =>
    percentile(
      some.map(({ ms }) => ms),
      0.5,
    );
  // A twentieth of it, on a machine that goes at one pace.
  expect(p50(refused)).toBeLessThan(p50(placed) / 5);

  // Once nothing is left, a refusal looks at the catalogue, the stock and the request: nothing is written, nothing started.
  const { db } = world.mongo.connection;
  const before = { orders: await world.mongo.models.orders.countDocuments(), sent: api.sent.length };
  await db!.command({ profile: 2 });
  expect(await buy(sku, randomUUID())).toMatchObject({ status: 409, body: { shortages } });
  await db!.command({ profile: 0 });
  const asked = await db!.collection('system.profile').find({ appName: 'api' }).toArray();
  // The warehouses and the rules of prices are read once a second, for all who ask.
  const shared = ['warehouses', 'promotions', 'tax_rates', 'delivery_methods', 'store_settings'];
  const reads = asked
    .map(({ op, ns }) => ({ op, collection: ns.split('.')[1] as string }))
    .filter(({ collection }) => !shared.includes(collection))
    .map(({ op, collection }) => `${op} ${collection}`);
  expect(reads.sort()).toEqual(['query backlogs', 'query orders', 'query products', 'query stock']);
  expect({ orders: await world.mongo.models.orders.countDocuments(), sent: api.sent.length }).toEqual(before);

  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
}, 120_000);
