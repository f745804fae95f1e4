/**
 * The steps of an order's claim on stock: reserved while unpaid, committed once paid, shipped or given back. The order's
 * own lines are the claim; each step is one change of claims.ts, and does nothing where it was done before.
 */
import { ApplicationFailure } from '@temporalio/common';
import { newId } from '../models/id.ts';
import type { LineAllocation, Order } from '../models/order.ts';
import type { Payment } from '../models/payment.ts';
import type { Mongo } from '../platform/mongo.ts';
import type { LocalSteps, NewShipment, Reservation, Saved } from '../workflows/activities.ts';
import { type Allocation, allocate, type Demand, type Shortage, type Supply } from '../workflows/domain/allocation.ts';
import { failures } from '../workflows/domain/failures.ts';
import { limits } from '../workflows/domain/limits.ts';
import { shareOfLine } from '../workflows/domain/money.ts';
import { changeClaim, type Work } from './claims.ts';
import { broken } from './failure.ts';
import { fieldsToSave, mailOperations } from './orders.ts';

/** Chooses the order's warehouses, reserves in them and writes the lines: all of it, or nothing. */
export function reserveStock(mongo: Mongo, saved: Saved): Promise<Reservation> {
  return changeClaim(mongo, {
    orderId: saved.state.orderId,
    make(work): Reservation {
      const { order } = work;
      if (order.releasedAt) return { outcome: 'undone' };
      if (claimsOf(order).length > 0) return reserved(order);
      if (order.shortages) return { outcome: 'out_of_stock', shortages: order.shortages };

      const supplies = work.supplies(order.lines.map(({ sku }) => sku));
      const result = allocate(order.lines, supplies, order.shipTo);
      if (!result.ok) {
        if (order.reshipOf !== undefined) throw outOfStock(result.shortages);
        work.write({ shortages: result.shortages });
        return { outcome: 'out_of_stock', shortages: result.shortages };
      }
      const shipmentIds = new Map(result.allocations.map(({ warehouseId }) => [warehouseId, newId('shp')]));
      for (const { lineId, warehouseId, quantity } of result.allocations) {
        const line = order.lines.find((each) => each.lineId === lineId)!;
        const shipmentId = shipmentIds.get(warehouseId)!;
        line.allocations.push({ shipmentId, warehouseId, quantity, state: 'reserved' });
      }
      work.count(result.allocations, { reserved: 1 });
      work.write(fieldsToSave(order, saved));
      if (order.reshipOf === undefined) work.also('payments', { insertOne: { document: newPayment(order) } });
      return reserved(order);
    },
  });
}

function newPayment({ _id: orderId, currency, total, paymentMethod }: Order): Payment {
  return {
    _id: newId('pay'),
    orderId,
    currency,
    amountDue: total,
    ...(paymentMethod !== undefined && { method: paymentMethod }),
    status: 'none',
    serverErrors: 0,
    attempts: [],
    authorized: 0,
    captured: 0,
    refunded: 0,
    refundPending: 0,
    risky: false,
    ledger: [],
  };
}

function reserved(order: Order): Reservation {
  return {
    outcome: 'reserved',
    currency: order.currency,
    amountDue: order.total,
    shipments: shipmentsOf(order.lines.flatMap((line) => line.allocations)),
  };
}

/**
 * What was held for an unpaid order is owed to a paid one: each warehouse gets its shipment to pick. Shipments of
 * warehouses that were switched off meanwhile are sent by others, where these have all of it.
 */
export function commitStock(mongo: Mongo, saved: Saved): Promise<{ shipments: NewShipment[] }> {
  return changeClaim(mongo, {
    orderId: saved.state.orderId,
    make(work) {
      const { order } = work;
      const claims = claimsOf(order).filter(({ state }) => state === 'reserved');
      if (!order.committedAt) {
        work.count(claims, { reserved: -1, committed: 1 });
        for (const claim of claims) claim.state = 'committed';
        for (const shipment of shipmentsOf(claims)) if (!work.isActive(shipment.warehouseId)) moveAll(work, shipment);
        insertShipments(work, shipmentsOf(claimsOf(order).filter(isOpen)));
      }
      work.write({ committedAt: order.committedAt ?? new Date(), ...fieldsToSave(order, saved) });
      queueMails(work, saved);
      return { shipments: shipmentsOf(claimsOf(order).filter(isOpen)) };
    },
  });
}

/** Gives a whole shipment to other warehouses; where these have not all of it, it stays where it is. */
function moveAll(work: Work, { shipmentId, warehouseId }: NewShipment): void {
  const { order } = work;
  const units = claimsOf(order)
    .filter((claim) => claim.shipmentId === shipmentId)
    .map(({ lineId, sku, quantity }) => ({ lineId, sku, quantity }));
  const supplies = work.supplies(units.map(({ sku }) => sku));
  const result = allocate(units, supplies, order.shipTo);
  if (result.ok) move(work, { shipmentId, warehouseId }, units, result.allocations);
}

