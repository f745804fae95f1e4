/**
 * The provider's balance, day by day, beside our ledger. Each page is read, kept and compared in one go, and then the cursor
 * moves on: a page that is read twice finds all that it would write.
 */
import type { BalanceEntry, KnownDifference, Reconciliation } from '../../models/balance.ts';
import type { Dispute, Payment, Refund } from '../../models/payment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import type { OpenDifference } from '../../workflows/activities.ts';
import {
  type Books,
  boundsOf,
  captureDifference,
  type Difference,
  daysDue,
  differenceOf,
  explain,
  isRepairable,
  isTakenOver,
  keyOf,
  type Line,
  missingAtProvider,
  totalsOf,
} from '../../workflows/domain/reconciliation.ts';
import { broken } from '../failure.ts';
import type { Payments } from '../providers/stripe.ts';
import type { BalanceLine, ProviderPayout } from '../providers/stripe-balance.ts';
import { receiveEvent } from '../receive.ts';
import { openPayout, recordPayout } from './payouts.ts';
import { record } from './records.ts';
import { sentOf } from './refunds.ts';

/** Payments of a page, differences that somebody is asked about at once, and payouts that are looked at again. */
const paymentsAtOnce = 100;
const openAtOnce = 50;
const payoutsAtOnce = 20;
/** More differences than these have one cause, and say no more. */
const mostDifferences = 1_000;

export async function findDaysDue({ models }: Mongo, { now }: { now: string }): Promise<string[]> {
  const first = await models.orders.findOne({}, { createdAt: 1 }).sort({ createdAt: 1 }).lean();
  if (!first) return [];
  const compared = await models.reconciliations.find({ status: { $ne: 'reading' } }, { _id: 1 }).lean();
  return daysDue(new Date(now), first.createdAt, new Set(compared.map(({ _id }) => _id)));
}

/** One page of what the cursor says is read next. */
export async function reconcilePage(
  mongo: Mongo,
  payments: Payments,
  { day }: { day: string },
): Promise<{ done: boolean }> {
  const { cursor } = await openDay(mongo, day);
  const next = await readNext(mongo, payments, day, cursor);
  await mongo.models.reconciliations.updateOne({ _id: day, cursor }, { $set: { cursor: next } });
  return { done: next.reads === 'nothing' };
}

async function openDay({ models }: Mongo, day: string): Promise<Reconciliation> {
  const fresh: Omit<Reconciliation, '_id'> = {
    status: 'reading',
    cursor: { reads: 'lines' },
    counts: {},
    totals: {},
    differences: [],
    startedAt: new Date(),
  };
  return models.reconciliations
    .findOneAndUpdate({ _id: day }, { $setOnInsert: fresh }, { upsert: true, returnDocument: 'after' })
    .lean<Reconciliation>()
    .orFail();
}

type Cursor = Reconciliation['cursor'];

function readNext(mongo: Mongo, payments: Payments, day: string, cursor: Cursor): Promise<Cursor> {
  if (cursor.reads === 'lines') return readLines(mongo, payments, day, cursor.after);
  if (cursor.reads === 'payments') return readPayments(mongo, day, cursor.after);
  if (cursor.reads === 'payouts') return readPayouts(mongo, payments, day, cursor.after);
  return Promise.resolve(cursor);
}

// ---- The provider's lines, looked for in our books ----

async function readLines(mongo: Mongo, payments: Payments, day: string, after?: string): Promise<Cursor> {
  const { lines, last, more } = await payments.balancePage({ ...boundsOf(day), after });
  const books = await booksOf(mongo, lines);
  await keep(mongo, lines, books);
  for (const line of lines) {
    const difference = differenceOf(line, books(line));
    if (!difference) continue;
    if (isTakenOver(difference.kind)) await takeOver(mongo, line);
    await note(mongo, day, difference);
  }
  return more && last !== undefined ? { reads: 'lines', after: last } : { reads: 'payments' };
}

type Found = Books & { paymentId: string; ledger: Payment['ledger'] };

