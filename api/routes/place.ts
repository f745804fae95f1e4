/** Placing an order: refuse what can be refused, write it, start its workflow, and wait for the outcome. */
import type { z } from 'zod';
import { finish, firstAnswer, requestId } from '../../activities/requests.ts';
import { expectedOf, offerOf, productsOf } from '../../activities/stock/availability.ts';
import type { Product } from '../../models/catalogue.ts';
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
import type { Payment } from '../../models/payment.ts';
import { findOneBy, writeOne } from '../../platform/documents.ts';
import { linkToken } from '../../platform/link-token.ts';
import { isDuplicateKey, type Mongo } from '../../platform/mongo.ts';
import { deadlines, limits } from '../../workflows/domain/limits.ts';
import { maxAmount, price } from '../../workflows/domain/pricing.ts';
import { hasEnded, type OrderStatus, orderStates } from '../../workflows/domain/states.ts';
import { availability, free } from '../../workflows/domain/stock.ts';
import { workflowIds } from '../../workflows/messages.ts';
import { type Api, type Asked, type Caller, endpoint, type Idempotency, reply } from '../endpoint.ts';
import { keyReused } from '../idempotency.ts';
import { Problem, type ProblemBody, problemBody } from '../problem.ts';
import { placeBody, placed, placing } from '../schemas/orders.ts';
import { problem } from '../schemas/problem.ts';
import * as workflows from '../temporal.ts';
import { nothingRelated, viewOrder, viewPayment, viewPerson } from '../views/order.ts';

type PlaceBody = z.output<typeof placeBody>;
type Priced = ReturnType<typeof price> & Pick<Order, 'acceptsBackorder' | 'expectedAt' | 'notBefore'>;
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
    'out-of-stock',
    'total-changed',
    'order-expired',
  ],
  async handle(api, asked: PlaceAsked) {
    const { mongo } = api;
    const key = asked.idempotency!;

    // 1. A repeat gets the first answer, or joins what is under way. Everything that can be refused is refused now.
    const found = await priceOrRefuse(mongo, asked.body);
    const known = found instanceof Problem ? await findPlaced(mongo, key) : undefined;
    if (found instanceof Problem && known === undefined) throw found;

    // 2. The order is written with its prices, and with the request that placed it.
    const order = known ?? (await write(mongo, key, newOrder(asked.body, found as Priced, key)));
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
    const answer = answerOf(status, now, payment, asked.requestId);
    await finish(mongo, key, orderId, answer);
    return dress(api, orderId, answer, now, payment);
  },
});

