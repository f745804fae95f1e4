import type { z } from 'zod';
import type { Return } from '../../models/return.ts';
import type { returned as returnSchema } from '../schemas/returns.ts';

export function viewReturn(found: Return): z.input<typeof returnSchema> {
  return {
    id: found._id,
    orderId: found.orderId,
    warehouseId: found.warehouseId,
    status: found.status,
    createdAt: found.createdAt.toISOString(),
    lines: found.lines.map(({ lineId, sku, quantity, reason, reception, received, dispositions }) => ({
      lineId,
      sku,
      quantity,
      reason,
      reception,
      received,
      dispositions,
    })),
    trackingNumber: found.label?.trackingNumber,
    labelUrl: found.label?.url,
    refundId: found.refundId,
  };
}
