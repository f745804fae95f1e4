/**
 * An order's claim on stock: reserved while unpaid, committed once paid, shipped or given back. The order's own lines
 * are the claim; the counters on the stock change in the transaction that writes them.
 */
import { ApplicationFailure } from '@temporalio/common';
import type { ClientSession } from 'mongoose';
import { newId } from '../models/id.ts';
import type { LineAllocation, Order } from '../models/order.ts';
import { stockId } from '../models/stock.ts';
import { inTransaction, type Mongo } from '../platform/mongo.ts';
import type { LocalSteps, NewShipment, Reservation, Saved } from '../workflows/activities.ts';
import { allocate, type Shortage, type Supply } from '../workflows/domain/allocation.ts';
import { failures } from '../workflows/domain/failures.ts';
import { limits } from '../workflows/domain/limits.ts';
import { shareOfLine } from '../workflows/domain/money.ts';
import { type PricedProduct, price } from '../workflows/domain/pricing.ts';
import { postMovement } from './inventory.ts';
import { fieldsToSave, queueMails } from './orders.ts';
import { withSkus } from './stock-lock.ts';

/** Prices the order, chooses its warehouses, reserves in them and writes the lines: all of it, or nothing. */
export function reserveStock(mongo: Mongo, saved: Saved): Promise<Reservation> {
  return changeClaim(mongo, saved.state.orderId, async (order, session) => {
    if (order.releasedAt) return { outcome: 'undone' };
    if (order.lines.length > 0) return reserved(order);
    if (order.shortages) return { outcome: 'out_of_stock', shortages: order.shortages };

    const skus = order.items.map((item) => item.sku);
    const priced = price(order.items, await readProducts(mongo, skus), order.currency);
    const result = allocate(priced.lines, await readSupplies(mongo, session, skus), order.shipTo);
    if (!result.ok) {
      if (order.reshipOf !== undefined) throw outOfStock(result.shortages);
      await writeLines(mongo, session, order, { shortages: result.shortages });
      return { outcome: 'out_of_stock', shortages: result.shortages };
    }
    const shipmentIds = new Map(result.allocations.map(({ warehouseId }) => [warehouseId, newId('shp')]));
    const free = order.reshipOf !== undefined;
    order.lines = priced.lines.map((line) => ({
      ...line,
      ...(free && { unitPrice: 0, total: 0 }),
      allocations: result.allocations
        .filter((allocation) => allocation.lineId === line.lineId)
        .map(({ warehouseId, quantity }) => ({
          shipmentId: shipmentIds.get(warehouseId)!,
          warehouseId,
          quantity,
          state: 'reserved',
        })),
    }));
    order.total = free ? 0 : priced.total;
    await changeCounters(mongo, session, result.allocations, { reserved: 1 });
    await writeLines(mongo, session, order, { total: order.total, ...fieldsToSave(order, saved) });
    if (!free) await openPayment(mongo, session, order);
    return reserved(order);
  });
}

async function openPayment({ models }: Mongo, session: ClientSession, order: Order): Promise<void> {
  const payment = {
    _id: newId('pay'),
    orderId: order._id,
    currency: order.currency,
    amountDue: order.total,
    method: order.paymentMethod,
    status: 'none' as const,
  };
  await models.payments.create([payment], { session });
}

function reserved(order: Order): Reservation {
  return {
    outcome: 'reserved',
    currency: order.currency,
    amountDue: order.total,
    shipments: shipmentsOf(order.lines.flatMap((line) => line.allocations)),
  };
}

/** What was held for an unpaid order is owed to a paid one: each warehouse gets its shipment to pick. */
export async function commitStock(mongo: Mongo, saved: Saved): Promise<void> {
  await changeClaim(mongo, saved.state.orderId, async (order, session) => {
    if (!order.committedAt) {
      const allocations = allocationsOf(order).filter(({ state }) => state === 'reserved');
      await changeCounters(mongo, session, allocations, { reserved: -1, committed: 1 });
      for (const allocation of allocations) allocation.state = 'committed';
      await writeLines(mongo, session, order, { committedAt: new Date(), ...fieldsToSave(order, saved) });
      await insertShipments(mongo, session, order, shipmentsOf(allocations));
    } else {
      await writeLines(mongo, session, order, fieldsToSave(order, saved));
    }
    await queueMails(mongo, order._id, saved.mails, session);
  });
}

