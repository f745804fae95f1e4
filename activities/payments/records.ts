/** The record of an order's payment: what the provider says is written here, and never moved back by an older answer. */
import { ApplicationFailure } from '@temporalio/common';
import type { ClientSession } from 'mongoose';
import type { LedgerEntry, Payment } from '../../models/payment.ts';
import { findOneBy } from '../../platform/documents.ts';
import type { Mongo } from '../../platform/mongo.ts';
import type { PaymentOutcome } from '../../workflows/activities.ts';
import { failures } from '../../workflows/domain/failures.ts';
import type { AttemptStatus } from '../../workflows/domain/states.ts';
import { type Intent, ProviderError } from '../providers/stripe.ts';

/** What a stored status may be for a new one to replace it: an older answer never undoes a newer one. */
function replaceable(by: AttemptStatus): (AttemptStatus | 'none')[] {
  const open: (AttemptStatus | 'none')[] = ['none', 'created', 'requires_action', 'processing', 'declined'];
  if (by === 'captured' || by === 'voided' || by === 'lapsed') return [...open, 'authorized', by];
  if (by === 'authorized') return [...open, 'authorized'];
  return open;
}

/** What the provider says of the payment's present intent; `attempt` where it says it of a try. */
export async function record(mongo: Mongo, payment: Payment, intent: Intent, attempt?: number): Promise<Payment> {
  const { payments } = mongo.models;
  const { orderId } = payment;
  const at = new Date();
  const { status, captureBefore, authorized, declineCode, multicapture, savedMethod, customerId } = intent;
  const attempts = attempt === undefined ? [] : [{ attempt, status, declineCode, at }];
  const ledger = ledgerOf(payment, intent, at);
  const taken = sumOf(ledger, 'capture');
  const before = capturedBy(payment).filter((charge) => charge.intentId !== intent.id);
  // Money is booked on what the record says by now: whoever has an older one reads it again.
  const news = await payments
    .findOneAndUpdate(
      {
        ...{ orderId, intentId: intent.id, captured: payment.captured, status: { $in: replaceable(status) } },
        'attempts.attempt': { $nin: attempts.map((entry) => entry.attempt) },
        'ledger.key': { $nin: ledger.map(({ key }) => key) },
      },
      {
        $set: {
          ...{ status, multicapture, ...(captureBefore && { captureBefore }) },
          ...(customerId && { providerCustomer: customerId, ...(savedMethod && { savedMethod }) }),
        },
        $max: { authorized: before.reduce((sum, charge) => sum + charge.amount, 0) + authorized },
        ...(taken > 0 && { $inc: { captured: taken } }),
        $push: { attempts: { $each: attempts }, ledger: { $each: ledger } },
      },
      { returnDocument: 'after' },
    )
    .lean();
  if (news) return news;

  for (const entry of attempts) {
    await payments.updateOne({ orderId, 'attempts.attempt': { $ne: entry.attempt } }, { $push: { attempts: entry } });
  }
  const now = await readRecord(mongo, orderId);
  const wasOld = now.captured !== payment.captured || now.ledger.length !== payment.ledger.length;
  // What is left then is known already, or overtaken.
  return wasOld || attempt !== undefined ? record(mongo, now, intent) : now;
}

/** What is new to our books. Each authorization, capture and release is booked once. */
function ledgerOf(payment: Payment, { id: providerId, status, authorized, captured }: Intent, at: Date): LedgerEntry[] {
  const taken = captured - (capturedBy(payment).find(({ intentId }) => intentId === providerId)?.amount ?? 0);
  const entries: LedgerEntry[] = [
    { key: `${providerId}:authorize`, kind: 'authorize', amount: authorized, providerId, at },
    { key: `${providerId}:capture:${captured}`, kind: 'capture', amount: taken, providerId, at },
    { key: `${providerId}:void`, kind: 'void', amount: 0, providerId, at },
  ];
  const isNews = { authorize: status === 'authorized', capture: taken > 0, void: status === 'voided' };
  const known = new Set(payment.ledger.map(({ key }) => key));
  return entries.filter(({ kind, key }) => isNews[kind as keyof typeof isNews] && !known.has(key));
}

/** What each intent has taken, in minor units, the first one first. */
export function capturedBy({ ledger }: Pick<Payment, 'ledger'>): { intentId: string; amount: number }[] {
  const captures = ledger.filter(({ kind }) => kind === 'capture');
  const intents = [...new Set(captures.map(({ providerId }) => providerId))];
  return intents.map((intentId) => ({
    intentId,
    amount: sumOf(
      captures.filter(({ providerId }) => providerId === intentId),
      'capture',
    ),
  }));
}

/** Minor units that the present intent is about: what is due, and was not taken by the intents before it. */
export function amountOfIntent(payment: Payment): number {
  const before = capturedBy(payment).filter(({ intentId }) => intentId !== payment.intentId);
  return payment.amountDue - before.reduce((sum, { amount }) => sum + amount, 0);
}

function sumOf(ledger: readonly LedgerEntry[], kind: LedgerEntry['kind']): number {
  return ledger.reduce((sum, entry) => (entry.kind === kind ? sum + entry.amount : sum), 0);
}

/** The provider replays its own errors to the key that they answered, so each of them makes new keys. */
export function countingErrors<T>(mongo: Mongo, orderId: string, call: () => Promise<T>): Promise<T> {
  return onProviderError(() => takeNewKeys(mongo, orderId), call);
}

export async function onProviderError<T>(count: () => PromiseLike<unknown>, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ProviderError) await count();
    throw error;
  }
}

export async function takeNewKeys({ models }: Mongo, orderId: string): Promise<void> {
  await models.payments.updateOne({ orderId }, { $inc: { serverErrors: 1 } });
}

export async function readRecord({ models }: Mongo, orderId: string): Promise<Payment> {
  const payment = await findOneBy(models.payments, 'orderId', orderId);
  if (!payment) throw ApplicationFailure.nonRetryable(`Order ${orderId} has no payment record`, failures.recordBroken);
  return payment;
}

/** The payment that an intent belongs to, or belonged to before another replaced it. */
export function paymentOfIntent({ models }: Mongo, intentId: string, session?: ClientSession): Promise<Payment | null> {
  const query = { $or: [{ intentId }, { pastIntents: intentId }] };
  return models.payments
    .findOne(query)
    .session(session ?? null)
    .lean<Payment>();
}

/** Nothing more will be captured. */
export function isOver({ closedAt, captures }: Payment): boolean {
  return closedAt !== undefined || captures.some(({ final }) => final);
}

export function outcomeOf(payment: Payment): PaymentOutcome {
  return {
    attempt: payment.status === 'none' ? (payment.closedAt ? 'voided' : 'created') : payment.status,
    authorized: payment.authorized,
    captured: payment.captured,
    declineCode: payment.status === 'declined' ? payment.attempts.at(-1)?.declineCode : undefined,
    captureBefore: payment.captureBefore?.toISOString(),
    risks: payment.risks,
    lookBy: payment.lookBy?.toISOString(),
  };
}
