/** Placing an order: refuse what can be refused, write it, start its workflow, and wait for the outcome. */
import type { z } from 'zod';
import { finish, firstAnswer, requestId } from '../../activities/requests.ts';
import type { Order } from '../../models/order.ts';
import type { Payment } from '../../models/payment.ts';
import { findOneBy, writeOne } from '../../platform/documents.ts';
import { linkToken } from '../../platform/link-token.ts';
import { isDuplicateKey, type Mongo } from '../../platform/mongo.ts';
import { hasEnded, type OrderStatus, orderStates } from '../../workflows/domain/states.ts';
import { workflowIds } from '../../workflows/messages.ts';
import { type Api, type Asked, type Caller, endpoint, type Idempotency, reply } from '../endpoint.ts';
import { keyReused } from '../idempotency.ts';
import { newOrder, outOfStock, type PlaceBody, priceChangedAtReserving, priceOrRefuse } from '../placing.ts';
import { Problem, type ProblemBody, problemBody } from '../problem.ts';
import { placeBody, placed, placing } from '../schemas/orders.ts';
import { problem } from '../schemas/problem.ts';
import * as workflows from '../temporal.ts';
import { nothingRelated, viewOrder, viewPayment, viewPerson } from '../views/order.ts';
import { customerOf } from './quotes.ts';

type PlaceAsked = Asked<unknown, unknown, PlaceBody>;
/** As it is kept under the Idempotency-Key: without link, client secret and personal data. */
type FirstAnswer = { status: 201; body: z.input<typeof placed>['order'] } | { status: 409; body: ProblemBody };

export const placeOrder = endpoint({
  summary: 'Place an order',
  body: placeBody,
  idempotencyKey: 'required',
  answers: { 201: placed, 202: placing, 409: problem },
  problems: [
    'unknown-sku',
    'not-sold-in-currency',
    'amount-too-large',
    'amount-too-small',
    'not-deliverable',
    'not-taxable',
    'unknown-quote',
    'quote-placed',
    'unknown-customer',
    'unknown-payment-method',
    'out-of-stock',
    'price-changed',
    'order-expired',
  ],
  async handle(api, asked: PlaceAsked) {
    const { mongo } = api;
    const key = asked.idempotency!;

    // 1. A repeat gets the first answer, or joins what is under way. Everything that can be refused is refused now.
    const buyer = { customerId: customerOf(asked.caller), email: asked.body.customer.email };
    const found = await priceOrRefuse(api, asked.body, buyer);
    const known = found instanceof Problem ? await findPlaced(mongo, key) : undefined;
    if (found instanceof Problem && known === undefined) throw found;

    // 2. The order is written with its prices, and with the request that placed it.
    const order =
      known ?? (await write(mongo, key, newOrder(asked.body, found as Exclude<typeof found, Problem>, key)));
    if (order.request!.bodyHash !== key.bodyHash) throw keyReused();
    const orderId = order._id;
    const before = order.rev > 0 ? await firstAnswer(mongo, key) : undefined;
    if (before) return dress(api, orderId, before as FirstAnswer);

    // 3. The workflow does the rest, whether we hear of it in time or not.
    asked.log.info({ orderId, workflowId: workflowIds.order(orderId) }, 'placing');
    // One that has ended may be forgotten by Temporal, and would begin anew.
    const outcome = hasEnded(orderStates, order.status) ? undefined : await workflows.place(api.temporal, order);
    const [now, payment] = await Promise.all([readOrder(mongo, orderId), readPayment(mongo, orderId)]);
    const status = outcome?.status ?? now.status;
    if (status === 'pending') {
      const href = hrefOf(orderId);
      return reply(202, { status, href, link: linkOf(api, orderId) }, { location: href, 'retry-after': '2' });
    }
    const answer =
      status === 'rejected' && now.priceChange
        ? refused(await priceChangedAtReserving(api, now, buyer), asked.requestId)
        : answerOf(status, now, payment, asked.requestId);
    await finish(mongo, key, orderId, answer);
    return dress(api, orderId, answer, now, payment);
  },
});

/** The order as it stands now: this one, or the one that the same key has placed before. */
async function write(mongo: Mongo, key: Idempotency, order: Order): Promise<Order> {
  try {
    await writeOne(mongo.models.orders, { insertOne: { document: order } });
    return order;
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    const placed = await findPlaced(mongo, key);
    if (placed === undefined)
      throw new Problem(
        'quote-placed',
        `There is an order by ${order.quoteId} already: ask for a new quote for another`,
      );
    return placed;
  }
}

/** Read as it is on the primary: the one who was first may still wait for the majority. */
async function findPlaced({ models }: Mongo, key: Idempotency): Promise<Order | undefined> {
  const placed = await models.orders
    .findOne({ 'request.key': requestId(key) })
    .readConcern('local')
    .lean<Order>();
  return placed ?? undefined;
}

function answerOf(status: OrderStatus, order: Order, payment: Payment | undefined, requestId: string): FirstAnswer {
  const refuse = (refusal: Problem) => refused(refusal, requestId);
  if (status === 'rejected') return refuse(outOfStock(order.shortages));
  if (status === 'expired')
    return refuse(new Problem('order-expired', 'Nothing was reserved or charged; place it anew with a new key'));
  if (status === 'cancelled') return refuse(new Problem('order-ended', 'The order was cancelled', { status }));
  // Nobody's view: what is kept holds neither secrets nor personal data.
  const nobody: Caller = { kind: 'public' };
  return { status: 201, body: viewOrder(order, { ...nothingRelated, payment }, nobody) };
}

function refused(refusal: Problem, requestId: string): FirstAnswer {
  return { status: 409, body: problemBody(refusal, requestId) };
}

/** Adds what only the one who placed the order may see, and what is therefore not kept. */
async function dress(api: Api, orderId: string, answer: FirstAnswer, order?: Order, payment?: Payment) {
  if (answer.status === 409) return reply(409, answer.body, { 'content-type': 'application/problem+json' });
  const owned = order ?? (await readOrder(api.mongo, orderId));
  const paid = payment ?? (await readPayment(api.mongo, orderId));
  const view = paid && viewPayment(owned, paid, { kind: 'owner', orderId });
  const body = {
    order: { ...answer.body, ...viewPerson(owned) },
    link: linkOf(api, orderId),
    ...(view && {
      payment: {
        status: view.status,
        ...(view.clientSecret && { clientSecret: view.clientSecret, purpose: view.purpose }),
        ...(view.declineCode && { declineCode: view.declineCode }),
      },
    }),
  };
  return reply(201, body, { location: hrefOf(orderId) });
}

function linkOf({ config }: Api, orderId: string) {
  return { token: linkToken(config.WAYBILL_SECRET, orderId), href: hrefOf(orderId) };
}

function hrefOf(orderId: string): string {
  return `/v1/orders/${orderId}`;
}

async function readOrder({ models }: Mongo, orderId: string): Promise<Order> {
  const order = await findOneBy(models.orders, '_id', orderId);
  if (!order) throw new Error(`The order ${orderId} of a known request is not in the database`);
  return order;
}

async function readPayment({ models }: Mongo, orderId: string): Promise<Payment | undefined> {
  return (await findOneBy(models.payments, 'orderId', orderId)) ?? undefined;
}
