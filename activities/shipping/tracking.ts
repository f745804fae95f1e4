/**
 * What carriers say of parcels: by webhook and, where these stay away, by asking. The parcel's facts are written down here;
 * where its shipment or return stands is for their workflow, which is told.
 */
import type { Client } from '@temporalio/client';
import type { Heard, InboxEvent } from '../../models/inbox.ts';
import type { Shipment } from '../../models/shipment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { latestZoneIn, punctuality } from '../../workflows/domain/calendar.ts';
import { deadlines } from '../../workflows/domain/limits.ts';
import { hasEnded, parcelStates, returnStates } from '../../workflows/domain/states.ts';
import { returnMoved, trackingChanged, workflowIds } from '../../workflows/messages.ts';
import { mailOperation } from '../orders.ts';
import type { CarrierEvent } from '../providers/carrier.ts';
import { receiveEvent } from '../receive.ts';
import { signalled } from '../signals.ts';
import { type Carriers, nextCheck } from './labels.ts';

/** By its webhook or asked for, an event is the same one. */
export function receiveTracking(mongo: Mongo, carrier: string, event: CarrierEvent): Promise<'stored' | 'known'> {
  const { id, ...payload } = event;
  return receiveEvent(mongo, {
    id: `${carrier}:${id}`,
    source: 'carrier',
    type: 'tracking',
    payload: { carrier, ...payload },
  });
}

type Payload = Omit<CarrierEvent, 'id'> & { carrier: string };

export async function parcelMoved(mongo: Mongo, temporal: Client, { payload }: InboxEvent): Promise<Heard> {
  const { models } = mongo;
  const event = payload as unknown as Payload;
  const label = { carrier: event.carrier, trackingNumber: event.trackingNumber };
  const shipment = await models.shipments
    .findOne({ parcels: { $elemMatch: matching('label', label) } })
    .lean<Shipment>();
  if (shipment) {
    const { _id: shipmentId, orderId } = shipment;
    const parcelId = shipment.parcels!.find((each) => each.label?.trackingNumber === label.trackingNumber)!.id;
    await record(mongo, shipment, parcelId, event);
    const { status, at, reason } = event;
    const order = temporal.workflow.getHandle(workflowIds.order(orderId));
    const input = { shipmentId, parcelId, status, at, ...(reason && { reason }) };
    return { outcome: await signalled(() => order.signal(trackingChanged, input)), orderId };
  }
  const fields = { status: 1, orderId: 1 };
  const found = await models.returns.findOne(matching('label', label), fields).lean();
  if (!found) return { outcome: 'unknown parcel' };
  const { orderId } = found;
  const isOver = hasEnded(returnStates, found.status);
  await models.returns.updateOne(
    { _id: found._id },
    isOver ? { $unset: { checkAt: 1 } } : { $set: { checkAt: nextCheck() } },
  );
  if (isOver) return { outcome: 'nothing new', orderId };
  const handle = temporal.workflow.getHandle(workflowIds.return(found._id));
  return { outcome: await signalled(() => handle.signal(returnMoved, { status: event.status })), orderId };
}

function matching(path: string, label: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(label).map(([name, value]) => [`${path}.${name}`, value]));
}

/** By the carrier's clock the newest counts; what comes late fills in what newer ones did not say. */
async function record(
  { models }: Mongo,
  { _id, promisedBy, to }: Shipment,
  parcelId: string,
  event: Payload,
): Promise<void> {
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
): Promise<{ more: boolean }> {
  const { models } = mongo;
  const carrier = carriers.get(id);
  if (!carrier) return { more: false };
  const overdue = { checkAt: { $lte: new Date() } };
  const shipments = await models.shipments
    .find({ ...overdue, 'parcels.label.carrier': id }, { parcels: 1, handedOverAt: 1 })
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
      for (const event of await carrier.track(label.trackingNumber)) await receiveTracking(mongo, id, event);
    }
    const isOld = handedOverAt !== undefined && handedOverAt < givenUp;
    await models.shipments.updateOne({ _id, ...overdue }, isOld ? { $unset: { checkAt: 1 } } : later);
  }
  for (const { _id, label } of returns) {
    for (const event of await carrier.track(label!.trackingNumber)) await receiveTracking(mongo, id, event);
    await models.returns.updateOne({ _id, ...overdue }, later);
  }
  return { more: shipments.length === pollBatch || returns.length === pollBatch };
}

const delayBatch = 100;

/** Tells customers, once, of what is not there when it was promised. Answers how many shipments it looked at. */
export async function tellDelays({ models }: Mongo): Promise<number> {
  const late = await models.shipments
    .find({ lateFrom: { $lte: new Date() } })
    .limit(delayBatch)
    .lean<Shipment[]>();
  for (const { _id, orderId, cancelledAt, deliveredAt, lateFrom } of late) {
    if (!cancelledAt && !deliveredAt) {
      const { updateOne } = mailOperation(`${orderId}:delayed:${_id}`, 'delayed', { orderId });
      await models.mails.collection.updateOne(updateOne.filter as never, updateOne.update, { upsert: true });
    }
    await models.shipments.updateOne({ _id, lateFrom }, { $unset: { lateFrom: 1 } });
  }
  return late.length;
}
