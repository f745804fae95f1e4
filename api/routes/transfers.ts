/** Goods that move between warehouses. */
import { receiveTransfer as receive, sendTransfer as send } from '../../activities/stock/transfers.ts';
import { newId } from '../../models/id.ts';
import type { Transfer } from '../../models/stock-work.ts';
import { actorOf, notFound } from '../auth.ts';
import { endpoint, reply } from '../endpoint.ts';
import { once, requireSameBody, updateIdOf } from '../idempotency.ts';
import { afterNewest, newestKeys, page } from '../paging.ts';
import * as schema from '../schemas/stock.ts';
import { checkGoods, refusedAsProblem } from './goods.ts';

export const createTransfer = endpoint({
  summary: 'Send goods to another warehouse: on their way they belong to neither',
  body: schema.transferBody,
  idempotencyKey: 'required',
  answers: { 201: schema.transfer },
  problems: ['unknown-sku', 'unknown-warehouse', 'stock-refused'],
  async handle({ mongo }, { body: { from, to, lines, reason }, caller, idempotency }) {
    await checkGoods(
      mongo,
      lines.map(({ sku }) => sku),
      [from, to],
    );
    return once(mongo, idempotency!, newId('trf'), async (_id) => {
      const sent = lines.map(({ sku, quantity }) => ({ sku, sent: quantity, received: 0 }));
      const made = { actor: actorOf(caller), status: 'in_transit' as const, createdAt: new Date() };
      const transfer = { _id, from, to, lines: sent, reason, ...made };
      return reply(201, view(await refusedAsProblem(() => send(mongo, transfer))));
    });
  },
});

export const listTransfers = endpoint({
  summary: 'Transfers, the newest first',
  query: schema.transferQuery,
  answers: { 200: schema.transferPage },
  async handle({ mongo }, { query: { status, from, to, limit, cursor } }) {
    const found = await mongo.models.transfers
      .find({ ...(status && { status }), ...(from && { from }), ...(to && { to }), ...afterNewest(cursor) })
      .sort({ createdAt: -1, _id: -1 })
      .limit(limit + 1)
      .lean<Transfer[]>();
    const { items, next } = page(found, limit, newestKeys);
    return reply(200, { transfers: items.map(view), next });
  },
});

export const getTransfer = endpoint({
  summary: 'One transfer',
  params: schema.transferParams,
  answers: { 200: schema.transfer },
  async handle({ mongo }, { params }) {
    return reply(200, there(await mongo.models.transfers.findById(params.id).lean<Transfer>()));
  },
});

export const receiveTransfer = endpoint({
  summary: 'Receive what came of a transfer',
  params: schema.transferParams,
  body: schema.arrivalBody,
  idempotencyKey: 'required',
  answers: { 200: schema.transfer },
  problems: ['stock-refused'],
  async handle({ mongo }, { params, body, caller, idempotency }) {
    await requireSameBody(mongo, idempotency!);
    const receipt = { key: updateIdOf(idempotency!), transferId: params.id, actor: actorOf(caller), ...body };
    return reply(200, there(await refusedAsProblem(() => receive(mongo, receipt))));
  },
});

function there(transfer: Transfer | null | undefined) {
  if (!transfer) throw notFound();
  return view(transfer);
}

function view({ _id: id, from, to, status, lines, reason, actor, createdAt, closedAt }: Transfer) {
  const times = { createdAt: createdAt.toISOString(), closedAt: closedAt?.toISOString() };
  return { id, from, to, status, lines, reason, actor, ...times };
}
