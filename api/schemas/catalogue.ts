import { z } from 'zod';
import { address, currency, money, next, pageQuery, sku, text, warehouseId } from './common.ts';

export const productParams = z.strictObject({ sku });
export const productQuery = z.strictObject(pageQuery);

export const productBody = z.strictObject({
  name: text(200),
  weightGrams: z.int().min(1).max(1_000_000),
  prices: z
    .record(currency, z.int().min(0).max(99_999_999))
    .refine((prices) => Object.keys(prices).length > 0, 'A product needs a price in at least one currency')
    .meta({ description: 'Minor units per currency', example: { EUR: 1490, USD: 1590 } }),
  active: z.boolean(),
});

export const product = z
  .strictObject({
    sku: z.string(),
    name: z.string(),
    weightGrams: z.int(),
    prices: z.record(z.string(), money),
    availability: z.enum(['in', 'low', 'out']),
  })
  .meta({ id: 'Product' });

export const productPage = z.strictObject({ products: z.array(product), next });

export const warehouseParams = z.strictObject({ id: warehouseId });
export const warehouseBody = z.strictObject({
  name: text(100),
  address,
  priority: z.int().min(0).max(1000).meta({ description: 'Lower is preferred among equally near ones' }),
  active: z.boolean().meta({ description: 'The off switch: nothing new is sent from here' }),
});
export const warehouse = warehouseBody.extend({ id: z.string() }).meta({ id: 'Warehouse' });
export const warehouseList = z.strictObject({ warehouses: z.array(warehouse) });
