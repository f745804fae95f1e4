import { type Connection, Schema } from 'mongoose';

import type { Quantities, ReorderRule } from '../workflows/domain/stock.ts';

/** Quantities of one SKU in one warehouse. `_id` is `SKU@WAREHOUSE`. */
export interface Stock extends Quantities, ReorderRule {
  _id: string;
  sku: string;
  warehouseId: string;
  /** The number of the last movement. */
  seq: number;
  /** Where it lies: the bin to pick from first, then others. */
  bins?: string[];
  /** Since when it is time to order. Set and cleared with the change that crosses the reorder point. */
  lowSince?: Date;
}

export type MovementKind =
  | 'receive'
  | 'adjust'
  | 'count'
  | 'ship'
  | 'return'
  | 'transfer_out'
  | 'transfer_in'
  | 'damage'
  | 'scrap';

/** One physical change, append-only. `_id` is the key that makes a repeated change have one effect. */
export interface StockMovement {
  _id: string;
  sku: string;
  warehouseId: string;
  seq: number;
  kind: MovementKind;
  onHandChange: number;
  damagedChange: number;
  onHandAfter: number;
  damagedAfter: number;
  actor: string;
  reason: string;
  reference: string;
  at: Date;
}

export function stockId(sku: string, warehouseId: string): string {
  return `${sku}@${warehouseId}`;
}

export function stockModel(connection: Connection) {
  const schema = new Schema<Stock>({
    _id: { type: String, required: true },
    sku: { type: String, required: true },
    warehouseId: { type: String, required: true },
    onHand: { type: Number, required: true },
    damaged: { type: Number, required: true },
    reserved: { type: Number, required: true },
    committed: { type: Number, required: true },
    incoming: { type: Number, required: true },
    safetyStock: { type: Number, required: true },
    seq: { type: Number, required: true },
    bins: { type: [String], default: undefined },
    reorderPoint: Number,
    reorderTo: Number,
    lowSince: Date,
  });
  schema.index({ sku: 1, warehouseId: 1 }, { unique: true });
  schema.index({ warehouseId: 1, lowSince: 1 }, { sparse: true });
  return connection.model('Stock', schema, 'stock');
}

export function stockMovementModel(connection: Connection) {
  const schema = new Schema<StockMovement>({
    _id: { type: String, required: true },
    sku: { type: String, required: true },
    warehouseId: { type: String, required: true },
    seq: { type: Number, required: true },
    kind: { type: String, required: true },
    onHandChange: { type: Number, required: true },
    damagedChange: { type: Number, required: true },
    onHandAfter: { type: Number, required: true },
    damagedAfter: { type: Number, required: true },
    actor: { type: String, required: true },
    reason: { type: String },
    reference: { type: String, required: true },
    at: { type: Date, required: true },
  });
  schema.index({ sku: 1, warehouseId: 1, seq: 1 }, { unique: true });
  return connection.model('StockMovement', schema, 'stock_movements');
}

/** How many units of a SKU accepted orders wait for: the sum over their backordered lines. `_id` is the SKU. */
export interface Backlog {
  _id: string;
  units: number;
}

export function backlogModel(connection: Connection) {
  const schema = new Schema<Backlog>({
    _id: { type: String, required: true },
    units: { type: Number, required: true },
  });
  schema.index({ units: 1 });
  return connection.model('Backlog', schema, 'backlogs');
}
