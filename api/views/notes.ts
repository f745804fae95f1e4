/** For staff: what a note's id stands for. */
import type { Order } from '../../models/order.ts';
import type { TimelineEntry } from '../../workflows/messages.ts';

export function withNotes(text: string, { notes = [] }: Pick<Order, 'notes'>): string {
  return text.replace(/note_\w+/g, (id) => notes.find((note) => note.id === id)?.text ?? id);
}

/** For staff, who may know what people said. */
export function inWords(timeline: readonly TimelineEntry[], order: Pick<Order, 'notes'>): TimelineEntry[] {
  return timeline.map(({ why, ...each }) => ({
    ...{ ...each, what: withNotes(each.what, order) },
    ...(why !== undefined && { why: withNotes(why, order) }),
  }));
}
