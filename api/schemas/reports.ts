import { z } from 'zod';
import * as common from './common.ts';

export const deliveryQuery = z.strictObject({
  from: common.date
    .optional()
    .meta({ description: 'The first day on which something was due. 30 days where it is left out' }),
  to: common.date.optional().meta({ description: 'The last one. Today, in UTC, where it is left out' }),
  warehouseId: common.warehouseId.optional(),
});

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
