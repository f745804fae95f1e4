import { type Connection, Schema } from 'mongoose';
import type { Address } from './address.ts';
import { addressSchema } from './address.ts';

export interface Product {
  /** The SKU. */
  _id: string;
  name: string;
  weightGrams: number;
  /** Minor units per ISO 4217 currency. */
  prices: Record<string, number>;
  active: boolean;
}

export interface Warehouse {
  _id: string;
  name: string;
  address: Address;
  /** Lower is preferred among warehouses that are equally near. */
  priority: number;
  active: boolean;
}

export function productModel(connection: Connection) {
  return connection.model(
    'Product',
    new Schema<Product>({
      _id: { type: String, required: true },
      name: { type: String, required: true },
      weightGrams: { type: Number, required: true },
      prices: { type: Schema.Types.Mixed, required: true },
      active: { type: Boolean, required: true },
    }),
  );
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
    }),
  );
}
