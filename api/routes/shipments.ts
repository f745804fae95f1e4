/** The warehouse's work on a shipment: put it first, pack it, hand it over, put back what is not sent. */

import { renderPackingSlip } from '../../activities/papers/packing-slip.ts';
import { readPackingSlip } from '../../activities/papers/read-slip.ts';
import { setPriority } from '../../activities/picking/lists.ts';
import { leavesOnce } from '../../activities/shipping/hand-overs.ts';
import { PackingRefused, packParcels } from '../../activities/shipping/packing.ts';
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
import { pdfFile } from '../schemas/common.ts';
import { accepted, done } from '../schemas/orders.ts';
import { paperQuery } from '../schemas/pick-lists.ts';
import * as schema from '../schemas/shipments.ts';
import { isHere, viewParcel, viewShipment } from '../views/shipment.ts';
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
  summary: 'A shipment with what is picked of it, its parcels and, once labelled, where it goes',
  params: schema.shipmentParams,
  answers: { 200: schema.shipment },
  async handle({ mongo }, { params, caller }) {
    const shipment = await readShipment(mongo, params.id);
    const order = await readOrderOf(mongo, shipment);
    // Whoever packs needs the address until the parcel has left.
    const mayKnow = maySeePerson(caller) || isHere(shipment);
    return reply(200, viewShipment(shipment, order, mayKnow ? order.shipTo : undefined));
  },
});

export const putPriority = endpoint({
  summary: 'Have it picked before others, or after them',
  params: schema.shipmentParams,
  body: schema.priorityBody,
  answers: { 200: schema.shipment },
  async handle({ mongo }, { params: { id }, body }) {
    const shipment = await setPriority(mongo, id, body.priority);
    if (!shipment) throw notFound();
    return reply(200, viewShipment(shipment, await readOrderOf(mongo, shipment)));
  },
});

export const packShipment = endpoint({
  summary: 'Pack: what is in which parcel. The labels are bought, and the money is captured',
  params: schema.shipmentParams,
  body: schema.packBody,
  idempotencyKey: 'optional',
  answers: { 200: schema.packed, 202: accepted },
  problems: ['packing-refused', 'not-allowed-now', 'order-ended'],
  async handle({ mongo, temporal }, { params: { id }, body, caller, idempotency }) {
    const shipment = await readShipment(mongo, id);
    const { orderId } = shipment;
    const isAdmin = caller.kind === 'staff' && caller.role === 'admin';
    if (body.weightConfirmed && !isAdmin)
      throw new Problem('forbidden', 'Only an admin answers for a weight that is not the expected one');
    const packed = await packingRefused(() =>
      packParcels(mongo, { shipmentId: id, given: body.parcels, weighed: !body.weightConfirmed }),
    );
    // Parcels that a carrier has refused are packed anew, and the incident is answered with `amend`.
    if ((await statusOf(mongo, shipment)) === 'packed') return answer(mongo, id, 'packed');
    const input = { shipmentId: id, ...packed!, actor: actorOf(caller) };
    const updated = await updateOrder({ mongo, temporal }, orderId, messages.packShipment, input, idempotency);
    if (updated?.status === 'cancelled') throw putBack();
    return updated === undefined ? underWay(id) : answer(mongo, id, updated.status as string);
  },
});

async function answer(mongo: Mongo, shipmentId: string, status: string) {
  const { parcels = [] } = await mongo.models.shipments.findById(shipmentId).lean<Shipment>().orFail();
  return reply(200, { status, parcels: parcels.map((parcel) => viewParcel(parcel)) });
}

async function packingRefused<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof PackingRefused)) throw error;
    const isLate = error.code === 'not_picked' || error.code === 'cancelled' || error.code === 'labelled';
    throw new Problem(isLate ? 'not-allowed-now' : 'packing-refused', error.message, { code: error.code });
  }
}

export const getPackingSlip = endpoint({
  summary: 'The paper that goes into a parcel',
  params: schema.slipParams,
  query: paperQuery,
  answers: { 200: pdfFile },
  problems: ['not-allowed-now'],
  async handle({ mongo }, { params: { id, parcelId }, query: { paper }, caller }) {
    const shipment = await readShipment(mongo, id);
    // It says where the customer lives.
    if (!isHere(shipment) && !maySeePerson(caller))
      throw new Problem('not-allowed-now', 'The parcel has left, or is not sent');
    const slip = await readPackingSlip(mongo, id, parcelId);
    if (!slip) throw notFound();
    const name = { 'content-disposition': `inline; filename="${parcelId}.pdf"` };
    return reply(200, await renderPackingSlip(slip, paper), name);
  },
});

export const handOverShipment = endpoint({
  summary: 'Hand all parcels of a shipment over to the carrier: the goods leave the stock',
  params: schema.shipmentParams,
  idempotencyKey: 'optional',
  answers: { 200: done, 202: accepted },
  problems: ['not-allowed-now', 'order-ended'],
  async handle({ mongo, temporal }, { params: { id }, caller, idempotency }) {
    const { orderId } = await readShipment(mongo, id);
    const input = { shipmentId: id, actor: actorOf(caller) };
    const gone = await updateOrder(
      { mongo, temporal },
      orderId,
      messages.handOverShipment,
      input,
      idempotency ?? leavesOnce(id),
    );
    if (gone?.status === 'cancelled') throw putBack();
    return gone ? reply(200, { status: gone.status as string }) : underWay(id);
  },
});

export const putBackShipment = endpoint({
  summary: 'What had been picked, and is cancelled, is on its shelf again',
  params: schema.shipmentParams,
  answers: { 200: schema.shipment },
  problems: ['not-allowed-now'],
  async handle({ mongo }, { params: { id } }) {
    const before = await readShipment(mongo, id);
    if (!before.cancelledAt && before.changes === undefined)
      throw new Problem('not-allowed-now', 'The shipment is not cancelled: it is to be sent');
    const at = new Date();
    const isPutBack = {
      ...(before.cancelledAt && { putBackAt: before.putBackAt ?? at }),
      ...(before.putBack && { putBack: before.putBack.map((unit) => ({ at, ...unit })) }),
    };
    // What is cancelled at this moment is still to be put back.
    const asSeen = { _id: id, changes: before.changes ?? null, cancelledAt: before.cancelledAt ?? null };
    await mongo.models.shipments.updateOne(asSeen, { $set: isPutBack });
    const shipment = await readShipment(mongo, id);
    return reply(200, viewShipment(shipment, await readOrderOf(mongo, shipment)));
  },
});

/** Somebody cancelled it meanwhile: no scanner may take that for a success. */
function putBack(): Problem {
  return new Problem('not-allowed-now', 'The shipment was cancelled: put the goods back');
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

async function statusOf(mongo: Mongo, shipment: Shipment): Promise<string | undefined> {
  const { state } = await readOrderOf(mongo, shipment);
  return state?.shipments.find(({ id }) => id === shipment._id)?.status;
}
