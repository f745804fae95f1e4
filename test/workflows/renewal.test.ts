/** Money that is held for days: let go before its time, authorized anew, and taken by one of two intents only. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { renewPayment } from '../../activities/payments/renewals.ts';
import { limits } from '../../workflows/domain/limits.ts';
import { paymentChanged } from '../../workflows/messages.ts';
import { price } from '../support/shop.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(async () => {
  await world.stop();
});

const atStripe = (path: string, body: object = {}) =>
  world.control(world.stripe.url, 'POST', `/_sandbox/${path}`, body);

/** An order of which the customer was asked to authorize the money anew, and has not answered. */
async function askedAnew() {
  const { orderId } = await world.place();
  await renewPayment(world.mongo, world.payments, { orderId, renewal: 1, attempt: 1 });
  const { renewal } = await world.paymentOf(orderId);
  const pay = (payment_method: string) => atStripe(`payment_intents/${renewal!.intentId}/confirm`, { payment_method });
  return { orderId, pay };
}

test('a rest that the bank lets go is not handed over unpaid', async () => {
  await world.setPayments({ multicapture: true });
  const { orderId } = await world.place({
    items: [
      { sku: 'MUG', quantity: 2 },
      { sku: 'LAMP', quantity: 1 },
    ],
  });
  const shipments = await world.shipmentsOf(orderId);
  const [mugs, lamp] = ['wh_east', 'wh_west'].map((id) => shipments.find(({ warehouseId }) => warehouseId === id)!.id);
  await world.ship(orderId, mugs!);
  await world.webhooks('stripe', 'off');
  await world.browser(orderId, 'expire');
  await world.pickAll(lamp!);
  expect(await world.pack(orderId, lamp!)).toBe('packed');
  await world.webhooks('stripe', 'normal');
  await world.incident(orderId, 'payment_renewal');
  await world.pay(orderId, 'pm_card_mastercard');
  await world.shipmentReaches(orderId, lamp!, 'ready');
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [2 * price, price] });
  await world.handOver(orderId, lamp!);
  for (const id of [mugs!, lamp!]) await world.carrierSays(id, 'delivered');
  await world.reaches(orderId, 'completed');
  await world.setPayments({});
});

test('a parcel that is packed while the money is asked for anew waits for it', async () => {
  const { orderId } = await world.place();
  await world.browser(orderId, 'expire');
  await world.incident(orderId, 'payment_renewal');
  const [shipment] = await world.shipmentsOf(orderId);
  await world.pickAll(shipment!.id);
  expect(await world.pack(orderId, shipment!.id)).toBe('packed');
  await world.pay(orderId, 'pm_card_mastercard');
  await world.shipmentReaches(orderId, shipment!.id, 'ready');
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [2 * price] });
});

test('a look that failed beside the story stops no order, whatever is answered', async () => {
  const { orderId } = await world.place();
  await world.mongo.models.payments.updateOne({ orderId }, { $set: { amountDue: 2 * price + 1 } });
  await world.orderHandle(orderId).signal(paymentChanged);
  const { id, answers } = await world.incident(orderId, 'read_payment');
  expect(answers).toEqual(['retry', 'skip']);
  await world.mongo.models.payments.updateOne({ orderId }, { $set: { amountDue: 2 * price } });
  await world.answer(orderId, id, 'skip');
  await world.deliver(orderId);
});

test('an incident beside the story keeps no order from being cancelled', async () => {
  const { orderId } = await world.place();
  await world.mongo.models.payments.updateOne({ orderId }, { $set: { amountDue: 2 * price + 1 } });
  await world.orderHandle(orderId).signal(paymentChanged);
  await world.incident(orderId, 'read_payment');
  expect(await world.cancel(orderId)).toBe('cancelled');
  await world.mongo.models.payments.updateOne({ orderId }, { $set: { amountDue: 2 * price } });
});

test('nobody can pay anew once the first authorization is captured', async () => {
  const { orderId, pay } = await askedAnew();
  await world.deliver(orderId);
  await expect(pay('pm_card_visa')).rejects.toThrow(/canceled/);
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [2 * price] });
});

test('what can only be taken at once renews nothing', async () => {
  const { orderId, pay } = await askedAnew();
  await expect(pay('pm_usBankAccount_processing')).rejects.toThrow(/400/);
  await world.deliver(orderId);
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [2 * price] });
});

test('a card that is risky is looked at also where the money is authorized anew, once', async () => {
  const { orderId } = await world.place();
  await world.browser(orderId, 'expire');
  await world.incident(orderId, 'payment_renewal');
  await world.pay(orderId, 'pm_card_riskLevelElevated');
  const { id, why } = await world.incident(orderId, 'hold');
  expect(why).toMatch(/elevated/);
  await world.answer(orderId, id, 'release');
  await world.deliver(orderId);
});

test('a renewal is one, also where an earlier one came to nothing and its answer was lost', async () => {
  const { orderId } = await world.place();
  const asked = { orderId, renewal: 2, attempt: 1, paymentMethod: 'pm_card_visa' };
  await world.fault('stripe', { operation: 'payment_intents.cancel', kind: 'fail_before', times: 3 });
  for (let tries = 0; tries < 6; tries++) await renewPayment(world.mongo, world.payments, asked).catch(() => {});
  expect(await world.atStripe(orderId)).toMatchObject({ authorizations: 2, held: 1 });
  await world.deliver(orderId);
});

test('stolen cards are not tried without end while the money is asked for anew', async () => {
  const { orderId } = await world.place();
  await world.browser(orderId, 'expire');
  await world.incident(orderId, 'payment_renewal');
  let tries = 0;
  const tryAll = async () => {
    for (; tries < 30; tries++) await world.pay(orderId, 'pm_card_visa_chargeDeclined');
  };
  await expect(tryAll()).rejects.toThrow();
  expect(tries).toBe(limits.paymentAttempts - 1);
});

test('every workflow replays', async () => {
  expect(await world.replayFailures()).toEqual([]);
});

test('the auditor finds nothing', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});
