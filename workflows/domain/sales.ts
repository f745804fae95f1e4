/** What of an order is still meant to arrive, and what it costs. */
import { payableUnit, shareOfLine } from './money.ts';

export interface SoldLine {
  quantity: number;
  /** Minor units. */
  total: number;
  allocations: readonly { quantity: number; state: string }[];
}

/** Minor units: what the units that have arrived, or are still meant to, cost with their shipping. */
export function amountDue(order: {
  lines: readonly SoldLine[];
  shipping?: { total: number } | undefined;
  currency: string;
}): number {
  const kept = order.lines.map((line) => ({ line, units: keptUnits(line) })).filter(({ units }) => units > 0);
  const goods = kept.reduce((sum, { line, units }) => {
    return sum + shareOfLine(line.total, line.quantity, 0, units, payableUnit(order.currency));
  }, 0);
  return kept.length > 0 ? goods + (order.shipping?.total ?? 0) : 0;
}

/** Units that were neither given back nor lost. */
export function keptUnits({ allocations }: Pick<SoldLine, 'allocations'>): number {
  return allocations
    .filter(({ state }) => state !== 'released' && state !== 'lost')
    .reduce((units, { quantity }) => units + quantity, 0);
}
