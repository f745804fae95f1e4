/** The money of an order. What the provider says is read, recorded, and never moved back by an older answer. */
import { ApplicationFailure } from '@temporalio/common';
import type { Order } from '../models/order.ts';
import type { LedgerEntry, Payment, Sale } from '../models/payment.ts';
import { findOneBy } from '../platform/documents.ts';
import type { Mongo } from '../platform/mongo.ts';
import type { PaymentOutcome } from '../workflows/activities.ts';
import { failures } from '../workflows/domain/failures.ts';
import type { AttemptStatus } from '../workflows/domain/states.ts';
import { broken } from './failure.ts';
import { type Intent, type Payments, ProviderError } from './providers/stripe.ts';
import { amountDue, keptUnits } from './stock/reservations.ts';

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

/** The rest of the authorization is released by the provider: a payment is captured once. */
export async function capturePayment(
  mongo: Mongo,
  payments: Payments,
  { orderId }: { orderId: string },
): Promise<PaymentOutcome> {
  const payment = await readRecord(mongo, orderId);
  const amount = Math.max(0, (await saleOf(mongo, orderId)).total - payment.credit);
  if (payment.captured > 0 || amount === 0) return outcomeOf(payment);
  if (payment.intentId === undefined) throw refused(`Order ${orderId} has no payment to capture`);
  const key = `${orderId}:capture:${payment.serverErrors}`;
  const { currency } = payment;
  const intent = await countingErrors(mongo, orderId, () =>
    payments.captureIntent(payment.intentId!, { amount, currency, key }),
  );
  if (intent.status !== 'captured')
    throw refused(`The payment of ${orderId} cannot be captured: it is ${intent.status}`);
  return outcomeOf(await record(mongo, payment, intent));
}

/** What is captured and invoiced, as it is at the first try: whatever changes afterwards is refunded. */
async function saleOf({ models }: Mongo, orderId: string): Promise<Sale> {
  const known = (await models.payments.findOne({ orderId }, { sale: 1 }).lean())?.sale;
  if (known) return known;
  const order = await models.orders.findById(orderId).lean<Order>();
  if (!order) throw broken(`There is no order ${orderId}`);
  const lines = order.lines.map((line) => ({ lineId: line.lineId, quantity: keptUnits(line) }));
  const sale = { lines: lines.filter(({ quantity }) => quantity > 0), total: amountDue(order) };
  const won = await models.payments
    .findOneAndUpdate({ orderId, sale: null }, { $set: { sale } }, { returnDocument: 'after' })
    .lean();
  return won ? sale : saleOf({ models } as Mongo, orderId);
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

/** What a stored status may be for a new one to replace it: an older answer never undoes a newer one. */
function replaceable(by: AttemptStatus): (AttemptStatus | 'none')[] {
  const open: (AttemptStatus | 'none')[] = ['none', 'created', 'requires_action', 'processing', 'declined'];
  if (by === 'captured' || by === 'voided' || by === 'lapsed') return [...open, 'authorized', by];
  if (by === 'authorized') return [...open, 'authorized'];
  return open;
}

async function record(mongo: Mongo, { orderId }: Payment, intent: Intent, attempt?: number): Promise<Payment> {
  const { payments } = mongo.models;
  const at = new Date();
  const { status, risky, captureBefore, authorized, captured, declineCode } = intent;
  const standing = {
    filter: { orderId, status: { $in: replaceable(status) } },
    update: {
      $set: { status, risky, ...(captureBefore && { captureBefore }) },
      $max: { authorized, captured },
    },
  };
  const attempts = attempt === undefined ? [] : [{ attempt, status, declineCode, at }];
  const ledger = ledgerOf(intent, at);
  // Together where all of it is news, as it is most of the time; else each part by its own condition.
  const news = await payments
    .findOneAndUpdate(
      {
        ...standing.filter,
        'attempts.attempt': { $nin: attempts.map((entry) => entry.attempt) },
        'ledger.key': { $nin: ledger.map(({ key }) => key) },
      },
      { ...standing.update, $push: { attempts: { $each: attempts }, ledger: { $each: ledger } } },
      { returnDocument: 'after' },
    )
    .lean();
  if (news) return news;

  await payments.updateOne(standing.filter, standing.update);
  for (const entry of attempts) {
    await payments.updateOne({ orderId, 'attempts.attempt': { $ne: entry.attempt } }, { $push: { attempts: entry } });
  }
  for (const entry of ledger) {
    await payments.updateOne({ orderId, 'ledger.key': { $ne: entry.key } }, { $push: { ledger: entry } });
  }
  return { ...(await readRecord(mongo, orderId)), status };
}

function ledgerOf(intent: Intent, at: Date): LedgerEntry[] {
  const providerId = intent.id;
  if (intent.status === 'authorized') {
    return [{ key: `${providerId}:authorize`, kind: 'authorize', amount: intent.authorized, providerId, at }];
  }
  if (intent.status === 'captured') {
    return [{ key: `${providerId}:capture`, kind: 'capture', amount: intent.captured, providerId, at }];
  }
  return intent.status === 'voided' ? [{ key: `${providerId}:void`, kind: 'void', amount: 0, providerId, at }] : [];
}

export async function countingErrors<T>(mongo: Mongo, orderId: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ProviderError) await takeNewKeys(mongo, orderId);
    throw error;
  }
}

async function takeNewKeys({ models }: Mongo, orderId: string): Promise<void> {
  await models.payments.updateOne({ orderId }, { $inc: { serverErrors: 1 } });
}

export async function readRecord({ models }: Mongo, orderId: string): Promise<Payment> {
  const payment = await findOneBy(models.payments, 'orderId', orderId);
  if (!payment) throw ApplicationFailure.nonRetryable(`Order ${orderId} has no payment record`, failures.recordBroken);
  return payment;
}

function outcomeOf(payment: Payment): PaymentOutcome {
  return {
    attempt: payment.status === 'none' ? (payment.closedAt ? 'voided' : 'created') : payment.status,
    authorized: payment.authorized,
    captured: payment.captured,
    declineCode: payment.status === 'declined' ? payment.attempts.at(-1)?.declineCode : undefined,
    risky: payment.risky,
  };
}

function refused(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, failures.paymentRefused);
}
