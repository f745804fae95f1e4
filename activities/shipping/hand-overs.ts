/** Parcels as they leave: which shipment each is of, which of them are there already, and the paper for the driver. */
import type { HandOver } from '../../models/hand-over.ts';
import type { Order } from '../../models/order.ts';
import type { ParcelLabel, Shipment } from '../../models/shipment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { mayGo, type ShipmentStatus, shipmentInWarehouse, shipmentStates } from '../../workflows/domain/states.ts';
import type { HandOverInput } from '../../workflows/messages.ts';
import { broken } from '../failure.ts';
import type { Carrier } from '../providers/carrier.ts';
import { isRefusal } from '../providers/carrier-failures.ts';
import { type Carriers, carrierOf } from './labels.ts';

export type ScannedParcel = HandOver['parcels'][number];

export interface Leaving {
  shipment: Shipment;
  /** Scanned now. */
  parcels: { barcode: string; parcelId: string }[];
}

/** Which shipments the barcodes belong to. What belongs to none is told at once. */
export async function findLeaving(
  { models }: Mongo,
  barcodes: readonly string[],
): Promise<{ leaving: Leaving[]; unknown: ScannedParcel[] }> {
  const given = { $in: [...barcodes] };
  const shipments = await models.shipments
    .find({ $or: [{ 'parcels.id': given }, { 'parcels.label.trackingNumber': given }] })
    .sort({ createdAt: -1 })
    .lean<Shipment[]>();
  const unknown: ScannedParcel[] = [];
  const leaving = new Map<string, Leaving>();
  for (const barcode of barcodes) {
    const is = ({ id, label }: NonNullable<Shipment['parcels']>[number]) =>
      id === barcode || label?.trackingNumber === barcode;
    const having = shipments.filter(({ parcels }) => parcels!.some(is));
    // Carriers give numbers again: one that has not left is meant.
    const shipment = having.find(({ handedOverAt, cancelledAt }) => !handedOverAt && !cancelledAt) ?? having[0];
    if (!shipment) {
      unknown.push({ barcode, outcome: 'unknown', detail: 'No parcel has this number, or it was unpacked again' });
      continue;
    }
    const known = leaving.get(shipment._id) ?? { shipment, parcels: [] };
    known.parcels.push({ barcode, parcelId: shipment.parcels!.find(is)!.id });
    leaving.set(shipment._id, known);
  }
  return { leaving: [...leaving.values()], unknown };
}

/** Of whoever hands a shipment over at the same moment, all are told that it has left. */
export function leavesOnce(shipmentId: string): string {
  return `handOver:${shipmentId}`;
}

/** An update of the order's workflow. */
export interface Departure {
  orderId: string;
  updateId: string;
  input: HandOverInput;
}

/** Where the shipment stands by the order's workflow, why it may not leave, or that no answer came in time. */
export type Told = { status: ShipmentStatus } | { refused: string } | 'unknown';

/** Lets a shipment leave with the last of its parcels. `tellOrder` asks the order's workflow whether it may. */
export async function leave(
  mongo: Mongo,
  leaving: Leaving,
  { warehouseId, handOverId, actor }: { warehouseId: string; handOverId: string; actor: string },
  tellOrder: (departure: Departure) => Promise<Told>,
): Promise<ScannedParcel[]> {
  const { shipment, parcels } = leaving;
  const { _id: shipmentId, orderId } = shipment;
  const all = (outcome: ScannedParcel['outcome'], detail?: string) =>
    parcels.map((parcel) => ({ ...parcel, shipmentId, outcome, ...(detail !== undefined && { detail }) }));
  const noted = await noteLeaving(mongo, leaving, { warehouseId, handOverId });
  if (!noted.may) return all(noted.outcome, noted.detail);
  if (noted.missing.length > 0)
    return all('waits', `Of its shipment ${noted.missing.join(', ')} is still to be scanned`);
  // The same request can have broken off after it had left.
  if (!noted.hasLeft) {
    const told = await tellOrder({ orderId, updateId: leavesOnce(shipmentId), input: { shipmentId, actor } });
    if (told === 'unknown') return all('not_ready', 'It is not known yet whether it may leave: scan it again');
    if ('refused' in told) {
      await forgetLeaving(mongo, shipmentId, handOverId);
      return all('not_ready', told.refused);
    }
    if (told.status === 'cancelled') return all('cancelled', 'The shipment was cancelled: put the goods back');
  }
  await noteLeft(mongo, shipmentId, handOverId);
  return all('handed_over');
}

/**
 * Notes the scanned parcels of a shipment that may leave. Answers with why they may not, or with the parcels that are
 * still to be scanned: the shipment leaves with the last of them.
 */
async function noteLeaving(
  { models }: Mongo,
  { shipment, parcels }: Leaving,
  { warehouseId, handOverId }: { warehouseId: string; handOverId: string },
): Promise<
  { may: false; outcome: ScannedParcel['outcome']; detail: string } | { may: true; missing: string[]; hasLeft?: true }
