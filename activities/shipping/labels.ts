/** Labels: bought once for a parcel or a return, and given back where they will not be used. */
import type { ApplicationFailure } from '@temporalio/common';
import type { Warehouse } from '../../models/catalogue.ts';
import type { Order } from '../../models/order.ts';
import type { PackedParcel, ParcelLabel, Shipment } from '../../models/shipment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { arrivalDate, defaultCalendar, dispatchBy } from '../../workflows/domain/calendar.ts';
import { deadlines } from '../../workflows/domain/limits.ts';
import { measuresOf } from '../../workflows/domain/parcels.ts';
import { chooseRate, defaultLabelRule } from '../../workflows/domain/rates.ts';
import { hasEnded, type ReturnStatus, returnStates } from '../../workflows/domain/states.ts';
import { broken } from '../failure.ts';
import type { Carrier, Label, Rate, RatesRequest } from '../providers/carrier.ts';
import { isRefusal, refusal } from '../providers/carrier-failures.ts';
import { contentsOf } from './contents.ts';

/** By their ids. */
export type Carriers = ReadonlyMap<string, Carrier>;

interface Bought {
  parcels: { id: string; trackingNumber: string }[];
}

/** Goes on where an earlier call ended: what was chosen and what was bought is written down parcel by parcel. */
export async function buyLabels(
  mongo: Mongo,
  carriers: Carriers,
  { orderId, shipmentId }: { orderId: string; shipmentId: string },
): Promise<Bought> {
  const { models } = mongo;
  const shipment = await models.shipments
    .findOneAndUpdate(
      { _id: shipmentId, cancelledAt: { $exists: false }, 'parcels.0': { $exists: true } },
      { $set: { labelRequestedAt: new Date() } },
      { returnDocument: 'after' },
    )
    .lean<Shipment>();
  if (!shipment) throw await cannotBeLabelled(mongo, shipmentId);
  // Read after it is said that the label is being bought: who changes the address looks there first.
  const order = await models.orders.findById(orderId).lean<Order>();
  if (!order) throw broken(`There is no order ${orderId}`);
  const warehouse = await warehouseOf(mongo, shipment.warehouseId);
  const bought: Bought['parcels'] = [];
  for (const parcel of shipment.parcels!) {
    const label = parcel.label ?? (await buyLabel(mongo, carriers, { order, shipment, warehouse, parcel }));
    bought.push({ id: parcel.id, trackingNumber: label.trackingNumber });
  }
  return { parcels: bought };
}

async function cannotBeLabelled({ models }: Mongo, shipmentId: string): Promise<ApplicationFailure> {
  const shipment = await models.shipments.findById(shipmentId).lean<Shipment>();
  if (!shipment) return broken(`There is no shipment ${shipmentId}`);
  return broken(shipment.cancelledAt ? `Shipment ${shipmentId} is cancelled` : `Shipment ${shipmentId} is not packed`);
}

interface Buying {
  order: Order;
  shipment: Shipment;
  warehouse: Warehouse;
  parcel: PackedParcel;
}

async function buyLabel(mongo: Mongo, carriers: Carriers, buying: Buying): Promise<ParcelLabel> {
  const { models } = mongo;
  const { shipment, parcel } = buying;
  const one = { _id: shipment._id, 'parcels.id': parcel.id };
  const chosen = parcel.chosen ?? (await choose(mongo, carriers, buying));
  const { matchedCount } = await models.shipments.updateOne(one, { $set: { 'parcels.$.chosen': chosen } });
  if (matchedCount === 0) throw broken(`The parcel ${parcel.id} is not sent: something of it was cancelled`);
  const carrier = carrierOf(carriers, chosen.carrier);
  const record = await buyFrom(mongo, carrier, buying, chosen.service);
  const stored = await models.shipments.updateOne(
    { ...one, cancelledAt: { $exists: false } },
    { $set: { 'parcels.$.label': record } },
  );
  // Cancelled while the label was being bought, by a worker that waited or one that had been frozen.
  if (stored.matchedCount === 0) await giveBack(mongo, carrier, shipment._id, parcel.id, record);
  return record;
}

async function buyFrom(mongo: Mongo, carrier: Carrier, buying: Buying, service: string): Promise<ParcelLabel> {
  const { order, shipment, warehouse, parcel } = buying;
  try {
    const label = await carrier.buyLabel({
      ...{ key: `${parcel.id}:label`, reference: parcel.id, service, purpose: 'outbound' },
      ...{ from: warehouse.address, to: order.shipTo, contents: await contentsOf(mongo, order, parcel.units) },
      parcel: measuresOf(parcel),
    });
    return toRecord(carrier, label);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // It says nothing of an earlier try whose answer was lost: that may have bought it.
    const [bought] = await findBought(carrier, parcel.id);
    if (bought) return bought;
    await mayBeCorrected(mongo, shipment, parcel);
    throw error;
  }
}

