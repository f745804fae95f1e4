/** An order that is not paid yet comes to cost something else. */
import { callProvider } from './activities.ts';
import { isPaid } from './domain/statuses.ts';
import type { Order } from './order-context.ts';
import { recordPayment } from './payment-state.ts';

/**
 * Nobody can pay the old amount while the change is made, and the customer gets a new intent after it, also where the
 * change was refused. Undefined, with nothing changed, where it turns out to be paid, or a payment is on its way. Within a
 * turn of the order's money.
 */
export async function changeUnpaid<T>(order: Order, change: () => Promise<T>): Promise<{ answer: T } | undefined> {
  const { record, id: orderId } = order;
  order.withdrawals += 1;
  const asked = { orderId, withdrawal: order.withdrawals };
  const before = await record.must('withdraw_payment', () =>
    callProvider('withdrawPayment', { summary: 'Withdraw the payment' }, asked),
  );
  // The payment's own story hears of either.
  order.paymentHints += 1;
  if (isPaid(before.attempt) || before.attempt === 'processing') {
    recordPayment(order, before);
    return undefined;
  }
  const answer = await change();
  const after = await record.must('issue_payment', () =>
    callProvider('issuePayment', { summary: 'Ask for another payment' }, { orderId }),
  );
  recordPayment(order, after);
  order.paymentHints += 1;
  return { answer };
}
