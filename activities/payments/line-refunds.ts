/** Refunds of single lines, each with its share of promotions and taxes. */
import { inTransaction, type Mongo } from '../../platform/mongo.ts';
import { refundOfLines } from '../../workflows/domain/refunds.ts';
import { paymentRules } from '../store-settings.ts';
import { openRefundIn, paidBackOf, type RefundOpened, type RefundRequest } from './refunds.ts';
import { readOrder } from './sales.ts';

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
  return inTransaction(mongo, async (session) => {
    const order = await readOrder(mongo, request.orderId, session);
    const before = await paidBackOf(mongo, session, order._id, request.key);
    const paidBack = before.shipping > 0;
    const found = refundOfLines(order, asked, before.units, { asked: withShipping, policy, paidBack });
    if ('left' in found) return { refused: 'not_left', ...found };
    const { lines, shipping } = found;
    const amount = lines.reduce((sum, line) => sum + line.amount, shipping);
    return openRefundIn(mongo, session, { ...rest, amount, lines, shipping });
  });
}
