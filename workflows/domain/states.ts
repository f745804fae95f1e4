/** Every state machine of Waybill as a plain table: state -> the states it may go to. Checked at boot. */

export const orderStates = {
  pending: ['awaiting_payment', 'confirmed', 'on_hold', 'expired', 'cancelled', 'rejected'],
  awaiting_payment: ['confirmed', 'on_hold', 'expired', 'cancelled'],
  // One that waited for goods is paid once they are there.
  confirmed: ['awaiting_payment', 'on_hold', 'processing', 'cancelled', 'completed', 'expired'],
  // Held while what came is paid, its payment can fail.
  on_hold: ['confirmed', 'processing', 'completed', 'cancelled', 'awaiting_payment', 'expired'],
  processing: ['on_hold', 'completed', 'cancelled'],
  completed: [],
  expired: [],
  cancelled: [],
  rejected: [],
} as const satisfies Table;

export const attemptStates = {
  created: ['requires_action', 'processing', 'authorized', 'captured', 'declined', 'voided', 'failed'],
  requires_action: ['processing', 'authorized', 'captured', 'declined', 'voided', 'lapsed', 'failed'],
  processing: ['authorized', 'captured', 'declined', 'voided', 'failed'],
  authorized: ['captured', 'voided', 'lapsed'],
  declined: [],
  captured: [],
  voided: [],
  lapsed: [],
  failed: [],
} as const satisfies Table;

/** A method of payment that is saved, to be charged later. */
export const setupStates = {
  created: ['requires_action', 'processing', 'declined', 'saved', 'voided'],
  requires_action: ['processing', 'declined', 'saved', 'voided'],
  processing: ['declined', 'saved', 'voided'],
  declined: ['requires_action', 'processing', 'saved', 'voided'],
  saved: [],
  voided: [],
} as const satisfies Table;

export const refundStates = {
  pending: ['succeeded', 'failed'],
  // A bank can bounce a refund that had succeeded: https://docs.stripe.com/refunds#failed-refunds
  succeeded: ['failed'],
  failed: [],
} as const satisfies Table;

export const shipmentStates = {
  allocated: ['backordered', 'picking', 'on_hold', 'cancelled'],
  backordered: ['allocated', 'cancelled'],
  picking: ['picked', 'on_hold', 'cancelled'],
  picked: ['packed', 'on_hold', 'cancelled'],
  // Where something of it is cancelled it is packed anew.
  packed: ['ready', 'picked', 'on_hold', 'cancelled'],
  ready: ['shipped', 'picked', 'on_hold', 'cancelled'],
  on_hold: ['allocated', 'picking', 'picked', 'packed', 'ready', 'cancelled'],
  shipped: ['in_transit', 'out_for_delivery', 'delivered', 'exception', 'lost', 'returned_to_sender'],
  in_transit: ['out_for_delivery', 'delivered', 'exception', 'lost', 'returned_to_sender'],
  out_for_delivery: ['in_transit', 'delivered', 'exception', 'lost', 'returned_to_sender'],
  exception: ['in_transit', 'out_for_delivery', 'delivered', 'lost', 'returned_to_sender'],
  delivered: [],
  lost: [],
  returned_to_sender: [],
  cancelled: [],
} as const satisfies Table;

/** What a carrier has said of a parcel since it was handed over. One that was lost can be found again. */
export const parcelStates = {
  shipped: ['in_transit', 'out_for_delivery', 'delivered', 'exception', 'lost', 'returned_to_sender'],
  in_transit: ['out_for_delivery', 'delivered', 'exception', 'lost', 'returned_to_sender'],
  out_for_delivery: ['in_transit', 'delivered', 'exception', 'lost', 'returned_to_sender'],
  exception: ['in_transit', 'out_for_delivery', 'delivered', 'lost', 'returned_to_sender'],
  lost: ['in_transit', 'out_for_delivery', 'exception', 'delivered', 'returned_to_sender'],
  // What a carrier calls delivered after it is delivered to us.
  returned_to_sender: [],
  delivered: [],
} as const satisfies Table;

export const pickLineStates = {
  pending: ['picked', 'short'],
  picked: [],
  // A scan that was made before the report, and comes after it, counts.
  short: ['picked'],
} as const satisfies Table;

export const returnStates = {
  requested: ['approved', 'rejected', 'cancelled'],
  approved: ['in_transit', 'received', 'expired', 'cancelled'],
  in_transit: ['received', 'expired'],
  received: ['inspected'],
  inspected: ['completed'],
  completed: [],
  rejected: [],
  expired: [],
  cancelled: [],
} as const satisfies Table;

