/** What of an order was sold: it is captured, invoiced and taxed, and what changes afterwards is refunded. */
import type { ClientSession } from 'mongoose';
import type { Order } from '../../models/order.ts';
import type { Payment, Refund, Sale } from '../../models/payment.ts';
import { inTransaction, type Mongo } from '../../platform/mongo.ts';
import type { LocalSteps } from '../../workflows/activities.ts';
import { payableUnit, shareOfLine } from '../../workflows/domain/money.ts';
import { amountDue, keptUnits } from '../../workflows/domain/sales.ts';
import { workflowIds } from '../../workflows/messages.ts';
import { broken } from '../failure.ts';
import type { Payments } from '../providers/stripe.ts';
import { lessOwed, totalOwed } from './dispute-records.ts';
import { countingErrors, isOver, readRecord } from './records.ts';
import { openRefundIn, oweTheRest, paidBackOf, refundable } from './refunds.ts';

/** As it is when somebody first asks: a lost reply does not make another sale of it. */
export async function saleOf(mongo: Mongo, { orderId, sale: known }: Payment): Promise<Sale> {
  const { models } = mongo;
  if (known) return known;
  const order = await readOrder(mongo, orderId);
  const lines = order.lines.map((line) => ({ lineId: line.lineId, quantity: keptUnits(line) }));
  const sale = { at: new Date(), lines: lines.filter(({ quantity }) => quantity > 0), total: amountDue(order) };
  const { modifiedCount } = await models.payments.updateOne({ orderId, sale: null }, { $set: { sale } });
  return modifiedCount === 1 ? sale : saleOf(mongo, await readRecord(mongo, orderId));
}

/** What was paid for goods that will not be sent, and is still there. Followed by the order's own workflow. */
export async function openOrderRefund(
  mongo: Mongo,
  { orderId, key, amount: excess, reason }: { orderId: string; key: string; amount: number; reason: string },
): ReturnType<LocalSteps['openOrderRefund']> {
  return inTransaction(mongo, async (session) => {
    const amount = excess - (await paidBackUnsent(mongo, session, orderId));
    const opened = await refundUnsent(mongo, session, {
      ...{ orderId, key, amount, reason, unsent: true },
      workflowId: workflowIds.order(orderId),
    });
    await oweTheRest(mongo, session, { orderId, what: 'order', rest: amount - opened.amount });
    return opened;
  });
}

/** What support has paid back of lines, and is not to be sent any more. */
async function paidBackUnsent(mongo: Mongo, session: ClientSession, orderId: string): Promise<number> {
  const { lines, currency } = await readOrder(mongo, orderId, session);
  const { units, shipping } = await paidBackOf(mongo, session, orderId);
  const goods = lines.reduce((sum, line) => {
    const kept = keptUnits(line);
    const quantity = Math.max(0, (units.get(line.lineId) ?? 0) - kept);
    return sum + shareOfLine(line.total, line.quantity, kept, quantity, payableUnit(currency));
  }, 0);
  return lines.some((line) => keptUnits(line) > 0) ? goods : goods + shipping;
}

/** What could not be paid back while it was disputed. Followed by the dispute's workflow, which has heard the decision. */
export async function openOwedRefund(
  mongo: Mongo,
  { disputeId }: { disputeId: string },
): ReturnType<LocalSteps['openDisputeRefund']> {
  const { models } = mongo;
  return inTransaction(mongo, async (session) => {
    const { orderId } = await models.disputes.findById(disputeId).session(session).lean().orFail();
    const { owed = {} } = await models.payments.findOne({ orderId }).session(session).lean().orFail();
    const key = `${disputeId}:owed`;
    const known = await models.refunds.exists({ key }).session(session);
    const opened = await refundUnsent(mongo, session, {
      ...{ orderId, key, amount: totalOwed({ owed }), reason: 'Owed since it was disputed' },
      workflowId: workflowIds.dispute(disputeId),
    });
    const $set = { owed: lessOwed(owed, opened.amount) };
    if (!known && opened.refundId !== null) await models.payments.updateOne({ orderId }, { $set }, { session });
    return opened;
  });
}

/** As far as it is still there. */
async function refundUnsent(
  mongo: Mongo,
  session: ClientSession,
  asked: { orderId: string; key: string; amount: number; reason: string; workflowId: string; unsent?: boolean },
): Promise<{ refundId: string | null; amount: number }> {
  const { orderId } = asked;
  const known = await mongo.models.refunds.findOne({ key: asked.key }).session(session).lean();
  if (known) return { refundId: known._id, amount: known.amount - known.uncaptured };
  const amount = Math.min(Math.max(0, asked.amount), await refundable(mongo, session, orderId));
  const { unsold, uncaptured, lines } = await unsentOf(mongo, session, orderId);
  if (amount + uncaptured <= 0) return { refundId: null, amount: 0 };
  const request = { ...asked, amount, uncaptured, lines, unsold: Math.min(unsold, amount), actor: 'system' };
  const opened = await openRefundIn(mongo, session, request);
  return 'refundId' in opened ? opened : { refundId: null, amount: 0 };
}

