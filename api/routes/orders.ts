/** An order after it was placed: reading it, and what its owner may ask of it. */
import type { UpdateDefinition } from '@temporalio/common';
import { mayRefresh } from '../../activities/payments/payments.ts';
import { noteRefusal } from '../../activities/refusals.ts';
import { orderRules } from '../../activities/store-settings.ts';
import type { Order } from '../../models/order.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { hasEnded, orderStates } from '../../workflows/domain/states.ts';
import * as messages from '../../workflows/messages.ts';
import { actorOf, notFound } from '../auth.ts';
import { noteReason } from '../cases.ts';
import { type Api, endpoint, type Idempotency, reply } from '../endpoint.ts';
import { requireSameBody } from '../idempotency.ts';
import { afterNewest, newestKeys, page } from '../paging.ts';
import { refuseForeign } from '../placing.ts';
import { Problem } from '../problem.ts';
import * as schema from '../schemas/orders.ts';
import * as workflows from '../temporal.ts';
import { readRelated, statuses, viewOrder, viewState } from '../views/order.ts';

/** The order is in the address. */
const orderOf = (_api: unknown, { id }: { id: string }) => id;

export const getOrder = endpoint({
  summary: 'An order with its payment, shipments, returns and refunds',
  params: schema.orderParams,
  answers: { 200: schema.order },
  orderOf,
  async handle({ mongo }, { params, caller }) {
    const [order, related] = await Promise.all([readOrder(mongo, params.id), readRelated(mongo, [params.id])]);
    return reply(200, viewOrder(order, related(params.id), caller));
  },
});

export const getOrderState = endpoint({
  summary: 'How the order stands this moment',
  params: schema.orderParams,
  answers: { 200: schema.state },
  orderOf,
  async handle({ mongo, temporal }, { params, caller, log }) {
    const order = await readOrder(mongo, params.id);
    if (!hasEnded(orderStates, order.status)) {
      try {
        const state = await workflows.queryOrder(temporal, params.id);
        return reply(200, { source: 'workflow' as const, state: viewState(state, caller) });
      } catch (error) {
        log.warn({ err: error, orderId: params.id }, 'the workflow did not answer; the copy in the database is shown');
      }
    }
    const state = order.state ? viewState(order.state, caller) : notStarted(order);
    return reply(200, { source: 'database' as const, state });
  },
});

export const listOrders = endpoint({
  summary: 'Orders, newest first',
  query: schema.listQuery,
  answers: { 200: schema.orderPage },
  async handle({ mongo }, { query: { status, email, needsAttention, waitsFor, limit, cursor } }) {
    const found = await mongo.models.orders
      .find({
        ...(status && { status }),
        ...(email && { 'customer.email': email }),
        ...(waitsFor && { backordered: waitsFor }),
        ...(needsAttention && { 'state.incidents.0': { $exists: needsAttention === 'true' } }),
        ...afterNewest(cursor),
      })
      .sort({ createdAt: -1, _id: -1 })
      .limit(limit + 1)
      .lean<Order[]>();
    const { items, next } = page(found, limit, newestKeys);
    const related = await readRelated(
      mongo,
      items.map(({ _id }) => _id),
    );
    const orders = items.map((order) => ({
      id: order._id,
      createdAt: order.createdAt.toISOString(),
      status: order.status,
      ...statuses(order, related(order._id)),
      currency: order.currency,
      total: order.total,
      email: order.customer.email,
      needsAttention: (order.state?.incidents.length ?? 0) > 0,
      waitingFor: order.state?.waitingFor,
    }));
    return reply(200, { orders, next });
  },
});

