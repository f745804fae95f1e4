/** Goods that come back: asked for, decided, received, inspected and settled. */
import { writeNote } from '../../activities/notes.ts';
import { openReturn as openReturnStep } from '../../activities/returns/opening.ts';
import { startReturn } from '../../activities/starts.ts';
import { newId } from '../../models/id.ts';
import type { Return } from '../../models/return.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { hasEnded, type ReturnStatus, returnStates } from '../../workflows/domain/states.ts';
import { unitsByLine } from '../../workflows/domain/units.ts';
import * as messages from '../../workflows/messages.ts';
import { actorOf, notFound } from '../auth.ts';
import { caseOf, step } from '../cases.ts';
import { type Api, type Caller, endpoint, reply } from '../endpoint.ts';
import { priceExchange, refuseOnceExchanged } from '../exchanges.ts';
import { once } from '../idempotency.ts';
import { afterNewest, newestKeys, page } from '../paging.ts';
import { Problem } from '../problem.ts';
import { deadlineBody } from '../schemas/common.ts';
import { orderParams, reasonBody } from '../schemas/orders.ts';
import * as schema from '../schemas/returns.ts';
import * as workflows from '../temporal.ts';
import { viewReturn } from '../views/return.ts';
import { viewReturnForStaff } from '../views/return-for-staff.ts';
import { readOrder } from './orders.ts';

export const openReturn = endpoint({
  summary: 'Ask for a return of delivered lines',
  params: orderParams,
  body: schema.returnBody,
  idempotencyKey: 'required',
  answers: { 201: schema.returned },
  problems: [
    'return-refused',
    'exchange-refused',
    'out-of-stock',
    'unknown-sku',
    'not-sold-in-currency',
    'amount-too-large',
    'amount-too-small',
    'unknown-customer',
    'unknown-payment-method',
  ],
  orderOf: (_api, { id }) => id,
  async handle(api, { params, body, caller, idempotency }) {
    const { mongo, temporal } = api;
    const order = await readOrder(mongo, params.id);
    const { exchangeFor, ...asked } = body;
    return once(mongo, idempotency!, newId('ret'), async (returnId) => {
      const exchange = exchangeFor && (await priceExchange(api, order, exchangeFor));
      const request = { returnId, orderId: order._id, by: openerOf(caller), ...asked, exchange };
      const opened = await openReturnStep(mongo, request);
      if (!opened.ok) {
        const { refused = 'return-refused', because, ...more } = opened;
        throw new Problem(refused, because, more.least === undefined ? {} : { least: more.least });
      }
      await workflows.started(temporal, (client) => startReturn(client, { returnId }));
      return reply(201, viewReturn(await readReturn(mongo, returnId)), { location: `/v1/returns/${returnId}` });
    });
  },
});

function openerOf(caller: Caller): 'customer' | 'support' | 'warehouse' {
  if (caller.kind !== 'staff') return 'customer';
  return caller.role === 'warehouse' ? 'warehouse' : 'support';
}

const orderOf = async ({ mongo }: Api, { id }: { id: string }) =>
  (await mongo.models.returns.findById(id, { orderId: 1 }).lean())?.orderId;

export const getReturn = endpoint({
  summary: 'A return',
  params: schema.returnParams,
  answers: { 200: schema.returned },
  orderOf,
  async handle({ mongo }, { params, caller }) {
    const found = await readReturn(mongo, params.id);
    if (caller.kind !== 'staff') return reply(200, viewReturn(found));
    return reply(200, viewReturnForStaff(found, await readOrder(mongo, found.orderId)));
  },
});

export const listReturns = endpoint({
  summary: 'Returns, the newest first',
  query: schema.returnQuery,
  answers: { 200: schema.returnPage },
  async handle({ mongo }, { query: { status, orderId, trackingNumber, limit, cursor } }) {
    const travels = ['label', 'parcel', 'late'].map((of) => ({ [`${of}.trackingNumber`]: trackingNumber }));
    const asked = {
      ...(status && { status }),
      ...(orderId && { orderId }),
      $and: [afterNewest(cursor), trackingNumber === undefined ? {} : { $or: travels }],
    };
    const found = await mongo.models.returns
      .find(asked)
      .sort({ createdAt: -1, _id: -1 })
      .limit(limit + 1)
      .lean<Return[]>();
    const { items, next } = page(found, limit, newestKeys);
    return reply(200, { returns: items.map(viewReturn), next });
  },
});

const { tell, noted, ended } = caseOf({ name: 'return', workflowId: messages.workflowIds.return, read: readReturn });

export const decideReturn = endpoint({
  ...step,
  params: schema.returnParams,
  summary: 'Approve or reject a return that policy leaves to a person',
  body: schema.decideBody,
  handle: async (api, asked) =>
    tell(api, asked, messages.decideReturn, { approve: asked.body.approve, ...(await noted(api, asked)) }),
});

