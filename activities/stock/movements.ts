/** Physical stock: every change is a movement in an append-only ledger, once for each key. */
import type { ClientSession } from 'mongoose';
import type { Stock } from '../../models/stock.ts';
import { stockId } from '../../models/stock.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { isLow } from '../../workflows/domain/stock.ts';
import { fillFromQueue } from './backorders.ts';
import { holdersOf, makeRoom } from './displacement.ts';
import { changeStock } from './ledger.ts';
import { type Movement, refuseToBreak } from './work.ts';

/**
 * What was found broken or gone is so, whatever was promised: the newest orders that wait to be picked give way. Other
 * movements are plans, and are refused. New goods serve who waits for them.
 * @throws StockRefused where the stock would become negative, or less than what is owed to orders
 */
export function moveStock(
  mongo: Mongo,
  movement: Movement,
): Promise<{ applied: boolean; onHand: number; damaged: number; seq: number }> {
  const { key, sku, warehouseId, kind } = movement;
  const isFound = kind === 'damage' || kind === 'count';
  return changeStock(mongo, {
    skus: [sku],
    queues: [sku],
    documents: [['movements', key]],
    ...(isFound && { find: holdersOf([{ sku, warehouseId }]) }),
    make(work) {
      const known = work.document('movements', key);
      if (known) return { applied: false, onHand: known.onHandAfter, damaged: known.damagedAfter, seq: known.seq };
      const { onHandAfter, damagedAfter, seq } = work.move(movement);
      if (isFound) makeRoom(work, sku, warehouseId);
      refuseToBreak(work.stock(sku, warehouseId));
      fillFromQueue(work, sku);
      return { applied: true, onHand: onHandAfter, damaged: damagedAfter, seq };
    },
  });
}

/** Inside a transaction of others that brings goods back. Who waits for them is served a moment later. */
export async function postMovement({ models }: Mongo, session: ClientSession, movement: Movement): Promise<Stock> {
  const { key, ...line } = movement;
  const { sku, warehouseId, onHandChange, damagedChange } = line;
  const after = await models.stock
    .findOneAndUpdate(
      { _id: stockId(sku, warehouseId) },
      {
        $inc: { onHand: onHandChange, damaged: damagedChange, seq: 1 },
        $setOnInsert: { sku, warehouseId, reserved: 0, committed: 0, incoming: 0, safetyStock: 0 },
      },
      { session, upsert: true, returnDocument: 'after' },
    )
    .lean();
  if (after!.lowSince && !isLow(after!))
    await models.stock.updateOne({ _id: after!._id }, { $unset: { lowSince: 1 } }, { session });
  const { seq, onHand: onHandAfter, damaged: damagedAfter } = after!;
  await models.movements.create([{ _id: key, ...line, seq, onHandAfter, damagedAfter, at: new Date() }], { session });
  return after!;
}
