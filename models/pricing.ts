/** What prices depend on beside the catalogue: promotions and their uses, tax rates, ways of delivery. */
import { type Connection, Schema } from 'mongoose';
import type { DeliveryMethod as Method } from '../workflows/domain/delivery.ts';
import type { Promotion as PromotionRule } from '../workflows/domain/promotions.ts';
import type { TaxRate as Rate } from '../workflows/domain/taxes.ts';

type Stored<T extends { id: string }> = Omit<T, 'id'> & { _id: string };

export type Promotion = Stored<PromotionRule>;
export type TaxRate = Stored<Rate>;
export type DeliveryMethod = Stored<Method>;

/** How many orders have a limited promotion. Written by the transactions that place and release orders only. */
export interface PromotionCount {
  /** The promotion's id. */
  _id: string;
  used: number;
}

/** A customer's order that has a promotion of which each may have one. `_id` is promotion and customer, hashed together. */
export interface PromotionUse {
  _id: string;
  promotionId: string;
  orderId: string;
}

export function promotionModel(connection: Connection) {
  const schema = new Schema<Promotion>({
    _id: { type: String, required: true },
    name: { type: String, required: true },
    active: { type: Boolean, required: true },
    code: String,
    on: { type: Schema.Types.Mixed as never, required: true },
    discount: { type: Schema.Types.Mixed as never, required: true },
    minimumSpend: Schema.Types.Mixed,
    validFrom: String,
    validUntil: String,
    oncePerCustomer: Boolean,
    totalLimit: Number,
    priority: { type: Number, required: true },
    stacking: { type: String, required: true },
    group: String,
  });
  schema.index({ code: 1 }, { unique: true, sparse: true });
  return connection.model('Promotion', schema, 'promotions');
}

export function promotionCountModel(connection: Connection) {
  const schema = new Schema<PromotionCount>({
    _id: { type: String, required: true },
    used: { type: Number, required: true },
  });
  return connection.model('PromotionCount', schema, 'promotion_counts');
}

export function promotionUseModel(connection: Connection) {
  const schema = new Schema<PromotionUse>({
    _id: { type: String, required: true },
    promotionId: { type: String, required: true },
    orderId: { type: String, required: true },
  });
  return connection.model('PromotionUse', schema, 'promotion_uses');
}

export function taxRateModel(connection: Connection) {
  const schema = new Schema<TaxRate>({
    _id: { type: String, required: true },
    name: { type: String, required: true },
    country: { type: String, required: true },
    region: String,
    taxClass: { type: String, required: true },
    ppm: { type: Number, required: true },
    onShipping: { type: Boolean, required: true },
    validFrom: String,
    validUntil: String,
  });
  return connection.model('TaxRate', schema, 'tax_rates');
}

/** What every change of a country's rates writes as well, so that two at once cannot overlook each other. */
export interface TaxTable {
  /** The country. */
  _id: string;
  changes: number;
}

export function taxTableModel(connection: Connection) {
  const schema = new Schema<TaxTable>({
    _id: { type: String, required: true },
    changes: { type: Number, required: true },
  });
  return connection.model('TaxTable', schema, 'tax_tables');
}

export function deliveryMethodModel(connection: Connection) {
  const schema = new Schema<DeliveryMethod>({
    _id: { type: String, required: true },
    name: { type: String, required: true },
    active: { type: Boolean, required: true },
    position: { type: Number, required: true },
    zones: { type: [Schema.Types.Mixed] as never, required: true },
    volumetricDivisor: Number,
    liveService: String,
    labels: Schema.Types.Mixed,
  });
  return connection.model('DeliveryMethod', schema, 'delivery_methods');
}
