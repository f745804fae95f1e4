/** Exchanges over weeks, on a server that skips the time: goods that come late or never, and customers who do not pay. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { deadlines } from '../../workflows/domain/limits.ts';
import { createExchanges } from '../support/exchanges.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let exchanges: ReturnType<typeof createExchanges>;
// What has its own clock, as the order in exchange has, begins anew with each test.
beforeEach(async () => {
  world = await startWorld({ timeSkipping: true });
  exchanges = createExchanges(world);
  await exchanges.setPolicies();
});
afterEach(async () => {
  await world.inboxIsEmpty();
  const found = await world.violations();
  // The server's clock is weeks ahead of the auditor's.
  expect(found.filter(({ guarantee }) => guarantee !== 'G7')).toEqual([]);
  await world.stop();
});

const minute = 60_000;
const day = 24 * 60 * minute;
const worth = 2 * price;

test('weeks on their way: the goods are kept, and the saved method is charged when the return is accepted', async () => {
  const { orderId, returnId, other, exchangeId } = await exchanges.agreed({
    ...{ release: 'on_receipt', costs: price + 500, paymentMethod: 'pm_card_visa' },
  });
  await exchanges.returns.awaits(returnId, 'return_arrival');
  await world.pass(deadlines.returnArrival - day);
  expect(await world.atStripe(exchangeId)).toMatchObject({ authorizations: 0 });
  expect(await world.stock(other, 'wh_east')).toMatchObject({ reserved: 2 });
  await exchanges.takenBack(returnId);
  await exchanges.completed(returnId);
  await world.reaches(exchangeId, 'confirmed');
  await world.deliver(exchangeId);
  expect(await world.atStripe(exchangeId)).toMatchObject({ captured: [1_000] });
  expect(await world.atStripe(orderId)).toMatchObject({ refunds: [] });
});

test('on receipt, and nothing comes: the exchange goes with the return, and its goods are free', async () => {
  const { orderId, returnId, other, exchangeId } = await exchanges.agreed({ release: 'on_receipt' });
  await exchanges.returns.awaits(returnId, 'return_arrival');
  // Once every workflow has ended, this server passes no more time by itself.
  expect(await world.returnHandle(returnId).result()).toBe('expired');
  await world.reaches(exchangeId, 'cancelled');
  expect(await exchanges.moneyOf(orderId)).toMatchObject({ transferredOut: 0, refunded: 0 });
  expect(await world.stock(other, 'wh_east')).toMatchObject({ reserved: 0, committed: 0 });
});

test('nobody pays the difference: after four days the goods are free, and the return is paid back', async () => {
  const { orderId, returnId, other } = await exchanges.asked({ release: 'on_receipt', costs: price + 500 });
  await world.follow('return', returnId);
  const exchangeId = await exchanges.opened(returnId);
  await world.reaches(exchangeId, 'awaiting_payment');
  await exchanges.returns.awaits(returnId, 'return_arrival');
  await world.pass(deadlines.backorderPayment + minute);
  await world.reaches(exchangeId, 'expired');
  await exchanges.reaches(returnId, 'failed');
  expect(await world.stock(other, 'wh_east')).toMatchObject({ reserved: 0 });
  await exchanges.takenBack(returnId);
  await exchanges.completed(returnId);
  expect(await world.atStripe(orderId)).toMatchObject({ refunds: [worth] });
  expect(await world.mailsOf(exchangeId)).toContain('exchange_payment_needed');
});

test('a card that is declined when the goods are back, and nobody pays: the return is paid back', async () => {
  const { orderId, returnId, exchangeId } = await exchanges.agreed({
    ...{ release: 'on_receipt', costs: price + 500, paymentMethod: 'pm_card_chargeCustomerFail' },
  });
  await exchanges.takenBack(returnId);
  await world.incident(exchangeId, 'backorder_payment');
  await world.pass(deadlines.backorderPayment + minute);
  await world.reaches(exchangeId, 'expired');
  await exchanges.completed(returnId);
  expect(await world.atStripe(orderId)).toMatchObject({ refunds: [worth] });
});

test('at once, and nothing comes: somebody waits, and then the store bears it', async () => {
  const { orderId, returnId, exchangeId } = await exchanges.agreed({ release: 'at_once' });
  await world.deliver(exchangeId);
  await exchanges.returns.awaits(returnId, 'return_arrival');
  await world.pass(deadlines.returnArrival + minute);
  const first = await exchanges.returns.incident(returnId, 'exchange_unreturned');
  await exchanges.returns.answer(returnId, first, 'wait');
  await exchanges.returns.awaits(returnId, 'return_arrival');
  await world.pass(deadlines.returnArrival + minute);
  await exchanges.returns.answer(returnId, await exchanges.returns.incident(returnId, 'exchange_unreturned'), 'skip');
  await world.returnReaches(returnId, 'expired');
  expect(await exchanges.moneyOf(orderId)).toMatchObject({ transferredOut: worth, refunded: 0 });
  expect(await world.paymentOf(exchangeId)).toMatchObject({ transfer: { settled: true } });
});

test('at once, and the goods come while somebody is asked: the return is settled', async () => {
  const { returnId, exchangeId } = await exchanges.agreed({ release: 'at_once' });
  await world.deliver(exchangeId);
  await exchanges.returns.awaits(returnId, 'return_arrival');
  await world.pass(deadlines.returnArrival + minute);
  await exchanges.returns.incident(returnId, 'exchange_unreturned');
  await exchanges.returns.receive(returnId, 2);
  await exchanges.returns.restock(returnId, 2);
  await exchanges.completed(returnId);
  await until(async () => (await exchanges.stored(returnId)).state?.incidents.length === 0, 'nobody is asked any more');
});

test('at once, not paid yet, and nothing comes: it is called off', async () => {
  const { orderId, returnId, exchangeId } = await exchanges.agreed({ release: 'at_once' });
  await exchanges.returns.awaits(returnId, 'return_arrival');
  expect(await world.returnHandle(returnId).result()).toBe('expired');
  await world.reaches(exchangeId, 'cancelled');
  expect(await exchanges.moneyOf(orderId)).toMatchObject({ transferredOut: 0 });
});

test('its return takes longer than anybody thought: somebody is asked, and may give the exchange up', async () => {
  const { orderId, returnId, exchangeId } = await exchanges.agreed({ release: 'on_receipt' });
  await exchanges.returns.awaits(returnId, 'return_arrival');
  await exchanges.returns.move(returnId, 'return_arrival', 20 * day);
  await world.pass(deadlines.exchangeGoods + minute);
  const { id } = await world.incident(exchangeId, 'overdue_exchange_goods');
  await world.answer(exchangeId, id, 'cancel');
  await world.reaches(exchangeId, 'cancelled');
  await exchanges.takenBack(returnId);
  await exchanges.completed(returnId);
  expect(await world.atStripe(orderId)).toMatchObject({ refunds: [worth] });
});
