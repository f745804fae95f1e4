/** Payments that are not one card, held at once and captured once: bank debits, tokens, captures by parcel, rules of risk. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { bookCredit } from '../../activities/payments/credit.ts';
import { reconcilePage } from '../../activities/payments/reconciliation.ts';
import { newId } from '../../models/id.ts';
import type { PaymentRules } from '../../models/store.ts';
import { limits } from '../../workflows/domain/limits.ts';
import { dayOf } from '../../workflows/domain/reconciliation.ts';
import { paymentChanged } from '../../workflows/messages.ts';
import { createBank } from '../support/disputes.ts';
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

async function settle(orderId: string, outcome: 'succeeded' | 'failed'): Promise<void> {
  const intentId = await world.intentOf(orderId);
  await world.control(world.stripe.url, 'POST', `/_sandbox/payment_intents/${intentId}/settle`, { outcome });
}

/** What Stripe.js makes of a method in the browser, with the customer's consent to what it takes. */
async function token(payment_method: string): Promise<string> {
  const made = await world.control(world.stripe.url, 'POST', '/_sandbox/confirmation_tokens', { payment_method });
  return (made as { id: string }).id;
}

describe('a bank debit', () => {
  const byDebit = async () => ({ paymentMethod: await token('pm_usBankAccount_processing') });

  test('holds the goods while it is on its way, and only then they are sent', async () => {
    const { orderId, status } = await world.place(await byDebit());
    expect(status).toBe('awaiting_payment');
    const state = await world.stateOf(orderId);
    expect(state).toMatchObject({ payment: { attempt: 'processing' }, waitingFor: { event: 'settlement' } });
    expect(Date.parse(state.waitingFor!.deadline)).toBeGreaterThan(Date.now() + 10 * 86_400_000);
    await expect(world.pay(orderId, 'pm_card_visa')).rejects.toThrow();
    await settle(orderId, 'succeeded');
    await world.reaches(orderId, 'confirmed');
    await world.deliver(orderId);
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [2 * price], refunds: [] });
    expect((await world.mailsOf(orderId)).slice(0, 2)).toEqual(['payment_processing', 'order_confirmed']);
  });

  test('that fails leaves the goods held for another method', async () => {
    const { orderId } = await world.place(await byDebit());
    await settle(orderId, 'failed');
    await until(async () => (await world.stateOf(orderId)).payment.attempt === 'declined', 'the bank has refused');
    expect(await world.pay(orderId, 'pm_card_visa')).toBe('confirmed');
    expect(await world.atStripe(orderId)).toMatchObject({ held: 1, captured: [] });
    expect(await world.mailsOf(orderId)).toContain('payment_needed');
  });

  test('of more than is sent is paid back', async () => {
    const sku = await world.newSku({ wh_east: 2 });
    const { orderId } = await world.place({ ...(await byDebit()), items: [{ sku, quantity: 2 }] });
    await settle(orderId, 'succeeded');
    await world.reaches(orderId, 'confirmed');
    const [shipment] = await world.shipmentsOf(orderId);
    await world.pickShort(shipment!.id, 1);
    await world.pack(orderId, shipment!.id);
    await world.handOver(orderId, shipment!.id);
    await world.carrierSays(shipment!.id, 'delivered');
    await world.reaches(orderId, 'completed');
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [2 * price], refunds: [price] });
  });

  test('of an order that is cancelled meanwhile is let go', async () => {
    const { orderId } = await world.place(await byDebit());
    expect(await world.cancel(orderId)).toBe('cancelled');
    expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [] });
  });
});

test('a method that does not take the currency is declined, and another one pays', async () => {
  const { orderId, status } = await world.place({ paymentMethod: 'pm_sepaDebit_success_de' });
  expect(status).toBe('awaiting_payment');
  expect(await world.pay(orderId, 'pm_sepaDebit_success_de')).toBe('awaiting_payment');
  expect((await world.paymentOf(orderId)).attempts).toMatchObject([
    { status: 'declined', declineCode: 'payment_method_currency_mismatch' },
    { status: 'declined', declineCode: 'payment_method_currency_mismatch' },
  ]);
  expect((await world.stateOf(orderId)).incidents).toEqual([]);
  expect(await world.pay(orderId, 'pm_card_visa')).toBe('confirmed');
});