/** Our books for each of these lines, by its intent, or by the order that it names. */
async function booksOf({ models }: Mongo, lines: readonly Line[]): Promise<(line: Line) => Found | undefined> {
  const intents = lines.flatMap(({ intentId }) => intentId ?? []);
  const named = lines.flatMap(({ orderId }) => orderId ?? []);
  const found = await models.payments
    .find({ $or: [{ intentId: { $in: intents } }, { pastIntents: { $in: intents } }, { orderId: { $in: named } }] })
    .lean();
  const books = await withRefunds({ models }, found);
  return ({ intentId, orderId }) =>
    books.find((each) => intentId !== undefined && each.intents.includes(intentId)) ??
    books.find((each) => each.orderId === orderId);
}

async function withRefunds({ models }: Pick<Mongo, 'models'>, payments: readonly Payment[]): Promise<Found[]> {
  const ofThese = { orderId: { $in: payments.map(({ orderId }) => orderId) } };
  const [refunds, disputes] = await Promise.all([
    models.refunds.find(ofThese).lean<Refund[]>(),
    models.disputes.find(ofThese).lean<Dispute[]>(),
  ]);
  return payments.map(({ _id: paymentId, orderId, currency, intentId, pastIntents = [], ledger }) => ({
    paymentId,
    orderId,
    currency,
    intents: [...pastIntents, ...(intentId === undefined ? [] : [intentId])],
    ledger,
    refunds: refunds
      .filter((refund) => refund.orderId === orderId)
      .map((refund) => ({
        id: refund._id,
        providerId: refund.providerId,
        sent: sentOf(refund),
        status: refund.status,
      })),
    disputes: disputes.filter((dispute) => dispute.orderId === orderId).map(({ _id: id, amount }) => ({ id, amount })),
  }));
}

async function keep(
  { models }: Mongo,
  lines: readonly BalanceLine[],
  books: (line: Line) => Found | undefined,
): Promise<void> {
  if (lines.length === 0) return;
  await models.balanceEntries.bulkWrite(
    lines.map((line) => {
      const { id, type, movement, amount, fee, net, currency, sourceId, intentId, own, at, availableAt } = line;
      const ours = books(line);
      const refund = ours?.refunds.find((each) => each.providerId === sourceId || each.id === line.refundId);
      const entry: Omit<BalanceEntry, '_id'> = {
        ...{ type, movement, amount, fee, net, currency, at, availableAt },
        ...(sourceId !== undefined && { sourceId }),
        ...(intentId !== undefined && { intentId }),
        ...(own && { own }),
        ...(ours && { orderId: ours.orderId, paymentId: ours.paymentId }),
        ...(refund && { refundId: refund.id }),
        ...(ours && movement === 'dispute' && sourceId !== undefined && { disputeId: sourceId }),
      };
      return { updateOne: { filter: { _id: id }, update: { $setOnInsert: entry }, upsert: true } };
    }),
  );
}

/** What no webhook has told us goes the way of all webhooks. */
async function takeOver(mongo: Mongo, line: BalanceLine): Promise<void> {
  const { id: lineId, sourceId: id, intentId, own, refundId, refundStatus, dispute, amount } = line;
  const about = { id, payment_intent: intentId, amount: own!.amount, currency: own!.currency };
  const moved = amount < 0 ? 'withdrawn' : 'reinstated';
  await receiveEvent(mongo, {
    id: `reconcile:${lineId}`,
    source: 'stripe',
    type: dispute ? `charge.dispute.funds_${moved}` : 'refund.updated',
    payload: { ...about, ...(dispute ?? { status: refundStatus, metadata: { refundId } }) },
  });
}

/** A difference is noted once: what was decided about it stays so. */
async function note({ models }: Mongo, day: string, difference: Difference): Promise<void> {
  const key = keyOf(difference);
  const status = isTakenOver(difference.kind) ? ('taken_over' as const) : ('open' as const);
  const known: KnownDifference = { ...difference, key, status, at: new Date() };
  await models.reconciliations.updateOne(
    { _id: day, 'differences.key': { $ne: key } },
    { $push: { differences: { $each: [known], $slice: mostDifferences } } },
  );
}

