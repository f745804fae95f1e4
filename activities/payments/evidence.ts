/** The facts of a disputed order, and what of them goes to the bank. Personal: from MongoDB to the provider, and to staff. */
import type { Address } from '../../models/address.ts';
import type { Order } from '../../models/order.ts';
import type { Dispute } from '../../models/payment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { type CaseFacts, type Evidence, evidenceFor, isDelivered } from '../../workflows/domain/evidence.ts';
import type { OrderStatus } from '../../workflows/domain/states.ts';
import { broken } from '../failure.ts';

/** What would be told as things stand. */
export async function evidenceOf(mongo: Mongo, dispute: Dispute): Promise<{ evidence: Evidence; delivered: boolean }> {
  const facts = await factsOf(mongo, dispute);
  return { evidence: evidenceFor(facts, dispute.leftOut), delivered: isDelivered(facts) };
}

async function factsOf({ models }: Mongo, dispute: Dispute): Promise<CaseFacts> {
  const { orderId, reason, receipt, words } = dispute;
  const order = await models.orders.findById(orderId).lean<Order>();
  if (!order) throw broken(`There is no order ${orderId}`);
  const [shipments, refunds, returns, settings, others] = await Promise.all([
    models.shipments.find({ orderId, cancelledAt: { $exists: false } }).lean(),
    models.refunds.find({ orderId, status: 'succeeded' }).lean(),
    models.returns.find({ orderId }).lean(),
    models.settings.findById('store', { refundPolicy: 1 }).lean(),
    othersOf(order, models),
  ]);
  return {
    ...{ reason, orderId, receipt, words },
    currency: order.currency,
    total: order.total,
    orderedAt: order.createdAt.toISOString(),
    customer: { name: order.customer.name, email: order.customer.email },
    shipTo: linesOf(order.shipTo),
    goods: order.lines.map(({ name, quantity, total }) => ({ name, quantity, total })),
    carrier: order.shipping?.name,
    parcels: shipments.flatMap(({ parcels = [], handedOverAt }) =>
      // What is not packed yet has not arrived either.
      (parcels.length > 0 ? parcels : [undefined]).map((parcel) => ({
        trackingNumber: parcel?.label?.trackingNumber,
        shippedAt: handedOverAt?.toISOString(),
        deliveredAt: parcel?.deliveredAt?.toISOString(),
      })),
    ),
    refunds: refunds.map(({ amount, createdAt }) => ({ amount, at: createdAt.toISOString() })),
    returns: returns.map(({ createdAt, status }) => ({ at: createdAt.toISOString(), status })),
    refundPolicy: settings?.refundPolicy,
    otherOrders: others.map((other) => ({
      orderId: other._id,
      at: other.createdAt.toISOString(),
      total: other.total,
      goods: other.lines.map(({ name, quantity }) => ({ name, quantity })),
    })),
  };
}

const mostOthers = 10;

/** What the same customer paid besides. */
function othersOf(order: Order, models: Mongo['models']): Promise<Order[]> {
  const paid: { $in: OrderStatus[] } = { $in: ['confirmed', 'on_hold', 'processing', 'completed'] };
  return models.orders
    .find({ _id: { $ne: order._id }, 'customer.email': order.customer.email, total: { $gt: 0 }, status: paid })
    .sort({ createdAt: -1 })
    .limit(mostOthers)
    .lean<Order[]>();
}

function linesOf({ name, line1, line2, postalCode, city, region, country }: Address): string[] {
  return [name, line1, line2, `${postalCode} ${city}`, region, country].filter((line) => line !== undefined);
}
