/** Cycle counts: counted blind, approved by a person. */
import { decideCount as decide, openCount, recordCounted, varianceOf } from '../../activities/stock/counts.ts';
import { newId } from '../../models/id.ts';
import type { StockCount } from '../../models/stock-work.ts';
import { actorOf, notFound } from '../auth.ts';
import { endpoint, reply } from '../endpoint.ts';
import { once } from '../idempotency.ts';
import { afterNewest, newestKeys, page } from '../paging.ts';
import * as schema from '../schemas/stock.ts';
import { checkGoods, refusedAsProblem } from './goods.ts';

export const createCount = endpoint({
  summary: 'Have some products of a warehouse counted',
  body: schema.countBody,
  idempotencyKey: 'required',
  answers: { 201: schema.count },
  problems: ['unknown-sku', 'unknown-warehouse', 'stock-refused'],
  async handle({ mongo }, { body: { warehouseId, skus, reason }, caller, idempotency }) {
    await checkGoods(mongo, skus, [warehouseId]);
    return once(mongo, idempotency!, newId('cnt'), async (_id) => {
      const lines = skus.map((sku) => ({ sku }));
      const made = { actor: actorOf(caller), status: 'open' as const, createdAt: new Date() };
      return reply(201, view(await openCount(mongo, { _id, warehouseId, lines, reason, ...made })));
    });
  },
});

export const listCounts = endpoint({
  summary: 'Counts, the newest first',
  query: schema.countQuery,
  answers: { 200: schema.countPage },
  async handle({ mongo }, { query: { status, warehouseId, limit, cursor } }) {
    const found = await mongo.models.counts
      .find({ ...(status && { status }), ...(warehouseId && { warehouseId }), ...afterNewest(cursor) })
      .sort({ createdAt: -1, _id: -1 })
      .limit(limit + 1)
      .lean<StockCount[]>();
    const { items, next } = page(found, limit, newestKeys);
    return reply(200, { counts: items.map(view), next });
  },
});

export const getCount = endpoint({
  summary: 'One count',
  params: schema.countParams,
  answers: { 200: schema.count },
  async handle({ mongo }, { params }) {
    return reply(200, there(await mongo.models.counts.findById(params.id).lean<StockCount>()));
  },
});

export const putCounted = endpoint({
  summary: 'Say what was counted of one product; again until it is decided',
  params: schema.countParams,
  body: schema.countedBody,
  answers: { 200: schema.count },
  problems: ['stock-refused'],
  async handle({ mongo }, { params, body, caller }) {
    const said = { countId: params.id, actor: actorOf(caller), ...body };
    return reply(200, there(await refusedAsProblem(() => recordCounted(mongo, said))));
  },
});

export const decideCount = endpoint({
  summary: 'Approve the differences, which posts them; reject them; or cancel the count',
  params: schema.countParams,
  body: schema.decideBody,
  answers: { 200: schema.count },
  problems: ['stock-refused'],
  async handle({ mongo }, { params, body, caller }) {
    const decision = { countId: params.id, decide: body.decision, actor: actorOf(caller) };
    return reply(200, there(await refusedAsProblem(() => decide(mongo, decision))));
  },
});

function there(count: StockCount | null | undefined) {
  if (!count) throw notFound();
  return view(count);
}

/** Whoever still counts is not told what the books say, nor by how much the others were off. */
function view({ _id: id, warehouseId, status, lines, reason, actor, createdAt, decidedAt, decidedBy }: StockCount) {
  return {
    id,
    warehouseId,
    status,
    lines: lines.map((line) => ({
      sku: line.sku,
      counted: line.counted,
      countedBy: line.countedBy,
      countedAt: line.countedAt?.toISOString(),
      ...(status !== 'open' && { variance: varianceOf(line) }),
    })),
    reason,
    actor,
    createdAt: createdAt.toISOString(),
    decidedAt: decidedAt?.toISOString(),
    decidedBy,
  };
}