test('a confirmation token pays once, as a method does', async () => {
  const used = await token('pm_card_visa');
  const { orderId, status } = await world.place({ paymentMethod: used });
  expect(status).toBe('confirmed');
  const again = await world.place({ paymentMethod: used });
  expect(again.status).toBe('awaiting_payment');
  expect(await world.pay(again.orderId, await token('pm_card_visa'))).toBe('confirmed');
  expect(await world.atStripe(orderId)).toMatchObject({ authorizations: 1 });
});

test('a token whose answer Stripe lost is no method that was refused: its customer confirms it', async () => {
  const fired = await world.fault('stripe', { operation: 'payment_intents.confirm', kind: 'fail_after' });
  const { orderId } = await world.place({ paymentMethod: await token('pm_card_threeDSecure2Required') });
  expect(await fired()).toBe(true);
  expect(await world.stateOf(orderId)).toMatchObject({ payment: { attempt: 'requires_action' } });
  expect((await world.paymentOf(orderId)).attempts).toMatchObject([{ status: 'requires_action' }]);
  await world.browser(orderId, 'authenticate', { outcome: 'succeed' });
  await world.reaches(orderId, 'confirmed');
});

describe('where the card can be captured more than once', () => {
  beforeAll(() => world.setPayments({ multicapture: true }));
  afterAll(() => world.setPayments({}));
  const items = [
    { sku: 'MUG', quantity: 2 },
    { sku: 'LAMP', quantity: 1 },
  ];
  const split = async (paymentMethod = 'pm_card_visa') => {
    const { orderId } = await world.place({ items, paymentMethod });
    const shipments = await world.shipmentsOf(orderId);
    const of = (warehouse: string) => shipments.find(({ warehouseId }) => warehouseId === warehouse)!.id;
    return { orderId, mugs: of('wh_east'), lamp: of('wh_west') };
  };
  const capturesOf = async (orderId: string) =>
    (await world.paymentOf(orderId)).ledger.filter(({ kind }) => kind === 'capture').map(({ amount }) => amount);

  test('each parcel takes its share, and the last one the rest', async () => {
    const { orderId, mugs, lamp } = await split();
    await world.makeReady(orderId, mugs);
    expect(await world.stateOf(orderId)).toMatchObject({ paymentStatus: 'partially_captured' });
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [2 * price], held: 1 });
    await world.handOver(orderId, mugs);
    await world.makeReady(orderId, lamp);
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [3 * price], held: 0 });
    await world.handOver(orderId, lamp);
    for (const id of [mugs, lamp]) await world.carrierSays(id, 'delivered');
    await world.reaches(orderId, 'completed');
    expect(await capturesOf(orderId)).toEqual([2 * price, price]);
  });

  test('what was paid back before a chargeback took it as well is no less than nothing when the rest is cancelled', async () => {
    const bank = createBank(world);
    const { orderId, mugs } = await split();
    await world.ship(orderId, mugs);
    await world.carrierSays(mugs, 'delivered');
    const refundId = await world.refund(orderId, 500);
    expect(await world.refundHandle(refundId).result()).toBe('succeeded');
    const disputeId = await bank.open(orderId, { amount: 2 * price });
    await until(async () => (await world.paymentOf(orderId)).withheld === 2 * price, 'the bank has it');
    await bank.answer(disputeId, 'accept');
    expect(await bank.result(disputeId)).toBe('lost');
    await world.cancel(orderId);
    await world.reaches(orderId, 'completed');
    expect(await world.paymentOf(orderId)).toMatchObject({ captured: 2 * price, refunded: 500, refundPending: 0 });
    const refunds = await world.mongo.models.refunds.find({ orderId }).lean();
    expect(refunds.filter(({ amount, uncaptured }) => amount < uncaptured)).toEqual([]);
  });

  test('two parcels that are ready at once take each share once, also where replies are lost', async () => {
    const { orderId, mugs, lamp } = await split();
    const fired = await world.fault('stripe', { operation: 'payment_intents.capture', kind: 'lose_reply', times: 2 });
    await Promise.all([world.makeReady(orderId, mugs), world.makeReady(orderId, lamp)]);
    expect(await fired()).toBe(true);
    expect((await capturesOf(orderId)).reduce((sum, amount) => sum + amount, 0)).toBe(3 * price);
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [3 * price], held: 0, refunds: [] });
    await world.handOver(orderId, mugs);
    await world.handOver(orderId, lamp);
  });

  test('what is not sent any more is not captured, and credited', async () => {
    const { orderId, mugs, lamp } = await split();
    await world.ship(orderId, mugs);
    expect(await world.cancel(orderId)).toBe('processing');
    await world.shipmentReaches(orderId, lamp, 'cancelled');
    await world.carrierSays(mugs, 'delivered');
    await world.reaches(orderId, 'completed');
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [2 * price], held: 0, refunds: [] });
    const refund = await world.mongo.models.refunds.findOne({ orderId }).lean().orFail();
    expect(refund).toMatchObject({ amount: price, uncaptured: price, status: 'succeeded' });
    expect(await world.mailsOf(orderId)).not.toContain('refunded');
  });

  test('a refund of what was captured and of what was not is reconciled by what was sent', async () => {
    const { orderId, mugs } = await split();
    await world.makeReady(orderId, mugs);
    expect(await world.cancel(orderId)).toBe('cancelled');
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [2 * price], refunds: [2 * price] });
    const refund = await world.mongo.models.refunds.findOne({ orderId }).lean().orFail();
    expect(refund).toMatchObject({ amount: 3 * price, uncaptured: price });
    const day = dayOf(new Date());
    for (let done = false; !done; ) ({ done } = await reconcilePage(world.mongo, world.payments, { day }));
    const { differences } = await world.mongo.models.reconciliations.findById(day).lean().orFail();
    expect(differences.filter((each) => each.orderId === orderId)).toEqual([]);
  });

  test('no parcel waits for a refund of another', async () => {
    const { orderId, mugs, lamp } = await split('pm_card_pendingRefund');
    await world.ship(orderId, mugs);
    await world.carrierSays(mugs, 'lost');
    const { id } = await world.incident(orderId, 'lost');
    await world.answer(orderId, id, 'refund');
    const find = () => world.mongo.models.refunds.findOne({ orderId, providerId: { $ne: null } }).lean();
    await until(async () => (await find()) !== null, 'the refund is made');
    await world.ship(orderId, lamp);
    await world.carrierSays(lamp, 'delivered');
    const { providerId } = (await find())!;
    await world.control(world.stripe.url, 'POST', `/_sandbox/refunds/${providerId}/settle`, { outcome: 'succeeded' });
    await world.reaches(orderId, 'completed');
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [2 * price], held: 0, refunds: [price] });
  });

  test('a bank debit is taken as a whole', async () => {
    const { orderId } = await world.place({ items, paymentMethod: await token('pm_usBankAccount_processing') });
    await settle(orderId, 'succeeded');
    await world.reaches(orderId, 'confirmed');
    await world.deliver(orderId);
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [3 * price], refunds: [] });
  });
});