// ---- Our books, looked for among the provider's lines ----

async function readPayments(mongo: Mongo, day: string, after?: string): Promise<Cursor> {
  const { models } = mongo;
  const { from, to } = boundsOf(day);
  const booked = { ledger: { $elemMatch: { at: { $gte: from, $lt: to } } } };
  const page = await models.payments
    .find({ ...booked, ...(after !== undefined && { _id: { $gt: after } }) })
    .hint({ 'ledger.at': 1 })
    .sort({ _id: 1 })
    .limit(paymentsAtOnce)
    .lean();
  const sources = page.flatMap(({ ledger }) => ledger.map(({ providerId }) => providerId));
  // Of whatever day: what moved a second before midnight is often booked after it.
  const lines = await models.balanceEntries
    .find({ $or: [{ intentId: { $in: sources } }, { sourceId: { $in: sources } }] })
    .lean();
  for (const books of await withRefunds(mongo, page)) {
    for (const difference of missingAtProvider(books, { from, to }, lines)) await note(mongo, day, difference);
  }
  const last = page.length === paymentsAtOnce ? page.at(-1)?._id : undefined;
  return last === undefined ? { reads: 'payouts' } : { reads: 'payments', after: last };
}

// ---- Payouts ----

async function readPayouts(mongo: Mongo, payments: Payments, day: string, after?: string): Promise<Cursor> {
  const { payouts, last, more } = await payments.payoutPage({ ...boundsOf(day), after });
  for (const payout of payouts) {
    await keepPayout(mongo, payout);
    if (payout.automatic) await markLines(mongo, payments, payout.id);
  }
  if (more && last !== undefined) return { reads: 'payouts', after: last };
  await readOpenPayouts(mongo, payments);
  return { reads: 'nothing' };
}

/** How those went on of which no webhook told us. */
async function readOpenPayouts(mongo: Mongo, payments: Payments): Promise<void> {
  const open = await mongo.models.payouts
    .find({ status: { $in: openPayout } }, { _id: 1 })
    .sort({ createdAt: -1, _id: -1 })
    .limit(payoutsAtOnce)
    .lean();
  for (const { _id } of open) await keepPayout(mongo, await payments.readPayout(_id));
}

function keepPayout(mongo: Mongo, { id: _id, automatic: _, ...payout }: ProviderPayout): Promise<void> {
  return recordPayout(mongo, { _id, ...payout });
}

async function markLines({ models }: Mongo, payments: Payments, payoutId: string): Promise<void> {
  let after: string | undefined;
  do {
    const { ids, last, more } = await payments.linesOfPayout({ payoutId, after });
    await models.balanceEntries.updateMany({ _id: { $in: ids } }, { $set: { payoutId } });
    after = more ? last : undefined;
  } while (after !== undefined);
}

// ---- The end of a day ----

/** Looks once more at what is open, at both sides, before anybody is asked: it may have been on its way. */
export async function sumUpDay(mongo: Mongo, payments: Payments, { day }: { day: string }): Promise<OpenDifference[]> {
  const { models } = mongo;
  const { differences, comparedAt } = await openDay(mongo, day);
  const open: KnownDifference[] = [];
  for (const each of differences.filter(({ status }) => status === 'open').slice(0, openAtOnce)) {
    const still = await lookAgain(mongo, payments, each);
    if (still) open.push(still);
    await update(mongo, day, each.key, still);
  }
  const left = await models.reconciliations.countDocuments({ _id: day, 'differences.status': 'open' });
  if (left > 0 && open.length === 0) return sumUpDay(mongo, payments, { day });

  const now = new Date();
  await models.reconciliations.updateOne(
    { _id: day },
    {
      $set: {
        ...(await sumsOf(mongo, day)),
        ...(comparedAt === undefined && { comparedAt: now }),
        status: open.length > 0 ? 'open' : 'done',
        ...(open.length === 0 && { endedAt: now }),
      },
    },
  );
  return open.map((each) => ({
    key: each.key,
    orderId: each.orderId,
    why: explain(each),
    answers: isRepairable(each.kind) ? ['repair', 'skip'] : ['skip'],
  }));
}

