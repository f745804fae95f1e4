/** Goods that suppliers bring: announced, received in parts, closed. */
import {
  announceDelivery,
  cancelDelivery as cancel,
  postponeDelivery as postpone,
  receiveDelivery as receive,
} from '../../activities/stock/deliveries.ts';
import { newId } from '../../models/id.ts';
import type { Delivery } from '../../models/stock-work.ts';
import { actorOf, notFound } from '../auth.ts';
import { endpoint, reply } from '../endpoint.ts';
import { once, requireSameBody, updateIdOf } from '../idempotency.ts';
import { afterNewest, newestKeys, page } from '../paging.ts';
import * as schema from '../schemas/stock.ts';
import { checkGoods, refusedAsProblem } from './goods.ts';

export const createDelivery = endpoint({
  summary: 'Announce goods that a supplier will bring',
  body: schema.deliveryBody,
  idempotencyKey: 'required',
  answers: { 201: schema.delivery },
  problems: ['unknown-sku', 'unknown-warehouse', 'stock-refused'],
  async handle({ mongo }, { body, caller, idempotency }) {
    const skus = body.lines.map(({ sku }) => sku);
    await checkGoods(mongo, skus, [body.warehouseId]);
    return once(mongo, idempotency!, newId('dlv'), async (_id) => {
      const lines = body.lines.map((line) => ({ ...line, received: 0 }));
      const made = { actor: actorOf(caller), status: 'expected' as const, createdAt: new Date() };
      return reply(201, view(await announceDelivery(mongo, { _id, ...body, lines, ...made })));
    });
  },
});

export const listDeliveries = endpoint({
  summary: 'Deliveries, the newest first',
  query: schema.deliveryQuery,
  answers: { 200: schema.deliveryPage },
  async handle({ mongo }, { query: { status, warehouseId, sku, limit, cursor } }) {
    const wanted = { ...(status && { status }), ...(warehouseId && { warehouseId }), ...(sku && { 'lines.sku': sku }) };
    const found = await mongo.models.deliveries
      .find({ ...wanted, ...afterNewest(cursor) })
      .sort({ createdAt: -1, _id: -1 })
      .limit(limit + 1)
      .lean<Delivery[]>();
    const { items, next } = page(found, limit, newestKeys);
    return reply(200, { deliveries: items.map(view), next });
  },
});

export const getDelivery = endpoint({
  summary: 'One delivery',
  params: schema.deliveryParams,
  answers: { 200: schema.delivery },
  async handle({ mongo }, { params }) {
    return reply(200, there(await mongo.models.deliveries.findById(params.id).lean<Delivery>()));
  },
});

export const receiveDelivery = endpoint({
  summary: 'Receive what came; orders that wait for it are served at once',
  params: schema.deliveryParams,
  body: schema.receiveBody,
  idempotencyKey: 'required',
  answers: { 200: schema.delivery },
  problems: ['stock-refused'],
  async handle({ mongo }, { params, body, caller, idempotency }) {
    await requireSameBody(mongo, idempotency!);
    const receipt = { key: updateIdOf(idempotency!), deliveryId: params.id, actor: actorOf(caller), ...body };
    return reply(200, there(await refusedAsProblem(() => receive(mongo, receipt))));
  },
});

export const postponeDelivery = endpoint({
  summary: 'Say when it is expected now',
  params: schema.deliveryParams,
  body: schema.postponeBody,
  answers: { 200: schema.delivery },
  problems: ['stock-refused'],
  async handle({ mongo }, { params, body }) {
    return reply(200, there(await refusedAsProblem(() => postpone(mongo, params.id, body.expectedAt))));
  },
});

export const cancelDelivery = endpoint({
  summary: 'It will not come',
  params: schema.deliveryParams,
  answers: { 200: schema.delivery },
  problems: ['stock-refused'],
  async handle({ mongo }, { params }) {
    return reply(200, there(await refusedAsProblem(() => cancel(mongo, params.id))));
  },
});

function there(delivery: Delivery | null | undefined) {
  if (!delivery) throw notFound();
  return view(delivery);
}

function view({ _id: id, expectedAt, createdAt, closedAt, ...delivery }: Delivery) {
  const { warehouseId, reference, status, lines, tolerancePercent, actor } = delivery;
  const common = { id, warehouseId, reference, status, lines, tolerancePercent, actor };
  const times = { expectedAt: expectedAt.toISOString(), createdAt: createdAt.toISOString() };
  return { ...common, ...times, closedAt: closedAt?.toISOString() };
}