test('a card that store credit has made needless is let go', async () => {
  const sku = await world.newSku({ wh_east: 2 });
  const customerId = newId('cus');
  const customer = { _id: customerId, email: `${customerId}@example.com`, name: 'A', createdAt: new Date() };
  await world.mongo.models.customers.create([customer]);
  const grant = { customerId, currency: 'USD', amount: price, kind: 'grant', reason: 'test', actor: 'test' } as const;
  await bookCredit(world.mongo, { key: newId('req'), ...grant });
  const { orderId } = await world.place({ items: [{ sku, quantity: 2 }], customerId, credit: price });
  const [shipment] = await world.shipmentsOf(orderId);
  await world.pickShort(shipment!.id, 1);
  await world.pack(orderId, shipment!.id);
  await world.handOver(orderId, shipment!.id);
  await world.carrierSays(shipment!.id, 'delivered');
  await world.reaches(orderId, 'completed');
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [] });
});

describe('rules of risk', () => {
  afterAll(() => world.setPayments({}));

  test.each<[string, PaymentRules['risk'], RegExp]>([
    ['an amount', { amountFrom: { USD: 2 * price } }, /more than the store sends/],
    ['a card from elsewhere', { foreignCard: true }, /The card is of US, and the goods go to DE/],
    ['a score', { scoreFrom: 10 }, /score is 12/],
  ])('%s puts the order on hold, in words', async (_what, risk, why) => {
    await world.setPayments({ risk });
    const shipTo = { name: 'K', line1: 'M 7', city: 'Berlin', postalCode: '10965', country: 'DE' };
    const { orderId, status } = await world.place({ shipTo });
    expect(status).toBe('on_hold');
    const { id, why: said } = await world.incident(orderId, 'hold');
    expect(said).toMatch(why);
    await world.answer(orderId, id, 'release');
    await world.reaches(orderId, 'confirmed');
  });

  test('methods that were declined before count', async () => {
    await world.setPayments({ risk: { declinesFrom: 2 } });
    const { orderId } = await world.place({ paymentMethod: 'pm_card_visa_chargeDeclined' });
    await world.pay(orderId, 'pm_card_visa_chargeDeclinedStolenCard');
    expect(await world.pay(orderId, 'pm_card_visa')).toBe('on_hold');
    expect((await world.incident(orderId, 'hold')).why).toMatch(/2 methods were declined/);
  });
});

