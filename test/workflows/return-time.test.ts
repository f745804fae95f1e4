/** Returns over months, on a server that skips the time: what nobody decides, sends, brings or inspects. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { deadlines } from '../../workflows/domain/limits.ts';
import * as messages from '../../workflows/messages.ts';
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
const day = 24 * 60 * minute;
const actor = 'support:test';
const line = { lineId: 'line_1', quantity: 2 };

async function begin(): Promise<string> {
  const written = await world.write({ placeBefore: new Date('2999-01-01') });
  await world.start(written);
  await world.orderHandle(written.orderId).executeUpdate(messages.placeOrder);
  return written.orderId;
}

async function delivered(): Promise<string> {
  const orderId = await begin();
  await world.deliver(orderId);
  return orderId;
}

const stored = (returnId: string) => world.mongo.models.returns.findById(returnId).lean().orFail();
const waitingFor = async (returnId: string) => (await stored(returnId)).state?.waitingFor;

async function awaits(returnId: string, event: string): Promise<void> {
  await until(async () => (await waitingFor(returnId))?.event === event, `${returnId} waits for ${event}`);
}

async function incident(returnId: string, cause: string): Promise<messages.Incident> {
  const find = async () => (await stored(returnId)).state?.incidents.find((open) => open.cause === cause);
  await until(async () => (await find()) !== undefined, `${returnId} has an incident ${cause}`);
  return (await find())!;
}

async function answer(returnId: string, { id }: messages.Incident, given: messages.Answer): Promise<void> {
  const args: [messages.AnswerInput] = [{ incidentId: id, answer: given, actor }];
  expect(await world.returnHandle(returnId).executeUpdate(messages.answerIncident, { args })).toEqual({
    applied: true,
  });
}

/** By the clock of the workflow: so long before or after what is its deadline now. */
async function move(returnId: string, event: string, byMs: number): Promise<void> {
  const { deadline } = (await waitingFor(returnId))!;
  const moved = { event, deadline: new Date(Date.parse(deadline) + byMs).toISOString(), actor, reason: 'note_1' };
  await world.returnHandle(returnId).executeUpdate(messages.setDeadline, { args: [moved] });
}

const remindersOf = async (returnId: string) =>
  world.mongo.models.mails.countDocuments({ _id: `${returnId}:return_expiring` });

async function opened(): Promise<{ orderId: string; returnId: string }> {
  const orderId = await delivered();
  const returnId = await world.sendBack(orderId, [line]);
  await awaits(returnId, 'return_arrival');
  return { orderId, returnId };
}

const receive = (returnId: string, quantity: number, more = false) =>
  world.returnHandle(returnId).executeUpdate(messages.receiveReturn, {
    args: [{ lines: [{ ...line, quantity, reception: 'received' }], more, actor }],
  });

test('nobody decides: somebody is asked, again and again, until it is decided', async () => {
  const orderId = await delivered();
  const longAgo = new Date(Date.now() - 40 * day).toISOString();
  await world.mongo.models.orders.updateOne({ _id: orderId }, { $set: { 'state.shipments.0.deliveredAt': longAgo } });
  const returnId = await world.sendBack(orderId, [line]);
  await awaits(returnId, 'approval');
  await world.pass(deadlines.returnApproval + minute);
  const first = await incident(returnId, 'overdue_approval');
  await answer(returnId, first, 'retry');
  await world.pass(deadlines.returnApproval + minute);
  await until(async () => (await incident(returnId, 'overdue_approval')).id !== first.id, 'it is asked again');
  const decision = { approve: true, actor, reason: 'note_1' };
  await world.returnHandle(returnId).executeUpdate(messages.decideReturn, { args: [decision] });
  await awaits(returnId, 'return_arrival');
  expect((await stored(returnId)).state?.incidents).toEqual([]);
  await world.returnHandle(returnId).executeUpdate(messages.cancelReturn, { args: [{ actor, reason: 'note_2' }] });
});

test('nothing comes: the customer is reminded once, some days before, and then it expires', async () => {
  const { orderId, returnId } = await opened();
  await world.pass(deadlines.returnArrival - deadlines.returnReminder - 2 * minute);
  expect(await remindersOf(returnId)).toBe(0);
  await world.pass(4 * minute);
  await until(async () => (await remindersOf(returnId)) === 1, 'the customer is reminded');
  expect((await stored(returnId)).status).toBe('approved');
  await world.pass(deadlines.returnReminder + minute);
  await world.returnReaches(returnId, 'expired');
  expect(await world.atStripe(orderId)).toMatchObject({ refunds: [] });
  expect((await stored(returnId)).label?.voided).toMatchObject({ outcome: 'voided' });
  // What did not come back may be asked for again.
  await world.sendBack(orderId, [line]);
});

