/** What turns out not to be there, or cannot be sent from where it is, and the orders that were promised it. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decideCount, openCount, recordCounted } from '../../activities/stock/counts.ts';
import { moveStock } from '../../activities/stock/movements.ts';
import { activeWarehouses } from '../../activities/stock/warehouses.ts';
import { newId } from '../../models/id.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const order = (sku: string, quantity = 1) => ({ items: [{ sku, quantity }] });

function broken(sku: string, units: number, warehouseId = 'wh_east') {
  const what = { actor: 'test', reason: 'Dropped', reference: 'test', onHandChange: 0, damagedChange: units };
  return moveStock(world.mongo, { key: newId('mov'), sku, warehouseId, kind: 'damage', ...what });
}

async function count(sku: string, counted: number, warehouseId = 'wh_east'): Promise<string> {
  const made = { status: 'open' as const, reason: 'Monthly', actor: 'test', createdAt: new Date() };
  const { _id: countId } = await openCount(world.mongo, {
    ...{ _id: newId('cnt'), warehouseId, lines: [{ sku }] },
    ...made,
  });
  await recordCounted(world.mongo, { countId, sku, counted, actor: 'test' });
  return countId;
}

const approve = (countId: string) => decideCount(world.mongo, { countId, decide: 'approve', actor: 'boss' });

/** Its shipments that were not replaced, once there is one in this state. */
async function shipmentIn(orderId: string, status: string) {
  const find = async () => (await world.shipmentsOf(orderId)).find((shipment) => shipment.status === status);
  await until(async () => (await find()) !== undefined, `${orderId} has a shipment ${status}`);
  return (await find())!;
}

async function deliverShipment(orderId: string, shipmentId: string): Promise<void> {
  await world.ship(orderId, shipmentId);
  await world.carrierSays(shipmentId, 'delivered');
}

describe('units that are found broken', () => {
  test('are sent from another warehouse', async () => {
    const sku = await world.newSku({ wh_east: 2, wh_west: 2 });
    const { orderId } = await world.place(order(sku, 2));
    const [first] = await world.shipmentsOf(orderId);
    await broken(sku, 2);
    await until(async () => (await world.shipmentsOf(orderId))[0]!.status === 'cancelled', 'the first is replaced');
    const second = await shipmentIn(orderId, 'picking');
    expect(second).toMatchObject({ warehouseId: 'wh_west' });
    expect(await world.stock(sku, 'wh_east')).toEqual({ onHand: 2, damaged: 2, reserved: 0, committed: 0 });
    expect(await world.stock(sku, 'wh_west')).toMatchObject({ committed: 2 });
    expect(await world.mongo.models.shipments.findById(first!.id).lean()).toMatchObject({
      lines: [],
      cancelledAt: expect.any(Date),
    });
    await deliverShipment(orderId, second.id);
    await world.reaches(orderId, 'completed');
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [2 * price], refunds: [] });
  });

  test('of an order in part: the rest goes on as it was', async () => {
    const sku = await world.newSku({ wh_east: 3, wh_south: 1 });
    const { orderId } = await world.place(order(sku, 3));
    await broken(sku, 1);
    await until(async () => (await world.shipmentsOf(orderId)).length === 2, 'a second parcel takes over');
    const [first, second] = await world.shipmentsOf(orderId);
    expect(second).toMatchObject({ warehouseId: 'wh_south' });
    await until(async () => (await world.shipmentsOf(orderId))[1]!.status === 'picking');
    for (const { id } of [first!, second!]) await deliverShipment(orderId, id);
    await world.reaches(orderId, 'completed');
    expect(await world.stock(sku, 'wh_east')).toEqual({ onHand: 1, damaged: 1, reserved: 0, committed: 0 });
    expect(await world.stock(sku, 'wh_south')).toMatchObject({ onHand: 0 });
  });

  test('that are picked already stay with their order', async () => {
    const sku = await world.newSku({ wh_east: 1 });
    const { orderId } = await world.place(order(sku));
    const [shipment] = await world.shipmentsOf(orderId);
    await world.pickAll(shipment!.id);
    await expect(broken(sku, 1)).rejects.toMatchObject({ code: 'would_break_promises' });
    await world.pack(orderId, shipment!.id);
    await world.handOver(orderId, shipment!.id);
    await world.carrierSays(shipment!.id, 'delivered');
    await world.reaches(orderId, 'completed');
  });
});