/** Leaves a tombstone, so that a reservation that comes later does nothing. */
export function releaseStock(mongo: Mongo, { orderId }: { orderId: string }): Promise<void> {
  return changeClaim(mongo, {
    orderId,
    make(work) {
      const open = claimsOf(work.order).filter(isOpen);
      giveBack(work, open);
      work.write({ releasedAt: work.order.releasedAt ?? new Date() });
      closePickLists(work, [...new Set(open.map(({ shipmentId }) => shipmentId))]);
    },
  });
}

export function releaseShipment(
  mongo: Mongo,
  { orderId, shipmentId }: { orderId: string; shipmentId: string },
): Promise<{ amountDue: number }> {
  return changeClaim(mongo, {
    orderId,
    make(work) {
      const claims = claimsOf(work.order).filter((claim) => claim.shipmentId === shipmentId);
      giveBack(work, claims.filter(isOpen));
      for (const claim of claims) if (claim.state === 'shipped') claim.state = 'lost';
      work.write();
      closePickLists(work, [shipmentId]);
      return { amountDue: amountDue(work.order) };
    },
  });
}

type SettledShortPick = Awaited<ReturnType<LocalSteps['settleShortPick']>>;

/** What could not be picked goes to other warehouses as far as they have it; the rest is cancelled. */
export function settleShortPick(
  mongo: Mongo,
  { orderId, shipmentId }: { orderId: string; shipmentId: string },
): Promise<SettledShortPick> {
  return changeClaim(mongo, {
    orderId,
    shipmentId,
    make(work): SettledShortPick {
      const { order, pickList } = work;
      if (!pickList) throw broken(`There is no shipment ${shipmentId}`);
      if (pickList.shortSettled) return { ...pickList.shortSettled, amountDue: amountDue(order) };

      const shorts = pickList.lines
        .map((line) => ({ lineId: line.lineId, sku: line.sku, quantity: line.quantity - line.picked }))
        .filter((line) => line.quantity > 0);
      const moved = moveElsewhere(work, { shipmentId, warehouseId: pickList.warehouseId }, shorts);
      const settled = {
        short: shorts.reduce((sum, line) => sum + line.quantity, 0),
        moved,
        empty: pickList.lines.every((line) => line.picked === 0),
      };
      pickList.shortSettled = settled;
      const close = settled.empty ? { cancelledAt: new Date() } : {};
      work.also('shipments', {
        updateOne: { filter: { _id: shipmentId }, update: { $set: { shortSettled: settled, ...close } } },
      });
      return { ...settled, amountDue: amountDue(order) };
    },
  });
}

/** Takes units from a shipment: other warehouses send them as far as they have them, the rest is given up. */
function moveElsewhere(work: Work, from: NewShipment, units: readonly Demand[]): NewShipment[] {
  const { order } = work;
  const supplies = work
    .supplies(units.map(({ sku }) => sku))
    .filter((supply) => supply.warehouseId !== from.warehouseId);
  const mayMove = shipmentsOf(claimsOf(order)).length + supplies.length <= limits.shipments;
  const result = allocate(mayMove ? capped(units, supplies) : [], supplies, order.shipTo);
  const moved = move(work, from, units, result.ok ? result.allocations : []);
  insertShipments(work, moved);
  return moved;
}

/** Moves committed units of a shipment to new ones as `moves` says; what it does not say is given up. */
function move(work: Work, from: NewShipment, units: readonly Demand[], moves: readonly Allocation[]): NewShipment[] {
  const shipmentIds = new Map(moves.map(({ warehouseId }) => [warehouseId, newId('shp')]));
  for (const { lineId, quantity } of units) {
    const line = work.order.lines.find((each) => each.lineId === lineId)!;
    const claim = line.allocations.find((each) => each.shipmentId === from.shipmentId && isOpen(each))!;
    claim.quantity -= quantity;
    let givenUp = quantity;
    for (const each of moves.filter((candidate) => candidate.lineId === lineId)) {
      line.allocations.push({
        shipmentId: shipmentIds.get(each.warehouseId)!,
        warehouseId: each.warehouseId,
        quantity: each.quantity,
        state: 'committed',
      });
      givenUp -= each.quantity;
    }
    if (givenUp > 0) line.allocations.push({ ...claim, quantity: givenUp, state: 'released' });
    line.allocations = line.allocations.filter((each) => each.quantity > 0);
  }
  const left = units.map(({ sku, quantity }) => ({ sku, warehouseId: from.warehouseId, quantity }));
  work.count(left, { committed: -1 });
  work.count(moves, { committed: 1 });
  work.write();
  return [...shipmentIds].map(([warehouseId, shipmentId]) => ({ shipmentId, warehouseId }));
}

