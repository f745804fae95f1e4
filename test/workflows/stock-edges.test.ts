/** Stock at its edges: goods that come in parts, twice, at once with something else, or for a held order. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { availabilityOf, productsOf } from '../../activities/stock/availability.ts';
import { openCount, recordCounted, varianceOf } from '../../activities/stock/counts.ts';
import { announceDelivery, receiveDelivery } from '../../activities/stock/deliveries.ts';
import { changeStock } from '../../activities/stock/ledger.ts';
import { moveStock, postMovement } from '../../activities/stock/movements.ts';
import { shipStock } from '../../activities/stock/reservations.ts';
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
import { inTransaction } from '../../platform/mongo.ts';
import { holdOrder, releaseOrder } from '../../workflows/messages.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const rule = { limit: 10, leadDays: 5 };
const expectedAt = new Date(Date.now() + 5 * 86_400_000);
const order = (sku: string, quantity = 1) => ({ items: [{ sku, quantity }] });
function waiting(sku: string, quantity = 1, more: Partial<Order> = {}) {
  return world.place({ items: [{ sku, quantity }], acceptsBackorder: true, expectedAt, ...more });
}
function broken(sku: string, units: number, warehouseId = 'wh_east') {
  const what = { actor: 'test', reason: 'Dropped', reference: 'test', onHandChange: 0, damagedChange: units };
  return moveStock(world.mongo, { key: newId('mov'), sku, warehouseId, kind: 'damage', ...what });
}
async function open(sku: string, warehouseId = 'wh_east') {
  const made = { status: 'open' as const, reason: 'Monthly', actor: 'test', createdAt: new Date() };
  return (await openCount(world.mongo, { _id: newId('cnt'), warehouseId, lines: [{ sku }], ...made }))._id;
}
async function isPicking(orderId: string): Promise<void> {
  await until(async () => (await world.shipmentsOf(orderId))[0]?.status === 'picking', `${orderId} is picked`);
}

const common = { reference: 'PO-1', tolerancePercent: 0, actor: 'test', createdAt: new Date(), expectedAt };

test('units of one line that come in two parts from one warehouse leave it as two', async () => {
  const sku = await world.newSku({ wh_east: 1 }, { backorder: rule });
  const { orderId } = await waiting(sku, 2);
  await world.receive(sku, 'wh_east', 1);
  await isPicking(orderId);
  const [shipment] = await world.shipmentsOf(orderId);
  for (const _ of [1, 2]) {
    const list = await world.mongo.models.shipments.findById(shipment!.id).lean();
    if (!list!.pickedAt) await world.scan(shipment!.id, sku, 1);
  }
  await world.pack(orderId, shipment!.id);
  await world.handOver(orderId, shipment!.id);
  await world.carrierSays(shipment!.id, 'delivered');
  await world.reaches(orderId, 'completed');
  expect(await world.stock(sku, 'wh_east')).toEqual({ onHand: 0, damaged: 0, reserved: 0, committed: 0 });
});

test('a paid order that waits twice for one line is sent by two warehouses as two shipments', async () => {
  const sku = await world.newSku({ wh_east: 4 });
  const { orderId } = await world.place(order(sku, 4));
  await broken(sku, 2);
  await broken(sku, 2);
  await until(
    async () => (await world.shipmentsOf(orderId)).filter((s) => s.status === 'backordered').length === 2,
    'waits twice',
  );
  // Both come with one change, so that one look serves both.
  await changeStock(world.mongo, {
    skus: [sku],
    queues: [sku],
    make(work) {
      for (const warehouseId of ['wh_west', 'wh_south']) {
        const change = { onHandChange: 2, damagedChange: 0, actor: 'test', reason: 'x', reference: 'x' };
        work.move({ key: newId('mov'), sku, warehouseId, kind: 'receive', ...change });
      }
    },
  });
  const committed = async () =>
    (await world.readOrder(orderId)).lines[0]!.allocations.filter(({ state }) => state === 'committed');
  await until(async () => (await committed()).reduce((s, c) => s + c.quantity, 0) === 4, 'filled');
  const claims = await committed();
  expect(new Set(claims.map(({ shipmentId }) => shipmentId)).size).toBe(2);
});

test('a hold while the saved card is charged does not break the workflow', async () => {
  const sku = await world.newSku({}, { backorder: rule });
  const { orderId } = await waiting(sku, 1, { paymentMethod: 'pm_card_chargeCustomerFail' });
  await world.fault('stripe', { operation: 'payment_intents.confirm', kind: 'slow', ms: 1500, times: 1 });
  await world.receive(sku, 'wh_east', 1);
  await until(
    async () => (await world.mongo.models.payments.findOne({ orderId }).lean())?.intentId !== undefined,
    'authorizing',
  );
  await world.orderHandle(orderId).signal(holdOrder, { reason: 'look', actor: 'support' });
  await world.incident(orderId, 'backorder_payment');
});

test('a delivery that is closed twice is taken off what is incoming once', async () => {
  const sku = await world.newSku({ wh_east: 1 });
  const _id = newId('dlv');
  const lines = [{ sku, expected: 4, received: 0 }];
  await announceDelivery(world.mongo, { _id, warehouseId: 'wh_east', lines, status: 'expected', ...common });
  const last = { deliveryId: _id, key: newId('req'), lines: [], last: true, acceptOver: false, actor: 'test' };
  await receiveDelivery(world.mongo, last);
  await receiveDelivery(world.mongo, last);
  const stock = await world.mongo.models.stock.findById(`${sku}@wh_east`).lean();
  expect(stock!.incoming).toBe(0);
});

test('goods of a delivery that will not come are to be ordered, whatever came with it', async () => {
  const sku = await world.newSku({ wh_east: 3 });
  const other = await world.newSku({});
  await changeStock(world.mongo, { skus: [sku], make: (work) => work.set(sku, 'wh_east', { reorderPoint: 5 }) });
  const _id = newId('dlv');
  const lines = [sku, other].map((each) => ({ sku: each, expected: 10, received: 0 }));
  await announceDelivery(world.mongo, { _id, warehouseId: 'wh_east', lines, status: 'expected', ...common });
  expect((await world.mongo.models.stock.findById(`${sku}@wh_east`).lean())!.lowSince).toBeUndefined();
  const receipt = { deliveryId: _id, key: newId('req'), last: true, acceptOver: false, actor: 'test' };
  await receiveDelivery(world.mongo, { ...receipt, lines: [{ sku: other, quantity: 10, damaged: 0 }] });
  expect(await world.mongo.models.stock.findById(`${sku}@wh_east`).lean()).toMatchObject({
    incoming: 0,
    lowSince: expect.any(Date),
  });
});

test('a count at the moment of a hand-over finds no difference', async () => {
  const sku = await world.newSku({ wh_east: 10 });
  const { orderId } = await world.place(order(sku, 3));
  const [shipment] = await world.shipmentsOf(orderId);
  await world.makeReady(orderId, shipment!.id);
  const countId = await open(sku);
  const { state } = await world.readOrder(orderId);
  const saved = { state: state!, mails: [], shipmentId: shipment!.id, actor: 'test' };
  const [, count] = await Promise.all([
    shipStock(world.mongo, saved),
    recordCounted(world.mongo, { countId, sku, counted: 7, actor: 'test' }),
  ]);
  expect(varianceOf(count!.lines[0]!)).toBe(0);
  await world.handOver(orderId, shipment!.id);
  await world.carrierSays(shipment!.id, 'delivered');
  await world.reaches(orderId, 'completed');
});

test('a parcel that takes over, unheard, from one that is cancelled is cancelled as well', async () => {
  const sku = await world.newSku({ wh_east: 1, wh_west: 1 });
  const { orderId } = await world.place(order(sku, 2));
  const [first, second] = await world.shipmentsOf(orderId);
  await world.ship(orderId, first!.id);
  await world.carrierSays(first!.id, 'delivered');
  await world.shipmentReaches(orderId, first!.id, 'delivered');
  // The dispatcher is slow.
  const { collection } = world.mongo.models.inbox;
  const original = collection.bulkWrite.bind(collection);
  collection.bulkWrite = ((operations: never[], options: never) => {
    for (const { insertOne } of operations as { insertOne?: { document: { nextTryAt: Date } } }[])
      if (insertOne) insertOne.document.nextTryAt = new Date(Date.now() + 3_000);
    return original(operations, options);
  }) as never;
  try {
    await world.receive(sku, 'wh_south', 1);
    await broken(sku, 1, second!.warehouseId);
    await world.cancel(orderId);
    await world.reaches(orderId, 'completed');
  } finally {
    collection.bulkWrite = original as never;
  }
  expect((await world.atStripe(orderId)).refunds).toEqual([1999]);
  expect(await world.stock(sku, 'wh_south')).toMatchObject({ committed: 0 });
});

test('a return over the reorder point ends being low, so that the next crossing is told', async () => {
  const sku = await world.newSku({ wh_east: 5 });
  await changeStock(world.mongo, { skus: [sku], make: (work) => work.set(sku, 'wh_east', { reorderPoint: 5 }) });
  const change = { onHandChange: 3, damagedChange: 0, actor: 'test', reason: 'restock', reference: 'x' };
  await inTransaction(world.mongo, (session) =>
    postMovement(world.mongo, session, { key: newId('mov'), sku, warehouseId: 'wh_east', kind: 'return', ...change }),
  );
  await world.place(order(sku, 4));
  expect(await world.mongo.models.mails.countDocuments({ stockId: `${sku}@wh_east` })).toBe(2);
});

test('what an ended order still waits for is a violation', async () => {
  const sku = await world.newSku({ wh_east: 1 });
  const { orderId } = await world.place(order(sku, 1));
  await world.deliver(orderId);
  await world.mongo.models.orders.updateOne(
    { _id: orderId },
    {
      $push: {
        'lines.0.allocations': { shipmentId: 'shp_x', warehouseId: '', quantity: 1, state: 'backordered' },
      } as never,
    },
  );
  await world.mongo.models.backlogs.updateOne({ _id: sku }, { $inc: { units: 1 } }, { upsert: true });
  const found = (await world.violations()).filter(({ where }) => where === orderId);
  await world.mongo.models.orders.updateOne({ _id: orderId }, { $pop: { 'lines.0.allocations': 1 } } as never);
  await world.mongo.models.backlogs.updateOne({ _id: sku }, { $inc: { units: -1 } });
  expect(found.map(({ guarantee }) => guarantee)).toContain('G6');
});

test('what was held while its goods went again is not charged before they come', async () => {
  const sku = await world.newSku({}, { backorder: rule });
  const { orderId } = await waiting(sku);
  await world.orderHandle(orderId).signal(holdOrder, { reason: 'look', actor: 'support' });
  await world.incident(orderId, 'hold');
  await world.receive(sku, 'wh_east', 1);
  await until(async () => (await world.shipmentsOf(orderId))[0]!.status === 'allocated', 'it is there');
  await broken(sku, 1);
  await world.inboxIsEmpty();
  await world.orderHandle(orderId).signal(releaseOrder, { reason: 'fine', actor: 'support' });
  await until(async () => (await world.stateOf(orderId)).incidents.length === 0, 'released');
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(await world.atStripe(orderId)).toMatchObject({ authorizations: 0 });
  expect(await world.stateOf(orderId)).toMatchObject({ status: 'confirmed', waitingFor: { event: 'stock' } });
  await world.receive(sku, 'wh_east', 1);
  await isPicking(orderId);
});

test('an order that is held while its method is saved stays on hold', async () => {
  const sku = await world.newSku({}, { backorder: rule });
  const { orderId } = await waiting(sku, 1, { paymentMethod: 'pm_card_authenticationRequiredOnSetup' });
  await world.orderHandle(orderId).signal(holdOrder, { reason: 'look', actor: 'support' });
  await world.incident(orderId, 'hold');
  await world.browserSaves(orderId, 'authenticate', { outcome: 'succeed' });
  await world.reaches(orderId, 'on_hold');
  await world.orderHandle(orderId).signal(releaseOrder, { reason: 'fine', actor: 'support' });
  await world.reaches(orderId, 'confirmed');
});

test('a bundle of more than may be waited for is out; of what is there and what may be waited for it is not', async () => {
  const releaseAt = new Date(Date.now() + 86_400_000).toISOString();
  const pre = await world.newSku({}, { backorder: { ...rule, limit: 1, releaseAt } });
  const some = await world.newSku({ wh_east: 1 }, { backorder: { ...rule, limit: 1 } });
  const sets = [];
  for (const sku of [pre, some]) sets.push(await world.newSku({}, { bundle: [{ sku, quantity: 2 }] }));
  const known = await productsOf(world.mongo, sets);
  const available = await availabilityOf(
    world.mongo,
    sets.map((sku) => known.get(sku)!),
    known,
  );
  expect(sets.map((sku) => available.get(sku)!.availability)).toEqual(['out', 'backorder']);
});

test('every workflow replays', async () => {
  expect(await world.replayFailures()).toEqual([]);
});
test('the auditor finds nothing', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});
