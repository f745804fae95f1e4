/**
 * What carriers say of parcels: by webhook and, where these stay away, by asking. The parcel's facts are written down here;
 * where its shipment or return stands is for their workflow, which is told.
 */
import type { Client } from '@temporalio/client';
import type { Heard, InboxEvent } from '../../models/inbox.ts';
import type { PackedParcel, Shipment } from '../../models/shipment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { latestZoneIn, punctuality } from '../../workflows/domain/calendar.ts';
import { deadlines, limits } from '../../workflows/domain/limits.ts';
import {
  hasEnded,
  type ParcelStatus,
  parcelStates,
  returnStates,
  shipmentStates,
} from '../../workflows/domain/states.ts';
import { isNews } from '../../workflows/domain/tracking.ts';
import { returnMoved, trackingChanged, workflowIds } from '../../workflows/messages.ts';
import { mailOperation } from '../orders.ts';
import type { CarrierEvent } from '../providers/carrier.ts';
import { isRefusal } from '../providers/carrier-failures.ts';
import { receiveEvent } from '../receive.ts';
import { openLateReturn } from '../returns/brought-back.ts';
import { signalled } from '../signals.ts';
import { startReturn } from '../starts.ts';
import { type Carriers, nextCheck } from './labels.ts';

/** By its webhook or asked for, an event is the same one. */
export function receiveTracking(mongo: Mongo, carrier: string, event: CarrierEvent): Promise<'stored' | 'known'> {
  const { id, ...payload } = { ...event, at: timeOf(event) };
  return receiveEvent(mongo, {
    id: `${carrier}:${id}`,
    source: 'carrier',
    type: 'tracking',
    payload: { carrier, ...payload },
  });
}

/** A clock that is ahead is taken for now; all in one form, so that times can be compared as they are. */
function timeOf({ at }: CarrierEvent): string {
  return new Date(Math.min(Date.parse(at), Date.now())).toISOString();
}

type Payload = Omit<CarrierEvent, 'id'> & { carrier: string };

export async function parcelMoved(mongo: Mongo, temporal: Client, { payload }: InboxEvent): Promise<Heard> {
  const event = payload as unknown as Payload;
  const found = await findParcel(mongo, event);
  return found ? shipmentMoved(mongo, temporal, found, event) : returnHasMoved(mongo, temporal, event);
}

/** Carriers give numbers again: the youngest of those that are not over is meant. */
async function findParcel(
  { models }: Mongo,
  event: Payload,
): Promise<{ shipment: Shipment; parcel: PackedParcel } | undefined> {
  const shipments = await models.shipments
    .find({ parcels: { $elemMatch: labelOf(event) } })
    .sort({ createdAt: -1 })
    .lean<Shipment[]>();
  const shipment = shipments.find(({ deliveredAt, cancelledAt }) => !deliveredAt && !cancelledAt) ?? shipments[0];
  const parcel = shipment?.parcels?.find(({ label }) => label?.trackingNumber === event.trackingNumber);
  return shipment && parcel && { shipment, parcel };
}

/**
 * Its workflow hears only what is news to it, and of one parcel no more than a bound, but how it ended: a history is not to
 * grow by what a carrier says again and again.
 */
async function shipmentMoved(
  mongo: Mongo,
  temporal: Client,
  { shipment, parcel }: { shipment: Shipment; parcel: PackedParcel },
  said: Payload,
): Promise<Heard> {
  const { _id: shipmentId, orderId } = shipment;
  // Nothing happens to a parcel before it has a label.
  const event = { ...said, at: latest(said.at, parcel.label!.boughtAt.toISOString()) };
  const { status, at, reason } = event;
  const heardAt = parcel.tracking?.at.toISOString();
  const isNew = isNews({ status: standing(parcel), heardAt }, event);
  const isEnd = hasEnded(parcelStates, status);
  if (!isNew || ((parcel.heard ?? 0) >= limits.newsAParcel && !isEnd)) {
    await record(mongo, shipment, parcel, event);
    const isBack = isEnd && (await isBroughtBack(mongo, temporal, shipment, parcel.id));
    return { outcome: isBack ? 'return opened' : 'nothing new', orderId };
  }
  const order = temporal.workflow.getHandle(workflowIds.order(orderId));
  const input = { shipmentId, parcelId: parcel.id, status, at, ...(reason && { reason }) };
  // Told before it is written down: whoever dies in between tells it once more.
  const outcome = await signalled(() => order.signal(trackingChanged, input));
  await mongo.models.shipments.updateOne(
    { _id: shipmentId, 'parcels.id': parcel.id },
    { $inc: { 'parcels.$.heard': 1 } },
  );
  await record(mongo, shipment, parcel, event);
  const isBack = isEnd && (await isBroughtBack(mongo, temporal, shipment, parcel.id));
  return { outcome: isBack ? 'return opened' : outcome, orderId };
}

