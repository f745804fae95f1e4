/** What an order's story, its payment, its shipments and its message handlers share, and the moves they have in common. */
import { CancellationScope, upsertSearchAttributes } from '@temporalio/workflow';
import type { Holdings, NewShipment } from './activities.ts';
import { commitDecision, local } from './activities.ts';
import type { OrderStatus, ShipmentStatus } from './domain/states.ts';
import {
  hasEnded,
  mayGo,
  orderStates,
  shipmentInWarehouse,
  shipmentStates,
  shipmentUnpicked,
} from './domain/states.ts';
import { fulfillmentStatus, paymentStatus } from './domain/statuses.ts';
import type {
  Actor,
  CancelInput,
  EditOutcome,
  OrderDispute,
  OrderInput,
  OrderState,
  ParcelClaim,
  ShipmentState,
  TrackingInput,
} from './messages.ts';
import { searchAttributes } from './messages.ts';
import type { Record } from './record.ts';
import { createRecord } from './record.ts';
import { createTurns } from './turns.ts';

/** Why an order ends before anything was sent. */
export class OrderEnds extends Error {
  readonly status: OrderStatus;
  constructor(status: OrderStatus) {
    super(`The order ends ${status}`);
    this.status = status;
  }
}

/** What the story, its shipments and the message handlers share. */
export interface Order {
  id: string;
  record: Record<OrderState>;
  /** Set by whoever cancels; the order's own scope is cancelled with it, and every shipment's that is still here. */
  cancelled?: CancelInput;
  scope: CancellationScope;
  warehouseScopes: Map<string, CancellationScope>;
  /** Messages from the warehouse, by shipment. */
  picked: Map<string, { short: boolean }>;
  packed: Map<string, Actor>;
  /** Settles with the last try to buy its labels, by shipment. */
  labelling: Map<string, Promise<unknown>>;
  /** Packed, and to be packed anew: something of it was cancelled. */
  unpacking: Set<string>;
  /** How often units of it were cancelled, by shipment. */
  contents: Map<string, number>;
  /** Shipments that are neither packed nor handed over at this moment, because something of them is cancelled. */
  changing: Set<string>;
  handedOverBy: Map<string, Actor>;
  /** By parcel. */
  tracking: Map<string, TrackingInput[]>;
  /** Parcels that a customer's claim has decided about, by their ids. */
  claimed: Map<string, ParcelClaim>;
  /** What is wrong with a parcel and nobody has said to wait for yet, by parcel. */
  troubles: Map<string, 'lost' | 'exception'>;
  /** Cards tried so far, the one at work included; 0 until the payment begins. */
  paymentAttempts: number;
  paymentHints: number;
  /** Methods tried to be saved for later. */
  setups: number;
  /** Support has answered that the saved method is to be charged once more. */
  payAgain: boolean;
  stockHints: number;
  /** Who holds it: a person, or a dispute by its id; each hold is an object of its own. */
  holds: Map<string, object>;
  disputes: Map<string, Pick<OrderDispute, 'kind' | 'status'>>;
  nextMethod?: string;
  /** The customer is asked for a payment, though the order is confirmed: see renewal.ts. */
  payAsked: boolean;
  /** How often the money was, or is, authorized anew; and the cards that customers have tried for it. */
  renewals: number;
  /** How often what its customer could pay was withdrawn. */
  withdrawals: number;
  /** Why a person had to look at it before. */
  risks: string[];
  /** When the provider lets go of what is authorized: ISO 8601, UTC. */
  captureBefore?: string | undefined;
  refundHints: { count: number };
  /** The provider works out the taxes. */
  providerTaxes: boolean;
  taxesRecorded?: Promise<void>;
  /** A carrier is to be asked whether it finds the address; and what it says is waited for. */
  checksAddress: boolean;
  addressChecked?: Promise<void>;
  /** How often it was changed to another. */
  addresses: number;
  /** The money for all that is sent was taken; or for some of it. */
  captured: boolean;
  capturedInPart: boolean;
  /** Settles with the last refund of what was cancelled of it. */
  paidBack: Promise<void>;
  /** Minor units that are being paid back, or that the provider could not return and support has settled in another way. */
  settledOtherwise: number;
  messages: number;
  /** When goods that are not there are expected, and before when none may be sent. ISO 8601, UTC. */
  expects: { expectedAt?: string | undefined; notBefore?: string | undefined };
  /** Edits that are being made, or wait for their customers, by their ids; and the latter with the method that was tried last. */
  edits: Map<string, Promise<EditOutcome>>;
  waitingEdits: Map<string, string | undefined>;
  editsAsked: number;
  /** The return in exchange for whose goods it is, and whether these are accepted. */
  exchange?: OrderInput['exchange'] | undefined;
  exchangeReleased: boolean;
  lineCancelsAsked: number;
  /** What it comes to, once that is certain. */
  ending?: OrderStatus;
  /** Its return knows of it. */
  hasToldEnd: boolean;
  /** It comes to its end: nothing of it is changed any more. */
  settling: boolean;
}

