/**
 * What every operation on stock should do and answer, one after the other and in plain memory. Of the system it shares
 * the choice of warehouses only, which has tests of its own.
 */
import {
  allocate,
  type Demand,
  reserveOrWait,
  type Supply,
  takeWhatIsThere,
} from '../../workflows/domain/allocation.ts';
import type { BackorderRule } from '../../workflows/domain/stock.ts';

export interface Place {
  onHand: number;
  damaged: number;
  incoming: number;
  safetyStock: number;
  /** Movements so far. */
  seq: number;
}

export interface Claim {
  shipmentId: string;
  warehouseId: string;
  quantity: number;
  state: 'backordered' | 'reserved' | 'committed' | 'shipped' | 'released' | 'lost';
}

export interface Line {
  lineId: string;
  sku: string;
  quantity: number;
  backorder?: BackorderRule;
  claims: Claim[];
}

export interface Order {
  id: string;
  /** The higher, the newer. */
  number: number;
  shipTo: { country: string; region: string };
  lines: Line[];
  committed: boolean;
  released: boolean;
  shortages?: { sku: string; requested: number; available: number }[];
}

/** A shipment that somebody has begun to pick: nothing takes its goods away any more. */
export interface Picking {
  orderId: string;
  warehouseId: string;
  lines: { lineId: string; sku: string; quantity: number; picked: number }[];
  /** Left the building, or its list was closed: nothing of it lies in a trolley. */
  gone: boolean;
  settled?: { short: number; empty: boolean };
}

interface Incoming {
  warehouseId: string;
  from?: string;
  lines: { sku: string; expected: number; received: number }[];
  tolerancePercent: number;
  status: 'expected' | 'in_transit' | 'partly_received' | 'received' | 'cancelled';
}

interface Count {
  warehouseId: string;
  lines: { sku: string; counted?: number; books?: { onHand: number; picked: number }; seq?: number }[];
  status: 'open' | 'counted' | 'approved' | 'rejected' | 'cancelled';
}

/** Plain data, so that it can be copied to try what might have happened. */
export interface State {
  places: Record<string, Place>;
  warehouses: Record<string, { country: string; region: string; priority: number; active: boolean }>;
  orders: Record<string, Order>;
  picking: Record<string, Picking>;
  incoming: Record<string, Incoming>;
  counts: Record<string, Count>;
  /** What was answered to each movement, by its key. */
  posted: Record<string, { onHand: number; damaged: number; seq: number }>;
}

export class Refused extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

export const placeId = (sku: string, warehouseId: string) => `${sku}@${warehouseId}`;
const isOpen = ({ state }: Claim) => state === 'backordered' || state === 'reserved' || state === 'committed';
const sum = (units: readonly { quantity: number }[]) => units.reduce((total, { quantity }) => total + quantity, 0);
let ids = 0;
const newId = () => `new_${++ids}`;

// ---- What there is ----

export function claimed(state: State, id: string, kind: 'reserved' | 'committed'): number {
  const lines = Object.values(state.orders).flatMap((order) => order.lines);
  return sum(
    lines.flatMap(({ sku, claims }) =>
      claims.filter((claim) => claim.state === kind && placeId(sku, claim.warehouseId) === id),
    ),
  );
}

export function waitingFor(state: State, sku: string): number {
  return sum(Object.values(state.orders).flatMap((order) => claimsOn(order, sku, 'backordered')));
}

export function claimsOn(order: Order, sku: string, kind: Claim['state']): Claim[] {
  return order.lines.filter((line) => line.sku === sku).flatMap(({ claims }) => claims.filter((c) => c.state === kind));
}

function salable(state: State, id: string): number {
  const { onHand, damaged } = state.places[id]!;
  return onHand - damaged - claimed(state, id, 'reserved') - claimed(state, id, 'committed');
}

export function offered(state: State, sku: string): number {
  return supplies(state, [sku]).reduce((units, supply) => units + supply.offered[sku]!, 0);
}

