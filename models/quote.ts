import { type Connection, Schema } from 'mongoose';
import type { Cart, Pricing } from '../workflows/domain/pricing.ts';
import type { Levied } from '../workflows/domain/taxes.ts';

/** What a cart costs, as it was told. Removed an hour after its end. */
export interface Quote {
  _id: string;
  createdAt: Date;
  expiresAt: Date;
  customerId?: string;
  cart: Cart;
  acceptBackorder: boolean;
  useStoreCredit: boolean;
  /** Limited promotions that the customer could not have. */
  usedUp: { promotionId: string; why: 'used_up' | 'used_by_customer' }[];
  /** Store credit that would be spent. */
  credit: number;
  pricing?: Pricing;
  /** What only a provider knows: asked for by the workflow `quote`. */
  liveRates?: { service: string; amount: number; days: number }[];
  taxes?: QuotedTaxes;
}

/** Taxes that Stripe has worked out. */
export interface QuotedTaxes {
  calculationId: string;
  lines: { lineId: string; levied: Levied[] }[];
  shipping: Levied[];
  /** What Stripe was asked, as JSON: another question needs another calculation. */
  question: string;
}

export function quoteModel(connection: Connection) {
  const schema = new Schema<Quote>({
    _id: { type: String, required: true },
    createdAt: { type: Date, required: true },
    expiresAt: { type: Date, required: true },
    customerId: String,
    cart: { type: Schema.Types.Mixed as never, required: true },
    acceptBackorder: { type: Boolean, required: true },
    useStoreCredit: { type: Boolean, required: true },
    usedUp: { type: [Schema.Types.Mixed] as never, required: true },
    credit: { type: Number, required: true },
    pricing: Schema.Types.Mixed,
    liveRates: { type: [Schema.Types.Mixed] as never, default: undefined },
    taxes: Schema.Types.Mixed,
  });
  schema.index({ expiresAt: 1 }, { expireAfterSeconds: 3_600 });
  return connection.model('Quote', schema, 'quotes');
}
