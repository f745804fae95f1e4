import { z } from 'zod';
import { barcodeKey, parseBarcode } from '../../workflows/domain/barcodes.ts';
import { opensEveryYear } from '../../workflows/domain/calendar.ts';
import { maxAmount } from '../../workflows/domain/pricing.ts';
import { overlap } from '../../workflows/domain/taxes.ts';
import {
  address,
  amounts,
  checkPayable,
  currency,
  date,
  email,
  isSpan,
  money,
  next,
  noSpan,
  pageQuery,
  quantity,
  sku,
  slug,
  text,
  time,
  timeZone,
  validity,
  warehouseId,
} from './common.ts';

export const productParams = z.strictObject({ sku });
export const productQuery = z.strictObject(pageQuery);

const specialPrice = z
  .strictObject({
    currency,
    amount: z.int().min(0).max(maxAmount).meta({ description: 'Minor units' }),
    minQuantity: quantity.default(1).meta({ description: 'From so many units in one cart on' }),
    ...validity,
  })
  .refine(isSpan, noSpan)
  .superRefine((special, context) => checkPayable(special, ['amount'], context));

const specialPrices = z
  .array(specialPrice)
  .max(200)
  .superRefine((prices, { addIssue }) => {
    for (const [index, { currency, minQuantity, ...validity }] of prices.entries()) {
      const other = prices
        .slice(0, index)
        .findIndex((each) => each.currency === currency && each.minQuantity === minQuantity && overlap(each, validity));
      if (other === -1) continue;
      const both = `specialPrices.${other} and specialPrices.${index}`;
      const message = `${both} are both the price in ${currency} from ${minQuantity} on, at the same time`;
      addIssue({ code: 'custom', path: [index], message });
    }
  });

const side = z.int().min(1).max(10_000);

const productFields = z.strictObject({
  name: text(200),
  weightGrams: z.int().min(1).max(1_000_000),
  prices: amounts,
  specialPrices: specialPrices.optional().meta({
    description:
      'For a time, or from a number of units on. The special price from 1 on is instead of the plain one; of the numbers that are reached the lowest price counts',
  }),
  categories: z
    .array(slug)
    .max(50)
    .refine((categories) => new Set(categories).size === categories.length, 'A category is named twice')
    .optional(),
  taxClass: slug.optional().meta({ description: 'Where there is none, `standard`', example: 'reduced' }),
  taxCode: z
    .string()
    .trim()
    .regex(/^txcd_\d{1,20}$/, 'A tax code is txcd_ and digits')
    .optional()
    .meta({ description: "Stripe's word for what it is, where Stripe works out the taxes", example: 'txcd_99999999' }),
  returnClass: slug.optional().meta({
    description: "By which of the store's policies it may come back. Where there is none, `standard`",
    example: 'clearance',
  }),
  sizeMm: z.strictObject({ length: side, width: side, height: side }).optional().meta({ description: 'Outer size' }),
  barcodes: z
    .array(
      text(100).transform((given, context) => {
        const parsed = parseBarcode(given);
        if (parsed.ok) return parsed.barcode;
        context.addIssue({ code: 'custom', message: parsed.why });
        return z.NEVER;
      }),
    )
    .max(20)
    .refine((barcodes) => new Set(barcodes.map(barcodeKey)).size === barcodes.length, 'A barcode is named twice')
    .optional()
    .meta({
      description: 'GTINs (EAN, UPC) with their check digits, or codes of your own. The first one is printed',
      example: ['4006381333931'],
    }),
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

export const productBody = productFields
  .refine(
    ({ bundle, backorder }) => !bundle || !backorder,
    'A bundle is waited for as its parts are: give the rule to these',
  )
  .refine(({ prices, specialPrices = [] }) => Object.keys(prices).length > 0 || specialPrices.length > 0, {
    path: ['prices'],
    error: 'A product needs a price in at least one currency',
  });

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
    specialPrices: productFields.shape.specialPrices,
    categories: productFields.shape.categories,
    taxClass: productFields.shape.taxClass,
    taxCode: productFields.shape.taxCode,
    returnClass: productFields.shape.returnClass,
    sizeMm: productFields.shape.sizeMm,
    barcodes: z.array(z.string()).optional(),
    bundle: z.array(z.strictObject({ sku: z.string(), quantity: z.int() })).optional(),
    backorder: productFields.shape.backorder,
    ...available,
  })
  .meta({ id: 'Product' });

export const productPrices = z
  .strictObject({
    sku: z.string(),
    prices: z.record(z.string(), money),
    specialPrices: z.array(specialPrice),
  })
  .meta({ id: 'ProductPrices' });

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

const calendar = z
  .strictObject({
    timeZone: timeZone.meta({ description: 'Whose clock the rest goes by' }),
    workdays: z
      .array(z.int().min(1).max(7))
      .min(1)
      .refine(isUnique, 'A day is named twice')
      .meta({ description: '1 is Monday, 7 is Sunday', example: [1, 2, 3, 4, 5] }),
    cutOff: z
      .string()
      .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'Not a time of the day from 00:00 to 23:59')
      .meta({ description: 'What is ordered before it leaves on the same day', example: '15:00' }),
    holidays: z
      .array(date)
      .max(1_000)
      .refine(isUnique, 'A date is named twice')
      .default([])
      .meta({ description: 'Nothing leaves on these dates', example: ['2026-12-25', '2026-12-26'] }),
    handlingDays: z
      .int()
      .min(0)
      .max(30)
      .default(0)
      .meta({ description: 'Whole working days that goods need before they can leave' }),
  })
  .refine(opensEveryYear, {
    path: ['holidays'],
    error: 'They leave no working day for a year: nothing could be promised',
  });

function isUnique(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length;
}

export const warehouseParams = z.strictObject({ id: warehouseId });
export const warehouseBody = z.strictObject({
  name: text(100),
  address,
  priority: z.int().min(0).max(1000).meta({ description: 'Lower is preferred among equally near ones' }),
  active: z.boolean().meta({
    description: 'The off switch: nothing new is sent from here, and what nobody has begun to pick is given to others',
  }),
  email: email.optional().meta({ description: 'Hears when it is time to order' }),
  weightTolerance: z
    .strictObject({
      percent: z.number().min(0).max(100),
      grams: z.int().min(0).max(50_000).meta({ description: 'What box and padding weigh at most' }),
    })
    .optional()
    .meta({ description: 'By how much parcels may weigh more or less than their goods. Without it nobody compares' }),
  calendar: calendar.optional().meta({
    description: 'When goods leave it, and so what is promised. Without it: Monday to Friday, until 15:00 UTC',
  }),
});
export const warehouse = warehouseBody.extend({ id: z.string() }).meta({ id: 'Warehouse' });
export const warehouseList = z.strictObject({ warehouses: z.array(warehouse) });
