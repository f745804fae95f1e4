import { type Connection, Schema } from 'mongoose';
import type { LineCancellation, LineQuantity } from '../workflows/domain/line-cancels.ts';
import type { PricedLine, PricedShipping, Pricing } from '../workflows/domain/pricing.ts';
import type { ExchangeRelease } from '../workflows/domain/return-policy.ts';
import type { OrderStatus } from '../workflows/domain/states.ts';
import type { OrderState } from '../workflows/messages.ts';
import type { Address } from './address.ts';
import { addressSchema } from './address.ts';

/** What a line holds in one warehouse. The order's own allocations are the reservation. */
export interface LineAllocation {
  shipmentId: string;
  /** Empty while it is backordered: whichever warehouse gets the goods will send them. */
  warehouseId: string;
  quantity: number;
  /**
   * backordered: waits for goods; reserved: unpaid; committed: paid; shipped: gone; released: given back; lost: gone
   * and not arrived.
   */
  state: 'backordered' | 'reserved' | 'committed' | 'shipped' | 'released' | 'lost';
}

/** What an allocation is while it is still to be sent. */
export const openStates: readonly LineAllocation['state'][] = ['backordered', 'reserved', 'committed'];

export interface OrderLine extends PricedLine {
  allocations: LineAllocation[];
}

/** Units that somebody has cancelled while the rest of the order goes on. */
export interface Cancellation {
  id: string;
  at: Date;
  actor: string;
  /** The id of a note. */
  reason: string;
  lines: LineQuantity[];
  outcome: LineCancellation;
}

export interface Order {
  _id: string;
  /** The request that placed it; unique, so that a repeated one finds it. Absent where no request did, as for a reship. */
  request?: { key: string; bodyHash: string };
  /** The quote that it was placed by; unique, so that two tabs do not place it twice. */
  quoteId?: string;
  createdAt: Date;
  /** A workflow that starts later than this does nothing. */
  placeBefore: Date;
  /** The order's personal data, in one place so that it can be erased. */
  customer: {
    email: string;
    name: string;
    phone?: string;
    /** BCP 47: what mails are written in, where there are such. */
    language?: string;
  };
  shipTo: Address;
  /** Reasons in people's own words. Workflows and logs know them by their ids. */
  notes?: { id: string; at: Date; actor: string; text: string }[];
  /** What was taken out of it, each by its id. */
  cancellations?: Cancellation[];
  /** What was refused, or done beside its workflow: the last of it. */
  refusals?: { at: Date; actor: string; what: string }[];
  customerId?: string;
  currency: string;
  /** As it was asked for; a bundle is one item here, and a line for each of its parts. */
  items: { sku: string; quantity: number }[];
  /** The provider's id of the method given at placing; without one the customer pays by the client secret. */
  paymentMethod?: string;
  /** The customer wants it saved, to pay by it again. */
  savePaymentMethod?: boolean;
  /** The parcel, or the customer's claim, whose goods this order sends again, at no charge. */
  reshipOf?: string;
  /** The return in exchange for whose goods it is sent, and the payment that its `credit` comes from. */
  exchangeOf?: { returnId: string; paidOrderId: string; paymentId: string; release: ExchangeRelease };
  /** The customer would wait for what is not there, and agreed to be charged when it is. */
  acceptsBackorder?: boolean;
  /** When what is not there is expected. */
  expectedAt?: Date;
  /** A preorder: nothing of it is sent before. */
  notBefore?: Date;
  /** Written by the transactions on stock only: see activities/stock/ledger.ts. */
  lines: OrderLine[];
  /** The SKUs that it waits for, as its lines say. Absent where it waits for none. */
  backordered?: string[];
  shipping?: PricedShipping;
  /** What of the price is neither a line's nor the shipping's. */
  pricing: Pick<Pricing, 'promotions' | 'taxes' | 'taxInclusive' | 'subtotal' | 'discount' | 'net' | 'tax'>;
  /** Minor units, with everything. */
  total: number;
  /** The promotion codes that were given. */
  codes?: string[];
  /** Stripe's calculation of its taxes, where Stripe does that. */
  taxCalculation?: string;
  /** Store credit that pays for it before anything else does. */
  credit?: number;
  /** What it takes of limited promotions when it is reserved, and gives back when nothing comes of it. */
  redemptions?: { promotionId: string; totalLimit?: number; useIds: string[] }[];
  /** What it was priced with and was gone when it was to be reserved. */
  priceChange?: 'promotion' | 'credit';
  committedAt?: Date;
  /** Written by every return, claim and refund of lines, so that two at once meet in the database. */
  lastReturnAt?: Date;
  /** The undo's tombstone: a reservation that finds it does nothing. */
  releasedAt?: Date;
  shortages?: { sku: string; requested: number; available: number }[];
  /** Written by the order's workflow only, as a whole, and never by an older `rev`. */
  rev: number;
  status: OrderStatus;
  state?: OrderState;
}

export function orderModel(connection: Connection) {
  const schema = new Schema<Order>({
    _id: { type: String, required: true },
    request: Schema.Types.Mixed,
    quoteId: String,
    createdAt: { type: Date, required: true },
    placeBefore: { type: Date, required: true },
    customer: { type: Schema.Types.Mixed as never, required: true },
    shipTo: { type: addressSchema, required: true },
    notes: { type: [Schema.Types.Mixed] as never, default: undefined },
    cancellations: { type: [Schema.Types.Mixed] as never, default: undefined },
    refusals: { type: [Schema.Types.Mixed] as never, default: undefined },
    customerId: String,
    currency: { type: String, required: true },
    items: { type: [Schema.Types.Mixed] as never, required: true },
    paymentMethod: String,
    savePaymentMethod: Boolean,
    reshipOf: String,
    exchangeOf: Schema.Types.Mixed,
    acceptsBackorder: Boolean,
    expectedAt: Date,
    notBefore: Date,
    lines: { type: [Schema.Types.Mixed] as never, default: [] },
    backordered: { type: [String], default: undefined },
    shipping: Schema.Types.Mixed,
    pricing: { type: Schema.Types.Mixed as never, required: true },
    total: { type: Number, default: 0 },
    codes: { type: [String], default: undefined },
    taxCalculation: String,
    credit: Number,
    redemptions: { type: [Schema.Types.Mixed] as never, default: undefined },
    priceChange: String,
    committedAt: Date,
    lastReturnAt: Date,
    releasedAt: Date,
    shortages: { type: [Schema.Types.Mixed] as never, default: undefined },
    rev: { type: Number, required: true },
    status: { type: String, required: true },
    state: Schema.Types.Mixed,
  });
  schema.index({ 'request.key': 1 }, { unique: true, sparse: true });
  schema.index({ quoteId: 1 }, { unique: true, sparse: true });
  schema.index({ createdAt: -1, _id: -1 });
  schema.index({ status: 1, createdAt: -1 });
  schema.index({ 'customer.email': 1, createdAt: -1 });
  schema.index({ 'state.incidents.cause': 1 });
  // First come, first served.
  schema.index(
    { backordered: 1, createdAt: 1, _id: 1 },
    { partialFilterExpression: { backordered: { $exists: true } } },
  );
  schema.index({ reshipOf: 1 }, { unique: true, sparse: true });
  schema.index({ 'exchangeOf.returnId': 1 }, { unique: true, sparse: true });
  schema.index({ 'exchangeOf.paidOrderId': 1 }, { sparse: true });
  schema.index({ 'state.shipments.warehouseId': 1, 'state.shipments.status': 1 });
  return connection.model('Order', schema, 'orders');
}
