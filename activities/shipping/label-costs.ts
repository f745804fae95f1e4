/** What labels cost, with those that were given back and what became of them. */
import type { PipelineStage } from 'mongoose';
import type { Mongo } from '../../platform/mongo.ts';

export interface LabelCosts {
  carrier: string;
  currency: string;
  /** All that were bought; minor units. */
  bought: Sum;
  /** Of these: paid back, still to be decided by the carrier, and not paid back as they had travelled. */
  voided: Sum;
  pending: Sum;
  used: Sum;
}

interface Sum {
  labels: number;
  cost: number;
}

const dayMs = 86_400_000;

/** Of parcels and of returns, by when they were bought: dates in UTC, both included. */
export async function labelCosts({ models }: Mongo, { from, to }: { from: string; to: string }): Promise<LabelCosts[]> {
  const bought = { $gte: new Date(from), $lt: new Date(Date.parse(to) + dayMs) };
  const shown = {
    carrier: '$label.carrier',
    currency: '$label.currency',
    cost: '$label.cost',
    outcome: { $ifNull: ['$label.voided.outcome', 'kept'] },
  };
  const returns: Exclude<PipelineStage, PipelineStage.Merge | PipelineStage.Out>[] = [
    { $match: { 'label.boughtAt': bought } },
    { $project: shown },
  ];
  const rows = await models.shipments.aggregate<{
    _id: { carrier: string; currency: string; outcome: string };
    labels: number;
    cost: number;
  }>([
    { $match: { $or: [{ 'parcels.label.boughtAt': bought }, { 'unpacked.label.boughtAt': bought }] } },
    { $project: { parcels: { $concatArrays: [{ $ifNull: ['$parcels', []] }, { $ifNull: ['$unpacked', []] }] } } },
    { $unwind: '$parcels' },
    { $project: { label: '$parcels.label' } },
    { $match: { 'label.boughtAt': bought } },
    { $project: shown },
    { $unionWith: { coll: models.returns.collection.name, pipeline: returns } },
    {
      $group: {
        _id: { carrier: '$carrier', currency: '$currency', outcome: '$outcome' },
        labels: { $sum: 1 },
        cost: { $sum: '$cost' },
      },
    },
  ]);
  const costs = new Map<string, LabelCosts>();
  for (const { _id, labels, cost } of rows) {
    const { carrier, currency, outcome } = _id;
    const key = `${carrier} ${currency}`;
    const known = costs.get(key) ?? {
      carrier,
      currency,
      bought: none(),
      voided: none(),
      pending: none(),
      used: none(),
    };
    add(known.bought, labels, cost);
    if (outcome === 'voided' || outcome === 'pending' || outcome === 'used') add(known[outcome], labels, cost);
    costs.set(key, known);
  }
  return [...costs.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}

function none(): Sum {
  return { labels: 0, cost: 0 };
}

function add(sum: Sum, labels: number, cost: number): void {
  sum.labels += labels;
  sum.cost += cost;
}
