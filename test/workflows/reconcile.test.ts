import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import Stripe from 'stripe';
import { reconcilePage, sumUpDay } from '../../activities/payments/reconciliation.ts';
import { receiveEvent } from '../../activities/receive.ts';
import { createToken } from '../../activities/staff-tokens.ts';
import { makeSchedules } from '../../activities/starts.ts';
import { boundsOf, type DifferenceKind, dayOf } from '../../workflows/domain/reconciliation.ts';
import type { Answer, Incident } from '../../workflows/messages.ts';
import { taskQueues, workflowIds } from '../../workflows/messages.ts';
import { serve } from '../support/serve.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let stripe: Stripe;
let api: Awaited<ReturnType<typeof serve>>;
let token: string;
const today = dayOf(new Date());
const paid = 2 * price;

beforeAll(async () => {
  // Long days go on in new runs: here every day is one.
  world = await startWorld({ longHistory: 20 });
  const { hostname, port } = new URL(world.stripe.url);
  stripe = new Stripe('sk_test_world', { host: hostname, port, protocol: 'http', maxNetworkRetries: 0 });
  api = await serve(world);
  ({ token } = await createToken(world.mongo, 'support'));
});
afterAll(async () => {
  await api.stop();
  await world.stop();
});

/** Paid by somebody who is no customer of ours, unless it names an order. */
async function stranger(metadata: Record<string, string> = {}): Promise<void> {
  await stripe.paymentIntents.create({
    ...{ amount: 100, currency: 'usd', confirm: true, payment_method: 'pm_card_visa', metadata },
    automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
  });
}

async function refundInDashboard(orderId: string, amount: number): Promise<string> {
  return (await stripe.refunds.create({ payment_intent: await world.intentOf(orderId), amount })).id;
}

const read = (day: string) => world.mongo.models.reconciliations.findById(day).lean();
const incidents = async (): Promise<Incident[]> => (await read(today))?.state?.incidents ?? [];
const handle = () => world.client.workflow.getHandle(workflowIds.reconcile(today));

async function incidentOf(orderId: string): Promise<Incident> {
  const find = async () => (await incidents()).find((each) => each.orderId === orderId);
  await until(async () => (await find()) !== undefined, `somebody is asked about ${orderId}`);
  return (await find())!;
}

/** As staff does it, by the incident's id alone. A repeat does nothing. */
async function answer(orderId: string, given: Answer): Promise<void> {
  const { id } = await incidentOf(orderId);
  const give = () => api.ask('POST', `/v1/incidents/${id}/answer`, { answer: given }, token);
  expect(await give()).toEqual({ status: 200, body: { applied: true } });
  await until(async () => (await incidents()).every((each) => each.id !== id), `${given} was heard`);
  expect(await give()).toEqual({ status: 200, body: { applied: false } });
}

async function differencesOf(orderId: string): Promise<[DifferenceKind, string][]> {
  return (await read(today))!.differences
    .filter((each) => each.orderId === orderId)
    .map(({ kind, status }) => [kind, status]);
}

