/** Parcels that did not arrive: either their order decides what becomes of them, or a customer's claim, and only one does. */
import type { ClientSession } from 'mongoose';
import type { GivenUp, PackedParcel } from '../../models/shipment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import type { ParcelClaim } from '../../workflows/messages.ts';

/** The claim that has decided about a parcel. */
export function claimOf({ givenUp }: Pick<PackedParcel, 'givenUp'>): ParcelClaim | undefined {
  if (givenUp?.claimId === undefined || givenUp.how === 'returned') return undefined;
  return { claimId: givenUp.claimId, how: givenUp.how };
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
