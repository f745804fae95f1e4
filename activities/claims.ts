/** What customers claim of goods that did not come as they should: asked for, decided, and settled once. */
import type { ClientSession } from 'mongoose';
import type { Claim, Evidence, Settlement } from '../models/claim.ts';
import type { Order } from '../models/order.ts';
import type { Return } from '../models/return.ts';
import type { Shipment } from '../models/shipment.ts';
import { inTransaction, type Mongo } from '../platform/mongo.ts';
import type { LocalSteps, Mail, SettledClaim } from '../workflows/activities.ts';
import { type ClaimableParcel, decideClaim, findClaimed, type GoneUnits } from '../workflows/domain/claims.ts';
import { limits } from '../workflows/domain/limits.ts';
import { refundOfLines } from '../workflows/domain/refunds.ts';
import { keptUnits } from '../workflows/domain/sales.ts';
import { shipmentInWarehouse } from '../workflows/domain/states.ts';
import { unitsByLine } from '../workflows/domain/units.ts';
import { type ClaimState, workflowIds } from '../workflows/messages.ts';
import { live, liveClaims } from './claimed-units.ts';
import { broken } from './failure.ts';
import { queueMails } from './orders.ts';
import { paidBackOf, refundAndOwe, refundable } from './payments/refunds.ts';
import { paidOrderOf } from './payments/reships.ts';
import { readOrder } from './payments/sales.ts';
import { orderStartOf, reshipOf } from './reships.ts';
import { deliveredAt, returningUnits, withoutEffect } from './returns/opening.ts';
import { contentsOf } from './shipping/contents.ts';
import { giveUp, readParcel } from './shipping/given-up.ts';
import { paymentRules, storeSettings } from './store-settings.ts';

/** A claim and a return, or two claims, of one unit at once: each writes the order, so one of them is tried again. */
export async function openCustomerClaim(
  mongo: Mongo,
  request: Pick<Claim, 'orderId' | 'kind' | 'lines' | 'wants' | 'refundTo' | 'description'> & {
    claimId: string;
    evidence: Pick<Evidence, 'url' | 'note'>[];
    actor: string;
  },
): Promise<{ ok: true } | { ok: false; because: string }> {
  const { models } = mongo;
  const { claimId, evidence, actor, ...asked } = request;
  return inTransaction(mongo, async (session) => {
    if (await models.claims.exists({ _id: claimId }).session(session)) return { ok: true };
    const createdAt = new Date();
    const order = await models.orders
      .findOneAndUpdate(
        { _id: asked.orderId },
        { $set: { lastReturnAt: createdAt } },
        { session, returnDocument: 'after' },
      )
      .lean<Order>();
    if (!order) return { ok: false, because: `There is no order ${asked.orderId}` };
    if (asked.refundTo === 'store_credit' && order.customerId === undefined)
      return { ok: false, because: "The order is a guest's, who has no store credit" };
    const ofCustomer = { orderId: order._id, openedBy: 'customer' };
    if (actor === 'customer' && (await models.claims.countDocuments(ofCustomer).session(session)) >= limits.requests)
      return { ok: false, because: `${limits.requests} claims of this order were made: write to the store` };
    const strange = asked.lines.find(({ lineId }) => !order.lines.some((line) => line.lineId === lineId));
    if (strange) return { ok: false, because: `The order has no line ${strange.lineId}` };
    const parcels = await claimableParcels(mongo, session, order);
    const found = findClaimed(asked.kind, asked.lines, parcels, await goneUnits(mongo, session, order._id));
    if (!found.ok) return found;
    const contents = await contentsOf(mongo, order, asked.lines);
    const { _id: paidOrderId } = await paidOrderOf(mongo, order);
    const claim: Claim = {
      ...{ _id: claimId, ...asked, paidOrderId, createdAt, parcels: found.parcels },
      evidence: evidence.map((each) => ({ ...each, at: createdAt, actor })),
      worth: contents.reduce((sum, { value }) => sum + value, 0),
      ...{ currency: order.currency, openedBy: actor, rev: 0, status: 'open' },
    };
    await models.claims.create([claim], { session });
    return { ok: true };
  });
}

