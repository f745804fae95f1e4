/** What people say about an order, in their own words: it may name somebody, so it stays with the order, in MongoDB. */
import { newId } from '../models/id.ts';
import type { Mongo } from '../platform/mongo.ts';

/** More than these, and the oldest go. */
const most = 100;

/** Keeps the words with the order, and answers with the id that stands for them everywhere else. */
export async function writeNote({ models }: Mongo, orderId: string, actor: string, text: string): Promise<string> {
  const note = { id: newId('note'), at: new Date(), actor, text };
  await models.orders.updateOne({ _id: orderId }, { $push: { notes: { $each: [note], $slice: -most } } });
  return note.id;
}
