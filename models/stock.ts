import { type Connection, Schema } from 'mongoose';

/** Quantities of one SKU in one warehouse. `_id` is `SKU@WAREHOUSE`. */
export interface Stock {
  _id: string;
  sku: string;
  warehouseId: string;
  /** Physically there, damaged units included. Equals the sum of the movements. */
  onHand: number;
  damaged: number;
  /** Held for unpaid orders. With `committed`, the sum over the allocated lines of open orders. */
  reserved: number;
  /** Owed to paid orders. */
  committed: number;
  safetyStock: number;
  /** The number of the last movement. */
  seq: number;
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
    safetyStock: { type: Number, required: true },
    seq: { type: Number, required: true },
  });
  schema.index({ sku: 1, warehouseId: 1 }, { unique: true });
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
