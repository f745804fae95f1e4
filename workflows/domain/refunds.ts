/** What single lines of an order are worth when they are paid back. */
import { payableUnit, shareOfLine } from './money.ts';
import { keptUnits, type SoldLine } from './sales.ts';

export interface RefundableOrder {
  currency: string;
  lines: readonly (SoldLine & { lineId: string })[];
  shipping?: { total: number } | undefined;
}

export interface RefundedLine {
  lineId: string;
  quantity: number;
  /** Minor units. */
  amount: number;
}

export type RefundOfLines = { lines: RefundedLine[]; shipping: number } | { lineId: string; left: number };

/**
 * Each line's own share, with what promotions took and taxes added. `before` are the units paid back so far, by line. The
 * shipping comes with it where that is asked for, and by itself with the last of the goods where the policy says so.
 * Where a line has fewer units left, it is named instead.
 */
export function refundOfLines(
  order: RefundableOrder,
  asked: readonly { lineId: string; quantity: number }[],
  before: ReadonlyMap<string, number>,
  shipping: { asked?: boolean | undefined; policy: 'with_last_goods' | 'never'; paidBack: boolean },
): RefundOfLines {
  const unit = payableUnit(order.currency);
  const lines: RefundedLine[] = [];
  for (const { lineId, quantity } of asked) {
    const line = order.lines.find((each) => each.lineId === lineId);
    const earlier = before.get(lineId) ?? 0;
    const left = line ? Math.max(0, keptUnits(line) - earlier) : 0;
    if (!line || quantity > left) return { lineId, left };
    lines.push({ lineId, quantity, amount: shareOfLine(line.total, line.quantity, earlier, quantity, unit) });
  }
  const isLast = order.lines.every((line) => {
    const now = lines.find(({ lineId }) => lineId === line.lineId)?.quantity ?? 0;
    return (before.get(line.lineId) ?? 0) + now >= keptUnits(line);
  });
  const comesAlong = shipping.asked ?? (shipping.policy === 'with_last_goods' && isLast);
  return { lines, shipping: comesAlong && !shipping.paidBack ? (order.shipping?.total ?? 0) : 0 };
}