export const payOrder = endpoint({
  summary: 'Pay with another method',
  params: schema.orderParams,
  body: schema.payBody,
  idempotencyKey: 'optional',
  answers: { 200: schema.order, 202: schema.accepted },
  problems: ['not-allowed-now', 'order-ended', 'unknown-payment-method'],
  orderOf,
  async handle({ mongo, temporal }, { params: { id }, body, caller, idempotency }) {
    await refuseForeign(mongo, body.paymentMethod, (await readOrder(mongo, id)).customerId);
    const paid = await updateOrder({ mongo, temporal }, id, messages.payOrder, body, idempotency).catch(
      async (error) => {
        if (error instanceof Problem && ['not-allowed-now', 'order-ended'].includes(error.kind))
          await noteRefusal(mongo, id, actorOf(caller), `Method of payment refused: ${error.message}`);
        throw error;
      },
    );
    if (paid === undefined) return underWay(id);
    const [order, related] = await Promise.all([readOrder(mongo, id), readRelated(mongo, [id])]);
    return reply(200, viewOrder(order, related(id), caller));
  },
});

export const refreshPayment = endpoint({
  summary: 'The customer is back from the bank (3-D Secure): look at the payment now, at most every few seconds',
  params: schema.orderParams,
  answers: { 202: schema.accepted },
  problems: ['order-ended'],
  orderOf,
  async handle({ mongo, temporal }, { params: { id } }) {
    const { status } = await readOrder(mongo, id);
    if (!hasEnded(orderStates, status) && (await mayRefresh(mongo, id))) {
      await ofOrder(mongo, id, () =>
        workflows.signal(temporal, messages.workflowIds.order(id), messages.paymentChanged),
      );
    }
    return underWay(id);
  },
});

export const cancelOrder = endpoint({
  summary: 'Cancel what has not been handed over yet: the order, a line, or a part of a line',
  params: schema.orderParams,
  body: schema.cancelBody,
  idempotencyKey: 'optional',
  answers: { 200: schema.cancelled, 202: schema.accepted },
  problems: ['not-allowed-now', 'order-ended'],
  orderOf,
  async handle({ mongo, temporal }, { params: { id }, body, caller, idempotency }) {
    if (idempotency) await requireSameBody(mongo, idempotency);
    const actor = actorOf(caller);
    const isPolicy = actor === 'customer' && (await orderRules(mongo)).customersCancelUntil === 'picked';
    const input = {
      ...(await noteReason(mongo, id, caller, body.reason)),
      ...(isPolicy && { unpickedOnly: true as const }),
    };
    const cancelled = body.lines
      ? await updateOrder(
          { mongo, temporal },
          id,
          messages.cancelOrderLines,
          { ...input, lines: body.lines },
          idempotency,
        )
      : // An order is cancelled once: whoever asks again joins the first, and no number of them keeps others from being heard.
        await updateOrder({ mongo, temporal }, id, messages.cancelOrder, input, messages.cancelOrder.name);
    return cancelled ? reply(200, cancelled) : underWay(id);
  },
});

/** An update of the order's workflow; `undefined` where it was taken on but did not finish in time. */
export function updateOrder<Ret, Input>(
  api: Pick<Api, 'mongo' | 'temporal'>,
  orderId: string,
  definition: UpdateDefinition<Ret, [Input]>,
  input: Input,
  once: Idempotency | string | undefined,
): Promise<Ret | undefined> {
  return ofOrder(api.mongo, orderId, () =>
    workflows.update(api, messages.workflowIds.order(orderId), definition, input, once),
  );
}

/** Adds to `order-ended` how the order ended. @throws Problem not-found where there is no such order */
export async function ofOrder<T>(mongo: Mongo, orderId: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof Problem && error.kind === 'order-ended')) throw error;
    const { status } = await readOrder(mongo, orderId);
    throw new Problem('order-ended', `The order is ${status}, and nothing works on it now`, { orderStatus: status });
  }
}

export function underWay(orderId: string) {
  const href = `/v1/orders/${orderId}`;
  return reply(202, { status: 'accepted', href }, { location: href });
}

export async function readOrder({ models }: Mongo, orderId: string): Promise<Order> {
  const order = await models.orders.findById(orderId).lean<Order>();
  if (!order) throw notFound();
  return order;
}

/** Written, but its workflow has not said anything yet. */
function notStarted({ status, rev, currency, total }: Order) {
  return {
    status,
    rev,
    paymentStatus: 'not_paid',
    fulfillmentStatus: 'unfulfilled',
    amountDue: total,
    currency,
    shipments: [],
  };
}
