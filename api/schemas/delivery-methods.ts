import { z } from 'zod';
import { maxAmount } from '../../workflows/domain/pricing.ts';
import { rateRules } from '../../workflows/domain/rates.ts';
import { amount, amounts, checkPayable, country, currency, ruleId, text } from './common.ts';

export const deliveryMethodParams = z.strictObject({ id: ruleId });

const price = z.strictObject({
  price: z.int().min(0).max(maxAmount).meta({ description: 'Minor units' }),
  upToGrams: z.int().min(1).max(1_000_000_000).optional(),
  upToTotal: amount.optional().meta({ description: 'What the goods cost at most, after promotions' }),
});

const prices = z
  .record(currency, z.array(price).min(1).max(100))
  .refine((each) => Object.keys(each).length > 0, 'It needs a price in at least one currency')
  .superRefine((byCurrency, context) => {
    for (const [currency, tiers] of Object.entries(byCurrency)) {
      for (const [index, tier] of tiers.entries()) {
        checkPayable({ currency, amount: tier.price }, [currency, index, 'price'], context);
        const before = tiers.slice(0, index).findIndex((each) => takesAllOf(each, tier));
        if (before === -1) continue;
        const message = `It never counts: ${currency}.${before} takes all of it. Bounds ascend, and only the last price may have none`;
        context.addIssue({ code: 'custom', path: [currency, index], message });
      }
    }
  });

function takesAllOf(before: z.output<typeof price>, { upToGrams, upToTotal }: z.output<typeof price>): boolean {
  const { upToGrams: grams = Number.POSITIVE_INFINITY, upToTotal: total = Number.POSITIVE_INFINITY } = before;
  return grams >= (upToGrams ?? Number.POSITIVE_INFINITY) && total >= (upToTotal ?? Number.POSITIVE_INFINITY);
}

const days = z.int().min(0).max(90);

const zone = z
  .strictObject({
    countries: z
      .array(z.union([z.literal('*'), country], { error: 'Neither an ISO 3166-1 alpha-2 country code nor `*`' }))
      .min(1)
      .max(250)
      .meta({ description: '`*` is every country', example: ['DE', 'FR'] }),
    regions: z.array(text(100)).min(1).max(250).optional().meta({ description: 'Only these regions of them' }),
    prices: prices.meta({
      description: 'By currency; the first that the goods fit into counts. In others it does not deliver',
      example: { EUR: [{ price: 490, upToGrams: 5_000 }, { price: 990 }] },
    }),
    freeFrom: amounts.optional().meta({
      description: 'What the goods must cost, after promotions, for a free delivery',
      example: { EUR: 5_000 },
    }),
    minDays: days.meta({ description: 'Working days on the way, from the day on which it leaves the warehouse' }),
    maxDays: days,
  })
  .refine(({ minDays, maxDays }) => minDays <= maxDays, {
    path: ['maxDays'],
    error: '`maxDays` cannot be less than `minDays`',
  });

const labels = z.strictObject({
  rule: z.enum(rateRules).meta({
    description: '`cheapest_in_time`: the cheapest that keeps the promised date; where none does, the fastest',
  }),
  services: z
    .array(text(64))
    .min(1)
    .max(50)
    .refine((services) => new Set(services).size === services.length, 'A service is named twice')
    .optional()
    .meta({
      description: 'Only these, by the carriers’ own names. Without them every service',
      example: ['UPS/Ground'],
    }),
});

export const deliveryMethodBody = z.strictObject({
  name: text(100),
  active: z.boolean(),
  position: z
    .int()
    .min(0)
    .max(1_000)
    .default(100)
    .meta({ description: 'Lower is shown first, and chosen among equally cheap ones' }),
  zones: z.array(zone).min(1).max(250).meta({ description: 'The first that the destination is in counts' }),
  volumetricDivisor: z.int().min(1_000).max(10_000).optional().meta({
    description: 'Cubic centimetres that count as a kilogram: light things that need much room pay for it',
    example: 5_000,
  }),
  liveService: text(64).optional().meta({
    description: "The carrier's service whose live price is asked for; without an answer the prices of the zone count",
  }),
  labels: labels.optional().meta({
    description: "Which of the carriers' services may be bought for it. Without it the cheapest of all that is in time",
  }),
});
export const deliveryMethod = deliveryMethodBody.extend({ id: z.string() }).meta({ id: 'DeliveryMethod' });
export const deliveryMethodList = z.strictObject({ deliveryMethods: z.array(deliveryMethod) });
