import { type Connection, Schema } from 'mongoose';
import type { PickLineStatus, ShortReason } from '../workflows/domain/states.ts';
import type { Parcel } from '../workflows/messages.ts';

export interface PickLine {
  lineId: string;
  sku: string;
  name: string;
  quantity: number;
  picked: number;
  /** Where it lies. */
  bin?: string;
  state: PickLineStatus;
  shortReason?: ShortReason;
}

/** A warehouse's facts of one shipment: what is picked, how it is packed, its label. Its status is its order's to say. */
export interface Shipment {
  _id: string;
  orderId: string;
  warehouseId: string;
  createdAt: Date;
  lines: PickLine[];
  /** Ids of the scans that counted, so that a scan sent twice counts once. */
  scanIds: string[];
  /** When every line was picked or short: the list takes no more scans. */
  pickedAt?: Date;
  /** What became of the units that were not picked, once that is decided. */
  shortSettled?: { short: number; moved: { shipmentId: string; warehouseId: string }[]; empty: boolean };
  /** When the address was last corrected. */
  addressedAt?: Date;
  /** Set before the carrier is asked: from then on neither parcel nor address may change. */
  labelRequestedAt?: Date;
  parcel?: Parcel;
  label?: { id: string; trackingNumber: string; url: string; costMinor: number; currency: string };
  /** The shipment was cancelled: its list is closed, and no label is bought. */
  cancelledAt?: Date;
  handedOverAt?: Date;
  /** What was promised as it was ordered: the cut-off by which it leaves, and the date by which it arrives, `2026-12-24`. */
  dispatchBy?: Date;
  promisedBy?: string;
  deliveredAt?: Date;
  /** It was delivered by `promisedBy`. */
  onTime?: boolean;
}

export function shipmentModel(connection: Connection) {
  const schema = new Schema<Shipment>({
    _id: { type: String, required: true },
    orderId: { type: String, required: true },
    warehouseId: { type: String, required: true },
    createdAt: { type: Date, required: true },
    lines: { type: [Schema.Types.Mixed] as never, required: true },
    scanIds: { type: [String], default: [] },
    pickedAt: Date,
    shortSettled: Schema.Types.Mixed,
    addressedAt: Date,
    labelRequestedAt: Date,
    parcel: Schema.Types.Mixed,
    label: Schema.Types.Mixed,
    cancelledAt: Date,
    handedOverAt: Date,
    dispatchBy: Date,
    promisedBy: String,
    deliveredAt: Date,
    onTime: Boolean,
  });
  schema.index({ orderId: 1 });
  schema.index({ warehouseId: 1, pickedAt: 1, createdAt: 1 });
  schema.index({ 'label.trackingNumber': 1 });
  return connection.model('Shipment', schema, 'shipments');
}
