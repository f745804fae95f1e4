import { z } from 'zod';
import { countStates, deliveryStates, type Table, transferStates } from '../../workflows/domain/states.ts';
import {
  bin,
  countId,
  deliveryId,
  next,
  pageQuery,
  quantity,
  sku,
  text,
  time,
  transferId,
  warehouseId,
} from './common.ts';

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

const level = z.int().min(0).max(1_000_000);
export const stockParams = z.strictObject({ sku, warehouseId });
export const settingsBody = z
  .strictObject({
    safetyStock: level.default(0).meta({ description: 'Never offered' }),
    reorderPoint: level.optional().meta({ description: 'At or below it is time to order' }),
    reorderTo: level.optional().meta({ description: 'What an order should bring it back to' }),
    bins: z.array(bin).max(20).default([]).meta({ description: 'Where it lies; the first is picked from' }),
  })
  .refine(
    ({ reorderPoint, reorderTo }) => reorderTo === undefined || (reorderPoint ?? 0) < reorderTo,
    '`reorderTo` has to be above `reorderPoint`',
  );

export const stock = z
  .strictObject({
    sku: z.string(),
    warehouseId: z.string(),
    onHand: z.int(),
    damaged: z.int().meta({ description: 'Of what is on hand: broken, or in quarantine' }),
    reserved: z.int().meta({ description: 'Held for unpaid orders' }),
    committed: z.int().meta({ description: 'Owed to paid orders' }),
    incoming: z.int().meta({ description: 'What deliveries and transfers still have to bring' }),
    salable: z.int().meta({ description: 'On hand, less damaged, reserved and committed' }),
    safetyStock: z.int(),
    offered: z.int().meta({ description: 'What new orders can have' }),
    reorderPoint: z.int().optional(),
    reorderTo: z.int().optional(),
    bins: z.array(z.string()),
    lowSince: time.optional(),
    suggestedOrder: z.int().meta({ description: 'Units to order now; 0 while there is enough' }),
  })
  .meta({ id: 'Stock' });

export const stockQuery = z.strictObject({
  sku: sku.optional(),
  warehouseId: warehouseId.optional(),
  low: z.enum(['true']).optional().meta({ description: 'Only what it is time to order' }),
  ...pageQuery,
});
export const stockPage = z.strictObject({ stock: z.array(stock), next });

export const backlogQuery = z.strictObject(pageQuery);
export const backlogPage = z.strictObject({
  backlogs: z.array(z.strictObject({ sku: z.string(), units: z.int() }).meta({ id: 'Backlog' })),
  next,
});

export const exportQuery = z.strictObject({ warehouseId: warehouseId.optional() });

export const importQuery = z.strictObject({
  mode: z.enum(['all', 'valid']).default('all').meta({
    description: '`all`: a bad row, and nothing is imported. `valid`: the good rows are imported, the bad ones named',
  }),
  name: text(100).default('stock.csv').meta({ description: 'The reason of its movements is `Import <name>`' }),
});
export const importParams = z.strictObject({ id: z.string().regex(/^[0-9a-f]{64}$/) });
const importCounts = z.strictObject({
  id: z.string().meta({ description: 'The SHA-256 of the file' }),
  name: z.string(),
  mode: z.enum(['all', 'valid']),
  actor: z.string(),
  startedAt: time,
  finishedAt: time.optional().meta({ description: 'Missing while it runs, or where it died' }),
  rows: z.int(),
  changed: z.int(),
  unchanged: z.int(),
  refused: z.int().meta({ description: 'With `changed` and `unchanged`: the rows that are done' }),
});
export const stockImport = importCounts
  .extend({
    errors: z
      .array(z.strictObject({ line: z.int(), reason: z.string() }))
      .meta({ description: 'The first 1,000 of the refused rows' }),
  })
  .meta({ id: 'StockImport' });
export const importListQuery = z.strictObject(pageQuery);
export const importPage = z.strictObject({ imports: z.array(importCounts), next });

export const movementQuery = z.strictObject({ sku, warehouseId, ...pageQuery });

const now = z.iso.datetime().transform((text) => new Date(text));
const status = <T extends Table>(table: T) => z.enum(Object.keys(table) as [keyof T & string]);
const linesOf = <L extends z.ZodType<{ sku: string }>>(line: L) =>
  z
    .array(line)
    .max(200)
    .refine((lines) => new Set(lines.map((each) => each.sku)).size === lines.length, 'A SKU is named twice');
