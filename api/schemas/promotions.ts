import { z } from 'zod';
import {
  amounts,
  isSpan,
  next,
  noSpan,
  pageQuery,
  percent,
  promotionCode,
  quantity,
  ruleId,
  sku,
  slug,
  text,
  validity,
} from './common.ts';

export const promotionParams = z.strictObject({ id: ruleId });
export const promotionQuery = z.strictObject(pageQuery);

const listOf = <T extends z.ZodType<string>>(each: T) =>
  z
    .array(each)
    .min(1)
    .max(1_000)
    .refine((list) => new Set(list).size === list.length, 'One of them is named twice');
const someAmounts = amounts.refine(
  (each) => Object.keys(each).length > 0,
  'It needs an amount in at least one currency',
);

const promotionFields = z.strictObject({
  name: text(100).meta({ description: 'As customers and invoices read it', example: 'Summer sale' }),
  active: z.boolean(),
  code: promotionCode.optional().meta({ description: 'Without one it applies by itself' }),
  on: z.discriminatedUnion('what', [
    z.strictObject({ what: z.literal('order') }).meta({ description: 'All goods, and not their shipping' }),
    z.strictObject({ what: z.literal('products'), skus: listOf(sku) }),
    z.strictObject({ what: z.literal('categories'), categories: listOf(slug) }),
    z.strictObject({ what: z.literal('shipping') }),
  ]),
  discount: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('percent'), percent: percent.gt(0) }),
    z
      .strictObject({ kind: z.literal('amount'), amounts: someAmounts })
      .meta({ description: 'Off all that it is on together, once an order' }),
    z
      .strictObject({ kind: z.literal('buy_get'), buy: quantity, get: quantity, percent: percent.gt(0) })
      .meta({ description: 'Of each `buy` + `get` units the `get` cheapest cost so much less' }),
  ]),
  minimumSpend: someAmounts.optional().meta({
    description: 'What the goods must cost before any promotion. In a currency that is not named it does not apply',
  }),
  ...validity,
  oncePerCustomer: z.boolean().optional(),
  totalLimit: z.int().min(1).max(10_000_000).optional().meta({ description: 'Orders that may have it, all together' }),
  priority: z.int().min(0).max(1_000).default(100).meta({ description: 'Lower is tried first' }),
  stacking: z.enum(['with_others', 'alone']).default('with_others').meta({
    description: '`alone`: only where no other has applied before it, and then no other does after it',
  }),
  group: slug.optional().meta({ description: 'Of the promotions of one group only the first applies' }),
});

export const promotionBody = promotionFields
  .refine(isSpan, noSpan)
  .refine(({ on, discount }) => on.what !== 'shipping' || discount.kind !== 'buy_get', {
    path: ['discount', 'kind'],
    error: 'Shipping has no units: it cannot be `buy_get`',
  });

export const promotion = promotionFields
  .extend({ id: z.string(), used: z.int().optional().meta({ description: 'Of a limited one: orders that have it' }) })
  .meta({ id: 'Promotion' });
export const promotionPage = z.strictObject({ promotions: z.array(promotion), next });
