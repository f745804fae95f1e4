/** Returns that a carrier begins: it brings a parcel back, and nobody has asked for it. */
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
import type { Return } from '../../models/return.ts';
import type { PackedParcel, Shipment } from '../../models/shipment.ts';
import { inTransaction, type Mongo } from '../../platform/mongo.ts';
import type { LocalSteps, ParcelIds } from '../../workflows/activities.ts';
import { policyOf, type ReturnPolicies, termsOfUnasked } from '../../workflows/domain/return-policy.ts';
import { broken } from '../failure.ts';
import { readOrder } from '../payments/sales.ts';
import { claimOf, giveUp } from '../shipping/given-up.ts';
import { returnRules } from '../store-settings.ts';
import { addressOf, awaited } from './opening.ts';

/**
 * Of a parcel that did not reach its customer, once. A customer's claim that has decided about it as lost is named instead.
 */
export function openParcelReturn(mongo: Mongo, ids: ParcelIds): ReturnType<LocalSteps['openParcelReturn']> {
  return open(mongo, ids, 'parcel');
}

/**
 * Of a parcel that the carrier had called delivered, once. Its customer has had it, so it is a return like any other: what
 * is accepted is paid back, as far as it was not before.
 */
export function openLateReturn(mongo: Mongo, ids: ParcelIds): ReturnType<LocalSteps['openParcelReturn']> {
  return open(mongo, ids, 'late');
}

async function open(mongo: Mongo, ids: ParcelIds, kind: 'parcel' | 'late') {
  const { models } = mongo;
  const { orderId, shipmentId, parcelId } = ids;
  const { policies } = await returnRules(mongo);
  return inTransaction(mongo, async (session) => {
    const any = { $or: [{ 'parcel.parcelId': parcelId }, { 'late.parcelId': parcelId }] };
    const known = await models.returns.findOne(any, { _id: 1 }).session(session).lean();
    if (known) return { returnId: known._id };
    const order = await readOrder(mongo, orderId, session);
    const shipment = await models.shipments.findById(shipmentId).session(session).lean<Shipment>();
    const parcel = shipment?.parcels?.find(({ id }) => id === parcelId);
    if (!shipment || !parcel) throw broken(`There is no parcel ${parcelId} of ${shipmentId}`);
    const claimed = claimOf(parcel);
    if (claimed) return { claimed };
    await giveUp(mongo, session, { shipmentId, parcelId }, { how: 'returned' });
    const trackingNumber = parcel.label?.trackingNumber;
    const found: Return = {
      ...{ _id: newId('ret'), orderId, warehouseId: shipment.warehouseId, createdAt: new Date(), by: 'carrier' },
      decision: { decision: 'approve', because: 'The carrier brings it back' },
      sending: { label: false, fee: 0 },
      sendTo: await addressOf(mongo, shipment.warehouseId),
      [kind]: { shipmentId, parcelId, ...(trackingNumber !== undefined && { trackingNumber }) },
      lines: linesOf(order, parcel, policies),
      ...{ arrivals: [], rev: 0, status: kind === 'parcel' ? 'in_transit' : 'requested' },
    };
    await models.returns.create([found], { session });
    return { returnId: found._id };
  });
}

/** Nobody has chosen to send it back, so nobody pays for it. */
function linesOf(order: Order, { units }: PackedParcel, policies: ReturnPolicies): Return['lines'] {
  return units.map(({ lineId, quantity }) => {
    const { returnClass } = order.lines.find((line) => line.lineId === lineId)!;
    const terms = { ...termsOfUnasked(policyOf(policies, returnClass)), restockingPpm: 0 };
    return { ...awaited(order, lineId, quantity), reason: 'returned_to_sender', terms };
  });
}