test('its time is made longer by three months, and the goods come at the end of them', async () => {
  const { orderId, returnId } = await opened();
  await move(returnId, 'return_arrival', 90 * day);
  await world.pass(deadlines.returnArrival + minute);
  expect((await stored(returnId)).status).toBe('approved');
  expect(await remindersOf(returnId)).toBe(0);
  await world.pass(86 * day);
  await until(async () => (await remindersOf(returnId)) === 1, 'the customer is reminded');
  await receive(returnId, 2);
  await world.pass(deadlines.returnInspection + minute);
  await incident(returnId, 'overdue_inspection');
  const lines = [{ ...line, disposition: 'restock' as const }];
  await world.returnHandle(returnId).executeUpdate(messages.inspectReturn, { args: [{ lines, actor }] });
  await world.returnReaches(returnId, 'completed');
  expect(await world.atStripe(orderId)).toMatchObject({ refunds: [2 * price] });
});

test('its time is made shorter: it expires that much sooner', async () => {
  const { returnId } = await opened();
  await move(returnId, 'return_arrival', -20 * day);
  await world.pass(10 * day + minute);
  await world.returnReaches(returnId, 'expired');
});

test('a part comes, and nothing more: the time runs on from the beginning, and then what came counts', async () => {
  const { orderId, returnId } = await opened();
  await world.pass(20 * day);
  await receive(returnId, 1, true);
  await world.pass(9 * day);
  expect((await stored(returnId)).status).toBe('in_transit');
  await world.pass(day + minute);
  await world.returnReaches(returnId, 'received');
  const lines = [{ ...line, quantity: 1, disposition: 'restock' as const }];
  await world.returnHandle(returnId).executeUpdate(messages.inspectReturn, { args: [{ lines, actor }] });
  await world.returnReaches(returnId, 'completed');
  expect(await world.atStripe(orderId)).toMatchObject({ refunds: [price] });
  expect(await remindersOf(returnId)).toBe(0);
});

async function broughtBack(): Promise<{ orderId: string; returnId: string }> {
  const orderId = await begin();
  const [shipment] = await world.shipmentsOf(orderId);
  await world.ship(orderId, shipment!.id);
  await world.carrierSays(shipment!.id, 'returned_to_sender');
  await world.reaches(orderId, 'completed');
  const { _id } = await world.mongo.models.returns.findOne({ orderId }).lean().orFail();
  await awaits(_id, 'return_arrival');
  return { orderId, returnId: _id };
}

test('a parcel that the carrier was to bring back does not arrive: it is waited for, then given up and paid back', async () => {
  const { orderId, returnId } = await broughtBack();
  await world.pass(deadlines.returnArrival + minute);
  const first = await incident(returnId, 'overdue_return_arrival');
  await answer(returnId, first, 'wait');
  await awaits(returnId, 'return_arrival');
  await world.pass(deadlines.returnArrival + minute);
  await answer(returnId, await incident(returnId, 'overdue_return_arrival'), 'refund');
  await world.returnReaches(returnId, 'expired');
  expect(await world.atStripe(orderId)).toMatchObject({ captured: [2 * price], refunds: [2 * price] });
});

test('a parcel that the carrier was to bring back comes while somebody is asked', async () => {
  const { orderId, returnId } = await broughtBack();
  await world.pass(deadlines.returnArrival + minute);
  await incident(returnId, 'overdue_return_arrival');
  await receive(returnId, 2);
  expect((await stored(returnId)).state?.incidents).toEqual([]);
  const lines = [{ ...line, disposition: 'restock' as const }];
  await world.returnHandle(returnId).executeUpdate(messages.inspectReturn, { args: [{ lines, actor }] });
  await world.returnReaches(returnId, 'completed');
  expect(await world.atStripe(orderId)).toMatchObject({ refunds: [2 * price] });
});

test('a parcel that the carrier was to bring back and did not is sent again', async () => {
  const { orderId, returnId } = await broughtBack();
  await world.pass(deadlines.returnArrival + minute);
  await answer(returnId, await incident(returnId, 'overdue_return_arrival'), 'reship');
  await world.returnReaches(returnId, 'expired');
  const { state } = await stored(returnId);
  await world.reaches(state!.reshipOrderId!, 'confirmed');
  expect(await world.atStripe(orderId)).toMatchObject({ refunds: [] });
});

test('the auditor finds nothing', async () => {
  await world.inboxIsEmpty();
  const violations = await world.violations();
  // The server's clock is months ahead of the auditor's.
  expect(violations.filter(({ guarantee }) => guarantee !== 'G7')).toEqual([]);
});
