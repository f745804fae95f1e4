/** For staff: what a note's id stands for. */
import type { Order } from '../../models/order.ts';

export function withNotes(text: string, { notes = [] }: Pick<Order, 'notes'>): string {
  return text.replace(/note_\w+/g, (id) => notes.find((note) => note.id === id)?.text ?? id);
}