test('an amount that is not the order’s confirms nothing, and says both', async () => {
  const { orderId } = await world.place({ paymentMethod: 'pm_card_threeDSecure2Required' });
  // The order is another one by then: as if somebody had changed the intent.
  await world.mongo.models.payments.updateOne({ orderId }, { $set: { amountDue: 2 * price + 1 } });
  await world.browser(orderId, 'authenticate', { outcome: 'succeed' });
  // The event does not fit and is let lie; whoever looks then is told.
  await world.orderHandle(orderId).signal(paymentChanged);
  const { id, why } = await world.incident(orderId, 'read_payment');
  expect(why).toMatch(/is about 39\.98 USD, and order .* about 39\.99 USD/);
  expect(await world.readOrder(orderId)).toMatchObject({ status: 'awaiting_payment' });
  await world.mongo.models.payments.updateOne({ orderId }, { $set: { amountDue: 2 * price } });
  await world.answer(orderId, id, 'retry');
  await world.reaches(orderId, 'confirmed');
});

test('an authorization that the bank lets go is asked for again, and the customer gives another card', async () => {
  const { orderId } = await world.place();
  await world.browser(orderId, 'expire');
  const { why } = await world.incident(orderId, 'payment_renewal');
  expect(why).toMatch(/not held for long/);
  expect(await world.mailsOf(orderId)).toContain('renewal_needed');
  expect(await world.pay(orderId, 'pm_card_visa_chargeDeclined')).toBe('confirmed');
  expect(await world.pay(orderId, 'pm_card_mastercard')).toBe('confirmed');
  await until(async () => (await world.stateOf(orderId)).incidents.length === 0, 'nobody is needed any more');
  const { pastIntents, renewal } = await world.paymentOf(orderId);
  expect(pastIntents).toHaveLength(1);
  expect(renewal).toBeUndefined();
  expect(await world.atStripe(orderId)).toMatchObject({ held: 1, captured: [] });
  await world.deliver(orderId);
  expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [2 * price] });
});

test('a card that is offered while the provider is asked has its turn', async () => {
  const { orderId } = await world.place();
  await world.browser(orderId, 'expire');
  await world.incident(orderId, 'payment_renewal');
  const fired = await world.fault('stripe', { operation: 'payment_intents.retrieve', kind: 'slow', ms: 1_500 });
  await world.orderHandle(orderId).signal(paymentChanged);
  await until(fired, 'the provider is asked');
  expect(await world.pay(orderId, 'pm_card_mastercard')).toBe('confirmed');
  await until(async () => (await world.stateOf(orderId)).incidents.length === 0, 'nobody is needed any more');
  expect(await world.atStripe(orderId)).toMatchObject({ held: 1, captured: [] });
});

test('nobody tries card after card where the money is to be held anew', async () => {
  const { orderId } = await world.place();
  await world.browser(orderId, 'expire');
  await world.incident(orderId, 'payment_renewal');
  const offers = async () => world.pay(orderId, 'pm_card_visa_chargeDeclinedStolenCard');
  for (let card = 1; card < limits.paymentAttempts; card += 1) await offers();
  await expect(offers()).rejects.toMatchObject({ cause: { message: expect.stringContaining('has had its 20') } });
  // Each card that was offered asks anew.
  const giveUp = async () => world.answer(orderId, (await world.incident(orderId, 'payment_renewal')).id, 'cancel');
  await until(giveUp, 'somebody gives it up');
  await world.reaches(orderId, 'cancelled');
});

test('every workflow replays', async () => {
  expect(await world.replayFailures()).toEqual([]);
});

test('the auditor finds nothing', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});
