import { z } from 'zod';
import { limits } from '../../workflows/domain/limits.ts';
import * as common from './common.ts';

const items = z
  .array(z.strictObject({ sku: common.sku, quantity: common.quantity }))
  .min(1)
  .max(limits.lines);

const codes = z
  .array(common.text(100).toUpperCase())
  .max(10)
  .meta({
    description: 'As the customer has typed them; one that does not apply is in `refusedCodes`',
    example: ['SUMMER'],
  });

const deliveryMethod = common.text(64).meta({ description: 'The cheapest where none is named' });

const useStoreCredit = z
  .boolean()
  .default(false)
  .meta({ description: 'Pays with it first, for a customer who has signed in' });

export const quoteBody = z.strictObject({
  items,
  currency: common.currency,
  destination: z.strictObject({
    country: common.country,
    region: common.text(100).optional(),
    postalCode: common.text(20).optional(),
    city: common.text(100).optional(),
  }),
  deliveryMethod: deliveryMethod.optional(),
  codes: codes.default([]),
  acceptBackorder: z.boolean().default(false),
  useStoreCredit,
});

/** How an order is priced that names no quote. */
export const cartFields = {
  currency: common.currency.optional(),
  items: items.optional(),
  deliveryMethod: deliveryMethod.optional(),
  codes: codes.optional(),
  useStoreCredit: useStoreCredit.unwrap().optional(),
};

const taxes = z.array(
  z.strictObject({ name: z.string(), percent: z.number(), base: common.money, amount: common.money }),
);
/** What lines and shipping have alike. */
const priced = {
  subtotal: common.money.meta({ description: 'Before promotions; with the tax in it where prices are `taxInclusive`' }),
  discounts: z.array(z.strictObject({ promotionId: z.string(), amount: common.money })),
  net: common.money,
  taxes,
  tax: common.money,
  total: common.money.meta({ description: '`net` and `tax`' }),
};

export const pricedLine = z.strictObject({
  lineId: z.string(),
  sku: z.string(),
  name: z.string(),
  quantity: z.int(),
  unitPrice: common.money.meta({ description: "Of a bundle's part: its share, rounded down. `subtotal` is exact" }),
  bundle: z.strictObject({ sku: z.string(), name: z.string() }).optional(),
  returnClass: z.string().optional().meta({ description: 'By which policy it may come back, where not by `standard`' }),
  ...priced,
});

const promise = {
  dispatchBy: common.time.meta({ description: 'When it leaves the warehouse at the latest. UTC' }),
  earliest: z.string().meta({ description: 'A date' }),
  promisedBy: z.string().meta({ description: 'A date', example: '2026-12-24' }),
};

export const pricedShipping = z.strictObject({
  method: z.string(),
  name: z.string(),
  ...promise,
  ...priced,
});

/** The sums of a quote and of an order. */
export const sums = {
  taxInclusive: z.boolean().meta({ description: 'Prices have the tax in them' }),
  promotions: z.array(
    z.strictObject({ id: z.string(), name: z.string(), code: z.string().optional(), amount: common.money }),
  ),
  taxes,
  subtotal: common.money,
  discount: common.money,
  net: common.money,
  tax: common.money,
  total: common.money,
};

export const quote = z
  .strictObject({
    id: z.string(),
    expiresAt: common.time,
    currency: z.string(),
    lines: z.array(pricedLine),
    shipping: pricedShipping.optional(),
    deliveryOptions: z.array(
      z.strictObject({
        method: z.string(),
        name: z.string(),
        price: common.money,
        discounted: common.money.meta({ description: 'After promotions' }),
        ...promise,
      }),
    ),
    orderBy: common.time.optional().meta({
      description: 'Who orders before it has these dates; later they are others. Absent where goods are yet to come',
    }),
    refusedCodes: z.array(z.strictObject({ code: z.string(), why: z.string(), detail: z.string() })),
    ...sums,
    storeCredit: z
      .strictObject({ balance: common.money, spent: common.money })
      .optional()
      .meta({ description: 'For a customer who has signed in' }),
    due: common.money.meta({ description: 'What is left for a card' }),
    availability: z.array(
      z.strictObject({
        sku: z.string(),
        requested: z.int(),
        available: z.int(),
        availability: z.string(),
        expectedAt: common.time.optional().meta({ description: 'When all of it is expected, for who waits' }),
      }),
    ),
  })
  .meta({ id: 'Quote' });