export async function loadClaim(mongo: Mongo, { claimId }: { claimId: string }): ReturnType<LocalSteps['loadClaim']> {
  const { orderId, paidOrderId, openedBy, kind, wants, parcels, ...claim } = await readClaim(mongo, claimId);
  const facts = { orderId, openedBy, kind, wants, parcels };
  const { claims: rules = {} } = await storeSettings(mongo);
  // Of all that was sent for one payment: what is sent again and again comes to a person.
  const others = await mongo.models.claims.find({ paidOrderId, ...live }).lean<Claim[]>();
  const worth = others.reduce((sum, each) => sum + each.worth, 0);
  const order = await readOrder(mongo, orderId);
  const paid = await paidOrderOf(mongo, order);
  const cameAt = deliveredAt(order);
  const days = cameAt === undefined ? 0 : (claim.createdAt.getTime() - cameAt.getTime()) / 86_400_000;
  const { currency, evidence } = claim;
  const ruled = decideClaim({ worth, currency, evidence: evidence.length, days }, rules);
  if (ruled.decision === 'ask') return { ...facts, ...ruled };
  const left = await inTransaction(mongo, (session) => refundable(mongo, session, paid._id));
  if (left < claim.worth) return { ...facts, decision: 'ask', because: 'Less is left of the payment than is claimed' };
  return { ...facts, ...ruled };
}

/** More can be shown until somebody has decided. */
export async function addEvidence(
  { models }: Mongo,
  claimId: string,
  evidence: Evidence,
): Promise<'added' | 'decided' | 'too much'> {
  const open = { _id: claimId, status: 'open' as const, settlement: { $exists: false } };
  const isRoom = { [`evidence.${limits.evidence - 1}`]: { $exists: false } };
  const added = await models.claims.updateOne({ ...open, ...isRoom }, { $push: { evidence } });
  if (added.modifiedCount === 1) return 'added';
  return (await models.claims.exists(open)) ? 'too much' : 'decided';
}

/** One transaction decides, against the order that may decide about a lost parcel at this moment. Again it is the same. */
export async function settleClaim(
  mongo: Mongo,
  { claimId, how, actor }: { claimId: string; how: Settlement['how']; actor: string },
): Promise<SettledClaim> {
  const { models } = mongo;
  const rules = await paymentRules(mongo);
  return inTransaction(mongo, async (session) => {
    const claim = await readClaim(mongo, claimId, session);
    if (claim.settlement) return settledAs(mongo, session, claim, claim.settlement);
    const broughtBack = await broughtBackOf(mongo, session, claim);
    if (broughtBack !== undefined) return { how: 'otherwise', because: `${broughtBack} is brought back` };
    if (claim.kind === 'lost_in_transit') {
      const because = await giveParcelsUp(mongo, session, claim, how);
      if (because !== undefined) return { how: 'otherwise', because };
    }
    const order = await readOrder(mongo, claim.orderId, session);
    const settled =
      how === 'reship'
        ? await sendAgain(mongo, session, claim, order)
        : await openClaimRefund(mongo, session, { claim, order, policy: rules.refundShipping, actor });
    const settlement: Settlement = { how, at: new Date(), ...settled };
    await models.claims.updateOne({ _id: claimId }, { $set: { settlement } }, { session });
    return settledAs(mongo, session, claim, settlement);
  });
}

export async function saveClaim(mongo: Mongo, { state, mails }: { state: ClaimState; mails: Mail[] }): Promise<void> {
  await queueMails(mongo, state.orderId, mails);
  const { claimId, rev, status } = state;
  await mongo.models.claims.updateOne({ _id: claimId, rev: { $lt: rev } }, { $set: { rev, status, state } });
}

async function settledAs(
  { models }: Mongo,
  session: ClientSession,
  { currency }: Claim,
  { how, reshipOrderId, refundId, amount = 0 }: Settlement,
): Promise<SettledClaim> {
  if (how === 'refund') return { how, refundId: refundId ?? null, amount, currency };
  return {
    how,
    order: orderStartOf(await models.orders.findById(reshipOrderId).session(session).lean<Order>().orFail()),
  };
}

async function sendAgain({ models }: Mongo, session: ClientSession, { _id, lines }: Claim, order: Order) {
  const reship = reshipOf(order, lines, _id);
  await models.orders.create([reship], { session });
  return { reshipOrderId: reship._id };
}