/** Changes of what was ordered come one at a time. Where money has a turn as well, it is taken within this one. */
export const changeTurn = createTurns<Order>();

export function createOrder({ orderId, exchange }: OrderInput): Order {
  const state: OrderState = {
    orderId,
    rev: 0,
    status: 'pending',
    currency: '',
    amountDue: 0,
    payment: { attempt: 'none', authorized: 0, captured: 0, credit: 0, byCard: 0, refunded: 0, disputed: false },
    paymentStatus: 'not_paid',
    fulfillmentStatus: 'unfulfilled',
    shipments: [],
    incidents: [],
    timeline: [],
  };
  // The search attributes that the API starts an order with.
  let shown = 'pending,not_paid,unfulfilled,false';
  const record = createRecord({
    state,
    mailKey: orderId,
    ended: ({ status }) => hasEnded(orderStates, status),
    save: (current, mails) => local.saveOrder({ state: current, mails }),
    beforeSave(current, atRest) {
      current.paymentStatus = paymentStatus(current.payment);
      current.fulfillmentStatus = fulfillmentStatus(current.shipments);
      const needsAttention = current.incidents.length > 0;
      const warehouseIds = [...new Set(current.shipments.flatMap(({ warehouseId }) => warehouseId || []))];
      const next = [current.status, current.paymentStatus, current.fulfillmentStatus, needsAttention, ...warehouseIds];
      // Each upsert is a write of its own to Temporal's visibility store; states that pass in a moment are not worth one.
      if (next.join() === shown || !(atRest || hasEnded(orderStates, current.status))) return;
      shown = next.join();
      upsertSearchAttributes([
        { key: searchAttributes.orderStatus, value: current.status },
        { key: searchAttributes.paymentStatus, value: current.paymentStatus },
        { key: searchAttributes.fulfillmentStatus, value: current.fulfillmentStatus },
        { key: searchAttributes.needsAttention, value: needsAttention },
        { key: searchAttributes.warehouseIds, value: warehouseIds },
      ]);
    },
  });
  return {
    id: orderId,
    record,
    scope: new CancellationScope({ cancellable: true }),
    warehouseScopes: new Map(),
    picked: new Map(),
    packed: new Map(),
    labelling: new Map(),
    unpacking: new Set(),
    contents: new Map(),
    changing: new Set(),
    handedOverBy: new Map(),
    tracking: new Map(),
    claimed: new Map(),
    troubles: new Map(),
    paymentAttempts: 0,
    paymentHints: 0,
    setups: 0,
    payAgain: false,
    stockHints: 0,
    holds: new Map(),
    disputes: new Map(),
    refundHints: { count: 0 },
    providerTaxes: false,
    checksAddress: false,
    addresses: 0,
    captured: false,
    capturedInPart: false,
    paidBack: Promise.resolve(),
    payAsked: false,
    risks: [],
    renewals: 0,
    withdrawals: 0,
    settledOtherwise: 0,
    messages: 0,
    expects: {},
    edits: new Map(),
    waitingEdits: new Map(),
    editsAsked: 0,
    exchange,
    exchangeReleased: false,
    lineCancelsAsked: 0,
    hasToldEnd: false,
    settling: false,
  };
}

