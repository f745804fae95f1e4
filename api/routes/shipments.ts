/** The warehouse's work on a shipment: pick, pack, hand over. */
import { isDeepStrictEqual } from 'node:util';
import { PickRefused, type PickResult, reportShort, scanPick } from '../../activities/picking.ts';
import type { Order } from '../../models/order.ts';
import type { Shipment } from '../../models/shipment.ts';
import { findOneBy } from '../../platform/documents.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { shipmentInWarehouse } from '../../workflows/domain/states.ts';
import * as messages from '../../workflows/messages.ts';
import { actorOf, maySeePerson, notFound } from '../auth.ts';
import { endpoint, reply } from '../endpoint.ts';
import { afterNewest, newestKeys, page } from '../paging.ts';
import { Problem } from '../problem.ts';
import { accepted, done } from '../schemas/orders.ts';
import * as schema from '../schemas/shipments.ts';
import { viewShipment } from '../views/shipment.ts';
import { updateOrder } from './orders.ts';

export const listShipments = endpoint({
  summary: 'Shipments of a warehouse in a state; newest orders first',
  query: schema.shipmentQuery,
  answers: { 200: schema.shipmentPage },
  async handle({ mongo }, { query: { warehouseId, status, limit, cursor } }) {
    const wanted = {
      ...(warehouseId && { warehouseId }),
      status: status ?? { $in: shipmentInWarehouse },
    };
    // A shipment's status is its order's to say, so pages go by order: one may hold several of its shipments.
    const found = await mongo.models.orders
      .find({ 'state.shipments': { $elemMatch: wanted }, ...afterNewest(cursor) }, { state: 1, createdAt: 1 })
      .sort({ createdAt: -1, _id: -1 })
      .limit(limit + 1)
      .lean<Pick<Order, '_id' | 'createdAt' | 'state'>[]>();
    const { items: orders, next } = page(found, limit, newestKeys);
    const ids = orders.flatMap(({ state }) =>
      state!.shipments
        .filter((each) => warehouseId === undefined || each.warehouseId === warehouseId)
        .filter((each) => (status ? each.status === status : shipmentInWarehouse.includes(each.status)))
        .map(({ id }) => id),
    );
    const records = await mongo.models.shipments.find({ _id: { $in: ids } }).lean<Shipment[]>();
    const shipments = ids.flatMap((id) => {
      const record = records.find(({ _id }) => _id === id);
      const order = orders.find(({ _id }) => _id === record?.orderId);
      return record ? [viewShipment(record, order)] : [];
    });
    return reply(200, { shipments, next });
  },
});

export const getShipment = endpoint({
  summary: 'A shipment with its pick list and, once labelled, where it goes',
  params: schema.shipmentParams,
  answers: { 200: schema.shipment },
  async handle({ mongo }, { params, caller }) {
    const shipment = await readShipment(mongo, params.id);
    const order = await readOrderOf(mongo, shipment);
    // Whoever packs needs the address until the parcel has left.
    const mayKnow = maySeePerson(caller) || !shipment.handedOverAt;
    return reply(200, viewShipment(shipment, order, mayKnow ? order.shipTo : undefined));
  },
});

export const scanItem = endpoint({
  summary: 'Scan picked units',
  params: schema.shipmentParams,
  body: schema.scanBody,
  answers: { 200: schema.scanned },
  problems: ['picking-refused'],
  async handle({ mongo }, { params, body }) {
    return scanned(mongo, () => scanPick(mongo, { shipmentId: params.id, ...body }));
  },
});

export const reportShortage = endpoint({
  summary: 'Say that the rest of a line cannot be picked',
  params: schema.shipmentParams,
  body: schema.shortBody,
  answers: { 200: schema.scanned },
  problems: ['picking-refused'],
  async handle({ mongo }, { params, body }) {
    return scanned(mongo, () => reportShort(mongo, { shipmentId: params.id, ...body }));
  },
});

export const packShipment = endpoint({
  summary: 'Pack: the label is bought, and the money is captured',
  params: schema.shipmentParams,
  body: schema.packBody,
  idempotencyKey: 'optional',
  answers: { 200: schema.packed, 202: accepted },
  problems: ['not-allowed-now', 'order-ended'],
  async handle({ mongo, temporal }, { params: { id }, body: { parcel }, caller, idempotency }) {
    const shipment = await readShipment(mongo, id);
    const { orderId, lines, pickedAt, cancelledAt } = shipment;
    if (cancelledAt) throw putBack();
    if (!pickedAt) throw new Problem('not-allowed-now', 'The shipment is not picked yet');
    if (shipment.label && !isDeepStrictEqual({ ...shipment.parcel }, parcel))
      throw new Problem('not-allowed-now', 'Its label is bought for another parcel');
    // A list that is closed does not change any more, so what is short is known.
    const short = lines.some(({ state }) => state === 'short');
    const input = { shipmentId: id, parcel, short, actor: actorOf(caller) };
    const packed = await updateOrder({ mongo, temporal }, orderId, messages.packShipment, input, idempotency);
    if (packed?.status === 'cancelled') throw putBack();
    if (packed === undefined) return underWay(id);
    const { label } = await readShipment(mongo, id);
    return reply(200, { status: packed.status as string, trackingNumber: label?.trackingNumber, labelUrl: label?.url });
  },
});

export const handOverShipment = endpoint({
  summary: 'Hand over to the carrier: the goods leave the stock',
  params: schema.shipmentParams,
  idempotencyKey: 'optional',
  answers: { 200: done, 202: accepted },
  problems: ['not-allowed-now', 'order-ended'],
  async handle({ mongo, temporal }, { params: { id }, caller, idempotency }) {
    const { orderId } = await readShipment(mongo, id);
    const input = { shipmentId: id, actor: actorOf(caller) };
    const gone = await updateOrder({ mongo, temporal }, orderId, messages.handOverShipment, input, idempotency);
    if (gone?.status === 'cancelled') throw putBack();
    return gone ? reply(200, { status: gone.status as string }) : underWay(id);
  },
});

/** Somebody cancelled it meanwhile: no scanner may take that for a success. */
function putBack(): Problem {
  return new Problem('not-allowed-now', 'The shipment was cancelled: put the goods back');
}

async function scanned(mongo: Mongo, scan: () => Promise<PickResult>) {
  try {
    const { applied, shipment } = await scan();
    const order = await readOrderOf(mongo, shipment);
    return reply(200, { applied, shipment: viewShipment(shipment, order) });
  } catch (error) {
    if (!(error instanceof PickRefused)) throw error;
    if (error.code === 'unknown_shipment') throw notFound();
    throw new Problem('picking-refused', error.message, { code: error.code, expected: error.expected });
  }
}

function underWay(shipmentId: string) {
  const href = `/v1/shipments/${shipmentId}`;
  return reply(202, { status: 'accepted', href }, { location: href });
}

async function readShipment({ models }: Mongo, shipmentId: string): Promise<Shipment> {
  const shipment = await findOneBy(models.shipments, '_id', shipmentId);
  if (!shipment) throw notFound();
  return shipment;
}

async function readOrderOf(
  { models }: Mongo,
  { orderId, _id }: Shipment,
): Promise<Pick<Order, '_id' | 'state' | 'shipTo'>> {
  const order = await findOneBy(models.orders, '_id', orderId);
  if (!order) throw new Error(`The order ${orderId} of the shipment ${_id} is not in the database`);
  return order;
}
