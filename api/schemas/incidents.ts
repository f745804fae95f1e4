import { z } from 'zod';
import * as common from './common.ts';

const answers = [
  'retry',
  'skip',
  'cancel',
  'amend',
  'reship',
  'refund',
  'release',
  'submit',
  'accept',
  'repair',
  'wait',
  'claim',
  'backorder',
] as const;
const answer = z.enum(answers);

export const incident = z
  .strictObject({
    id: z.string(),
    cause: z.string(),
    shipmentId: z.string().optional(),
    orderId: z.string().optional(),
    why: z.string(),
    since: z.string(),
    answers: z.array(answer),
  })
  .meta({ id: 'Incident' });

const cause = z
  .string()
  .trim()
  .regex(/^[a-z_]{1,64}$/, 'A cause is one word in small letters, such as buy_label');

export const incidentParams = z.strictObject({ id: common.orderId, incidentId: common.incidentId });
export const anyIncidentParams = z.strictObject({ incidentId: common.incidentId });
export const answerBody = z.strictObject({ answer });
export const answered = z.strictObject({
  applied: z.boolean().meta({ description: 'False where it was answered before, or does not offer this answer' }),
});

export const incidentQuery = z.strictObject({ cause: cause.optional(), limit: common.pageQuery.limit });
export const incidentList = z.strictObject({
  incidents: z.array(incident.extend({ workflowId: z.string() }).meta({ id: 'OpenIncident' })),
});

export const answerAllBody = z.strictObject({ cause, answer });
export const answeredAll = z.strictObject({
  answered: z.int().meta({ description: 'How many workflows were told' }),
  ended: z.int().meta({ description: 'How many had ended meanwhile' }),
  failed: z.int().meta({ description: 'How many could not be told: the log says why' }),
});