/** Leaves a tombstone, so that a reservation that comes later does nothing. */
export async function releaseStock(mongo: Mongo, { orderId }: { orderId: string }): Promise<void> {
  await changeClaim(mongo, orderId, async (order, session) => {
    const open = allocationsOf(order).filter(isOpen);
    await giveBack(mongo, session, open);
    await writeLines(mongo, session, order, { releasedAt: order.releasedAt ?? new Date() });
    await closePickLists(mongo, session, [...new Set(open.map(({ shipmentId }) => shipmentId))]);
  });
}

export function releaseShipment(
  mongo: Mongo,
  { orderId, shipmentId }: { orderId: string; shipmentId: string },
): Promise<{ amountDue: number }> {
  return changeClaim(mongo, orderId, async (order, session) => {
    const allocations = allocationsOf(order).filter((allocation) => allocation.shipmentId === shipmentId);
    await giveBack(mongo, session, allocations.filter(isOpen));
    for (const allocation of allocations) if (allocation.state === 'shipped') allocation.state = 'lost';
    await writeLines(mongo, session, order);
    await closePickLists(mongo, session, [shipmentId]);
    return { amountDue: amountDue(order) };
  });
}

/** What could not be picked goes to other warehouses as far as they have it; the rest is cancelled. */
export function settleShortPick(
  mongo: Mongo,
  { orderId, shipmentId }: { orderId: string; shipmentId: string },
): ReturnType<LocalSteps['settleShortPick']> {
  const { models } = mongo;
  return changeClaim(mongo, orderId, async (order, session) => {
    const shipment = await models.shipments.findById(shipmentId).session(session).lean();
    if (!shipment) throw broken(`There is no shipment ${shipmentId}`);
    if (shipment.shortSettled) return { ...shipment.shortSettled, amountDue: amountDue(order) };

    const shorts = shipment.lines
      .map((line) => ({ lineId: line.lineId, sku: line.sku, quantity: line.quantity - line.picked }))
      .filter((line) => line.quantity > 0);
    const supplies = (
      await readSupplies(
        mongo,
        session,
        shorts.map((line) => line.sku),
      )
    ).filter((supply) => supply.warehouseId !== shipment.warehouseId);
    const mayMove = shipmentsOf(allocationsOf(order)).length + supplies.length <= limits.shipments;
    const result = allocate(mayMove ? capped(shorts, supplies) : [], supplies, order.shipTo);
    const moves = result.ok ? result.allocations : [];
    const shipmentIds = new Map(moves.map(({ warehouseId }) => [warehouseId, newId('shp')]));

    for (const short of shorts) {
      const line = order.lines.find(({ lineId }) => lineId === short.lineId)!;
      const from = line.allocations.find((allocation) => allocation.shipmentId === shipmentId && isOpen(allocation))!;
      from.quantity -= short.quantity;
      const here = { sku: short.sku, warehouseId: shipment.warehouseId, quantity: short.quantity };
      await changeCounters(mongo, session, [here], { committed: -1 });
      let cancelled = short.quantity;
      for (const move of moves.filter(({ lineId }) => lineId === short.lineId)) {
        line.allocations.push({
          shipmentId: shipmentIds.get(move.warehouseId)!,
          warehouseId: move.warehouseId,
          quantity: move.quantity,
          state: 'committed',
        });
        cancelled -= move.quantity;
      }
      if (cancelled > 0) line.allocations.push({ ...from, quantity: cancelled, state: 'released' });
      line.allocations = line.allocations.filter(({ quantity }) => quantity > 0);
    }
    await changeCounters(mongo, session, moves, { committed: 1 });
    await writeLines(mongo, session, order);
    const moved = [...shipmentIds].map(([warehouseId, id]) => ({ shipmentId: id, warehouseId }));
    await insertShipments(mongo, session, order, moved);
    const settled = {
      short: shorts.reduce((sum, line) => sum + line.quantity, 0),
      moved,
      empty: shipment.lines.every((line) => line.picked === 0),
    };
    const close = settled.empty ? { cancelledAt: new Date() } : {};
    await models.shipments.updateOne({ _id: shipmentId }, { $set: { shortSettled: settled, ...close } }, { session });
    return { ...settled, amountDue: amountDue(order) };
  });
}

