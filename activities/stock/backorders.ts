/** Goods for who waits for them: first come, first served. */
import { randomUUID } from 'node:crypto';
import { newId } from '../../models/id.ts';
import type { LineAllocation, Order, OrderLine } from '../../models/order.ts';
import type { Backlog } from '../../models/stock.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { takeWhatIsThere } from '../../workflows/domain/allocation.ts';
import { limits } from '../../workflows/domain/limits.ts';
import { offerOf } from './availability.ts';
import { changeStock } from './ledger.ts';
import { insertShipments } from './shipments.ts';
import { allocationsOf, type Work } from './work.ts';

/**
 * Serves the orders that the change sees of the queue, oldest first. Those that got something are told; who waits longer
 * is served by the next batch.
 */
export function fillFromQueue(work: Work, sku: string): void {
  for (const order of work.queue(sku)) if (!fillOrder(work, order, sku)) break;
}

/** False where nothing is left for the next in the queue. */
function fillOrder(work: Work, order: Order, sku: string): boolean {
  const waiting = allocationsOf(order).filter((each) => each.sku === sku && each.state === 'backordered');
  const units = sum(waiting);
  const allocations = takeWhatIsThere(waiting, work.supplies([sku]), order.shipTo);
  if (allocations.length === 0) return waiting.length === 0;

  const warehouseIds = [...new Set(allocations.map((each) => each.warehouseId))];
  const whole = warehouseIds.length === 1 ? sum(allocations) : undefined;
  const filled = new Map(
    warehouseIds.map((id) => [id, shipmentFor(order, waiting[0]!.shipmentId, id, whole)] as const),
  );
  // Past the bound of parcels it waits until one brings all of it, and those behind it go on.
  const shipmentIds = new Set([...allocationsOf(order).map(({ shipmentId }) => shipmentId), ...filled.values()]);
  if (shipmentIds.size > limits.shipments) return true;

  for (const { lineId, warehouseId, quantity } of allocations) {
    const line = order.lines.find((each) => each.lineId === lineId)!;
    const allocation = line.allocations.find(({ state }) => state === 'backordered')!;
    allocation.quantity -= quantity;
    const state = order.committedAt ? 'committed' : 'reserved';
    addAllocation(line, { shipmentId: filled.get(warehouseId)!, warehouseId, quantity, state });
    line.allocations = line.allocations.filter((each) => each.quantity > 0);
  }
  if (order.committedAt)
    insertShipments(
      work,
      order,
      [...filled].map(([warehouseId, shipmentId]) => ({ shipmentId, warehouseId })),
    );
  work.write(order);
  tellOrder(work, order._id);
  return sum(allocations) === units;
}

/** What a parcel has of a line is one allocation: its pick list and its movement know it by the line. */
function addAllocation(line: OrderLine, allocation: LineAllocation): void {
  const known = line.allocations.find(
    ({ shipmentId, state }) => shipmentId === allocation.shipmentId && state === allocation.state,
  );
  if (known) known.quantity += allocation.quantity;
  else line.allocations.push(allocation);
}

function sum(units: readonly { quantity: number }[]): number {
  return units.reduce((total, { quantity }) => total + quantity, 0);
}

/**
 * An order that is not paid yet sends what one warehouse has in one parcel. Of a paid one the other parcels are being
 * picked, so what comes later is a parcel of its own; it keeps its name where it comes as a whole, from one warehouse.
 */
function shipmentFor(order: Order, waitingId: string, warehouseId: string, whole: number | undefined): string {
  const allocations = allocationsOf(order);
  const there = allocations.find((each) => each.state === 'reserved' && each.warehouseId === warehouseId);
  if (there && !order.committedAt) return there.shipmentId;
  const left = allocations.filter((each) => each.shipmentId === waitingId && each.state === 'backordered');
  return sum(left) === whole ? waitingId : newId('shp');
}

/** The order's workflow hears that its allocations were changed from outside. */
export function tellOrder(work: Work, orderId: string): void {
  const now = new Date();
  const event = {
    _id: `stock:${randomUUID()}`,
    source: 'stock' as const,
    type: 'stock.changed',
    payload: { orderId },
    receivedAt: now,
    deliveredAt: null,
    tries: 0,
    nextTryAt: now,
  };
  work.also('inbox', { insertOne: { document: event } });
}

/**
 * What became free by other ways than a movement: a cancellation, a warehouse that was switched on, a queue longer than
 * one transaction. Answers how many transactions served somebody.
 */
export async function fillBackorders(mongo: Mongo): Promise<number> {
  const waiting = await mongo.models.backlogs.find({ units: { $gt: 0 } }).lean<Backlog[]>();
  let served = 0;
  const offers = await Promise.all(waiting.map(({ _id: sku }) => offerOf(mongo, sku)));
  for (const [index, { _id: sku }] of waiting.entries()) {
    // Most wait for what is not there: a look for all of them saves each a transaction.
    if (offers[index]!.units === 0) continue;
    for (;;) {
      const progress = await changeStock(mongo, {
        queues: [sku],
        make(work) {
          const before = work.backlog(sku);
          fillFromQueue(work, sku);
          return work.backlog(sku) < before;
        },
      });
      if (!progress) break;
      served += 1;
    }
  }
  return served;
}
