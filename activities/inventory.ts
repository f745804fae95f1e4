/** Physical stock: every change is a movement in an append-only ledger, once for each key. */
import type { ClientSession } from 'mongoose';
import type { MovementKind, Stock, StockMovement } from '../models/stock.ts';
import { stockId } from '../models/stock.ts';
import { inTransaction, type Mongo } from '../platform/mongo.ts';
import { withSku } from './stock-lock.ts';

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
  return withSku(movement.sku, () =>
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

/** What new orders can have of it. */
export function offeredOf(stock: Stock): number {
  return Math.max(0, salable(stock) - stock.safetyStock);
}

export function salable(stock: Stock): number {
  return stock.onHand - stock.damaged - stock.reserved - stock.committed;
}

/** Inside a transaction. */
export async function postMovement({ models }: Mongo, session: ClientSession, movement: Movement): Promise<Stock> {
  const { sku, warehouseId, onHandChange, damagedChange } = movement;
  const after = await models.stock
    .findOneAndUpdate(
      { _id: stockId(sku, warehouseId) },
      {
        $inc: { onHand: onHandChange, damaged: damagedChange, seq: 1 },
        $setOnInsert: { sku, warehouseId, reserved: 0, committed: 0, safetyStock: 0 },
      },
      { session, upsert: true, returnDocument: 'after' },
    )
    .lean();
  await models.movements.create([movementOf(movement, after!)], { session });
  return after!;
}

/** The line of the ledger, with the balances after it. */
export function movementOf(
  { key, ...movement }: Movement,
  after: Pick<Stock, 'onHand' | 'damaged' | 'seq'>,
): StockMovement {
  return {
    _id: key,
    ...movement,
    seq: after.seq,
    onHandAfter: after.onHand,
    damagedAfter: after.damaged,
    at: new Date(),
  };
}