test('a day is read to its end through every failure, and each difference is settled by itself or by somebody', async () => {
  const { models } = world.mongo;
  const plain = await world.delivered();
  const refunded = await world.delivered();
  await world.refundHandle(await world.refund(refunded, 500)).result();
  const disputed = await world.delivered({ paymentMethod: 'pm_card_createDispute' });
  const bounced = await world.delivered({ paymentMethod: 'pm_card_refundFail' });
  const bouncing = await world.refund(bounced, 300);
  await world.refundHandle(bouncing).result();
  const { providerId } = await models.refunds.findById(bouncing).lean().orFail();
  await world.inboxIsEmpty();

  // From here on no webhook tells us anything.
  await world.webhooks('stripe', 'off');
  await world.control(world.stripe.url, 'POST', `/_sandbox/refunds/${providerId}/settle`, { outcome: 'failed' });
  const dashboard = await world.delivered();
  const dashboardRefund = await refundInDashboard(dashboard, 700);
  const unheardDispute = await world.delivered({ paymentMethod: 'pm_card_createDispute' });
  const lost = await world.delivered();
  const wrong = await world.delivered();
  const phantom = await world.delivered();
  const misnamed = await world.delivered();
  for (let i = 0; i < 100; i += 1) await stranger();
  await stranger({ orderId: misnamed });

  // What a bug, or a restored backup, could have left of our ledger.
  await models.payments.updateOne(
    { orderId: lost },
    { $pull: { ledger: { kind: 'capture' } }, $set: { captured: 0, status: 'authorized' } },
  );
  await models.payments.updateOne(
    { orderId: wrong, 'ledger.kind': 'capture' },
    { $set: { 'ledger.$.amount': paid + 1 } },
  );
  const entry = { kind: 'capture' as const, amount: 42, providerId: 'pi_phantom', at: new Date() };
  await models.payments.updateOne({ orderId: phantom }, { $push: { ledger: { ...entry, key: 'phantom' } } });

  const faults = [
    await world.fault('stripe', { operation: 'balance_transactions.list', kind: 'rate_limit', times: 2 }),
    await world.fault('stripe', { operation: 'balance_transactions.list', kind: 'fail_before' }),
    await world.fault('stripe', { operation: 'balance_transactions.list', kind: 'lose_reply', times: 2 }),
    await world.fault('stripe', { operation: 'payouts.list', kind: 'fail_before' }),
  ];
  const start = {
    ...{ workflowId: workflowIds.reconcile(today), taskQueue: taskQueues.orders, args: [{ day: today }] },
    workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY' as const,
  };
  await world.client.workflow.start('reconcile', start);

  // Everything that somebody is asked about, and with which answers.
  await until(async () => (await incidents()).length === 4, 'somebody is asked four times');
  for (const fired of faults) expect(await fired()).toBe(true);
  expect((await incidentOf(lost)).answers).toEqual(['repair', 'skip']);
  expect((await incidentOf(lost)).why).toMatch('39.98 USD at the provider, 0.00 USD in our ledger');
  for (const orderId of [wrong, phantom, misnamed]) expect((await incidentOf(orderId)).answers).toEqual(['skip']);
  expect((await incidentOf(phantom)).why).toMatch('pi_phantom');
  const listed = await api.ask('GET', '/v1/incidents?cause=reconciliation', undefined, token);
  expect(listed.body.incidents.map((each: Incident) => each.orderId).sort()).toEqual(
    [lost, wrong, phantom, misnamed].sort(),
  );
  expect(listed.body.incidents[0].workflowId).toBe(workflowIds.reconcile(today));

  // Each line of Stripe's balance is here once, with its order and what it cost.
  const { balance_transactions: theirs } = (await world.control(world.stripe.url, 'GET', '/_sandbox/state')) as {
    balance_transactions: { id: string; fee: number }[];
  };
  const entries = await models.balanceEntries.find().lean();
  expect(entries.map(({ _id }) => _id).sort()).toEqual(theirs.map(({ id }) => id).sort());
  expect(entries.length).toBeGreaterThan(100);
  const of = (orderId: string) => entries.filter((each) => each.orderId === orderId);
  expect(of(plain)).toMatchObject([{ movement: 'charge', amount: paid, fee: 146, own: { amount: paid } }]);
  expect(
    of(refunded)
      .map(({ movement }) => movement)
      .sort(),
  ).toEqual(['charge', 'refund']);
  expect(of(disputed).find(({ movement }) => movement === 'dispute')).toMatchObject({ amount: -paid, fee: 1500 });
  const { counts, totals, status } = (await read(today))!;
  expect(status).toBe('open');
  expect(counts).toEqual({ charge: 111, refund: 3, refund_failure: 1, dispute: 2, ofNobody: 100 });
  const fees = theirs.reduce((sum, { fee }) => sum + fee, 0);
  expect(totals).toEqual({
    USD: {
      ...{ charged: 10 * paid + 101 * 100, refunded: 500 + 700, disputed: 2 * paid, fees, payouts: 0, other: 0 },
      net: 8 * paid + 101 * 100 - 1200 - fees,
    },
  });

  const shown = await api.ask('GET', `/v1/reconciliations/${today}`, undefined, token);
  expect(shown).toMatchObject({
    status: 200,
    body: { day: today, status: 'open', openDifferences: 4, totals, counts },
  });
  expect(shown.body.ofNobody).toHaveLength(100);
  const listedDays = await api.ask('GET', '/v1/reconciliations', undefined, token);
  expect(listedDays.body.reconciliations.map(({ day }: { day: string }) => day)).toEqual([today]);
  const fee = async (orderId: string) =>
    (await api.ask('GET', `/v1/orders/${orderId}`, undefined, token)).body.payment.fees;
  expect(await fee(plain)).toEqual({ USD: 146 });
  expect(await fee(disputed)).toEqual({ USD: 146 + 1500 });
  expect(await differencesOf(disputed)).toEqual([]);

  // What nobody told us is taken over, and followed to its end.
  expect(await differencesOf(dashboard)).toEqual([['refund_unheard', 'taken_over']]);
  const adopted = () => models.refunds.findOne({ providerId: dashboardRefund }).lean();
  await until(async () => (await adopted())?.status === 'succeeded', 'the refund is ours');
  expect(await world.paymentOf(dashboard)).toMatchObject({ captured: paid, refunded: 700, refundPending: 0 });
  const failed = async () => (await models.refunds.findById(bouncing).lean())?.state?.incidents[0]?.cause;
  await until(async () => (await failed()) === 'refund_failed', 'the refund that bounced has its incident');
  const known = () => models.disputes.findOne({ orderId: unheardDispute }).lean();
  await until(async () => (await known()) !== null, 'the dispute is known');
  expect(await differencesOf(unheardDispute)).toEqual([['dispute_unheard', 'taken_over']]);

  // A repair books what is missing here; everything else is for people.
  await answer(lost, 'repair');
  await until(async () => (await world.paymentOf(lost)).captured === paid, 'it is booked');
  expect(await world.paymentOf(lost)).toMatchObject({ status: 'captured' });
  expect((await world.paymentOf(lost)).ledger.filter(({ kind }) => kind === 'capture')).toMatchObject([
    { amount: paid },
  ]);
  for (const orderId of [wrong, phantom, misnamed]) await answer(orderId, 'skip');
  await handle().result();
  expect(await read(today)).toMatchObject({ status: 'done', state: { status: 'done', incidents: [] } });
  const settled = await Promise.all([lost, wrong, phantom, misnamed].map(differencesOf));
  expect(settled.flat()).toEqual([
    ...[
      ['not_booked', 'repaired'],
      ['amount', 'skipped'],
      ['not_at_provider', 'skipped'],
    ],
    ['unknown_payment', 'skipped'],
  ]);
  await expect(world.client.workflow.start('reconcile', start)).rejects.toThrow(/already/i);
  await world.webhooks('stripe', 'normal');
});

