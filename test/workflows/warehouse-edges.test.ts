/** What goes wrong in a warehouse twice, or while something else does: money, goods and books are right afterwards. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { makePickList } from '../../activities/picking/lists.ts';
import { reportShort } from '../../activities/picking/scans.ts';
import { packParcels } from '../../activities/shipping/packing.ts';
import { decideCount, recordCounted } from '../../activities/stock/counts.ts';
import { newId } from '../../models/id.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { createWarehouse } from '../support/warehouse.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let warehouse: ReturnType<typeof createWarehouse>;
beforeAll(async () => {
  world = await startWorld();
  warehouse = createWarehouse(world);
});
afterAll(async () => {
  await world.stop();
});
afterEach(() => world.setFulfilment({}));

const idle = { damaged: 0, reserved: 0, committed: 0 };
const two = (sku: string) => ({ items: [{ sku, quantity: 2 }] });

test('the same parcels written down by many at once keep their ids', async () => {
  const { orderId } = await world.place(two('MUG'));
  const shipmentId = (await world.shipmentsOf(orderId))[0]!.id;
  await world.pickAll(shipmentId);
  const given = [{ weightGrams: 500, lengthMm: 200, widthMm: 150, heightMm: 100 }];
  const write = async () => {
    await packParcels(world.mongo, { shipmentId, given, weighed: false });
    const { parcels } = await world.mongo.models.shipments.findById(shipmentId).lean().orFail();
    return parcels![0]!.id;
  };
  const ids = await Promise.all(Array.from({ length: 8 }, write));
  expect(new Set(ids).size).toBe(1);
});

test('two short picks on one empty shelf are explained by one count', async () => {
  const sku = await world.newSku({ wh_east: 5 });
  const orders = [await world.place(two(sku)), await world.place({ items: [{ sku, quantity: 3 }] })];
  const shipmentIds = await Promise.all(orders.map(async ({ orderId }) => (await world.shipmentsOf(orderId))[0]!.id));
  const list = await makePickList(world.mongo, { id: newId('pkl'), shipmentIds, actor: 'ann', take: true });
  const by = { listId: list._id, scanId: newId('req'), actor: 'ann', madeAt: new Date() };
  await reportShort(world.mongo, { ...by, sku, reason: 'stockout' });
  for (const { orderId } of orders) await world.reaches(orderId, 'cancelled');
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 5, damaged: 5 });
  const counts = await world.mongo.models.counts.find({ 'lines.sku': sku }).lean();
  expect(counts).toHaveLength(2);
  for (const { _id: countId } of counts) await recordCounted(world.mongo, { countId, sku, counted: 0, actor: 'ann' });
  const approve = (countId: string) => decideCount(world.mongo, { countId, decide: 'approve', actor: 'admin' });
  expect((await approve(counts[0]!._id))?.status).toBe('approved');
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 0 });
  await expect(approve(counts[1]!._id)).rejects.toThrow('count it again');
  await recordCounted(world.mongo, { countId: counts[1]!._id, sku, counted: 0, actor: 'ann' });
  await approve(counts[1]!._id);
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 0 });
});

test.each([
  { bins: [], damaged: 6 },
  { bins: ['A-1'], damaged: 6 },
  // The rest may lie in the other one.
  { bins: ['A-1', 'B-7'], damaged: 3 },
])(
  'an empty shelf has nothing to sell until it is counted: bins $bins, $damaged set aside',
  async ({ bins, damaged }) => {
    const sku = await world.newSku({ wh_east: 6 });
    await world.mongo.models.stock.updateOne({ sku, warehouseId: 'wh_east' }, { bins });
    const { orderId } = await world.place({ items: [{ sku, quantity: 3 }] });
    const [shipment] = await world.shipmentsOf(orderId);
    await world.pickShort(shipment!.id, 0);
    await world.reaches(orderId, 'cancelled');
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 6, damaged });
    const { lines, _id: countId } = (await world.mongo.models.counts.findOne({ 'lines.sku': sku }).lean())!;
    expect(lines).toEqual([{ sku, setAside: damaged }]);
    await recordCounted(world.mongo, { countId, sku, counted: 6, actor: 'ann' });
    await decideCount(world.mongo, { countId, decide: 'approve', actor: 'admin' });
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 6 });
  },
);

test('cancelled before anybody has decided about a short pick, what nobody found is not offered', async () => {
  await world.setFulfilment({ shortPick: 'ask' });
  const sku = await world.newSku({ wh_east: 3 });
  const { orderId } = await world.place({ items: [{ sku, quantity: 3 }] });
  const [shipment] = await world.shipmentsOf(orderId);
  await world.pickShort(shipment!.id, 1);
  await world.incident(orderId, 'short_pick');
  expect(await world.cancel(orderId)).toBe('cancelled');
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 3, damaged: 2 });
  expect(await world.mongo.models.counts.countDocuments({ 'lines.sku': sku, status: 'open' })).toBe(1);
});

describe('what is sent again and does not get there is paid back by the order that was paid', () => {
  async function sentAgain() {
    const sku = await world.newSku({ wh_east: 10 });
    const { orderId } = await world.place(two(sku));
    const [shipment] = await world.shipmentsOf(orderId);
    await world.ship(orderId, shipment!.id);
    await world.carrierSays(shipment!.id, 'lost');
    await world.answer(orderId, (await world.incident(orderId, 'lost')).id, 'reship');
    await world.reaches(orderId, 'completed');
    const again = (await world.reshipOf(shipment!.id))._id;
    const isPicked = async () => (await world.readOrder(again)).state?.shipments[0]?.status === 'picking';
    await until(isPicked, 'it is picked again');
    return { orderId, again, shipmentId: (await world.shipmentsOf(again))[0]!.id };
  }
  const paidBack = async (orderId: string, amount: number) => {
    await until(async () => (await world.atStripe(orderId)).refunds.length > 0, 'the money is back');
    expect((await world.atStripe(orderId)).refunds).toEqual([amount]);
  };

  test('where it is not found', async () => {
    const { orderId, again, shipmentId } = await sentAgain();
    await world.pickShort(shipmentId, 0);
    await world.reaches(again, 'cancelled');
    await paidBack(orderId, 2 * price);
  });

  test('where it is found in part', async () => {
    const { orderId, again, shipmentId } = await sentAgain();
    await world.pickShort(shipmentId, 1);
    await world.pack(again, shipmentId);
    await world.handOver(again, shipmentId);
    await world.carrierSays(shipmentId, 'delivered');
    await world.reaches(again, 'completed');
    await paidBack(orderId, price);
  });

  test('where it is lost as well, claimed for what it was sold for, and refunded', async () => {
    const { orderId, again, shipmentId } = await sentAgain();
    await world.ship(again, shipmentId);
    await world.carrierSays(shipmentId, 'lost');
    const { id } = await world.incident(again, 'lost');
    await world.answer(again, id, 'claim');
    await until(async () => (await world.incident(again, 'lost')).id !== id, 'the claim is open');
    expect(await world.mongo.models.carrierClaims.findOne({ shipmentId })).toMatchObject({ amount: 2 * price });
    await world.answer(again, (await world.incident(again, 'lost')).id, 'refund');
    await world.reaches(again, 'completed');
    await paidBack(orderId, 2 * price);
  });
});

test('an order whose address is asked about can be cancelled while it is packed', async () => {
  await world.setFulfilment({ checkAddresses: true });
  const shipTo = { name: 'Buyer', line1: 'Nowhere 1', city: 'Town', region: 'NY', postalCode: '10001', country: 'US' };
  const { orderId } = await world.place({ shipTo });
  const [shipment] = await world.shipmentsOf(orderId);
  await world.incident(orderId, 'undeliverable_address');
  await world.pickAll(shipment!.id);
  // Whoever packs is not kept waiting for the label.
  expect(await world.pack(orderId, shipment!.id)).toBe('packed');
  expect(await world.cancel(orderId)).toBe('cancelled');
});

describe('what the carrier has', () => {
  test('has left, whoever did not scan it at the door, and cannot be cancelled', async () => {
    const { orderId } = await world.place();
    const [shipment] = await world.shipmentsOf(orderId);
    await world.makeReady(orderId, shipment!.id);
    await world.carrierSays(shipment!.id, 'in_transit');
    await world.shipmentReaches(orderId, shipment!.id, 'in_transit');
    await expect(world.cancel(orderId)).rejects.toThrow();
    await world.carrierSays(shipment!.id, 'delivered');
    await world.reaches(orderId, 'completed');
  });

  test('of one parcel keeps the other from being cancelled, until it is scanned', async () => {
    const { orderId } = await world.place();
    const [shipment] = await world.shipmentsOf(orderId);
    await world.pickAll(shipment!.id);
    const unit = [{ lineId: 'line_1', quantity: 1 }];
    expect(await warehouse.packInto(shipment!.id, [unit, unit])).toBe('ready');
    await world.carrierSays(shipment!.id, 'in_transit', { parcel: 0 });
    await world.inboxIsEmpty();
    await expect(world.cancel(orderId)).rejects.toThrow();
    await world.handOver(orderId, shipment!.id);
    await world.carrierSays(shipment!.id, 'delivered');
    await world.reaches(orderId, 'completed');
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [2 * price], refunds: [] });
  });
});

test('what is being cancelled is not handed over', async () => {
  const { orderId } = await world.place();
  const [shipment] = await world.shipmentsOf(orderId);
  await world.makeReady(orderId, shipment!.id);
  await world.fault('carrier', { operation: 'labels.void', kind: 'refuse', times: 100 });
  const cancelling = world.cancel(orderId);
  const { id } = await world.incident(orderId, 'void_label');
  await expect(world.handOver(orderId, shipment!.id)).rejects.toThrow();
  await world.control(world.carrier.url, 'DELETE', '/_sandbox/faults');
  await world.answer(orderId, id, 'retry');
  expect(await cancelling).toBe('cancelled');
});

test('a parcel that the carrier brings back is not delivered, whatever it says then', async () => {
  const { orderId } = await world.place();
  const [shipment] = await world.shipmentsOf(orderId);
  await world.ship(orderId, shipment!.id);
  await world.carrierSays(shipment!.id, 'returned_to_sender');
  await world.carrierSays(shipment!.id, 'delivered');
  await world.inboxIsEmpty();
  await world.reaches(orderId, 'completed');
  const stored = await world.mongo.models.shipments.findById(shipment!.id).lean().orFail();
  expect(stored.deliveredAt).toBeUndefined();
  expect(stored.parcels![0]!.deliveredAt).toBeUndefined();
});

test('the auditor finds nothing, and every workflow replays', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
  expect(await world.replayFailures()).toEqual([]);
});
