/** Where the store has addresses checked: what no carrier finds is asked about before a label is bought. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
  await world.setFulfilment({ checkAddresses: true });
});
afterAll(async () => {
  await world.stop();
});

const nowhere = { name: 'Buyer', line1: 'Nowhere 1', city: 'Town', region: 'NY', postalCode: '10001', country: 'US' };

test('an address that is found keeps nobody waiting', async () => {
  const orderId = await world.delivered();
  expect((await world.stateOf(orderId)).incidents).toEqual([]);
});

test('one that is not found waits for its correction, while the goods are picked', async () => {
  const { orderId } = await world.place({ shipTo: nowhere });
  const [shipment] = await world.shipmentsOf(orderId);
  const { id, answers } = await world.incident(orderId, 'undeliverable_address');
  expect(answers).toEqual(['amend', 'skip', 'cancel']);
  await world.pickAll(shipment!.id);
  const packed = world.pack(orderId, shipment!.id);
  // Corrected as wrongly as before: asked about once more.
  await world.answer(orderId, id, 'amend');
  const again = await world.incident(orderId, 'undeliverable_address');
  expect(again.id).not.toBe(id);
  await world.mongo.models.orders.updateOne({ _id: orderId }, { $set: { 'shipTo.line1': 'Street 1' } });
  await world.answer(orderId, again.id, 'amend');
  // Whoever packed was told of the incident, and looks again.
  await packed;
  await world.shipmentReaches(orderId, shipment!.id, 'ready');
  await world.handOver(orderId, shipment!.id);
  await world.carrierSays(shipment!.id, 'delivered');
  await world.reaches(orderId, 'completed');
});

test('it is used all the same, or the order is given up, as whoever answers says', async () => {
  const { orderId } = await world.place({ shipTo: nowhere });
  await world.answer(orderId, (await world.incident(orderId, 'undeliverable_address')).id, 'skip');
  await world.deliver(orderId);
  const other = (await world.place({ shipTo: nowhere })).orderId;
  await world.answer(other, (await world.incident(other, 'undeliverable_address')).id, 'cancel');
  await world.reaches(other, 'cancelled');
  expect(await world.atStripe(other)).toMatchObject({ held: 0, captured: [] });
});

test('a cancelled order asks no more', async () => {
  const { orderId } = await world.place({ shipTo: nowhere });
  await world.incident(orderId, 'undeliverable_address');
  expect(await world.cancel(orderId)).toBe('cancelled');
  expect((await world.stateOf(orderId)).incidents).toEqual([]);
});

test('a carrier that cannot say keeps nobody waiting', async () => {
  const fault = { operation: 'addresses.verify', kind: 'refuse', times: 10 };
  await world.control(world.carrier.url, 'POST', '/_sandbox/faults', fault);
  const { orderId } = await world.place({ shipTo: nowhere });
  await world.deliver(orderId);
  await world.control(world.carrier.url, 'DELETE', '/_sandbox/faults');
});

test('the auditor finds nothing, and every workflow replays', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
  expect(await world.replayFailures()).toEqual([]);
});