test('a page that is read again, as after a crash between its writes and its cursor, changes nothing', async () => {
  const { models } = world.mongo;
  const written = async () => ({
    ...{
      entries: await models.balanceEntries.find().sort({ _id: 1 }).lean(),
      payments: await models.payments.find().lean(),
    },
    ...{ differences: (await read(today))!.differences, inbox: await models.inbox.countDocuments() },
  });
  await world.inboxIsEmpty();
  const before = await written();
  await models.reconciliations.updateOne({ _id: today }, { $set: { cursor: { reads: 'lines' } } });
  let pages = 0;
  for (let done = false; !done; pages += 1)
    ({ done } = await reconcilePage(world.mongo, world.payments, { day: today }));
  expect(pages).toBeGreaterThan(3);
  expect(await sumUpDay(world.mongo, world.payments, { day: today })).toEqual([]);
  expect(await written()).toEqual(before);
});

test('what is paid out to the bank is known with the movements that it is made of', async () => {
  const { models } = world.mongo;
  const paidOut = await world.control(world.stripe.url, 'POST', '/_sandbox/payouts', { currency: 'usd' });
  const { id, amount } = paidOut as { id: string; amount: number };
  await world.inboxIsEmpty();
  const known = () => models.payouts.findById(id).lean();
  expect(await known()).toMatchObject({ amount, currency: 'USD', status: 'paid', arrivalDate: expect.any(Date) });

  // As if no webhook had told us how it ended.
  await models.payouts.updateOne({ _id: id }, { $set: { status: 'in_transit' } });
  await models.reconciliations.deleteOne({ _id: today });
  for (let done = false; !done; ) ({ done } = await reconcilePage(world.mongo, world.payments, { day: today }));
  await sumUpDay(world.mongo, world.payments, { day: today });
  expect(await known()).toMatchObject({ status: 'paid' });
  expect((await read(today))!.totals.USD).toMatchObject({ payouts: amount, net: 0 });
  expect(await models.balanceEntries.countDocuments({ payoutId: { $ne: id } })).toBe(0);
});

