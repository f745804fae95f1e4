/** The life of an order, from placing to the end of its last shipment. */
import { allHandlersFinished, CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import type { Reservation } from './activities.ts';
import { local } from './activities.ts';
import { checkAddress } from './address.ts';
import { waitForGoods } from './backorder.ts';
import { endPayment } from './capture.ts';
import { deadlines } from './domain/limits.ts';
import { formatMoney } from './domain/money.ts';
import { hasEnded, type OrderStatus, shipmentStates } from './domain/states.ts';
import { changesEnded } from './edit.ts';
import { awaitsReturn, tellReturn } from './exchange-order.ts';
import { isHeld } from './hold.ts';
import type { OrderInput, ShipmentState } from './messages.ts';
import type { Order } from './order-context.ts';
import { addShipments, cancel, createOrder, moveOrder, OrderEnds, takeOver } from './order-context.ts';
import { listenToMessages } from './order-messages.ts';
import { takePayment } from './payment.ts';
import { dueByCard } from './payment-state.ts';
import { StepCancelled } from './record.ts';
import { startRefund } from './refund.ts';
import { keepAuthorized } from './renewal.ts';
import { runShipment } from './shipment.ts';

export function order(input: OrderInput): Promise<OrderStatus> {
  const { cancelRequested } = CancellationScope.current();
  return CancellationScope.nonCancellable(() => {
    const order = createOrder(input);
    listenToMessages(order);
    // A cancellation from the Temporal UI is a cancelled order like any other: what was done is undone.
    cancelRequested.catch(() => cancel(order, { actor: 'system', reason: 'The workflow was cancelled in Temporal' }));
    return live(order, input);
  });
}

async function live(order: Order, { placeBefore, reship }: OrderInput): Promise<OrderStatus> {
  const { record } = order;
  const { state } = record;
  let ending: OrderStatus = 'completed';
  try {
    await order.scope.run(async () => {
      // 1. Reserve. A start that comes too late does nothing.
      if (Date.now() > Date.parse(placeBefore)) throw new OrderEnds('expired');
      const reservation = await reserve(order);

      // 2. Pay. The stock is held until the money is authorized, or the time is up. What is not there is paid when it is.
      const later = reservation.comesLater || awaitsReturn(order);
      if (later) await waitForGoods(order);
      await takePayment(order, later ? 'goods that came' : 'at once');
    });

    // 3. Confirm. What was held is owed from now on, and each warehouse gets its shipment.
    await confirm(order);
    await tellReturn(order, 'confirmed');

    // 4. Ship, every shipment on its own.
    if (order.checksAddress) order.addressChecked = checkAddress(order);
    await shipAll(order);
    if (state.shipments.every((shipment) => shipment.status === 'cancelled')) ending = 'cancelled';
  } catch (error) {
    ending = endingOf(order, error);
  }

  // 5. Settle. Nothing stays reserved, and nobody has paid for what was not sent.
  await changesEnded(order);
  order.ending = ending;
  if (ending !== 'completed' && ending !== 'rejected') {
    const released = await record.must('release_stock', () => local.releaseStock({ orderId: order.id }));
    // It may have reserved after all, and nobody has heard of it.
    state.payment.credit = released.credit;
  }
  if (ending !== 'completed') {
    state.amountDue = 0;
    for (const shipment of state.shipments)
      if (shipment.status === 'allocated' || shipment.status === 'backordered') shipment.status = 'cancelled';
  }
  if (ending !== 'rejected') await endPayment(order);
  await tellReturn(order, 'ended');
  if (reship) await payBackReship(order);
  await order.paidBack;
  await order.taxesRecorded;
  await order.addressChecked;

  // 6. End. Incidents beside the story, such as a hold, are withdrawn with it.
  moveOrder(order, ending, `Order ${ending}`);
  if (ending === 'cancelled') record.mail('order_cancelled');
  if (ending === 'expired' && order.paymentAttempts + order.setups > 0) record.mail('order_expired');
  await condition(() => state.incidents.length === 0);
  await record.saved();
  await condition(allHandlersFinished);
  return ending;
}

async function reserve(order: Order): Promise<Reservation & { outcome: 'reserved' }> {
  const { record } = order;
  const { state } = record;
  const next = { event: 'payment_provider', ms: deadlines.providerDown };
  const reservation = await record.step('reserve_stock', () =>
    record.savedWith(next, (state, mails) => local.reserveStock({ state, mails })),
  );
  if (reservation === undefined || reservation.outcome === 'undone') throw new OrderEnds('cancelled');
  if (reservation.outcome !== 'reserved') throw new OrderEnds('rejected');
  state.currency = reservation.currency;
  state.amountDue = reservation.amountDue;
  state.payment.credit = reservation.credit;
  state.payment.byCard = dueByCard(order);
  order.providerTaxes = reservation.providerTaxes;
  order.checksAddress = reservation.checksAddress;
  order.expects = { expectedAt: reservation.expectedAt, notBefore: reservation.notBefore };
  addShipments(order, reservation.shipments);
  return reservation;
}

async function confirm(order: Order): Promise<void> {
  const { record } = order;
  moveOrder(order, isHeld(order) ? 'on_hold' : 'confirmed', 'Confirmed');
  if (!isHeld(order)) {
    for (const shipment of record.state.shipments) if (shipment.status === 'allocated') shipment.status = 'picking';
  }
  record.mail('order_confirmed');
  const next = { event: 'picking', ms: deadlines.picking };
  const holdings = await record.must('commit_stock', () =>
    record.savedWith(next, (state, mails) => local.commitStock({ state, mails })),
  );
  takeOver(order, holdings);
}

/** Ends once every shipment has, and every one that took over a part of another. */
async function shipAll(order: Order): Promise<void> {
  const { state } = order.record;
  const started = new Set<string>();
  let running = 0;
  let hints = order.stockHints;
  let failure: { error: unknown } | undefined;
  let keeping = false;
  const isNew = ({ id, status }: ShipmentState) => !started.has(id) && !hasEnded(shipmentStates, status);
  for (;;) {
    for (const shipment of state.shipments.filter(isNew)) {
      started.add(shipment.id);
      running += 1;
      void runShipment(order, shipment)
        .catch((error) => {
          failure = { error };
        })
        .finally(() => {
          running -= 1;
        });
    }
    // After the shipments: they wait for less, and one timer is enough for all.
    if (!keeping) keepAuthorized(order);
    keeping = true;
    await condition(
      () => failure !== undefined || running === 0 || order.stockHints > hints || state.shipments.some(isNew),
    );
    if (failure) throw failure.error;
    if (order.stockHints > hints) {
      hints = order.stockHints;
      takeOver(order, await order.record.must('read_holdings', () => local.readHoldings({ orderId: order.id })));
    } else if (running === 0 && !state.shipments.some(isNew)) return;
  }
}

/** What was to be sent again and was not is paid back by the order that was paid. */
async function payBackReship({ id, record }: Order): Promise<void> {
  const { refundId, amount } = await record.must('open_refund', () => local.openReshipRefund({ orderId: id }));
  if (refundId === null) return;
  record.changed(`Refund of ${formatMoney(amount, record.state.currency)} opened: not sent again`);
  await startRefund(refundId);
}

function endingOf(order: Order, error: unknown): OrderStatus {
  if (error instanceof OrderEnds) return error.status;
  if (error instanceof StepCancelled) return 'cancelled';
  if (isCancellation(error) && order.cancelled) return 'cancelled';
  throw error;
}
