import { z } from 'zod';
import { inboxOutcomes, inboxSources } from '../../models/inbox.ts';
import * as common from './common.ts';

const source = z.enum(inboxSources);
const outcome = z.enum(inboxOutcomes);

export const eventParams = z.strictObject({
  id: z.string().regex(new RegExp(`^(${inboxSources.join('|')}):[\\x21-\\x7e]{1,200}$`)),
});
export const eventQuery = z.strictObject({
  source: source.optional(),
  type: common.text(100).optional().meta({ example: 'payment_intent.succeeded' }),
  outcome: outcome.optional(),
  orderId: common.orderId.optional().meta({ description: 'Known once an event was delivered' }),
  undelivered: z.enum(['true', 'false']).optional(),
  ...common.pageQuery,
});

export const event = z
  .strictObject({
    id: z.string(),
    source,
    type: z.string(),
    receivedAt: common.time,
    deliveredAt: common.time.nullable().meta({ description: 'Null while it is not' }),
    outcome: outcome.optional().meta({ description: 'What became of it at its last delivery' }),
    orderId: z.string().optional(),
    tries: z.int(),
    payload: z.record(z.string(), z.unknown()).meta({ description: 'What is kept of it; amounts in minor units' }),
  })
  .meta({ id: 'Event' });
export const eventPage = z.strictObject({ events: z.array(event), next: common.next });
export const replayed = z.strictObject({ id: z.string() });
