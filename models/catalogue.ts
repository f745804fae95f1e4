import { type Connection, Schema } from 'mongoose';
import type { WarehouseCalendar } from '../workflows/domain/calendar.ts';
import type { WeightTolerance } from '../workflows/domain/parcels.ts';
import type { SpecialPrice } from '../workflows/domain/pricing.ts';
import type { BackorderRule } from '../workflows/domain/stock.ts';
import type { Address } from './address.ts';
import { addressSchema } from './address.ts';

export interface Product {
  /** The SKU. */
  _id: string;
  name: string;
  weightGrams: number;
  /** Minor units per ISO 4217 currency. */
  prices: Record<string, number>;
  /** For a time, or from a number of units on. */
  specialPrices?: SpecialPrice[];
  categories?: string[];
  /** Where there is none, `standard`. */
  taxClass?: string;
  /** Stripe's word for what it is, where Stripe works out the taxes. */
  taxCode?: string;
  /** By which of the store's policies it may come back. Where there is none, `standard`. */
  returnClass?: string;
  /** Outer size. */
  sizeMm?: { length: number; width: number; height: number };
  /** What is printed on it: GTINs, or codes of the store's own. */
  barcodes?: string[];
  /** The same in the form in which scans are looked up: no two products have one in common. */
  barcodeKeys?: string[];
  active: boolean;
  /** A bundle has no stock of its own: it is sold as these. */
  bundle?: { sku: string; quantity: number }[];
  /** Sold beyond what is there. */
  backorder?: BackorderRule;
}

export interface Warehouse {
  _id: string;
  name: string;
  address: Address;
  /** Lower is preferred among warehouses that are equally near. */
  priority: number;
  active: boolean;
  /** Hears when it is time to order. */
  email?: string;
  /** By how much parcels may weigh more or less than their goods. Without it nobody compares. */
  weightTolerance?: WeightTolerance;
  /** When goods leave it. Where there is none, `defaultCalendar` counts. */
  calendar?: WarehouseCalendar;
}

export function productModel(connection: Connection) {
  const schema = new Schema<Product>(
    {
      _id: { type: String, required: true },
      name: { type: String, required: true },
      weightGrams: { type: Number, required: true },
      prices: { type: Schema.Types.Mixed, required: true },
      specialPrices: { type: [Schema.Types.Mixed] as never, default: undefined },
      categories: { type: [String], default: undefined },
      taxClass: String,
      taxCode: String,
      returnClass: String,
      sizeMm: Schema.Types.Mixed,
      barcodes: { type: [String], default: undefined },
      barcodeKeys: { type: [String], default: undefined },
      active: { type: Boolean, required: true },
      bundle: { type: [Schema.Types.Mixed] as never, default: undefined },
      backorder: Schema.Types.Mixed,
    },
    // Where all prices are special ones, the others are there and empty.
    { minimize: false },
  );
  schema.index({ barcodeKeys: 1 }, { unique: true, partialFilterExpression: { barcodeKeys: { $exists: true } } });
  return connection.model('Product', schema);
}

export function warehouseModel(connection: Connection) {
  return connection.model(
    'Warehouse',
    new Schema<Warehouse>({
      _id: { type: String, required: true },
      name: { type: String, required: true },
      address: { type: addressSchema, required: true },
      priority: { type: Number, required: true },
      active: { type: Boolean, required: true },
      email: String,
      weightTolerance: Schema.Types.Mixed,
      calendar: Schema.Types.Mixed,
    }),
  );
}
