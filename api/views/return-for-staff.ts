/** A return with what happened to it, in the words of those who did it. */
import type { Order } from '../../models/order.ts';
import type { Return } from '../../models/return.ts';
import { inWords, withNotes } from './notes.ts';
import { type ReturnView, viewReturn } from './return.ts';

export function viewReturnForStaff(found: Return, order: Pick<Order, 'notes'>): ReturnView {
  const { state, arrivals } = found;
  const unexpected = arrivals.flatMap((arrival) => arrival.unexpected ?? []);
  return {
    ...viewReturn(found),
    unexpected: unexpected.map(({ what, quantity }) => ({ what: withNotes(what, order), quantity })),
    incidents: (state?.incidents ?? []).map((each) => ({ ...each, why: withNotes(each.why, order) })),
    timeline: inWords(state?.timeline ?? [], order),
  };
}
