/** An order as its owner or staff may see it: put together from what MongoDB knows. */
import type { z } from 'zod';
import type { Claim } from '../../models/claim.ts';
import type { Order } from '../../models/order.ts';
import type { Dispute, Payment, Refund } from '../../models/payment.ts';
import type { Return } from '../../models/return.ts';
import type { PackedParcel, Shipment } from '../../models/shipment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { fulfillmentStatus, paymentStatus } from '../../workflows/domain/statuses.ts';
import type { OrderState, TimelineEntry } from '../../workflows/messages.ts';
import { maySeePerson } from '../auth.ts';
import type { Caller } from '../endpoint.ts';
import type { order as orderSchema, state as stateSchema } from '../schemas/orders.ts';
import { viewClaim } from './claim.ts';
import { type OrderLink, readLinks } from './links.ts';
import { inWords, withNotes } from './notes.ts';
import { viewLine, viewShipping, viewSums } from './quote.ts';
import { viewRefund } from './refund.ts';
import { viewReturn } from './return.ts';

/** What belongs to an order and is stored beside it. */
export interface Related {
  payment: Payment | undefined;
  returns: Return[];
  refunds: Refund[];
  disputes: Dispute[];
  claims: Claim[];
  /** The orders that send something of it again, and the one that it sends something of. */
  links: OrderLink[];
  shipments: ShipmentFacts[];
  /** What the provider takes for its payments and disputes, in minor units by the currency of its balance. */
  fees: Record<string, number>;
}

/** What carriers say of its parcels. */
type ShipmentFacts = Pick<Shipment, '_id' | 'orderId' | 'promisedBy' | 'parcels'>;

export const nothingRelated: Related = {
  ...{ payment: undefined, returns: [], refunds: [], disputes: [], claims: [], links: [], shipments: [], fees: {} },
};

type OrderView = z.input<typeof orderSchema>;

/** Reads what belongs to these orders, each kind with one query. */
export async function readRelated({ models }: Mongo, orderIds: string[]): Promise<(orderId: string) => Related> {
  const ofThese = { orderId: { $in: orderIds } };
  const [payments, returns, refunds, disputes, claims, shipments, fees] = await Promise.all([
    models.payments.find(ofThese).lean<Payment[]>(),
    models.returns.find(ofThese).sort({ _id: 1 }).lean<Return[]>(),
    models.refunds.find(ofThese).sort({ _id: 1 }).lean<Refund[]>(),
    models.disputes.find(ofThese).lean<Dispute[]>(),
    models.claims.find(ofThese).sort({ _id: 1 }).lean<Claim[]>(),
    models.shipments.find(ofThese, { orderId: 1, promisedBy: 1, parcels: 1 }).lean<ShipmentFacts[]>(),
    readFees({ models }, orderIds),
  ]);
  const parcels = shipments.flatMap(({ orderId, parcels = [] }) => parcels.map(({ id }) => ({ orderId, source: id })));
  const sources = [...parcels, ...claims.map(({ _id, orderId }) => ({ orderId, source: _id }))];
  const links = await readLinks({ models }, orderIds, sources);
  return (orderId) => {
    const ofThis = (fact: { orderId: string }) => fact.orderId === orderId;
    return {
      payment: payments.find(ofThis),
      returns: returns.filter(ofThis),
      refunds: refunds.filter(ofThis),
      disputes: disputes.filter(ofThis),
      claims: claims.filter(ofThis),
      links: links.filter(({ of }) => of === orderId).map(({ of: _, ...link }) => link),
      shipments: shipments.filter(ofThis),
      fees: Object.fromEntries(fees.filter(({ _id }) => ofThis(_id)).map(({ _id, fee }) => [_id.currency, fee])),
    };
  };
}

function readFees({ models }: Pick<Mongo, 'models'>, orderIds: string[]) {
  return models.balanceEntries.aggregate<{ _id: { orderId: string; currency: string }; fee: number }>([
    { $match: { orderId: { $in: orderIds } } },
    { $group: { _id: { orderId: '$orderId', currency: '$currency' }, fee: { $sum: '$fee' } } },
  ]);
}

