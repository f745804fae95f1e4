/** Refunds of single lines, each with its share of promotions and taxes. */
import type { ClientSession } from 'mongoose';
import type { Order, OrderLine } from '../../models/order.ts';
import type { Payment } from '../../models/payment.ts';
import { inTransaction, type Mongo } from '../../platform/mongo.ts';
import { refundOfLines } from '../../workflows/domain/refunds.ts';
import { keptUnits } from '../../workflows/domain/sales.ts';
import { unpaidClaims } from '../claimed-units.ts';
import { paymentRules } from '../store-settings.ts';
import {
  openRefundIn,
  paidBackOf,
  type RefundOpened,
  type RefundRequest,
  refundAndOwe,
  refundable,
} from './refunds.ts';
import { readOrder } from './sales.ts';

type LineNotLeft = { refused: 'not_left'; lineId: string; left: number };
export type LineRefundOpened = RefundOpened | LineNotLeft;

export async function openLineRefund(
  mongo: Mongo,
  request: Omit<RefundRequest, 'amount' | 'lines'> & {
    lines: { lineId: string; quantity: number }[];
    /** Pays the shipping back, or not, whatever the policy says. */
    withShipping?: boolean | undefined;
    /** Of what was sent again in vain, whoever claimed it. Otherwise what is claimed is its claim's to pay back. */
    ofReship?: true;
  },
): Promise<LineRefundOpened> {
  const { lines: asked, withShipping, ofReship, ...rest } = request;
  const { refundShipping: policy } = await paymentRules(mongo);
  return inTransaction(mongo, async (session) => {
    const order = await readOrder(mongo, request.orderId, session);
    const before = await paidBackOf(mongo, session, order._id, request.key);
    const refused = await findNotLeft(mongo, session, order, asked, before.units, ofReship);
    if (refused) return refused;
    const paidBack = before.shipping > 0;
    const found = refundOfLines(order, asked, before.units, { asked: withShipping, policy, paidBack });
    if ('left' in found) return { refused: 'not_left', ...found };
    const { lines, shipping } = found;
    const amount = lines.reduce((sum, line) => sum + line.amount, shipping);
    if (!ofReship) return openRefundIn(mongo, session, { ...rest, amount, lines, shipping });
    // Nobody has chosen the amount: goodwill may have been paid before, and what is elsewhere for now is owed.
    const left = Math.min(amount, await refundable(mongo, session, order._id));
    const paid = { ...rest, amount: left, lines, shipping: Math.min(shipping, left) };
    const { refundId, ...opened } = await refundAndOwe(mongo, session, paid, { what: request.key, total: amount });
    return refundId === undefined ? { refused: 'nothing_captured', refundable: 0 } : { refundId, ...opened };
  });
}

/**
 * A line of which more is asked for than money was taken for, with the parcels that are ready, and nobody claims. What is
 * only held goes back by a cancellation: a refund would give back what was taken for other goods. Meets, in the database,
 * whoever claims it at this moment.
 */
async function findNotLeft(
  mongo: Mongo,
  session: ClientSession,
  order: Order,
  asked: readonly { lineId: string; quantity: number }[],
  before: ReadonlyMap<string, number>,
  ofReship = false,
): Promise<LineNotLeft | undefined> {
  const { orders, payments } = mongo.models;
  if (!ofReship) await orders.updateOne({ _id: order._id }, { $set: { lastReturnAt: new Date() } }, { session });
  const claimed = ofReship ? undefined : await unpaidClaims(mongo, session, order._id);
  const payment = await payments.findOne({ orderId: order._id }).session(session).lean<Payment>();
  for (const { lineId, quantity } of asked) {
    const line = order.lines.find((each) => each.lineId === lineId);
    if (!line || !payment) continue;
    const left = takenUnits(line, payment) - (before.get(lineId) ?? 0) - (claimed?.get(lineId) ?? 0);
    if (quantity > left) return { refused: 'not_left', lineId, left: Math.max(0, left) };
  }
  return undefined;
}

/** A capture is planned before it is asked for, and can be refused. */
function takenUnits({ allocations }: OrderLine, { captures, captured, closedAt }: Payment): number {
  const taken = captures.filter(({ upTo }) => captured >= upTo);
  if (closedAt !== undefined || taken.some(({ final }) => final)) return keptUnits({ allocations });
  const paid = new Set(taken.map(({ shipmentId }) => shipmentId));
  return keptUnits({ allocations: allocations.filter(({ shipmentId }) => paid.has(shipmentId)) });
}
