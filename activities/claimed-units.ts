/** Units that customers claim: they cannot be returned, claimed or paid back a second time. */
import type { ClientSession } from 'mongoose';
import type { Claim } from '../models/claim.ts';
import type { Mongo } from '../platform/mongo.ts';
import type { CustomerClaimStatus } from '../workflows/domain/states.ts';
import { unitsByLine } from '../workflows/domain/units.ts';

/** Claims that are settled, or can still be. */
export const live = { status: { $nin: ['rejected', 'withdrawn'] as CustomerClaimStatus[] } };

export function liveClaims({ models }: Mongo, session: ClientSession | undefined, orderId: string): Promise<Claim[]> {
  return models.claims
    .find({ orderId, ...live })
    .session(session ?? null)
    .lean<Claim[]>();
}

/** Of the goods of these shipments, by line. Whoever decides by them writes the order, as claims do: see `lastReturnAt`. */
export async function claimedUnits(
  mongo: Mongo,
  session: ClientSession | undefined,
  orderId: string,
  shipmentIds: ReadonlySet<string>,
): Promise<ReadonlyMap<string, number>> {
  const claims = await liveClaims(mongo, session, orderId);
  const parcels = claims.flatMap((claim) => claim.parcels).filter(({ shipmentId }) => shipmentIds.has(shipmentId));
  return unitsByLine(parcels.flatMap(({ units }) => units));
}

/** What is claimed and not paid back yet, by line: it is sent again, or nobody has decided. */
export async function unpaidClaims(
  mongo: Mongo,
  session: ClientSession,
  orderId: string,
): Promise<ReadonlyMap<string, number>> {
  const claims = await liveClaims(mongo, session, orderId);
  const unpaid = claims.filter(({ settlement }) => settlement?.refundId === undefined);
  const claimed = unitsByLine(unpaid.flatMap(({ lines }) => lines));
  // What was sent again in vain is paid back by now.
  const inVain = await mongo.models.refunds
    .find({ orderId, key: /^reship:/, status: { $ne: 'failed' } }, { lines: 1 })
    .session(session)
    .lean();
  const back = unitsByLine(inVain.flatMap(({ lines }) => lines ?? []));
  return new Map([...claimed].map(([lineId, units]) => [lineId, Math.max(0, units - (back.get(lineId) ?? 0))]));
}
