/**
 * Banks let go of money that is only authorized after some days. While goods are still to be paid by it, it is authorized
 * anew before; where that takes the customer, they get a mail with the link, and support hears of it.
 */
import { CancellationScope, condition } from '@temporalio/workflow';
import type { PaymentOutcome } from './activities.ts';
import { callProvider } from './activities.ts';
import { deadlines } from './domain/limits.ts';
import { formatMoney } from './domain/money.ts';
import { hasEnded, orderStates } from './domain/states.ts';
import { isPaid } from './domain/statuses.ts';
import { holdIfRisky } from './hold.ts';
import type { Order } from './order-context.ts';
import { cancel } from './order-context.ts';
import { dueByCard, isCovered, moneyTurn, recordPayment } from './payment-state.ts';

/** Runs beside the shipments, until the money is captured or the order ends. */
export function keepAuthorized(order: Order): void {
  void CancellationScope.nonCancellable(async () => {
    let seen = order.paymentHints;
    while (!isOver(order)) {
      const waited = await untilDue(order, () => isOver(order) || order.paymentHints > seen);
      if (isOver(order)) return;
      seen = order.paymentHints;
      if (waited === 'done' && (await isStillThere(order))) continue;
      await renew(order);
    }
  });
}

/** Not every method says when it ends: then only the provider's hint does. */
async function untilDue({ captureBefore, record }: Order, heard: () => boolean): Promise<'done' | 'overdue'> {
  if (captureBefore !== undefined)
    return record.waitFor(undefined, renewalIn(Date.parse(captureBefore) - Date.now()), heard);
  await condition(heard);
  return 'done';
}

/** A day before it ends, and of a short one after half of its life. */
function renewalIn(msLeft: number): number {
  return Math.max(deadlines.renewAtMost, msLeft / 2, msLeft - deadlines.renewBefore);
}

function isOver({ captured, cancelled, record: { state } }: Order): boolean {
  return captured || cancelled !== undefined || hasEnded(orderStates, state.status);
}

/** What cannot be read now is taken for what it was, where support says so. */
async function isStillThere(order: Order): Promise<boolean> {
  const outcome = await order.record.step(
    'read_payment',
    () => callProvider('readPayment', { summary: 'Read the payment' }, { orderId: order.id }),
    { answers: ['retry', 'skip'], isNeeded: () => !isOver(order) },
  );
  if (outcome === undefined) return true;
  recordPayment(order, outcome);
  return isCovered(order, outcome);
}

async function renew(order: Order): Promise<void> {
  const { record } = order;
  order.renewals += 1;
  let attempt = 1;
  // A hint that comes while the provider is asked may tell of something newer.
  let seen = order.paymentHints;
  let outcome = await ask(order, attempt);
  if (outcome === undefined || isCovered(order, outcome)) return;

  record.mail('renewal_needed', String(order.renewals));
  order.payAsked = true;
  while (outcome !== undefined && !isCovered(order, outcome) && !isOver(order)) {
    const why = 'The money is not held for long any more; the customer has a mail with the link to confirm it anew';
    const given = await record.incident(
      { cause: 'payment_renewal', why, answers: ['retry', 'cancel'] },
      () => isOver(order) || order.paymentHints > seen || order.nextMethod !== undefined,
    );
    if (given === 'cancel') cancel(order, { actor: 'support', reason: 'Cancelled for want of a payment' });
    if (isOver(order)) break;
    const method = order.nextMethod;
    if (method !== undefined || given === 'retry') attempt += 1;
    if (method !== undefined) order.paymentAttempts += 1;
    seen = order.paymentHints;
    outcome = await ask(order, method !== undefined || given === 'retry' ? attempt : undefined, method);
    // One that was given meanwhile is tried next.
    if (method !== undefined) order.nextMethod = undefined;
  }
  order.payAsked = false;
  order.nextMethod = undefined;
}

/** Undefined where the order was over before. What is held already stays, whatever comes of it. */
function ask(order: Order, attempt: number | undefined, paymentMethod?: string): Promise<PaymentOutcome | undefined> {
  const { record, id: orderId, renewals: renewal } = order;
  const summary = `Authorize ${formatMoney(dueByCard(order), record.state.currency)} anew`;
  return moneyTurn(order, async () => {
    if (isOver(order)) return undefined;
    const outcome = await record.step(
      'renew_payment',
      () => callProvider('renewPayment', { summary }, { orderId, renewal, attempt, paymentMethod }),
      { answers: ['retry', 'skip'], isNeeded: () => !isOver(order) },
    );
    if (outcome === undefined || !isPaid(outcome.attempt)) return outcome;
    recordPayment(order, outcome);
    holdIfRisky(order, outcome);
    return outcome;
  });
}
