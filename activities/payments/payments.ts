/** The money of an order, at the provider: authorized, captured, voided. */
import { ApplicationFailure } from '@temporalio/common';
import type { Capture, Payment, Sale } from '../../models/payment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import type { CaptureOutcome, PaymentOutcome } from '../../workflows/activities.ts';
import { captureUpTo } from '../../workflows/domain/captures.ts';
import { failures } from '../../workflows/domain/failures.ts';
import { formatMoney } from '../../workflows/domain/money.ts';
import { amountDue } from '../../workflows/domain/sales.ts';
import { issueCreditNote, issueInvoice } from '../invoices.ts';
import type { Intent, Payments } from '../providers/stripe.ts';
import { paymentRules } from '../store-settings.ts';
import { amountOfIntent, countingErrors, outcomeOf, readRecord, record, takeNewKeys } from './records.ts';
import { dropEdit, dropRenewal } from './renewals.ts';
import { weigh } from './risks.ts';
import { readOrder, saleOf } from './sales.ts';
import { noteSaved, payerOf } from './wallet.ts';

export async function authorizePayment(
  mongo: Mongo,
  payments: Payments,
  { orderId, attempt, paymentMethod }: { orderId: string; attempt: number; paymentMethod?: string | undefined },
): Promise<PaymentOutcome> {
  const payment = await ensureIntent(mongo, payments, await readRecord(mongo, orderId));
  if (payment.closedAt || payment.intentId === undefined) return outcomeOf(payment);
  // The saved one is charged while its owner is not there, one that is given now with them.
  const saved = payment.setup?.method;
  const method = paymentMethod ?? saved ?? (attempt === 1 ? payment.method : undefined);
  if (method === undefined) return look(mongo, payments, payment);

  const key = `${orderId}:confirm:${attempt}:${payment.serverErrors}`;
  const intent = await countingErrors(mongo, orderId, () =>
    payments.confirmIntent(payment.intentId!, { orderId, method, key, ...(method === saved && { offSession: true }) }),
  );
  requireDue(payment, intent);
  const recorded = await noteSaved(mongo, await record(mongo, payment, intent, attempt));
  return outcomeOf(await weigh(mongo, recorded, intent));
}

export async function readPayment(
  mongo: Mongo,
  payments: Payments,
  { orderId }: { orderId: string },
): Promise<PaymentOutcome> {
  const payment = await readRecord(mongo, orderId);
  return payment.intentId === undefined ? outcomeOf(payment) : look(mongo, payments, payment);
}

async function look(mongo: Mongo, payments: Payments, payment: Payment): Promise<PaymentOutcome> {
  const intent = await payments.readIntent(payment.intentId!);
  requireDue(payment, intent);
  return outcomeOf(await weigh(mongo, await noteSaved(mongo, await record(mongo, payment, intent)), intent));
}

/** Others can change an intent, in the provider's dashboard: nothing is sent for another amount than is due. */
function requireDue(payment: Payment, intent: Intent): void {
  const { orderId, currency } = payment;
  const due = amountOfIntent(payment);
  if (intent.amount === due && intent.currency === currency) return;
  const theirs = formatMoney(intent.amount, intent.currency);
  throw refused(`${intent.id} is about ${theirs}, and order ${orderId} about ${formatMoney(due, currency)}`);
}

/** Each look is a message to the workflow and a call of the provider, and customers reload pages. */
const refreshEveryMs = 3_000;

const awaited: Payment['status'][] = ['none', 'created', 'requires_action', 'processing', 'declined'];

/** True at most once in a few seconds for one order that waits for its customer, whoever asks. */
export async function mayRefresh({ models }: Mongo, orderId: string): Promise<boolean> {
  const now = Date.now();
  const before = { $not: { $gt: new Date(now - refreshEveryMs) } };
  const asked = await models.payments.updateOne(
    {
      orderId,
      refreshedAt: before,
      $or: [{ status: { $in: awaited } }, { renewal: { $ne: null } }, { edit: { $ne: null } }],
    },
    { $set: { refreshedAt: new Date(now) } },
  );
  return asked.modifiedCount === 1;
}

/** What store credit does not pay of the sale: all of it, or what is ready by now where the card can be captured again. */
export async function capturePayment(
  mongo: Mongo,
  payments: Payments,
  { orderId, shipmentId }: { orderId: string; shipmentId: string },
): Promise<CaptureOutcome> {
  const known = await readRecord(mongo, orderId);
  const sale = await saleOf(mongo, known);
  const { plan, payment } = await planCapture(mongo, known, sale, shipmentId);
  const captured = await capture(mongo, payments, payment, plan);
  if (captured.captured < plan.upTo) return withdraw(mongo, captured, plan);
  const card = Math.max(0, sale.total - payment.credit);
  await issueInvoice(mongo, {
    orderId,
    paid: { card, credit: sale.total - card, ...(payment.transfer && { byReturn: true }) },
  });
  if (payment.creditReturned > 0) await creditEarlier(mongo, orderId);
  // It is about more than is still due: nobody may pay by it any more.
  const alone = await dropEdit(mongo, payments, await dropRenewal(mongo, payments, captured));
  return { ...outcomeOf(alone), final: plan.final };
}

/** Of an intent that is over nothing more can be taken, so what was planned with it is planned anew with the next. */
async function withdraw(mongo: Mongo, payment: Payment, { shipmentId }: Capture): Promise<CaptureOutcome> {
  const { orderId, intentId, status } = payment;
  const ofIt = { orderId, intentId: intentId!, status };
  await mongo.models.payments.updateOne(ofIt, { $pull: { captures: { shipmentId } } });
  return { ...outcomeOf(payment), final: false, lapsed: true };
}

