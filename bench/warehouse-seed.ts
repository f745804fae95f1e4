/** What the bench `warehouse` has to pick: goods in their bins, and paid orders with their open shipments. */

import type { Product } from '../models/catalogue.ts';
import { newId } from '../models/id.ts';
import type { Order } from '../models/order.ts';
import type { Shipment } from '../models/shipment.ts';
import { stockId } from '../models/stock.ts';
import type { Mongo } from '../platform/mongo.ts';
import { barcodeKey, checkDigitOf } from '../workflows/domain/barcodes.ts';

/** As it is sent. */
export interface Scan {
  scanId: string;
  barcode: string;
  bin: string;
  quantity: number;
  shipmentId: string;
}

/** Collections of the bare route, which nothing else writes. */
export const yardstick = { scans: 'bare_scans', shipments: 'bare_shipments' };

export const warehouseId = 'bench';
export const openShipments = 10_000;
const address = { name: 'Bench', line1: '1 Road', city: 'Berlin', postalCode: '10115', country: 'DE' };
const goods = Array.from({ length: 1_000 }, (_, index) => {
  const digits = `4006381${String(index).padStart(5, '0')}`;
  const bin = `${'ABCDEFGHIJ'[index % 10]}-${String(Math.floor(index / 40)).padStart(2, '0')}-${(index % 4) + 1}`;
  return { sku: `BENCH-${index}`, barcode: `${digits}${checkDigitOf(digits)}`, bin };
});
const hour = 3_600_000;

/** One to five lines of one to three units, of goods that differ in how much they are bought. */
export async function seed({ models, connection }: Mongo): Promise<void> {
  for (const model of Object.values(models)) await model.createIndexes();
  await models.warehouses.create([{ _id: warehouseId, name: 'Bench', address, priority: 1, active: true }]);
  await models.products.insertMany(
    goods.map(
      ({ sku, barcode }): Product => ({
        ...{ _id: sku, name: `Product ${sku}`, weightGrams: 400, prices: { EUR: 1990 }, active: true },
        ...{ barcodes: [barcode], barcodeKeys: [barcodeKey(barcode)] },
      }),
    ),
  );
  const sold = Array.from({ length: openShipments }, (_, index) => orderOf(index));
  const committed = new Map<string, number>();
  for (const { sku, quantity } of sold.flatMap(({ shipment }) => shipment.lines))
    committed.set(sku, (committed.get(sku) ?? 0) + quantity);
  await models.stock.insertMany(
    goods.map(({ sku, bin }) => ({
      ...{ _id: stockId(sku, warehouseId), sku, warehouseId, onHand: 1_000_000, committed: committed.get(sku) ?? 0 },
      ...{ damaged: 0, reserved: 0, incoming: 0, safetyStock: 0, seq: 1, bins: [bin] },
    })),
  );
  await models.orders.collection.insertMany(sold.map(({ order }) => order) as never[]);
  await models.shipments.collection.insertMany(sold.map(({ shipment }) => shipment) as never[]);
  await connection.collection(yardstick.shipments).insertMany(sold.map(({ shipment }) => shipment) as never[]);
}

function orderOf(index: number): { order: Partial<Order>; shipment: Shipment } {
  const [orderId, shipmentId] = [newId('ord'), newId('shp')];
  const createdAt = new Date(Date.now() - 24 * hour + index);
  const asked = Array.from({ length: 1 + (index % 5) }, (_, place) => {
    // Squares crowd at the beginning: some goods are on many lists.
    const share = ((index * 7_919 + place * 104_729) % 10_007) / 10_007;
    const { sku, bin } = goods[Math.floor(share * share * goods.length)]!;
    return { lineId: `line_${place + 1}`, sku, name: `Product ${sku}`, quantity: 1 + ((index + place) % 3), bin };
  });
  const units = asked.reduce((sum, { quantity }) => sum + quantity, 0);
  const order: Partial<Order> = {
    ...{ _id: orderId, createdAt, placeBefore: createdAt, committedAt: createdAt, rev: 3, status: 'confirmed' },
    customer: { email: `customer-${index}@example.com`, name: 'Bench' },
    ...{ shipTo: address, currency: 'EUR', total: 1990 * units },
    items: asked.map(({ sku, quantity }) => ({ sku, quantity })),
    lines: asked.map(({ bin: _, ...line }) => ({
      ...{ ...line, weightGrams: 400, unitPrice: 1990, discount: 0, total: 1990 * line.quantity },
      allocations: [{ shipmentId, warehouseId, quantity: line.quantity, state: 'committed' }],
    })) as never,
  };
  const shipment: Shipment = {
    ...{ _id: shipmentId, orderId, warehouseId, createdAt, pickListId: null },
    lines: asked.map((line) => ({ ...line, picked: 0, state: 'pending' })),
    ...{ units, grams: 400 * units, to: { country: 'DE' }, deliveryMethod: index % 4 === 0 ? 'express' : 'standard' },
    promisedBy: '2026-12-01',
    dispatchBy: new Date(Math.ceil(Date.now() / hour) * hour + (index % 6) * hour),
    priority: index % 50 === 0 ? 10 : 0,
  };
  return { order, shipment };
}
