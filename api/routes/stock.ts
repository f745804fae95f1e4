/** What is physically there: goods received, corrections, and the ledger that explains the counts. */
import { changeStock } from '../../activities/stock/ledger.ts';
import { moveStock } from '../../activities/stock/movements.ts';
import type { Movement } from '../../activities/stock/work.ts';
import { newId } from '../../models/id.ts';
import { type Backlog, type Stock, type StockMovement, stockId } from '../../models/stock.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { offered, salable, suggestedOrder } from '../../workflows/domain/stock.ts';
import { actorOf, notFound } from '../auth.ts';
import { endpoint, reply } from '../endpoint.ts';
import { once } from '../idempotency.ts';
import { page, readCursor } from '../paging.ts';
import * as schema from '../schemas/stock.ts';
import { checkGoods, refusedAsProblem } from './goods.ts';

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
  summary: 'Correct what is on hand; set aside what is damaged or in quarantine, take it back, or scrap it',
  body: schema.adjustmentBody,
  idempotencyKey: 'required',
  answers: { 201: schema.moved },
  problems: ['unknown-sku', 'unknown-warehouse', 'stock-refused'],
  handle({ mongo }, { body, caller, idempotency }) {
    return once(mongo, idempotency!, newId('mov'), (key) =>
      move(mongo, {
        ...body,
        key,
        kind: kindOf(body),
        actor: actorOf(caller),
        reference: key,
      }),
    );
  },
});

/** What is found broken is so, whatever was promised; what is thrown away was broken before. */
function kindOf({ onHandChange, damagedChange }: { onHandChange: number; damagedChange: number }) {
  if (onHandChange === 0) return 'damage';
  return onHandChange < 0 && onHandChange === damagedChange ? 'scrap' : 'adjust';
}

export const listStock = endpoint({
  summary: 'Stock per product and warehouse; `low=true` is the list of what to order',
  query: schema.stockQuery,
  answers: { 200: schema.stockPage },
  async handle({ mongo }, { query: { sku, warehouseId, low, limit, cursor } }) {
    const after = readCursor(cursor, 1);
    const found = await mongo.models.stock
      .find({
        ...(sku && { sku }),
        ...(warehouseId && { warehouseId }),
        ...(low && { lowSince: { $exists: true } }),
        ...(after && { _id: { $gt: after[0] } }),
      })
      .sort({ _id: 1 })
      .limit(limit + 1)
      .lean<Stock[]>();
    const { items, next } = page(found, limit, (last) => [last._id]);
    return reply(200, { stock: items.map(viewStock), next });
  },
});

export const listBacklogs = endpoint({
  summary: 'What accepted orders wait for, per product',
  query: schema.backlogQuery,
  answers: { 200: schema.backlogPage },
  async handle({ mongo }, { query: { limit, cursor } }) {
    const after = readCursor(cursor, 1);
    const found = await mongo.models.backlogs
      .find({ units: { $gt: 0 }, ...(after && { _id: { $gt: after[0] } }) })
      .sort({ _id: 1 })
      .limit(limit + 1)
      .lean<Backlog[]>();
    const { items, next } = page(found, limit, (last) => [last._id]);
    return reply(200, { backlogs: items.map(({ _id: sku, units }) => ({ sku, units })), next });
  },
});

export const getStock = endpoint({
  summary: 'Stock of one product in one warehouse',
  params: schema.stockParams,
  answers: { 200: schema.stock },
  async handle({ mongo }, { params: { sku, warehouseId } }) {
    const found = await mongo.models.stock.findById(stockId(sku, warehouseId)).lean<Stock>();
    if (!found) throw notFound();
    return reply(200, viewStock(found));
  },
});

export const putStockSettings = endpoint({
  summary: 'Set the safety stock, the reorder point and the bins',
  params: schema.stockParams,
  body: schema.settingsBody,
  answers: { 200: schema.stock },
  problems: ['unknown-sku', 'unknown-warehouse', 'stock-refused'],
  async handle({ mongo }, { params: { sku, warehouseId }, body }) {
    await checkGoods(mongo, [sku], [warehouseId]);
    const { safetyStock, reorderPoint, reorderTo, bins } = body;
    await changeStock(mongo, {
      skus: [sku],
      make: (work) => work.set(sku, warehouseId, { safetyStock, reorderPoint, reorderTo, bins }),
    });
    return reply(200, viewStock((await mongo.models.stock.findById(stockId(sku, warehouseId)).lean<Stock>())!));
  },
});

function viewStock(stock: Stock) {
  const { sku, warehouseId, onHand, damaged, reserved, committed, incoming, safetyStock } = stock;
  return {
    sku,
    warehouseId,
    onHand,
    damaged,
    reserved,
    committed,
    incoming,
    salable: salable(stock),
    safetyStock,
    offered: offered(stock),
    reorderPoint: stock.reorderPoint ?? undefined,
    reorderTo: stock.reorderTo ?? undefined,
    bins: stock.bins ?? [],
    lowSince: stock.lowSince?.toISOString(),
    suggestedOrder: suggestedOrder(stock),
  };
}

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
  await checkGoods(mongo, [sku], [warehouseId]);
  const { onHand, damaged, seq } = await refusedAsProblem(() => moveStock(mongo, movement));
  return reply(201, { movementId: key, sku, warehouseId, onHand, damaged, seq });
}