/** Undefined where the two agree by now. */
async function lookAgain(
  mongo: Mongo,
  payments: Payments,
  difference: KnownDifference,
): Promise<KnownDifference | undefined> {
  const { orderId, sourceId, kind } = difference;
  const payment = await mongo.models.payments.findOne({ orderId }).lean();
  if (!payment) return difference;
  const [books] = await withRefunds(mongo, [payment]);
  if (books!.intents.includes(sourceId)) {
    const found = captureDifference(books!, sourceId, await payments.capturedOf(sourceId));
    return found && { ...difference, ...found };
  }
  if (kind === 'not_at_provider') return (await payments.isThere(sourceId)) ? undefined : difference;
  return difference;
}

async function update({ models }: Mongo, day: string, key: string, now: KnownDifference | undefined): Promise<void> {
  const filter = { _id: day, differences: { $elemMatch: { key, status: 'open' } } };
  if (now) await models.reconciliations.updateOne(filter, { $set: { 'differences.$': now } });
  else await models.reconciliations.updateOne({ _id: day }, { $pull: { differences: { key, status: 'open' } } });
}

/** Of customers that we do not know: another shop with the same account, or a payment that was made in the dashboard. */
export const moneyOfNobody = {
  orderId: null,
  movement: { $in: ['charge', 'reversal', 'refund', 'refund_failure', 'dispute'] as BalanceEntry['movement'][] },
};

async function sumsOf({ models }: Mongo, day: string): Promise<Pick<Reconciliation, 'counts' | 'totals'>> {
  const { from, to } = boundsOf(day);
  const ofDay = { at: { $gte: from, $lt: to } };
  const sums = await models.balanceEntries.aggregate<{
    _id: { movement: BalanceEntry['movement']; currency: string };
    count: number;
    amount: number;
    fee: number;
    net: number;
  }>([
    { $match: ofDay },
    {
      $group: {
        _id: { movement: '$movement', currency: '$currency' },
        count: { $sum: 1 },
        amount: { $sum: '$amount' },
        fee: { $sum: '$fee' },
        net: { $sum: '$net' },
      },
    },
  ]);
  const ofNobody = await models.balanceEntries.countDocuments({ ...ofDay, ...moneyOfNobody });
  const counts: Record<string, number> = { ofNobody };
  for (const { _id, count } of sums) counts[_id.movement] = (counts[_id.movement] ?? 0) + count;
  return { counts, totals: totalsOf(sums.map(({ _id, ...rest }) => ({ ..._id, ...rest }))) };
}

/** Reads the payment from the provider anew, and books what it says. */
export async function repairDifference(
  mongo: Mongo,
  payments: Payments,
  { day, key }: { day: string; key: string },
): Promise<void> {
  const { models } = mongo;
  const { differences } = await openDay(mongo, day);
  const difference = differences.find((each) => each.key === key);
  if (!difference) throw broken(`The reconciliation of ${day} has no difference ${key}`);
  if (difference.status !== 'open') return;
  const payment = await models.payments.findOne({ orderId: difference.orderId }).lean();
  if (!payment) throw broken(`Order ${difference.orderId} has no payment record`);
  await record(mongo, payment, await payments.readIntent(difference.sourceId));
  const still = await lookAgain(mongo, payments, difference);
  await update(mongo, day, key, still ?? { ...difference, status: 'repaired' });
}

export async function skipDifference(mongo: Mongo, { day, key }: { day: string; key: string }): Promise<void> {
  const open = { _id: day, differences: { $elemMatch: { key, status: 'open' as const } } };
  await mongo.models.reconciliations.updateOne(open, { $set: { 'differences.$.status': 'skipped' } });
}
