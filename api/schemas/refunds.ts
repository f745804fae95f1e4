import { z } from 'zod';
import { limits } from '../../workflows/domain/limits.ts';
import { refundStates } from '../../workflows/domain/states.ts';
import * as common from './common.ts';

export const refundParams = z.strictObject({ id: common.refundId });
export const refundBody = z
  .strictObject({
    amount: common.amount.optional().meta({
      description: 'Minor units, as for goodwill. Everything that is left where neither it nor lines are given',
    }),
    lines: z
      .array(z.strictObject({ lineId: common.text(50), quantity: z.int().min(1) }))
      .min(1)
      .max(limits.lines)
      .refine((lines) => new Set(lines.map(({ lineId }) => lineId)).size === lines.length, 'A line is named twice')
      .optional()
      .meta({ description: 'Units of lines, each with its share of promotions and taxes' }),
    shipping: z
      .boolean()
      .optional()
      .meta({ description: "Beside lines: with the shipping, or without it, whatever the store's policy says" }),
    refundTo: common.refundTo,
    reason: common.text(500),
  })
  .superRefine(({ amount, lines, shipping }, context) => {
    const refuse = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message });
    if (amount !== undefined && lines !== undefined) refuse('amount', 'The lines say how much it is');
    if (shipping !== undefined && lines === undefined) refuse('shipping', 'Goes with lines only');
  });
export const refund = z
  .strictObject({
    id: z.string(),
    orderId: z.string(),
    amount: common.money,
    lines: z.array(z.strictObject({ lineId: z.string(), quantity: z.int(), amount: common.money })).optional(),
    shipping: common.money.meta({ description: 'The part of the amount that pays the shipping back' }),
    credited: common.money.meta({ description: 'The part of the amount that is store credit now' }),
    transferred: common.money.optional().meta({
      description:
        'The part of the amount that pays for an order in exchange, or went back to the order that paid for this one',
    }),
    currency: z.string(),
    reason: z.string().optional().meta({ description: 'For staff' }),
    status: z.enum(Object.keys(refundStates) as [keyof typeof refundStates]),
    paidOtherwiseAt: common.time
      .optional()
      .meta({ description: 'When support said of one that failed that it was paid in another way' }),
    createdAt: common.time,
  })
  .meta({ id: 'Refund' });
