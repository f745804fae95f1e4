/** A pick list as pickers see it: by the places that they walk to, and by the boxes that they fill. */
import type { Order } from '../../models/order.ts';
import type { PickList } from '../../models/pick-list.ts';
import type { Shipment } from '../../models/shipment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { defaultCalendar } from '../../workflows/domain/calendar.ts';
import type { PickedShipment, PickLine } from '../../workflows/domain/picking.ts';
import { walkingOrder } from '../../workflows/domain/walking.ts';
import type { PrintedLine, PrintedPickList } from '../papers/pick-list.ts';
import { holderOf } from './lists.ts';
import { pickedShipment, slotOf } from './scans.ts';

export interface ReadPickList {
  list: PickList;
  status: 'free' | 'assigned' | 'done';
  shipments: ListedShipment[];
  lines: ListedLine[];
  printed: PrintedPickList;
}

interface ListedShipment {
  id: string;
  orderId: string;
  slot: number;
  units: number;
  picked: number;
  state: PickedShipment['state'];
  putBack: boolean;
}

interface ListedLine extends PrintedLine {
  short: number;
  slots: { slot: number; quantity: number; picked: number }[];
}

export async function readPickList({ models }: Mongo, listId: string): Promise<ReadPickList | null> {
  const list = await models.pickLists.findById(listId).lean<PickList>();
  if (!list) return null;
  const found = await models.shipments.find({ pickListId: listId }).lean<Shipment[]>();
  const [orders, products, warehouse] = await Promise.all([
    models.orders
      .find({ _id: { $in: found.map(({ orderId }) => orderId) } }, { status: 1 })
      .lean<Pick<Order, '_id' | 'status'>[]>(),
    models.products
      .find({ _id: { $in: found.flatMap(({ lines }) => lines.map(({ sku }) => sku)) } }, { barcodes: 1 })
      .lean<{ _id: string; barcodes?: string[] }[]>(),
    models.warehouses.findById(list.warehouseId).lean(),
  ]);
  const held = new Set(orders.filter(({ status }) => status === 'on_hold').map(({ _id }) => _id));
  const barcodes = new Map(products.map(({ _id, barcodes: printed }) => [_id, printed?.[0]]));
  const shipments = found
    .map((shipment) => listed(list, shipment, held.has(shipment.orderId)))
    .sort((a, b) => a.slot - b.slot);
  const wanted = found.filter(({ cancelledAt }) => cancelledAt === undefined);
  const lines = linesOf(list, wanted, barcodes);
  const isDone = !shipments.some(({ state }) => state === 'open' || state === 'held');
  const assignee = holderOf(list);
  const { timeZone } = warehouse?.calendar ?? defaultCalendar;
  return {
    list,
    status: isDone ? 'done' : assignee === undefined ? 'free' : 'assigned',
    shipments,
    lines,
    printed: {
      ...{ id: listId, warehouse: warehouse?.name ?? list.warehouseId, kind: list.kind, createdAt: list.createdAt },
      ...(assignee !== undefined && { assignee }),
      ...{ dispatchBy: list.dispatchBy, timeZone },
      shipments: shipments
        .filter(({ state }) => state !== 'cancelled')
        .map(({ id, orderId, slot, units }) => ({ id, orderId, slot, units })),
      lines: lines.map(({ short: _, ...line }) => line),
    },
  };
}

function listed(list: PickList, shipment: Shipment, isHeld: boolean): ListedShipment {
  const { orderId, units, cancelledAt, putBackAt } = shipment;
  const isLess = (shipment.putBack ?? []).some(({ at }) => at === undefined);
  const { id, slot, lines, state } = pickedShipment(list, shipment, isHeld);
  const picked = lines.reduce((sum, line) => sum + line.picked, 0);
  const putBack = isLess || (cancelledAt !== undefined && picked > 0 && putBackAt === undefined);
  return { id, orderId, slot, units, picked, state, putBack };
}

/** One line for a product at a place, whatever boxes it goes into. */
function linesOf(
  list: PickList,
  shipments: readonly Shipment[],
  barcodes: ReadonlyMap<string, string | undefined>,
): ListedLine[] {
  const lines = new Map<string, ListedLine>();
  for (const { _id, lines: own } of shipments) {
    for (const line of own) {
      const key = `${line.bin ?? ''}\n${line.sku}`;
      const barcode = barcodes.get(line.sku);
      const known = lines.get(key) ?? {
        ...(line.bin !== undefined && { bin: line.bin }),
        ...{ sku: line.sku, name: line.name, ...(barcode !== undefined && { barcode }) },
        ...{ quantity: 0, picked: 0, short: 0, slots: [] },
      };
      known.quantity += line.quantity;
      known.picked += line.picked;
      known.short += shortOf(line);
      known.slots.push({ slot: slotOf(list, _id), quantity: line.quantity, picked: line.picked });
      lines.set(key, known);
    }
  }
  for (const { slots } of lines.values()) slots.sort((a, b) => a.slot - b.slot);
  return walkingOrder([...lines.values()], ({ bin }) => bin);
}

function shortOf({ state, quantity, picked }: PickLine): number {
  return state === 'short' ? quantity - picked : 0;
}
