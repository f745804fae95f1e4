/** What customers claim of goods that did not come as they should. What carriers owe for it stands in claims.ts. */
import { addEvidence, openCustomerClaim } from '../../activities/claims.ts';
import { noteRefusal } from '../../activities/refusals.ts';
import { startClaim } from '../../activities/starts.ts';
import type { Claim } from '../../models/claim.ts';
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { limits } from '../../workflows/domain/limits.ts';
import * as messages from '../../workflows/messages.ts';
import { actorOf, notFound } from '../auth.ts';
import { caseOf, step } from '../cases.ts';
import { type Api, type Caller, endpoint, reply } from '../endpoint.ts';
import { once } from '../idempotency.ts';
import { afterNewest, newestKeys, page } from '../paging.ts';
import { Problem } from '../problem.ts';
import * as schema from '../schemas/claims.ts';
import { deadlineBody } from '../schemas/common.ts';
import { orderParams, reasonBody } from '../schemas/orders.ts';
import * as workflows from '../temporal.ts';
import { viewClaim } from '../views/claim.ts';
import { readOrder } from './orders.ts';

export const openClaim = endpoint({
  summary: 'Claim what is missing, broken, wrong or lost: it is refunded or sent again, and nothing is sent back',
  params: orderParams,
  body: schema.claimBody,
  idempotencyKey: 'required',
  answers: { 201: schema.claim },
  problems: ['claim-refused'],
  orderOf: (_api, { id }) => id,
  async handle({ mongo, temporal }, { params, body, caller, idempotency }) {
    const order = await readOrder(mongo, params.id);
    const actor = actorOf(caller);
    return once(mongo, idempotency!, newId('cla'), async (claimId) => {
      const opened = await openCustomerClaim(mongo, { claimId, orderId: order._id, actor, ...body });
      if (!opened.ok) {
        await noteRefusal(mongo, order._id, actor, `Claim refused: ${opened.because}`);
        throw new Problem('claim-refused', opened.because);
      }
      await workflows.started(temporal, (client) => startClaim(client, { claimId }));
      return reply(201, await view(mongo, claimId, caller), { location: `/v1/claims/${claimId}` });
    });
  },
});

const orderOf = async ({ mongo }: Api, { id }: { id: string }) =>
  (await mongo.models.claims.findById(id, { orderId: 1 }).lean())?.orderId;

export const getClaim = endpoint({
  summary: "A customer's claim",
  params: schema.claimParams,
  answers: { 200: schema.claim },
  orderOf,
  async handle({ mongo }, { params, caller }) {
    return reply(200, await view(mongo, params.id, caller));
  },
});

export const listClaims = endpoint({
  summary: "Customers' claims, the newest first",
  query: schema.claimQuery,
  answers: { 200: schema.claimPage },
  async handle({ mongo }, { query: { status, orderId, limit, cursor }, caller }) {
    const { claims, orders } = mongo.models;
    const found = await claims
      .find({ ...(status && { status }), ...(orderId && { orderId }), ...afterNewest(cursor) })
      .sort({ createdAt: -1, _id: -1 })
      .limit(limit + 1)
      .lean<Claim[]>();
    const { items, next } = page(found, limit, newestKeys);
    const ids = items.map((claim) => claim.orderId);
    const noted = await orders.find({ _id: { $in: ids } }, { notes: 1 }).lean<Pick<Order, '_id' | 'notes'>[]>();
    const orderOf = (claim: Claim) => noted.find(({ _id }) => _id === claim.orderId) ?? {};
    return reply(200, { claims: items.map((claim) => viewClaim(claim, orderOf(claim), caller)), next });
  },
});

export const postEvidence = endpoint({
  summary: 'Show a picture or a paper, until the claim is decided',
  params: schema.claimParams,
  body: schema.evidenceBody,
  answers: { 200: schema.claim },
  problems: ['not-allowed-now'],
  orderOf,
  async handle({ mongo }, { params: { id }, body, caller }) {
    await readClaim(mongo, id);
    const added = await addEvidence(mongo, id, { ...body, at: new Date(), actor: actorOf(caller) });
    if (added === 'decided') throw new Problem('not-allowed-now', 'The claim is decided: what was decided stays');
    if (added === 'too much')
      throw new Problem('not-allowed-now', `A claim has at most ${limits.evidence} pieces of evidence`);
    return reply(200, await view(mongo, id, caller));
  },
});

const { tell, noted } = caseOf({ name: 'claim', workflowId: messages.workflowIds.claim, read: readClaim });

export const decideClaim = endpoint({
  ...step,
  params: schema.claimParams,
  summary: 'Approve or reject a claim: an approved one is refunded or sent again at once',
  body: schema.decideClaimBody,
  handle: async (api, asked) =>
    tell(api, asked, messages.decideClaim, {
      ...{ approve: asked.body.approve, how: asked.body.how, ...(await noted(api, asked)) },
    }),
});

export const withdrawClaim = endpoint({
  ...step,
  params: schema.claimParams,
  summary: 'Withdraw a claim that is not decided',
  body: reasonBody,
  orderOf,
  handle: async (api, asked) => tell(api, asked, messages.withdrawClaim, await noted(api, asked)),
});

export const putDeadline = endpoint({
  ...step,
  params: schema.claimParams,
  summary: 'Shorten, extend or end what the claim waits for',
  body: deadlineBody,
  async handle(api, asked) {
    const { event, deadline } = asked.body;
    return tell(api, asked, messages.setDeadline, { event, deadline, ...(await noted(api, asked)) });
  },
});

async function view(mongo: Mongo, claimId: string, caller: Caller) {
  const claim = await readClaim(mongo, claimId);
  return viewClaim(claim, await readOrder(mongo, claim.orderId), caller);
}

async function readClaim({ models }: Mongo, claimId: string): Promise<Claim> {
  const claim = await models.claims.findById(claimId).lean<Claim>();
  if (!claim) throw notFound();
  return claim;
}
