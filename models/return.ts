import { type Connection, Schema } from 'mongoose';
import type { Disposition, Reception, ReturnStatus } from '../workflows/domain/states.ts';
import type { ReturnState } from '../workflows/messages.ts';
import type { ParcelLabel } from './shipment.ts';

export interface ReturnLine {
  lineId: string;
  sku: string;
  quantity: number;
  reason: string;
  reception: Reception;
  received: number;
  /** One entry a unit's fate; their quantities add up to at most `received`. */
  dispositions: { disposition: Disposition; quantity: number }[];
}

export interface Return {
  _id: string;
  orderId: string;
  warehouseId: string;
  createdAt: Date;
  lines: ReturnLine[];
  /** Which service brings it back, before it is bought. */
  chosen?: { carrier: string; service: string };
  label?: ParcelLabel;
  /** When the carrier is asked for news, unless it brings some before. */
  checkAt?: Date;
  /** Where the money goes: back as it was paid, or to the store credit. */
  refundTo?: 'original' | 'store_credit';
  refundId?: string;
  rev: number;
  status: ReturnStatus;
  state?: ReturnState;
}

export function returnModel(connection: Connection) {
  const schema = new Schema<Return>({
    _id: { type: String, required: true },
    orderId: { type: String, required: true },
    warehouseId: { type: String, required: true },
    createdAt: { type: Date, required: true },
    lines: { type: [Schema.Types.Mixed] as never, required: true },
    chosen: Schema.Types.Mixed,
    label: Schema.Types.Mixed,
    checkAt: Date,
    refundTo: String,
    refundId: String,
    rev: { type: Number, required: true },
    status: { type: String, required: true },
    state: Schema.Types.Mixed,
  });
  schema.index({ orderId: 1 });
  schema.index({ status: 1, createdAt: 1 });
  schema.index({ 'label.trackingNumber': 1 });
  schema.index({ checkAt: 1 }, { sparse: true });
  schema.index({ 'label.boughtAt': 1 }, { sparse: true });
  return connection.model('Return', schema, 'returns');
}
