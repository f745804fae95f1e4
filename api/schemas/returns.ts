import { z } from 'zod';
import { limits } from '../../workflows/domain/limits.ts';
import { returnReasons, unaskedReasons } from '../../workflows/domain/return-policy.ts';
import { dispositions, receptions, returnStates } from '../../workflows/domain/states.ts';
import * as common from './common.ts';
import { incident } from './incidents.ts';
import { pricedLine } from './quotes.ts';

export const returnParams = z.strictObject({ id: common.returnId });
const status = z.enum(Object.keys(returnStates) as [keyof typeof returnStates]);

const oncePerLine = (lines: { lineId: string }[]) => new Set(lines.map((line) => line.lineId)).size === lines.length;

export const returnBody = z
  .strictObject({
    lines: z
      .array(
        z.strictObject({
          lineId: common.lineId,
          quantity: common.quantity,
          reason: z.enum(returnReasons),
          comment: common.text(500).optional().meta({ description: "In the customer's own words" }),
        }),
      )
      .min(1)
      .max(limits.lines)
      .refine(oncePerLine, 'Name each line once'),
    refundTo: common.refundTo,
    exchangeFor: z
      .strictObject({
        items: z
          .array(z.strictObject({ sku: common.sku, quantity: common.quantity }))
          .min(1)
          .max(limits.lines),
        paymentMethod: common
          .text(200)
          .optional()
          .meta({ description: 'For what they cost more. Without one the customer is asked by mail' }),
      })
      .optional()
      .meta({ description: 'Other goods in place of the money, at the prices of now and without a delivery charge' }),
  })
  .refine(({ refundTo, exchangeFor }) => !exchangeFor || refundTo === 'original', {
    path: ['refundTo'],
    error: 'What an exchange does not need goes back as it was paid: leave it out',
  });

export const returnQuery = z.strictObject({
  status: status.optional(),
  orderId: common.orderId.optional(),
  trackingNumber: common
    .text(100)
    .optional()
    .meta({ description: "Of its label, or of the order's parcel that comes back" }),
  ...common.pageQuery,
});

export const decideBody = z.strictObject({ approve: z.boolean(), reason: common.text(500) });

const didCome: readonly string[] = ['received', 'wrong_item'];

export const receiveBody = z
  .strictObject({
    lines: z
      .array(
        z
          .strictObject({
            lineId: common.lineId,
            quantity: z.int().min(0).max(limits.quantity),
            reception: z.enum(receptions).exclude(['awaiting']),
          })
          .refine(({ quantity, reception }) => quantity === 0 || didCome.includes(reception), {
            path: ['quantity'],
            error: 'Of what did not come the quantity is 0: name what came as `received`, or as `wrong_item`',
          }),
      )
      .max(limits.lines)
      .refine(oncePerLine, 'Name each line once')
      .meta({
        description: 'Any lines of the order, also those that nobody has asked for. More than was asked for is fine',
      }),
    unexpected: z
      .array(
        z
          .strictObject({
            sku: common.sku.optional(),
            description: common.text(200).optional(),
            quantity: common.quantity,
          })
          .refine(
            ({ sku, description }) => (sku === undefined) !== (description === undefined),
            'Give a sku, or a description of what has none',
          ),
      )
      .min(1)
      .max(50)
      .optional()
      .meta({ description: 'Goods that are not of this order' }),
    more: z.boolean().default(false).meta({ description: 'Another parcel of it is expected' }),
  })
  .refine(({ lines, unexpected }) => lines.length > 0 || unexpected !== undefined, {
    path: ['lines'],
    error: 'Say what came: lines of the order, or what is not of it',
  });

export const inspectBody = z.strictObject({
  lines: z
    .array(z.strictObject({ lineId: common.lineId, quantity: common.quantity, disposition: z.enum(dispositions) }))
    .min(1)
    .max(limits.lines * dispositions.length)
    .meta({ description: 'The units of a line may have several fates. What is not named goes to quarantine' }),
});

export const resolveBody = z.strictObject({
  resolution: z.enum(['refund', 'reship']).meta({ description: 'Its money goes back, or its goods are sent again' }),
  reason: common.text(500),
});

const waitingFor = z.strictObject({ event: z.string(), deadline: z.string() });

export const returned = z
  .strictObject({
    id: z.string(),
    orderId: z.string(),
    warehouseId: z.string(),
    status,
    createdAt: common.time,
    openedBy: z.enum(['customer', 'support', 'warehouse', 'carrier']),
    lines: z.array(
      z.strictObject({
        lineId: z.string(),
        sku: z.string(),
        quantity: z.int().meta({ description: 'What was asked for; 0 where it came all the same' }),
        reason: z.enum([...returnReasons, ...unaskedReasons]),
        comment: z.string().optional(),
        reception: z.enum(receptions),
        received: z.int(),
        wrong: z.int().meta({ description: 'Units of something else that came in its place' }),
        dispositions: z.array(z.strictObject({ disposition: z.enum(dispositions), quantity: z.int() })),
      }),
    ),
    parcelId: z.string().optional().meta({ description: "The order's parcel that the carrier brings back" }),
    wasDelivered: z.boolean().optional().meta({ description: 'The carrier had called that parcel delivered before' }),
    trackingNumber: z.string().optional(),
    labelUrl: z.string().optional(),
    labelFee: common.money.optional().meta({ description: 'Kept of the refund for the label' }),
    sendTo: z
      .unknown()
      .optional()
      .meta({ description: 'Where it is to be sent, where there is no label', type: 'object' }),
    waitingFor: waitingFor.optional(),
    refundTo: z.enum(['original', 'store_credit']).optional(),
    exchange: z
      .strictObject({
        items: z.array(z.strictObject({ sku: z.string(), quantity: z.int() })),
        lines: z.array(pricedLine),
        total: common.money,
        credit: common.money.meta({
          description: 'What the returned goods are worth, if all of them come as announced',
        }),
        difference: common.money.meta({ description: 'Above zero to pay, below zero back' }),
        release: z
          .enum(['at_once', 'on_receipt'])
          .meta({ description: 'When they are sent: once the return is approved, or its goods are accepted' }),
        status: z.enum(['asked', 'open', 'accepted', 'confirmed', 'failed']).meta({
          description:
            'Until the return is approved; to be reserved and paid; waits for the returned goods; paid, and sent; comes to nothing, and the return is paid back',
        }),
        orderId: z.string().optional(),
      })
      .optional(),
    refund: z
      .strictObject({
        goods: common.money.meta({ description: 'With their share of promotions and taxes' }),
        shipping: common.money,
        restockingFee: common.money,
        labelFee: common.money,
        total: common.money.meta({ description: 'Goods and shipping, less the fees' }),
      })
      .optional()
      .meta({ description: 'As it was worked out. Less is paid back where less is left of what was paid' }),
    refundId: z.string().optional(),
    resolution: z.enum(['refund', 'reship']).optional(),
    reshipOrderId: z.string().optional(),
    unexpected: z
      .array(z.strictObject({ what: z.string(), quantity: z.int() }))
      .optional()
      .meta({ description: 'For staff: what came and is not of the order' }),
    incidents: z.array(incident).optional().meta({ description: 'For staff' }),
    timeline: common.timeline.optional().meta({ description: 'For staff' }),
  })
  .meta({ id: 'Return' });

export const returnPage = z.strictObject({ returns: z.array(returned), next: common.next });