function supplies(state: State, skus: readonly string[]): Supply[] {
  const offers = (sku: string, warehouseId: string) => {
    const id = placeId(sku, warehouseId);
    return Math.max(0, salable(state, id) - state.places[id]!.safetyStock);
  };
  return Object.entries(state.warehouses)
    .filter(([, { active }]) => active)
    .map(([warehouseId, { country, region, priority }]) => ({
      ...{ warehouseId, country, region, priority },
      offered: Object.fromEntries(skus.map((sku) => [sku, offers(sku, warehouseId)])),
    }));
}

// ---- Goods ----

interface Moved {
  key: string;
  sku: string;
  warehouseId: string;
  onHandChange: number;
  damagedChange: number;
}

function post(state: State, { key, sku, warehouseId, onHandChange, damagedChange }: Moved) {
  const place = state.places[placeId(sku, warehouseId)]!;
  place.onHand += onHandChange;
  place.damaged += damagedChange;
  place.seq += 1;
  state.posted[key] = { onHand: place.onHand, damaged: place.damaged, seq: place.seq };
  return state.posted[key]!;
}

function refuseToBreak(state: State, sku: string, warehouseId: string): void {
  const { onHand, damaged } = state.places[placeId(sku, warehouseId)]!;
  if (onHand < 0 || damaged < 0 || damaged > onHand) throw new Refused('negative');
  if (salable(state, placeId(sku, warehouseId)) < 0) throw new Refused('would_break_promises');
}

export function move(state: State, movement: Moved & { kind: string }) {
  const { key, sku, warehouseId, kind } = movement;
  if (state.posted[key]) return { applied: false, ...state.posted[key] };
  const answer = post(state, movement);
  if (kind === 'damage') makeRoom(state, sku, warehouseId);
  refuseToBreak(state, sku, warehouseId);
  fill(state, sku);
  return { applied: true, ...answer };
}

export function announce(state: State, id: string, delivery: Incoming): unknown {
  state.incoming[id] ??= structuredClone(addIncoming(state, delivery));
  return statusOf(state.incoming[id]!);
}

function addIncoming(state: State, incoming: Incoming): Incoming {
  const { warehouseId, lines } = incoming;
  for (const { sku, expected } of lines) state.places[placeId(sku, warehouseId)]!.incoming += expected;
  return incoming;
}

const statusOf = ({ status, lines }: Incoming) => ({ status, received: lines.map(({ received }) => received) });

export function cancel(state: State, id: string): unknown {
  const delivery = state.incoming[id]!;
  if (delivery.status === 'cancelled') return statusOf(delivery);
  if (delivery.status !== 'expected') throw new Refused('wrong_state');
  close(state, delivery, 'cancelled');
  return statusOf(delivery);
}

function close(state: State, incoming: Incoming, status: Incoming['status']): void {
  for (const { sku, expected, received } of incoming.lines)
    state.places[placeId(sku, incoming.warehouseId)]!.incoming -= Math.max(0, expected - received);
  incoming.status = status;
}

export function send(state: State, id: string, transfer: Incoming): unknown {
  if (state.incoming[id]) return statusOf(state.incoming[id]!);
  for (const { sku, expected } of transfer.lines) {
    const key = `${id}:out:${sku}`;
    post(state, { key, sku, warehouseId: transfer.from!, onHandChange: -expected, damagedChange: 0 });
    refuseToBreak(state, sku, transfer.from!);
  }
  state.incoming[id] = structuredClone(addIncoming(state, transfer));
  return statusOf(transfer);
}

/** Of a delivery or a transfer. */
export function receive(
  state: State,
  id: string,
  receipt: {
    key: string;
    line: { sku: string; quantity: number; damaged: number };
    last: boolean;
    acceptOver: boolean;
  },
): unknown {
  const { key, last, acceptOver } = receipt;
  const { sku, quantity, damaged } = receipt.line;
  const found = state.incoming[id];
  if (!found) return null;
  if (state.posted[`${key}:${sku}`]) return statusOf(found);
  if (found.status === 'cancelled' || found.status === 'received') throw new Refused('wrong_state');
  const line = found.lines.find((each) => each.sku === sku)!;
  const most = line.expected + Math.floor((line.expected * found.tolerancePercent) / 100);
  if (line.received + quantity > most && (!acceptOver || found.from)) throw new Refused('too_much');
  const place = state.places[placeId(sku, found.warehouseId)]!;
  place.incoming -= Math.min(Math.max(0, line.expected - line.received), quantity);
  line.received += quantity;
  const { warehouseId } = found;
  post(state, { key: `${key}:${sku}`, sku, warehouseId, onHandChange: quantity, damagedChange: damaged });
  if (last || found.lines.every(({ expected, received }) => received >= expected)) close(state, found, 'received');
  else found.status = 'partly_received';
  fill(state, sku);
  return statusOf(found);
}

