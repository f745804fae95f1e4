/** What happens when nobody comes: on a server that skips the time. It knows no update-with-start, and counts days ahead. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { bookCredit } from '../../activities/payments/credit.ts';
import { moveStock } from '../../activities/stock/movements.ts';
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
import { deadlines } from '../../workflows/domain/limits.ts';
import { placeOrder } from '../../workflows/messages.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld({ timeSkipping: true });
});
afterAll(async () => {
  await world.stop();
});

const minute = 60_000;
const idle = { damaged: 0, reserved: 0, committed: 0 };
const one = (sku: string): Partial<Order> => ({ items: [{ sku, quantity: 1 }] });

async function begin(order: Partial<Order>): Promise<string> {
  const written = await world.write({ placeBefore: new Date('2999-01-01'), ...order });
  await world.start(written);
  return written.orderId;
}

async function place(order: Partial<Order>): Promise<string> {
  const orderId = await begin(order);
  await world.orderHandle(orderId).executeUpdate(placeOrder);
  return orderId;
}

test('a payment that does not come in time: stock back, intent cancelled, and late money refused', async () => {
  const sku = await world.newSku({ wh_east: 1 });
  const orderId = await place({ ...one(sku), paymentMethod: 'pm_card_threeDSecure2Required' });
  expect(await world.stateOf(orderId)).toMatchObject({ status: 'awaiting_payment', waitingFor: { event: 'payment' } });
  expect(await world.orderHandle(orderId).result()).toBe('expired');
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 1 });
  expect(await world.readOrder(orderId)).toMatchObject({ status: 'expired', state: { paymentStatus: 'voided' } });
  await expect(world.browser(orderId, 'authenticate', { outcome: 'succeed' })).rejects.toThrow('400');
  await expect(world.browser(orderId, 'confirm', { payment_method: 'pm_card_visa' })).rejects.toThrow('400');
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [] });
  expect(await world.mongo.models.mails.exists({ _id: `${orderId}:order_expired` })).not.toBeNull();
});

test('a payment that does not come in time: the use of a promotion and the store credit are given back', async () => {
  const sku = await world.newSku({ wh_east: 1 });
  const grant = { key: 'welcome', customerId: 'cus_1', currency: 'USD', kind: 'grant', amount: 700 } as const;
  await bookCredit(world.mongo, { ...grant, reason: 'welcome', actor: 'test' });
  const redemptions = [{ promotionId: 'sale', totalLimit: 1, useIds: ['ada'] }];
  const limited = { ...one(sku), redemptions, customerId: 'cus_1', credit: 700 };
  const orderId = await place({ ...limited, paymentMethod: 'pm_card_threeDSecure2Required' });
  const { promotionCounts, promotionUses, creditAccounts } = world.mongo.models;
  expect(await promotionCounts.findById('sale').lean()).toMatchObject({ used: 1 });
  expect(await promotionUses.findById('ada').lean()).toMatchObject({ orderId });
  expect(await creditAccounts.findById('cus_1:USD').lean()).toMatchObject({ balance: 0 });
  expect(await world.orderHandle(orderId).result()).toBe('expired');
  expect(await promotionCounts.findById('sale').lean()).toMatchObject({ used: 0 });
  expect(await promotionUses.findById('ada').lean()).toBeNull();
  expect(await creditAccounts.findById('cus_1:USD').lean()).toMatchObject({ balance: 700 });
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [] });
});

test('a payment that nobody told of is found before the order would expire', async () => {
  const sku = await world.newSku({ wh_east: 1 });
  const orderId = await place({ ...one(sku), paymentMethod: 'pm_card_threeDSecure2Required' });
  await world.webhooks('stripe', 'off');
  await world.browser(orderId, 'authenticate', { outcome: 'succeed' });
  await world.pass(deadlines.payment + minute);
  await world.reaches(orderId, 'confirmed');
  await world.webhooks('stripe', 'normal');
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 1, committed: 1 });
  expect(await world.cancel(orderId)).toBe('cancelled');
});

test('a provider that is down for the whole time does not keep the stock', async () => {
  const sku = await world.newSku({ wh_east: 1 });
  await world.fault('stripe', { operation: 'payment_intents.confirm', kind: 'drop', times: 10_000 });
  const orderId = await begin(one(sku));
  expect(await world.orderHandle(orderId).result()).toBe('expired');
  await world.control(world.stripe.url, 'DELETE', '/_sandbox/faults');
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 1 });
  expect(await world.atStripe(orderId)).toMatchObject({ authorizations: 0, held: 0 });
  // It is asked again and again for two hours, and only what is between is skipped.
}, 180_000);

test('an order that is started too late does nothing', async () => {
  const sku = await world.newSku({ wh_east: 1 });
  const orderId = await begin({ ...one(sku), placeBefore: new Date(Date.now() - 1000) });
  expect(await world.orderHandle(orderId).result()).toBe('expired');
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 1 });
  expect(await world.readOrder(orderId)).toMatchObject({ status: 'expired', lines: [{ allocations: [] }] });
  expect(await world.mongo.models.payments.exists({ orderId })).toBeNull();
  expect(await world.mongo.models.mails.exists({ orderId })).toBeNull();
});

test('a warehouse that does not come is asked about; when it comes after all, the question is withdrawn', async () => {
  const sku = await world.newSku({ wh_east: 1 });
  const orderId = await place(one(sku));
  const [shipment] = await world.shipmentsOf(orderId);
  await world.pass(deadlines.picking + minute);
  await world.incident(orderId, 'overdue_picking');
  await world.pickAll(shipment!.id);
  await world.shipmentReaches(orderId, shipment!.id, 'picked');
  expect((await world.stateOf(orderId)).incidents).toEqual([]);

  await world.pass(deadlines.packing + minute);
  const late = await world.incident(orderId, 'overdue_packing');
  expect(await world.answer(orderId, late.id, 'retry')).toBe(true);
  await world.pass(deadlines.packing + minute);
  await until(async () => (await world.incident(orderId, 'overdue_packing')).id !== late.id, 'it is asked again');
  await world.answer(orderId, (await world.incident(orderId, 'overdue_packing')).id, 'cancel');
  expect(await world.orderHandle(orderId).result()).toBe('cancelled');
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 1 });
});

const later = { backorder: { limit: 10, leadDays: 5 } };
const toWait = (sku: string): Partial<Order> => {
  return { ...one(sku), acceptsBackorder: true, expectedAt: new Date(Date.now() + 5 * 24 * 60 * minute) };
};

test('goods that do not come in time: customer and support are told, until they come', async () => {
  const sku = await world.newSku({}, later);
  const orderId = await place(toWait(sku));
  await world.pass(5 * 24 * 60 * minute + deadlines.late + minute);
  const late = await world.incident(orderId, 'overdue_stock');
  expect(await world.mailsOf(orderId)).toEqual(['order_backordered', 'backorder_late']);
  await world.answer(orderId, late.id, 'retry');
  await world.pass(deadlines.late + minute);
  await until(async () => (await world.incident(orderId, 'overdue_stock')).id !== late.id, 'it is asked again');
  await world.receive(sku, 'wh_east', 1);
  await until(async () => (await world.shipmentsOf(orderId))[0]?.status === 'picking', 'the goods are there');
  expect((await world.stateOf(orderId)).incidents).toEqual([]);
  await world.deliver(orderId);
});

test('goods that came for somebody who cannot be charged go to the next in line', async () => {
  const sku = await world.newSku({}, later);
  const orderId = await place({ ...toWait(sku), paymentMethod: 'pm_card_chargeCustomerFail' });
  const next = await place(toWait(sku));
  await world.receive(sku, 'wh_east', 1);
  await world.incident(orderId, 'backorder_payment');
  // Not by awaiting the result: the server would skip on to the end of the other order's days.
  await world.pass(deadlines.backorderPayment + minute);
  await world.reaches(orderId, 'expired');
  await until(async () => (await world.shipmentsOf(next))[0]?.status === 'picking', 'the next one has them');
  expect(await world.mailsOf(orderId)).toEqual(['order_backordered', 'backorder_payment_needed', 'order_expired']);
  await world.deliver(next);
});

test('a method that is not saved in time ends the order, and its customer is told', async () => {
  const sku = await world.newSku({}, later);
  const orderId = await place({ ...toWait(sku), paymentMethod: 'pm_card_authenticationRequiredOnSetup' });
  expect(await world.orderHandle(orderId).result()).toBe('expired');
  expect(await world.mailsOf(orderId)).toEqual(['payment_needed', 'order_expired']);
});

test('goods of a paid order that nobody replaces: its shipment is given up, and the money returned', async () => {
  const sku = await world.newSku({ wh_east: 1 });
  const orderId = await place(one(sku));
  const what = { actor: 'test', reason: 'Dropped', reference: 'test', onHandChange: 0, damagedChange: 1 };
  await moveStock(world.mongo, { key: newId('mov'), sku, warehouseId: 'wh_east', kind: 'damage', ...what });
  await until(
    async () => (await world.shipmentsOf(orderId)).some(({ status }) => status === 'backordered'),
    'it waits',
  );
  await world.pass(deadlines.stock + minute);
  await world.answer(orderId, (await world.incident(orderId, 'overdue_stock')).id, 'cancel');
  expect(await world.orderHandle(orderId).result()).toBe('cancelled');
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [] });
});

test('a parcel of which nothing is heard is given up and refunded, with one answer', async () => {
  const sku = await world.newSku({ wh_east: 1 });
  const orderId = await place(one(sku));
  const [shipment] = await world.shipmentsOf(orderId);
  await world.ship(orderId, shipment!.id);
  await world.pass(deadlines.delivery + minute);
  await world.answer(orderId, (await world.incident(orderId, 'overdue_delivery')).id, 'refund');
  expect(await world.orderHandle(orderId).result()).toBe('completed');
  expect(await world.atStripe(orderId)).toMatchObject({ captured: [price], refunds: [price] });
});

test('what nobody confirmed anew cannot be paid any more once the parcel has taken the money', async () => {
  const sku = await world.newSku({ wh_east: 1 });
  const orderId = await place(one(sku));
  const [shipment] = await world.shipmentsOf(orderId);
  await world.pickAll(shipment!.id);
  await world.shipmentReaches(orderId, shipment!.id, 'picked');
  await world.pass(6 * 24 * 60 * minute + minute);
  await world.incident(orderId, 'payment_renewal');
  const { renewal } = await world.paymentOf(orderId);
  const confirms = (payment_method: string) =>
    world.control(world.stripe.url, 'POST', `/_sandbox/payment_intents/${renewal!.intentId}/confirm`, {
      payment_method,
    });
  // A bank debit would take the money beside what is held.
  await expect(confirms('pm_usBankAccount_processing')).rejects.toThrow('capture_method');
  await world.pack(orderId, shipment!.id);
  await world.shipmentReaches(orderId, shipment!.id, 'ready');
  await expect(confirms('pm_card_visa')).rejects.toThrow('canceled');
  await world.handOver(orderId, shipment!.id);
  await world.carrierSays(shipment!.id, 'delivered');
  await world.reaches(orderId, 'completed');
  expect(await world.mongo.models.payments.findOne({ orderId, renewal: { $ne: null } }).lean()).toBeNull();
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [price], refunds: [] });
});

test('a return that never comes expires after 30 days', async () => {
  const orderId = await place({});
  await world.deliver(orderId);
  const returnId = await world.sendBack(orderId, [{ lineId: 'line_1', quantity: 1 }]);
  await world.returnReaches(returnId, 'approved');
  expect(await world.returnHandle(returnId).result()).toBe('expired');
  expect(await world.mongo.models.returns.findById(returnId).lean()).toMatchObject({ status: 'expired' });
  expect(await world.atStripe(orderId)).toMatchObject({ refunds: [] });
  // What did not come back may be asked for again.
  await world.sendBack(orderId, [{ lineId: 'line_1', quantity: 2 }]);
});
