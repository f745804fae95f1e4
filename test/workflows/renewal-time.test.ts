/** Authorizations that age: on a server that skips the time, and a Stripe whose clock is put forward with it. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
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

const day = 86_400_000;
const almost = 6 * day + 3_600_000;
const total = 2 * price;

async function place(order: Partial<Order>): Promise<string> {
  const written = await world.write({ placeBefore: new Date('2999-01-01'), ...order });
  await world.start(written);
  await world.orderHandle(written.orderId).executeUpdate(placeOrder);
  return written.orderId;
}

/** Of a customer with an account, who lets us keep the method. */
async function placeAndSave(paymentMethod = 'pm_card_visa'): Promise<string> {
  const customerId = newId('cus');
  const customer = { _id: customerId, email: `${customerId}@example.com`, name: 'Ada', createdAt: new Date() };
  await world.mongo.models.customers.create([customer]);
  return place({ customerId, savePaymentMethod: true, paymentMethod });
}

/** Both clocks. Before it the order has to wait for something, or nothing is skipped. */
async function pass(ms: number): Promise<void> {
  await world.control(world.stripe.url, 'POST', '/_sandbox/clock', { advanceMs: ms });
  await world.pass(ms);
}

/** A warehouse that was asked about first, as it is days late. */
async function deliver(orderId: string): Promise<void> {
  const [shipment] = await world.shipmentsOf(orderId);
  await world.pickAll(shipment!.id);
  await world.pack(orderId, shipment!.id);
  await world.shipmentReaches(orderId, shipment!.id, 'ready');
  await world.handOver(orderId, shipment!.id);
  await world.carrierSays(shipment!.id, 'delivered');
  await world.reaches(orderId, 'completed');
}

test('a saved method is authorized anew a day before, again and again, and captured once', async () => {
  const orderId = await placeAndSave();
  const first = await world.paymentOf(orderId);
  expect(first.captureBefore!.getTime()).toBeGreaterThan(Date.now() + 6 * day);
  await pass(almost);
  await until(async () => (await world.paymentOf(orderId)).pastIntents.length === 1, 'it is authorized anew');
  const second = await world.paymentOf(orderId);
  expect(second.captureBefore!.getTime()).toBeGreaterThan(first.captureBefore!.getTime() + 5 * day);
  expect(await world.atStripe(orderId)).toMatchObject({ authorizations: 2, held: 1, captured: [] });
  await pass(almost);
  await until(async () => (await world.paymentOf(orderId)).pastIntents.length === 2, 'and once more');
  await deliver(orderId);
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [total], refunds: [] });
  const booked = (await world.paymentOf(orderId)).ledger.map(({ kind, amount }) => `${kind} ${amount}`);
  expect(booked).toEqual([...Array(3).fill(`authorize ${total}`), `capture ${total}`]);
});

test('a reply that is lost on the way makes no third authorization', async () => {
  const orderId = await placeAndSave();
  const fired = await Promise.all(
    ['create', 'confirm', 'cancel'].map((step) =>
      world.fault('stripe', { operation: `payment_intents.${step}`, kind: 'lose_reply', times: 2 }),
    ),
  );
  await pass(almost);
  await until(async () => (await world.paymentOf(orderId)).pastIntents.length === 1, 'it is authorized anew');
  await until(async () => (await world.atStripe(orderId)).held === 1, 'the old one is let go');
  expect(await Promise.all(fired.map((each) => each()))).toEqual([true, true, true]);
  expect(await world.atStripe(orderId)).toMatchObject({ authorizations: 2, held: 1 });
  await world.cancel(orderId);
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [] });
});

test('a guest is asked by mail, and confirms in the browser; until then parcels may go by the first one', async () => {
  const [goes, waits, leaves] = [await place({}), await place({}), await place({})];
  await pass(almost);
  for (const orderId of [goes, waits, leaves]) {
    await world.incident(orderId, 'payment_renewal');
    expect(await world.mailsOf(orderId)).toContain('renewal_needed');
  }
  await deliver(goes);
  expect(await world.atStripe(goes)).toMatchObject({ authorizations: 1, held: 0, captured: [total] });
  expect(await world.paymentOf(goes)).not.toHaveProperty('renewal');

  const { renewal } = await world.paymentOf(waits);
  const confirm = `/_sandbox/payment_intents/${renewal!.intentId}/confirm`;
  await world.control(world.stripe.url, 'POST', confirm, { payment_method: 'pm_card_mastercard' });
  await until(async () => (await world.paymentOf(waits)).pastIntents.length === 1, 'it is confirmed');
  await deliver(waits);
  expect(await world.atStripe(waits)).toMatchObject({ authorizations: 2, held: 0, captured: [total] });

  const { id } = await world.incident(leaves, 'payment_renewal');
  await world.answer(leaves, id, 'cancel');
  await world.reaches(leaves, 'cancelled');
  expect(await world.atStripe(leaves)).toMatchObject({ held: 0, captured: [] });
});

test('a bank that wants to ask the owner of a saved card makes an incident of it, and the owner comes', async () => {
  const orderId = await placeAndSave('pm_card_visa');
  // By then the bank wants to be asked.
  await world.mongo.models.payments.updateOne({ orderId }, { $set: { savedMethod: 'pm_card_authenticationRequired' } });
  await pass(almost);
  await world.incident(orderId, 'payment_renewal');
  const { renewal } = await world.paymentOf(orderId);
  const at = `/_sandbox/payment_intents/${renewal!.intentId}`;
  await world.control(world.stripe.url, 'POST', `${at}/confirm`, { payment_method: 'pm_card_authenticationRequired' });
  await world.control(world.stripe.url, 'POST', `${at}/authenticate`, { outcome: 'succeed' });
  await until(async () => (await world.paymentOf(orderId)).pastIntents.length === 1, 'it is authorized anew');
  await until(async () => !(await world.stateOf(orderId)).incidents.some(({ cause }) => cause === 'payment_renewal'));
  await world.cancel(orderId);
});

test('the auditor finds nothing, and every workflow replays', async () => {
  await world.inboxIsEmpty();
  const found = await world.violations();
  // The skipped time is ahead of the auditor's clock, and not behind it.
  expect(found).toEqual([]);
});
