import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startWorld, until, type World } from '../support/world.ts';

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
  const [shipment] = (await world.readOrder(orderId)).state!.shipments;
  await world.pickAll(shipment!.id);
  expect(await world.pack(orderId, shipment!.id)).toBe('ready');
  expect(await world.handOver(orderId, shipment!.id)).toBe('shipped');
  await world.carrierSays(shipment!.id, 'in_transit');
  await world.carrierSays(shipment!.id, 'delivered');
  await until(async () => (await world.readOrder(orderId)).status === 'completed');
  expect(await world.orderHandle(orderId).result()).toBe('completed');
  const { state } = await world.readOrder(orderId);
  expect(state).toMatchObject({ fulfillmentStatus: 'delivered', paymentStatus: 'captured', incidents: [] });
});
