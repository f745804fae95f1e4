/**
 * Which warehouse sends which units: the fewest parcels, then the nearest warehouse, then the one with the most stock.
 */

export interface Demand {
  lineId: string;
  sku: string;
  quantity: number;
}

export interface Supply {
  warehouseId: string;
  country: string;
  region?: string | undefined;
  /** Lower is preferred among warehouses that are equally near. */
  priority: number;
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

/** Demand of several lines on one SKU counts together. All of it is allocated, or none. */
export function allocate(
  demand: readonly Demand[],
  supplies: readonly Supply[],
  destination: { country: string; region?: string | undefined },
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
      const take = Math.min(line.quantity, best.supply.offered[line.sku] ?? 0);
      if (take === 0) continue;
      best.supply.offered[line.sku]! -= take;
      line.quantity -= take;
      allocations.push({ lineId: line.lineId, sku: line.sku, warehouseId: best.supply.warehouseId, quantity: take });
    }
  }
  return { ok: true, allocations };
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
  destination: { country: string; region?: string | undefined },
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
  const requested = new Map<string, number>();
  for (const line of demand) requested.set(line.sku, (requested.get(line.sku) ?? 0) + line.quantity);
  return [...requested]
    .map(([sku, quantity]) => ({
      sku,
      requested: quantity,
      available: supplies.reduce((sum, supply) => sum + (supply.offered[sku] ?? 0), 0),
    }))
    .filter((shortage) => shortage.available < shortage.requested);
}

function coverage(open: readonly Demand[], offered: Readonly<Record<string, number>>): number {
  const left = { ...offered };
  let units = 0;
  for (const line of open) {
    const take = Math.min(line.quantity, left[line.sku] ?? 0);
    left[line.sku] = (left[line.sku] ?? 0) - take;
    units += take;
  }
  return units;
}

function stockOf(open: readonly Demand[], offered: Readonly<Record<string, number>>): number {
  return open.reduce((sum, line) => sum + (offered[line.sku] ?? 0), 0);
}

/** 0 in the same region, 1 in the same country, 2 elsewhere. */
function distance(supply: Supply, to: { country: string; region?: string | undefined }): number {
  if (supply.country !== to.country) return 2;
  return supply.region !== undefined && supply.region === to.region ? 0 : 1;
}
