/** What is paid back for goods that came back. */
import { portion, split } from './money.ts';
import type { RefundedLine } from './refunds.ts';

/** Minor units. `total` is goods and shipping, less the fees. */
export interface ReturnRefund {
  goods: number;
  shipping: number;
  restockingFee: number;
  labelFee: number;
  total: number;
}

/**
 * Each line's own share less its restocking fee, and the label's fee shared by what is then left: no fee takes more than
 * the goods bring.
 * @param unit the steps in which the currency can be paid
 */
export function refundOfReturn(
  accepted: readonly (RefundedLine & { restockingPpm: number })[],
  { shipping, labelFee, unit }: { shipping: number; labelFee: number; unit: number },
): { lines: RefundedLine[]; sums: ReturnRefund } {
  const restocked = accepted.map(({ amount, restockingPpm }) => portion(amount / unit, restockingPpm) * unit);
  const left = accepted.map(({ amount }, index) => amount - restocked[index]!);
  const keptForLabel = Math.min(labelFee, sum(left));
  const shares = split(
    keptForLabel / unit,
    left.map((amount) => amount / unit),
  );
  const lines = accepted.map(({ lineId, quantity }, index) => {
    return { lineId, quantity, amount: left[index]! - shares[index]! * unit };
  });
  const goods = sum(accepted.map(({ amount }) => amount));
  const total = sum(lines.map(({ amount }) => amount)) + shipping;
  return { lines, sums: { goods, shipping, restockingFee: sum(restocked), labelFee: keptForLabel, total } };
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}
