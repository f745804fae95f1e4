/** What becomes of units that a picker does not find: by the store's rule, or by whoever answers; and of the books. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { decideCount, recordCounted } from '../../activities/stock/counts.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(async () => {
  await world.stop();
});

const idle = { damaged: 0, reserved: 0, committed: 0 };

/** An order of which one of three is found. */
async function pickedShort(stock: Record<string, number>, reason?: 'damaged' | 'could_not_locate') {
  const sku = await world.newSku(stock);
  const { orderId } = await world.place({ items: [{ sku, quantity: 3 }] });
  const [shipment] = await world.shipmentsOf(orderId);
  await world.pickShort(shipment!.id, 1, reason);
  return { sku, orderId, shipmentId: shipment!.id };
}
const countOf = (shipmentId: string) => world.mongo.models.counts.findOne({ reason: { $regex: shipmentId } }).lean();
const count = (countId: string, sku: string, counted: number) =>
  recordCounted(world.mongo, { countId, sku, counted, actor: 'warehouse' });
const decide = (countId: string, decision: 'approve' | 'reject' | 'cancel') =>
  decideCount(world.mongo, { countId, decide: decision, actor: 'admin' });

describe('what no warehouse has', () => {
  afterEach(() => world.setFulfilment({}));

  test('waits for goods where that is the rule, and is sent when they are there', async () => {
    await world.setFulfilment({ shortPick: 'backorder' });
    const { sku, orderId, shipmentId } = await pickedShort({ wh_east: 3 });
    await world.shipmentReaches(orderId, shipmentId, 'picked');
    const waiting = (await world.shipmentsOf(orderId))[1]!;
    expect(waiting).toMatchObject({ status: 'backordered', warehouseId: '' });
    await until(async () => (await world.mailsOf(orderId)).includes('goods_missing'), 'the customer is told');
    await world.pack(orderId, shipmentId);
    await world.handOver(orderId, shipmentId);
    await world.carrierSays(shipmentId, 'delivered');
    await world.receive(sku, 'wh_west', 2);
    await until(async () => (await world.shipmentsOf(orderId))[1]?.status === 'picking', 'the rest is picked');
    await world.ship(orderId, waiting.id);
    await world.carrierSays(waiting.id, 'delivered');
    await world.reaches(orderId, 'completed');
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [3 * price], refunds: [] });
  });

  test.each([
    ['backorder', 'backordered'],
    ['cancel', undefined],
  ] as const)('is asked about where that is the rule: %s', async (answer, status) => {
    await world.setFulfilment({ shortPick: 'ask' });
    const { orderId, shipmentId, sku } = await pickedShort({ wh_east: 3 });
    const { id, why } = await world.incident(orderId, 'short_pick');
    expect(why).toMatch('2 units could not be picked');
    // Until somebody has answered they are owed, and nobody else can have them.
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 3, committed: 3 });
    expect(await world.answer(orderId, id, answer)).toBe(true);
    await world.shipmentReaches(orderId, shipmentId, 'picked');
    expect((await world.shipmentsOf(orderId))[1]?.status).toBe(status);
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 3, damaged: 2, committed: 1 });
    await world.cancel(orderId);
    await world.reaches(orderId, 'cancelled');
  });

  test('is looked for once more, and sent from where it came meanwhile', async () => {
    await world.setFulfilment({ shortPick: 'ask' });
    const { orderId, shipmentId, sku } = await pickedShort({ wh_east: 3 });
    const { id } = await world.incident(orderId, 'short_pick');
    await world.receive(sku, 'wh_south', 2);
    await world.answer(orderId, id, 'retry');
    await world.shipmentReaches(orderId, shipmentId, 'picked');
    expect((await world.shipmentsOf(orderId))[1]).toMatchObject({ warehouseId: 'wh_south', status: 'picking' });
    await world.cancel(orderId);
    await world.reaches(orderId, 'cancelled');
  });
});

describe('the books', () => {
  test('are set right by a count: what is gone is written off, and nobody was offered it meanwhile', async () => {
    const { sku, orderId, shipmentId } = await pickedShort({ wh_east: 5 }, 'could_not_locate');
    await world.shipmentReaches(orderId, shipmentId, 'picked');
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 5, damaged: 2, committed: 1 });
    const open = (await countOf(shipmentId))!;
    expect(open).toMatchObject({ status: 'open', warehouseId: 'wh_east', lines: [{ sku, setAside: 2 }] });
    await expect(decide(open._id, 'cancel')).rejects.toThrow('set aside');
    // One lies in the picker's trolley, two are on the shelf, two are gone.
    await count(open._id, sku, 2);
    await decide(open._id, 'approve');
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 3, committed: 1 });
    await world.cancel(orderId);
  });

  test('are set right by a count: what was only misplaced is offered again', async () => {
    const { sku, orderId, shipmentId } = await pickedShort({ wh_east: 3 }, 'could_not_locate');
    await world.shipmentReaches(orderId, shipmentId, 'picked');
    const open = (await countOf(shipmentId))!;
    await count(open._id, sku, 2);
    await decide(open._id, 'approve');
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 3, committed: 1 });
    await world.cancel(orderId);
  });

  test('wait for another count where one was rejected', async () => {
    const { sku, orderId, shipmentId } = await pickedShort({ wh_east: 3 }, 'could_not_locate');
    await world.shipmentReaches(orderId, shipmentId, 'picked');
    const first = (await countOf(shipmentId))!;
    await count(first._id, sku, 99);
    await decide(first._id, 'reject');
    const second = await world.mongo.models.counts.findOne({ reason: first.reason, status: 'open' }).lean().orFail();
    expect(second.lines).toEqual([{ sku, setAside: 2 }]);
    await count(second._id, sku, 0);
    await decide(second._id, 'approve');
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 1, committed: 1 });
    await world.cancel(orderId);
  });

  test('say damaged of what was found damaged, and nobody has to count it', async () => {
    const { sku, orderId, shipmentId } = await pickedShort({ wh_east: 3 }, 'damaged');
    await world.shipmentReaches(orderId, shipmentId, 'picked');
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 3, damaged: 2, committed: 1 });
    expect(await countOf(shipmentId)).toBeNull();
    await world.cancel(orderId);
  });

  test('count what was picked for a cancelled order, until it is put back', async () => {
    const sku = await world.newSku({ wh_east: 4 });
    const { orderId } = await world.place({ items: [{ sku, quantity: 3 }] });
    const [shipment] = await world.shipmentsOf(orderId);
    await world.scan(shipment!.id, sku, 2);
    expect(await world.cancel(orderId)).toBe('cancelled');
    const made = { status: 'open' as const, reason: 'Monthly', actor: 'test', createdAt: new Date() };
    await world.mongo.models.counts.create([{ _id: `cnt_${sku}`, warehouseId: 'wh_east', lines: [{ sku }], ...made }]);
    // Two are in a trolley.
    const counted = await count(`cnt_${sku}`, sku, 2);
    expect(counted?.lines[0]?.books).toEqual({ onHand: 4, picked: 2 });
    await world.mongo.models.shipments.updateOne({ _id: shipment!.id }, { $set: { putBackAt: new Date() } });
    expect((await count(`cnt_${sku}`, sku, 4))?.lines[0]?.books).toEqual({ onHand: 4, picked: 0 });
  });
});

test('the auditor finds nothing, and every workflow replays', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
  expect(await world.replayFailures()).toEqual([]);
});