/** Of the order that paid, as far as there is something left; what a chargeback withholds of it is owed. */
async function openClaimRefund(
  mongo: Mongo,
  session: ClientSession,
  asked: { claim: Claim; order: Order; policy: 'with_last_goods' | 'never'; actor: string },
): Promise<Pick<Settlement, 'refundId' | 'amount'>> {
  const { claim, order, policy, actor } = asked;
  const { _id: claimId, refundTo: to } = claim;
  const paid = await paidOrderOf(mongo, order);
  const key = paid._id === order._id ? `${claimId}:refund` : `reship:${order._id}:${claimId}`;
  const before = await paidBackOf(mongo, session, paid._id, key);
  const claimed = claim.lines.flatMap(({ lineId, quantity }) => {
    const line = paid.lines.find((each) => each.lineId === lineId)!;
    const units = Math.min(quantity, keptUnits(line) - (before.units.get(lineId) ?? 0));
    return units > 0 ? [{ lineId, quantity: units }] : [];
  });
  const found = refundOfLines(paid, claimed, before.units, { policy, paidBack: before.shipping > 0 });
  if ('left' in found) throw broken(`${claimId}: of ${found.lineId} only ${found.left} are left`);
  const { lines, shipping } = found;
  const owed = lines.reduce((sum, line) => sum + line.amount, shipping);
  // Goodwill may have been paid before: a claim never brings back more than is left of what was paid.
  const amount = Math.min(owed, await refundable(mongo, session, paid._id));
  const request = {
    ...{ key, orderId: paid._id, amount, lines, shipping: Math.min(shipping, amount), to, actor },
    ...{ reason: `Claim ${claimId}`, workflowId: workflowIds.claim(claimId) },
  };
  return refundAndOwe(mongo, session, request, { what: claimId, total: owed });
}

/** The parcel that the carrier brings back, after it had called it delivered: its units are paid back by their return. */
async function broughtBackOf(
  { models }: Mongo,
  session: ClientSession,
  { parcels }: Claim,
): Promise<string | undefined> {
  const late = { $in: parcels.map(({ parcelId }) => parcelId) };
  const found = await models.returns
    .findOne({ 'late.parcelId': late, status: { $nin: withoutEffect } }, { late: 1 })
    .session(session)
    .lean<Return>();
  return found?.late?.parcelId;
}

/** @returns why not, where the order has decided about one of them already; then nothing was changed */
async function giveParcelsUp(
  mongo: Mongo,
  session: ClientSession,
  { _id: claimId, parcels }: Claim,
  how: Settlement['how'],
): Promise<string | undefined> {
  for (const claimed of parcels) {
    const { parcel } = await readParcel(mongo, session, claimed);
    if (parcel.givenUp) return `${parcel.id} was ${parcel.givenUp.how} already`;
  }
  const givenUp = { how: how === 'reship' ? ('reshipped' as const) : ('refunded' as const), claimId };
  for (const parcel of parcels) await giveUp(mongo, session, parcel, givenUp);
  return undefined;
}

/** What was handed over, and is not given up. */
async function claimableParcels(mongo: Mongo, session: ClientSession, order: Order): Promise<ClaimableParcel[]> {
  const claimed = (await liveClaims(mongo, session, order._id)).flatMap(({ parcels }) => parcels);
  const shipments = await mongo.models.shipments.find({ orderId: order._id }).session(session).lean<Shipment[]>();
  const left = (order.state?.shipments ?? []).filter(
    ({ status }) => status !== 'cancelled' && !shipmentInWarehouse.includes(status),
  );
  return left.flatMap(({ id: shipmentId, parcels = [] }) =>
    parcels.flatMap(({ id: parcelId, status, resolved }): ClaimableParcel[] => {
      const packed = shipments.find(({ _id }) => _id === shipmentId)?.parcels?.find(({ id }) => id === parcelId);
      // What the carrier brings back is a return.
      if (!packed || packed.givenUp || resolved || status === 'returned_to_sender') return [];
      const mine = claimed.filter((each) => each.parcelId === parcelId);
      const taken = unitsByLine(mine.flatMap(({ units }) => units));
      const units = packed.units.map(({ lineId, quantity }) => {
        return { lineId, quantity: quantity - (taken.get(lineId) ?? 0) };
      });
      return [{ shipmentId, parcelId, status, units, isClaimed: mine.length > 0 }];
    }),
  );
}

async function goneUnits(mongo: Mongo, session: ClientSession, orderId: string): Promise<GoneUnits> {
  // By support: returns, claims and goods that were never sent have keys of other forms.
  const refunds = await mongo.models.refunds
    .find({ orderId, key: /^ref_/, status: { $ne: 'failed' } }, { lines: 1 })
    .session(session)
    .lean();
  return {
    returning: await returningUnits(mongo, session, orderId),
    paidBack: unitsByLine(refunds.flatMap(({ lines }) => lines ?? [])),
  };
}

async function readClaim({ models }: Mongo, claimId: string, session?: ClientSession): Promise<Claim> {
  const claim = await models.claims
    .findById(claimId)
    .session(session ?? null)
    .lean<Claim>();
  if (!claim) throw broken(`There is no claim ${claimId}`);
  return claim;
}
