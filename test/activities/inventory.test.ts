import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openCount, recordCounted } from '../../activities/stock/counts.ts';
import { moveStock } from '../../activities/stock/movements.ts';
import { commitStock, releaseStock, reserveStock, shipStock } from '../../activities/stock/reservations.ts';
import { settleShortPick } from '../../activities/stock/short-picks.ts';
import type { Movement } from '../../activities/stock/work.ts';
import { newId } from '../../models/id.ts';
import { stockId } from '../../models/stock.ts';
import { connectMongo, type Mongo } from '../../platform/mongo.ts';
import type { OrderState } from '../../workflows/messages.ts';
import { writeOrder } from '../support/orders.ts';
import { newDatabaseUri } from '../support/servers.ts';

/** Two connections, as of two workers: the queue in front of a SKU is within a process only, the database decides. */
let mongo: Mongo;
let other: Mongo;
beforeAll(async () => {
  const uri = newDatabaseUri();
  [mongo, other] = await Promise.all([connectMongo(uri), connectMongo(uri)]);
  for (const model of Object.values(mongo.models)) await model.createIndexes();
  const address = { name: 'Waybill', line1: 'Dock 1', city: 'Town', postalCode: '10000', country: 'US' };
  await mongo.models.warehouses.create([{ _id: 'wh', name: 'wh', address, priority: 1, active: true }]);
});
afterAll(async () => {
  await mongo.connection.dropDatabase();
  await Promise.all([mongo.close(), other.close()]);
});

function movement(sku: string, change: Partial<Movement>): Movement {
  const common = { actor: 'test', reason: 'test', reference: 'test', onHandChange: 0, damagedChange: 0 };
  return { key: newId('mov'), sku, warehouseId: 'wh', kind: 'receive', ...common, ...change };
}

async function stockOf(sku: string) {
  const { onHand, damaged, reserved, committed, seq } = await mongo.models.stock
    .findById(stockId(sku, 'wh'))
    .lean()
    .orFail();
  return { onHand, damaged, reserved, committed, seq };
}

async function newProduct(sku: string, onHand: number): Promise<void> {
  await mongo.models.products.create([{ _id: sku, name: sku, weightGrams: 400, prices: { USD: 1999 }, active: true }]);
  await moveStock(mongo, movement(sku, { onHandChange: onHand }));
}

test('a movement happens once for its key, however often and from wherever it is sent', async () => {
  const once = movement('ONCE', { onHandChange: 5 });
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => moveStock(index % 2 === 0 ? mongo : other, once)),
  );
  expect(answers.filter(({ applied }) => applied)).toHaveLength(1);
  expect(answers.map(({ onHand, seq }) => ({ onHand, seq }))).toEqual(answers.map(() => ({ onHand: 5, seq: 1 })));
  expect(await stockOf('ONCE')).toMatchObject({ onHand: 5, seq: 1 });
  expect(await mongo.models.movements.countDocuments({ sku: 'ONCE' })).toBe(1);
});

test('the ledger has no gap, and its last line is the stock', async () => {
  await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      moveStock(index % 2 === 0 ? mongo : other, movement('LEDGER', { onHandChange: index + 1 })),
    ),
  );
  const ledger = await mongo.models.movements.find({ sku: 'LEDGER' }).sort({ seq: 1 }).lean();
  expect(ledger.map(({ seq }) => seq)).toEqual(ledger.map((_, index) => index + 1));
  expect(ledger.at(-1)).toMatchObject({ onHandAfter: 210 });
  expect(await stockOf('LEDGER')).toMatchObject({ onHand: 210, seq: 20 });
});

test('a movement is refused that takes what is not there, or what is promised', async () => {
  await newProduct('OWED', 5);
  await reserveStock(mongo, await writeOrder(mongo, 'OWED', 3));
  await expect(moveStock(mongo, movement('OWED', { onHandChange: -6 }))).rejects.toMatchObject({ code: 'negative' });
  for (const change of [{ onHandChange: -3 }, { damagedChange: 3 }]) {
    await expect(moveStock(mongo, movement('OWED', change))).rejects.toMatchObject({ code: 'would_break_promises' });
  }
  expect(await stockOf('OWED')).toEqual({ onHand: 5, damaged: 0, reserved: 3, committed: 0, seq: 1 });
  await moveStock(mongo, movement('OWED', { onHandChange: -2 }));
  expect(await stockOf('OWED')).toMatchObject({ onHand: 3, seq: 2 });
});

test('of thirty orders at once for ten units exactly ten are reserved', async () => {
  await newProduct('HOT', 10);
  const orders = await Promise.all(Array.from({ length: 30 }, () => writeOrder(mongo, 'HOT', 1)));
  const outcomes = await Promise.all(
    orders.map((order, index) => reserveStock(index % 2 === 0 ? mongo : other, order)),
  );
  expect(outcomes.filter(({ outcome }) => outcome === 'reserved')).toHaveLength(10);
  expect(outcomes.filter(({ outcome }) => outcome === 'out_of_stock')).toHaveLength(20);
  expect(await stockOf('HOT')).toMatchObject({ onHand: 10, reserved: 10, committed: 0 });

  const reserved = orders.filter((_, index) => outcomes[index]!.outcome === 'reserved');
  await Promise.all(reserved.flatMap((order) => [commitStock(mongo, order), commitStock(other, order)]));
  expect(await stockOf('HOT')).toMatchObject({ onHand: 10, reserved: 0, committed: 10 });
  const released = orders.flatMap(({ state: { orderId } }) => [{ orderId }, { orderId }]);
  await Promise.all(released.map((order, index) => releaseStock(index % 2 === 0 ? mongo : other, order)));
  expect(await stockOf('HOT')).toMatchObject({ onHand: 10, reserved: 0, committed: 0 });
});

