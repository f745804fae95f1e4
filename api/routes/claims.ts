/** What carriers owe for parcels that they lost or damaged. */
import { decideClaim as decide } from '../../activities/shipping/claims.ts';
import type { CarrierClaim } from '../../models/carrier-claim.ts';
import { formatMoney } from '../../workflows/domain/money.ts';
import { actorOf, notFound } from '../auth.ts';
import { endpoint, reply } from '../endpoint.ts';
import { afterNewest, newestKeys, page } from '../paging.ts';
import { Problem } from '../problem.ts';
import * as schema from '../schemas/shipments.ts';

export const listClaims = endpoint({
  summary: 'Claims against carriers, the newest first',
  query: schema.claimQuery,
  answers: { 200: schema.claimPage },
  async handle({ mongo }, { query: { status, limit, cursor } }) {
    const found = await mongo.models.carrierClaims
      .find({ ...(status && { status }), ...afterNewest(cursor) })
      .sort({ createdAt: -1, _id: -1 })
      .limit(limit + 1)
      .lean<CarrierClaim[]>();
    const { items, next } = page(found, limit, newestKeys);
    return reply(200, { claims: items.map(view), next });
  },
});

export const decideClaim = endpoint({
  summary: 'Write down what the carrier has decided, or that nothing is claimed any more',
  params: schema.claimParams,
  body: schema.decideClaimBody,
  answers: { 200: schema.claim },
  problems: ['not-allowed-now'],
  async handle({ mongo }, { params: { id }, body, caller }) {
    const decided = await decide(mongo, id, { ...body, decidedBy: actorOf(caller) });
    if (decided) return reply(200, view(decided));
    const claim = await mongo.models.carrierClaims.findById(id).lean<CarrierClaim>();
    if (!claim) throw notFound();
    const { status, paid, currency } = claim;
    const how = paid === undefined ? status : `${status} with ${formatMoney(paid, currency)}`;
    throw new Problem('not-allowed-now', `The claim is ${how} already: what was decided stays`);
  },
});

function view({ _id: id, createdAt, decidedAt, ...claim }: CarrierClaim) {
  const { orderId, shipmentId, parcelId, carrier, trackingNumber, why, amount, currency, status } = claim;
  const { paid, reference, decidedBy } = claim;
  return {
    ...{ id, orderId, shipmentId, parcelId, carrier, trackingNumber, why, amount, currency, status },
    ...{ paid, reference, decidedBy, createdAt: createdAt.toISOString(), decidedAt: decidedAt?.toISOString() },
  };
}
