/**
 * The steps of what an order holds of the stock: reserved while unpaid, committed once paid, shipped or given back. The order's
 * own lines say it; each step is one change of ledger.ts, and does nothing where it was done before.
 */
import { ApplicationFailure } from '@temporalio/common';
import { newId } from '../../models/id.ts';
import type { LineAllocation, Order } from '../../models/order.ts';
import type { Payment } from '../../models/payment.ts';
import type { FulfilmentRules } from '../../models/store.ts';
import type { Mongo } from '../../platform/mongo.ts';
import type { Holdings, LocalSteps, NewShipment, ParcelIds, Reservation, Saved } from '../../workflows/activities.ts';
import { allocate, reserveOrWait, type Shortage } from '../../workflows/domain/allocation.ts';
import { failures } from '../../workflows/domain/failures.ts';
import { amountDue } from '../../workflows/domain/sales.ts';
import { broken } from '../failure.ts';
import { fieldsToSave, mailOperations } from '../orders.ts';
import { giveUsesBack, redeem } from '../pricing/redemptions.ts';
import { claimOf } from '../shipping/given-up.ts';
import { nextCheck } from '../shipping/labels.ts';
import { fulfilmentRules } from '../store-settings.ts';
import { changeStock } from './ledger.ts';
import { missingOf, setAside } from './set-aside.ts';
import { insertShipments, moveUnits, openShipments, shipmentsOf } from './shipments.ts';
import { type Allocation, allocationsOf, isOpen, type Work } from './work.ts';

/**
 * Chooses the order's warehouses, reserves in them and writes the lines: all of it, or nothing. Where the customer
 * accepts it, what is not there is waited for.
 */
export async function reserveStock(mongo: Mongo, saved: Saved): Promise<Reservation> {
  const rules = await fulfilmentRules(mongo);
  return changeStock(mongo, {
    orderIds: [saved.state.orderId],
    redemptions: true,
    make(work): Reservation {
      const order = work.orders[0]!;
      if (order.releasedAt) return { outcome: 'undone' };
      if (allocationsOf(order).length > 0) return reserved(order, rules);
      if (order.shortages) return { outcome: 'out_of_stock', shortages: order.shortages };
      if (order.priceChange) return { outcome: 'price_changed' };

      const skus = [...new Set(order.lines.map(({ sku }) => sku))];
      const backlog = Object.fromEntries(skus.map((sku) => [sku, work.backlog(sku)]));
      const result = reserveOrWait(order.lines, work.supplies(skus), order.shipTo, backlog);
      if (!result.ok) {
        if (order.reshipOf !== undefined) throw outOfStock(result.shortages);
        work.write(order, { shortages: result.shortages });
        return { outcome: 'out_of_stock', shortages: result.shortages };
      }
      const priceChange = redeem(work, order);
      if (priceChange !== undefined) {
        work.write(order, { priceChange });
        return { outcome: 'price_changed' };
      }
      const shipmentIds = new Map<string, string>();
      const hold = (lineId: string, warehouseId: string, quantity: number, state: LineAllocation['state']) => {
        const shipmentId = shipmentIds.get(warehouseId) ?? newId('shp');
        shipmentIds.set(warehouseId, shipmentId);
        const line = order.lines.find((each) => each.lineId === lineId)!;
        line.allocations.push({ shipmentId, warehouseId, quantity, state });
      };
      for (const { lineId, warehouseId, quantity } of result.allocations)
        hold(lineId, warehouseId, quantity, 'reserved');
      for (const { lineId, quantity } of result.waiting) hold(lineId, '', quantity, 'backordered');
      const expectedAt = order.expectedAt ?? comesAt(order, result.waiting);
      work.write(order, { ...fieldsToSave(order, saved), ...(expectedAt && { expectedAt }) });
      if (order.reshipOf === undefined) work.also('payments', { insertOne: { document: newPayment(order) } });
      return reserved(order, rules);
    },
  });
}

/** For what was there when it was placed, and gone when it was to be reserved. */
function comesAt({ lines }: Order, waiting: readonly { lineId: string }[]): Date | undefined {
  if (waiting.length === 0) return undefined;
  const short = lines.filter(({ lineId }) => waiting.some((each) => each.lineId === lineId));
  const days = Math.max(...short.map(({ backorder }) => backorder?.leadDays ?? 0));
  return new Date(Date.now() + days * 86_400_000);
}

