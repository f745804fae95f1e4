import { z } from 'zod';
import { evidenceFields } from '../../workflows/domain/evidence.ts';
import { disputeKinds, disputeStates } from '../../workflows/domain/states.ts';
import * as common from './common.ts';
import { incident } from './incidents.ts';

const status = z.enum(Object.keys(disputeStates) as [keyof typeof disputeStates]);
const field = z.enum(evidenceFields);

/** The provider's id. */
const disputeId = z
  .string()
  .regex(/^[a-z]{2,5}_[A-Za-z0-9]{1,64}$/)
  .meta({ example: 'du_1MtJUT2eZvKYlo2CNaw2HvEv' });
export const disputeParams = z.strictObject({ id: disputeId });
export const disputeQuery = z.strictObject({ status: status.optional(), ...common.pageQuery });

export const evidenceBody = z.strictObject({
  text: common.text(10_000).optional().meta({ description: 'Your words to the bank, after what the order tells' }),
  leaveOut: z.array(field).max(evidenceFields.length).optional().meta({ description: 'What the bank is not told' }),
});

const dispute = z
  .strictObject({
    id: z.string(),
    kind: z.enum(disputeKinds),
    orderId: z.string(),
    amount: common.money,
    currency: z.string(),
    reason: z.string().meta({ description: "The bank's reason, in Stripe's word" }),
    status,
    dueBy: common.time.optional().meta({ description: 'Until when the bank takes evidence' }),
    withheld: common.money.meta({ description: 'What the bank took and has not given back' }),
    createdAt: common.time,
  })
  .meta({ id: 'Dispute' });

export const disputePage = z.strictObject({ disputes: z.array(dispute), next: common.next });
export const disputeCase = dispute
  .extend({
    fee: z.strictObject({ amount: common.money, currency: z.string() }).optional(),
    evidence: z
      .strictObject({
        text: z.string().optional(),
        leaveOut: z.array(field),
        fields: z.partialRecord(field, z.string()).meta({ description: 'What the bank gets, or got once it was sent' }),
        sentAt: common.time.optional(),
      })
      .optional()
      .meta({ description: 'Not of a warning of fraud' }),
    incidents: z.array(incident),
    timeline: common.timeline,
  })
  .meta({ id: 'DisputeCase' });
