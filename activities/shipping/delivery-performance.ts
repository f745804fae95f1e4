/** Whether promises were kept: of what was due in some days, what left its warehouse and what arrived in time. */
import type { Mongo } from '../../platform/mongo.ts';
import { dateIn } from '../../workflows/domain/calendar.ts';

const dayMs = 86_400_000;

interface Asked {
  /** Dates, `2026-11-30`, both included: on which it was promised to arrive, and, in UTC, to leave. */
  from: string;
  to: string;
  warehouseId?: string | undefined;
}

interface Kept {
  onTime: number;
  late: number;
  /** Due and not done: what was lost stays among it, so that nothing is flattered by what never came. */
  overdue: number;
  /** How much of the three was on time, 0 to 1; absent where there is none of them. */
  share?: number;
}

interface Figures {
  delivered: Kept;
  dispatched: Kept;
}

/** What is not due yet counts once it is done. What was cancelled does not count. */
export async function deliveryPerformance(
  mongo: Mongo,
  asked: Asked,
): Promise<{ total: Figures; warehouses: ({ warehouseId: string } & Figures)[] }> {
  const now = new Date();
  const [delivered, dispatched] = await Promise.all([
    countOutcomes(mongo, asked, {
      due: { promisedBy: { $gte: asked.from, $lte: asked.to } },
      isDone: { $gt: ['$deliveredAt', null] },
      isOnTime: '$onTime',
      // The date has ended everywhere.
      isOverdue: { $lt: ['$promisedBy', dateIn('Etc/GMT+12', now)] },
    }),
    countOutcomes(mongo, asked, {
      due: { dispatchBy: { $gte: new Date(asked.from), $lt: new Date(Date.parse(asked.to) + dayMs) } },
      isDone: { $gt: ['$handedOverAt', null] },
      isOnTime: { $lte: ['$handedOverAt', '$dispatchBy'] },
      isOverdue: { $lt: ['$dispatchBy', now] },
    }),
  ]);
  const figures = (of: (each: Counted) => boolean): Figures => {
    return { delivered: sumUp(delivered.filter(of)), dispatched: sumUp(dispatched.filter(of)) };
  };
  const warehouseIds = [...new Set([...delivered, ...dispatched].map(({ warehouseId }) => warehouseId))].sort();
  return {
    total: figures(() => true),
    warehouses: warehouseIds.map((warehouseId) => ({
      warehouseId,
      ...figures((each) => each.warehouseId === warehouseId),
    })),
  };
}

type Outcome = 'onTime' | 'late' | 'overdue';

interface Counted {
  warehouseId: string;
  outcome: Outcome;
  shipments: number;
}

/** How MongoDB tells the outcomes of one promise. */
interface Measure {
  due: Record<string, unknown>;
  isDone: unknown;
  isOnTime: unknown;
  isOverdue: unknown;
}

async function countOutcomes(
  { models }: Mongo,
  { warehouseId }: Asked,
  { due, isDone, isOnTime, isOverdue }: Measure,
): Promise<Counted[]> {
  const counts = { ...due, ...(warehouseId !== undefined && { warehouseId }), cancelledAt: { $exists: false } };
  const outcome = {
    $cond: [isDone, { $cond: [isOnTime, 'onTime', 'late'] }, { $cond: [isOverdue, 'overdue', 'open'] }],
  };
  const groups = await models.shipments.aggregate<{ _id: Omit<Counted, 'shipments'>; shipments: number }>([
    { $match: counts },
    { $group: { _id: { warehouseId: '$warehouseId', outcome }, shipments: { $sum: 1 } } },
    { $match: { '_id.outcome': { $ne: 'open' } } },
  ]);
  return groups.map(({ _id, shipments }) => ({ ..._id, shipments }));
}

function sumUp(counted: readonly Counted[]): Kept {
  const of = (outcome: Outcome) =>
    counted.filter((each) => each.outcome === outcome).reduce((sum, { shipments }) => sum + shipments, 0);
  const [onTime, late, overdue] = [of('onTime'), of('late'), of('overdue')];
  const all = onTime + late + overdue;
  return { onTime, late, overdue, ...(all > 0 && { share: onTime / all }) };
}
