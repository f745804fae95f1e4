/**
 * Which warehouse sends which units: the fewest parcels, then the nearest warehouse, then the one with the most stock.
 */

import type { BackorderRule } from './stock.ts';
import { unitsBySku } from './units.ts';

export interface Demand {
  lineId: string;
  sku: string;
  quantity: number;
  /** What is not there may be waited for. */
  backorder?: BackorderRule | undefined;
}

export interface Sender {
  warehouseId: string;
  country: string;
  region?: string | undefined;
  /** Lower is preferred among warehouses that are equally near. */
  priority: number;
}

export interface Supply extends Sender {
  /** Units offered per SKU: on hand less damaged, reserved, committed and the safety stock; never negative. */
  offered: Readonly<Record<string, number>>;
}

export interface Allocation {
  lineId: string;
  sku: string;
  warehouseId: string;
  quantity: number;
}

export interface Shortage {
  sku: string;
  requested: number;
  available: number;
}

export type AllocationResult = { ok: true; allocations: Allocation[] } | { ok: false; shortages: Shortage[] };

/**
 * Demand of several lines on one SKU counts together. All of it is allocated, or none; the same input has the same answer,
 * whatever its order.
 */
export type AllocationRule = (
  demand: readonly Demand[],
  supplies: readonly Supply[],
  destination: Destination,
) => AllocationResult;

export interface Destination {
  country: string;
  region?: string | undefined;
}

/** The warehouse that sends where each has everything: before stock is looked at, it is the one to reckon with. */
export function nearest<S extends Sender>(senders: readonly S[], destination: Destination): S | undefined {
  return [...senders].sort(
    (a, b) =>
      distance(a, destination) - distance(b, destination) ||
      a.priority - b.priority ||
      (a.warehouseId < b.warehouseId ? -1 : 1),
  )[0];
}

/** The rule in force. */
export const allocate: AllocationRule = fewestParcels;

function fewestParcels(
  demand: readonly Demand[],
  supplies: readonly Supply[],
  destination: Destination,
): AllocationResult {
  const shortages = findShortages(demand, supplies);
  if (shortages.length > 0) return { ok: false, shortages };
  const senders = fewestThatCover(demand, supplies, destination);
  const left = senders.map((supply) => ({ ...supply, offered: { ...supply.offered } }));
  const open = demand.map((line) => ({ ...line }));
  const allocations: Allocation[] = [];
  while (open.some((line) => line.quantity > 0)) {
    // The warehouse that covers most of what is still open comes first, so that lines are split seldom.
    const best = left
      .map((supply) => ({ supply, units: coverage(open, supply.offered) }))
      .sort(
        (a, b) =>
          b.units - a.units ||
          distance(a.supply, destination) - distance(b.supply, destination) ||
          a.supply.priority - b.supply.priority ||
          stockOf(open, b.supply.offered) - stockOf(open, a.supply.offered) ||
          (a.supply.warehouseId < b.supply.warehouseId ? -1 : 1),
      )[0]!;
    for (const line of open) {
      const take = Math.min(line.quantity, unitsOf(best.supply.offered, line.sku));
      if (take === 0) continue;
      best.supply.offered[line.sku]! -= take;
      line.quantity -= take;
      allocations.push({ lineId: line.lineId, sku: line.sku, warehouseId: best.supply.warehouseId, quantity: take });
    }
  }
  return { ok: true, allocations };
}

/**
 * As much of the demand as is there, the rest left out. Lines are served in their order.
 */
export function takeWhatIsThere(
  demand: readonly Demand[],
  supplies: readonly Supply[],
  destination: Destination,
): Allocation[] {
  const left = new Map<string, number>();
  for (const { offered } of supplies) {
    for (const [sku, quantity] of Object.entries(offered)) left.set(sku, (left.get(sku) ?? 0) + quantity);
  }
  const capped = demand.map((line) => {
    const quantity = Math.min(line.quantity, left.get(line.sku) ?? 0);
    left.set(line.sku, (left.get(line.sku) ?? 0) - quantity);
    return { ...line, quantity };
  });
  const result = allocate(capped, supplies, destination);
  return result.ok ? result.allocations : [];
}

export type ReservationResult =
  | { ok: true; allocations: Allocation[]; waiting: { lineId: string; sku: string; quantity: number }[] }
  | { ok: false; shortages: Shortage[] };

/**
 * All that is asked for is allocated or, where its rule lets it, waited for; or none of it is. Where others wait for a SKU,
 * a newcomer gets in line behind them.
 * @param backlog units per SKU that others wait for
 * @param own units that are held for it already, and so are its own whoever waits
 */
