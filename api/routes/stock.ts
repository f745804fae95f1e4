/** What is physically there: goods received, corrections, and the ledger that explains the counts. */
import { type Movement, moveStock, offeredOf, StockRefused } from '../../activities/inventory.ts';
import { newId } from '../../models/id.ts';
import type { Stock, StockMovement } from '../../models/stock.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { actorOf } from '../auth.ts';
import { endpoint, reply } from '../endpoint.ts';
import { once } from '../idempotency.ts';
import { page, readCursor } from '../paging.ts';
import { Problem } from '../problem.ts';
import * as schema from '../schemas/stock.ts';

export const receiveStock = endpoint({
  summary: 'Goods received',
  body: schema.receiptBody,
  idempotencyKey: 'required',
  answers: { 201: schema.moved },
  problems: ['unknown-sku', 'unknown-warehouse', 'stock-refused'],
  handle({ mongo }, { body, caller, idempotency }) {
    const { sku, warehouseId, quantity, reference } = body;
    return once(mongo, idempotency!, newId('mov'), (key) =>
      move(mongo, {
        key,
        sku,
        warehouseId,
        kind: 'receive',
        onHandChange: quantity,
        damagedChange: 0,
        actor: actorOf(caller),
        reason: 'Goods received',
        reference,
      }),
    );
  },
});

export const adjustStock = endpoint({
  summary: 'Correct what is on hand, or how much of it is damaged',
  body: schema.adjustmentBody,
  idempotencyKey: 'required',
  answers: { 201: schema.moved },
  problems: ['unknown-sku', 'unknown-warehouse', 'stock-refused'],
  handle({ mongo }, { body, caller, idempotency }) {
    return once(mongo, idempotency!, newId('mov'), (key) =>
      move(mongo, {
        ...body,
        key,
        kind: body.onHandChange === 0 ? 'damage' : 'adjust',
        actor: actorOf(caller),
        reference: key,
      }),
    );
  },
});

export const listStock = endpoint({
  summary: 'Stock per product and warehouse',
  query: schema.stockQuery,
  answers: { 200: schema.stockPage },
  async handle({ mongo }, { query: { sku, warehouseId, limit, cursor } }) {
    const after = readCursor(cursor, 1);
    const found = await mongo.models.stock
      .find({ ...(sku && { sku }), ...(warehouseId && { warehouseId }), ...(after && { _id: { $gt: after[0] } }) })
      .sort({ _id: 1 })
      .limit(limit + 1)
      .lean<Stock[]>();
    const { items, next } = page(found, limit, (last) => [last._id]);
    const stock = items.map((each) => ({
      sku: each.sku,
      warehouseId: each.warehouseId,
      onHand: each.onHand,
      damaged: each.damaged,
      reserved: each.reserved,
      committed: each.committed,
      safetyStock: each.safetyStock,
      offered: offeredOf(each),
    }));
    return reply(200, { stock, next });
  },
});

export const listMovements = endpoint({
  summary: 'The ledger of one product in one warehouse, newest first',
  query: schema.movementQuery,
  answers: { 200: schema.movementPage },
  async handle({ mongo }, { query: { sku, warehouseId, limit, cursor } }) {
    const before = readCursor(cursor, 1);
    const found = await mongo.models.movements
      .find({ sku, warehouseId, ...(before && { seq: { $lt: Number(before[0]) || 0 } }) })
      .sort({ seq: -1 })
      .limit(limit + 1)
      .lean<StockMovement[]>();
    const { items, next } = page(found, limit, (last) => [String(last.seq)]);
    const movements = items.map(({ _id: id, sku: _, warehouseId: __, at, ...movement }) => ({
      id,
      seq: movement.seq,
      kind: movement.kind,
      onHandChange: movement.onHandChange,
      damagedChange: movement.damagedChange,
      onHandAfter: movement.onHandAfter,
      damagedAfter: movement.damagedAfter,
      actor: movement.actor,
      reason: movement.reason,
      reference: movement.reference,
      at: at.toISOString(),
    }));
    return reply(200, { movements, next });
  },
});

async function move(mongo: Mongo, movement: Movement) {
  const { sku, warehouseId, key } = movement;
  const [product, warehouse] = await Promise.all([
    mongo.models.products.exists({ _id: sku }),
    mongo.models.warehouses.exists({ _id: warehouseId }),
  ]);
  if (!product) throw new Problem('unknown-sku', `There is no product ${sku}`, { skus: [sku] });
  if (!warehouse) throw new Problem('unknown-warehouse', `There is no warehouse ${warehouseId}`);
  try {
    const { onHand, damaged, seq } = await moveStock(mongo, movement);
    return reply(201, { movementId: key, sku, warehouseId, onHand, damaged, seq });
  } catch (error) {
    if (error instanceof StockRefused) throw new Problem('stock-refused', error.message, { code: error.code });
    throw error;
  }
}
