/** Packing: which boxes a picked shipment goes in, with what in each. Checked here, before anything is bought. */
import { isDeepStrictEqual } from 'node:util';
import { newId } from '../../models/id.ts';
import type { PackedParcel, Shipment } from '../../models/shipment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import {
  type Contents,
  checkParcels,
  type Measured,
  measuresOf,
  type ParcelRefusal,
} from '../../workflows/domain/parcels.ts';

export class PackingRefused extends Error {
  override name = 'PackingRefused';
  readonly code: ParcelRefusal | 'not_picked' | 'cancelled' | 'labelled';
  constructor(code: PackingRefused['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export type GivenParcel = Measured & { units?: readonly Contents[] | undefined };

/**
 * Writes down the parcels of a shipment; again as long as no label is bought. The same ones keep their ids.
 * @param weighed false where somebody answers for a weight that is not the expected one
 * @throws PackingRefused
 */
export async function packParcels(
  mongo: Mongo,
  { shipmentId, given, weighed }: { shipmentId: string; given: readonly GivenParcel[]; weighed: boolean },
): Promise<{ short: boolean; changes: number } | null> {
  const { models } = mongo;
  for (;;) {
    const shipment = await models.shipments.findById(shipmentId).lean<Shipment>();
    if (!shipment) return null;
    const { cancelledAt, pickedAt, labelRequestedAt, lines, changes } = shipment;
    if (cancelledAt) throw new PackingRefused('cancelled', 'The shipment was cancelled: put the goods back');
    if (!pickedAt) throw new PackingRefused('not_picked', 'The shipment is not picked yet');
    const packed = { short: lines.some(({ state }) => state === 'short'), changes: changes ?? 0 };
    const parcels = await checked(mongo, shipment, given, weighed);
    if (isSame(shipment.parcels ?? [], parcels)) return packed;
    if (labelRequestedAt)
      throw new PackingRefused('labelled', 'Its label is bought, or being bought, for the parcels as they are');
    // Each writing has new ids: where another was faster, it is compared with that.
    const [first] = shipment.parcels ?? [];
    const asRead = first ? { 'parcels.id': first.id } : { parcels: null };
    const { matchedCount } = await models.shipments.updateOne(
      { ...open, ...asRead, _id: shipmentId, pickedAt, changes: changes ?? null },
      { $set: { parcels: parcels.map((parcel) => ({ id: newId('pcl'), ...parcel })) } },
    );
    if (matchedCount === 1) return packed;
  }
}

const open = { cancelledAt: { $exists: false }, labelRequestedAt: { $exists: false } };

async function checked(
  { models }: Mongo,
  { orderId, warehouseId, lines }: Shipment,
  given: readonly GivenParcel[],
  weighed: boolean,
): Promise<Omit<PackedParcel, 'id'>[]> {
  const [order, warehouse, products] = await Promise.all([
    models.orders.findById(orderId, { lines: 1 }).lean().orFail(),
    models.warehouses.findById(warehouseId, { weightTolerance: 1 }).lean(),
    models.products.find({ _id: { $in: lines.map(({ sku }) => sku) } }, { sizeMm: 1 }).lean(),
  ]);
  const picked = lines.map(({ lineId, sku, picked }) => ({
    ...{ lineId, sku, picked, sizeMm: products.find(({ _id }) => _id === sku)?.sizeMm ?? undefined },
    weightGrams: order.lines.find((line) => line.lineId === lineId)?.weightGrams ?? 0,
  }));
  const result = checkParcels(picked, given, weighed ? warehouse?.weightTolerance : undefined);
  if (!result.ok) throw new PackingRefused(result.code, result.message);
  return result.parcels.map((parcel) => ({
    ...measuresOf(parcel),
    units: parcel.units.map(({ lineId, quantity }) => ({ lineId, quantity })),
  }));
}

function isSame(stored: readonly PackedParcel[], given: readonly Omit<PackedParcel, 'id'>[]): boolean {
  const packed = stored.map((parcel) => ({ ...measuresOf(parcel), units: parcel.units }));
  return isDeepStrictEqual(packed, given);
}