/**
 * Whether a carrier brings back what it had called delivered. Its order does not follow the parcel any more: the return is
 * opened, and begun, from here. Numbers are given again some time: what left long ago is not meant.
 */
async function isBroughtBack(
  mongo: Mongo,
  temporal: Client,
  { _id: shipmentId, orderId }: Shipment,
  parcelId: string,
): Promise<boolean> {
  const { models } = mongo;
  const back = { id: parcelId, deliveredAt: { $exists: true }, 'tracking.status': 'returned_to_sender' };
  const handedOverAt = { $gt: new Date(Date.now() - deadlines.trackingKept) };
  if (!(await models.shipments.exists({ _id: shipmentId, handedOverAt, parcels: { $elemMatch: back } }))) return false;
  const opened = await openLateReturn(mongo, { orderId, shipmentId, parcelId });
  if (!opened || !(await models.returns.exists({ _id: opened.returnId, rev: 0 }))) return false;
  await startReturn(temporal, opened);
  return true;
}

function latest(a: string, b: string): string {
  return a > b ? a : b;
}

function standing({ deliveredAt, tracking }: PackedParcel): ParcelStatus {
  if (deliveredAt) return 'delivered';
  return tracking === undefined || tracking.status === 'accepted' ? 'shipped' : tracking.status;
}

async function returnHasMoved({ models }: Mongo, temporal: Client, event: Payload): Promise<Heard> {
  const { status } = event;
  const found = await models.returns.findOne(labelOf(event), { status: 1, orderId: 1 }).sort({ createdAt: -1 }).lean();
  if (!found) return { outcome: 'unknown parcel' };
  const { orderId } = found;
  const isOver = hasEnded(returnStates, found.status);
  await models.returns.updateOne(
    { _id: found._id },
    isOver ? { $unset: { checkAt: 1 } } : { $set: { checkAt: nextCheck() } },
  );
  if (isOver) return { outcome: 'nothing new', orderId };
  const handle = temporal.workflow.getHandle(workflowIds.return(found._id));
  return { outcome: await signalled(() => handle.signal(returnMoved, { status })), orderId };
}

function labelOf({ carrier, trackingNumber }: Payload) {
  return { 'label.carrier': carrier, 'label.trackingNumber': trackingNumber };
}

/** By the carrier's clock the newest counts; what comes late fills in what newer ones did not say. */
async function record(
  { models }: Mongo,
  { _id, promisedBy, to }: Shipment,
  { id: parcelId, tracking }: PackedParcel,
  event: Payload,
): Promise<void> {
  // What a carrier calls delivered after it is delivered to us.
  if (tracking?.status === 'returned_to_sender') return;
  const { status, reason, expectedOn, proof } = event;
  const at = new Date(event.at);
  /** Also where nothing was heard before. */
  const of = (said: string) => ({ _id, parcels: { $elemMatch: { id: parcelId, [said]: { $not: { $gte: at } } } } });
  await models.shipments.updateOne(of('tracking.at'), {
    $set: { 'parcels.$.tracking': { status, at, ...(reason && { reason }) }, checkAt: nextCheck() },
  });
  if (expectedOn !== undefined) {
    const expects = { 'parcels.$.expectedOn': expectedOn, 'parcels.$.expectedSince': at };
    const { matchedCount } = await models.shipments.updateOne(of('expectedSince'), { $set: expects });
    if (matchedCount === 1 && promisedBy !== undefined && expectedOn > promisedBy)
      await models.shipments.updateOne({ _id, lateFrom: { $exists: true } }, { $set: { lateFrom: new Date() } });
  }
  if (status === 'delivered') {
    const arrived = { 'parcels.$.deliveredAt': at, ...(proof && { 'parcels.$.proof': proof }) };
    await models.shipments.updateOne({ _id, 'parcels.id': parcelId }, { $set: arrived });
  }
  await closeIfOver(models, _id, { promisedBy, to });
}

