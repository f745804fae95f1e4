/** Parcels that did not arrive: either their order decides what becomes of them, or a customer's claim, and only one does. */
import type { ClientSession } from 'mongoose';
import type { GivenUp, PackedParcel, Shipment } from '../../models/shipment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import type { ParcelClaim } from '../../workflows/messages.ts';
import { broken } from '../failure.ts';

/** The claim that has decided about a parcel. */
export function claimOf({ givenUp }: Pick<PackedParcel, 'givenUp'>): ParcelClaim | undefined {
  if (givenUp?.claimId === undefined || givenUp.how === 'returned') return undefined;
  return { claimId: givenUp.claimId, how: givenUp.how };
}

/** @throws where the shipment has no such parcel */
export async function readParcel(
  { models }: Mongo,
  session: ClientSession,
  { shipmentId, parcelId }: { shipmentId: string; parcelId: string },
): Promise<{ shipment: Shipment; parcel: PackedParcel }> {
  const shipment = await models.shipments.findById(shipmentId).session(session).lean<Shipment>();
  const parcel = shipment?.parcels?.find(({ id }) => id === parcelId);
  if (!shipment || !parcel) throw broken(`There is no parcel ${parcelId} of ${shipmentId}`);
  return { shipment, parcel };
}

/** Of one that the transaction has read, and that is not given up. */
export async function giveUp(
  { models }: Mongo,
  session: ClientSession,
  { shipmentId, parcelId }: { shipmentId: string; parcelId: string },
  givenUp: GivenUp,
): Promise<void> {
  const parcel = { _id: shipmentId, 'parcels.id': parcelId };
  await models.shipments.updateOne(parcel, { $set: { 'parcels.$.givenUp': givenUp } }, { session });
}