const mayWait = { limit: 100, leadDays: 3 };

/** Its claims as they are written. */
async function claimsOf({ state: { orderId } }: { state: OrderState }) {
  const { lines } = await mongo.models.orders.findById(orderId).lean().orFail();
  return lines.flatMap(({ allocations }) => allocations.map(({ quantity, state }) => ({ quantity, state })));
}

test('goods that come serve everybody who waits for them at once, as far as they go', async () => {
  await newProduct('QUEUE', 1);
  const orders = await Promise.all([2, 3, 4].map((quantity) => writeOrder(mongo, 'QUEUE', quantity, mayWait)));
  for (const [index, order] of orders.entries()) {
    // Those of one millisecond have no order of their own.
    await mongo.models.orders.updateOne({ _id: order.state.orderId }, { $set: { createdAt: new Date(1_000 * index) } });
    await reserveStock(mongo, order);
  }
  await moveStock(mongo, movement('QUEUE', { onHandChange: 5 }));
  expect(await claimsOf(orders[0]!)).toEqual([{ quantity: 2, state: 'reserved' }]);
  expect(await claimsOf(orders[1]!)).toEqual([{ quantity: 3, state: 'reserved' }]);
  expect(await claimsOf(orders[2]!)).toEqual([
    { quantity: 3, state: 'backordered' },
    { quantity: 1, state: 'reserved' },
  ]);
});

test('what came for a line in parts is one claim, and all of it leaves the stock when it is handed over', async () => {
  await newProduct('PARTS', 0);
  const order = await writeOrder(mongo, 'PARTS', 5, mayWait);
  await reserveStock(mongo, order);
  for (const onHandChange of [2, 3]) await moveStock(mongo, movement('PARTS', { onHandChange }));
  expect(await claimsOf(order)).toEqual([{ quantity: 5, state: 'reserved' }]);
  const [shipment] = (await commitStock(mongo, order)).shipments;
  await shipStock(mongo, { ...order, shipmentId: shipment!.shipmentId, actor: 'test' });
  expect(await stockOf('PARTS')).toEqual({ onHand: 0, damaged: 0, reserved: 0, committed: 0, seq: 4 });
});

test('a short pick that is settled after its shipment was released changes nothing', async () => {
  await newProduct('LATE', 3);
  const order = await writeOrder(mongo, 'LATE', 3);
  const { orderId } = order.state;
  await reserveStock(mongo, order);
  const [shipment] = (await commitStock(mongo, order)).shipments;
  await releaseStock(mongo, { orderId });
  expect(await settleShortPick(mongo, { orderId, shipmentId: shipment!.shipmentId })).toMatchObject({ moved: [] });
  expect(await claimsOf(order)).toEqual([{ quantity: 3, state: 'released' }]);
  expect(await stockOf('LATE')).toMatchObject({ onHand: 3, reserved: 0, committed: 0 });
});

test('what was found broken takes from an order of the same moment, or the order finds it gone', async () => {
  await newProduct('BROKEN', 3);
  const order = await writeOrder(mongo, 'BROKEN', 3);
  const broken = movement('BROKEN', { kind: 'damage', damagedChange: 1 });
  const [{ outcome }, moved] = await Promise.all([reserveStock(mongo, order), moveStock(mongo, broken)]);
  expect(moved).toMatchObject({ applied: true, damaged: 1 });
  // Either was first.
  expect([
    {
      outcome: 'reserved',
      claims: [
        { quantity: 2, state: 'reserved' },
        { quantity: 1, state: 'backordered' },
      ],
    },
    { outcome: 'out_of_stock', claims: [] },
  ]).toContainEqual({ outcome, claims: await claimsOf(order) });
});

test('goods that are handed over while somebody counts are on hand and picked, or neither', async () => {
  await newProduct('COUNTED', 5);
  const order = await writeOrder(mongo, 'COUNTED', 2);
  await reserveStock(mongo, order);
  const { shipmentId } = (await commitStock(mongo, order)).shipments[0]!;
  await mongo.models.shipments.updateOne({ _id: shipmentId }, { 'lines.0.picked': 2, pickedAt: new Date() });
  const stamps = { status: 'open' as const, reason: 'test', actor: 'test', createdAt: new Date() };
  await openCount(mongo, { _id: 'cnt_1', warehouseId: 'wh', lines: [{ sku: 'COUNTED' }], ...stamps });
  const [, count] = await Promise.all([
    shipStock(mongo, { ...order, shipmentId, actor: 'test' }),
    recordCounted(mongo, { countId: 'cnt_1', sku: 'COUNTED', counted: 3, actor: 'test' }),
  ]);
  expect(count!.lines[0]!.books).toEqual({ onHand: 3, picked: 0 });
});