test('a payout is what the bank was told last, in whatever order webhooks come', async () => {
  const created = Math.floor(Date.now() / 1000);
  const say = (id: string, payout: string, status: string) => {
    const about = { amount: 12_345, currency: 'usd', created, arrival_date: created + 86_400 };
    const payload = { id: payout, status, ...about };
    return receiveEvent(world.mongo, { id, source: 'stripe', type: `payout.${status}`, payload });
  };
  await say('evt_payout_1', 'po_1', 'paid');
  await world.inboxIsEmpty();
  await say('evt_payout_2', 'po_1', 'in_transit');
  await say('evt_payout_3', 'po_2', 'paid');
  await say('evt_payout_4', 'po_2', 'failed');
  await world.inboxIsEmpty();
  const { body } = await api.ask('GET', '/v1/payouts', undefined, token);
  expect(body.payouts.filter(({ id }: { id: string }) => /^po_\d$/.test(id))).toMatchObject([
    { id: 'po_2', status: 'failed', amount: 12_345, currency: 'USD' },
    { id: 'po_1', status: 'paid' },
  ]);
  expect(world.failures.filter((each) => each.includes('payout'))).toEqual([]);
});

test('the schedule does each day once, the oldest first, and those that were missed', async () => {
  const ago = (days: number) => new Date(Date.now() - days * 86_400_000);
  const [oldest] = await world.mongo.models.orders.find().sort({ createdAt: 1 }).limit(1).lean();
  await world.mongo.models.orders.updateOne({ _id: oldest!._id }, { $set: { createdAt: ago(3) } });
  const { from } = boundsOf(dayOf(ago(2)));
  const done = { status: 'done' as const, cursor: { reads: 'nothing' as const }, counts: {}, totals: {} };
  await world.mongo.models.reconciliations.create([{ _id: dayOf(ago(2)), startedAt: from, ...done }]);

  // One that was ended half-way by somebody is begun again.
  await world.fault('stripe', { operation: 'payouts.list', kind: 'rate_limit', times: 1_000 });
  const yesterday = dayOf(ago(1));
  const ended = await world.client.workflow.start('reconcile', {
    ...{ workflowId: workflowIds.reconcile(yesterday), taskQueue: taskQueues.orders, args: [{ day: yesterday }] },
  });
  await until(async () => (await read(yesterday))?.cursor.reads === 'payouts', 'it has come to the payouts');
  await ended.terminate();
  await world.control(world.stripe.url, 'DELETE', '/_sandbox/faults');

  await makeSchedules(world.client);
  await makeSchedules(world.client);
  const schedule = world.client.schedule.getHandle('reconcile-daily');
  const { policies, info } = await schedule.describe();
  expect(policies.overlap).toBe(ScheduleOverlapPolicy.SKIP);
  expect(info.nextActionTimes[0]!.toISOString()).toMatch(/T02:00:00/);

  await schedule.trigger();
  const missed = [dayOf(ago(3)), yesterday];
  for (const day of missed) await until(async () => (await read(day))?.status === 'done', `${day} is done`);
  const [first, second] = await Promise.all(missed.map(async (day) => (await read(day))!));
  expect(first!.comparedAt!.getTime()).toBeLessThan(second!.comparedAt!.getTime());
  expect((await read(dayOf(ago(2))))!.endedAt).toBeUndefined();
  const again = { workflowId: 'reconcile-again', taskQueue: taskQueues.orders };
  expect(await world.client.workflow.execute('reconcileDue', again)).toEqual([]);
});

test('every workflow replays, and days went on in new runs', async () => {
  const statuses: string[] = [];
  for await (const { status } of world.client.workflow.list({ query: `WorkflowType = 'reconcile'` }))
    statuses.push(status.name);
  expect(statuses).toContain('CONTINUED_AS_NEW');
  expect(await world.replayFailures()).toEqual([]);
});