describe('a count that finds less than is owed', () => {
  test('takes from the newest order, which waits and is sent when goods come', async () => {
    const sku = await world.newSku({ wh_east: 2 });
    const older = await world.place(order(sku));
    const newer = await world.place(order(sku));
    await approve(await count(sku, 1));
    expect(await world.stock(sku, 'wh_east')).toEqual({ onHand: 1, damaged: 0, reserved: 0, committed: 1 });
    const waits = await shipmentIn(newer.orderId, 'backordered');
    expect(await world.stateOf(newer.orderId)).toMatchObject({ status: 'confirmed', waitingFor: { event: 'stock' } });
    await until(async () => (await world.mailsOf(newer.orderId)).includes('goods_missing'), 'its customer is told');
    expect(await world.mailsOf(older.orderId)).toEqual(['order_confirmed']);
    expect(await shipmentIn(older.orderId, 'picking')).toBeDefined();
    await world.receive(sku, 'wh_west', 1);
    await world.shipmentReaches(newer.orderId, waits.id, 'picking');
    expect(await world.shipmentsOf(newer.orderId)).toMatchObject([
      { status: 'cancelled' },
      { warehouseId: 'wh_west', status: 'picking' },
    ]);
    await deliverShipment(newer.orderId, waits.id);
    await world.reaches(newer.orderId, 'completed');
    await world.deliver(older.orderId);
  });

  test('takes from an unpaid order as well, whose customer may pay and wait', async () => {
    const sku = await world.newSku({ wh_east: 1 });
    const { orderId } = await world.place({ ...order(sku), paymentMethod: undefined });
    await approve(await count(sku, 0));
    expect(await world.stock(sku, 'wh_east')).toEqual({ onHand: 0, damaged: 0, reserved: 0, committed: 0 });
    expect(await world.pay(orderId, 'pm_card_visa')).toBe('confirmed');
    const waits = await shipmentIn(orderId, 'backordered');
    await world.receive(sku, 'wh_east', 1);
    await world.shipmentReaches(orderId, waits.id, 'picking');
    await deliverShipment(orderId, waits.id);
    await world.reaches(orderId, 'completed');
  });

  test('an order that waits can be cancelled, and its money comes back', async () => {
    const sku = await world.newSku({ wh_east: 1 });
    const { orderId } = await world.place(order(sku));
    await approve(await count(sku, 0));
    await shipmentIn(orderId, 'backordered');
    expect(await world.cancel(orderId)).toBe('cancelled');
    expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [] });
    expect((await world.mongo.models.backlogs.findById(sku).lean())?.units).toBe(0);
  });

  test('posts the difference of the moment of counting, whatever leaves and comes meanwhile', async () => {
    const sku = await world.newSku({ wh_east: 10 });
    const { orderId } = await world.place(order(sku, 3));
    const [shipment] = await world.shipmentsOf(orderId);
    await world.pickAll(shipment!.id);
    // Ten are on hand, three of them picked: seven should lie on the shelf, and one is missing.
    const countId = await count(sku, 6);
    await world.pack(orderId, shipment!.id);
    await world.handOver(orderId, shipment!.id);
    await world.receive(sku, 'wh_east', 5);
    expect(await approve(countId)).toMatchObject({ status: 'approved', decidedBy: 'boss' });
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ onHand: 10 - 3 + 5 - 1 });
    // Approved twice it is posted once; what was approved cannot be rejected.
    await approve(countId);
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ onHand: 11 });
    await expect(decideCount(world.mongo, { countId, decide: 'reject', actor: 'boss' })).rejects.toMatchObject({
      code: 'wrong_state',
    });
    await world.carrierSays(shipment!.id, 'delivered');
    await world.reaches(orderId, 'completed');
  });
});

describe('a warehouse that is switched off', () => {
  test('gives what nobody has begun to pick to others', async () => {
    const sku = await world.newSku({ wh_east: 5, wh_west: 1 });
    const begun = await world.place(order(sku, 2));
    const [first] = await world.shipmentsOf(begun.orderId);
    await world.pickAll(first!.id);
    const idle = await world.place(order(sku));
    const alone = await world.place(order(sku, 2));
    const isActive = async () => (await activeWarehouses(world.mongo)).some(({ _id }) => _id === 'wh_east');
    await world.mongo.models.warehouses.updateOne({ _id: 'wh_east' }, { $set: { active: false } });
    try {
      const moved = async () => (await world.shipmentsOf(idle.orderId)).find((each) => each.warehouseId === 'wh_west');
      await until(async () => (await moved())?.status === 'picking', 'it is sent from the other warehouse');
      await deliverShipment(idle.orderId, (await moved())!.id);
      await world.reaches(idle.orderId, 'completed');
      // What is picked, and what nobody else has all of, is sent from there all the same.
      await world.deliver(alone.orderId);
      await world.pack(begun.orderId, first!.id);
      await world.handOver(begun.orderId, first!.id);
      await world.carrierSays(first!.id, 'delivered');
      await world.reaches(begun.orderId, 'completed');
    } finally {
      await world.mongo.models.warehouses.updateOne({ _id: 'wh_east' }, { $set: { active: true } });
      await until(isActive, 'it is on again');
    }
    expect(await world.stock(sku, 'wh_east')).toEqual({ onHand: 1, damaged: 0, reserved: 0, committed: 0 });
    expect(await world.stock(sku, 'wh_west')).toMatchObject({ onHand: 0 });
  });
});

describe('a bundle', () => {
  test('beside its part counts their summed demand, and each part is a line with its share of the price', async () => {
    const part = await world.newSku({ wh_east: 3 });
    const other = await world.newSku({ wh_west: 9 });
    const bundle = [
      { sku: part, quantity: 2 },
      { sku: other, quantity: 1 },
    ];
    const set = await world.newSku({}, { bundle });
    const items = [
      { sku: set, quantity: 1 },
      { sku: part, quantity: 2 },
    ];
    const refused = await world.place({ items });
    expect(refused.status).toBe('rejected');
    expect((await world.readOrder(refused.orderId)).shortages).toEqual([{ sku: part, requested: 4, available: 3 }]);

    const { orderId } = await world.place({ items: [items[0]!, { sku: part, quantity: 1 }] });
    expect(await world.stock(part, 'wh_east')).toMatchObject({ committed: 3 });
    expect((await world.readOrder(orderId)).lines).toMatchObject([
      { sku: part, quantity: 2, total: 1333, bundle: { sku: set } },
      { sku: other, quantity: 1, total: 666, bundle: { sku: set } },
      { sku: part, quantity: 1, total: price },
    ]);
    await world.deliver(orderId);
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [2 * price] });
  });
});

test('every workflow replays', async () => {
  expect(await world.replayFailures()).toEqual([]);
});

test('the auditor finds nothing', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});
