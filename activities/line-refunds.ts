/** Refunds of single lines, each with its share of promotions and taxes. */
import { inTransaction, type Mongo } from '../platform/mongo.ts';
import { refundOfLines } from '../workflows/domain/refunds.ts';
import { openRefundIn, type RefundOpened, type RefundRequest } from './refunds.ts';
import { readOrder } from './sales.ts';
import { paymentRules } from './store-settings.ts';

export type LineRefundOpened = RefundOpened | { refused: 'not_left'; lineId: string; left: number };

export async function openLineRefund(
  mongo: Mongo,
  request: Omit<RefundRequest, 'amount' | 'lines'> & {
    lines: { lineId: string; quantity: number }[];
    /** Pays the shipping back, or not, whatever the policy says. */
    withShipping?: boolean | undefined;
  },
): Promise<LineRefundOpened> {
  const { lines: asked, withShipping, ...rest } = request;
  const { refundShipping: policy } = await paymentRules(mongo);
  const { models } = mongo;
  return inTransaction(mongo, async (session) => {
    const order = await readOrder(mongo, request.orderId, session);
    const known = await models.refunds
      .find({ orderId: order._id, status: { $ne: 'failed' } })
      .session(session)
      .lean();
    // Of what was not sent nothing is left in the order.
    const earlier = known.filter(({ key }) => !key.startsWith(`${order._id}:settle:`) && key !== request.key);
    const before = new Map<string, number>();
    for (const { lineId, quantity } of earlier.flatMap(({ lines }) => lines ?? []))
      before.set(lineId, (before.get(lineId) ?? 0) + quantity);
    const paidBack = earlier.some(({ shipping }) => shipping > 0);
    const found = refundOfLines(order, asked, before, { asked: withShipping, policy, paidBack });
    if ('left' in found) return { refused: 'not_left', ...found };
    const { lines, shipping } = found;
    const amount = lines.reduce((sum, line) => sum + line.amount, shipping);
    return openRefundIn(mongo, session, { ...rest, amount, lines, shipping });
  });
}