/** What the catalogue says it costs; or what it and one cheap look at the stock say against it. The workflow decides. */
async function priceOrRefuse(
  mongo: Mongo,
  { items, currency, expectedTotal, acceptBackorder }: PlaceBody,
): Promise<Priced | Problem> {
  const skus = [...new Set(items.map(({ sku }) => sku))];
  const found = await productsOf(mongo, skus);
  const unknown = skus.filter((sku) => !found.get(sku)?.active);
  if (unknown.length > 0)
    return new Problem('unknown-sku', `Not in the catalogue: ${unknown.join(', ')}`, { skus: unknown });
  const unsold = skus.filter((sku) => !Object.hasOwn(found.get(sku)!.prices, currency));
  if (unsold.length > 0)
    return new Problem('not-sold-in-currency', `Not sold in ${currency}: ${unsold.join(', ')}`, { skus: unsold });

  const products = new Map([...found].map(([sku, product]) => [sku, { ...product, sku }]));
  const { lines, total } = price(items, products, currency);
  if (lines.length > limits.lines)
    return new Problem('invalid-request', `With the parts of its bundles it has more than ${limits.lines} lines`);
  if (total > maxAmount)
    return new Problem('amount-too-large', `The total of ${total} is more than ${maxAmount} ${currency} minor units`);
  if (expectedTotal !== undefined && expectedTotal !== total)
    return new Problem('total-changed', `The total is ${total}, not ${expectedTotal}`, { total, currency });

  const demand = new Map<string, number>();
  for (const { sku, quantity } of lines) demand.set(sku, (demand.get(sku) ?? 0) + quantity);
  const offers = new Map(
    await Promise.all([...demand.keys()].map(async (sku) => [sku, await offerOf(mongo, sku)] as const)),
  );
  const now = new Date();
  const shortages: NonNullable<Order['shortages']> = [];
  const later: Product[] = [];
  for (const [sku, requested] of demand) {
    const { units, waiting } = offers.get(sku)!;
    const product = found.get(sku)!;
    const there = free({ units, waiting });
    const { availability: state, backorderable } = availability(units, waiting, product.backorder, now);
    if (requested > there + backorderable)
      shortages.push({ sku, requested, available: acceptBackorder ? there + backorderable : there });
    else if (requested > there || state === 'preorder') later.push(product);
  }
  if (shortages.length > 0) return outOfStock(shortages);
  // What is there now may be gone a moment later: who accepts to wait keeps the right to.
  if (later.length === 0)
    return acceptBackorder
      ? { lines, total, acceptsBackorder: true }
      : { lines: lines.map(({ backorder: _, ...line }) => line), total };
  const comes = await Promise.all(
    later.map(async (product) => {
      const { _id: sku } = product;
      return { sku, expectedAt: await expectedOf(mongo, product, demand.get(sku)!, offers) };
    }),
  );
  if (!acceptBackorder) {
    const short = later.map(({ _id: sku }) => {
      return { sku, requested: demand.get(sku)!, available: free(offers.get(sku)!) };
    });
    return outOfStock(short, comes);
  }
  const releases = later.flatMap(({ backorder }) => backorder?.releaseAt ?? []).sort();
  return {
    lines,
    total,
    acceptsBackorder: true,
    expectedAt: new Date(
      comes
        .map(({ expectedAt }) => expectedAt)
        .sort()
        .at(-1)!,
    ),
    ...(releases.length > 0 && { notBefore: new Date(releases.at(-1)!) }),
  };
}

/** `backorder` names what would come later, for those who accept to wait. */
function outOfStock(
  shortages: Order['shortages'] = [],
  backorder: readonly { sku: string; expectedAt: string }[] = [],
): Problem {
  const skus = shortages.map(({ sku }) => sku).join(', ');
  if (backorder.length === 0) return new Problem('out-of-stock', `Not enough in stock of ${skus}`, { shortages });
  const detail = `Not here yet: ${skus}. Place it with "acceptBackorder": true to wait for it, and to be charged when it comes`;
  return new Problem('out-of-stock', detail, { shortages, backorder });
}

function newOrder(
  { items, currency, customer, shippingAddress, paymentMethod }: PlaceBody,
  { lines, ...priced }: Priced,
  { bodyHash, ...key }: Idempotency,
): Order {
  const createdAt = new Date();
  return {
    _id: newId('ord'),
    request: { key: requestId(key), bodyHash },
    createdAt,
    placeBefore: new Date(createdAt.getTime() + deadlines.place),
    customer,
    shipTo: shippingAddress,
    currency,
    items,
    ...(paymentMethod && { paymentMethod }),
    lines: lines.map((line) => ({ ...line, allocations: [] })),
    ...priced,
    rev: 0,
    status: 'pending',
  };
}

/** The order as it stands now: this one, or the one that the same key has placed before. */
async function write(mongo: Mongo, key: Idempotency, order: Order): Promise<Order> {
  try {
    await writeOne(mongo.models.orders, { insertOne: { document: order } });
    return order;
  } catch (error) {
    const placed = isDuplicateKey(error) ? await findPlaced(mongo, key) : undefined;
    if (placed === undefined) throw error;
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
  const refuse = (refusal: Problem) => ({ status: 409, body: problemBody(refusal, requestId) }) as const;
  if (status === 'rejected') return refuse(outOfStock(order.shortages));
  if (status === 'expired')
    return refuse(new Problem('order-expired', 'Nothing was reserved or charged; place it anew with a new key'));
  if (status === 'cancelled') return refuse(new Problem('order-ended', 'The order was cancelled', { status }));
  // Nobody's view: what is kept holds neither secrets nor personal data.
  const nobody: Caller = { kind: 'public' };
  return { status: 201, body: viewOrder(order, { ...nothingRelated, payment }, nobody) };
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
