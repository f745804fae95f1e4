import { z } from 'zod';
import { refundStates } from '../../workflows/domain/states.ts';
import * as common from './common.ts';

export const refundParams = z.strictObject({ id: common.refundId });
export const refundBody = z.strictObject({
  amount: common.amount.optional().meta({ description: 'Minor units; everything that is left where it is not given' }),
  refundTo: common.refundTo,
  reason: common.text(500),
});
export const refund = z
  .strictObject({
    id: z.string(),
    orderId: z.string(),
    amount: common.money,
    credited: common.money.meta({ description: 'The part of the amount that is store credit now' }),
    currency: z.string(),
    reason: z.string().optional().meta({ description: 'For staff' }),
    status: z.enum(Object.keys(refundStates) as [keyof typeof refundStates]),
    createdAt: common.time,
  })
  .meta({ id: 'Refund' });
