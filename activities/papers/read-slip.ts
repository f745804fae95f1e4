/** What is printed for one parcel. */
import type { Order } from '../../models/order.ts';
import type { Shipment } from '../../models/shipment.ts';
import type { StoreSettings } from '../../models/store.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { keptUnits } from '../../workflows/domain/sales.ts';
import type { PrintedPackingSlip } from './packing-slip.ts';

export async function readPackingSlip(
  { models }: Mongo,
  shipmentId: string,
  parcelId: string,
): Promise<PrintedPackingSlip | null> {
  const shipment = await models.shipments.findById(shipmentId).lean<Shipment>();
  const index = shipment?.parcels?.findIndex(({ id }) => id === parcelId) ?? -1;
  if (!shipment?.parcels || index === -1) return null;
  const [order, warehouse, settings] = await Promise.all([
    models.orders.findById(shipment.orderId).lean<Order>().orFail(),
    models.warehouses.findById(shipment.warehouseId).lean().orFail(),
    models.settings.findById('store', { seller: 1 }).lean<Pick<StoreSettings, 'seller'>>(),
  ]);
  const { units } = shipment.parcels[index]!;
  const inside = new Map(units.map(({ lineId, quantity }) => [lineId, quantity]));
  const unitsOf = (count: (line: Order['lines'][number]) => number) =>
    order.lines
      .map((line) => ({ sku: line.sku, name: line.name, quantity: count(line) }))
      .filter(({ quantity }) => quantity > 0);
  const { seller } = settings ?? {};
  const { language } = order.customer;
  return {
    ...{ shipmentId, parcelId, parcel: index + 1, parcels: shipment.parcels.length },
    ...{ orderId: order._id, orderedAt: order.createdAt, shipFrom: warehouse.address, shipTo: order.shipTo },
    lines: unitsOf(({ lineId }) => inside.get(lineId) ?? 0),
    later: unitsOf((line) => keptUnits(line) - (inside.get(line.lineId) ?? 0)),
    ...(seller && { seller: { name: seller.name, email: seller.email } }),
    ...(language !== undefined && { language }),
  };
}
