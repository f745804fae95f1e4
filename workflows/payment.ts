/** The money of an order: authorized before it is confirmed, captured once, settled at its end. */
import { CancellationScope, condition } from '@temporalio/workflow';
import type { PaymentOutcome } from './activities.ts';
import { local, providers } from './activities.ts';
import { deadlines } from './domain/limits.ts';
import { formatMoney } from './domain/money.ts';
import type { OrderState } from './messages.ts';
import type { Order } from './order-context.ts';
import { hold, moveOrder, OrderEnds } from './order-context.ts';
import { StepOverdue } from './record.ts';
import { payBack } from './refund.ts';

/** Authorizes the amount, with another method after a decline, until it is authorized or the hold ends. */
export async function takePayment(order: Order): Promise<void> {
  const { record } = order;
  const { state } = record;
  if (state.amountDue === 0) return;
  const payBy = Date.now() + deadlines.payment;
  let outcome = await authorize(order, payBy);
  for (;;) {
    const hints = order.paymentHints;
    recordPayment(order, outcome);
    if (isPaid(outcome.attempt)) break;
    if (state.status === 'pending') {
      moveOrder(order, 'awaiting_payment', paymentNeeded(outcome));
      if (outcome.attempt !== 'created') record.mail('payment_needed');
    } else {
      record.changed(paymentNeeded(outcome));
    }
    const waited = await record.waitFor(
      'payment',
      payBy - Date.now(),
      () => order.paymentHints > hints || order.nextMethod !== undefined,
    );
    if (waited === 'overdue') {
      // Whatever was not heard, the provider has the last word.
      outcome = await readPayment(order, Date.now() + deadlines.lastLook);
      if (!isPaid(outcome.attempt)) throw new OrderEnds('expired');
      continue;
    }
    if (order.nextMethod !== undefined) {
      const paymentMethod = order.nextMethod;
      outcome = await authorize(order, payBy, paymentMethod).finally(() => {
        order.nextMethod = undefined;
      });
    } else {
      outcome = await readPayment(order, payBy);
    }
  }
  if (outcome.risky) hold(order, { actor: 'system', reason: 'The payment provider rates this payment as risky' });
}

export function isPaid(attempt: OrderState['payment']['attempt']): boolean {
  return attempt === 'authorized' || attempt === 'captured';
}

function authorize(order: Order, payBy: number, paymentMethod?: string): Promise<PaymentOutcome> {
  const { amountDue, currency } = order.record.state;
  order.paymentAttempts += 1;
  const attempt = order.paymentAttempts;
  const summary = `Authorize ${formatMoney(amountDue, currency)}`;
  return payInTime(order, payBy, 'authorize_payment', (scheduleToCloseTimeout) =>
    providers.authorizePayment.executeWithOptions({ summary, scheduleToCloseTimeout }, [
      { orderId: order.id, attempt, paymentMethod },
    ]),
  );
}

function readPayment(order: Order, payBy: number): Promise<PaymentOutcome> {
  return payInTime(order, payBy, 'read_payment', (scheduleToCloseTimeout) =>
    providers.readPayment.executeWithOptions({ summary: 'Read the payment', scheduleToCloseTimeout }, [
      { orderId: order.id },
    ]),
  );
}

/** A provider that stays down does not hold stock for ever: at the deadline its call, or its incident, is given up. */
async function payInTime(
  order: Order,
  payBy: number,
  cause: string,
  call: (ms: number) => Promise<PaymentOutcome>,
): Promise<PaymentOutcome> {
  try {
    const outcome = await order.record.step(cause, () => call(Math.max(1, payBy - Date.now())), { until: payBy });
    if (outcome !== undefined) return outcome;
  } catch (error) {
    if (error instanceof StepOverdue) throw new OrderEnds('expired');
    throw error;
  }
  throw new OrderEnds('cancelled');
}

/** Captures what is due, once for the whole order, when the first parcel is ready. Money steps run one at a time. */
export async function capturePayment(order: Order, shipmentId: string): Promise<void> {
  const { state } = order.record;
  await moneyTurn(order, async () => {
    if (state.payment.captured > 0 || state.amountDue === 0) return;
    const summary = `Capture ${formatMoney(state.amountDue, state.currency)}`;
    const outcome = await order.record.step(
      'capture_payment',
      () =>
        // Once it is on its way its end is waited for: a cancellation then refunds what it took.
        CancellationScope.nonCancellable(() =>
          providers.capturePayment.executeWithOptions({ summary }, [{ orderId: order.id, amount: state.amountDue }]),
        ),
      { shipmentId },
    );
    if (outcome) recordPayment(order, outcome);
  });
}

/** Ends with exactly what is due captured, and nothing authorized. */
export async function settlePayment(order: Order): Promise<void> {
  const { record } = order;
  const { state } = record;
  if (order.paymentAttempts === 0) return;
  await moneyTurn(order, async () => {
    if (state.payment.captured === 0) {
      recordPayment(
        order,
        await record.must('void_payment', () =>
          providers.voidPayment.executeWithOptions({ summary: 'Void the payment' }, [{ orderId: order.id }]),
        ),
      );
    }
    const settled = state.payment.refunded + order.settledOtherwise;
    const excess = state.payment.captured - settled - state.amountDue;
    if (excess <= 0) return;
    const key = `${order.id}:settle:${settled}`;
    const reason = 'Goods that were not sent';
    const { refundId, amount } = await record.must('open_refund', () =>
      local.openOrderRefund({ orderId: order.id, key, amount: excess, reason }),
    );
    if (refundId === null) return;
    record.changed(`Refund of ${formatMoney(amount, state.currency)} opened`);
    const ended = await payBack(record, refundId, order.refundHints);
    if (ended === 'succeeded') state.payment.refunded += amount;
    else order.settledOtherwise += amount;
    record.changed(`Refund of ${formatMoney(amount, state.currency)} ${ended}`);
  });
}

const busy = new WeakSet<Order>();

async function moneyTurn(order: Order, run: () => Promise<void>): Promise<void> {
  // All who wait are woken together: only the first of them may go.
  while (busy.has(order)) await condition(() => !busy.has(order));
  busy.add(order);
  try {
    await run();
  } finally {
    busy.delete(order);
  }
}

function recordPayment(order: Order, outcome: PaymentOutcome): void {
  const { payment } = order.record.state;
  const before = `${payment.attempt}${payment.captured}`;
  Object.assign(payment, { attempt: outcome.attempt, authorized: outcome.authorized, captured: outcome.captured });
  if (before !== `${payment.attempt}${payment.captured}`) order.record.changed(`Payment ${outcome.attempt}`);
}

function paymentNeeded(outcome: PaymentOutcome): string {
  if (outcome.attempt === 'declined') return `Payment declined (${outcome.declineCode ?? 'no reason given'})`;
  if (outcome.attempt === 'requires_action') return 'The customer has to confirm the payment';
  return 'Waiting for the payment';
}
