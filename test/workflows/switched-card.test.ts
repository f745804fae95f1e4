/** Parcels of one order that are paid by two cards, one after the other. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { renewPayment } from '../../activities/payments/renewals.ts';
import { defaultPayments, defaultSettings } from '../../models/store.ts';
import { price } from '../support/shop.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
  const payments = { ...defaultPayments, multicapture: true };
  await world.mongo.models.settings.replaceOne({ _id: 'store' }, { ...defaultSettings, payments }, { upsert: true });
  await new Promise((resolve) => setTimeout(resolve, 1_100));
});
afterAll(async () => {
  await world.stop();
});

async function ofThree() {
  const [a, b, c] = [
    await world.newSku({ wh_east: 1 }),
    await world.newSku({ wh_west: 1 }),
    await world.newSku({ wh_south: 1 }),
  ];
  const items = [a, b, c].map((sku) => ({ sku, quantity: 1 }));
  const { orderId } = await world.place({ items });
  const shipments = await world.shipmentsOf(orderId);
  const of = (warehouse: string) => shipments.find(({ warehouseId }) => warehouseId === warehouse)!.id;
  return { orderId, first: of('wh_east'), second: of('wh_west'), third: of('wh_south') };
}
const multicapture = (available: boolean) =>
  world.control(world.stripe.url, 'POST', '/_sandbox/multicapture', { available });

test('the second card takes no more than is still due', async () => {
  const { orderId, first, second, third } = await ofThree();
  await world.ship(orderId, first);
  await world.pickShort(third, 0);
  await world.shipmentReaches(orderId, third, 'cancelled');
  await multicapture(false);
  await renewPayment(world.mongo, world.payments, {
    ...{ orderId, renewal: 1, attempt: 1, paymentMethod: 'pm_card_mastercard' },
  });
  await multicapture(true);
  await world.pickAll(second);
  expect(await world.pack(orderId, second)).toBe('ready');
  expect(await world.atStripe(orderId)).toMatchObject({ captured: [price, price], held: 0 });
});

test('no more is held anew than is still due', async () => {
  const { orderId, first, second, third } = await ofThree();
  await renewPayment(world.mongo, world.payments, { orderId, renewal: 1, attempt: 1 });
  await world.ship(orderId, first);
  await renewPayment(world.mongo, world.payments, {
    ...{ orderId, renewal: 1, attempt: 2, paymentMethod: 'pm_card_mastercard' },
  });
  const { authorized } = await world.paymentOf(orderId);
  expect(authorized).toBe(3 * price);
  for (const shipment of [second, third]) await world.ship(orderId, shipment);
  expect(await world.atStripe(orderId)).toMatchObject({ captured: [price, 2 * price], held: 0 });
});

test('the auditor finds nothing', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});