export function reserveOrWait(
  demand: readonly Demand[],
  supplies: readonly Supply[],
  destination: Destination,
  backlog: Readonly<Record<string, number>>,
  own: readonly { sku: string; warehouseId: string; quantity: number }[] = [],
): ReservationResult {
  const isQueued = (sku: string) => unitsOf(backlog, sku) > 0;
  const ownOf = (sku: string, warehouseId: string) =>
    own.reduce((sum, each) => (each.sku === sku && each.warehouseId === warehouseId ? sum + each.quantity : sum), 0);
  const free = supplies.map((supply) => ({
    ...supply,
    offered: Object.fromEntries(
      Object.entries(supply.offered).map(([sku, units]) => {
        const mine = ownOf(sku, supply.warehouseId);
        return [sku, isQueued(sku) ? mine : Math.max(units, mine)];
      }),
    ),
  }));
  const all = allocate(demand, free, destination);
  if (all.ok) return { ...all, waiting: [] };
  const mayWait = (sku: string) => {
    const rule = demand.find((line) => line.sku === sku)?.backorder;
    return rule === undefined ? 0 : Math.max(0, rule.limit - unitsOf(backlog, sku));
  };
  const shortages = all.shortages
    .map((shortage) => ({ ...shortage, available: shortage.available + mayWait(shortage.sku) }))
    .filter(({ requested, available }) => available < requested);
  if (shortages.length > 0) return { ok: false, shortages };
  const allocations = takeWhatIsThere(demand, free, destination);
  const waiting = demand.flatMap(({ lineId, sku, quantity }) => {
    const there = allocations.filter((each) => each.lineId === lineId).reduce((sum, each) => sum + each.quantity, 0);
    return there < quantity ? [{ lineId, sku, quantity: quantity - there }] : [];
  });
  return { ok: true, allocations, waiting };
}

/** A SKU may be called `constructor`, which every object has. */
function unitsOf(units: Readonly<Record<string, number>>, sku: string): number {
  return Object.hasOwn(units, sku) ? units[sku]! : 0;
}

/** So many sets of warehouses are looked at for one order; beyond it, taking the one that covers most is near enough. */
const mostSets = 5_000;

/**
 * The smallest set of warehouses that has everything: of sets of one size the nearest, then the most preferred, then the
 * one with the most stock.
 */
function fewestThatCover(
  demand: readonly Demand[],
  supplies: readonly Supply[],
  destination: Destination,
): readonly Supply[] {
  const inOrder = [...supplies].sort((a, b) => (a.warehouseId < b.warehouseId ? -1 : 1));
  let looked = 0;
  for (let size = 1; size < inOrder.length; size++) {
    let best: { set: Supply[]; rank: number[] } | undefined;
    for (const set of setsOf(inOrder, size)) {
      looked += 1;
      if (looked > mostSets) return inOrder;
      if (findShortages(demand, set).length > 0) continue;
      const rank = [
        total(set, (supply) => distance(supply, destination)),
        total(set, ({ priority }) => priority),
        -total(set, ({ offered }) => stockOf(demand, offered)),
      ];
      if (best === undefined || isLess(rank, best.rank)) best = { set, rank };
    }
    if (best) return best.set;
  }
  return inOrder;
}

function* setsOf(supplies: readonly Supply[], size: number): Generator<Supply[]> {
  if (size === 0) yield [];
  for (let first = 0; first <= supplies.length - size && size > 0; first++) {
    for (const rest of setsOf(supplies.slice(first + 1), size - 1)) yield [supplies[first]!, ...rest];
  }
}

function total(set: readonly Supply[], value: (supply: Supply) => number): number {
  return set.reduce((sum, supply) => sum + value(supply), 0);
}

/** Compares the first number that differs. */
function isLess(a: readonly number[], b: readonly number[]): boolean {
  const index = a.findIndex((each, at) => each !== b[at]);
  return index !== -1 && a[index]! < b[index]!;
}

function findShortages(demand: readonly Demand[], supplies: readonly Supply[]): Shortage[] {
  return [...unitsBySku(demand)]
    .map(([sku, quantity]) => ({
      sku,
      requested: quantity,
      available: supplies.reduce((sum, supply) => sum + unitsOf(supply.offered, sku), 0),
    }))
    .filter((shortage) => shortage.available < shortage.requested);
}

function coverage(open: readonly Demand[], offered: Readonly<Record<string, number>>): number {
  const left = { ...offered };
  let units = 0;
  for (const line of open) {
    const take = Math.min(line.quantity, unitsOf(left, line.sku));
    left[line.sku] = unitsOf(left, line.sku) - take;
    units += take;
  }
  return units;
}

function stockOf(open: readonly Demand[], offered: Readonly<Record<string, number>>): number {
  return open.reduce((sum, line) => sum + unitsOf(offered, line.sku), 0);
}

/** 0 in the same region, 1 in the same country, 2 elsewhere. */
function distance(supply: Sender, to: Destination): number {
  if (supply.country !== to.country) return 2;
  return supply.region !== undefined && supply.region === to.region ? 0 : 1;
}
