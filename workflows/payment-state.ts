/** What is known of an order's money, and the turns that its steps take. */
import { condition } from '@temporalio/workflow';
import type { PaymentOutcome } from './activities.ts';
import { deadlines } from './domain/limits.ts';
import type { Answer } from './messages.ts';
import type { Order } from './order-context.ts';
import { StepCancelled } from './record.ts';

/** Minor units of what is due that store credit does not pay. */
export function dueByCard({ record: { state } }: Order): number {
  return Math.max(0, state.amountDue - state.payment.credit);
}

/** What is due by card is held for us, or was taken. A rest that was not taken in time is neither. */
export function isCovered(order: Order, { attempt, captured }: { attempt: string; captured: number }): boolean {
  return attempt === 'authorized' || captured >= dueByCard(order);
}

const busy = new WeakSet<Order>();

/** Steps with money run one at a time within an order. */
export async function moneyTurn<T>(order: Order, run: () => Promise<T>): Promise<T> {
  // All who wait are woken together: only the first of them may go.
  while (busy.has(order)) await condition(() => !busy.has(order));
  busy.add(order);
  try {
    return await run();
  } finally {
    busy.delete(order);
  }
}

export function recordPayment(order: Order, outcome: PaymentOutcome): void {
  const { payment } = order.record.state;
  order.captureBefore = outcome.captureBefore;
  const before = `${payment.attempt}${payment.captured}`;
  Object.assign(payment, { attempt: outcome.attempt, authorized: outcome.authorized, captured: outcome.captured });
  if (before !== `${payment.attempt}${payment.captured}`) order.record.changed(`Payment ${outcome.attempt}`);
}

/** Past its time somebody is asked; `retry` has the provider asked, as a hint does. */
export async function heardOfSettlement({ record }: Order, heard: () => boolean, answers: Answer[]): Promise<void> {
  if ((await record.waitFor('settlement', deadlines.settlement, heard)) === 'done') return;
  const why = 'Nothing heard of settlement in time';
  const given = await record.incident({ cause: 'overdue_settlement', why, answers }, heard);
  if (given === 'cancel') throw new StepCancelled('settlement');
}