/** The hand-over: the goods leave the building, and are owed no more. */
export async function shipStock(
  mongo: Mongo,
  { shipmentId, actor, ...saved }: Saved & { shipmentId: string; actor: string },
): Promise<void> {
  await changeClaim(mongo, saved.state.orderId, async (order, session) => {
    const leaving = allocationsOf(order).filter((allocation) => allocation.shipmentId === shipmentId);
    for (const allocation of leaving.filter(isOpen)) {
      const { sku, warehouseId, quantity, lineId } = allocation;
      await postMovement(
        mongo,
        session,
        {
          key: `ship:${shipmentId}:${lineId}`,
          sku,
          warehouseId,
          kind: 'ship',
          onHandChange: -quantity,
          damagedChange: 0,
          actor,
          reason: 'handed over',
          reference: shipmentId,
        },
        -quantity,
      );
      allocation.state = 'shipped';
    }
    await writeLines(mongo, session, order, fieldsToSave(order, saved));
    await queueMails(mongo, order._id, saved.mails, session);
    await mongo.models.shipments.updateOne(
      { _id: shipmentId, handedOverAt: null },
      { $set: { handedOverAt: new Date() } },
      { session },
    );
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

/** The claim itself, beside the line that it belongs to. Changing it changes the order's line. */
type Claim = LineAllocation & { sku: string; lineId: string };

/**
 * Reads the order, changes its claim, and writes both in one transaction. The order is read before the transaction;
 * `claimRev` tells whether it was changed meanwhile, and then all of it is done anew.
 */
async function changeClaim<T>(
  mongo: Mongo,
  orderId: string,
  change: (order: Order, session: ClientSession) => Promise<T>,
): Promise<T> {
  for (;;) {
    const order = await readOrder(mongo, orderId);
    const skus = order.items.map((item) => item.sku);
    try {
      return await withSkus(skus, () => inTransaction(mongo, (session) => change(structuredClone(order), session)));
    } catch (error) {
      if (!(error instanceof ClaimChanged)) throw error;
    }
  }
}

/** The order's claim was changed by another step between our reading and our writing it. */
class ClaimChanged extends Error {}

async function readOrder({ models }: Mongo, orderId: string): Promise<Order> {
  const order = await models.orders.findById(orderId).lean();
  if (!order) throw broken(`There is no order ${orderId}`);
  return order;
}

function allocationsOf(order: Order): Claim[] {
  return order.lines.flatMap((line) =>
    line.allocations.map((allocation) => Object.assign(allocation, { sku: line.sku, lineId: line.lineId })),
  );
}

function isOpen({ state }: LineAllocation): boolean {
  return state === 'reserved' || state === 'committed';
}

async function giveBack(mongo: Mongo, session: ClientSession, claims: Claim[]): Promise<void> {
  for (const state of ['reserved', 'committed'] as const) {
    await changeCounters(
      mongo,
      session,
      claims.filter((claim) => claim.state === state),
      { [state]: -1 },
    );
  }
  for (const claim of claims) claim.state = 'released';
}

async function writeLines(
  mongo: Mongo,
  session: ClientSession,
  order: Order,
  more: Partial<Order> = {},
): Promise<void> {
  const lines = order.lines.map((line) => ({
    ...line,
    allocations: line.allocations.map(({ shipmentId, warehouseId, quantity, state }) => ({
      shipmentId,
      warehouseId,
      quantity,
      state,
    })),
  }));
  const { claimRev } = order;
  const written = await mongo.models.orders.updateOne(
    { _id: order._id, claimRev },
    { $set: { lines, ...more, claimRev: claimRev + 1 } },
    { session },
  );
  if (written.matchedCount === 0) throw new ClaimChanged(`The claim of ${order._id} was changed meanwhile`);
}

async function changeCounters(
  { models }: Mongo,
  session: ClientSession,
  units: readonly { sku: string; warehouseId: string; quantity: number }[],
  signs: { reserved?: 1 | -1; committed?: 1 | -1 },
): Promise<void> {
  if (units.length === 0) return;
  const result = await models.stock.bulkWrite(
    units.map(({ sku, warehouseId, quantity }) => ({
      updateOne: {
        filter: { _id: stockId(sku, warehouseId) },
        update: { $inc: { reserved: (signs.reserved ?? 0) * quantity, committed: (signs.committed ?? 0) * quantity } },
      },
    })),
    { session },
  );
  if (result.matchedCount !== units.length) throw broken(`Stock records are missing for ${JSON.stringify(units)}`);
}

async function readProducts({ models }: Mongo, skus: readonly string[]): Promise<Map<string, PricedProduct>> {
  const products = await models.products.find({ _id: { $in: [...new Set(skus)] } }).lean();
  return new Map(products.map((product) => [product._id, { ...product, sku: product._id }]));
}

/** What the active warehouses offer: read in the transaction, so that a change by anyone else is a write conflict. */
async function readSupplies({ models }: Mongo, session: ClientSession, skus: readonly string[]): Promise<Supply[]> {
  const warehouses = await models.warehouses.find({ active: true }).session(session).lean();
  const stock = await models.stock
    .find({ sku: { $in: [...new Set(skus)] } })
    .session(session)
    .lean();
  return warehouses.map((warehouse) => ({
    warehouseId: warehouse._id,
    country: warehouse.address.country,
    region: warehouse.address.region,
    priority: warehouse.priority,
    offered: Object.fromEntries(
      stock
        .filter(({ warehouseId }) => warehouseId === warehouse._id)
        .map((item) => [
          item.sku,
          Math.max(0, item.onHand - item.damaged - item.reserved - item.committed - item.safetyStock),
        ]),
    ),
  }));
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

async function insertShipments(
  { models }: Mongo,
  session: ClientSession,
  order: Order,
  shipments: readonly NewShipment[],
): Promise<void> {
  if (shipments.length === 0) return;
  await models.shipments.create(
    shipments.map(({ shipmentId, warehouseId }) => ({
      _id: shipmentId,
      orderId: order._id,
      warehouseId,
      createdAt: new Date(),
      lines: order.lines.flatMap((line) =>
        line.allocations
          .filter((allocation) => allocation.shipmentId === shipmentId)
          .map(({ quantity }) => ({
            lineId: line.lineId,
            sku: line.sku,
            name: line.name,
            quantity,
            picked: 0,
            state: 'pending' as const,
          })),
      ),
    })),
    { session, ordered: true },
  );
}

async function closePickLists({ models }: Mongo, session: ClientSession, shipmentIds: string[]): Promise<void> {
  await models.shipments.updateMany(
    { _id: { $in: shipmentIds }, handedOverAt: null, cancelledAt: null },
    { $set: { cancelledAt: new Date() } },
    { session },
  );
}

/** A reship was paid long ago: it cannot be rejected as an order that nobody has paid. */
function outOfStock(shortages: readonly Shortage[]): ApplicationFailure {
  const what = shortages.map(({ sku, requested, available }) => `${requested} of ${sku}, ${available} are there`);
  return ApplicationFailure.nonRetryable(`To be sent again: ${what.join('; ')}`, failures.outOfStock);
}

function broken(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, failures.recordBroken);
}