> {
  const order = await models.orders.findById(shipment.orderId, { status: 1, 'state.shipments': 1 }).lean<Order>();
  const status = order?.state?.shipments.find(({ id }) => id === shipment._id)?.status;
  const refuse = (outcome: ScannedParcel['outcome'], detail: string) => ({ may: false as const, outcome, detail });
  if (shipment.cancelledAt || status === 'cancelled')
    return refuse('cancelled', 'The shipment was cancelled: put the goods back');
  if (shipment.warehouseId !== warehouseId)
    return refuse('elsewhere', `It is of the warehouse ${shipment.warehouseId}`);
  const isMine = parcels.every(({ parcelId }) =>
    shipment.parcels!.some((each) => each.id === parcelId && each.handedOverIn === handOverId),
  );
  if (status !== undefined && !shipmentInWarehouse.includes(status))
    return isMine ? { may: true, missing: [], hasLeft: true } : refuse('already', 'It was handed over before');
  if (order?.status === 'on_hold') return refuse('on_hold', 'The order is on hold');
  if (status === undefined || !mayGo(shipmentStates, status, 'shipped'))
    return refuse('not_ready', `The shipment is ${status ?? 'new'}: only a ready one (labelled and paid) can leave`);
  for (const { parcelId } of parcels) {
    await models.shipments.updateOne(
      { _id: shipment._id, parcels: { $elemMatch: { id: parcelId, handedOverAt: { $exists: false } } } },
      { $set: { 'parcels.$.handedOverAt': new Date(), 'parcels.$.handedOverIn': handOverId } },
    );
  }
  const now = await models.shipments.findById(shipment._id, { parcels: 1 }).lean<Shipment>().orFail();
  if (now.parcels === undefined) return refuse('not_ready', 'Units of it were cancelled: it is to be packed anew');
  return { may: true, missing: now.parcels.filter((each) => !each.handedOverAt).map(({ id }) => id) };
}

/** With whom it left: all of its parcels are on the papers of that hand-over, also those that were scanned before. */
async function noteLeft({ models }: Mongo, shipmentId: string, handOverId: string): Promise<void> {
  await models.shipments.updateOne({ _id: shipmentId, leftIn: { $exists: false } }, { $set: { leftIn: handOverId } });
}

/** It does not leave after all: whoever scans it again is told anew. */
async function forgetLeaving({ models }: Mongo, shipmentId: string, handOverId: string): Promise<void> {
  await models.shipments.updateOne(
    { _id: shipmentId, handedOverAt: { $exists: false } },
    { $unset: { 'parcels.$[each].handedOverAt': 1, 'parcels.$[each].handedOverIn': 1 } },
    { arrayFilters: [{ 'each.handedOverIn': handOverId }] },
  );
}

/** One paper for each driver, of the parcels that left. A carrier that refuses one keeps nobody else from theirs. */
export async function makeManifests(
  { models }: Mongo,
  carriers: Carriers,
  { handOverId }: { handOverId: string },
): Promise<void> {
  const handOver = await models.handOvers.findById(handOverId).lean<HandOver>();
  if (!handOver) throw broken(`There is no hand-over ${handOverId}`);
  if (handOver.papersAt) return;
  const ids = handOver.parcels.flatMap(({ shipmentId }) => shipmentId ?? []);
  const left = { _id: { $in: ids }, leftIn: handOverId };
  const shipments = await models.shipments.find(left, { parcels: 1 }).lean<Shipment[]>();
  const labels = shipments.flatMap(({ parcels }) => parcels!.flatMap(({ label }) => label ?? []));
  const warehouse = await models.warehouses.findById(handOver.warehouseId).lean().orFail();
  const add = (what: object) => models.handOvers.updateOne({ _id: handOverId }, what);
  for (const { carrier, driver, labelIds } of byDriver(carriers, labels)) {
    if (handOver.manifests?.some((each) => each.carrier === carrier.id && each.driver === driver)) continue;
    try {
      const request = { key: `${handOverId}:${carrier.id}:${driver}`, from: warehouse.address, labelIds };
      const { id, url } = await carrier.manifest(request);
      await add({ $push: { manifests: { carrier: carrier.id, driver, id, url } } });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      await add({ $addToSet: { refusals: `${driver}: ${error.message}` } });
    }
  }
  await add({ $set: { papersAt: new Date() } });
}

function byDriver(carriers: Carriers, labels: readonly ParcelLabel[]) {
  const groups = new Map<string, { carrier: Carrier; driver: string; labelIds: string[] }>();
  for (const label of labels) {
    const carrier = carrierOf(carriers, label.carrier);
    const driver = carrier.driverOf(label.service);
    const group = groups.get(`${carrier.id} ${driver}`) ?? { carrier, driver, labelIds: [] };
    group.labelIds.push(label.id);
    groups.set(`${carrier.id} ${driver}`, group);
  }
  return groups.values();
}
