/** What becomes of units that could not be picked. */
import type { Mongo } from '../../platform/mongo.ts';
import type { LocalSteps } from '../../workflows/activities.ts';
import type { PickLine } from '../../workflows/domain/picking.ts';
import { amountDue } from '../../workflows/domain/sales.ts';
import { broken } from '../failure.ts';
import { fulfilmentRules } from '../store-settings.ts';
import { changeStock } from './ledger.ts';
import { setAside } from './set-aside.ts';
import { findElsewhere, insertShipments, moveUnits, openShipments, sumOf } from './shipments.ts';
import { allocationsOf, isOpen } from './work.ts';

type SettleResult = Awaited<ReturnType<LocalSteps['settleShortPick']>>;

/**
 * What could not be picked goes to other warehouses as far as they have it; the rest is given up or waits. The units are
 * not offered to others meanwhile: they are set aside until somebody has counted what is there.
 */
export async function settleShortPick(
  mongo: Mongo,
  { orderId, shipmentId, rest }: Parameters<LocalSteps['settleShortPick']>[0],
): Promise<SettleResult> {
  const { shortPick } = await fulfilmentRules(mongo);
  return changeStock(mongo, {
    orderIds: [orderId],
    documents: [['shipments', shipmentId]],
    make(work): SettleResult {
      const order = work.orders[0]!;
      const pickList = work.document('shipments', shipmentId);
      if (!pickList) throw broken(`There is no shipment ${shipmentId}`);
      if (pickList.shortSettled) return { outcome: 'settled', ...pickList.shortSettled, amountDue: amountDue(order) };

      const shorts = pickList.lines
        .map((line) => ({ ...line, quantity: line.quantity - line.picked }))
        .filter((line) => line.quantity > 0);
      const from = { shipmentId, warehouseId: pickList.warehouseId };
      // Of what was released or has left meanwhile nothing is to be sent from elsewhere.
      const isOwed = ({ lineId }: Pick<PickLine, 'lineId'>) =>
        allocationsOf(order).some((each) => each.shipmentId === shipmentId && each.lineId === lineId && isOpen(each));
      const owed = shorts.filter(isOwed);
      const elsewhere = findElsewhere(work, order, from, owed);
      const missing = sumOf(owed) - sumOf(elsewhere);
      if (missing > 0 && rest === undefined && shortPick === 'ask') return { outcome: 'asks', missing };

      const waits = rest === 'backordered' || (rest === undefined && shortPick === 'backorder');
      const before = new Set(openShipments(order).map((each) => each.shipmentId));
      setAside(work, pickList, owed);
      const moved = moveUnits(order, shipmentId, owed, elsewhere, waits ? 'backordered' : 'released');
      if (order.committedAt) insertShipments(work, order, moved);
      const settled = {
        short: sumOf(shorts),
        waits: waits ? missing : 0,
        given: waits ? 0 : missing,
        moved: openShipments(order).filter((each) => !before.has(each.shipmentId)),
        empty: pickList.lines.every((line) => line.picked === 0),
      };
      work.put('shipments', { ...pickList, shortSettled: settled, ...(settled.empty && { cancelledAt: new Date() }) });
      work.write(order);
      return { outcome: 'settled', ...settled, amountDue: amountDue(order) };
    },
  });
}
