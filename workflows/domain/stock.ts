/** What the quantities of a SKU in a warehouse mean. */

/** Units of one SKU in one warehouse. */
export interface Quantities {
  /** Physically there, damaged units included. Equals the sum of the movements. */
  onHand: number;
  /** Set aside: broken, or in quarantine until somebody has looked at it. */
  damaged: number;
  /** Held for unpaid orders. With `committed`, the sum over the allocated lines of open orders. */
  reserved: number;
  /** Owed to paid orders. */
  committed: number;
  /** On its way here: what open deliveries and transfers still have to bring. */
  incoming: number;
  /** Never offered: a cushion against counts that are wrong. */
  safetyStock: number;
}

/** What nobody has a claim on. Below zero it would be sold twice. */
export function salable({ onHand, damaged, reserved, committed }: Quantities): number {
  return onHand - damaged - reserved - committed;
}

/** What new orders can have of it. */
export function offered(quantities: Quantities): number {
  return Math.max(0, salable(quantities) - quantities.safetyStock);
}

export interface ReorderRule {
  /** Units, at or below which it is time to order. */
  reorderPoint?: number | undefined;
  /** Units that an order should bring it back to. */
  reorderTo?: number | undefined;
}

/** What will be salable once everything under way is there: what buyers of goods call the inventory position. */
function position(quantities: Quantities): number {
  return salable(quantities) + quantities.incoming;
}

export function isLow(stock: Quantities & ReorderRule): boolean {
  return stock.reorderPoint !== undefined && position(stock) <= stock.reorderPoint;
}

/** Units to order now. Without a level to come back to, twice the reorder point is taken for it. */
export function suggestedOrder(stock: Quantities & ReorderRule): number {
  if (!isLow(stock)) return 0;
  return Math.max(0, (stock.reorderTo ?? 2 * stock.reorderPoint!) - position(stock));
}

/** A SKU that may be sold beyond what is there: the customer waits. */
export interface BackorderRule {
  /** So many units may be waited for at a time, by all orders together. */
  limit: number;
  /** Days until goods come that no delivery has announced. */
  leadDays: number;
  /** A preorder: nothing is sent before this time, also where the goods are there. ISO 8601, UTC. */
  releaseAt?: string | undefined;
}

/** What a newcomer can have: where others wait already, it waits too, whatever is offered at the moment. */
export function free({ units, waiting }: { units: number; waiting: number }): number {
  return waiting > 0 ? 0 : units;
}

export type Availability = 'in_stock' | 'low' | 'backorder' | 'preorder' | 'out';

/** Fewer offered units than this are shown as `low`. */
const lowBelow = 5;

/**
 * What a storefront shows.
 * @param waiting units that accepted orders wait for
 */
export function availability(
  units: number,
  waiting: number,
  rule: BackorderRule | undefined,
  now: Date,
): { availability: Availability; backorderable: number } {
  const backorderable = rule === undefined ? 0 : Math.max(0, rule.limit - waiting);
  const there = free({ units, waiting });
  if (rule?.releaseAt !== undefined && Date.parse(rule.releaseAt) > now.getTime())
    return { availability: there + backorderable > 0 ? 'preorder' : 'out', backorderable };
  if (there > 0) return { availability: there < lowBelow ? 'low' : 'in_stock', backorderable };
  return { availability: backorderable > 0 ? 'backorder' : 'out', backorderable };
}

const day = 86_400_000;

/**
 * When units that are ordered now will be there: with the delivery that brings the last of them, and else after the
 * usual time. ISO 8601, UTC.
 * @param missing units that have to come first: these, and those that others wait for
 */
export function expectedAt(
  rule: BackorderRule,
  missing: number,
  deliveries: readonly { expectedAt: string; units: number }[],
  now: Date,
): string {
  let ahead = missing;
  let expected = ahead > 0 ? undefined : now.toISOString();
  for (const delivery of [...deliveries].sort((a, b) => (a.expectedAt < b.expectedAt ? -1 : 1))) {
    if (ahead <= 0) break;
    ahead -= delivery.units;
    if (ahead > 0) continue;
    // What is late already comes soon, but not in the past.
    expected = delivery.expectedAt > now.toISOString() ? delivery.expectedAt : undefined;
    break;
  }
  // By the end of a day, so that the answer is the same for all who ask on one.
  expected ??= new Date(Math.ceil(now.getTime() / day + rule.leadDays) * day).toISOString();
  return rule.releaseAt !== undefined && rule.releaseAt > expected ? rule.releaseAt : expected;
}

/** Units beyond the expected ones that a delivery may bring without a question, rounded down. */
export function overDelivery(expected: number, tolerancePercent: number): number {
  return Math.floor((expected * tolerancePercent) / 100);
}

/**
 * What a count found more or less than the books said at that moment. What was picked and has not left is on no shelf.
 */
export function variance(counted: number, books: { onHand: number; picked: number }): number {
  return counted + books.picked - books.onHand;
}
