/** Exchanges on real servers: an order that a return pays for, dearer, cheaper or even, and whatever stands in its way. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { openRefund } from '../../activities/payments/refunds.ts';
import { newId } from '../../models/id.ts';
import type { Answer } from '../../workflows/messages.ts';
import * as messages from '../../workflows/messages.ts';
import { createExchanges } from '../support/exchanges.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let exchanges: ReturnType<typeof createExchanges>;
beforeAll(async () => {
  world = await startWorld();
  exchanges = createExchanges(world);
  await exchanges.setPolicies();
});
afterEach(async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});
afterAll(async () => {
  expect(await world.replayFailures()).toEqual([]);
  await world.stop();
});

const worth = 2 * price;
const actor = 'support:test';
const reserved = (sku: string) => world.stock(sku, 'wh_east');

describe('on receipt', () => {
  test('even: the other goods are kept, leave when the first are accepted, and no card is asked', async () => {
    const { orderId, returnId, other, exchangeId } = await exchanges.agreed({ release: 'on_receipt' });
    expect(await reserved(other)).toMatchObject({ reserved: 2, committed: 0 });
    const waitsFor = async () => (await world.stateOf(exchangeId)).waitingFor?.event;
    await until(async () => (await waitsFor()) === 'exchange_goods', 'it waits for what it is for');
    expect(await world.mongo.models.shipments.countDocuments({ orderId: exchangeId })).toBe(0);
    expect(await exchanges.moneyOf(orderId)).toMatchObject({ transferredOut: worth, refunded: 0 });

    await exchanges.takenBack(returnId);
    await exchanges.completed(returnId);
    await world.deliver(exchangeId);
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [worth], refunds: [] });
    expect(await world.atStripe(exchangeId)).toMatchObject({ authorizations: 0 });
    expect(await world.paymentOf(exchangeId)).toMatchObject({
      ...{ credit: worth, creditReturned: 0, amountDue: 0, transfer: { from: orderId, settled: true } },
    });
    const { refund, refundId } = await exchanges.stored(returnId);
    expect(refund).toMatchObject({ total: worth });
    expect(await world.mongo.models.refunds.findById(refundId).lean()).toMatchObject({
      ...{ amount: worth, transferred: worth, status: 'succeeded' },
    });
    expect(await world.mailsOf(exchangeId)).toEqual(expect.arrayContaining(['exchange_confirmed', 'order_confirmed']));
    expect(await world.mailsOf(orderId)).not.toContain('refunded');
  });

  test('dearer: a method is saved, and charged the difference when the goods are back', async () => {
    const { orderId, returnId, exchangeId } = await exchanges.agreed({
      ...{ release: 'on_receipt', costs: price + 500, paymentMethod: 'pm_card_visa' },
    });
    expect(await world.atStripe(exchangeId)).toMatchObject({ authorizations: 0 });
    await exchanges.takenBack(returnId);
    await exchanges.completed(returnId);
    await world.deliver(exchangeId);
    expect(await world.atStripe(exchangeId)).toMatchObject({ captured: [1_000], refunds: [] });
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [worth], refunds: [] });
  });

  test('cheaper: what is left goes back as it was paid', async () => {
    const { orderId, returnId, exchangeId } = await exchanges.agreed({ release: 'on_receipt', costs: price - 500 });
    expect(await exchanges.moneyOf(orderId)).toMatchObject({ transferredOut: worth - 1_000 });
    await exchanges.takenBack(returnId);
    await exchanges.completed(returnId);
    expect(await world.atStripe(orderId)).toMatchObject({ refunds: [1_000] });
    expect(await world.mailsOf(orderId)).toContain('refunded');
    await world.deliver(exchangeId);
    expect(await world.atStripe(exchangeId)).toMatchObject({ authorizations: 0 });
  });

  test('a card that is declined in the end: the return is paid back, once, and the goods are free', async () => {
    const { orderId, returnId, other, exchangeId } = await exchanges.agreed({
      ...{ release: 'on_receipt', costs: price + 500, paymentMethod: 'pm_card_chargeCustomerFail' },
    });
    await exchanges.takenBack(returnId);
    const { id } = await world.incident(exchangeId, 'backorder_payment');
    expect((await exchanges.stored(returnId)).status).toBe('inspected');
    await world.answer(exchangeId, id, 'cancel');
    await exchanges.completed(returnId);
    await world.reaches(exchangeId, 'cancelled');
    expect(await world.atStripe(orderId)).toMatchObject({ refunds: [worth] });
    expect(await exchanges.moneyOf(orderId)).toMatchObject({ transferredOut: 0, refunded: worth });
    expect(await reserved(other)).toMatchObject({ onHand: 10, reserved: 0, committed: 0 });
    expect(await world.mailsOf(orderId)).toContain('exchange_failed');
  });

  test('less was accepted: the exchange is called off, and what was accepted is paid back', async () => {
    const { orderId, returnId, other, exchangeId } = await exchanges.agreed({ release: 'on_receipt' });
    await exchanges.takenBack(returnId, 1);
    await exchanges.completed(returnId);
    await world.reaches(exchangeId, 'cancelled');
    expect(await world.atStripe(orderId)).toMatchObject({ refunds: [price] });
    expect(await exchanges.moneyOf(orderId)).toMatchObject({ transferredOut: 0 });
    expect(await reserved(other)).toMatchObject({ reserved: 0, committed: 0 });
  });

  test('its customer withdraws the return: the exchange goes with it', async () => {
    const { orderId, returnId, other, exchangeId } = await exchanges.agreed({ release: 'on_receipt' });
    await exchanges.returns.awaits(returnId, 'return_arrival');
    await world.returnHandle(returnId).executeUpdate(messages.cancelReturn, { args: [{ actor, reason: 'note_1' }] });
    await world.returnReaches(returnId, 'cancelled');
    await world.reaches(exchangeId, 'cancelled');
    expect(await exchanges.moneyOf(orderId)).toMatchObject({ transferredOut: 0, refunded: 0 });
    expect(await reserved(other)).toMatchObject({ reserved: 0 });
    expect(await world.mailsOf(orderId)).not.toContain('exchange_failed');
  });

  test('its customer cancels the exchange: the return goes on, and is paid back', async () => {
    const { orderId, returnId, exchangeId } = await exchanges.agreed({ release: 'on_receipt' });
    await world.cancel(exchangeId);
    await world.reaches(exchangeId, 'cancelled');
    await exchanges.reaches(returnId, 'failed');
    expect(await exchanges.moneyOf(orderId)).toMatchObject({ transferredOut: 0, refunded: 0 });
    await exchanges.takenBack(returnId);
    await exchanges.completed(returnId);
    expect(await world.atStripe(orderId)).toMatchObject({ refunds: [worth] });
  });
});

describe('at once', () => {
  test('it leaves before the goods are back, and the books close when they come', async () => {
    const { orderId, returnId, exchangeId } = await exchanges.agreed({
      ...{ release: 'at_once', costs: price + 500, paymentMethod: 'pm_card_visa' },
    });
    await world.deliver(exchangeId);
    expect(await world.atStripe(exchangeId)).toMatchObject({ captured: [1_000] });
    await exchanges.takenBack(returnId);
    await exchanges.completed(returnId);
    expect(await world.atStripe(orderId)).toMatchObject({ refunds: [] });
    expect(await exchanges.moneyOf(orderId)).toMatchObject({ transferredOut: worth });
  });

  test('a difference that is declined waits for its customer; cancelled, the return is paid back', async () => {
    const { orderId, returnId } = await exchanges.asked({
      ...{ release: 'at_once', costs: price + 500, paymentMethod: 'pm_card_visa_chargeDeclined' },
    });
    await world.follow('return', returnId);
    const exchangeId = await exchanges.opened(returnId);
    await world.reaches(exchangeId, 'awaiting_payment');
    await until(async () => (await world.mailsOf(exchangeId)).includes('exchange_payment_needed'), 'they are asked');
    await world.cancel(exchangeId);
    await exchanges.reaches(returnId, 'failed');
    await exchanges.takenBack(returnId);
    await exchanges.completed(returnId);
    expect(await world.atStripe(orderId)).toMatchObject({ refunds: [worth] });
  });

  test.each<[Answer, object]>([
    ['skip', { transferredOut: worth, refunded: 0 }],
    ['cancel', { transferredOut: 0, refunded: price }],
  ])('less was accepted while it is here, and support answers %s', async (answer, money) => {
    const { orderId, returnId, exchangeId } = await exchanges.agreed({ release: 'at_once' });
    await exchanges.takenBack(returnId, 1);
    const incident = await exchanges.returns.incident(returnId, 'exchange_shortfall');
    expect(incident.why).toContain('19.99');
    await exchanges.returns.answer(returnId, incident, answer);
    await exchanges.completed(returnId);
    expect(await exchanges.moneyOf(orderId)).toMatchObject(money);
    if (answer === 'cancel') await world.reaches(exchangeId, 'cancelled');
    else await world.deliver(exchangeId);
  });

  test('less was accepted, and it has left: it cannot be cancelled, and the store bears it', async () => {
    const { orderId, returnId, exchangeId } = await exchanges.agreed({ release: 'at_once' });
    const [shipment] = await world.shipmentsOf(exchangeId);
    await world.ship(exchangeId, shipment!.id);
    await exchanges.takenBack(returnId, 1);
    const first = await exchanges.returns.incident(returnId, 'exchange_shortfall');
    await exchanges.returns.answer(returnId, first, 'cancel');
    await until(
      async () => (await exchanges.returns.incident(returnId, 'exchange_shortfall')).id !== first.id,
      'it is asked again',
    );
    const second = await exchanges.returns.incident(returnId, 'exchange_shortfall');
    expect([first.answers, second.answers]).toEqual([['skip', 'cancel'], ['skip']]);
    await exchanges.returns.answer(returnId, second, 'skip');
    await exchanges.completed(returnId);
    await world.carrierSays(shipment!.id, 'delivered');
    await world.reaches(exchangeId, 'completed');
    expect(await exchanges.moneyOf(orderId)).toMatchObject({ transferredOut: worth, refunded: 0 });
  });

  test('cancelled when its card was charged: the return does not wait for the bank of that card', async () => {
    const { orderId, returnId, exchangeId } = await exchanges.agreed({
      ...{ release: 'at_once', costs: price + 500, paymentMethod: 'pm_card_pendingRefund' },
    });
    const [shipment] = await world.shipmentsOf(exchangeId);
    await world.makeReady(exchangeId, shipment!.id);
    await world.orderHandle(exchangeId).signal(messages.cancelSignal, { actor, reason: 'note_1' });
    await exchanges.reaches(returnId, 'failed');
    await exchanges.takenBack(returnId);
    await exchanges.completed(returnId);
    expect(await world.atStripe(orderId)).toMatchObject({ refunds: [worth] });
    expect(await exchanges.moneyOf(exchangeId)).toMatchObject({ refundPending: 1_000, creditReturned: worth });
    const sent = () => world.mongo.models.refunds.findOne({ orderId: exchangeId, providerId: { $ne: null } }).lean();
    await until(async () => (await sent()) !== null, 'the rest is sent');
    const settle = `/_sandbox/refunds/${(await sent())!.providerId}/settle`;
    await world.control(world.stripe.url, 'POST', settle, { outcome: 'succeeded' });
    await world.reaches(exchangeId, 'cancelled');
  });

  test('it has left when its return is withdrawn: the goods have to come', async () => {
    const { returnId, exchangeId } = await exchanges.agreed({ release: 'at_once' });
    const [shipment] = await world.shipmentsOf(exchangeId);
    await world.ship(exchangeId, shipment!.id);
    await exchanges.returns.awaits(returnId, 'return_arrival');
    const input = { actor, reason: 'note_1' };
    expect(await world.returnHandle(returnId).executeUpdate(messages.cancelReturn, { args: [input] })).toEqual({
      status: 'approved',
    });
    await world.carrierSays(shipment!.id, 'delivered');
    await exchanges.takenBack(returnId);
    await exchanges.completed(returnId);
    await world.reaches(exchangeId, 'completed');
  });
});

describe('after the return is settled, what the exchange does not need goes back to the first card', () => {
  async function settled(costs = price) {
    const found = await exchanges.agreed({
      ...{ release: 'on_receipt', costs, ...(costs > price && { paymentMethod: 'pm_card_visa' }) },
    });
    await exchanges.takenBack(found.returnId);
    await exchanges.completed(found.returnId);
    await world.reaches(found.exchangeId, 'confirmed');
    return found;
  }

  test('it is cancelled', async () => {
    const { orderId, exchangeId } = await settled();
    await world.cancel(exchangeId);
    await world.reaches(exchangeId, 'cancelled');
    await until(async () => (await exchanges.moneyOf(orderId)).refunded === worth, 'the first card has it back');
    expect(await world.atStripe(orderId)).toMatchObject({ refunds: [worth] });
    expect(await exchanges.moneyOf(orderId)).toMatchObject({ transferredOut: 0 });
  });

  test('its parcel is lost', async () => {
    const { orderId, exchangeId } = await settled(price + 500);
    const [shipment] = await world.shipmentsOf(exchangeId);
    await world.ship(exchangeId, shipment!.id);
    await world.carrierSays(shipment!.id, 'lost');
    await world.answer(exchangeId, (await world.incident(exchangeId, 'lost')).id, 'refund');
    await world.reaches(exchangeId, 'completed');
    await until(async () => (await exchanges.moneyOf(orderId)).refunded === worth, 'the first card has its part');
    expect(await world.atStripe(exchangeId)).toMatchObject({ captured: [1_000], refunds: [1_000] });
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [worth], refunds: [worth] });
  });

  test('it comes back itself, in exchange for a third', async () => {
    const { orderId, exchangeId } = await settled();
    await world.deliver(exchangeId);
    const third = await exchanges.newSku('on_receipt', price - 500);
    const returnId = await exchanges.ask(exchangeId, third);
    await world.follow('return', returnId);
    await exchanges.reaches(returnId, 'accepted');
    await exchanges.takenBack(returnId);
    await exchanges.completed(returnId);
    expect(await exchanges.moneyOf(exchangeId)).toMatchObject({ transferredOut: worth - 1_000, creditReturned: 1_000 });
    await until(async () => (await exchanges.moneyOf(orderId)).refunded === 1_000, 'the first card has the rest');
    const last = await exchanges.opened(returnId);
    await world.deliver(last);
    await world.refund(last);
    await until(async () => (await exchanges.moneyOf(orderId)).refunded === worth, 'the first card has all of it');
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [worth], refunds: [1_000, worth - 1_000] });
  });
});

describe('what it is priced with is gone when the return is approved', () => {
  test('its stock: the return goes on as a refund', async () => {
    const { orderId, returnId, other } = await exchanges.asked({ release: 'on_receipt', units: 2 });
    await world.place({ items: [{ sku: other, quantity: 1 }] });
    await world.follow('return', returnId);
    await exchanges.reaches(returnId, 'failed');
    await world.reaches(await exchanges.opened(returnId), 'rejected');
    await until(async () => (await world.mailsOf(orderId)).includes('exchange_failed'), 'the customer is told');
    await exchanges.takenBack(returnId);
    await exchanges.completed(returnId);
    expect(await world.atStripe(orderId)).toMatchObject({ refunds: [worth] });
  });

  test('its money, as support has paid it back: the return brings nothing more', async () => {
    const { orderId, returnId } = await exchanges.asked({ release: 'on_receipt' });
    await world.refund(orderId);
    await world.follow('return', returnId);
    await exchanges.reaches(returnId, 'failed');
    await exchanges.takenBack(returnId);
    await exchanges.completed(returnId);
    expect(await world.atStripe(orderId)).toMatchObject({ refunds: [worth] });
  });
});

test('what pays for an exchange cannot be paid back as well', async () => {
  const { orderId, returnId, exchangeId } = await exchanges.agreed({ release: 'on_receipt' });
  await expect(world.refund(orderId, 1)).rejects.toThrow('nothing_captured');
  await exchanges.takenBack(returnId);
  await exchanges.completed(returnId);
  await world.deliver(exchangeId);
});

test('a refund that failed, and whose money pays for an exchange by now, is not sent again', async () => {
  const orderId = await exchanges.delivered({
    ...{ items: [{ sku: await exchanges.newSku('on_receipt'), quantity: 2 }], paymentMethod: 'pm_card_pendingRefund' },
  });
  const refundId = await world.refund(orderId, 100);
  const stored = () => world.mongo.models.refunds.findById(refundId).lean().orFail();
  await until(async () => (await stored()).providerId !== undefined, 'it is sent');
  const settle = `/_sandbox/refunds/${(await stored()).providerId}/settle`;
  await world.control(world.stripe.url, 'POST', settle, { outcome: 'failed' });
  const incident = async () => (await stored()).state?.incidents[0];
  await until(async () => (await incident()) !== undefined, 'a person is asked');

  const returnId = await exchanges.ask(orderId, await exchanges.newSku('on_receipt'));
  await world.follow('return', returnId);
  await exchanges.reaches(returnId, 'accepted');
  const answer = async (answer: Answer) => {
    const args: [messages.AnswerInput] = [{ incidentId: (await incident())!.id, answer, actor }];
    await world.refundHandle(refundId).executeUpdate(messages.answerIncident, { args });
  };
  await answer('retry');
  await until(async () => /Only 0 of 100/.test((await incident())?.why ?? ''), 'it is told why not');
  await answer('skip');
  await exchanges.takenBack(returnId);
  await exchanges.completed(returnId);
  expect(await world.atStripe(orderId)).toMatchObject({ refunds: [] });
  await world.deliver(await exchanges.opened(returnId));
});

test('the exchange comes back before what it was for: nothing is paid back twice', async () => {
  const { orderId, returnId, exchangeId } = await exchanges.agreed({ release: 'at_once' });
  await world.deliver(exchangeId);
  const second = await world.sendBack(exchangeId, [exchanges.returns.line]);
  await exchanges.takenBack(second);
  await exchanges.completed(second);
  expect(await exchanges.moneyOf(orderId)).toMatchObject({ transferredOut: 0, refunded: 0 });
  await exchanges.takenBack(returnId);
  await exchanges.completed(returnId);
  expect(await world.atStripe(orderId)).toMatchObject({ refunds: [worth] });
});

test('its parcel is sent again: that is paid by the same return, and paid back by it', async () => {
  const { orderId, returnId, exchangeId } = await exchanges.agreed({ release: 'on_receipt' });
  await exchanges.takenBack(returnId);
  await exchanges.completed(returnId);
  await world.reaches(exchangeId, 'confirmed');
  const [shipment] = await world.shipmentsOf(exchangeId);
  await world.ship(exchangeId, shipment!.id);
  await world.carrierSays(shipment!.id, 'lost');
  await world.answer(exchangeId, (await world.incident(exchangeId, 'lost')).id, 'reship');
  await world.reaches(exchangeId, 'completed');
  const again = await world.reshipOf(shipment!.id);
  await world.reaches(again._id, 'confirmed');
  await world.cancel(again._id);
  await world.reaches(again._id, 'cancelled');
  await until(async () => (await exchanges.moneyOf(orderId)).refunded === worth, 'the first card has it back');
});

test("a guest's exchange is not paid back to a store credit that they do not have", async () => {
  const { orderId, returnId, exchangeId } = await exchanges.agreed({ release: 'on_receipt' });
  await exchanges.takenBack(returnId);
  await exchanges.completed(returnId);
  await world.deliver(exchangeId);
  const asked = { key: newId('req'), orderId: exchangeId, amount: 100, reason: 'goodwill', actor };
  expect(await openRefund(world.mongo, { ...asked, to: 'store_credit' })).toMatchObject({ refused: 'no_account' });
  expect(await exchanges.moneyOf(orderId)).toMatchObject({ transferredOut: worth });
});

test("a customer's exchange is paid back to their store credit, where they want that", async () => {
  const sku = await exchanges.newSku('on_receipt');
  const orderId = await exchanges.delivered({ items: [{ sku, quantity: 2 }], customerId: 'cus_1' });
  await world.mongo.models.customers.create([
    { _id: 'cus_1', email: 'one@example.com', name: 'One', createdAt: new Date() },
  ] as never);
  const returnId = await exchanges.ask(orderId, await exchanges.newSku('on_receipt'));
  await world.follow('return', returnId);
  await exchanges.reaches(returnId, 'accepted');
  await exchanges.takenBack(returnId);
  await exchanges.completed(returnId);
  const exchangeId = await exchanges.opened(returnId);
  await world.deliver(exchangeId);
  const key = newId('req');
  const asked = { key, orderId: exchangeId, amount: 100, reason: 'goodwill', actor, to: 'store_credit' as const };
  const opened = await openRefund(world.mongo, asked);
  expect(await openRefund(world.mongo, asked)).toEqual(opened);
  await world.follow('refund', (opened as { refundId: string }).refundId);
  expect(await exchanges.moneyOf(orderId)).toMatchObject({ transferredOut: worth - 100 });
  const account = await world.mongo.models.creditAccounts.findById('cus_1:USD').lean();
  expect(account).toMatchObject({ balance: 100 });
});

test('units of the exchange are cancelled: the return brings the rest', async () => {
  const { orderId, returnId, exchangeId } = await exchanges.agreed({ release: 'on_receipt' });
  const lines = [{ lineId: 'line_1', quantity: 1 }];
  await world
    .orderHandle(exchangeId)
    .executeUpdate(messages.cancelOrderLines, { args: [{ lines, actor, reason: 'note_1' }] });
  await exchanges.takenBack(returnId);
  await exchanges.completed(returnId);
  await world.deliver(exchangeId);
  await until(async () => (await exchanges.moneyOf(orderId)).refunded === price, 'one of two is paid back');
  expect(await exchanges.moneyOf(orderId)).toMatchObject({ transferredOut: price });
});
