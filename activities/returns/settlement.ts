/** What a return brings its customer: the money for what was accepted, with the share of promotions and taxes. */
import type { ClientSession } from 'mongoose';
import type { Order } from '../../models/order.ts';
import type { Return, ReturnLine } from '../../models/return.ts';
import type { Shipment } from '../../models/shipment.ts';
import { inTransaction, type Mongo } from '../../platform/mongo.ts';
import type { LocalSteps } from '../../workflows/activities.ts';
import { payableUnit, shareOfLine } from '../../workflows/domain/money.ts';
import { refundOfReturn } from '../../workflows/domain/return-refunds.ts';
import { keptUnits } from '../../workflows/domain/sales.ts';
import { shippingOfWithdrawal } from '../../workflows/domain/withdrawal.ts';
import { workflowIds } from '../../workflows/messages.ts';
import { liveClaims, unitsByLine } from '../claimed-units.ts';
import { openRefundIn, oweTheRest, paidBackOf, refundable } from '../payments/refunds.ts';
import { paidOrderOf } from '../payments/reships.ts';
import { readOrder } from '../payments/sales.ts';
import { giveUp } from '../shipping/given-up.ts';
import { readReturn } from './records.ts';

/** What was sent again at no charge is paid back by the order that it was paid with. Asked again, it is the same refund. */
export async function settleReturn(
  mongo: Mongo,
  { returnId, actor }: { returnId: string; actor: string },
): ReturnType<LocalSteps['settleReturn']> {
  const { models } = mongo;
  const { _id: orderId } = await paidOrderOf(
    mongo,
    await readOrder(mongo, (await readReturn(mongo, returnId)).orderId),
  );
  return inTransaction(mongo, async (session) => {
    const found = await readReturn(mongo, returnId, session);
    if (found.refund) return { refundId: found.refundId ?? null };
    // Two that bring the last of an order back meet here.
    const order = await models.orders
      .findOneAndUpdate({ _id: orderId }, { $set: { lastReturnAt: new Date() } }, { session, returnDocument: 'after' })
      .lean<Order>()
      .orFail();
    const isClaimed = found.parcel !== undefined && !(await isOurs(mongo, session, found.parcel));
    const { accepted, shipping } = isClaimed ? nothing : await worthOf(mongo, session, order, found);
    const unit = payableUnit(order.currency);
    // Whoever was to get a label and did not have one sent it without.
    const labelFee = found.label && !found.label.voided ? found.sending.fee : 0;
    const { lines, sums } = refundOfReturn(accepted, { shipping, labelFee, unit });

    // Goodwill may have been paid before: a return never brings back more than is left of what was paid.
    const amount = Math.min(sums.total, await refundable(mongo, session, orderId));
    const goods = lines.reduce((sum, line) => sum + line.amount, 0);
    const opened =
      amount > 0
        ? await openRefundIn(mongo, session, {
            ...{ key: `${returnId}:refund`, orderId, amount, lines, shipping: Math.max(0, amount - goods) },
            ...{ to: found.refundTo, reason: `Return ${returnId}`, actor },
            workflowId: workflowIds.return(returnId),
          })
        : undefined;
    const { refundId, amount: refunded } = opened && 'refundId' in opened ? opened : { refundId: undefined, amount: 0 };
    if (found.refundTo !== 'store_credit') await oweTheRest(mongo, session, orderId, returnId, sums.total - refunded);
    const settledLines = accepted.map(({ lineId, quantity }) => ({ lineId, quantity }));
    await models.returns.updateOne(
      { _id: returnId },
      { $set: { refund: sums, settledLines, ...(refundId && { refundId }) } },
      { session },
    );
    return { refundId: refundId ?? null };
  });
}

const nothing: Awaited<ReturnType<typeof worthOf>> = { accepted: [], shipping: 0 };

/** False where a claim has paid a parcel back, or sent it again. From here on no claim does. */
async function isOurs(mongo: Mongo, session: ClientSession, parcel: NonNullable<Return['parcel']>): Promise<boolean> {
  const shipment = await mongo.models.shipments.findById(parcel.shipmentId).session(session).lean<Shipment>().orFail();
  const { givenUp } = shipment.parcels!.find(({ id }) => id === parcel.parcelId)!;
  if (givenUp === undefined) await giveUp(mongo, session, parcel, { how: 'refunded' });
  return givenUp === undefined;
}

/** What of it is paid for and was not paid back yet, and minor units of the shipping where all of the order is back. */
async function worthOf(mongo: Mongo, session: ClientSession, order: Order, found: Return) {
  const paidBack = await paidBackOf(mongo, session, order._id);
  const earlier = await mongo.models.returns
    .find({ orderId: { $in: [order._id, found.orderId] }, refund: { $ne: null }, _id: { $ne: found._id } })
    .session(session)
    .lean<Return[]>();
  const sent = order._id === found.orderId ? order : await readOrder(mongo, found.orderId, session);
  const claimed = unitsByLine((await liveClaims(mongo, session, sent._id)).flatMap(({ lines }) => lines));
  const settled = unitsByLine(earlier.flatMap(({ settledLines = [] }) => settledLines));
  const ofSent = earlier.filter(({ orderId }) => orderId === sent._id);
  const settledOfSent = unitsByLine(ofSent.flatMap(({ settledLines = [] }) => settledLines));
  const unit = payableUnit(order.currency);
  const accepted: (Parameters<typeof refundOfReturn>[0][number] & Pick<ReturnLine, 'terms'>)[] = [];
  // What is claimed is its claim's to pay back, or was sent again, also where it lies in a box with other goods.
  const unclaimed = (lineId: string) => {
    const line = sent.lines.find((each) => each.lineId === lineId);
    return line ? keptUnits(line) - (claimed.get(lineId) ?? 0) - (settledOfSent.get(lineId) ?? 0) : 0;
  };
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