export function open(state: State, id: string, count: Count): unknown {
  state.counts[id] ??= structuredClone(count);
  return state.counts[id]!.status;
}

export function record(state: State, id: string, sku: string, counted: number): unknown {
  const count = state.counts[id]!;
  if (count.status !== 'open' && count.status !== 'counted') throw new Refused('wrong_state');
  const picked = Object.values(state.picking)
    .filter(({ warehouseId, gone }) => warehouseId === count.warehouseId && !gone)
    .flatMap(({ lines }) => lines.filter((line) => line.sku === sku))
    .reduce((units, line) => units + line.picked, 0);
  const { onHand, seq } = state.places[placeId(sku, count.warehouseId)]!;
  const books = { onHand, picked };
  Object.assign(count.lines.find((line) => line.sku === sku)!, { counted, books, seq });
  if (count.lines.every((line) => line.counted !== undefined)) count.status = 'counted';
  return { status: count.status, books };
}

export function decide(state: State, id: string, decision: 'approve' | 'reject' | 'cancel'): unknown {
  const becomes = ({ approve: 'approved', reject: 'rejected', cancel: 'cancelled' } as const)[decision];
  const count = state.counts[id]!;
  if (count.status === becomes) return count.status;
  if (count.status !== (decision === 'cancel' ? 'open' : 'counted')) throw new Refused('wrong_state');
  // What another count has corrected since this one was counted would be corrected twice.
  const isCorrected = ({ sku, seq }: Count['lines'][number]) =>
    Object.entries(state.counts).some(
      ([other, { warehouseId }]) =>
        warehouseId === count.warehouseId && (state.posted[`${other}:${sku}`]?.seq ?? 0) > seq!,
    );
  if (decision === 'approve' && count.lines.some(isCorrected)) throw new Refused('wrong_state');
  count.status = becomes;
  if (decision !== 'approve') return count.status;
  const { warehouseId } = count;
  for (const { sku, counted, books } of count.lines) {
    const onHandChange = counted! + books!.picked - books!.onHand;
    if (onHandChange === 0) continue;
    post(state, { key: `${id}:${sku}`, sku, warehouseId, onHandChange, damagedChange: 0 });
    makeRoom(state, sku, warehouseId);
    refuseToBreak(state, sku, warehouseId);
    fill(state, sku);
  }
  return count.status;
}

// ---- Orders ----

export function reserve(state: State, orderId: string): unknown {
  const order = state.orders[orderId]!;
  if (order.released) return { outcome: 'undone' };
  if (order.lines.some(({ claims }) => claims.length > 0)) return reservedAnswer(order);
  if (order.shortages) return { outcome: 'out_of_stock', shortages: order.shortages };
  const skus = [...new Set(order.lines.map(({ sku }) => sku))];
  const backlog = Object.fromEntries(skus.map((sku) => [sku, waitingFor(state, sku)]));
  const result = reserveOrWait(order.lines, supplies(state, skus), order.shipTo, backlog);
  if (!result.ok) {
    order.shortages = result.shortages;
    return { outcome: 'out_of_stock', shortages: order.shortages };
  }
  const shipments = new Map<string, string>();
  for (const { lineId, warehouseId, quantity } of [
    ...result.allocations,
    ...result.waiting.map((each) => ({ ...each, warehouseId: '' })),
  ]) {
    if (!shipments.has(warehouseId)) shipments.set(warehouseId, newId());
    const kind = warehouseId === '' ? 'backordered' : 'reserved';
    give(order, lineId, { shipmentId: shipments.get(warehouseId)!, warehouseId, quantity, state: kind });
  }
  return reservedAnswer(order);
}

