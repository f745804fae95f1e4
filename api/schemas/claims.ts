import { z } from 'zod';
import { limits } from '../../workflows/domain/limits.ts';
import { claimKinds, customerClaimStates } from '../../workflows/domain/states.ts';
import * as common from './common.ts';

export const claimParams = z.strictObject({ id: common.idOf('cla') });
const status = z.enum(Object.keys(customerClaimStates) as [keyof typeof customerClaimStates]);
const kind = z.enum(claimKinds).meta({
  description:
    'Of delivered parcels: not in it, broken, or other goods than were ordered. Or a parcel that was sent and did not come',
});
const how = z.enum(['refund', 'reship']);

const evidence = z.strictObject({
  url: z
    .url({ protocol: /^https$/, error: 'The address of a picture or paper, with https' })
    .max(2_000)
    .meta({ example: 'https://pictures.example/broken-mug.jpg' }),
  note: common.text(200).optional(),
});
export const evidenceBody = evidence;

export const claimBody = z.strictObject({
  kind,
  lines: z
    .array(z.strictObject({ lineId: common.lineId, quantity: common.quantity }))
    .min(1)
    .max(limits.lines)
    .refine((lines) => new Set(lines.map(({ lineId }) => lineId)).size === lines.length, 'Name each line once'),
  wants: how.meta({ description: 'The money back, or the goods sent again at no charge' }),
  refundTo: common.refundTo,
  description: common.text(2_000),
  evidence: z.array(evidence).max(limits.evidence).default([]),
});

export const decideClaimBody = z
  .strictObject({
    approve: z.boolean(),
    how: how.optional().meta({ description: 'Without it as the customer wants it' }),
    reason: common.text(500),
  })
  .refine(({ approve, how }) => approve || how === undefined, {
    path: ['how'],
    error: 'Goes with an approval only',
  });

export const claimQuery = z.strictObject({
  status: status.optional(),
  orderId: common.orderId.optional(),
  ...common.pageQuery,
});

export const claim = z
  .strictObject({
    id: z.string(),
    orderId: z.string(),
    createdAt: common.time,
    status,
    kind,
    lines: z.array(z.strictObject({ lineId: z.string(), quantity: z.int() })),
    wants: how,
    description: z.string(),
    evidence: z.array(z.strictObject({ url: z.string(), note: z.string().optional(), at: common.time })),
    worth: common.money.meta({ description: 'What the units were sold for' }),
    currency: z.string(),
    outcome: z
      .strictObject({
        how,
        refundId: z.string().optional().meta({ description: 'Absent where nothing was left to pay back' }),
        amount: common.money.optional().meta({ description: 'What goes back' }),
        reshipOrderId: z.string().optional(),
      })
      .optional()
      .meta({ description: 'Once it is approved' }),
    parcels: z
      .array(z.strictObject({ shipmentId: z.string(), parcelId: z.string() }))
      .optional()
      .meta({ description: 'For staff: those that the units are taken to have been in' }),
    decision: z
      .strictObject({ actor: z.string(), how: how.optional(), why: z.string() })
      .optional()
      .meta({ description: 'For staff' }),
    carrierClaimIds: z.array(z.string()).optional().meta({ description: 'For staff' }),
    waitingFor: z.strictObject({ event: z.string(), deadline: z.string() }).optional(),
  })
  .meta({ id: 'Claim' });

export const claimPage = z.strictObject({ claims: z.array(claim), next: common.next });