function newPayment(order: Order): Payment {
  const { _id: orderId, currency, total, credit = 0, customerId, paymentMethod, savePaymentMethod, exchangeOf } = order;
  return {
    _id: newId('pay'),
    orderId,
    currency,
    amountDue: total - credit,
    credit,
    creditReturned: 0,
    refundedAsCredit: 0,
    transferredOut: 0,
    ...(exchangeOf && { transfer: { returnId: exchangeOf.returnId, from: exchangeOf.paidOrderId } }),
    ...(customerId !== undefined && { customerId }),
    ...(paymentMethod !== undefined && { method: paymentMethod }),
    ...(savePaymentMethod && { saveMethod: true }),
    status: 'none',
    pastIntents: [],
    captures: [],
    multicapture: false,
    serverErrors: 0,
    attempts: [],
    authorized: 0,
    captured: 0,
    refunded: 0,
    refundPending: 0,
    withheld: 0,
    risks: [],
    ledger: [],
  };
}

function reserved(order: Order, { checkAddresses }: FulfilmentRules): Reservation {
  return {
    outcome: 'reserved',
    currency: order.currency,
    amountDue: order.total,
    credit: order.credit ?? 0,
    providerTaxes: order.taxCalculation !== undefined,
    checksAddress: checkAddresses,
    shipments: shipmentsOf(order.lines.flatMap((line) => line.allocations)),
    comesLater: waits(order) || (order.notBefore !== undefined && order.notBefore > new Date()),
    expectedAt: order.expectedAt?.toISOString(),
    notBefore: order.notBefore?.toISOString(),
  };
}

function waits(order: Order): boolean {
  return allocationsOf(order).some(({ state }) => state === 'backordered');
}

/** What the order holds and waits for, as it is now: stock that came, and stock that went, change it from outside. */
export async function readHoldings({ models }: Mongo, { orderId }: { orderId: string }): Promise<Holdings> {
  const order = await models.orders.findById(orderId, { lines: 1 }).lean<Pick<Order, '_id' | 'lines'>>();
  if (!order) throw broken(`There is no order ${orderId}`);
  return { shipments: openShipments(order) };
}

/**
 * What was held for an unpaid order is owed to a paid one: each warehouse gets its shipment to pick. Shipments of
 * warehouses that were switched off meanwhile are sent by others, where these have all of it.
 */
export function commitStock(mongo: Mongo, saved: Saved): Promise<Holdings> {
  return changeStock(mongo, {
    orderIds: [saved.state.orderId],
    make(work) {
      const order = work.orders[0]!;
      if (!order.committedAt) {
        const allocations = allocationsOf(order).filter(({ state }) => state === 'reserved');
        for (const allocation of allocations) allocation.state = 'committed';
        for (const shipment of shipmentsOf(allocations)) {
          if (!work.isActive(shipment.warehouseId)) moveAll(work, order, shipment);
        }
        insertShipments(work, order, shipmentsOf(allocationsOf(order).filter(({ state }) => state === 'committed')));
      }
      work.write(order, { committedAt: order.committedAt ?? new Date(), ...fieldsToSave(order, saved) });
      queueMails(work, saved);
      return { shipments: openShipments(order) };
    },
  });
}

/** Gives a whole shipment to other warehouses; where these have not all of it, it stays where it is. */
function moveAll(work: Work, order: Order, { shipmentId }: NewShipment): void {
  const units = allocationsOf(order)
    .filter((allocation) => allocation.shipmentId === shipmentId)
    .map(({ lineId, sku, quantity }) => ({ lineId, sku, quantity }));
  const supplies = work.supplies(units.map(({ sku }) => sku));
  const result = allocate(units, supplies, order.shipTo);
  if (result.ok) moveUnits(order, shipmentId, units, result.allocations, 'released');
}

/** Leaves a tombstone, so that a reservation that comes later does nothing. */
export function releaseStock(mongo: Mongo, { orderId }: { orderId: string }): ReturnType<LocalSteps['releaseStock']> {
  return changeStock(mongo, {
    orderIds: [orderId],
    redemptions: true,
    make(work) {
      const order = work.orders[0]!;
      const open = allocationsOf(order).filter(isOpen);
      const wasReserved = allocationsOf(order).length > 0;
      if (!order.releasedAt && wasReserved) giveUsesBack(work, order);
      giveBack(open);
      work.write(order, { releasedAt: order.releasedAt ?? new Date() });
      closePickLists(work, [...new Set(open.map(({ shipmentId }) => shipmentId))]);
      return { credit: wasReserved ? (order.credit ?? 0) : 0 };
    },
  });
}

