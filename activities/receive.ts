/** What comes from outside is stored once, by its id, before anything is made of it. */
import type { InboxEvent } from '../models/inbox.ts';
import { writeOne } from '../platform/documents.ts';
import { isDuplicateKey, type Mongo } from '../platform/mongo.ts';
import type { StripeEvent } from './providers/stripe-events.ts';

type NewEvent = Pick<InboxEvent, 'source' | 'type' | 'payload'> & { id: string };

export async function receiveEvent({ models }: Mongo, { id, ...event }: NewEvent): Promise<'stored' | 'known'> {
  const now = new Date();
  try {
    const document = {
      ...event,
      _id: `${event.source}:${id}`,
      receivedAt: now,
      deliveredAt: null,
      tries: 0,
      nextTryAt: now,
    };
    await writeOne(models.inbox, { insertOne: { document } });
    return 'stored';
  } catch (error) {
    if (isDuplicateKey(error)) return 'known';
    throw error;
  }
}

/** By its webhook or from its list, an event of Stripe is the same one. */
export function receiveStripe(mongo: Mongo, { id, type, object }: StripeEvent): Promise<'stored' | 'known'> {
  return receiveEvent(mongo, { id, source: 'stripe', type, payload: { ...object } });
}