/**
 * What was paid beyond the sale, what of it was never captured, and what of it is not to be sent any more: as far as there
 * is no refund about it yet.
 */
async function unsentOf(
  mongo: Mongo,
  session: ClientSession,
  orderId: string,
): Promise<{ unsold: number; uncaptured: number; lines?: Refund['lines'] }> {
  const { models } = mongo;
  const payment = await models.payments.findOne({ orderId }).session(session).lean();
  const order = await models.orders.findById(orderId).session(session).lean<Order>();
  if (!payment || !order) return { unsold: 0, uncaptured: 0 };
  const earlier = await models.refunds.find({ orderId, unsent: true }).session(session).lean();
  const { captured, credit, sale } = payment;
  const of = (part: 'unsold' | 'uncaptured') => earlier.reduce((sum, refund) => sum + refund[part], 0);
  const beyond = captured + credit - (sale?.total ?? 0);
  const before = earlier.flatMap((refund) => refund.lines ?? []);
  const { units } = await paidBackOf(mongo, session, orderId);
  const lines = sale?.lines.flatMap(({ lineId, quantity: sold }) => {
    const line = order.lines.find((each) => each.lineId === lineId)!;
    const kept = Math.min(sold, keptUnits(line));
    const back = before.filter((each) => each.lineId === lineId).reduce((units, { quantity }) => units + quantity, 0);
    const quantity = sold - back - Math.max(kept, units.get(lineId) ?? 0);
    const amount = shareOfLine(line.total, line.quantity, kept, quantity, payableUnit(order.currency));
    return quantity > 0 ? { lineId, quantity, amount } : [];
  });
  const uncaptured = sale && isOver(payment) ? Math.max(0, -beyond - of('uncaptured')) : 0;
  return { unsold: Math.max(0, beyond - of('unsold')), uncaptured, lines };
}

/** Tells Stripe, where it has worked out the taxes, that they are due now. */
export async function recordTaxes(mongo: Mongo, payments: Payments, { orderId }: { orderId: string }): Promise<void> {
  const { total, currency, taxCalculation } = await readOrder(mongo, orderId);
  const { sale, taxTransaction, serverErrors } = await readRecord(mongo, orderId);
  if (taxCalculation === undefined || sale === undefined) return;
  const key = `${orderId}:tax:${serverErrors}`;
  const transactionId =
    taxTransaction ??
    (await countingErrors(mongo, orderId, () =>
      payments.recordTaxes({ calculationId: taxCalculation, reference: orderId, key }),
    ));
  await mongo.models.payments.updateOne({ orderId }, { $set: { taxTransaction: transactionId } });
  const unsold = total - sale.total;
  if (unsold > 0)
    await reverse(mongo, payments, orderId, {
      transactionId,
      reference: `${orderId}-unsold`,
      amount: unsold,
      currency,
    });
  // What was paid back before there was a record of them.
  for (const { _id: refundId } of await mongo.models.refunds.find({ orderId, status: 'succeeded' }).lean())
    await reverseTaxes(mongo, payments, { refundId });
}

/** Of what was paid back. Where they are not recorded yet, `recordTaxes` does it. */
export async function reverseTaxes(
  mongo: Mongo,
  payments: Payments,
  { refundId }: { refundId: string },
): Promise<void> {
  const refund = await mongo.models.refunds.findById(refundId).lean();
  if (!refund) throw broken(`There is no refund ${refundId}`);
  const { orderId, currency } = refund;
  const amount = refund.amount - refund.unsold;
  const { taxTransaction: transactionId } = await readRecord(mongo, orderId);
  if (refund.taxReversal !== undefined || transactionId === undefined || amount === 0) return;
  const reversal = { transactionId, reference: refundId, amount, currency };
  const taxReversal = await reverse(mongo, payments, orderId, reversal);
  await mongo.models.refunds.updateOne({ _id: refundId }, { $set: { taxReversal } });
}

async function reverse(
  mongo: Mongo,
  payments: Payments,
  orderId: string,
  reversal: { transactionId: string; reference: string; amount: number; currency: string },
): Promise<string> {
  const { serverErrors } = await readRecord(mongo, orderId);
  const key = `${reversal.reference}:tax:${serverErrors}`;
  return countingErrors(mongo, orderId, () => payments.reverseTaxes({ ...reversal, key }));
}

export async function readOrder({ models }: Mongo, orderId: string, session?: ClientSession): Promise<Order> {
  const order = await models.orders
    .findById(orderId)
    .session(session ?? null)
    .lean<Order>();
  if (!order) throw broken(`There is no order ${orderId}`);
  return order;
}
