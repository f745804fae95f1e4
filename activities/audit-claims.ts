/** The auditor's look at customers' claims: settled in one way, once, and about no more than was sent. */
import type { Claim } from '../models/claim.ts';
import type { Order } from '../models/order.ts';
import type { Return } from '../models/return.ts';
import type { Mongo } from '../platform/mongo.ts';
import { unitsByLine } from '../workflows/domain/units.ts';
import { liveClaims } from './claimed-units.ts';
import { withoutEffect } from './returns/opening.ts';

interface Finding {
  guarantee: 'G5';
  where: string;
  what: string;
}

export async function* checkClaims(mongo: Mongo): AsyncGenerator<Finding> {
  for await (const claim of mongo.models.claims.find().lean<Claim>().cursor())
    for (const what of await settledWrongly(mongo, claim)) yield { guarantee: 'G5', where: claim._id, what };
  for (const orderId of await mongo.models.claims.distinct('orderId'))
    for (const what of await claimedTooMuch(mongo, orderId)) yield { guarantee: 'G5', where: orderId, what };
}

/** A refund is not there where nothing was left to pay back. */
async function settledWrongly({ models }: Mongo, { _id, status, settlement }: Claim): Promise<string[]> {
  const reships = await models.orders.countDocuments({ reshipOf: _id });
  const refunds = await models.refunds.countDocuments({ key: { $regex: `${_id}(:refund)?$` } });
  const isApproved = status === 'approved' || status === 'settled';
  if (!settlement) {
    if (isApproved) return [`it is ${status}, and nothing was done`];
    return reships + refunds > 0 ? [`it is ${status}, with ${refunds} refunds and ${reships} orders`] : [];
  }
  const should = settlement.how === 'reship' ? [0, 1] : [settlement.refundId === undefined ? 0 : 1, 0];
  if (refunds === should[0] && reships === should[1]) return [];
  return [`it is to ${settlement.how}, and has ${refunds} refunds and ${reships} orders`];
}

async function claimedTooMuch(mongo: Mongo, orderId: string): Promise<string[]> {
  const order = await mongo.models.orders.findById(orderId).lean<Order>().orFail();
  const claims = await liveClaims(mongo, undefined, orderId);
  const claimed = unitsByLine(claims.flatMap(({ lines }) => lines));
  const returning = await askedBack(mongo, orderId);
  const ofLines = order.lines.flatMap(({ lineId, allocations }) => {
    const left = allocations.filter(({ state }) => state === 'shipped' || state === 'lost');
    const sent = left.reduce((sum, { quantity }) => sum + quantity, 0);
    const units = (claimed.get(lineId) ?? 0) + (returning.get(lineId) ?? 0);
    return units > sent ? [`${units} of ${lineId} are claimed or returned, ${sent} were sent`] : [];
  });
  const shipments = await mongo.models.shipments.find({ orderId }).lean();
  const packed = shipments.flatMap(({ parcels }) => parcels ?? []);
  const ofParcels = claims.flatMap(({ _id, lines, parcels }) => {
    const inside = unitsByLine(parcels.flatMap(({ units }) => units));
    const isFound = lines.every(({ lineId, quantity }) => inside.get(lineId) === quantity);
    return isFound ? [] : [`the units of ${_id} are not those of its parcels`];
  });
  const ofParcel = packed.flatMap(({ id, units }) => {
    const mine = claims.flatMap(({ parcels }) => parcels).filter(({ parcelId }) => parcelId === id);
    const taken = unitsByLine(mine.flatMap((each) => each.units));
    return units
      .filter(({ lineId, quantity }) => (taken.get(lineId) ?? 0) > quantity)
      .map(({ lineId, quantity }) => `${taken.get(lineId)} of ${lineId} in ${id} are claimed, of ${quantity}`);
  });
  return [...ofLines, ...ofParcels, ...ofParcel];
}

/**
 * By whoever may ask for no more than there is. What a carrier brings back is what it is: what of it is claimed was sent all
 * the same, and is not paid back twice.
 */
async function askedBack({ models }: Mongo, orderId: string): Promise<ReadonlyMap<string, number>> {
  const asked = { orderId, by: { $ne: 'carrier' as const }, status: { $nin: withoutEffect } };
  const returns = await models.returns.find(asked, { status: 1, lines: 1 }).lean<Return[]>();
  const units = returns.flatMap(({ status, lines }) => {
    const isHere = ['received', 'inspected', 'completed'].includes(status);
    return lines.map((line) => (isHere ? { ...line, quantity: Math.min(line.quantity, line.received) } : line));
  });
  return unitsByLine(units);
}
