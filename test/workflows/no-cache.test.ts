/** Whole lives without a cache of workflows: each step replays everything before it, as after a restart. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inspectReturn, receiveReturn } from '../../workflows/messages.ts';
import { price } from '../support/shop.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld({ maxCachedWorkflows: 1 });
});
afterAll(async () => {
  await world.stop();
});

test('every kind of life goes the same way', async () => {
  await Promise.all([deliveredAndReturned(), declinedThenSplitAndShort(), refusedAndCancelled(), lostAndSentAgain()]);
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});

async function deliveredAndReturned(): Promise<void> {
  const { orderId } = await world.place({ paymentMethod: 'pm_card_threeDSecure2Required' });
  await world.browser(orderId, 'authenticate', { outcome: 'succeed' });
  await world.reaches(orderId, 'confirmed');
  await world.deliver(orderId);
  const returnId = await world.sendBack(orderId, [{ lineId: 'line_1', quantity: 2 }]);
  await world.returnReaches(returnId, 'approved');
  const handle = world.returnHandle(returnId);
  const line = { lineId: 'line_1', quantity: 2 };
  const received = { lines: [{ ...line, reception: 'received' as const }], actor: 'test' };
  await handle.executeUpdate(receiveReturn, { args: [received] });
  const inspected = { lines: [{ ...line, disposition: 'restock' as const }], actor: 'test' };
  await handle.executeUpdate(inspectReturn, { args: [inspected] });
  expect(await handle.result()).toBe('completed');
  expect(await world.atStripe(orderId)).toMatchObject({ captured: [2 * price], refunds: [2 * price] });
}

async function declinedThenSplitAndShort(): Promise<void> {
  const sku = await world.newSku({ wh_east: 2, wh_west: 1 });
  const items = [{ sku, quantity: 2 }];
  const { orderId } = await world.place({ items, paymentMethod: 'pm_card_chargeDeclined' });
  expect(await world.pay(orderId, 'pm_card_visa')).toBe('confirmed');
  const [first] = await world.shipmentsOf(orderId);
  await world.pickShort(first!.id, 1);
  expect(await world.pack(orderId, first!.id)).toBe('ready');
  await world.handOver(orderId, first!.id);
  await world.carrierSays(first!.id, 'delivered');
  const second = (await world.shipmentsOf(orderId))[1]!;
  await world.ship(orderId, second.id);
  await world.carrierSays(second.id, 'delivered');
  await world.reaches(orderId, 'completed');
  expect(await world.atStripe(orderId)).toMatchObject({ captured: [2 * price], refunds: [] });
}

async function refusedAndCancelled(): Promise<void> {
  const shipTo = { name: 'Buyer', line1: 'Street 1', city: 'Town', postalCode: '00000', country: 'US' };
  const { orderId } = await world.place({ shipTo });
  const [shipment] = await world.shipmentsOf(orderId);
  await world.pickAll(shipment!.id);
  await world.pack(orderId, shipment!.id);
  await world.answer(orderId, (await world.incident(orderId, 'buy_label')).id, 'cancel');
  await world.reaches(orderId, 'cancelled');
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [] });
}

async function lostAndSentAgain(): Promise<void> {
  const { orderId } = await world.place();
  const [shipment] = await world.shipmentsOf(orderId);
  await world.ship(orderId, shipment!.id);
  await world.carrierSays(shipment!.id, 'lost');
  await world.answer(orderId, (await world.incident(orderId, 'lost')).id, 'reship');
  await world.reaches(orderId, 'completed');
  const again = await world.reshipOf(shipment!.id);
  await world.reaches(again._id, 'confirmed');
  await world.deliver(again._id);
}
