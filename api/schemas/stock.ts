import { z } from 'zod';
import { next, pageQuery, quantity, sku, text, time, warehouseId } from './common.ts';

const change = z.int().min(-1_000_000).max(1_000_000);

export const receiptBody = z.strictObject({ sku, warehouseId, quantity, reference: text(100) });

export const adjustmentBody = z
  .strictObject({
    sku,
    warehouseId,
    onHandChange: change.default(0),
    damagedChange: change.default(0),
    reason: text(200),
  })
  .refine(({ onHandChange, damagedChange }) => onHandChange !== 0 || damagedChange !== 0, 'Nothing would change');

export const moved = z
  .strictObject({
    movementId: z.string(),
    sku: z.string(),
    warehouseId: z.string(),
    onHand: z.int(),
    damaged: z.int(),
    seq: z.int(),
  })
  .meta({ id: 'StockMoved' });

export const stockQuery = z.strictObject({ sku: sku.optional(), warehouseId: warehouseId.optional(), ...pageQuery });
export const stockPage = z.strictObject({
  stock: z.array(
    z
      .strictObject({
        sku: z.string(),
        warehouseId: z.string(),
        onHand: z.int(),
        damaged: z.int(),
        reserved: z.int(),
        committed: z.int(),
        safetyStock: z.int(),
        offered: z.int(),
      })
      .meta({ id: 'Stock' }),
  ),
  next,
});

export const movementQuery = z.strictObject({ sku, warehouseId, ...pageQuery });
export const movementPage = z.strictObject({
  movements: z.array(
    z
      .strictObject({
        id: z.string(),
        seq: z.int(),
        kind: z.string(),
        onHandChange: z.int(),
        damagedChange: z.int(),
        onHandAfter: z.int(),
        damagedAfter: z.int(),
        actor: z.string(),
        reason: z.string().optional(),
        reference: z.string(),
        at: time,
      })
      .meta({ id: 'StockMovement' }),
  ),
  next,
});
