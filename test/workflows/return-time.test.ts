/** Returns over months, on a server that skips the time: what nobody decides, sends, brings or inspects. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { deadlines } from '../../workflows/domain/limits.ts';
import * as messages from '../../workflows/messages.ts';
import { createReturns } from '../support/returns.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let returns: ReturnType<typeof createReturns>;
beforeAll(async () => {
  world = await startWorld({ timeSkipping: true });
  returns = createReturns(world);
});
afterAll(async () => {
  await world.stop();
});

const minute = 60_000;
const day = 24 * 60 * minute;
const actor = 'support:test';

async function delivered(): Promise<string> {
  const orderId = await returns.begin();
  await world.deliver(orderId);
  return orderId;
}

const remindersOf = async (returnId: string) =>
  world.mongo.models.mails.countDocuments({ _id: `${returnId}:return_expiring` });

async function opened(): Promise<{ orderId: string; returnId: string }> {
  const orderId = await delivered();
  const returnId = await world.sendBack(orderId, [returns.line]);
  await returns.awaits(returnId, 'return_arrival');
  return { orderId, returnId };
}

test('nobody decides: somebody is asked, again and again, until it is decided', async () => {
  const orderId = await delivered();
  const longAgo = new Date(Date.now() - 40 * day).toISOString();
  await world.mongo.models.orders.updateOne({ _id: orderId }, { $set: { 'state.shipments.0.deliveredAt': longAgo } });
  const returnId = await world.sendBack(orderId, [returns.line]);
  await returns.awaits(returnId, 'approval');
  await world.pass(deadlines.returnApproval + minute);
  const first = await returns.incident(returnId, 'overdue_approval');
  await returns.answer(returnId, first, 'retry');
  await world.pass(deadlines.returnApproval + minute);
  await until(async () => (await returns.incident(returnId, 'overdue_approval')).id !== first.id, 'it is asked again');
  const decision = { approve: true, actor, reason: 'note_1' };
  await world.returnHandle(returnId).executeUpdate(messages.decideReturn, { args: [decision] });
  await returns.awaits(returnId, 'return_arrival');
  expect((await returns.stored(returnId)).state?.incidents).toEqual([]);
  await world.returnHandle(returnId).executeUpdate(messages.cancelReturn, { args: [{ actor, reason: 'note_2' }] });
});

test('nothing comes: the customer is reminded once, some days before, and then it expires', async () => {
  const { orderId, returnId } = await opened();
  await world.pass(deadlines.returnArrival - deadlines.returnReminder - 2 * minute);
  expect(await remindersOf(returnId)).toBe(0);
  await world.pass(4 * minute);
  await until(async () => (await remindersOf(returnId)) === 1, 'the customer is reminded');
  expect((await returns.stored(returnId)).status).toBe('approved');
  await world.pass(deadlines.returnReminder + minute);
  await world.returnReaches(returnId, 'expired');
  expect(await world.atStripe(orderId)).toMatchObject({ refunds: [] });
  expect((await returns.stored(returnId)).label?.voided).toMatchObject({ outcome: 'voided' });
  // What did not come back may be asked for again.
  await world.sendBack(orderId, [returns.line]);
});

test('its time is made longer by three months, and the goods come at the end of them', async () => {
  const { orderId, returnId } = await opened();
  await returns.move(returnId, 'return_arrival', 90 * day);
  await world.pass(deadlines.returnArrival + minute);
  expect((await returns.stored(returnId)).status).toBe('approved');
  expect(await remindersOf(returnId)).toBe(0);
  await world.pass(86 * day);
  await until(async () => (await remindersOf(returnId)) === 1, 'the customer is reminded');
  await returns.receive(returnId, 2);
  await world.pass(deadlines.returnInspection + minute);
  await returns.incident(returnId, 'overdue_inspection');
  await returns.restock(returnId, 2);
  await world.returnReaches(returnId, 'completed');
  expect(await world.atStripe(orderId)).toMatchObject({ refunds: [2 * price] });
});

test('its time is made shorter: it expires that much sooner', async () => {
  const { returnId } = await opened();
  await returns.move(returnId, 'return_arrival', -20 * day);
  await world.pass(10 * day + minute);
  await world.returnReaches(returnId, 'expired');
});

test('a part comes, and nothing more: the time runs on from the beginning, and then what came counts', async () => {
  const { orderId, returnId } = await opened();
  await world.pass(20 * day);
  await returns.receive(returnId, 1, true);
  await world.pass(9 * day);
  expect((await returns.stored(returnId)).status).toBe('in_transit');
  await world.pass(day + minute);
  await world.returnReaches(returnId, 'received');
  await returns.restock(returnId, 1);
  await world.returnReaches(returnId, 'completed');
  expect(await world.atStripe(orderId)).toMatchObject({ refunds: [price] });
  expect(await remindersOf(returnId)).toBe(0);
});

test('the auditor finds nothing', async () => {
  await world.inboxIsEmpty();
  const violations = await world.violations();
  // The server's clock is months ahead of the auditor's.
  expect(violations.filter(({ guarantee }) => guarantee !== 'G7')).toEqual([]);
});
