/** The money of a confirmed order: captured when parcels are ready, and settled at its end. */
import { CancellationScope, condition } from '@temporalio/workflow';
import type { CaptureOutcome } from './activities.ts';
import { callProvider, local } from './activities.ts';
import { formatMoney } from './domain/money.ts';
import { tellReturn } from './exchange-order.ts';
import type { Order } from './order-context.ts';
import { heardOfSettlement, isCovered, moneyTurn, recordPayment } from './payment-state.ts';
import { payBack } from './refund.ts';

/** Captures what is due when a parcel is ready: all of it, or this one's share. Money steps run one at a time. */
export async function capturePayment(order: Order, shipmentId: string): Promise<void> {
  const { state } = order.record;
  // No parcel waits for a refund of another.
  while (!order.captured) {
    const outcome = await moneyTurn(order, () => captureShare(order, shipmentId));
    if (!outcome?.lapsed) return;
    // The bank has let it go before its time: it is authorized anew, and the parcel waits for that.
    order.paymentHints += 1;
    await condition(() => isCovered(order, state.payment));
  }
}

async function captureShare(order: Order, shipmentId: string): Promise<CaptureOutcome | undefined> {
  if (order.captured || order.record.state.amountDue === 0) return undefined;
  const summary = `Capture for ${shipmentId}`;
  const outcome = await order.record.step(
    'capture_payment',
    () =>
      // Once it is on its way its end is waited for: a cancellation then refunds what it took.
      CancellationScope.nonCancellable(() =>
        callProvider('capturePayment', { summary }, { orderId: order.id, shipmentId }),
      ),
    { shipmentId },
  );
  if (outcome === undefined) return undefined;
  recordPayment(order, outcome);
  if (outcome.lapsed) return outcome;
  order.captured = outcome.final;
  order.capturedInPart ||= !outcome.final;
  // Whoever is asked to authorize it anew is asked for the rest.
  if (order.payAsked) order.paymentHints += 1;
  if (order.providerTaxes) order.taxesRecorded ??= recordTaxes(order);
  return outcome;
}

/** No parcel waits for it, only the order's end. */
async function recordTaxes(order: Order): Promise<void> {
  const tell = () => callProvider('recordTaxes', { summary: 'Record the taxes' }, { orderId: order.id });
  await CancellationScope.nonCancellable(() => order.record.step('record_taxes', tell, { answers: ['retry', 'skip'] }));
}

/** Ends with exactly what is due captured, and nothing authorized. */
export async function endPayment(order: Order): Promise<void> {
  const { payment } = order.record.state;
  if (order.paymentAttempts + order.setups > 0 && (!order.captured || payment.attempt === 'processing')) {
    await moneyTurn(order, async () => {
      for (;;) {
        const hints = order.paymentHints;
        const outcome = await order.record.must('void_payment', () =>
          callProvider('voidPayment', { summary: 'Void the payment' }, { orderId: order.id }),
        );
        recordPayment(order, outcome);
        if (outcome.attempt !== 'processing') return;
        // What a bank debit brings is paid back, and only when it is there.
        await heardOfSettlement(order, () => order.paymentHints > hints, ['retry']);
      }
    });
  }
  await settlePayment(order);
}

/** Pays back what was paid for goods that will not be sent. */
export async function settlePayment(order: Order): Promise<void> {
  const { record } = order;
  const { state } = record;
  if (order.paymentAttempts + order.setups === 0 && state.payment.credit === 0) return;
  const opened = await moneyTurn(order, async () => {
    const settled = state.payment.refunded + order.settledOtherwise;
    const excess = state.payment.captured + state.payment.credit - settled - state.amountDue;
    if (excess <= 0 && !order.capturedInPart) return undefined;
    const key = `${order.id}:settle:${settled}${excess > 0 ? '' : ':rest'}`;
    const reason = 'Goods that were not sent';
    const refund = await record.must('open_refund', () =>
      local.openOrderRefund({ orderId: order.id, key, amount: excess, reason }),
    );
    order.settledOtherwise += refund.amount;
    return refund;
  });
  if (!opened || opened.refundId === null) return;
  // What a return has paid is with it again, however long a bank takes for the rest.
  if (order.ending) await tellReturn(order, 'ended');
  // Its end can take days: no other parcel's money waits for that.
  const { refundId, amount } = opened;
  const what = `Refund of ${formatMoney(amount, state.currency)}`;
  if (amount > 0) record.changed(`${what} opened`);
  const ended = await payBack(record, refundId, order.refundHints);
  if (ended === 'succeeded') {
    order.settledOtherwise -= amount;
    state.payment.refunded += amount;
  }
  if (amount > 0) record.changed(`${what} ${ended}`);
}
