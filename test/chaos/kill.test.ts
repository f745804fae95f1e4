/** Every process of the stack is killed by SIGKILL: one at a time under load, and all at once with an order half-way. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { audit } from '../../activities/audit.ts';
import { createPayments } from '../../activities/providers/stripe.ts';
import { connectMongo } from '../../platform/mongo.ts';
import { createShopClient, type Placed, type ShopClient, Unexpected } from '../../sandbox/shop/client.ts';
import { openShop } from '../../sandbox/shop/goods.ts';
import { eventually, play } from '../../sandbox/shop/outside.ts';
import { connectTo } from '../../sandbox/shop/temporal.ts';
import { type Stack, startStack } from '../../sandbox/stack.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'waybill-kill-'));
const start = () => startStack({ dataDir, ports: 'free', say: () => {} });
const parcel = { weightGrams: 900, lengthMm: 300, widthMm: 200, heightMm: 150 };
let stack: Stack;
let shop: ShopClient;
/** What every order of this test costs. */
let total = 0;
let tokens: NonNullable<Stack['tokens']>;

beforeAll(async () => {
  stack = await start();
  tokens = stack.tokens!;
  shop = createShopClient(stack.apiUrl, tokens);
  await openShop(shop);
  total = (await shop.quote(request())).total;
}, 120_000);

afterAll(async () => {
  shop.close();
  await stack.stop();
  rmSync(dataDir, { recursive: true, force: true });
}, 60_000);

test('with any one process killed under load, what was answered 2xx is there, once', async () => {
  const acknowledged = new Map<string, string>();
  let killing = true;
  const placing = Promise.all(
    Array.from({ length: 4 }, async () => {
      while (killing) {
        const key = randomUUID();
        acknowledged.set(key, (await persist(key)).order.id);
      }
    }),
  );
  for (const name of ['worker-1', 'api', 'temporal', 'mongod', 'outside']) {
    const before = acknowledged.size;
    await stack.kill(name, 'SIGKILL');
    await stack.restart(name);
    await eventually(`orders placed after ${name} was killed`, async () =>
      acknowledged.size > before + 4 ? true : undefined,
    );
  }
  killing = false;
  await placing;
  const ids = new Set(acknowledged.values());
  expect(ids.size).toBe(acknowledged.size);
  // The same keys again: the same orders, and no new ones.
  const again = await Promise.all([...acknowledged.keys()].map(async (key) => (await persist(key)).order.id));
  expect(new Set(again)).toEqual(ids);
  expect(await verdict()).toEqual([]);
}, 240_000);

test('with everything killed half-way, an order goes on after the next start', async () => {
  const { order } = await shop.place(request());
  const shipmentId = order.shipments[0]!.id;
  await shop.pickAll(shipmentId);

  await Promise.all(stack.processes.map(({ name }) => stack.kill(name, 'SIGKILL')));
  shop.close();
  await stack.stop();
  stack = await start();
  shop = createShopClient(stack.apiUrl, tokens);

  await shop.pack(shipmentId, parcel);
  const { parcels } = await eventually('the label', async () => {
    const shipment = await shop.shipment(shipmentId);
    return shipment.status === 'ready' ? shipment : undefined;
  });
  await shop.handOver(shipmentId);
  await play(stack.carrier.url, 'POST', `/tracking/${parcels![0]!.trackingNumber}`, { status: 'delivered' });
  await eventually('the end of the order', async () =>
    (await shop.order(order.id)).status === 'completed' ? true : undefined,
  );
  expect(await verdict()).toEqual([]);
}, 240_000);

function request() {
  return {
    currency: 'USD',
    expectedTotal: total,
    items: [{ sku: 'FILTER-100', quantity: 1 }],
    customer: { email: 'kill@example.com', name: 'Kill' },
    shippingAddress: {
      name: 'Kill',
      line1: '1 Road',
      city: 'New York',
      region: 'NY',
      postalCode: '10013',
      country: 'US',
    },
    paymentMethod: 'pm_card_visa',
  };
}

/** As a checkout does: the same request with the same key, until an answer comes that says how it stands. */
async function persist(key: string): Promise<Placed> {
  return eventually(
    `an answer to ${key}`,
    async () => {
      try {
        const placed = await shop.place(request(), key);
        // 202: the order is on its way, and the answer has no order yet.
        return placed.order === undefined ? undefined : placed;
      } catch (error) {
        if (error instanceof Unexpected && error.status < 500) throw error;
        return undefined;
      }
    },
    120_000,
  );
}

/** Once things are quiet, what the auditor finds. */
async function verdict() {
  const mongo = await connectMongo(stack.mongodbUri);
  const temporal = await connectTo(stack.temporalAddress);
  const payments = createPayments({ secretKey: 'sk_test_sandbox', apiBase: stack.stripe!.url });
  try {
    await eventually('every event delivered', async () =>
      (await mongo.models.inbox.exists({ deliveredAt: null })) ? undefined : true,
    );
    return (await audit({ mongo, payments, temporal })).violations;
  } finally {
    await temporal.connection.close();
    await mongo.close();
  }
}
