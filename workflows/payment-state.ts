/** What is known of an order's money, and the turns that its steps take. */
import type { PaymentOutcome } from './activities.ts';
import { deadlines } from './domain/limits.ts';
import type { Answer } from './messages.ts';
import type { Order } from './order-context.ts';
import { StepCancelled } from './record.ts';
import { createTurns } from './turns.ts';

/** Minor units of what is due that store credit does not pay. */
export function dueByCard({ record: { state } }: Order): number {
  return Math.max(0, state.amountDue - state.payment.credit);
}

/** What is due by card is held for us, or was taken. A rest that was not taken in time is neither. */
export function isCovered(order: Order, { attempt, captured }: { attempt: string; captured: number }): boolean {
  return attempt === 'authorized' || captured >= dueByCard(order);
}

/** Steps with money run one at a time within an order. */
export const moneyTurn = createTurns<Order>();

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