/** Written before it is asked for: whoever asks again, asks for the same. */
async function planCapture(
  mongo: Mongo,
  payment: Payment,
  sale: Sale,
  shipmentId: string,
): Promise<{ plan: Capture; payment: Payment }> {
  const { orderId, intentId, captures } = payment;
  const known = captures.find((each) => each.final || each.shipmentId === shipmentId);
  if (known) return { plan: known, payment };
  const plan = { shipmentId, ...(await shareOf(mongo, payment, sale, shipmentId)) };
  // A renewal that came between has another intent, and finds this one in its way if it comes later.
  const planned = await mongo.models.payments
    .findOneAndUpdate(
      { orderId, captures: { $size: captures.length }, intentId: intentId ?? null },
      { $push: { captures: plan } },
      { returnDocument: 'after' },
    )
    .lean();
  if (planned) return { plan, payment: planned };
  return planCapture(mongo, await readRecord(mongo, orderId), sale, shipmentId);
}

async function shareOf(
  mongo: Mongo,
  { orderId, captures, credit, multicapture }: Payment,
  sale: Sale,
  shipmentId: string,
): Promise<Pick<Capture, 'upTo' | 'final'>> {
  if (captures.length === 0 && !multicapture) return { upTo: Math.max(0, sale.total - credit), final: true };
  const order = await readOrder(mongo, orderId);
  const ready = new Set([...captures.map((each) => each.shipmentId), shipmentId]);
  if (multicapture) return captureUpTo(order, ready, credit);
  // After another card has paid a part, what was sold may not be due any more.
  return { upTo: Math.max(0, amountDue(order) - credit), final: true };
}

/** Store credit can be paid back before there is an invoice to be credited. */
async function creditEarlier(mongo: Mongo, orderId: string): Promise<void> {
  const refunds = await mongo.models.refunds.find({ orderId, status: 'succeeded' }, { _id: 1 }).lean();
  for (const { _id: refundId } of refunds) await issueCreditNote(mongo, { refundId });
}

async function capture(
  mongo: Mongo,
  payments: Payments,
  payment: Payment,
  { upTo, final }: Pick<Capture, 'upTo' | 'final'>,
): Promise<Payment> {
  const { orderId, intentId, currency, serverErrors, multicapture } = payment;
  if (payment.captured >= upTo && (payment.status === 'captured' || !final || intentId === undefined)) return payment;
  if (intentId === undefined) throw refused(`Order ${orderId} has no payment to capture`);
  // Of one that is captured again and again the reply may have been lost: then it says itself what it has taken.
  const before = multicapture ? await record(mongo, payment, await payments.readIntent(intentId)) : payment;
  const amount = upTo - before.captured;
  if (before.status === 'captured' || (amount <= 0 && !final)) return before;
  const intent = await countingErrors(mongo, orderId, () =>
    amount > 0
      ? payments.captureIntent(intentId, {
          amount,
          currency,
          final,
          key: `${intentId}:capture:${upTo}:${serverErrors}`,
        })
      : payments.cancelIntent(intentId, { key: `${intentId}:rest:${serverErrors}` }),
  );
  const taken = await record(mongo, before, intent);
  if (taken.captured < upTo && taken.status !== 'voided' && taken.status !== 'captured')
    throw refused(`The payment of ${orderId} cannot be captured: it is ${intent.status}`);
  return taken;
}

/** Leaves a tombstone first: an authorization that thaws later finds it, or finds its intent cancelled. */
export async function voidPayment(
  mongo: Mongo,
  payments: Payments,
  { orderId }: { orderId: string },
): Promise<PaymentOutcome> {
  await mongo.models.payments.updateOne({ orderId, closedAt: null }, { $set: { closedAt: new Date() } });
  const before = await readRecord(mongo, orderId);
  const { setup } = before;
  if (setup && setup.status !== 'saved') await payments.cancelSetup(setup.id, { key: `${setup.id}:cancel` });
  const payment = await dropEdit(mongo, payments, await dropRenewal(mongo, payments, before));
  if (payment.intentId === undefined) return outcomeOf({ ...payment, status: 'voided' });
  const key = `${orderId}:cancel:${payment.serverErrors}`;
  const intent = await countingErrors(mongo, orderId, () => payments.cancelIntent(payment.intentId!, { key }));
  // A bank debit that is on its way cannot be called back: what it brings is paid back when it is there.
  if (intent.status === 'processing') return outcomeOf(await record(mongo, payment, intent));
  if (intent.status !== 'voided' && intent.status !== 'captured') {
    // The provider replays its refusal to the same key, so the next try needs another.
    await takeNewKeys(mongo, orderId);
    throw new Error(`The payment of ${orderId} is ${intent.status} and cannot be voided yet`);
  }
  return outcomeOf(await record(mongo, payment, intent));
}

/** Where a card is to pay. The first worker that records its intent wins; one that loses is inert, and cancelled. */
export async function ensureIntent(mongo: Mongo, payments: Payments, payment: Payment): Promise<Payment> {
  if (payment.intentId !== undefined || payment.closedAt || payment.amountDue === 0) return payment;
  const { orderId, amountDue, currency, serverErrors } = payment;
  const customerId = payment.setup?.customerId ?? (await payerOf(mongo, payments, payment));
  // What waited for goods is saved already, and charged off session.
  const saveMethod = payment.saveMethod && payment.setup === undefined;
  const key = `${orderId}:intent:${serverErrors}`;
  const { multicapture } = await paymentRules(mongo);
  const intent = await countingErrors(mongo, orderId, () =>
    payments.createIntent({ orderId, amount: amountDue, currency, customerId, saveMethod, multicapture, key }),
  );
  const won = await mongo.models.payments
    .findOneAndUpdate(
      // What it costs may have changed since it was read.
      { orderId, intentId: null, closedAt: null, amountDue },
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
