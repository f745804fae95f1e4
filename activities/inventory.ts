/** Physical stock: every change is a movement in an append-only ledger, once for each key. */
import type { ClientSession } from 'mongoose';
import type { MovementKind, Stock } from '../models/stock.ts';
import { stockId } from '../models/stock.ts';
import { inTransaction, type Mongo } from '../platform/mongo.ts';
import { withSkus } from './stock-lock.ts';

export interface Movement {
  /** A repeated key has no second effect. */
  key: string;
  sku: string;
  warehouseId: string;
  kind: MovementKind;
  onHandChange: number;
  damagedChange: number;
  actor: string;
  reason: string;
  reference: string;
}

export class StockRefused extends Error {
  readonly code: 'negative' | 'would_break_promises';
  constructor(code: 'negative' | 'would_break_promises', message: string) {
    super(message);
    this.code = code;
  }
}

/** @throws StockRefused where the stock would become negative, or less than what is owed to orders. */
export function moveStock(
  mongo: Mongo,
  movement: Movement,
): Promise<{ applied: boolean; onHand: number; damaged: number; seq: number }> {
  return withSkus([movement.sku], () =>
    inTransaction(mongo, async (session) => {
      const known = await mongo.models.movements.findById(movement.key).session(session).lean();
      if (known) return { applied: false, onHand: known.onHandAfter, damaged: known.damagedAfter, seq: known.seq };
      const after = await postMovement(mongo, session, movement);
      if (after.onHand < 0 || after.damaged < 0 || after.damaged > after.onHand) {
        throw new StockRefused(
          'negative',
          `${movement.sku} in ${movement.warehouseId} would have ${after.onHand} on hand, ${after.damaged} of them damaged`,
        );
      }
      if (salable(after) < 0) {
        throw new StockRefused(
          'would_break_promises',
          `${movement.sku} in ${movement.warehouseId}: ${after.reserved + after.committed} are promised to orders, ${after.onHand - after.damaged} would be left`,
        );
      }
      return { applied: true, onHand: after.onHand, damaged: after.damaged, seq: after.seq };
    }),
  );
}

export function salable(stock: Stock): number {
  return stock.onHand - stock.damaged - stock.reserved - stock.committed;
}

/** Inside a transaction. `committedChange` goes with a hand-over: what leaves is owed no more. */
export async function postMovement(
  { models }: Mongo,
  session: ClientSession,
  movement: Movement,
  committedChange = 0,
): Promise<Stock> {
  const { key, sku, warehouseId, kind, onHandChange, damagedChange, actor, reason, reference } = movement;
  const after = await models.stock
    .findOneAndUpdate(
      { _id: stockId(sku, warehouseId) },
      {
        $inc: { onHand: onHandChange, damaged: damagedChange, committed: committedChange, seq: 1 },
        $setOnInsert: { sku, warehouseId, reserved: 0, safetyStock: 0 },
      },
      { session, upsert: true, returnDocument: 'after' },
    )
    .lean();
  await models.movements.create(
    [
      {
        _id: key,
        sku,
        warehouseId,
        seq: after!.seq,
        kind,
        onHandChange,
        damagedChange,
        onHandAfter: after!.onHand,
        damagedAfter: after!.damaged,
        actor,
        reason,
        reference,
        at: new Date(),
      },
    ],
    { session },
  );
  return after!;
}
