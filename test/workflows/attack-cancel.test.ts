/** Lines are cancelled while other things happen to their order. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { bookCredit } from '../../activities/payments/credit.ts';
import { openCount, recordCounted } from '../../activities/stock/counts.ts';
import { newId } from '../../models/id.ts';
import { limits } from '../../workflows/domain/limits.ts';
import { cancelOrderLines, trackingChanged } from '../../workflows/messages.ts';
import { createCrashes } from '../support/crashes.ts';
import { price } from '../support/shop.ts';
import { startWorld, type World } from '../support/world.ts';

const crashes = createCrashes();
let world: World;
beforeAll(async () => {
  world = await startWorld({ crashes });
});
afterAll(async () => {
  await world.stop();
});
afterEach(async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});

const less = (orderId: string, quantity = 1, lineId = 'line_1', actor = 'customer') =>
  world.orderHandle(orderId).executeUpdate(cancelOrderLines, {
    args: [{ lines: [{ lineId, quantity }], actor, reason: 'note_1' }],
    updateId: newId('req'),
  });

test('the whole order is cancelled while a line is: its store credit comes back', async () => {
  const customerId = 'cus_both';
  const { models } = world.mongo;
  await models.customers.create([{ _id: customerId, email: 'both@example.com', name: 'B', createdAt: new Date() }]);
  const grant = { key: 'both', customerId, currency: 'USD', kind: 'grant', amount: 500 } as const;
  await bookCredit(world.mongo, { ...grant, reason: 'sorry', actor: 'test' });
  const sku = await world.newSku({ wh_east: 9 });
  const paymentMethod = 'pm_card_threeDSecure2Required';
  const { orderId } = await world.place({ items: [{ sku, quantity: 3 }], paymentMethod, customerId, credit: 500 });
  let whole: Promise<unknown> = Promise.resolve();
  // Between the change and the customer's new payment.
  crashes.arm({
    ...{ step: 'issuePayment', moment: 'before its work' },
    isMine: async (input) => input.orderId === orderId,
    meanwhile: async () => {
      whole = world.cancel(orderId);
    },
  });
  await less(orderId).catch(() => {});
  await whole;
  await world.reaches(orderId, 'cancelled');
  await world.orderHandle(orderId).result();
  expect(await models.creditAccounts.findById(`${customerId}:USD`).lean()).toMatchObject({ balance: 500 });
  expect(await world.stateOf(orderId)).toMatchObject({ amountDue: 0 });
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [] });
});

test('however often its customer asks for too much, the order stays one that others can work on', async () => {
  const sku = await world.newSku({ wh_east: 9 });
  const { orderId } = await world.place({ items: [{ sku, quantity: 2 }] });
  const refused = (attempt: Promise<unknown>) => attempt.then(String, (error) => String(error.cause?.message));
  const asks: string[] = [];
  for (let round = 0; round < limits.lineCancels; round++) asks.push(await refused(less(orderId, 5)));
  expect(asks.filter((why) => !why.includes('2 can be cancelled'))).toEqual([]);
  const before = await world.orderHandle(orderId).describe();
  for (let round = 0; round < 5; round++) expect(await refused(less(orderId, 5))).toContain('too often');
  expect((await world.orderHandle(orderId).describe()).historyLength).toBe(before.historyLength);
  expect(before.historyLength).toBeLessThan(limits.historyEvents / 4);
  await less(orderId, 1, 'line_1', 'support:tok_1');
  await world.deliver(orderId);
  await world.reaches(orderId, 'completed');
}, 120_000);

test('a carrier that takes the parcel while a line of it cannot be cancelled stops nobody', async () => {
  const sku = await world.newSku({ wh_east: 9 });
  const { orderId } = await world.place({ items: [{ sku, quantity: 2 }] });
  const [shipment] = await world.shipmentsOf(orderId);
  await world.makeReady(orderId, shipment!.id);
  for (let times = 0; times < 12; times++)
    crashes.arm({
      step: 'cancelLines',
      moment: 'after its record',
      isMine: async (input) => input.orderId === orderId,
    });
  const cancelling = less(orderId);
  const { id } = await world.incident(orderId, 'cancel_lines');
  const [parcel] = (await world.shipmentsOf(orderId))[0]!.parcels!;
  const news = { shipmentId: shipment!.id, parcelId: parcel!.id, status: 'in_transit' } as const;
  await world.orderHandle(orderId).signal(trackingChanged, { ...news, at: new Date().toISOString() });
  await world.answer(orderId, id, 'retry');
  await cancelling;
  await world.shipmentReaches(orderId, shipment!.id, 'picked');
  await world.pack(orderId, shipment!.id);
  await world.handOver(orderId, shipment!.id);
  await world.carrierSays(shipment!.id, 'delivered');
  await world.reaches(orderId, 'completed');
  expect(await world.atStripe(orderId)).toMatchObject({ captured: [2 * price], refunds: [price], held: 0 });
}, 60_000);

test('what was taken out of a parcel that has left is known to a count until it is put back', async () => {
  const sku = await world.newSku({ wh_east: 5 });
  const { orderId } = await world.place({ items: [{ sku, quantity: 3 }] });
  const [shipment] = await world.shipmentsOf(orderId);
  await world.pickAll(shipment!.id);
  await world.shipmentReaches(orderId, shipment!.id, 'picked');
  await less(orderId, 2);
  await world.pack(orderId, shipment!.id);
  await world.handOver(orderId, shipment!.id);
  const countId = newId('cnt');
  await openCount(world.mongo, {
    ...{ _id: countId, warehouseId: 'wh_east', lines: [{ sku }], status: 'open', createdAt: new Date() },
    ...{ reason: 'is it there?', actor: 'warehouse:tok_1' },
  });
  const counted = await recordCounted(world.mongo, { countId, sku, counted: 2, actor: 'warehouse:tok_1' });
  // Two on the shelf, and two beside it.
  expect(counted!.lines[0]).toMatchObject({ counted: 2, books: { onHand: 4, picked: 2 } });
  await world.carrierSays(shipment!.id, 'delivered');
  await world.reaches(orderId, 'completed');
});
