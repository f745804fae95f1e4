import { z } from 'zod';
import * as common from './common.ts';

export const deliveryQuery = z.strictObject({
  from: common.date
    .optional()
    .meta({ description: 'The first day on which something was due. 30 days where it is left out' }),
  to: common.date.optional().meta({ description: 'The last one. Today, in UTC, where it is left out' }),
  warehouseId: common.warehouseId.optional(),
});

const { from, to } = deliveryQuery.shape;
export const labelQuery = z.strictObject({ from, to }).meta({ description: 'Days of UTC on which they were bought' });

const labels = z.strictObject({ labels: z.int(), cost: common.money }).meta({ id: 'LabelSum' });
export const labelReport = z
  .strictObject({
    from: common.date,
    to: common.date,
    carriers: z.array(
      z.strictObject({
        carrier: z.string(),
        currency: z.string(),
        bought: labels.meta({ description: 'All of them' }),
        voided: labels.meta({ description: 'Given back, and paid back' }),
        pending: labels.meta({ description: 'Given back; the carrier has not decided whether it pays' }),
        used: labels.meta({ description: 'Given back, but they had travelled: not paid back' }),
      }),
    ),
  })
  .meta({ id: 'LabelReport' });

const kept = z
  .strictObject({
    onTime: z.int(),
    late: z.int(),
    overdue: z.int().meta({ description: 'Due, and not done to this moment; what was lost is among it' }),
    share: z.number().optional().meta({
      description: 'How much of the three was on time, from 0 to 1; absent where there is none',
      example: 0.975,
    }),
  })
  .meta({ id: 'KeptPromises' });

const performance = {
  delivered: kept.meta({ description: 'By the promised date, in days of the promised dates' }),
  dispatched: kept.meta({ description: "By the warehouse's cut-off, in days of UTC" }),
};

export const deliveryReport = z
  .strictObject({
    from: common.date,
    to: common.date,
    total: z.strictObject(performance),
    warehouses: z.array(z.strictObject({ warehouseId: z.string(), ...performance })),
  })
  .meta({ id: 'DeliveryReport' });
