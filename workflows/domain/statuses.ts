/** The derived statuses: computed from facts, by one pure function each, and never set by hand. */
import type { AttemptStatus, ShipmentStatus } from './states.ts';
import { shipmentInWarehouse } from './states.ts';

export interface PaymentFacts {
  attempt: AttemptStatus | 'none';
  /** Minor units. */
  authorized: number;
  captured: number;
  /** Store credit that was spent; and what it left for a card. */
  credit: number;
  byCard: number;
  /** Of both. */
  refunded: number;
  disputed: boolean;
}

export type PaymentStatus =
  | 'not_paid'
  | 'requires_action'
  | 'authorized'
  | 'partially_captured'
  | 'captured'
  | 'partially_refunded'
  | 'refunded'
  | 'voided'
  | 'disputed';

/** The money is there, or held for us. */
export function isPaid(attempt: AttemptStatus | 'none'): boolean {
  return attempt === 'authorized' || attempt === 'captured';
}

export function paymentStatus(facts: PaymentFacts): PaymentStatus {
  if (facts.disputed) return 'disputed';
  // What store credit pays alone is paid when it is spent; else it waits for the card's share, or that was let go
  // and some of the credit stays spent.
  const withoutCard = facts.byCard === 0 || (facts.attempt === 'voided' && facts.refunded < facts.credit);
  const byCreditAlone = facts.credit > 0 && withoutCard;
  if (facts.captured > 0 || byCreditAlone) {
    if (facts.refunded >= facts.captured + facts.credit) return 'refunded';
    if (facts.refunded > 0) return 'partially_refunded';
    return facts.attempt === 'captured' || byCreditAlone ? 'captured' : 'partially_captured';
  }
  if (facts.attempt === 'authorized') return 'authorized';
  if (facts.attempt === 'requires_action') return 'requires_action';
  if (facts.attempt === 'voided' || facts.attempt === 'lapsed') return 'voided';
  return 'not_paid';
}

export type FulfillmentStatus =
  | 'unfulfilled'
  | 'partially_shipped'
  | 'shipped'
  | 'partially_delivered'
  | 'delivered'
  | 'partially_returned'
  | 'returned'
  | 'cancelled';

/** `returnedUnits` counts what came back and was accepted, out of `deliveredUnits`. */
export function fulfillmentStatus(
  shipments: readonly { status: ShipmentStatus }[],
  returnedUnits = 0,
  deliveredUnits = 0,
): FulfillmentStatus {
  const live = shipments.filter((shipment) => shipment.status !== 'cancelled');
  if (shipments.length > 0 && live.length === 0) return 'cancelled';
  if (returnedUnits > 0) return returnedUnits >= deliveredUnits ? 'returned' : 'partially_returned';
  const delivered = live.filter((shipment) => shipment.status === 'delivered').length;
  const gone = live.filter((shipment) => !shipmentInWarehouse.includes(shipment.status)).length;
  if (live.length > 0 && delivered === live.length) return 'delivered';
  if (delivered > 0) return 'partially_delivered';
  if (live.length > 0 && gone === live.length) return 'shipped';
  return gone > 0 ? 'partially_shipped' : 'unfulfilled';
}
