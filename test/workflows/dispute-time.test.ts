/** Disputes that nobody answers, on a server that skips the time. Its clock is ahead of the bank's. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Order } from '../../models/order.ts';
import { deadlines } from '../../workflows/domain/limits.ts';
import { caseState, placeOrder } from '../../workflows/messages.ts';
import { createBank } from '../support/disputes.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let bank: ReturnType<typeof createBank>;
// Each in a world of its own: the bank's dates are those of the real clock, and the workflows' clock goes on.
beforeEach(async () => {
  world = await startWorld({ timeSkipping: true });
  bank = createBank(world);
});
afterEach(() => world.stop());

const day = 86_400_000;
/** The sandbox's bank gives nine days. */
const dueIn = 9 * day;

async function disputed(about: Parameters<typeof bank.open>[1]): Promise<{ orderId: string; disputeId: string }> {
  const order: Partial<Order> = { placeBefore: new Date('2999-01-01'), items: [{ sku: 'MUG', quantity: 1 }] };
  const written = await world.write(order);
  await world.start(written);
  const { orderId } = written;
  await world.orderHandle(orderId).executeUpdate(placeOrder);
  await world.deliver(orderId);
  const disputeId = await bank.open(orderId, about);
  await bank.incident(disputeId);
  return { orderId, disputeId };
}

const waitsFor = async (disputeId: string) => (await bank.handle(disputeId).query(caseState)).waitingFor?.event;

test('the evidence is sent by itself a day before it is due, and what the bank leaves undecided is asked about', async () => {
  const { disputeId } = await disputed({ reason: 'fraudulent' });
  await bank.isStaged(disputeId);
  await world.pass(dueIn - deadlines.evidenceSent - 3_600_000);
  expect((await bank.atStripe(disputeId)).evidence_details.submission_count).toBe(0);
  expect(await waitsFor(disputeId)).toBe('evidence');
  await world.pass(2 * 3_600_000);
  await bank.isSent(disputeId);
  await until(async () => (await waitsFor(disputeId)) === 'dispute_closed', 'it waits for the bank');
  expect((await bank.readDispute(disputeId)).state?.incidents).toEqual([]);

  await world.pass(deadlines.evidenceSent + deadlines.disputeClosed);
  await bank.answer(disputeId, 'retry', 'overdue_dispute_closed');
  await until(async () => (await waitsFor(disputeId)) === 'dispute_closed', 'it waits once more');
  await bank.decide(disputeId, 'lost');
  expect(await bank.result(disputeId)).toBe('lost');
});

test('of a dispute that is heard of when it is too late nothing is sent', async () => {
  await world.pass(dueIn + day);
  const order: Partial<Order> = { placeBefore: new Date('2999-01-01'), items: [{ sku: 'MUG', quantity: 1 }] };
  const written = await world.write(order);
  await world.start(written);
  await world.orderHandle(written.orderId).executeUpdate(placeOrder);
  await world.deliver(written.orderId);
  const disputeId = await bank.open(written.orderId);
  await until(async () => (await waitsFor(disputeId)) === 'dispute_closed', 'it waits for the bank');
  await bank.decide(disputeId, 'lost');
  expect(await bank.result(disputeId)).toBe('lost');
  expect((await bank.atStripe(disputeId)).evidence_details.submission_count).toBe(0);
});

test('a decision of which nothing was heard is found when its time is up', async () => {
  const { disputeId } = await disputed({ reason: 'fraudulent' });
  await bank.answer(disputeId, 'submit');
  await bank.isSent(disputeId);
  await world.inboxIsEmpty();
  await world.webhooks('stripe', 'off');
  await bank.decide(disputeId, 'won');
  expect(await bank.result(disputeId)).toBe('won');
});

test('a warning of fraud that nobody answers is over in the end, and what it held stays held', async () => {
  const written = await world.write({ placeBefore: new Date('2999-01-01') });
  await world.start(written);
  await world.orderHandle(written.orderId).executeUpdate(placeOrder);
  const disputeId = await bank.warn(written.orderId);
  await bank.incident(disputeId);
  expect(await bank.result(disputeId)).toBe('closed');
  await world.incident(written.orderId, 'hold');
});
