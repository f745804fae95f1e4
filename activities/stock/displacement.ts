/**
 * Taking from orders what turned out not to be there, or cannot be sent from where it is. Nothing that has been picked
 * moves: it lies in somebody's trolley. The newest orders give way first; other warehouses send in their place, and what
 * nobody has is waited for.
 */
import type { ClientSession } from 'mongoose';
import type { Order } from '../../models/order.ts';
import type { Shipment } from '../../models/shipment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { allocate } from '../../workflows/domain/allocation.ts';
import { salable } from '../../workflows/domain/stock.ts';
import { tellOrder } from './backorders.ts';
import { changeStock } from './ledger.ts';
import { moveElsewhere } from './shipments.ts';
import { type Allocation, allocationsOf, type Needs, type Work } from './work.ts';

/** So many orders can be made to give way by one change. */
const most = 1_000;

const notBegun = {
  begunAt: { $exists: false },
  pickedAt: { $exists: false },
  cancelledAt: { $exists: false },
  handedOverAt: { $exists: false },
};

/** Finds the orders that could give way, with their pick lists. */
export function holdersOf(places: readonly { sku: string; warehouseId: string }[]) {
  return async ({ models }: Mongo, session: ClientSession): Promise<Needs> => {
    const orderIds: string[] = [];
    const documents: ['shipments', string][] = [];
    for (const { sku, warehouseId } of places) {
      const pickLists = await models.shipments
        .find({ warehouseId, 'lines.sku': sku, ...notBegun }, { orderId: 1 }, { session })
        .sort({ createdAt: -1 })
        .limit(most)
        .lean();
      const held = { sku, allocations: { $elemMatch: { warehouseId, state: 'reserved' } } };
      const unpaid = await models.orders
        .find(
          {
            status: { $in: ['pending', 'awaiting_payment', 'confirmed', 'on_hold'] },
            lines: { $elemMatch: held },
          } as never,
          { _id: 1 },
          { session },
        )
        .sort({ createdAt: -1 })
        .limit(most)
        .lean();
      orderIds.push(...pickLists.map(({ orderId }) => orderId), ...unpaid.map(({ _id }) => _id));
      documents.push(...pickLists.map(({ _id }) => ['shipments', _id] as ['shipments', string]));
    }
    return { orderIds: [...new Set(orderIds)], documents };
  };
}

/** Takes from the newest orders until no more is promised than is there, as far as they can give way. */
export function makeRoom(work: Work, sku: string, warehouseId: string): void {
  const newestFirst = [...work.orders].sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
  for (const order of newestFirst) {
    for (const allocation of allocationsOf(order)) {
      const missing = -salable(work.stock(sku, warehouseId)!);
      if (missing <= 0) return;
      if (allocation.sku !== sku || allocation.warehouseId !== warehouseId) continue;
      if (allocation.state === 'reserved') takeAway(work, order, allocation, Math.min(missing, allocation.quantity));
      if (allocation.state !== 'committed') continue;
      const pickList = work.document('shipments', allocation.shipmentId);
      if (!pickList || hasBegun(pickList)) continue;
      const units = Math.min(missing, allocation.quantity);
      work.put('shipments', shortened(pickList, allocation.lineId, units));
      takeAway(work, order, allocation, units);
    }
  }
}

function takeAway(
  work: Work,
  order: Order,
  { shipmentId, warehouseId, lineId, sku }: Allocation,
  quantity: number,
): void {
  moveElsewhere(work, order, { shipmentId, warehouseId }, [{ lineId, sku, quantity }], 'backordered');
  work.write(order);
  tellOrder(work, order._id);
}

function hasBegun({ begunAt, pickedAt, cancelledAt, handedOverAt }: Shipment): boolean {
  return begunAt != null || pickedAt != null || cancelledAt != null || handedOverAt != null;
}

function shortened(pickList: Shipment, lineId: string, units: number): Shipment {
  const lines = pickList.lines
    .map((line) => (line.lineId === lineId ? { ...line, quantity: line.quantity - units } : line))
    .filter(({ quantity }) => quantity > 0);
  const grams = Math.round((pickList.grams * (pickList.units - units)) / pickList.units);
  const less = { ...pickList, lines, units: pickList.units - units, grams };
  return { ...less, ...(lines.length === 0 && { cancelledAt: new Date() }) };
}

/**
 * Gives the shipments of warehouses that are switched off to others, where these have all of it. What nobody else has
 * stays where it is. Answers how many shipments moved.
 */
export async function emptySwitchedOff(mongo: Mongo): Promise<number> {
  const { models } = mongo;
  const off = await models.warehouses.find({ active: false }, { _id: 1 }).lean();
  if (off.length === 0) return 0;
  const pickLists = await models.shipments
    .find({ warehouseId: { $in: off.map(({ _id }) => _id) }, ...notBegun }, { orderId: 1 })
    .sort({ createdAt: 1 })
    .limit(most)
    .lean();
  const moved = await Promise.all(pickLists.map(({ _id, orderId }) => moveShipment(mongo, orderId, _id)));
  return moved.filter(Boolean).length;
}

function moveShipment(mongo: Mongo, orderId: string, shipmentId: string): Promise<boolean> {
  return changeStock(mongo, {
    orderIds: [orderId],
    documents: [['shipments', shipmentId]],
    make(work) {
      const order = work.orders[0]!;
      const pickList = work.document('shipments', shipmentId)!;
      const { warehouseId } = pickList;
      const allocations = allocationsOf(order).filter(
        (each) => each.shipmentId === shipmentId && each.state === 'committed',
      );
      if (hasBegun(pickList) || work.isActive(warehouseId) || allocations.length === 0) return false;
      const units = allocations.map(({ lineId, sku, quantity }) => ({ lineId, sku, quantity }));
      const skus = units.map(({ sku }) => sku);
      if (!allocate(units, work.supplies(skus), order.shipTo).ok) return false;
      if (moveElsewhere(work, order, { shipmentId, warehouseId }, units, 'backordered').length === 0) return false;
      work.put('shipments', { ...pickList, cancelledAt: new Date() });
      work.write(order);
      tellOrder(work, orderId);
      return true;
    },
  });
}
