/** Return policy: what may come back, and what is paid for it. */
import { shareOfLine } from './money.ts';

/** Days after delivery within which a return is approved without a person. */
export const returnWindowDays = 30;

/** So many returns may come to nothing before a person looks at the next. */
export const mostInVain = 3;

export interface DeliveredLine {
  lineId: string;
  quantity: number;
  total: number;
  delivered: number;
  /** Units in earlier returns that were not rejected, cancelled or expired. */
  alreadyReturning: number;
}

export type ReturnDecision =
  | { decision: 'approve' }
  | { decision: 'ask'; because: string }
  | { decision: 'refuse'; because: string };

export function decideReturn(
  asked: readonly { lineId: string; quantity: number }[],
  delivered: readonly DeliveredLine[],
  deliveredAt: Date | undefined,
  now: Date,
  /** Returns of the order that were withdrawn or never came: each has cost a label. */
  inVain = 0,
): ReturnDecision {
  const perLine = new Map<string, number>();
  for (const line of asked) perLine.set(line.lineId, (perLine.get(line.lineId) ?? 0) + line.quantity);
  for (const [lineId, quantity] of perLine) {
    const line = delivered.find((candidate) => candidate.lineId === lineId);
    if (line === undefined) return { decision: 'refuse', because: `The order has no line ${lineId}` };
    const left = line.delivered - line.alreadyReturning;
    if (quantity > left)
      return { decision: 'refuse', because: `Line ${lineId}: ${quantity} asked, ${left} can be returned` };
  }
  if (deliveredAt === undefined) return { decision: 'refuse', because: 'Nothing has been delivered yet' };
  const days = (now.getTime() - deliveredAt.getTime()) / 86_400_000;
  if (days > returnWindowDays) return { decision: 'ask', because: `Delivered ${Math.floor(days)} days ago` };
  if (inVain >= mostInVain) return { decision: 'ask', because: `${inVain} returns of this order came to nothing` };
  return { decision: 'approve' };
}

/** Minor units owed for `accepted` units of a line, after `refundedBefore` of its units were paid back. */
export function refundForLine(
  line: { total: number; quantity: number },
  refundedBefore: number,
  accepted: number,
  /** The steps in which the currency can be paid. */
  unit = 1,
): number {
  return shareOfLine(line.total, line.quantity, refundedBefore, accepted, unit);
}
