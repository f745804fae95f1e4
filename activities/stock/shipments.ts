/** Which warehouses send an order: the shipments that are made for it, and units that others take over. */
import { newId } from '../../models/id.ts';
import type { LineAllocation, Order } from '../../models/order.ts';
import type { NewShipment } from '../../workflows/activities.ts';
import { type Allocation, type Demand, takeWhatIsThere } from '../../workflows/domain/allocation.ts';
import { defaultCalendar, dispatchBy } from '../../workflows/domain/calendar.ts';
import { limits } from '../../workflows/domain/limits.ts';
import { allocationsOf, isOpen, type Work } from './work.ts';

/** From a date's midnight in UTC until the date is over everywhere on earth. */
const endOfDateMs = 36 * 3_600_000;

export function insertShipments(work: Work, order: Order, shipments: readonly NewShipment[]): void {
  for (const { shipmentId, warehouseId } of shipments) {
    const lines = order.lines.flatMap(({ lineId, sku, name, allocations }) =>
      allocations
        .filter((allocation) => allocation.shipmentId === shipmentId && isOpen(allocation))
        .map(({ quantity }) => {
          const bin = work.stock(sku, warehouseId)?.bins?.[0];
          return { lineId, sku, name, quantity, picked: 0, ...(bin && { bin }), state: 'pending' as const };
        }),
    );
    const { shipping, shipTo } = order;
    const grams = lines.reduce((sum, { lineId, quantity }) => {
      return sum + quantity * order.lines.find((line) => line.lineId === lineId)!.weightGrams;
    }, 0);
    const calendar = work.warehouse(warehouseId)?.calendar ?? defaultCalendar;
    work.put('shipments', {
      ...{ _id: shipmentId, orderId: order._id, warehouseId, createdAt: new Date(), lines, grams },
      units: sumOf(lines),
      to: { country: shipTo.country, ...(shipTo.region !== undefined && { region: shipTo.region }) },
      ...(shipping && {
        ...{ deliveryMethod: shipping.method, promisedBy: shipping.promisedBy },
        lateFrom: new Date(Date.parse(shipping.promisedBy) + endOfDateMs),
      }),
      // What comes later than it was promised is in a hurry.
      dispatchBy: shipping?.dispatchBy ? new Date(shipping.dispatchBy) : dispatchBy(calendar, new Date()),
      priority: 0,
      pickListId: null,
    });
  }
}

/** What of the order is still to be sent, whether it is there or not. */
export function openShipments(order: Pick<Order, 'lines'>): NewShipment[] {
  return shipmentsOf(allocationsOf(order).filter(isOpen));
}

export function shipmentsOf(allocations: readonly LineAllocation[]): NewShipment[] {
  return [
    ...new Map(allocations.map(({ shipmentId, warehouseId }) => [shipmentId, { shipmentId, warehouseId }])).values(),
  ];
}

/**
 * Takes units from a shipment: other warehouses send them as far as they have them, the rest is given up or waits. The
 * new shipments get their pick lists.
 */
export function moveElsewhere(
  work: Work,
  order: Order,
  from: NewShipment,
  units: readonly Demand[],
  rest: 'released' | 'backordered',
): NewShipment[] {
  const moved = moveUnits(order, from.shipmentId, units, findElsewhere(work, order, from, units), rest);
  if (order.committedAt) insertShipments(work, order, moved);
  return moved;
}

export function findElsewhere(work: Work, order: Order, from: NewShipment, units: readonly Demand[]): Allocation[] {
  const supplies = work
    .supplies(units.map(({ sku }) => sku))
    .filter((supply) => supply.warehouseId !== from.warehouseId);
  const mayMove = shipmentsOf(allocationsOf(order)).length + supplies.length <= limits.shipments;
  return mayMove ? takeWhatIsThere(units, supplies, order.shipTo) : [];
}

/** Moves units of a shipment to new ones as `moves` says; what it does not say is given up, or waits. */
export function moveUnits(
  order: Order,
  shipmentId: string,
  units: readonly Demand[],
  moves: readonly Allocation[],
  rest: 'released' | 'backordered',
): NewShipment[] {
  const shipmentIds = new Map(moves.map(({ warehouseId }) => [warehouseId, newId('shp')]));
  const waitingId = newId('shp');
  for (const { lineId, quantity } of units) {
    const line = order.lines.find((each) => each.lineId === lineId)!;
    const allocation = line.allocations.find((each) => each.shipmentId === shipmentId && isOpen(each))!;
    allocation.quantity -= quantity;
    let left = quantity;
    for (const each of moves.filter((candidate) => candidate.lineId === lineId)) {
      const { warehouseId } = each;
      const moved = { shipmentId: shipmentIds.get(warehouseId)!, warehouseId, quantity: each.quantity };
      line.allocations.push({ ...moved, state: allocation.state });
      left -= each.quantity;
    }
    if (left > 0 && rest === 'released') line.allocations.push({ ...allocation, quantity: left, state: rest });
    if (left > 0 && rest === 'backordered')
      line.allocations.push({ shipmentId: waitingId, warehouseId: '', quantity: left, state: rest });
    line.allocations = line.allocations.filter((each) => each.quantity > 0);
  }
  return [...shipmentIds].map(([warehouseId, id]) => ({ shipmentId: id, warehouseId }));
}

export function sumOf(units: readonly { quantity: number }[]): number {
  return units.reduce((sum, { quantity }) => sum + quantity, 0);
}