export function releaseShipment(
  mongo: Mongo,
  { orderId, shipmentId }: { orderId: string; shipmentId: string },
): Promise<Holdings & { amountDue: number }> {
  return changeStock(mongo, {
    orderIds: [orderId],
    documents: [['shipments', shipmentId]],
    make(work) {
      const order = work.orders[0]!;
      const allocations = allocationsOf(order).filter((each) => each.shipmentId === shipmentId);
      const pickList = work.document('shipments', shipmentId);
      const missing = pickList && !pickList.shortSettled ? missingOf(pickList, allocations) : [];
      // Nobody comes to settle what was reported short.
      if (pickList && missing.length > 0) setAside(work, pickList, missing);
      giveBack(allocations.filter(isOpen));
      for (const allocation of allocations) if (allocation.state === 'shipped') allocation.state = 'lost';
      work.write(order);
      closePickLists(work, [shipmentId]);
      return { shipments: openShipments(order), amountDue: amountDue(order) };
    },
  });
}

/** The goods of a parcel that did not arrive: they are gone, and nobody pays for them. Again it changes nothing. */
export function writeOffParcel(
  mongo: Mongo,
  { orderId, shipmentId, parcelId }: ParcelIds,
): ReturnType<LocalSteps['writeOffParcel']> {
  return changeStock(mongo, {
    orderIds: [orderId],
    documents: [['shipments', shipmentId]],
    make(work) {
      const order = work.orders[0]!;
      const shipment = work.document('shipments', shipmentId);
      const parcel = shipment?.parcels?.find(({ id }) => id === parcelId);
      if (!shipment || !parcel) throw broken(`There is no parcel ${parcelId} of ${shipmentId}`);
      if (parcel.writtenOff) return { amountDue: amountDue(order) };
      const claimed = claimOf(parcel);
      if (claimed) return { claimed };
      for (const { lineId, quantity } of parcel.units) {
        const line = order.lines.find((each) => each.lineId === lineId)!;
        const allocation = line.allocations.find((each) => each.shipmentId === shipmentId && each.state === 'shipped');
        const lost = Math.min(quantity, allocation?.quantity ?? 0);
        if (!allocation || lost === 0) continue;
        allocation.quantity -= lost;
        line.allocations.push({ ...allocation, quantity: lost, state: 'lost' });
        line.allocations = line.allocations.filter((each) => each.quantity > 0);
      }
      parcel.writtenOff = true;
      parcel.givenUp = { how: 'refunded' };
      work.put('shipments', shipment);
      work.write(order);
      return { amountDue: amountDue(order) };
    },
  });
}

/** The hand-over: the goods leave the building, and are owed no more. */
export function shipStock(
  mongo: Mongo,
  { shipmentId, actor, ...saved }: Saved & { shipmentId: string; actor: string },
): Promise<void> {
  return changeStock(mongo, {
    orderIds: [saved.state.orderId],
    make(work) {
      const order = work.orders[0]!;
      const leaving = allocationsOf(order).filter((each) => each.shipmentId === shipmentId && isOpen(each));
      for (const allocation of leaving) {
        const { sku, warehouseId, quantity, lineId } = allocation;
        const key = `ship:${shipmentId}:${lineId}`;
        const change = { onHandChange: -quantity, damagedChange: 0, reason: 'handed over', reference: shipmentId };
        work.move({ key, sku, warehouseId, kind: 'ship', actor, ...change });
        allocation.state = 'shipped';
      }
      work.write(order, fieldsToSave(order, saved));
      queueMails(work, saved);
      work.also('shipments', {
        updateOne: {
          filter: { _id: shipmentId, handedOverAt: { $exists: false } },
          update: { $set: { handedOverAt: new Date(), checkAt: nextCheck() } },
        },
      });
    },
  });
}

// ---- What the steps above share ----

function giveBack(allocations: readonly Allocation[]): void {
  for (const allocation of allocations) allocation.state = 'released';
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
