/**
 * Cycle counts: somebody counts without knowing what the books say, somebody else approves the difference. Orders go on
 * meanwhile: what is posted is the difference at the moment of counting, not the number that was counted.
 */
import type { ClientSession } from 'mongoose';
import { newId } from '../../models/id.ts';
import type { CountLine, StockCount } from '../../models/stock-work.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { variance } from '../../workflows/domain/stock.ts';
import { fillFromQueue } from './backorders.ts';
import { holdersOf, makeRoom } from './displacement.ts';
import { changeStock } from './ledger.ts';
import { type Needs, refuseToBreak, StockRefused, type Work } from './work.ts';

/** Opening it again under its id changes nothing. */
export async function openCount({ models }: Mongo, count: StockCount): Promise<StockCount> {
  const opened = await models.counts
    .findOneAndUpdate({ _id: count._id }, { $setOnInsert: count }, { upsert: true, returnDocument: 'after' })
    .lean<StockCount>();
  return opened!;
}

/**
 * Writes down what somebody counted of one SKU, damaged units included, and keeps what the books said at that moment. It
 * may be counted again until it is decided.
 * @throws StockRefused where the count is decided, or the SKU is not to be counted
 */
export function recordCounted(
  mongo: Mongo,
  { countId, sku, counted, actor }: { countId: string; sku: string; counted: number; actor: string },
): Promise<StockCount | undefined> {
  let picked = 0;
  return changeStock(mongo, {
    skus: [sku],
    documents: [['counts', countId]],
    async find({ models }, session): Promise<Needs> {
      const count = await models.counts.findById(countId, { warehouseId: 1 }, { session }).lean();
      if (!count) return {};
      // What lies in trolleys and parcels was on hand all the same, and is on no shelf.
      const lists = await models.shipments
        .find(
          {
            warehouseId: count.warehouseId,
            $or: [
              {
                ...{ 'lines.sku': sku, handedOverAt: { $exists: false } },
                // Of a cancelled shipment it lies there until it is put back.
                $or: [
                  { cancelledAt: { $exists: false } },
                  { begunAt: { $exists: true }, putBackAt: { $exists: false } },
                ],
              },
              // Taken out of it: there until it is put back, also once the rest has left.
              { putBack: { $elemMatch: { sku, at: null } } },
            ],
          },
          { lines: 1, putBack: 1, handedOverAt: 1 },
          { session },
        )
        .lean();
      picked = lists
        .flatMap(({ lines, putBack = [], handedOverAt }) => [
          ...(handedOverAt ? [] : lines),
          ...putBack.filter(({ at }) => at === undefined).map((unit) => ({ sku: unit.sku, picked: unit.quantity })),
        ])
        .filter((line) => line.sku === sku)
        .reduce((sum, line) => sum + line.picked, 0);
      return {};
    },
    make(work) {
      const count = work.document('counts', countId);
      if (!count) return undefined;
      if (count.status !== 'open' && count.status !== 'counted')
        throw new StockRefused('wrong_state', `The count is ${count.status}`);
      const line = count.lines.find((each) => each.sku === sku);
      if (!line) throw new StockRefused('not_part_of_it', `${sku} is not part of the count ${countId}`);
      const onHand = work.stock(sku, count.warehouseId)?.onHand ?? 0;
      Object.assign(line, { counted, countedBy: actor, countedAt: new Date(), books: { onHand, picked } });
      if (count.lines.every((each) => each.counted !== undefined)) count.status = 'counted';
      work.put('counts', count);
      return count;
    },
  });
}

/** Units more or less than the books said. */
export function varianceOf({ counted, books }: CountLine): number | undefined {
  return counted === undefined || books === undefined ? undefined : variance(counted, books);
}

/**
 * Posts the differences, or throws them away. Where less is there than is owed, the newest orders that wait to be picked
 * give way in the same transaction. Deciding the same again changes nothing.
 * @throws StockRefused where it is not counted yet, was decided otherwise, or takes what was picked already
 */
