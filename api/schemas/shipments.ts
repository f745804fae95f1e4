import { z } from 'zod';
import { pickLineStates, shipmentStates, shortReasons } from '../../workflows/domain/states.ts';
import * as common from './common.ts';

export const shipmentParams = z.strictObject({ id: common.shipmentId });
const shipmentStatus = z.enum(Object.keys(shipmentStates) as [keyof typeof shipmentStates]);

export const shipmentQuery = z.strictObject({
  warehouseId: common.warehouseId.optional(),
  status: shipmentStatus.optional().meta({ description: 'Everything that has not left yet where it is not given' }),
  ...common.pageQuery,
});

export const scanBody = z.strictObject({ scanId: common.scanId, sku: common.sku, quantity: common.quantity });
export const shortBody = z.strictObject({
  scanId: common.scanId,
  lineId: common.lineId,
  reason: z.enum(shortReasons),
});

const millimetres = z.int().min(1).max(5_000);
const parcel = z.strictObject({
  weightGrams: z.int().min(1).max(1_000_000),
  lengthMm: millimetres,
  widthMm: millimetres,
  heightMm: millimetres,
});
export const packBody = z.strictObject({ parcel });

export const shipment = z
  .strictObject({
    id: z.string(),
    orderId: z.string(),
    warehouseId: z.string(),
    status: shipmentStatus,
    createdAt: common.time,
    lines: z.array(
      z.strictObject({
        lineId: z.string(),
        sku: z.string(),
        name: z.string(),
        quantity: z.int(),
        picked: z.int(),
        state: z.enum(Object.keys(pickLineStates) as [keyof typeof pickLineStates]),
        shortReason: z.enum(shortReasons).optional(),
      }),
    ),
    pickedAt: common.time.optional(),
    parcel: parcel.optional(),
    trackingNumber: z.string().optional(),
    labelUrl: z.string().optional(),
    handedOverAt: common.time.optional(),
    shipTo: z.unknown().optional().meta({ description: 'Once the label is bought', type: 'object' }),
  })
  .meta({ id: 'Shipment' });

export const shipmentPage = z.strictObject({ shipments: z.array(shipment), next: common.next });
export const scanned = z.strictObject({
  applied: z.boolean().meta({ description: 'False for a scan that had counted before' }),
  shipment,
});
export const packed = z.strictObject({
  status: z.string(),
  trackingNumber: z.string().optional(),
  labelUrl: z.string().optional(),
});
