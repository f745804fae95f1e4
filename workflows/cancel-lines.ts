/** A part of an order is cancelled, at whatever stage: before it is paid for, while it is picked, or packed. */
import { ApplicationFailure, CancellationScope } from '@temporalio/workflow';
import { local } from './activities.ts';
import { settlePayment } from './capture.ts';
import { formatMoney } from './domain/money.ts';
import { shipmentInWarehouse, shipmentUnpicked } from './domain/states.ts';
import { isPaid } from './domain/statuses.ts';
import type { CancelLinesInput, CancelLinesOutcome } from './messages.ts';
import { cancel, changeTurn, isLeaving, moveShipment, type Order } from './order-context.ts';
import { dueByCard, moneyTurn } from './payment-state.ts';
import { changeUnpaid } from './reissue.ts';

/** @throws ApplicationFailure where there is not so much left to be cancelled */
export function cancelLines(order: Order, input: CancelLinesInput & { cancelId: string }): Promise<CancelLinesOutcome> {
  // What is taken out of an order stays out of it, whatever becomes of whoever asked.
  return CancellationScope.nonCancellable(() => changeTurn(order, () => take(order, input)));
}

async function take(
  order: Order,
  { cancelId, lines, actor, reason, unpickedOnly }: CancelLinesInput & { cancelId: string },
): Promise<CancelLinesOutcome> {
  const { record, id: orderId } = order;
  const { state } = record;
  if (order.cancelled || order.settling)
    throw ApplicationFailure.nonRetryable('The whole order is cancelled, or over', 'ChangeRefused');

  // 1. From which shipments. None of them is packed or handed over meanwhile.
  const from = cancellableOf(order, unpickedOnly);
  for (const shipmentId of from) order.changing.add(shipmentId);
  const release = () =>
    record.must('cancel_lines', () => local.cancelLines({ orderId, cancelId, lines, from, actor, reason }));
  const result = await pricedAnew(order, release).finally(() => order.changing.clear());
  if (result.outcome === 'refused') throw ApplicationFailure.nonRetryable(result.why, 'ChangeRefused');

  // 2. What is due now; where nothing is left, the order is cancelled.
  const before = formatMoney(state.amountDue, state.currency);
  state.amountDue = result.amountDue;
  state.payment.byCard = dueByCard(order);
  const what = lines.map(({ lineId, quantity }) => `${quantity} of ${lineId}`).join(', ');
  const after = formatMoney(state.amountDue, state.currency);
  record.changed(`Cancelled: ${what}`, actor, { why: reason, before, after });
  if (result.isNothingLeft) cancel(order, { actor, reason });
  else record.mail('items_cancelled', cancelId);

  // 3. The shipments hear of it: one that is empty ends, one that was packed is packed anew.
  for (const { shipmentId, left, changes, closed } of result.shipments) {
    if (changes !== undefined) order.contents.set(shipmentId, changes);
    if (closed) order.picked.set(shipmentId, closed);
    if (left === 'nothing') endShipment(order, shipmentId);
    else if (order.packed.has(shipmentId)) {
      order.unpacking.add(shipmentId);
      order.warehouseScopes.get(shipmentId)!.cancel();
    }
  }
  // It may have waited for just these goods.
  if (order.warehouseScopes.size === 0) order.stockHints += 1;

  // 4. What was captured already goes back. Nobody waits for it but the order's end.
  order.paidBack = order.paidBack.then(() => payBack(order));
  await record.saved();
  return { status: state.status, amountDue: state.amountDue, currency: state.currency };
}

/** While it is not paid, its customer must not pay the old amount meanwhile. */
async function pricedAnew<T>(order: Order, release: () => Promise<T>): Promise<T> {
  const { state } = order.record;
  if (isPaid(state.payment.attempt) || dueByCard(order) === 0) return release();
  return moneyTurn(order, async () => {
    const changed = await changeUnpaid(order, release);
    return changed === undefined ? release() : changed.answer;
  });
}

/** The least work first. What is about to leave, or being cancelled as a whole, is not among them. */
function cancellableOf(order: Order, unpickedOnly: boolean | undefined): string[] {
  const { warehouseScopes, record } = order;
  const allowed = unpickedOnly ? shipmentUnpicked : shipmentInWarehouse;
  const isEnding = (id: string) => warehouseScopes.get(id)?.consideredCancelled && !order.unpacking.has(id);
  return record.state.shipments
    .filter(({ id, status }) => allowed.includes(status) && !isLeaving(order, id) && !isEnding(id))
    .sort((a, b) => leastWork.indexOf(a.status) - leastWork.indexOf(b.status))
    .map(({ id }) => id);
}

const leastWork: readonly string[] = ['backordered', 'allocated', 'picking', 'picked', 'packed', 'ready'];

/** Nobody works on one that is not confirmed yet, or waits for goods. */
function endShipment(order: Order, shipmentId: string): void {
  const scope = order.warehouseScopes.get(shipmentId);
  const shipment = order.record.state.shipments.find(({ id }) => id === shipmentId)!;
  if (scope) scope.cancel();
  else moveShipment(order, shipment, 'cancelled', 'Shipment cancelled');
}

/** A capture that was under way has taken for what was to be sent before. */
async function payBack(order: Order): Promise<void> {
  await moneyTurn(order, async () => {});
  if (order.captured) await settlePayment(order);
}
