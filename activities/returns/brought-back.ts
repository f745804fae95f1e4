/** Returns that a carrier begins: it brings a parcel back, and nobody has asked for it. */
import type { ClientSession } from 'mongoose';
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
import type { BroughtBack, Return } from '../../models/return.ts';
import type { PackedParcel, Shipment } from '../../models/shipment.ts';
import { inTransaction, type Mongo } from '../../platform/mongo.ts';
import type { LocalSteps, ParcelIds } from '../../workflows/activities.ts';
import { policyOf, type ReturnPolicies, termsOfUnasked } from '../../workflows/domain/return-policy.ts';
import { readOrder } from '../payments/sales.ts';
import { claimOf, giveUp, readParcel } from '../shipping/given-up.ts';
import { returnRules } from '../store-settings.ts';
import { addressOf, awaited } from './opening.ts';

/** Of a parcel that did not reach its customer, once. A customer's claim that has decided about it as lost is named instead. */
export async function openParcelReturn(mongo: Mongo, ids: ParcelIds): ReturnType<LocalSteps['openParcelReturn']> {
  const { policies } = await returnRules(mongo);
  return inTransaction(mongo, async (session) => {
    const known = await returnOf(mongo, session, ids);
    if (known) return known;
    const { shipment, parcel } = await readParcel(mongo, session, ids);
    const claimed = claimOf(parcel);
    if (claimed) return { claimed };
    await giveUp(mongo, session, ids, { how: 'returned' });
    const found = await returnFrom(mongo, session, { ids, shipment, parcel, policies });
    return create(mongo, session, { ...found, status: 'in_transit', parcel: broughtBack(ids, parcel) });
  });
}

/**
 * Of a parcel that the carrier had called delivered, once. Its customer has had it, so it is a return like any other: what
 * is accepted is paid back, as far as it was not before. Not of one that was sent again, or paid back: its goods are nobody's.
 */
export async function openLateReturn(mongo: Mongo, ids: ParcelIds): Promise<{ returnId: string } | undefined> {
  const { policies } = await returnRules(mongo);
  return inTransaction(mongo, async (session) => {
    const known = await returnOf(mongo, session, ids);
    if (known) return known;
    const { shipment, parcel } = await readParcel(mongo, session, ids);
    if (parcel.givenUp) return undefined;
    const found = await returnFrom(mongo, session, { ids, shipment, parcel, policies });
    return create(mongo, session, { ...found, status: 'requested', late: broughtBack(ids, parcel) });
  });
}

async function returnOf(
  { models }: Mongo,
  session: ClientSession,
  { parcelId }: ParcelIds,
): Promise<{ returnId: string } | undefined> {
  const known = await models.returns
    .findOne({ $or: [{ 'parcel.parcelId': parcelId }, { 'late.parcelId': parcelId }] }, { _id: 1 })
    .session(session)
    .lean();
  return known ? { returnId: known._id } : undefined;
}

async function returnFrom(
  mongo: Mongo,
  session: ClientSession,
  from: { ids: ParcelIds; shipment: Shipment; parcel: PackedParcel; policies: ReturnPolicies },
): Promise<Omit<Return, 'status'>> {
  const { orderId } = from.ids;
  const { warehouseId } = from.shipment;
  return {
    ...{ _id: newId('ret'), orderId, warehouseId, createdAt: new Date(), by: 'carrier' },
    decision: { decision: 'approve', because: 'The carrier brings it back' },
    sending: { label: false, fee: 0 },
    sendTo: await addressOf(mongo, warehouseId),
    lines: linesOf(await readOrder(mongo, orderId, session), from.parcel, from.policies),
    ...{ arrivals: [], rev: 0 },
  };
}

function broughtBack({ shipmentId, parcelId }: ParcelIds, { label }: PackedParcel): BroughtBack {
  return { shipmentId, parcelId, ...(label && { trackingNumber: label.trackingNumber }) };
}

async function create({ models }: Mongo, session: ClientSession, found: Return): Promise<{ returnId: string }> {
  await models.returns.create([found], { session });
  return { returnId: found._id };
}

/** Nobody has chosen to send it back, so nobody pays for it. */
function linesOf(order: Order, { units }: PackedParcel, policies: ReturnPolicies): Return['lines'] {
  return units.map(({ lineId, quantity }) => {
    const { returnClass } = order.lines.find((line) => line.lineId === lineId)!;
    const terms = { ...termsOfUnasked(policyOf(policies, returnClass)), restockingPpm: 0 };
    return { ...awaited(order, lineId, quantity), reason: 'returned_to_sender', terms };
  });
}
