import { type Connection, Schema } from 'mongoose';
import type { PickLine } from '../workflows/domain/picking.ts';
import type { Parcel, TrackingStatus } from '../workflows/messages.ts';

/** A box, with what is in it. */
export interface PackedParcel extends Parcel {
  id: string;
  units: { lineId: string; quantity: number }[];
  /** Which service was chosen for it, before it is bought: a repeat buys the same. */
  chosen?: { carrier: string; service: string };
  label?: ParcelLabel;
  /** When it was scanned at the door, and with which others. */
  handedOverAt?: Date;
  handedOverIn?: string;
  /** What the carrier said last, and when that was by its clock. */
  tracking?: { status: TrackingStatus; at: Date; reason?: string };
  /** How much news there was. */
  heard?: number;
  /** A date: when the carrier expects to deliver it. */
  expectedOn?: string;
  /** When it said so, by its clock. */
  expectedSince?: Date;
  deliveredAt?: Date;
  proof?: { signed: boolean; leftAt?: string };
  /** It did not arrive, and what becomes of that is decided: by its order, or by a customer's claim. */
  givenUp?: GivenUp;
  /** It did not arrive, and is not paid for. */
  writtenOff?: boolean;
}

export interface PutBack {
  lineId: string;
  sku: string;
  name: string;
  bin?: string;
  quantity: number;
  /** When they were on their shelf again. */
  at?: Date;
}

export interface GivenUp {
  how: 'reshipped' | 'refunded' | 'returned';
  /** Where it was a claim. */
  claimId?: string;
}

export interface ParcelLabel {
  id: string;
  carrier: string;
  service: string;
  trackingNumber: string;
  /** Where the label is printed from. */
  url: string;
  /** Where the customer may follow it, if the carrier has a page. */
  trackingUrl?: string;
  /** Minor units. */
  cost: number;
  currency: string;
  boughtAt: Date;
  /** It was given back: `used` and `pending` ones are paid for all the same, as far as we know. */
  voided?: { at: Date; outcome: 'voided' | 'pending' | 'used' };
}

/** A warehouse's facts of one shipment: what is picked, how it is packed, its labels. Its status is its order's to say. */
export interface Shipment {
  _id: string;
  orderId: string;
  warehouseId: string;
  createdAt: Date;
  lines: PickLine[];
  /** What waves go by. */
  units: number;
  grams: number;
  to: { country: string; region?: string };
  deliveryMethod?: string;
  /** A date: when the customer was told that it is there. */
  promisedBy?: string;
  /** Until when it has to be handed over for that. */
  dispatchBy: Date;
  /** Higher goes first. */
  priority: number;
  /** The one list that it is picked by. */
  pickListId: string | null;
  /** When the first unit was picked or reported short. */
  begunAt?: Date;
  /** When every line was picked or short: the list takes no more scans of it. */
  pickedAt?: Date;
  /** What became of the units that were not picked, once that is decided. */
  shortSettled?: {
    short: number;
    waits: number;
    given: number;
    moved: { shipmentId: string; warehouseId: string }[];
    empty: boolean;
  };
  /** When the address was last corrected. */
  addressedAt?: Date;
  /** Set before the carrier is asked: from then on neither parcels nor address may change. */
  labelRequestedAt?: Date;
  parcels?: PackedParcel[];
  /** How often units of it were cancelled while the rest was to be sent. */
  changes?: number;
  /** Units that were picked and then cancelled while the rest was to be sent. */
  putBack?: PutBack[];
  /** Parcels that were packed before, and are not sent. */
  unpacked?: PackedParcel[];
  /** The shipment was cancelled: its list is closed, and no label is bought. */
  cancelledAt?: Date;
  /** What had been picked of a cancelled shipment is on its shelf again. */
  putBackAt?: Date;
  handedOverAt?: Date;
  /** The hand-over that scanned the last of its parcels. */
  leftIn?: string;
  /** When the carrier is asked for news, unless it brings some before. */
  checkAt?: Date;
  deliveredAt?: Date;
  onTime?: boolean;
  /** From then on it is later than promised. Absent once the customer was told, or nothing is to be told. */
  lateFrom?: Date;
}

export function shipmentModel(connection: Connection) {
  const schema = new Schema<Shipment>({
    _id: { type: String, required: true },
    orderId: { type: String, required: true },
    warehouseId: { type: String, required: true },
    createdAt: { type: Date, required: true },
    lines: { type: [Schema.Types.Mixed] as never, required: true },
    units: { type: Number, required: true },
    grams: { type: Number, required: true },
    to: { type: Schema.Types.Mixed as never, required: true },
    deliveryMethod: String,
    promisedBy: String,
    dispatchBy: { type: Date, required: true },
    priority: { type: Number, required: true },
    pickListId: { type: String, default: null },
    begunAt: Date,
    pickedAt: Date,
    shortSettled: Schema.Types.Mixed,
    addressedAt: Date,
    labelRequestedAt: Date,
    parcels: { type: [Schema.Types.Mixed] as never, default: undefined },
    changes: Number,
    putBack: { type: [Schema.Types.Mixed] as never, default: undefined },
    unpacked: { type: [Schema.Types.Mixed] as never, default: undefined },
    cancelledAt: Date,
    putBackAt: Date,
    handedOverAt: Date,
    leftIn: String,
    checkAt: Date,
    deliveredAt: Date,
    onTime: Boolean,
    lateFrom: Date,
  });
  schema.index({ orderId: 1 });
  schema.index({ warehouseId: 1, pickedAt: 1, createdAt: 1 });
  // What is to be put on lists, the most urgent first.
  schema.index(
    { warehouseId: 1, priority: -1, dispatchBy: 1, createdAt: 1 },
    { partialFilterExpression: { pickListId: null } },
  );
  schema.index({ pickListId: 1 });
  schema.index({ 'parcels.id': 1 }, { sparse: true });
  schema.index({ 'parcels.label.trackingNumber': 1 }, { sparse: true });
  schema.index({ checkAt: 1 }, { sparse: true });
  schema.index({ lateFrom: 1 }, { sparse: true });
  // What reports are asked for.
  schema.index({ promisedBy: 1, warehouseId: 1 }, { sparse: true });
  schema.index({ dispatchBy: 1, warehouseId: 1 });
  schema.index({ 'parcels.label.boughtAt': 1 }, { sparse: true });
  schema.index({ 'unpacked.label.boughtAt': 1 }, { sparse: true });
  return connection.model('Shipment', schema, 'shipments');
}