export const disputeStates = {
  open: ['won', 'lost', 'closed'],
  won: [],
  lost: [],
  // What took no money: an inquiry, or a warning of fraud, that is over.
  closed: [],
} as const satisfies Table;

export const deliveryStates = {
  expected: ['partly_received', 'received', 'cancelled'],
  partly_received: ['received'],
  received: [],
  cancelled: [],
} as const satisfies Table;

export const transferStates = {
  in_transit: ['partly_received', 'received'],
  partly_received: ['received'],
  received: [],
} as const satisfies Table;

/** What a carrier is asked to pay for a parcel. */
export const claimStates = {
  open: ['paid', 'refused', 'withdrawn'],
  paid: [],
  refused: [],
  withdrawn: [],
} as const satisfies Table;

/** What a customer claims of goods that did not come, or not as they should. */
export const customerClaimStates = {
  open: ['approved', 'rejected', 'withdrawn'],
  approved: ['settled'],
  settled: [],
  rejected: [],
  withdrawn: [],
} as const satisfies Table;

export const countStates = {
  open: ['counted', 'cancelled'],
  counted: ['approved', 'rejected'],
  approved: [],
  rejected: [],
  cancelled: [],
} as const satisfies Table;

export type Table = Readonly<Record<string, readonly string[]>>;
export type OrderStatus = keyof typeof orderStates;
export type AttemptStatus = keyof typeof attemptStates;
export type SetupStatus = keyof typeof setupStates;
export type RefundStatus = keyof typeof refundStates;
export type ShipmentStatus = keyof typeof shipmentStates;
export type ParcelStatus = keyof typeof parcelStates;
export type PickLineStatus = keyof typeof pickLineStates;
export type ReturnStatus = keyof typeof returnStates;
export type DisputeStatus = keyof typeof disputeStates;
export type DisputeKind = (typeof disputeKinds)[number];
export type DeliveryStatus = keyof typeof deliveryStates;
export type TransferStatus = keyof typeof transferStates;
export type ClaimStatus = keyof typeof claimStates;
export type CustomerClaimStatus = keyof typeof customerClaimStates;
export type CountStatus = keyof typeof countStates;

/** A chargeback takes the money first; an inquiry only asks; a warning of fraud says that a chargeback is likely. */
export const disputeKinds = ['chargeback', 'inquiry', 'fraud_warning'] as const;
export const shortReasons = ['stockout', 'damaged', 'could_not_locate', 'misplaced'] as const;
export const receptions = ['awaiting', 'received', 'short_shipped', 'wrong_item', 'lost_in_transit'] as const;
export const dispositions = ['restock', 'quarantine', 'scrap', 'return_to_customer'] as const;
/** What is wrong with the units: not in the parcel, broken, others than were ordered, or their parcel did not come. */
export const claimKinds = ['missing', 'damaged', 'wrong_item', 'lost_in_transit'] as const;
export type ClaimKind = (typeof claimKinds)[number];
export type ShortReason = (typeof shortReasons)[number];
export type Reception = (typeof receptions)[number];
export type Disposition = (typeof dispositions)[number];

/** What a shipment that has not been handed over yet can be in; past these only returns are possible. */
export const shipmentInWarehouse: readonly ShipmentStatus[] = [
  'allocated',
  'backordered',
  'picking',
  'picked',
  'packed',
  'ready',
  'on_hold',
];

/** Nothing of it is picked yet. */
export const shipmentUnpicked: readonly ShipmentStatus[] = ['allocated', 'backordered', 'picking'];

export function mayGo(table: Table, from: string, to: string): boolean {
  return table[from]?.includes(to) ?? false;
}

export function hasEnded(table: Table, state: string): boolean {
  return table[state]?.length === 0;
}

/** @throws when a table names a state that it does not define, or has a state that no path reaches from its first. */
export function checkTable(name: string, table: Table): void {
  const states = Object.keys(table);
  const reached = new Set<string>(states.slice(0, 1));
  for (const state of reached) {
    for (const next of table[state] ?? []) {
      if (!(next in table)) throw new Error(`State table ${name}: ${state} leads to the unknown state ${next}`);
      reached.add(next);
    }
  }
  const lost = states.filter((state) => !reached.has(state));
  if (lost.length > 0) throw new Error(`State table ${name}: nothing leads to ${lost.join(', ')}`);
}

export function checkTables(): void {
  const tables = {
    orderStates,
    attemptStates,
    setupStates,
    refundStates,
    shipmentStates,
    parcelStates,
    pickLineStates,
    returnStates,
    disputeStates,
    deliveryStates,
    transferStates,
    countStates,
    claimStates,
    customerClaimStates,
  };
  for (const [name, table] of Object.entries(tables)) checkTable(name, table);
}