export function decideCount(
  mongo: Mongo,
  decision: { countId: string; decide: 'approve' | 'reject' | 'cancel'; actor: string },
): Promise<StockCount | undefined> {
  const { countId, decide, actor } = decision;
  const becomes = ({ approve: 'approved', reject: 'rejected', cancel: 'cancelled' } as const)[decide];
  let rivals: string[] = [];
  return changeStock(mongo, {
    documents: [['counts', countId]],
    async find(mongo, session) {
      const count = await mongo.models.counts.findById(countId, undefined, { session }).lean<StockCount>();
      if (!count || decide !== 'approve') return {};
      const { warehouseId, lines } = count;
      const less = lines.filter((line) => (varianceOf(line) ?? 0) < 0);
      const needs = await holdersOf(less.map(({ sku }) => ({ sku, warehouseId })))(mongo, session);
      const skus = lines.map(({ sku }) => sku);
      rivals = await rivalsOf(mongo, session, count);
      const documents = rivals.map((id) => ['counts', id] as ['counts', string]);
      return { ...needs, skus, queues: skus, documents: [...(needs.documents ?? []), ...documents] };
    },
    make(work) {
      const count = work.document('counts', countId);
      if (!count) return undefined;
      if (count.status === becomes) return count;
      const isNeeded = count.lines.some(({ setAside }) => setAside);
      if (decide === 'cancel' && isNeeded)
        throw new StockRefused('wrong_state', 'Units are set aside until this is counted: count, and approve it');
      if (decide === 'cancel' ? count.status !== 'open' : count.status !== 'counted')
        throw new StockRefused('wrong_state', `The count is ${count.status}: it cannot become ${becomes}`);
      if (decide === 'approve') {
        for (const id of rivals) refuseToPostTwice(count, work.document('counts', id));
        for (const line of count.lines) {
          const onHandChange = varianceOf(line)!;
          const { warehouseId, reason } = count;
          // Somebody may have taken them from the damaged ones by hand.
          const units = (line.setAside ?? 0) + takeSetAside(work, rivals, line.sku);
          const setAside = Math.min(units, work.stock(line.sku, warehouseId)?.damaged ?? 0);
          if (onHandChange === 0 && setAside === 0) continue;
          const movement = { key: `${countId}:${line.sku}`, sku: line.sku, warehouseId, kind: 'count' as const };
          const damagedChange = 0 - setAside;
          work.move({ ...movement, onHandChange, damagedChange, actor, reason, reference: countId });
          makeRoom(work, line.sku, warehouseId);
          refuseToBreak(work.stock(line.sku, warehouseId));
          fillFromQueue(work, line.sku);
        }
      }
      const decided = { ...count, status: becomes, decidedAt: new Date(), decidedBy: actor };
      work.put('counts', decided);
      if (decide === 'reject' && isNeeded) work.put('counts', anew(count));
      return decided;
    },
  });
}

/** Whoever has counted a product has seen all of its shelf: what other counts of it had set aside is explained by this one. */
function takeSetAside(work: Work, countIds: readonly string[], sku: string): number {
  let units = 0;
  for (const id of countIds) {
    const count = work.document('counts', id)!;
    const line = count.lines.find((each) => each.sku === sku);
    if (!line?.setAside || (count.status !== 'open' && count.status !== 'counted')) continue;
    units += line.setAside;
    const { setAside: _, ...rest } = line;
    work.put('counts', { ...count, lines: count.lines.map((each) => (each === line ? rest : each)) });
  }
  return units;
}

/** What is set aside stays so until a count is approved. */
function anew({ warehouseId, lines, reason, actor }: StockCount): StockCount {
  return {
    ...{ _id: newId('cnt'), warehouseId, reason, actor, status: 'open', createdAt: new Date() },
    lines: lines.flatMap(({ sku, setAside }) => (setAside ? [{ sku, setAside }] : [])),
  };
}

/** Other counts of the same products that may have posted the same difference. */
async function rivalsOf({ models }: Mongo, session: ClientSession, count: StockCount): Promise<string[]> {
  const { _id, warehouseId, lines, createdAt } = count;
  const open = [{ status: { $in: ['open', 'counted'] } }, { status: 'approved', decidedAt: { $gte: createdAt } }];
  const same = { _id: { $ne: _id }, warehouseId, 'lines.sku': { $in: lines.map(({ sku }) => sku) }, $or: open };
  const found = await models.counts.find(same as never, { _id: 1 }, { session }).lean();
  return found.map((each) => each._id);
}

/** @throws StockRefused where another count has corrected a product after this one had counted it */
function refuseToPostTwice({ lines }: StockCount, other: StockCount | undefined): void {
  if (other?.status !== 'approved') return;
  for (const { sku, countedAt } of lines) {
    const theirs = other.lines.find((line) => line.sku === sku);
    if (!theirs || varianceOf(theirs) === 0 || other.decidedAt! < countedAt!) continue;
    throw new StockRefused('wrong_state', `${sku} was corrected by the count ${other._id} meanwhile: count it again`);
  }
}
