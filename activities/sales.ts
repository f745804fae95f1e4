/** What of an order was sold: it is captured, invoiced and taxed, and what changes afterwards is refunded. */
import type { Order } from '../models/order.ts';
import type { Sale } from '../models/payment.ts';
import type { Mongo } from '../platform/mongo.ts';
import { broken } from './failure.ts';
import { countingErrors, readRecord } from './payment-records.ts';
import type { Payments } from './providers/stripe.ts';
import { amountDue, keptUnits } from './stock/reservations.ts';

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