/** Once all that was sent has arrived it is known whether it was in time; and what has ended is asked about no more. */
async function closeIfOver(
  models: Mongo['models'],
  _id: string,
  { promisedBy, to }: Pick<Shipment, 'promisedBy' | 'to'>,
): Promise<void> {
  const { parcels = [] } = await models.shipments.findById(_id, { parcels: 1 }).lean<Shipment>().orFail();
  const isOver = parcels.every(({ deliveredAt, tracking }) => {
    return deliveredAt !== undefined || (tracking !== undefined && hasEnded(parcelStates, tracking.status));
  });
  if (!isOver) return;
  const times = parcels.flatMap(({ deliveredAt }) => deliveredAt?.getTime() ?? []);
  const deliveredAt = times.length === parcels.length ? new Date(Math.max(...times)) : undefined;
  const onTime =
    deliveredAt &&
    promisedBy &&
    punctuality(promisedBy, deliveredAt, latestZoneIn(to.country, deliveredAt)) === 'on_time';
  await models.shipments.updateOne(
    { _id },
    {
      $set: { ...(deliveredAt && { deliveredAt }), ...(typeof onTime === 'boolean' && { onTime }) },
      $unset: { checkAt: 1, ...(deliveredAt && { lateFrom: 1 }) },
    },
  );
}

/** So many shipments, and as many returns, are asked about at a time. */
const pollBatch = 50;

/** Asks one carrier about the parcels of which it has said nothing for a while. */
export async function pollTracking(
  mongo: Mongo,
  carriers: Carriers,
  { carrier: id }: { carrier: string },
): Promise<{ more: boolean; unknown: string[] }> {
  const { models } = mongo;
  const carrier = carriers.get(id);
  const unknown: string[] = [];
  if (!carrier) return { more: false, unknown };
  const overdue = { checkAt: { $lte: new Date() } };
  const shipments = await models.shipments
    .find({ ...overdue, 'parcels.label.carrier': id }, { parcels: 1, handedOverAt: 1 })
    .sort({ checkAt: 1 })
    .limit(pollBatch)
    .lean<Shipment[]>();
  const returns = await models.returns
    .find({ ...overdue, 'label.carrier': id }, { label: 1 })
    .limit(pollBatch)
    .lean();
  const later = { $set: { checkAt: nextCheck() } };
  const givenUp = new Date(Date.now() - deadlines.trackingKept);
  for (const { _id, parcels = [], handedOverAt } of shipments) {
    for (const { label, tracking } of parcels) {
      if (label?.carrier !== id || hasEnded(parcelStates, tracking?.status ?? '')) continue;
      await ask(label.trackingNumber);
    }
    const isOld = handedOverAt !== undefined && handedOverAt < givenUp;
    await models.shipments.updateOne({ _id, ...overdue }, isOld ? { $unset: { checkAt: 1 } } : later);
  }
  for (const { _id, label } of returns) {
    await ask(label!.trackingNumber);
    await models.returns.updateOne({ _id, ...overdue }, later);
  }
  return { more: shipments.length === pollBatch || returns.length === pollBatch, unknown };

  /** A parcel that the carrier does not know keeps no other from being asked about. */
  async function ask(trackingNumber: string): Promise<void> {
    try {
      for (const event of await carrier!.track(trackingNumber)) await receiveTracking(mongo, id, event);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      unknown.push(trackingNumber);
    }
  }
}

const delayBatch = 100;

/** Tells customers, once, of what is not there when it was promised. Answers how many shipments it looked at. */
export async function tellDelays({ models }: Mongo): Promise<number> {
  const late = await models.shipments
    .find({ lateFrom: { $lte: new Date() } })
    .limit(delayBatch)
    .lean<Shipment[]>();
  for (const { _id, orderId, cancelledAt, deliveredAt, lateFrom } of late) {
    const order = await models.orders.findById(orderId, { 'state.shipments': 1 }).lean();
    const status = order?.state?.shipments.find(({ id }) => id === _id)?.status;
    if (!cancelledAt && !deliveredAt && !hasEnded(shipmentStates, status ?? '')) {
      const { updateOne } = mailOperation(`${orderId}:delayed:${_id}`, 'delayed', { orderId });
      await models.mails.collection.updateOne(updateOne.filter as never, updateOne.update, { upsert: true });
    }
    await models.shipments.updateOne({ _id, lateFrom }, { $unset: { lateFrom: 1 } });
  }
  return late.length;
}
