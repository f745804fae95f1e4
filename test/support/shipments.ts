/** A shipment as it is written when its order is confirmed, with what a test says of it. */
import { newId } from '../../models/id.ts';
import type { Shipment } from '../../models/shipment.ts';
import type { PickLine } from '../../workflows/domain/picking.ts';

export function newShipment(fields: Partial<Shipment> = {}): Shipment {
  const lines = fields.lines ?? [];
  return {
    ...{ _id: newId('shp'), orderId: newId('ord'), warehouseId: 'berlin', createdAt: new Date(), lines },
    units: lines.reduce((sum, { quantity }) => sum + quantity, 0),
    grams: lines.reduce((sum, { quantity }) => sum + 400 * quantity, 0),
    ...{ to: { country: 'DE' }, dispatchBy: new Date(Date.now() + 3_600_000), priority: 0, pickListId: null },
    ...fields,
  };
}

export function pickLine(lineId: string, sku: string, quantity: number, more: Partial<PickLine> = {}): PickLine {
  return { lineId, sku, name: sku, quantity, picked: 0, state: 'pending', ...more };
}
