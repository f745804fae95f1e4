/** Labels: bought once for a shipment or a return, and given back where they will not be used. */
import { ApplicationFailure } from '@temporalio/common';
import type { Address } from '../models/address.ts';
import type { Mongo } from '../platform/mongo.ts';
import type { Polled } from '../workflows/activities.ts';
import { failures } from '../workflows/domain/failures.ts';
import type { Parcel } from '../workflows/messages.ts';
import { broken } from './failure.ts';
import { receiveEvent } from './inbox.ts';
import type { Carrier, Label } from './providers/carrier.ts';
import type { SandboxCarrier } from './providers/sandbox-carrier.ts';

export async function buyLabel(
  mongo: Mongo,
  carrier: Carrier,
  { orderId, shipmentId, parcel }: { orderId: string; shipmentId: string; parcel: Parcel },
): Promise<{ trackingNumber: string }> {
  const { models } = mongo;
  const open = { _id: shipmentId, cancelledAt: { $exists: false } };
  const shipment = await models.shipments
    .findOneAndUpdate(
      { ...open, label: { $exists: false } },
      { $set: { parcel, labelRequestedAt: new Date() } },
      { returnDocument: 'after' },
    )
    .lean();
  if (!shipment) return boughtBefore(mongo, shipmentId);
  // Read after it is said that the label is being bought: who changes the address looks there first.
  const order = await models.orders.findById(orderId, { shipTo: 1 }).lean();
  if (!order) throw broken(`There is no order ${orderId}`);

  const from = await addressOf(mongo, shipment.warehouseId);
  const label = await carrier
    .buyLabel({
      key: `${shipmentId}:label`,
      reference: shipmentId,
      from,
      to: order.shipTo,
      parcel,
      service: 'standard',
      purpose: 'outbound',
      contents: [],
    })
    .catch(async (error) => {
      if (isRefusal(error)) await models.shipments.updateOne({ _id: shipmentId }, { $unset: { labelRequestedAt: 1 } });
      throw error;
    });
  const stored = await models.shipments.updateOne(open, { $set: { label: toRecord(label) } });
  // Cancelled while the label was being bought, by a worker that waited or one that had been frozen.
  if (stored.matchedCount === 0) await carrier.voidLabel(label.id);
  return { trackingNumber: label.trackingNumber };
}

async function boughtBefore({ models }: Mongo, shipmentId: string): Promise<{ trackingNumber: string }> {
  const shipment = await models.shipments.findById(shipmentId).lean();
  if (shipment?.label) return { trackingNumber: shipment.label.trackingNumber };
  throw broken(shipment ? `Shipment ${shipmentId} is cancelled` : `There is no shipment ${shipmentId}`);
}

/** What was refused was not bought, so what it was bought with may be corrected. */
function isRefusal(error: unknown): boolean {
  return error instanceof ApplicationFailure && error.type === failures.carrierRefused;
}

/** Also finds a label whose purchase was never answered. */
export async function voidLabel(carrier: Carrier, { reference }: { reference: string }): Promise<void> {
  for (const label of await carrier.findLabels(reference)) {
    if (label.status === 'created') await carrier.voidLabel(label.id);
  }
}

export async function buyReturnLabel(
  mongo: Mongo,
  carrier: Carrier,
  { returnId }: { returnId: string },
): Promise<{ trackingNumber: string }> {
  const { models } = mongo;
  const found = await models.returns.findById(returnId).lean();
  if (!found) throw broken(`There is no return ${returnId}`);
  if (found.label) return { trackingNumber: found.label.trackingNumber };
  const order = await models.orders.findById(found.orderId, { shipTo: 1, lines: 1 }).lean();
  if (!order) throw broken(`There is no order ${found.orderId}`);
  const weightGrams = found.lines.reduce((sum, { lineId, quantity }) => {
    const line = order.lines.find((candidate) => candidate.lineId === lineId);
    return sum + (line?.weightGrams ?? 0) * quantity;
  }, 0);
  const label = await carrier.buyLabel({
    key: `${returnId}:label`,
    reference: returnId,
    from: order.shipTo,
    to: await addressOf(mongo, found.warehouseId),
    parcel: { ...returnParcel, weightGrams: Math.max(1, weightGrams) },
    service: 'standard',
    purpose: 'return',
    contents: [],
  });
  await models.returns.updateOne({ _id: returnId }, { $set: { label: toRecord(label) } });
  return { trackingNumber: label.trackingNumber };
}

/** The time is the carrier's own, of the last event that it has told: no clock of ours can skip one. */
export async function pollTracking(
  mongo: Mongo,
  carrier: SandboxCarrier,
  { since }: { since: string },
): Promise<Polled> {
  const events = await carrier.eventsSince(new Date(since));
  await Promise.all(
    events.map((event) =>
      receiveEvent(mongo, { id: event.id, source: 'carrier', type: 'tracking', payload: { ...event } }),
    ),
  );
  return { through: events.at(-1)?.at ?? since, more: false };
}

/** The customer packs a return: a middling box is assumed. */
const returnParcel = { lengthMm: 300, widthMm: 200, heightMm: 150 };

async function addressOf({ models }: Mongo, warehouseId: string): Promise<Address> {
  const warehouse = await models.warehouses.findById(warehouseId).lean();
  if (!warehouse) throw broken(`There is no warehouse ${warehouseId}`);
  return warehouse.address;
}

function toRecord({ id, trackingNumber, url, cost, currency }: Label) {
  return { id, trackingNumber, url, costMinor: cost, currency };
}