/** The hand-over: the goods leave the building, and are owed no more. */
export function shipStock(
  mongo: Mongo,
  { shipmentId, actor, ...saved }: Saved & { shipmentId: string; actor: string },
): Promise<void> {
  return changeClaim(mongo, {
    orderId: saved.state.orderId,
    make(work) {
      const { order } = work;
      const leaving = claimsOf(order).filter((claim) => claim.shipmentId === shipmentId && isOpen(claim));
      for (const claim of leaving) {
        const { sku, warehouseId, quantity, lineId } = claim;
        const key = `ship:${shipmentId}:${lineId}`;
        const change = { onHandChange: -quantity, damagedChange: 0, reason: 'handed over', reference: shipmentId };
        work.ship({ key, sku, warehouseId, kind: 'ship', actor, ...change });
        claim.state = 'shipped';
      }
      work.write(fieldsToSave(order, saved));
      queueMails(work, saved);
      work.also('shipments', {
        updateOne: {
          filter: { _id: shipmentId, handedOverAt: { $exists: false } },
          update: { $set: { handedOverAt: new Date() } },
        },
      });
    },
  });
}

/** Minor units: what the units that are still meant to arrive cost. */
export function amountDue(order: Pick<Order, 'lines'>): number {
  return order.lines.reduce((sum, line) => {
    const kept = line.allocations
      .filter(({ state }) => state !== 'released' && state !== 'lost')
      .reduce((units, { quantity }) => units + quantity, 0);
    return sum + shareOfLine(line.total, line.quantity, 0, kept);
  }, 0);
}

// ---- What the steps above share ----

/** An allocation beside the line that it belongs to. Changing it changes the order's line. */
type Claim = LineAllocation & { sku: string; lineId: string };

function claimsOf(order: Order): Claim[] {
  return order.lines.flatMap((line) =>
    line.allocations.map((allocation) => Object.assign(allocation, { sku: line.sku, lineId: line.lineId })),
  );
}

function isOpen({ state }: LineAllocation): boolean {
  return state === 'reserved' || state === 'committed';
}

function giveBack(work: Work, claims: readonly Claim[]): void {
  for (const state of ['reserved', 'committed'] as const) {
    work.count(
      claims.filter((claim) => claim.state === state),
      { [state]: -1 },
    );
  }
  for (const claim of claims) claim.state = 'released';
}

function capped(
  demand: readonly { lineId: string; sku: string; quantity: number }[],
  supplies: readonly Supply[],
): { lineId: string; sku: string; quantity: number }[] {
  const left = new Map<string, number>();
  for (const { offered } of supplies) {
    for (const [sku, quantity] of Object.entries(offered)) left.set(sku, (left.get(sku) ?? 0) + quantity);
  }
  return demand.map((line) => {
    const quantity = Math.min(line.quantity, left.get(line.sku) ?? 0);
    left.set(line.sku, (left.get(line.sku) ?? 0) - quantity);
    return { ...line, quantity };
  });
}

function shipmentsOf(claims: readonly LineAllocation[]): NewShipment[] {
  return [...new Map(claims.map(({ shipmentId, warehouseId }) => [shipmentId, { shipmentId, warehouseId }])).values()];
}

function insertShipments(work: Work, shipments: readonly NewShipment[]): void {
  const { order } = work;
  for (const { shipmentId, warehouseId } of shipments) {
    const lines = order.lines.flatMap(({ lineId, sku, name, allocations }) =>
      allocations
        .filter((allocation) => allocation.shipmentId === shipmentId)
        .map(({ quantity }) => ({ lineId, sku, name, quantity, picked: 0, state: 'pending' as const })),
    );
    const document = { _id: shipmentId, orderId: order._id, warehouseId, createdAt: new Date(), lines, scanIds: [] };
    work.also('shipments', { insertOne: { document } });
  }
}

function closePickLists(work: Work, shipmentIds: readonly string[]): void {
  const filter = { _id: { $in: [...shipmentIds] }, handedOverAt: { $exists: false }, cancelledAt: { $exists: false } };
  work.also('shipments', { updateMany: { filter, update: { $set: { cancelledAt: new Date() } } } });
}

function queueMails(work: Work, { state, mails }: Saved): void {
  for (const operation of mailOperations(state.orderId, mails)) work.also('mails', operation);
}

/** A reship was paid long ago: it cannot be rejected as an order that nobody has paid. */
function outOfStock(shortages: readonly Shortage[]): ApplicationFailure {
  const what = shortages.map(({ sku, requested, available }) => `${requested} of ${sku}, ${available} are there`);
  return ApplicationFailure.nonRetryable(`To be sent again: ${what.join('; ')}`, failures.outOfStock);
}
