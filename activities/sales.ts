/** What of an order was sold: it is captured, invoiced and taxed, and what changes afterwards is refunded. */
import type { ClientSession } from 'mongoose';
import type { Order } from '../models/order.ts';
import type { Refund, Sale } from '../models/payment.ts';
import { inTransaction, type Mongo } from '../platform/mongo.ts';
import type { LocalSteps } from '../workflows/activities.ts';
import { payableUnit, shareOfLine } from '../workflows/domain/money.ts';
import { amountDue, keptUnits } from '../workflows/domain/sales.ts';
import { workflowIds } from '../workflows/messages.ts';
import { broken } from './failure.ts';
import { countingErrors, readRecord } from './payment-records.ts';
import type { Payments } from './providers/stripe.ts';
import { openRefundIn, refundable } from './refunds.ts';

/** As it is when somebody first asks: a lost reply does not make another sale of it. */
export async function saleOf(mongo: Mongo, orderId: string): Promise<Sale> {
  const { models } = mongo;
  const known = (await readRecord(mongo, orderId)).sale;
  if (known) return known;
  const order = await readOrder(mongo, orderId);
  const lines = order.lines.map((line) => ({ lineId: line.lineId, quantity: keptUnits(line) }));
  const sale = { lines: lines.filter(({ quantity }) => quantity > 0), total: amountDue(order) };
  const { modifiedCount } = await models.payments.updateOne({ orderId, sale: null }, { $set: { sale } });
  return modifiedCount === 1 ? sale : saleOf(mongo, orderId);
}

/** What was captured for goods that will not be sent, and is still there. Followed by the order's own workflow. */
export async function openOrderRefund(
  mongo: Mongo,
  { orderId, key, amount, reason }: { orderId: string; key: string; amount: number; reason: string },
): ReturnType<LocalSteps['openOrderRefund']> {
  const opened = await inTransaction(mongo, async (session) =>
    openRefundIn(mongo, session, {
      key,
      orderId,
      amount: Math.min(amount, await refundable(mongo, session, orderId)),
      lines: await unsentLines(mongo, session, orderId),
      reason,
      actor: 'system',
      workflowId: workflowIds.order(orderId),
    }),
  );
  return 'refundId' in opened ? opened : { refundId: null, amount: 0 };
}

/** A new order, linked to the first and free of charge, for the goods of one shipment. */
/** What was sold and is not to be sent any more. Undefined where nothing was sold yet. */
async function unsentLines({ models }: Mongo, session: ClientSession, orderId: string): Promise<Refund['lines']> {
  const sale = (await models.payments.findOne({ orderId }, { sale: 1 }).session(session).lean())?.sale;
  const order = await models.orders.findById(orderId).session(session).lean<Order>();
  return sale?.lines.flatMap(({ lineId, quantity: sold }) => {
    const line = order!.lines.find((each) => each.lineId === lineId)!;
    const kept = Math.min(sold, keptUnits(line));
    const amount = shareOfLine(line.total, line.quantity, kept, sold - kept, payableUnit(order!.currency));
    return sold > kept ? { lineId, quantity: sold - kept, amount } : [];
  });
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
}

/** Of what was paid back. */
export async function reverseTaxes(
  mongo: Mongo,
  payments: Payments,
  { refundId }: { refundId: string },
): Promise<void> {
  const refund = await mongo.models.refunds.findById(refundId).lean();
  if (!refund) throw broken(`There is no refund ${refundId}`);
  const { orderId, amount, currency } = refund;
  const { taxTransaction: transactionId } = await readRecord(mongo, orderId);
  if (transactionId === undefined) return;
  await reverse(mongo, payments, orderId, { transactionId, reference: refundId, amount, currency });
}

async function reverse(
  mongo: Mongo,
  payments: Payments,
  orderId: string,
  reversal: { transactionId: string; reference: string; amount: number; currency: string },
): Promise<void> {
  const { serverErrors } = await readRecord(mongo, orderId);
  const key = `${reversal.reference}:tax:${serverErrors}`;
  await countingErrors(mongo, orderId, () => payments.reverseTaxes({ ...reversal, key }));
}

async function readOrder({ models }: Mongo, orderId: string): Promise<Order> {
  const order = await models.orders.findById(orderId).lean<Order>();
  if (!order) throw broken(`There is no order ${orderId}`);
  return order;
}
