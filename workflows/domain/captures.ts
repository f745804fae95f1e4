/** How much of an order's money is taken when its parcels are ready one after the other. */
import { payableUnit, shareOfLine } from './money.ts';
import { amountDue, type SoldLine } from './sales.ts';

interface ParcelLine extends SoldLine {
  allocations: readonly { shipmentId: string; quantity: number; state: string }[];
}

interface ParcelOrder {
  lines: readonly ParcelLine[];
  shipping?: { total: number } | undefined;
  currency: string;
}

/**
 * Minor units by card that are taken once these parcels are ready: what they cost, with the whole shipping, after the
 * store credit. The last one takes all that is due and not yet taken, so that nothing is lost by rounding.
 */
export function captureUpTo(
  order: ParcelOrder,
  ready: ReadonlySet<string>,
  credit: number,
): { upTo: number; final: boolean } {
  const due = Math.max(0, amountDue(order) - credit);
  const isOpen = order.lines.some(({ allocations }) =>
    allocations.some(({ shipmentId, state }) => !ready.has(shipmentId) && open.has(state)),
  );
  if (!isOpen) return { upTo: due, final: true };
  const goods = order.lines.reduce((sum, line) => {
    const units = line.allocations
      .filter(({ shipmentId, state }) => ready.has(shipmentId) && (open.has(state) || state === 'shipped'))
      .reduce((total, { quantity }) => total + quantity, 0);
    return sum + shareOfLine(line.total, line.quantity, 0, units, payableUnit(order.currency));
  }, 0);
  return { upTo: Math.min(due, Math.max(0, goods + (order.shipping?.total ?? 0) - credit)), final: false };
}

const open = new Set(['backordered', 'reserved', 'committed']);
