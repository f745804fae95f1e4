/**
 * Banks let go of money that is only authorized after some days. While goods are still to be paid by it, it is authorized
 * anew before; where that takes the customer, they get a mail with the link, and support hears of it.
 */
import { CancellationScope } from '@temporalio/workflow';
import type { PaymentOutcome } from './activities.ts';
import { callProvider } from './activities.ts';
import { deadlines } from './domain/limits.ts';
import { formatMoney } from './domain/money.ts';
import { hasEnded, orderStates } from './domain/states.ts';
import { isPaid } from './domain/statuses.ts';
import type { Order } from './order-context.ts';
import { cancel } from './order-context.ts';
import { dueByCard, moneyTurn, readPayment, recordPayment } from './payment.ts';

/** Runs beside the shipments, until the money is captured or the order ends. */
export function keepAuthorized(order: Order): void {
  void CancellationScope.nonCancellable(async () => {
    while (order.captureBefore !== undefined && !isOver(order)) {
      const hints = order.paymentHints;
      const ms = renewalIn(Date.parse(order.captureBefore) - Date.now());
      const waited = await order.record.waitFor(undefined, ms, () => isOver(order) || order.paymentHints > hints);
      if (isOver(order)) return;
      if (waited === 'done' && isPaid((await look(order)).attempt)) continue;
      await renew(order);
    }
  });
}

/** A day before it ends, and of a short one after half of its life. */
function renewalIn(msLeft: number): number {
  return Math.max(deadlines.renewAtMost, msLeft / 2, msLeft - deadlines.renewBefore);
}

function isOver({ captured, cancelled, record: { state } }: Order): boolean {
  return captured || cancelled !== undefined || hasEnded(orderStates, state.status);
}

async function look(order: Order): Promise<PaymentOutcome> {
  const outcome = await readPayment(order, Date.now() + deadlines.provider);
  recordPayment(order, outcome);
  return outcome;
}

async function renew(order: Order): Promise<void> {
  const { record } = order;
  order.renewals += 1;
  let attempt = 1;
  let outcome = await ask(order, attempt);
  if (outcome === undefined || isPaid(outcome.attempt)) return;

  record.mail('renewal_needed', String(order.renewals));
  order.payAsked = true;
  while (outcome !== undefined && !isPaid(outcome.attempt) && !isOver(order)) {
    const hints = order.paymentHints;
    const why = 'The money is not held for long any more; the customer has a mail with the link to confirm it anew';
    const given = await record.incident(
      { cause: 'payment_renewal', why, answers: ['retry', 'cancel'] },
      () => isOver(order) || order.paymentHints > hints || order.nextMethod !== undefined,
    );
    if (given === 'cancel') cancel(order, { actor: 'support', reason: 'Cancelled for want of a payment' });
    if (isOver(order)) break;
    const method = order.nextMethod;
    if (method !== undefined || given === 'retry') attempt += 1;
    outcome = await ask(order, method !== undefined || given === 'retry' ? attempt : undefined, method);
    order.nextMethod = undefined;
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
      { answers: ['retry', 'skip'] },
    );
    if (outcome !== undefined && isPaid(outcome.attempt)) recordPayment(order, outcome);
    return outcome;
  });
}
