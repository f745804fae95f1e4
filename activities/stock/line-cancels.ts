/** A part of an order is cancelled: its units are free again, and what was picked of them belongs on the shelf. */
import type { Order } from '../../models/order.ts';
import type { Shipment } from '../../models/shipment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import type { LocalSteps } from '../../workflows/activities.ts';
import { type Cancellable, chooseUnits, type LineCancellation, withLess } from '../../workflows/domain/line-cancels.ts';
import { amountDue } from '../../workflows/domain/sales.ts';
import { changeStock } from './ledger.ts';
import { sumOf } from './shipments.ts';
import { type Allocation, allocationsOf, isOpen, type Work } from './work.ts';

/**
 * All of it, or nothing. Of the shipments named only, in their order: the workflow says which of them nobody hands over at
 * this moment. Again under its id it changes nothing.
 */
export function cancelLines(
  mongo: Mongo,
  { orderId, cancelId, lines, from, actor, reason }: Parameters<LocalSteps['cancelLines']>[0],
): Promise<LineCancellation> {
  return changeStock(mongo, {
    orderIds: [orderId],
    documents: from.map((shipmentId) => ['shipments', shipmentId] as const),
    make(work): LineCancellation {
      const order = work.orders[0]!;
      const known = order.cancellations?.find(({ id }) => id === cancelId);
      if (known) return known.outcome;
      const allocations = allocationsOf(order).filter((each) => isOpen(each) && from.includes(each.shipmentId));
      const chosen = chooseUnits(
        lines,
        allocations.map((each) => cancellable(work.document('shipments', each.shipmentId), each)),
        from,
      );
      if (!chosen.ok) return { outcome: 'refused', why: whyNot(order, chosen) };

      const shipments = [...new Set(chosen.units.map(({ shipmentId }) => shipmentId))].map((shipmentId) => {
        const units = chosen.units.filter((each) => each.shipmentId === shipmentId);
        const isLast = sumOf(units) === sumOf(allocations.filter((each) => each.shipmentId === shipmentId));
        return takeFrom(work, shipmentId, units, allocations, isLast);
      });
      for (const unit of chosen.units) release(order, allocationOf(allocations, unit), unit.quantity);
      const due = amountDue(order);
      const isNothingLeft = !allocationsOf(order).some((each) => isOpen(each) || each.state === 'shipped');
      const outcome = { outcome: 'cancelled' as const, shipments, amountDue: due, isNothingLeft };
      const cancellation = { id: cancelId, at: new Date(), actor, reason, lines: [...lines], outcome };
      work.write(order, { cancellations: [...(order.cancellations ?? []), cancellation] });
      payLess(work, order, due);
      return outcome;
    },
  });
}

/** What a picker did not find is somebody's to decide about first. */
function cancellable(shipment: Shipment | undefined, { lineId, shipmentId, quantity }: Allocation): Cancellable {
  const line = shipment?.lines.find((each) => each.lineId === lineId);
  const isMissing = line?.state === 'short' && !shipment?.shortSettled;
  return { lineId, shipmentId, quantity: isMissing ? Math.min(quantity, line.picked) : quantity };
}

function whyNot({ lines }: Order, { lineId, left }: { lineId: string; left: number }): string {
  if (!lines.some((line) => line.lineId === lineId)) return `The order has no line ${lineId}`;
  return `Of line ${lineId} ${left} can be cancelled: the others are handed over, given up before, or not found`;
}

function takeFrom(
  work: Work,
  shipmentId: string,
  units: readonly Cancellable[],
  allocations: readonly Allocation[],
  isLast: boolean,
): Extract<LineCancellation, { outcome: 'cancelled' }>['shipments'][number] {
  const shipment = work.document('shipments', shipmentId);
  if (isLast || !shipment) {
    // Its box is put back as it is.
    if (shipment) work.put('shipments', { ...shipment, cancelledAt: new Date() });
    return { shipmentId, left: isLast ? 'nothing' : 'less' };
  }
  const less = withoutUnits(shipment, units, allocations);
  const isClosed = less.pickedAt === undefined && less.lines.every(({ state }) => state !== 'pending');
  if (isClosed) less.pickedAt = new Date();
  // It is packed anew, and its labels are of no use.
  if (less.parcels) {
    less.unpacked = [...(less.unpacked ?? []), ...less.parcels];
    delete less.parcels;
    delete less.labelRequestedAt;
  }
  work.put('shipments', less);
  const short = less.lines.some(({ state }) => state === 'short');
  return { shipmentId, left: 'less', changes: less.changes!, ...(isClosed && { closed: { short } }) };
}

function withoutUnits(shipment: Shipment, units: readonly Cancellable[], allocations: readonly Allocation[]): Shipment {
  const putBack = [...(shipment.putBack ?? [])];
  const lines = shipment.lines.map((line) => {
    const unit = units.find(({ lineId }) => lineId === line.lineId);
    if (!unit) return line;
    const less = withLess(line, unit.quantity, cancellable(shipment, allocationOf(allocations, unit)).quantity);
    const { lineId, sku, name, bin } = line;
    if (less.putBack > 0) putBack.push({ lineId, sku, name, quantity: less.putBack, ...(bin && { bin }) });
    return less.line;
  });
  return {
    ...shipment,
    lines: lines.filter(({ quantity }) => quantity > 0),
    units: shipment.units - sumOf(units),
    changes: (shipment.changes ?? 0) + 1,
    ...(putBack.length > 0 && { putBack }),
  };
}

function allocationOf(allocations: readonly Allocation[], { lineId, shipmentId }: Cancellable): Allocation {
  return allocations.find((each) => each.lineId === lineId && each.shipmentId === shipmentId)!;
}

function release({ lines }: Order, allocation: Allocation, quantity: number): void {
  const line = lines.find(({ lineId }) => lineId === allocation.lineId)!;
  allocation.quantity -= quantity;
  line.allocations.push({ ...allocation, quantity, state: 'released' });
  line.allocations = line.allocations.filter((each) => each.quantity > 0);
}

/** What is not authorized yet is authorized for less. What is already, is captured for less. */
function payLess(work: Work, { _id: orderId, credit = 0 }: Order, due: number): void {
  const unpaid = { orderId, intentId: { $exists: false }, closedAt: { $exists: false } };
  work.also('payments', {
    updateOne: { filter: unpaid, update: { $set: { amountDue: Math.max(0, due - credit) } } },
  });
}
