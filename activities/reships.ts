/** Goods that are sent again: a new order, linked to what did not arrive as it should, at no charge. */
import { newId } from '../models/id.ts';
import type { Order } from '../models/order.ts';
import { inTransaction, type Mongo } from '../platform/mongo.ts';
import type { LocalSteps, ParcelIds } from '../workflows/activities.ts';
import { deadlines } from '../workflows/domain/limits.ts';
import { free } from '../workflows/domain/pricing.ts';
import type { OrderInput } from '../workflows/messages.ts';
import { readOrder } from './payments/sales.ts';
import { claimOf, giveUp, readParcel } from './shipping/given-up.ts';

/** Of one parcel; asked again it is the same order. A claim that has decided about the parcel is named instead. */
export async function openReship(
  mongo: Mongo,
  { orderId, shipmentId, parcelId }: ParcelIds,
): ReturnType<LocalSteps['openReship']> {
  const { models } = mongo;
  return inTransaction(mongo, async (session) => {
    const known = await models.orders.findOne({ reshipOf: parcelId }).session(session).lean<Order>();
    if (known) return orderStartOf(known);
    const order = await readOrder(mongo, orderId, session);
    const { parcel } = await readParcel(mongo, session, { shipmentId, parcelId });
    const claimed = claimOf(parcel);
    if (claimed) return { claimed };
    await giveUp(mongo, session, { shipmentId, parcelId }, { how: 'reshipped' });
    const reship = reshipOf(order, parcel.units, parcelId);
    await models.orders.create([reship], { session });
    return orderStartOf(reship);
  });
}

/** @param source the parcel or the claim that it is for: there is one order for each */
export function reshipOf(
  order: Order,
  units: readonly { lineId: string; quantity: number }[],
  source: string,
): Pick<Order, '_id' | 'placeBefore'> & Partial<Order> {
  const lines = units.map(({ lineId, quantity }) => {
    // It was promised, and is free: it is not waited for like something that is yet to be bought.
    const { backorder: _, ...line } = order.lines.find((each) => each.lineId === lineId)!;
    return { ...line, ...free, quantity, unitPrice: 0, allocations: [] };
  });
  const now = new Date();
  return {
    _id: newId('ord'),
    createdAt: now,
    // Nobody waits for its answer, and it is promised: a backlog does not make it stale.
    placeBefore: new Date(now.getTime() + deadlines.delivery),
    customer: order.customer,
    shipTo: order.shipTo,
    ...(order.customerId !== undefined && { customerId: order.customerId }),
    currency: order.currency,
    items: lines.map(({ sku, quantity }) => ({ sku, quantity })),
    lines,
    pricing: { promotions: [], taxes: [], taxInclusive: false, subtotal: 0, discount: 0, net: 0, tax: 0 },
    total: 0,
    reshipOf: source,
    rev: 0,
    status: 'pending',
  };
}

/** What its workflow is started with, whoever does so. */
export function orderStartOf({
  _id,
  placeBefore,
  reshipOf: again,
  exchangeOf,
}: Pick<Order, '_id' | 'placeBefore'> & Partial<Pick<Order, 'reshipOf' | 'exchangeOf'>>): OrderInput {
  return {
    ...{ orderId: _id, placeBefore: placeBefore.toISOString() },
    ...(again !== undefined && { reship: true }),
    ...(exchangeOf && { exchange: { returnId: exchangeOf.returnId, release: exchangeOf.release } }),
  };
}