const reservedAnswer = ({ lines }: Order) => ({
  outcome: 'reserved',
  comesLater: lines.some(({ claims }) => claims.some((claim) => claim.state === 'backordered')),
});

export function commit(state: State, orderId: string): unknown {
  const order = state.orders[orderId]!;
  if (order.committed) return null;
  order.committed = true;
  const claims = order.lines.flatMap((line) => line.claims.filter((claim) => claim.state === 'reserved'));
  for (const claim of claims) claim.state = 'committed';
  for (const { shipmentId, warehouseId } of new Map(claims.map((claim) => [claim.shipmentId, claim])).values()) {
    if (state.warehouses[warehouseId]!.active) continue;
    const units = order.lines.flatMap(({ lineId, sku, claims }) => {
      const quantity = sum(claims.filter((claim) => claim.shipmentId === shipmentId));
      return quantity > 0 ? [{ lineId, sku, quantity }] : [];
    });
    const there = supplies(
      state,
      units.map(({ sku }) => sku),
    );
    if (allocate(units, there, order.shipTo).ok)
      moveElsewhere(state, order, shipmentId, warehouseId, units, 'released');
  }
  return null;
}

export function release(state: State, orderId: string): unknown {
  const order = state.orders[orderId]!;
  order.released = true;
  for (const { claims } of order.lines) {
    for (const claim of claims.filter(isOpen)) {
      claim.state = 'released';
      if (state.picking[claim.shipmentId]) state.picking[claim.shipmentId]!.gone = true;
    }
  }
  return null;
}

export function releaseShipment(state: State, orderId: string, shipmentId: string): unknown {
  const order = state.orders[orderId]!;
  for (const claim of order.lines.flatMap(({ claims }) => claims.filter((each) => each.shipmentId === shipmentId))) {
    if (isOpen(claim)) claim.state = 'released';
    if (claim.state === 'shipped') claim.state = 'lost';
  }
  if (state.picking[shipmentId]) state.picking[shipmentId]!.gone = true;
  return { amountDue: amountDue(order) };
}

export function settleShort(state: State, orderId: string, shipmentId: string): unknown {
  const order = state.orders[orderId]!;
  const picking = state.picking[shipmentId]!;
  if (!picking.settled) {
    const shorts = picking.lines
      .map(({ lineId, sku, quantity, picked }) => ({ lineId, sku, quantity: quantity - picked }))
      .filter(({ quantity }) => quantity > 0);
    // Of what was released or has left meanwhile nothing is left to be sent from elsewhere.
    const open = shorts.filter(({ lineId }) =>
      lineOf(order, lineId).claims.some((claim) => claim.shipmentId === shipmentId && isOpen(claim)),
    );
    moveElsewhere(state, order, shipmentId, picking.warehouseId, open, 'released');
    // What nobody found is set aside until it is counted.
    for (const sku of new Set(open.map((line) => line.sku))) {
      const damagedChange = sum(open.filter((line) => line.sku === sku));
      const key = `short:${shipmentId}:${sku}`;
      post(state, { key, sku, warehouseId: picking.warehouseId, onHandChange: 0, damagedChange });
    }
    picking.settled = { short: sum(shorts), empty: picking.lines.every(({ picked }) => picked === 0) };
    picking.gone ||= picking.settled.empty;
  }
  return { ...picking.settled, amountDue: amountDue(order) };
}

export function ship(state: State, orderId: string, shipmentId: string): unknown {
  for (const { lineId, sku, claims } of state.orders[orderId]!.lines) {
    for (const claim of claims.filter((each) => each.shipmentId === shipmentId && isOpen(each))) {
      const key = `ship:${shipmentId}:${lineId}`;
      post(state, { key, sku, warehouseId: claim.warehouseId, onHandChange: -claim.quantity, damagedChange: 0 });
      claim.state = 'shipped';
    }
  }
  if (state.picking[shipmentId]) state.picking[shipmentId]!.gone = true;
  return null;
}

/** A unit of everything costs one. */
function amountDue(order: Order): number {
  return sum(order.lines.flatMap(({ claims }) => claims.filter((c) => c.state !== 'released' && c.state !== 'lost')));
}

