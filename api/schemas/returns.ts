import { z } from 'zod';
import { limits } from '../../workflows/domain/limits.ts';
import { dispositions, receptions, returnStates } from '../../workflows/domain/states.ts';
import * as common from './common.ts';

export const returnParams = z.strictObject({ id: common.returnId });

const oncePerLine = (lines: { lineId: string }[]) => new Set(lines.map((line) => line.lineId)).size === lines.length;

export const returnBody = z.strictObject({
  lines: z
    .array(z.strictObject({ lineId: common.lineId, quantity: common.quantity, reason: common.text(200) }))
    .min(1)
    .max(limits.lines)
    .refine(oncePerLine, 'Name each line once'),
  refundTo: common.refundTo,
});

export const decideBody = z.strictObject({ approve: z.boolean(), reason: common.text(500) });

export const receiveBody = z.strictObject({
  lines: z
    .array(
      z.strictObject({
        lineId: common.lineId,
        quantity: z.int().min(0).max(limits.quantity),
        reception: z.enum(receptions).exclude(['awaiting']),
      }),
    )
    .min(1)
    .max(limits.lines)
    .refine(oncePerLine, 'Name each line once'),
});

export const inspectBody = z.strictObject({
  lines: z
    .array(z.strictObject({ lineId: common.lineId, quantity: common.quantity, disposition: z.enum(dispositions) }))
    .min(1)
    .max(limits.lines * dispositions.length)
    .meta({ description: 'The units of a line may have several fates. What is not named goes to quarantine' }),
});

export const returned = z
  .strictObject({
    id: z.string(),
    orderId: z.string(),
    warehouseId: z.string(),
    status: z.enum(Object.keys(returnStates) as [keyof typeof returnStates]),
    createdAt: common.time,
    lines: z.array(
      z.strictObject({
        lineId: z.string(),
        sku: z.string(),
        quantity: z.int(),
        reason: z.string(),
        reception: z.enum(receptions),
        received: z.int(),
        dispositions: z.array(z.strictObject({ disposition: z.enum(dispositions), quantity: z.int() })),
      }),
    ),
    trackingNumber: z.string().optional(),
    labelUrl: z.string().optional(),
    refundId: z.string().optional(),
  })
  .meta({ id: 'Return' });