/**
 * Takes over what the order holds and waits for now. Goods come for what waited, other warehouses send in place of the
 * first; what is not there any more is cancelled, or forgotten where nobody has begun with it.
 */
export function takeOver(order: Order, { shipments }: Holdings): void {
  const { record } = order;
  const { state } = record;
  const before = new Map(state.shipments.map((shipment) => [shipment.id, shipment]));
  const now = new Map(shipments.map((shipment) => [shipment.shipmentId, shipment]));
  const changes: string[] = [];
  for (const { shipmentId: id, warehouseId } of shipments) {
    const known = before.get(id);
    const status = warehouseId === '' ? 'backordered' : 'allocated';
    if (!known) state.shipments.push({ id, warehouseId, status });
    else if (known.status === 'backordered' && warehouseId !== '') Object.assign(known, { warehouseId, status });
    else continue;
    changes.push(warehouseId === '' ? `${id} waits for goods` : `${id} is sent from ${warehouseId}`);
  }
  for (const { id, status } of before.values()) {
    if (now.has(id) || !shipmentUnpicked.includes(status)) continue;
    const scope = order.warehouseScopes.get(id);
    if (scope) scope.cancel();
    else state.shipments = state.shipments.filter((shipment) => shipment.id !== id);
    changes.push(`${id} is replaced`);
  }
  if (changes.length > 0) record.changed(`Stock: ${changes.join('; ')}`);
}

export function addShipments(order: Order, shipments: readonly NewShipment[]): void {
  const { state } = order.record;
  for (const { shipmentId: id, warehouseId } of shipments) {
    const known = state.shipments.some((shipment) => shipment.id === id);
    if (!known) state.shipments.push({ id, warehouseId, status: warehouseId === '' ? 'backordered' : 'allocated' });
  }
}

/** @throws where the table of states does not know the step: a bug, which stops the workflow task and changes nothing. */
export function moveOrder(order: Order, to: OrderStatus, what?: string): void {
  const { state } = order.record;
  if (state.status === to) return;
  if (!mayGo(orderStates, state.status, to)) throw new Error(`An order cannot go from ${state.status} to ${to}`);
  const before = state.status;
  state.status = to;
  order.record.changed(what, 'system', { before, after: to });
}

/** @throws as `moveOrder` does */
export function moveShipment(
  order: Order,
  shipment: ShipmentState,
  to: ShipmentStatus,
  what?: string,
  actor = 'system',
): void {
  if (!mayGo(shipmentStates, shipment.status, to))
    throw new Error(`A shipment cannot go from ${shipment.status} to ${to}`);
  const before = shipment.status;
  shipment.status = to;
  order.record.changed(what && `${what} (${shipment.id})`, actor, { before, after: to });
}

export function cancel(order: Order, input: CancelInput): void {
  commitDecision();
  if (!order.cancelled) order.record.changed('Cancellation asked for', input.actor, { why: input.reason });
  order.cancelled ??= input;
  order.scope.cancel();
  for (const [shipmentId, scope] of order.warehouseScopes) if (!isUnderWay(order, shipmentId)) scope.cancel();
}

/** Somebody hands it over, or the carrier has it. */
export function isLeaving(order: Order, shipmentId: string): boolean {
  return order.handedOverBy.has(shipmentId) || isUnderWay(order, shipmentId);
}

/** A carrier has told of one of its parcels, whoever scanned what at the door. */
function isUnderWay({ record, tracking }: Order, shipmentId: string): boolean {
  const shipment = record.state.shipments.find(({ id }) => id === shipmentId);
  return (shipment?.parcels ?? []).some(({ id }) => tracking.has(id));
}

/** An order can be cancelled while something of it has not left yet. */
export function mayCancel(order: Order): boolean {
  const { state } = order.record;
  if (hasEnded(orderStates, state.status)) return false;
  return (
    state.shipments.length === 0 ||
    state.shipments.some(({ id, status }) => shipmentInWarehouse.includes(status) && !isUnderWay(order, id))
  );
}