// ---- Who gives way, and who is served ----

/** First come, first served; nobody is served before the one in front has everything. */
export function fill(state: State, sku: string): void {
  const queue = Object.values(state.orders)
    .filter((order) => claimsOn(order, sku, 'backordered').length > 0)
    .sort((a, b) => a.number - b.number);
  for (const order of queue) {
    const waiting = order.lines
      .filter((line) => line.sku === sku)
      .map(({ lineId, claims }) => ({ lineId, sku, quantity: sum(claims.filter((c) => c.state === 'backordered')) }))
      .filter(({ quantity }) => quantity > 0);
    const allocations = takeWhatIsThere(waiting, supplies(state, [sku]), order.shipTo);
    const shipments = new Map<string, string>();
    for (const { lineId, warehouseId, quantity } of allocations) {
      take(order, lineId, quantity, (claim) => claim.state === 'backordered');
      if (!shipments.has(warehouseId)) shipments.set(warehouseId, newId());
      const kind = order.committed ? 'committed' : 'reserved';
      give(order, lineId, { shipmentId: shipments.get(warehouseId)!, warehouseId, quantity, state: kind });
    }
    if (sum(allocations) < sum(waiting)) return;
  }
}

/** The newest give way, until no more is promised than is there. */
function makeRoom(state: State, sku: string, warehouseId: string): void {
  for (const order of Object.values(state.orders).sort((a, b) => b.number - a.number)) {
    for (const { lineId, sku: its, claims } of order.lines) {
      for (const { shipmentId, warehouseId: where, quantity, state: kind } of structuredClone(claims)) {
        const missing = -salable(state, placeId(sku, warehouseId));
        if (missing <= 0) return;
        const mayGiveWay = kind === 'reserved' || (kind === 'committed' && !state.picking[shipmentId]);
        if (its !== sku || where !== warehouseId || !mayGiveWay) continue;
        const units = [{ lineId, sku, quantity: Math.min(missing, quantity) }];
        moveElsewhere(state, order, shipmentId, warehouseId, units, 'backordered');
      }
    }
  }
}

function moveElsewhere(
  state: State,
  order: Order,
  shipmentId: string,
  warehouseId: string,
  units: readonly Demand[],
  rest: 'released' | 'backordered',
): void {
  const others = supplies(
    state,
    units.map(({ sku }) => sku),
  ).filter((supply) => supply.warehouseId !== warehouseId);
  const moves = takeWhatIsThere(units, others, order.shipTo);
  const shipments = new Map(moves.map((each) => [each.warehouseId, newId()]));
  const waitingId = newId();
  for (const { lineId, quantity } of units) {
    const kind = take(order, lineId, quantity, (claim) => claim.shipmentId === shipmentId && isOpen(claim));
    let left = quantity;
    for (const each of moves.filter((one) => one.lineId === lineId)) {
      const { warehouseId: to } = each;
      give(order, lineId, { shipmentId: shipments.get(to)!, warehouseId: to, quantity: each.quantity, state: kind });
      left -= each.quantity;
    }
    if (rest === 'released') give(order, lineId, { shipmentId, warehouseId, quantity: left, state: rest });
    else give(order, lineId, { shipmentId: waitingId, warehouseId: '', quantity: left, state: rest });
  }
}

const lineOf = (order: Order, lineId: string) => order.lines.find((line) => line.lineId === lineId)!;

function give(order: Order, lineId: string, claim: Claim): void {
  if (claim.quantity > 0) lineOf(order, lineId).claims.push(claim);
}

/** Answers what the claim was that it took from. */
function take(order: Order, lineId: string, quantity: number, from: (claim: Claim) => boolean): Claim['state'] {
  const line = lineOf(order, lineId);
  let left = quantity;
  let kind: Claim['state'] | undefined;
  for (const claim of line.claims.filter(from)) {
    kind ??= claim.state;
    const units = Math.min(left, claim.quantity);
    claim.quantity -= units;
    left -= units;
  }
  if (left > 0 || kind === undefined) throw new Error(`The model takes ${quantity} of ${lineId}, ${left} too many`);
  line.claims = line.claims.filter((claim) => claim.quantity > 0);
  return kind;
}
