import { type Connection, Schema } from 'mongoose';
import type {
  ExchangeRelease,
  LineTerms,
  ReturnDecision,
  ReturnReason,
  Sending,
  unaskedReasons,
} from '../workflows/domain/return-policy.ts';
import type { ReturnRefund } from '../workflows/domain/return-refunds.ts';
import type { Disposition, Reception, ReturnStatus } from '../workflows/domain/states.ts';
import type { ReceiveReturnInput, ReturnState } from '../workflows/messages.ts';
import type { Address } from './address.ts';
import type { Order } from './order.ts';
import type { ParcelLabel } from './shipment.ts';

export interface ReturnLine {
  lineId: string;
  sku: string;
  /** 0 where nobody has asked for it, and it came all the same. */
  quantity: number;
  reason: ReturnReason | (typeof unaskedReasons)[number];
  /** The customer's own words. */
  comment?: string;
  terms: LineTerms;
  reception: Reception;
  /** Units of it that came. */
  received: number;
  /** Units of something else that came in its place. */
  wrong: number;
  /** One entry a unit's fate; their quantities add up to at most `received`. */
  dispositions: { disposition: Disposition; quantity: number }[];
}

/** What came in one parcel, as it was said. The numbers count up from 1. */
export type Arrival = Omit<ReceiveReturnInput, 'more' | 'after'> & { number: number; at: Date };

/** Goods in exchange, with their prices when they were asked for. Minor units. */
export interface Exchange extends Pick<Order, 'items' | 'lines' | 'pricing' | 'total' | 'redemptions'> {
  /** What the returned goods are worth by their terms: it pays first. */
  credit: number;
  release: ExchangeRelease;
  /** The provider's id of the method that pays what it costs more. */
  paymentMethod?: string;
  /** Once the return is approved. */
  orderId?: string;
}

export interface BroughtBack {
  shipmentId: string;
  parcelId: string;
  trackingNumber?: string;
}

export interface Return {
  _id: string;
  orderId: string;
  warehouseId: string;
  createdAt: Date;
  /** Who asked for it; `carrier` brings a parcel back without being asked. */
  by: 'customer' | 'support' | 'warehouse' | 'carrier';
  lines: ReturnLine[];
  /** What the policy said of it when it was asked for. */
  decision: { decision: Exclude<ReturnDecision['decision'], 'refuse'>; because: string };
  sending: Sending;
  /** Where the goods are to go. */
  sendTo: Address;
  /** The parcel of the order that the carrier brings back; `late` one that it had called delivered before. */
  parcel?: BroughtBack;
  late?: BroughtBack;
  /** Which service brings it back, before it is bought. */
  chosen?: { carrier: string; service: string };
  label?: ParcelLabel;
  /** When the carrier is asked for news, unless it brings some before. */
  checkAt?: Date;
  arrivals: Arrival[];
  inspectedAt?: Date;
  /** Where the money goes: back as it was paid, or to the store credit. */
  refundTo?: 'original' | 'store_credit';
  /** What the customer wants in place of the money. */
  exchange?: Exchange;
  /** As it was worked out. What was paid back says the refund; there is none where nothing was left to pay back. */
  refund?: ReturnRefund;
  /** The units that it was worked out for, and the order that had paid for them. */
  settled?: { orderId: string; lines: { lineId: string; quantity: number }[] };
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
    by: { type: String, required: true },
    lines: { type: [Schema.Types.Mixed] as never, required: true },
    decision: { type: Schema.Types.Mixed as never, required: true },
    sending: { type: Schema.Types.Mixed as never, required: true },
    sendTo: { type: Schema.Types.Mixed as never, required: true },
    parcel: Schema.Types.Mixed,
    late: Schema.Types.Mixed,
    chosen: Schema.Types.Mixed,
    label: Schema.Types.Mixed,
    checkAt: Date,
    arrivals: { type: [Schema.Types.Mixed] as never, default: [] },
    inspectedAt: Date,
    refundTo: String,
    exchange: Schema.Types.Mixed,
    refund: Schema.Types.Mixed,
    settled: Schema.Types.Mixed,
    refundId: String,
    rev: { type: Number, required: true },
    status: { type: String, required: true },
    state: Schema.Types.Mixed,
  });
  schema.index({ orderId: 1 });
  schema.index({ 'settled.orderId': 1 }, { sparse: true });
  schema.index({ status: 1, createdAt: 1 });
  schema.index({ createdAt: -1, _id: -1 });
  schema.index({ 'exchange.orderId': 1 }, { sparse: true });
  schema.index({ 'label.trackingNumber': 1 });
  schema.index({ 'parcel.trackingNumber': 1 }, { sparse: true });
  schema.index({ 'parcel.parcelId': 1 }, { unique: true, sparse: true });
  schema.index({ 'late.trackingNumber': 1 }, { sparse: true });
  schema.index({ 'late.parcelId': 1 }, { unique: true, sparse: true });
  schema.index({ checkAt: 1 }, { sparse: true });
  schema.index({ 'label.boughtAt': 1 }, { sparse: true });
  return connection.model('Return', schema, 'returns');
}
