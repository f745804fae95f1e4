/**
 * What was refused of an order, or done beside its workflow, for its timeline. In words of ours: no personal data, no
 * secrets.
 */
import type { Mongo } from '../platform/mongo.ts';
import type { Actor } from '../workflows/messages.ts';

/** More than these, and the oldest go. */
const most = 50;

export async function noteRefusal({ models }: Mongo, orderId: string, actor: Actor, what: string): Promise<void> {
  const refusal = { at: new Date(), actor, what };
  await models.orders.updateOne({ _id: orderId }, { $push: { refusals: { $each: [refusal], $slice: -most } } });
}
