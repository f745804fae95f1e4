/** What may be done with an order or a return at this moment, read from what MongoDB knows. */
import type { Order } from '../models/order.ts';
import type { Payment } from '../models/payment.ts';
import type { Return } from '../models/return.ts';
import type { Shipment } from '../models/shipment.ts';
import type { Mongo } from '../platform/mongo.ts';
import {
  allowedOrderActions,
  allowedReturnActions,
  type OrderAction,
  type OrderFacts,
  type ReturnAction,
} from '../workflows/domain/actions.ts';
import { liveClaims } from './claimed-units.ts';
import { leftOf } from './payments/refunds.ts';
import { withoutEffect } from './returns/opening.ts';

export async function orderActionsOf(mongo: Mongo, orderId: string): Promise<OrderAction[]> {
  const { models } = mongo;
  const [order, payment, shipments, returns, claims, disputed] = await Promise.all([
    models.orders.findById(orderId).lean<Order>(),
    models.payments.findOne({ orderId }).lean<Payment>(),
    models.shipments.find({ orderId, cancelledAt: { $exists: false } }).lean<Shipment[]>(),
    models.returns
      .find({ orderId, status: { $nin: withoutEffect } }, { lines: 1, parcel: 1 })
      .lean<Pick<Return, 'lines' | 'parcel'>[]>(),
    liveClaims(mongo, undefined, orderId),
    models.disputes.exists({ orderId, status: 'open' }),
  ]);
  // One that is written and not begun is for nobody to touch.
  if (!order?.state) return [];
  const asked = returns.filter(({ parcel }) => parcel === undefined);
  const gone = unitsOf([...asked, ...claims].flatMap(({ lines }) => lines));
  const broughtBack = unitsOf(returns.filter(({ parcel }) => parcel !== undefined).flatMap(({ lines }) => lines));
  const delivered = new Set(order.state.shipments.filter(({ status }) => status === 'delivered').map(({ id }) => id));
  const sent = order.lines.flatMap(({ allocations }) => allocations).filter(({ state }) => state === 'shipped');
  const arrived = sent.filter(({ shipmentId }) => delivered.has(shipmentId));
  return allowedOrderActions({
    status: order.status,
    shipments: order.state.shipments.map(({ status }) => status),
    isPaymentAwaited: isAwaited(order, payment),
    isHeld: order.state.incidents.some(({ cause }) => cause === 'hold'),
    isWaiting: order.state.waitingFor !== undefined,
    isFixed: isFixed(shipments, payment) || disputed !== null,
    isLabelled: shipments.some(({ labelRequestedAt }) => labelRequestedAt !== undefined),
    refundable: leftOf(payment),
    returnable: unitsOf(arrived) - gone,
    claimable: unitsOf(sent) - gone - broughtBack,
  });
}

export async function returnActionsOf({ models }: Mongo, returnId: string): Promise<ReturnAction[]> {
  const found = await models.returns.findById(returnId).lean<Return>();
  if (!found) return [];
  const { status, state, parcel, late } = found;
  return allowedReturnActions({
    status,
    isWaiting: state?.waitingFor !== undefined,
    isBroughtBack: parcel !== undefined,
    isLate: late !== undefined,
  });
}

function isAwaited({ status }: Order, payment: Payment | null): boolean {
  if (payment?.status === 'processing') return false;
  return status === 'awaiting_payment' || payment?.renewal !== undefined;
}

/** Somebody has begun to pick it, or money was taken. */
function isFixed(shipments: readonly Shipment[], payment: Payment | null): OrderFacts['isFixed'] {
  const isBegun = shipments.some(({ begunAt, pickedAt }) => begunAt !== undefined || pickedAt !== undefined);
  return isBegun || (payment !== null && (payment.captured > 0 || payment.captures.length > 0));
}

function unitsOf(parts: readonly { quantity: number }[]): number {
  return parts.reduce((sum, { quantity }) => sum + quantity, 0);
}
