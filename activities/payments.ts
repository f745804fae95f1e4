/** The money of an order, at the provider: authorized, captured, voided. */
import { ApplicationFailure } from '@temporalio/common';
import type { Payment } from '../models/payment.ts';
import type { Mongo } from '../platform/mongo.ts';
import type { PaymentOutcome } from '../workflows/activities.ts';
import { failures } from '../workflows/domain/failures.ts';
import { issueCreditNote, issueInvoice } from './invoices.ts';
import { countingErrors, outcomeOf, readRecord, record, takeNewKeys } from './payment-records.ts';
import type { Payments } from './providers/stripe.ts';
import { saleOf } from './sales.ts';

export async function authorizePayment(
  mongo: Mongo,
  payments: Payments,
  { orderId, attempt, paymentMethod }: { orderId: string; attempt: number; paymentMethod?: string | undefined },
): Promise<PaymentOutcome> {
  const payment = await ensureIntent(mongo, payments, await readRecord(mongo, orderId));
  if (payment.closedAt) return outcomeOf(payment);
  // The saved one is charged while its owner is not there, one that is given now with them.
  const saved = payment.setup?.method;
  const method = paymentMethod ?? saved ?? (attempt === 1 ? payment.method : undefined);
  if (method === undefined)
    return outcomeOf(await record(mongo, payment, await payments.readIntent(payment.intentId!)));

  const key = `${orderId}:confirm:${attempt}:${payment.serverErrors}`;
  const intent = await countingErrors(mongo, orderId, () =>
    payments.confirmIntent(payment.intentId!, {
      paymentMethod: method,
      key,
      ...(method === saved && { offSession: true }),
    }),
  );
  return outcomeOf(await record(mongo, payment, intent, attempt));
}

export async function readPayment(
  mongo: Mongo,
  payments: Payments,
  { orderId }: { orderId: string },
): Promise<PaymentOutcome> {
  const payment = await readRecord(mongo, orderId);
  if (payment.intentId === undefined) return outcomeOf(payment);
  return outcomeOf(await record(mongo, payment, await payments.readIntent(payment.intentId)));
}

/** Each look is a message to the workflow and a call of the provider, and customers reload pages. */
const refreshEveryMs = 3_000;

/** True at most once in a few seconds for one order, whoever asks. */
export async function mayRefresh({ models }: Mongo, orderId: string): Promise<boolean> {
  const now = Date.now();
  const before = { $not: { $gt: new Date(now - refreshEveryMs) } };
  const asked = await models.payments.updateOne(
    { orderId, refreshedAt: before },
    { $set: { refreshedAt: new Date(now) } },
  );
  return asked.modifiedCount === 1;
}

/** What store credit does not pay of the sale; the rest of the authorization is released by the provider. */
export async function capturePayment(
  mongo: Mongo,
  payments: Payments,
  { orderId }: { orderId: string },
): Promise<PaymentOutcome> {
  const payment = await readRecord(mongo, orderId);
  const sale = await saleOf(mongo, payment);
  const amount = Math.max(0, sale.total - payment.credit);
  const done = payment.captured > 0 || amount === 0;
  const captured = done ? payment : await capture(mongo, payments, payment, amount);
  const card = captured.captured;
  await issueInvoice(mongo, { orderId, paid: { card, credit: sale.total - card } });
  if (payment.creditReturned > 0) await creditEarlier(mongo, orderId);
  return outcomeOf(captured);
}

/** Store credit can be paid back before there is an invoice to be credited. */
async function creditEarlier(mongo: Mongo, orderId: string): Promise<void> {
  const refunds = await mongo.models.refunds.find({ orderId, status: 'succeeded' }, { _id: 1 }).lean();
  for (const { _id: refundId } of refunds) await issueCreditNote(mongo, { refundId });
}

async function capture(mongo: Mongo, payments: Payments, payment: Payment, amount: number): Promise<Payment> {
  const { orderId, intentId, currency, serverErrors } = payment;
  if (intentId === undefined) throw refused(`Order ${orderId} has no payment to capture`);
  const key = `${orderId}:capture:${serverErrors}`;
  const intent = await countingErrors(mongo, orderId, () =>
    payments.captureIntent(intentId, { amount, currency, key }),
  );
  if (intent.status !== 'captured')
    throw refused(`The payment of ${orderId} cannot be captured: it is ${intent.status}`);
  return record(mongo, payment, intent);
}

/** Leaves a tombstone first: an authorization that thaws later finds it, or finds its intent cancelled. */
export async function voidPayment(
  mongo: Mongo,
  payments: Payments,
  { orderId }: { orderId: string },
): Promise<PaymentOutcome> {
  await mongo.models.payments.updateOne({ orderId, closedAt: null }, { $set: { closedAt: new Date() } });
  const payment = await readRecord(mongo, orderId);
  const { setup } = payment;
  if (setup && setup.status !== 'saved') await payments.cancelSetup(setup.id, { key: `${setup.id}:cancel` });
  if (payment.intentId === undefined) return outcomeOf({ ...payment, status: 'voided' });
  const key = `${orderId}:cancel:${payment.serverErrors}`;
  const intent = await countingErrors(mongo, orderId, () => payments.cancelIntent(payment.intentId!, { key }));
  if (intent.status !== 'voided' && intent.status !== 'captured') {
    // The provider replays its refusal to the same key, so the next try needs another.
    await takeNewKeys(mongo, orderId);
    throw new Error(`The payment of ${orderId} is ${intent.status} and cannot be voided yet`);
  }
  return outcomeOf(await record(mongo, payment, intent));
}

/** The first worker that records its intent wins; an intent that loses is inert, and cancelled. */
async function ensureIntent(mongo: Mongo, payments: Payments, payment: Payment): Promise<Payment> {
  if (payment.intentId !== undefined || payment.closedAt) return payment;
  const { orderId, amountDue, currency, serverErrors } = payment;
  const key = `${orderId}:intent:${serverErrors}`;
  const intent = await countingErrors(mongo, orderId, () =>
    payments.createIntent({ orderId, amount: amountDue, currency, customerId: payment.setup?.customerId, key }),
  );
  const won = await mongo.models.payments
    .findOneAndUpdate(
      { orderId, intentId: null, closedAt: null },
      { $set: { intentId: intent.id, clientSecret: intent.clientSecret, status: 'created' } },
      { returnDocument: 'after' },
    )
    .lean();
  if (won) return won;
  const stored = await readRecord(mongo, orderId);
  if (stored.intentId !== intent.id) await payments.cancelIntent(intent.id, { key: `${intent.id}:cancel` });
  return stored;
}

function refused(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, failures.paymentRefused);
}