export function viewOrder(order: Order, related: Related, caller: Caller): OrderView {
  const { state } = order;
  const forStaff = caller.kind === 'staff';
  return {
    id: order._id,
    createdAt: order.createdAt.toISOString(),
    status: order.status,
    ...statuses(order, related),
    currency: order.currency,
    ...viewSums(order),
    items: order.items,
    lines: order.lines.map(viewOrderLine),
    ...(order.shipping && { shipping: viewShipping(order.shipping) }),
    payment: related.payment && {
      ...viewPayment(order, related.payment, caller),
      ...(forStaff && { fees: related.fees }),
    },
    shipments: viewShipments(state, related.shipments),
    returns: related.returns.map(viewReturn),
    claims: related.claims.map((claim) => viewClaim(claim, order, caller)),
    refunds: related.refunds.map((refund) => viewRefund(refund, caller)),
    waitingFor: state?.waitingFor,
    expectedAt: order.expectedAt?.toISOString(),
    shortages: order.shortages,
    ...(maySeePerson(caller) && viewPerson(order)),
    ...(forStaff && {
      incidents: (state?.incidents ?? []).map((each) => ({ ...each, why: withNotes(each.why, order) })),
      timeline: timelineOf(order, related),
      links: related.links,
      notes: (order.notes ?? []).map((note) => ({ ...note, at: note.at.toISOString() })),
    }),
  };
}

function viewOrderLine(line: Order['lines'][number]): OrderView['lines'][number] {
  const cancelled = units(line.allocations.filter(({ state }) => state === 'released'));
  return { ...viewLine(line), ...(cancelled > 0 && { cancelled }) };
}

/** What happened to the order, what was refused, and what became of all that came after it, in the order of time. */
function timelineOf(order: Order, { returns, claims, refunds, disputes }: Related): TimelineEntry[] {
  const ofOthers = [...returns, ...claims, ...refunds, ...disputes].flatMap(({ _id, state }) =>
    (state?.timeline ?? []).map((each) => ({ ...each, what: `${each.what} (${_id})` })),
  );
  const refusals = (order.refusals ?? []).map((each) => ({ ...each, at: each.at.toISOString() }));
  return inWords([...(order.state?.timeline ?? []), ...ofOthers, ...refusals], order).sort(
    (a, b) => Number(a.at > b.at) - Number(a.at < b.at),
  );
}

export function viewPerson({ customer, shipTo }: Order): Pick<OrderView, 'customer' | 'shippingAddress'> {
  return { customer, shippingAddress: shipTo };
}

/** Not told to whoever pays: https://docs.stripe.com/declines/codes */
const unspoken = new Set([
  'fraudulent',
  'lost_card',
  'merchant_blacklist',
  'pickup_card',
  'restricted_card',
  'stolen_card',
]);

export function mayBeTold(declineCode: string, caller: Caller): string {
  return caller.kind !== 'staff' && unspoken.has(declineCode) ? 'generic_decline' : declineCode;
}

/** The client secret lets a browser pay: it is for the owner alone, and only while a payment is awaited. */
export function viewPayment(order: Order, payment: Payment, caller: Caller): NonNullable<OrderView['payment']> {
  const forStaff = caller.kind === 'staff';
  const { amountDue, authorized, captured, credit, setup } = payment;
  // Until the goods are there, the payment is the saving of the method.
  const saving = payment.intentId === undefined ? setup : undefined;
  const declined = saving ? saving.declineCode : (payment.attempts.at(-1)?.declineCode ?? undefined);
  const declineCode = declined && mayBeTold(declined, caller);
  const { clientSecret } = saving ?? payment.edit ?? payment.renewal ?? payment;
  const isAsked = order.status === 'awaiting_payment' || (payment.edit ?? payment.renewal) !== undefined;
  // The bank has a debit for days: there is nothing to confirm meanwhile.
  const isUnderWay = payment.status === 'processing';
  const mayPay = caller.kind === 'owner' && isAsked && !isUnderWay && clientSecret !== undefined;
  return {
    status: saving?.status ?? payment.status,
    amountDue,
    authorized,
    captured,
    credit,
    refunded: refundedOf(payment),
    ...(payment.transferredOut > 0 && { exchanged: payment.transferredOut }),
    ...(declineCode !== undefined && { declineCode }),
    ...(mayPay && { clientSecret, purpose: saving ? 'setup' : 'payment' }),
    ...(payment.edit && { editId: payment.edit.editId }),
    ...(forStaff && payment.captureBefore && { captureBefore: payment.captureBefore.toISOString() }),
  };
}