/** What was refused was not bought, so what it was to be bought with may be corrected. */
async function mayBeCorrected({ models }: Mongo, { _id, parcels }: Shipment, { id }: PackedParcel): Promise<void> {
  await models.shipments.updateOne({ _id, 'parcels.id': id }, { $unset: { 'parcels.$.chosen': 1 } });
  const others = parcels!.some((parcel) => parcel.label !== undefined);
  const none = { _id, 'parcels.label': { $exists: false } };
  if (!others) await models.shipments.updateOne(none, { $unset: { labelRequestedAt: 1 } });
}

type Chosen = NonNullable<PackedParcel['chosen']>;

async function choose(mongo: Mongo, carriers: Carriers, buying: Buying): Promise<Chosen> {
  try {
    return await chooseAmong(mongo, carriers, buying);
  } catch (error) {
    if (isRefusal(error)) await mayBeCorrected(mongo, buying.shipment, buying.parcel);
    throw error;
  }
}

/** The service that the order's way of delivery asks for: what all carriers offer for the parcel, by its rule. */
async function chooseAmong(mongo: Mongo, carriers: Carriers, { order, warehouse, parcel }: Buying): Promise<Chosen> {
  const { shipping, shipTo, currency } = order;
  const request = { from: warehouse.address, to: shipTo, parcel: measuresOf(parcel) };
  const rates = await ratesOfLabels(carriers, request, currency);
  const method = shipping && (await mongo.models.deliveryMethods.findById(shipping.method, { labels: 1 }).lean());
  const { rule, services } = method?.labels ?? defaultLabelRule;
  const calendar = warehouse.calendar ?? defaultCalendar;
  const leaves = dispatchBy(calendar, new Date());
  const isInTime = (days: number) =>
    shipping === undefined || arrivalDate(leaves, calendar, days) <= shipping.promisedBy;
  const best = chooseRate(rates, { rule, services, isInTime });
  if (best) return { carrier: best.carrier, service: best.service };
  const what = services ? ` among ${services.join(', ')}` : '';
  const message = `No carrier offers a service for the parcel ${parcel.id}${what}`;
  throw refusal(message, 'no_service');
}

type Offer = Rate & { carrier: string };

/** A carrier that does not answer keeps nobody waiting, as long as another does. */
export async function ratesOf(carriers: Carriers, request: RatesRequest): Promise<Offer[]> {
  const answers = await Promise.allSettled(
    [...carriers.values()].map(async (carrier) =>
      (await carrier.rates(request)).map((rate) => ({ ...rate, carrier: carrier.id })),
    ),
  );
  const offers = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  const failed = answers.filter((answer) => answer.status === 'rejected').map(({ reason }) => reason);
  // What may pass is tried again before a person is asked about what will not.
  if (offers.length === 0 && failed.length > 0) throw failed.find((reason) => !isRefusal(reason)) ?? failed[0];
  return offers;
}

/**
 * What can be compared: in the order's currency or, where nobody sells in it, in the one that the carriers have. Where they
 * have several, that of the first.
 */
async function ratesOfLabels(
  carriers: Carriers,
  request: Omit<RatesRequest, 'currency'>,
  currency: string,
): Promise<Offer[]> {
  const asked = await ratesOf(carriers, { ...request, currency });
  if (asked.length > 0) return asked;
  const offers = await ratesOf(carriers, request);
  return offers.filter((offer) => offer.currency === offers[0]!.currency);
}

/** Of a shipment or a return: also finds a label whose purchase was never answered. */
export async function voidLabels(
  mongo: Mongo,
  carriers: Carriers,
  { reference }: { reference: string },
): Promise<{ used: string[] }> {
  if (reference.startsWith('ret_')) {
    await voidReturnLabel(mongo, carriers, reference);
    return { used: [] };
  }
  const shipment = await mongo.models.shipments.findById(reference).lean<Shipment>();
  for (const parcel of notSent(shipment)) {
    if (parcel.label?.voided || !parcel.chosen) continue;
    const carrier = carrierOf(carriers, parcel.chosen.carrier);
    const labels = parcel.label ? [parcel.label] : await findBought(carrier, parcel.id);
    for (const label of labels) await giveBack(mongo, carrier, reference, parcel.id, label);
  }
  const now = await mongo.models.shipments.findById(reference).lean<Shipment>();
  return {
    used: notSent(now)
      .filter(({ label }) => label?.voided?.outcome === 'used')
      .map(({ id }) => id),
  };
}

/** Of a cancelled shipment every parcel; of one that is packed anew those that it was packed in before. */
function notSent(shipment: Shipment | null): PackedParcel[] {
  const { cancelledAt, parcels = [], unpacked = [] } = shipment ?? {};
  return cancelledAt ? [...unpacked, ...parcels] : unpacked;
}

