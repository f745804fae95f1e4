/** What a return is worth by its terms: the share of what was paid for the goods that were accepted, less the fees. */
import type { ClientSession } from 'mongoose';
import type { Order } from '../../models/order.ts';
import type { Return, ReturnLine } from '../../models/return.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { payableUnit, shareOfLine } from '../../workflows/domain/money.ts';
import { refundOfReturn } from '../../workflows/domain/return-refunds.ts';
import { keptUnits } from '../../workflows/domain/sales.ts';
import { unitsByLine } from '../../workflows/domain/units.ts';
import { shippingOfWithdrawal } from '../../workflows/domain/withdrawal.ts';
import { liveClaims } from '../claimed-units.ts';
import { paidBackOf } from '../payments/refunds.ts';
import { readOrder } from '../payments/sales.ts';

/**
 * @param order the one that paid for the goods
 * @param isLabelled whoever was to get a label and did not have one sent it without
 */
export async function sumsOf(
  mongo: Mongo,
  session: ClientSession,
  order: Order,
  found: Return,
  isLabelled = found.label !== undefined && !found.label.voided,
): Promise<ReturnType<typeof refundOfReturn>> {
  const { accepted, shipping } = await worthOf(mongo, session, order, found);
  const labelFee = isLabelled ? found.sending.fee : 0;
  return refundOfReturn(accepted, { shipping, labelFee, unit: payableUnit(order.currency) });
}

/** What of it is paid for and was not paid back yet, and minor units of the shipping where all of the order is back. */
async function worthOf(mongo: Mongo, session: ClientSession, order: Order, found: Return) {
  const paidBack = await paidBackOf(mongo, session, order._id);
  const earlier = await mongo.models.returns
    .find({ orderId: { $in: [order._id, found.orderId] }, refund: { $ne: null }, _id: { $ne: found._id } })
    .session(session)
    .lean<Return[]>();
  const settledBy = (returns: readonly Return[]) => unitsByLine(returns.flatMap(({ settled }) => settled?.lines ?? []));
  const settled = settledBy(earlier);
  const unclaimed = await unclaimedUnits(mongo, session, order, found, settledBy);
  const unit = payableUnit(order.currency);
  const accepted: (Parameters<typeof refundOfReturn>[0][number] & Pick<ReturnLine, 'terms'>)[] = [];
  let isAll = true;
  let isWithdrawn = true;
  for (const sold of order.lines) {
    const kept = keptUnits(sold);
    // Support can have paid single lines back as well.
    const before = Math.max(settled.get(sold.lineId) ?? 0, paidBack.units.get(sold.lineId) ?? 0);
    const left = found.parcel ? kept - before : Math.min(kept - before, unclaimed(sold.lineId));
    const units = Math.min(acceptedOf([found], sold.lineId), Math.max(0, left));
    const withdrawn = acceptedOf([...earlier, found], sold.lineId, true);
    isAll &&= before + units >= kept;
    isWithdrawn &&= withdrawn >= kept;
    if (units === 0) continue;
    const { terms } = found.lines.find(({ lineId }) => lineId === sold.lineId)!;
    const amount = shareOfLine(sold.total, sold.quantity, Math.min(before, sold.quantity), units, unit);
    accepted.push({ lineId: sold.lineId, quantity: units, amount, restockingPpm: terms.restockingPpm, terms });
  }
  const whole = accepted.length > 0 && isAll;
  const shipping = whole ? Math.max(0, shippingOf(order, accepted, isWithdrawn) - paidBack.shipping) : 0;
  return { accepted, shipping };
}

/** What is claimed is its claim's to pay back, or was sent again, also where it lies in a box with other goods. */
async function unclaimedUnits(
  mongo: Mongo,
  session: ClientSession,
  paid: Order,
  found: Return,
  settledBy: (returns: readonly Return[]) => ReadonlyMap<string, number>,
): Promise<(lineId: string) => number> {
  const sent = paid._id === found.orderId ? paid : await readOrder(mongo, found.orderId, session);
  const claims = await liveClaims(mongo, session, sent._id);
  // What the carrier brings back decides about its units, unless their claim was faster.
  const deciding = found.late ? claims.filter(({ settlement }) => settlement !== undefined) : claims;
  const claimed = unitsByLine(deciding.flatMap(({ lines }) => lines));
  const others = { orderId: sent._id, refund: { $ne: null }, _id: { $ne: found._id } };
  const settled = settledBy(await mongo.models.returns.find(others).session(session).lean<Return[]>());
  return (lineId) => {
    const line = sent.lines.find((each) => each.lineId === lineId);
    return line ? keptUnits(line) - (claimed.get(lineId) ?? 0) - (settled.get(lineId) ?? 0) : 0;
  };
}

/** By law or by the policy, whichever is more. */
function shippingOf(
  { shipping, currency }: Order,
  lines: readonly Pick<ReturnLine, 'terms'>[],
  isWithdrawn: boolean,
): number {
  if (!shipping) return 0;
  if (lines.every(({ terms }) => terms.refundsShipping)) return shipping.total;
  if (!isWithdrawn) return 0;
  const unit = payableUnit(currency);
  return Math.ceil(shippingOfWithdrawal(shipping) / unit) * unit;
}

/** Units of a line that are paid for: they are what was sold, and they stay. A parcel that came back never had an owner. */
function acceptedOf(returns: readonly Return[], lineId: string, onlyWithdrawn = false): number {
  return returns
    .flatMap(({ parcel, lines }) => lines.map((line) => ({ ...line, isParcel: parcel !== undefined })))
    .filter((line) => line.lineId === lineId && (line.terms.withdrawal || !onlyWithdrawn))
    .reduce((sum, { isParcel, quantity, dispositions }) => {
      const stay = dispositions.filter(({ disposition }) => disposition !== 'return_to_customer');
      return sum + (isParcel ? quantity : stay.reduce((units, each) => units + each.quantity, 0));
    }, 0);
}
