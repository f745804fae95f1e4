/** What carriers owe for parcels that they lost or damaged. */
import type { CarrierClaim } from '../../models/carrier-claim.ts';
import type { Order } from '../../models/order.ts';
import type { Shipment } from '../../models/shipment.ts';
import { isDuplicateKey, type Mongo } from '../../platform/mongo.ts';
import type { LocalSteps } from '../../workflows/activities.ts';
import { broken } from '../failure.ts';
import { contentsOf } from './contents.ts';

/** One a parcel: asked again it is the same one. */
export async function openClaim(
  mongo: Mongo,
  { orderId, shipmentId, parcelId, why, claimed }: Parameters<LocalSteps['openClaim']>[0],
): Promise<{ claimId: string }> {
  const { models } = mongo;
  const order = await models.orders.findById(orderId).lean<Order>();
  const shipment = await models.shipments.findById(shipmentId).lean<Shipment>();
  const parcel = shipment?.parcels?.find(({ id }) => id === parcelId);
  if (!order || !parcel?.label) throw broken(`There is no labelled parcel ${parcelId} of ${orderId}`);
  const { carrier, trackingNumber } = parcel.label;
  const worthOf = async (units: typeof parcel.units) =>
    (await contentsOf(mongo, order, units)).reduce((sum, { value }) => sum + value, 0);
  const amount = await worthOf(claimed?.units ?? parcel.units);
  // What is sent again has the currency of the order that it was paid with.
  const { currency } = order;
  const claimId = `clm_${parcelId.slice('pcl_'.length)}`;
  const claim: CarrierClaim = {
    ...{ _id: claimId, orderId, shipmentId, parcelId, carrier, trackingNumber, why, amount, currency },
    ...{ status: 'open', createdAt: new Date(), ...(claimed && { claimIds: [claimed.claimId] }) },
  };
  try {
    await models.carrierClaims.create([claim]);
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    if (claimed) await addUnits(mongo, claimId, claimed.claimId, amount, await worthOf(parcel.units));
  }
  return { claimId };
}

/** Another customer's claim of units in the same parcel; never more than all of it is worth. */
async function addUnits({ models }: Mongo, _id: string, claimId: string, amount: number, most: number): Promise<void> {
  const isNews = { _id, status: 'open', claimIds: { $ne: claimId } } as const;
  const known = { $ifNull: ['$claimIds', []] };
  await models.carrierClaims.updateOne(
    isNews,
    [
      {
        $set: {
          amount: { $min: [most, { $add: ['$amount', amount] }] },
          claimIds: { $concatArrays: [known, [claimId]] },
        },
      },
    ],
    { updatePipeline: true },
  );
}

/** What the carrier decided. The same decision again changes nothing; null where another was written down. */
export async function decideClaim(
  { models }: Mongo,
  claimId: string,
  decision: Pick<CarrierClaim, 'status' | 'paid' | 'reference' | 'decidedBy'>,
): Promise<CarrierClaim | null> {
  const { status, paid, reference } = decision;
  const decided = await models.carrierClaims
    .findOneAndUpdate(
      { _id: claimId, status: 'open' },
      { $set: { ...decision, decidedAt: new Date() } },
      { returnDocument: 'after' },
    )
    .lean<CarrierClaim>();
  if (decided) return decided;
  const known = await models.carrierClaims.findById(claimId).lean<CarrierClaim>();
  const isSame = known?.status === status && known.paid === paid && known.reference === reference;
  return isSame ? known : null;
}
