/** What a return brings its customer: the money for what was accepted, with the share of promotions and taxes. */
import type { Order } from '../../models/order.ts';
import { inTransaction, type Mongo } from '../../platform/mongo.ts';
import type { LocalSteps } from '../../workflows/activities.ts';
import { workflowIds } from '../../workflows/messages.ts';
import { refundAndOwe } from '../payments/refunds.ts';
import { paidOrderOf } from '../payments/reships.ts';
import { readOrder } from '../payments/sales.ts';
import { paidBy, transferredBy } from './exchanges.ts';
import { readReturn } from './records.ts';
import { sumsOf } from './worth.ts';

/** What was sent again at no charge is paid back by the order that it was paid with. Asked again, it is the same refund. */
export async function settleReturn(
  mongo: Mongo,
  { returnId, actor, bear = false }: { returnId: string; actor: string; bear?: boolean },
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
    const { lines, sums } = await sumsOf(mongo, session, order, found);
    const transferred = found.exchange ? await transferredBy(mongo, session, returnId) : 0;

    // Goodwill may have been paid before: a return never brings back more than is left of what was paid.
    const paid = await paidBy(mongo, session, order, { worth: sums.total, transferred });
    const { amount, exchanged, unearned, isShort } = paid;
    const { currency } = order;
    if (isShort && !bear) return { shortfall: { worth: amount, transferred, currency } };
    const goods = lines.reduce((sum, line) => sum + line.amount, 0);
    const request = {
      ...{ key: `${returnId}:refund`, orderId, amount, lines, shipping: Math.max(0, amount - goods) },
      ...{ exchanged, to: found.refundTo, reason: `Return ${returnId}`, actor },
      workflowId: workflowIds.return(returnId),
    };
    // What the exchange has is paid by it, also where a bank withholds that for now.
    const total = Math.max(0, sums.total - transferred) + exchanged;
    const { refundId } = await refundAndOwe(mongo, session, request, { what: returnId, total });
    // From now on what the order in exchange does not need is the customer's.
    if (transferred > 0)
      await models.payments.updateOne(
        { 'transfer.returnId': returnId },
        { $set: { 'transfer.settled': true, 'transfer.borne': unearned } },
        { session },
      );
    const settled = { orderId, lines: lines.map(({ lineId, quantity }) => ({ lineId, quantity })) };
    await models.returns.updateOne(
      { _id: returnId },
      { $set: { refund: sums, settled, ...(refundId && { refundId }) } },
      { session },
    );
    return { refundId: refundId ?? null };
  });
}
