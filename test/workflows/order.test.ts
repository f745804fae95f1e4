import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { limits } from '../../workflows/domain/limits.ts';
import { holdOrder, paymentChanged, releaseOrder, trackingChanged } from '../../workflows/messages.ts';
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

test('an order goes from placing to the door', async () => {
  const { orderId, status } = await world.place();
  expect(status).toBe('confirmed');
  const [shipment] = await world.shipmentsOf(orderId);
  await world.pickAll(shipment!.id);
  expect(await world.pack(orderId, shipment!.id)).toBe('ready');
  expect(await world.handOver(orderId, shipment!.id)).toBe('shipped');
  await world.carrierSays(shipment!.id, 'in_transit');
  await world.carrierSays(shipment!.id, 'delivered');
  await world.reaches(orderId, 'completed');
  expect(await world.orderHandle(orderId).result()).toBe('completed');
  const { state } = await world.readOrder(orderId);
  expect(state).toMatchObject({ fulfillmentStatus: 'delivered', paymentStatus: 'captured', incidents: [] });
});

test('an order over two warehouses is two parcels and one payment', async () => {
  const items = [
    { sku: 'MUG', quantity: 2 },
    { sku: 'LAMP', quantity: 1 },
  ];
  const { orderId } = await world.place({ items });
  const shipments = await world.shipmentsOf(orderId);
  expect(shipments.map(({ warehouseId }) => warehouseId).sort()).toEqual(['wh_east', 'wh_west']);
  await Promise.all(shipments.map(({ id }) => world.makeReady(orderId, id)));
  expect(await world.atStripe(orderId)).toMatchObject({ authorizations: 1, captured: [3 * price] });
  await world.handOver(orderId, shipments[0]!.id);
  await world.carrierSays(shipments[0]!.id, 'delivered');
  await until(async () => (await world.stateOf(orderId)).fulfillmentStatus === 'partially_delivered');
  await world.handOver(orderId, shipments[1]!.id);
  await world.carrierSays(shipments[1]!.id, 'delivered');
  await world.reaches(orderId, 'completed');
  expect(await world.atStripe(orderId)).toMatchObject({ authorizations: 1, captured: [3 * price], refunds: [] });
});

test('a flood of messages is an incident, and the history stays within its bound', async () => {
  const { orderId } = await world.place();
  const [shipment] = await world.shipmentsOf(orderId);
  await world.ship(orderId, shipment!.id);
  const handle = world.orderHandle(orderId);
  const parcelId = (await world.shipmentsOf(orderId))[0]!.parcels![0]!.id;
  // The worst that the carrier can say: each message changes the shipment, and each is written.
  for (let count = 0; count < limits.messages; count += 1) {
    const status = count % 2 === 0 ? 'in_transit' : 'exception';
    const at = new Date().toISOString();
    await handle.signal(trackingChanged, { shipmentId: shipment!.id, parcelId, status, at });
    if (count % 10 === 0) await handle.signal(paymentChanged);
  }
  const { id } = await world.incident(orderId, 'too_many_messages');
  expect((await handle.describe()).historyLength).toBeLessThan(limits.historyEvents);
  expect(await world.answer(orderId, id, 'skip')).toBe(true);

  // How it ends is heard all the same, or the order could never end.
  await world.carrierSays(shipment!.id, 'delivered');
  await world.reaches(orderId, 'completed');
  expect((await handle.describe()).historyLength).toBeLessThan(limits.historyEvents);
});

test('declined cards are not tried without end', async () => {
  const { orderId } = await world.place({ paymentMethod: 'pm_card_chargeDeclined' });
  for (let attempt = 2; attempt <= limits.paymentAttempts; attempt += 1) {
    expect(await world.pay(orderId, 'pm_card_chargeDeclined')).toBe('awaiting_payment');
  }
  await expect(world.pay(orderId, 'pm_card_visa')).rejects.toThrow();
  expect((await world.orderHandle(orderId).describe()).historyLength).toBeLessThan(limits.historyEvents / 4);
  expect(await world.cancel(orderId)).toBe('cancelled');
});

test('a hold stops what has not left, and ends with a release or with the order', async () => {
  const { orderId } = await world.place();
  const [shipment] = await world.shipmentsOf(orderId);
  await world.makeReady(orderId, shipment!.id);
  const because = { actor: 'support:test', reason: 'the buyer called' };
  await world.orderHandle(orderId).signal(holdOrder, because);
  await world.reaches(orderId, 'on_hold');
  await expect(world.handOver(orderId, shipment!.id)).rejects.toThrow();
  await world.orderHandle(orderId).signal(releaseOrder, because);
  await world.reaches(orderId, 'processing');
  await world.handOver(orderId, shipment!.id);

  // What is on its way cannot be held any more, and does not keep the order from its end.
  await world.orderHandle(orderId).signal(holdOrder, because);
  await world.carrierSays(shipment!.id, 'delivered');
  await world.reaches(orderId, 'completed');
  expect(await world.stateOf(orderId)).toMatchObject({ incidents: [], fulfillmentStatus: 'delivered' });
});

test('a workflow cancelled in the Temporal UI undoes what was done', async () => {
  const sku = await world.newSku({ wh_east: 5 });
  const { orderId } = await world.place({ items: [{ sku, quantity: 2 }] });
  await world.orderHandle(orderId).cancel();
  await world.reaches(orderId, 'cancelled');
  expect(await world.stock(sku, 'wh_east')).toMatchObject({ onHand: 5, reserved: 0, committed: 0 });
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [] });
});

test('every workflow replays', async () => {
  expect(await world.replayFailures()).toEqual([]);
});

test('the auditor finds nothing', async () => {
  expect(await world.violations()).toEqual([]);
});