/** To the card and to the store credit. */
function refundedOf({ refunded, refundedAsCredit, creditReturned }: Payment): number {
  return refunded + refundedAsCredit + creditReturned;
}

/** The derived statuses, with what came after the order's end: returns, refunds and disputes. */
export function statuses(order: Order, { payment, returns, disputes }: Related) {
  const { state } = order;
  const shipments = state?.shipments ?? [];
  // What a carrier brought back could come back as well.
  const ended = new Set(
    shipments.filter(({ status }) => status === 'delivered' || status === 'returned_to_sender').map(({ id }) => id),
  );
  const allocations = order.lines.flatMap((line) => line.allocations);
  const kept = returns
    .flatMap((each) => each.lines.flatMap((line) => line.dispositions))
    .filter(({ disposition }) => disposition !== 'return_to_customer');
  return {
    paymentStatus: payment
      ? paymentStatus({
          attempt: payment.status,
          authorized: payment.authorized,
          captured: payment.captured,
          credit: payment.credit,
          byCard: payment.amountDue,
          refunded: refundedOf(payment),
          disputed: disputes.some(
            ({ kind, status }) => kind !== 'fraud_warning' && (status === 'open' || status === 'lost'),
          ),
        })
      : (state?.paymentStatus ?? 'not_paid'),
    fulfillmentStatus: fulfillmentStatus(
      shipments,
      units(kept),
      units(allocations.filter(({ shipmentId }) => ended.has(shipmentId))),
    ),
  };
}

/** The workflow's own state. What it needed help with, and who helped, is for staff. */
export function viewState(state: OrderState, caller: Caller): z.input<typeof stateSchema>['state'] {
  return {
    status: state.status,
    rev: state.rev,
    paymentStatus: state.paymentStatus,
    fulfillmentStatus: state.fulfillmentStatus,
    amountDue: state.amountDue,
    currency: state.currency,
    shipments: viewShipments(state),
    waitingFor: state.waitingFor,
    ...(caller.kind === 'staff' && { incidents: state.incidents, timeline: state.timeline }),
  };
}

function viewShipments(state: OrderState | undefined, facts: readonly ShipmentFacts[] = []): OrderView['shipments'] {
  return (state?.shipments ?? []).map(({ id, warehouseId, status, parcels, deliveredAt }) => {
    const known = facts.find(({ _id }) => _id === id);
    return {
      ...{ id, warehouseId: warehouseId || undefined, status, promisedBy: known?.promisedBy, deliveredAt },
      parcels: parcels?.map((parcel) => ({
        ...{ id: parcel.id, trackingNumber: parcel.trackingNumber, status: parcel.status },
        ...viewTravel(known?.parcels?.find((each) => each.id === parcel.id)),
      })),
    };
  });
}

function viewTravel(parcel: PackedParcel | undefined) {
  if (!parcel) return {};
  const { units: inside, label, expectedOn, deliveredAt, proof } = parcel;
  const { trackingUrl } = label ?? {};
  return { units: inside, trackingUrl, expectedOn, deliveredAt: deliveredAt?.toISOString(), proof };
}

function units(parts: readonly { quantity: number }[]): number {
  return parts.reduce((sum, { quantity }) => sum + quantity, 0);
}
