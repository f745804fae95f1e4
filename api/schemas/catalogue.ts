import { z } from 'zod';
import { address, currency, email, money, next, pageQuery, quantity, sku, text, time, warehouseId } from './common.ts';

export const productParams = z.strictObject({ sku });
export const productQuery = z.strictObject(pageQuery);

const productFields = z.strictObject({
  name: text(200),
  weightGrams: z.int().min(1).max(1_000_000),
  prices: z
    .record(currency, z.int().min(0).max(99_999_999))
    .refine((prices) => Object.keys(prices).length > 0, 'A product needs a price in at least one currency')
    .meta({ description: 'Minor units per currency', example: { EUR: 1490, USD: 1590 } }),
  active: z.boolean(),
  bundle: z
    .array(z.strictObject({ sku, quantity: quantity.max(100) }))
    .min(1)
    .max(20)
    .refine((parts) => new Set(parts.map((part) => part.sku)).size === parts.length, 'A part is named twice')
    .optional()
    .meta({ description: 'It is sold as these products, which have the stock. A bundle is no part of another' }),
  backorder: z
    .strictObject({
      limit: z.int().min(1).max(1_000_000).meta({ description: 'Units that all orders together may wait for' }),
      leadDays: z.int().min(0).max(365).meta({ description: 'Days until goods come that no delivery has announced' }),
      releaseAt: time.optional().meta({ description: 'A preorder: nothing is sent before' }),
    })
    .optional()
    .meta({ description: 'It may be ordered when it is not there' }),
});

export const productBody = productFields.refine(
  ({ bundle, backorder }) => !bundle || !backorder,
  'A bundle is waited for as its parts are: give the rule to these',
);

const available = {
  availability: z.enum(['in_stock', 'low', 'backorder', 'preorder', 'out']),
  until: time
    .optional()
    .meta({ description: 'When units that are ordered now are expected, where they have to be waited for' }),
};

export const product = z
  .strictObject({
    sku: z.string(),
    name: z.string(),
    weightGrams: z.int(),
    prices: z.record(z.string(), money),
    bundle: z.array(z.strictObject({ sku: z.string(), quantity: z.int() })).optional(),
    backorder: productFields.shape.backorder,
    ...available,
  })
  .meta({ id: 'Product' });

export const availabilityQuery = z.strictObject({
  sku: z
    .string()
    .max(8_000)
    .transform((list) => list.split(','))
    .pipe(z.array(sku).min(1).max(100))
    .meta({ type: 'string', description: 'Up to 100, separated by commas', example: 'MUG-BLUE,MUG-SAND' }),
});
export const availabilityList = z.strictObject({
  products: z.array(z.strictObject({ sku: z.string(), ...available }).meta({ id: 'Availability' })),
});

export const productPage = z.strictObject({ products: z.array(product), next });

export const warehouseParams = z.strictObject({ id: warehouseId });
export const warehouseBody = z.strictObject({
  name: text(100),
  address,
  priority: z.int().min(0).max(1000).meta({ description: 'Lower is preferred among equally near ones' }),
  active: z.boolean().meta({
    description: 'The off switch: nothing new is sent from here, and what nobody has begun to pick is given to others',
  }),
  email: email.optional().meta({ description: 'Hears when it is time to order' }),
});
export const warehouse = warehouseBody.extend({ id: z.string() }).meta({ id: 'Warehouse' });
export const warehouseList = z.strictObject({ warehouses: z.array(warehouse) });
