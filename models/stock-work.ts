/** What a warehouse does with its stock beside orders: goods that come, goods that move, and counting. */
import { type Connection, Schema } from 'mongoose';
import type { CountStatus, DeliveryStatus, TransferStatus } from '../workflows/domain/states.ts';

/** Goods that a supplier will bring. What is still to come counts as `incoming`. */
export interface Delivery {
  _id: string;
  warehouseId: string;
  /** The order number at the supplier, or what else names it there. */
  reference: string;
  expectedAt: Date;
  lines: { sku: string; expected: number; received: number }[];
  /** How much more than expected may be received without a question. */
  tolerancePercent: number;
  status: DeliveryStatus;
  actor: string;
  createdAt: Date;
  closedAt?: Date;
}

/** Goods on their way between two warehouses: they belong to neither's stock, and are `incoming` at the second. */
export interface Transfer {
  _id: string;
  from: string;
  to: string;
  lines: { sku: string; sent: number; received: number }[];
  status: TransferStatus;
  reason: string;
  actor: string;
  createdAt: Date;
  closedAt?: Date;
}

/** A count of some SKUs in one warehouse. Whoever counts is not told what the books say. */
export interface StockCount {
  _id: string;
  warehouseId: string;
  lines: CountLine[];
  status: CountStatus;
  reason: string;
  actor: string;
  createdAt: Date;
  decidedAt?: Date;
  decidedBy?: string;
}

export interface CountLine {
  sku: string;
  /** Units that a picker did not find, set aside among the damaged ones until this count says what is there. */
  setAside?: number;
  counted?: number;
  countedBy?: string;
  countedAt?: Date;
  /** What the books said when it was counted: the difference to them is what approval posts, whatever happens meanwhile. */
  books?: { onHand: number; picked: number };
}

export function deliveryModel(connection: Connection) {
  const schema = new Schema<Delivery>({
    _id: { type: String, required: true },
    warehouseId: { type: String, required: true },
    reference: { type: String, required: true },
    expectedAt: { type: Date, required: true },
    lines: { type: [Schema.Types.Mixed] as never, required: true },
    tolerancePercent: { type: Number, required: true },
    status: { type: String, required: true },
    actor: { type: String, required: true },
    createdAt: { type: Date, required: true },
    closedAt: Date,
  });
  schema.index({ createdAt: -1, _id: -1 });
  schema.index({ 'lines.sku': 1, status: 1 });
  return connection.model('Delivery', schema, 'deliveries');
}

export function transferModel(connection: Connection) {
  const schema = new Schema<Transfer>({
    _id: { type: String, required: true },
    from: { type: String, required: true },
    to: { type: String, required: true },
    lines: { type: [Schema.Types.Mixed] as never, required: true },
    status: { type: String, required: true },
    reason: { type: String, required: true },
    actor: { type: String, required: true },
    createdAt: { type: Date, required: true },
    closedAt: Date,
  });
  schema.index({ createdAt: -1, _id: -1 });
  return connection.model('Transfer', schema, 'transfers');
}

export function stockCountModel(connection: Connection) {
  const schema = new Schema<StockCount>({
    _id: { type: String, required: true },
    warehouseId: { type: String, required: true },
    lines: { type: [Schema.Types.Mixed] as never, required: true },
    status: { type: String, required: true },
    reason: { type: String, required: true },
    actor: { type: String, required: true },
    createdAt: { type: Date, required: true },
    decidedAt: Date,
    decidedBy: String,
  });
  schema.index({ createdAt: -1, _id: -1 });
  return connection.model('StockCount', schema, 'stock_counts');
}
