/** For whoever keeps the books: the provider's balance day by day, and what it paid out. */
import type { z } from 'zod';
import { moneyOfNobody } from '../../activities/payments/reconciliation.ts';
import type { BalanceEntry, Payout, Reconciliation } from '../../models/balance.ts';
import { boundsOf } from '../../workflows/domain/reconciliation.ts';
import { notFound } from '../auth.ts';
import { endpoint, reply } from '../endpoint.ts';
import { afterNewest, newestKeys, page, readCursor } from '../paging.ts';
import * as schema from '../schemas/books.ts';

const mostOfNobody = 100;

export const listReconciliations = endpoint({
  summary: 'The days whose money was compared with the payment provider, the latest first',
  query: schema.pageQuery,
  answers: { 200: schema.reconciliationPage },
  async handle({ mongo }, { query: { limit, cursor } }) {
    const before = readCursor(cursor, 1)?.[0];
    const found = await mongo.models.reconciliations
      .find(before === undefined ? {} : { _id: { $lt: before } }, { state: 0 })
      .sort({ _id: -1 })
      .limit(limit + 1)
      .lean<Reconciliation[]>();
    const { items, next } = page(found, limit, ({ _id }) => [_id]);
    return reply(200, { reconciliations: items.map(viewSummary), next });
  },
});

export const getReconciliation = endpoint({
  summary: 'One day: its sums, its differences, and what belongs to no order',
  params: schema.dayParams,
  answers: { 200: schema.reconciliation },
  async handle({ mongo: { models } }, { params: { day } }) {
    const { from, to } = boundsOf(day);
    const [found, ofNobody] = await Promise.all([
      models.reconciliations.findById(day, { state: 0 }).lean<Reconciliation>(),
      models.balanceEntries
        .find({ at: { $gte: from, $lt: to }, ...moneyOfNobody })
        .sort({ _id: 1 })
        .limit(mostOfNobody)
        .lean<BalanceEntry[]>(),
    ]);
    if (!found) throw notFound();
    return reply(200, {
      ...viewSummary(found),
      differences: found.differences.map(({ key: _, at, ...difference }) => ({ ...difference, at: at.toISOString() })),
      ofNobody: ofNobody.map(({ _id: id, type, sourceId, amount, currency }) => ({
        id,
        type,
        sourceId,
        amount,
        currency,
      })),
    });
  },
});

export const listPayouts = endpoint({
  summary: 'What the payment provider paid out to the bank, the latest first',
  query: schema.pageQuery,
  answers: { 200: schema.payoutPage },
  async handle({ mongo }, { query: { limit, cursor } }) {
    const found = await mongo.models.payouts
      .find(afterNewest(cursor))
      .sort({ createdAt: -1, _id: -1 })
      .limit(limit + 1)
      .lean<Payout[]>();
    const { items, next } = page(found, limit, newestKeys);
    return reply(200, { payouts: items.map(viewPayout), next });
  },
});

function viewSummary(found: Reconciliation): z.input<typeof schema.reconciliationPage>['reconciliations'][number] {
  const { _id: day, status, counts, totals, differences, startedAt, comparedAt, endedAt } = found;
  return {
    day,
    status,
    counts,
    totals,
    openDifferences: differences.filter((each) => each.status === 'open').length,
    startedAt: startedAt.toISOString(),
    comparedAt: comparedAt?.toISOString(),
    endedAt: endedAt?.toISOString(),
  };
}

function viewPayout({ _id: id, amount, currency, arrivalDate, status, createdAt }: Payout) {
  return {
    id,
    amount,
    currency,
    arrivalDate: arrivalDate.toISOString(),
    status,
    createdAt: createdAt.toISOString(),
  };
}