async function findBought(carrier: Carrier, reference: string): Promise<ParcelLabel[]> {
  const found = await carrier.findLabels(reference);
  return found.filter(({ status }) => status === 'created').map((label) => toRecord(carrier, label));
}

/** What it cost stays written down, with what became of it. */
async function giveBack(
  { models }: Mongo,
  carrier: Carrier,
  shipmentId: string,
  parcelId: string,
  label: ParcelLabel,
): Promise<void> {
  const outcome = await carrier.voidLabel(label.id);
  const record = { ...label, voided: { at: new Date(), outcome } };
  for (const parcels of ['parcels', 'unpacked']) {
    const filter = { _id: shipmentId, [`${parcels}.id`]: parcelId };
    await models.shipments.updateOne(filter, { $set: { [`${parcels}.$.label`]: record } });
  }
}

export async function buyReturnLabel(
  mongo: Mongo,
  carriers: Carriers,
  { returnId }: { returnId: string },
): Promise<{ trackingNumber: string }> {
  const { models } = mongo;
  const found = await models.returns.findById(returnId).lean();
  if (!found) throw broken(`There is no return ${returnId}`);
  if (found.label) return { trackingNumber: found.label.trackingNumber };
  const order = await models.orders.findById(found.orderId).lean<Order>();
  if (!order) throw broken(`There is no order ${found.orderId}`);
  const { address } = await warehouseOf(mongo, found.warehouseId);
  const contents = await contentsOf(mongo, order, found.lines);
  const weightGrams = Math.max(
    1,
    contents.reduce((sum, each) => sum + each.weightGrams, 0),
  );
  const parcel = { ...returnParcel, weightGrams };
  let chosen = found.chosen;
  if (!chosen) {
    const rates = await ratesOfLabels(carriers, { from: order.shipTo, to: address, parcel }, order.currency);
    const cheapest = chooseRate(rates, { rule: 'cheapest', isInTime: () => true });
    if (!cheapest) throw refusal(`No carrier brings ${returnId} back`, 'no_service');
    chosen = { carrier: cheapest.carrier, service: cheapest.service };
    await models.returns.updateOne({ _id: returnId }, { $set: { chosen } });
  }
  const carrier = carrierOf(carriers, chosen.carrier);
  const label = await carrier.buyLabel({
    ...{ key: `${returnId}:label`, reference: returnId, service: chosen.service, purpose: 'return' },
    ...{ from: order.shipTo, to: address, parcel, contents },
  });
  const record = toRecord(carrier, label);
  const open = { _id: returnId, label: { $exists: false }, status: { $nin: ended } };
  const stored = await models.returns.updateOne(open, { $set: { label: record, checkAt: nextCheck() } });
  if (stored.matchedCount === 1) return { trackingNumber: label.trackingNumber };
  // Another try has written it down, or the return was withdrawn meanwhile.
  const now = await models.returns.findById(returnId, { label: 1 }).lean();
  if (now?.label?.id !== label.id) await carrier.voidLabel(label.id);
  return { trackingNumber: label.trackingNumber };
}

async function voidReturnLabel({ models }: Mongo, carriers: Carriers, returnId: string): Promise<void> {
  const found = await models.returns.findById(returnId).lean();
  if (!found?.chosen || found.label?.voided) return;
  const carrier = carrierOf(carriers, found.chosen.carrier);
  for (const label of found.label ? [found.label] : await findBought(carrier, returnId)) {
    const voided = { at: new Date(), outcome: await carrier.voidLabel(label.id) };
    await models.returns.updateOne({ _id: returnId }, { $set: { label: { ...label, voided } } });
  }
}

/** Nothing comes back any more. */
const ended = Object.keys(returnStates).filter((state) => hasEnded(returnStates, state)) as ReturnStatus[];

/** The customer packs a return: a middling box is assumed. */
const returnParcel = { lengthMm: 300, widthMm: 200, heightMm: 150 };

/** @throws where it was bought from a carrier that is not set up any more */
export function carrierOf(carriers: Carriers, id: string): Carrier {
  const carrier = carriers.get(id);
  if (!carrier) throw broken(`The carrier ${id} is not set up: its key is missing`);
  return carrier;
}

async function warehouseOf({ models }: Mongo, warehouseId: string): Promise<Warehouse> {
  const warehouse = await models.warehouses.findById(warehouseId).lean<Warehouse>();
  if (!warehouse) throw broken(`There is no warehouse ${warehouseId}`);
  return warehouse;
}

function toRecord(carrier: Carrier, label: Label): ParcelLabel {
  const { id, service, trackingNumber, url, trackingUrl, cost, currency } = label;
  return {
    ...{ id, carrier: carrier.id, service, trackingNumber, url, ...(trackingUrl && { trackingUrl }) },
    ...{ cost, currency, boughtAt: new Date() },
  };
}

/** A carrier has so long to bring news of a parcel before it is asked. */
export function nextCheck(): Date {
  return new Date(Date.now() + deadlines.carrierNews);
}