const received = z
  .strictObject({
    sku,
    quantity: level.min(1),
    damaged: z.int().min(0).default(0).meta({ description: 'Of these: broken, or to be looked at first' }),
  })
  .refine((line) => line.damaged <= line.quantity, 'More damaged than received');

export const deliveryParams = z.strictObject({ id: deliveryId });
export const deliveryBody = z.strictObject({
  warehouseId,
  reference: text(100).meta({ description: 'The order number at the supplier' }),
  expectedAt: now,
  lines: linesOf(z.strictObject({ sku, expected: level.min(1) })).min(1),
  tolerancePercent: z
    .int()
    .min(0)
    .max(100)
    .default(0)
    .meta({ description: 'How much more than expected may be received without a question' }),
});
export const receiveBody = z
  .strictObject({
    lines: linesOf(received),
    last: z.boolean().default(false).meta({ description: 'Nothing more will come' }),
    acceptOver: z.boolean().default(false).meta({ description: 'More than expected came, and it stays' }),
  })
  .refine(({ lines, last }) => lines.length > 0 || last, 'Nothing is received');
export const postponeBody = z.strictObject({ expectedAt: now });
export const delivery = z
  .strictObject({
    id: z.string(),
    warehouseId: z.string(),
    reference: z.string(),
    expectedAt: time,
    status: status(deliveryStates),
    lines: z.array(z.strictObject({ sku: z.string(), expected: z.int(), received: z.int() })),
    tolerancePercent: z.int(),
    actor: z.string(),
    createdAt: time,
    closedAt: time.optional(),
  })
  .meta({ id: 'Delivery' });
export const deliveryQuery = z.strictObject({
  status: status(deliveryStates).optional(),
  warehouseId: warehouseId.optional(),
  sku: sku.optional(),
  ...pageQuery,
});
export const deliveryPage = z.strictObject({ deliveries: z.array(delivery), next });

export const transferParams = z.strictObject({ id: transferId });
export const transferBody = z
  .strictObject({
    from: warehouseId,
    to: warehouseId,
    lines: linesOf(z.strictObject({ sku, quantity: level.min(1) })).min(1),
    reason: text(200),
  })
  .refine(({ from, to }) => from !== to, 'It goes nowhere: `from` and `to` are the same');
export const arrivalBody = z
  .strictObject({
    lines: linesOf(received),
    last: z.boolean().default(false).meta({ description: 'Nothing more will come: the rest is lost' }),
  })
  .refine(({ lines, last }) => lines.length > 0 || last, 'Nothing is received');
export const transfer = z
  .strictObject({
    id: z.string(),
    from: z.string(),
    to: z.string(),
    status: status(transferStates),
    lines: z.array(z.strictObject({ sku: z.string(), sent: z.int(), received: z.int() })),
    reason: z.string(),
    actor: z.string(),
    createdAt: time,
    closedAt: time.optional(),
  })
  .meta({ id: 'Transfer' });
export const transferQuery = z.strictObject({
  status: status(transferStates).optional(),
  from: warehouseId.optional(),
  to: warehouseId.optional(),
  ...pageQuery,
});
export const transferPage = z.strictObject({ transfers: z.array(transfer), next });

export const countParams = z.strictObject({ id: countId });
export const countBody = z.strictObject({
  warehouseId,
  skus: z
    .array(sku)
    .min(1)
    .max(200)
    .refine((skus) => new Set(skus).size === skus.length, 'A SKU is named twice'),
  reason: text(200),
});
export const countedBody = z.strictObject({
  sku,
  counted: level.meta({ description: 'What lies on the shelves, damaged units included; not what is picked already' }),
});
export const decideBody = z.strictObject({ decision: z.enum(['approve', 'reject', 'cancel']) });
export const count = z
  .strictObject({
    id: z.string(),
    warehouseId: z.string(),
    status: status(countStates),
    lines: z.array(
      z.strictObject({
        sku: z.string(),
        counted: z.int().optional(),
        countedBy: z.string().optional(),
        countedAt: time.optional(),
        variance: z
          .int()
          .optional()
          .meta({ description: 'More or less than the books said; shown once all is counted' }),
      }),
    ),
    reason: z.string(),
    actor: z.string(),
    createdAt: time,
    decidedAt: time.optional(),
    decidedBy: z.string().optional(),
  })
  .meta({ id: 'StockCount' });
export const countQuery = z.strictObject({
  status: status(countStates).optional(),
  warehouseId: warehouseId.optional(),
  ...pageQuery,
});
export const countPage = z.strictObject({ counts: z.array(count), next });

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
