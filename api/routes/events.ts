/** What was heard from outside, kept for 30 days after its delivery, and delivered anew where support asks for it. */
import type { z } from 'zod';
import { deliverAgain } from '../../activities/inbox.ts';
import { noteRefusal } from '../../activities/refusals.ts';
import type { InboxEvent } from '../../models/inbox.ts';
import { actorOf, notFound } from '../auth.ts';
import { endpoint, reply } from '../endpoint.ts';
import { afterNewest, page } from '../paging.ts';
import * as schema from '../schemas/events.ts';

export const listEvents = endpoint({
  summary: 'Events of Stripe, the carrier and the warehouses, newest first',
  query: schema.eventQuery,
  answers: { 200: schema.eventPage },
  async handle({ mongo }, { query: { undelivered, limit, cursor, ...asked } }) {
    const found = await mongo.models.inbox
      .find({
        ...Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)),
        ...(undelivered && { deliveredAt: undelivered === 'true' ? null : { $ne: null } }),
        ...afterNewest(cursor, 'receivedAt'),
      })
      .sort({ receivedAt: -1, _id: -1 })
      .limit(limit + 1)
      .lean<InboxEvent[]>();
    const { items, next } = page(found, limit, ({ receivedAt, _id }) => [receivedAt.toISOString(), _id]);
    return reply(200, { events: items.map(viewEvent), next });
  },
});

export const getEvent = endpoint({
  summary: 'An event, as it is kept',
  params: schema.eventParams,
  answers: { 200: schema.event },
  async handle({ mongo }, { params: { id } }) {
    const event = await mongo.models.inbox.findById(id).lean<InboxEvent>();
    if (!event) throw notFound();
    return reply(200, viewEvent(event));
  },
});

export const replayEvent = endpoint({
  summary: 'Deliver an event anew. Whoever hears of it reads how things stand, so that it does nothing twice',
  params: schema.eventParams,
  answers: { 202: schema.replayed },
  async handle({ mongo }, { params: { id }, caller, log }) {
    const event = await deliverAgain(mongo, id);
    if (!event) throw notFound();
    const { orderId } = event;
    const actor = actorOf(caller);
    log.info({ eventId: id, orderId, actor }, 'an event is delivered anew');
    if (orderId !== undefined) await noteRefusal(mongo, orderId, actor, `Event ${id} (${event.type}) delivered anew`);
    return reply(202, { id }, { location: `/v1/events/${id}` });
  },
});

function viewEvent(event: InboxEvent): z.input<typeof schema.event> {
  const { _id: id, source, type, receivedAt, deliveredAt, outcome, orderId, tries, payload } = event;
  const times = { receivedAt: receivedAt.toISOString(), deliveredAt: deliveredAt?.toISOString() ?? null };
  return { id, source, type, ...times, outcome, orderId, tries, payload };
}