export const receiveReturn = endpoint({
  ...step,
  params: schema.returnParams,
  summary: 'Say what really came back',
  body: schema.receiveBody,
  problems: [...step.problems, 'lines-do-not-fit'],
  async handle(api, asked) {
    const { body, caller, params } = asked;
    const { orderId, status, lines: known, arrivals } = await readReturn(api.mongo, params.id);
    const order = await readOrder(api.mongo, orderId);
    // More may come back than was asked for, and other lines, but not more than was sold.
    const wrong = body.lines.flatMap(({ lineId, quantity }) => {
      const sold = order.lines.find((line) => line.lineId === lineId)?.quantity;
      if (sold === undefined) return `${lineId} is not a line of the order: name it among the unexpected goods`;
      const { received, wrong: others } = known.find((line) => line.lineId === lineId) ?? { received: 0, wrong: 0 };
      const before = received + others;
      if (quantity === 0 || before + quantity <= sold) return [];
      return `${lineId}: ${quantity} named${before > 0 ? `, ${before} came before` : ''}, ${sold} were sold: name the others among the unexpected goods`;
    });
    if (wrong.length > 0) throw misfit(wrong, status, ['approved', 'in_transit']);
    const actor = actorOf(caller);
    const unexpected = body.unexpected && (await describe(api.mongo, orderId, actor, body.unexpected));
    const { lines, more } = body;
    return tell(api, asked, messages.receiveReturn, { lines, unexpected, more, after: arrivals.length, actor });
  },
});

/** What somebody wrote about goods stays with the order; the workflow gets the id of it. */
async function describe(
  mongo: Mongo,
  orderId: string,
  actor: string,
  goods: readonly { sku?: string | undefined; description?: string | undefined; quantity: number }[],
): Promise<{ what: string; quantity: number }[]> {
  const described: { what: string; quantity: number }[] = [];
  for (const { sku, description, quantity } of goods)
    described.push({ what: sku ?? (await writeNote(mongo, orderId, actor, description!)), quantity });
  return described;
}

export const inspectReturn = endpoint({
  ...step,
  params: schema.returnParams,
  summary: 'Say what becomes of each unit',
  body: schema.inspectBody,
  problems: [...step.problems, 'lines-do-not-fit'],
  async handle(api, asked) {
    const { lines, status } = await readReturn(api.mongo, asked.params.id);
    const received = new Map(lines.map((line) => [line.lineId, line.received]));
    const wrong = [...unitsByLine(asked.body.lines)]
      .filter(([lineId, quantity]) => quantity > (received.get(lineId) ?? 0))
      .map(([lineId, quantity]) => `${lineId}: ${quantity} named, ${received.get(lineId) ?? 0} received`);
    if (wrong.length > 0) throw misfit(wrong, status, ['received']);
    return tell(api, asked, messages.inspectReturn, { ...asked.body, actor: actorOf(asked.caller) });
  },
});

export const resolveReturn = endpoint({
  ...step,
  params: schema.returnParams,
  summary: 'Say whether a parcel that the carrier brings back is paid back or sent again, until it is inspected',
  body: schema.resolveBody,
  handle: async (api, asked) =>
    tell(api, asked, messages.resolveReturn, { resolution: asked.body.resolution, ...(await noted(api, asked)) }),
});

export const cancelReturn = endpoint({
  ...step,
  params: schema.returnParams,
  summary: 'Withdraw a return that has not arrived',
  body: reasonBody,
  orderOf,
  async handle(api, asked) {
    await refuseOnceExchanged(api.mongo, asked.params.id);
    return tell(api, asked, messages.cancelReturn, await noted(api, asked));
  },
});

export const putDeadline = endpoint({
  ...step,
  params: schema.returnParams,
  summary: 'Shorten, extend or end what the return waits for',
  body: deadlineBody,
  async handle(api, asked) {
    const { event, deadline } = asked.body;
    return tell(api, asked, messages.setDeadline, { event, deadline, ...(await noted(api, asked)) });
  },
});

/** Lines that do not fit; or, where the return is not there yet, or over, just that. */
function misfit(wrong: string[], status: ReturnStatus, allowed: readonly ReturnStatus[]): Problem {
  if (hasEnded(returnStates, status)) return ended(status);
  if (allowed.includes(status)) return new Problem('lines-do-not-fit', wrong.join('; '));
  return new Problem('not-allowed-now', `The return is ${status}; this needs ${allowed.join(' or ')}`);
}

async function readReturn({ models }: Mongo, returnId: string): Promise<Return> {
  const found = await models.returns.findById(returnId).lean<Return>();
  if (!found) throw notFound();
  return found;
}
