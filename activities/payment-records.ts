/** The record of an order's payment: what the provider says is written here, and never moved back by an older answer. */
import { ApplicationFailure } from '@temporalio/common';
import type { LedgerEntry, Payment } from '../models/payment.ts';
import { findOneBy } from '../platform/documents.ts';
import type { Mongo } from '../platform/mongo.ts';
import type { PaymentOutcome } from '../workflows/activities.ts';
import { failures } from '../workflows/domain/failures.ts';
import type { AttemptStatus } from '../workflows/domain/states.ts';
import { type Intent, ProviderError } from './providers/stripe.ts';

/** What a stored status may be for a new one to replace it: an older answer never undoes a newer one. */
function replaceable(by: AttemptStatus): (AttemptStatus | 'none')[] {
  const open: (AttemptStatus | 'none')[] = ['none', 'created', 'requires_action', 'processing', 'declined'];
  if (by === 'captured' || by === 'voided' || by === 'lapsed') return [...open, 'authorized', by];
  if (by === 'authorized') return [...open, 'authorized'];
  return open;
}

/** What the provider says; `attempt` where it says it of a try. */
export async function record(mongo: Mongo, { orderId }: Payment, intent: Intent, attempt?: number): Promise<Payment> {
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

/** The provider replays its own errors to the key that they answered, so each of them makes new keys. */
export async function countingErrors<T>(mongo: Mongo, orderId: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ProviderError) await takeNewKeys(mongo, orderId);
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

export function outcomeOf(payment: Payment): PaymentOutcome {
  return {
    attempt: payment.status === 'none' ? (payment.closedAt ? 'voided' : 'created') : payment.status,
    authorized: payment.authorized,
    captured: payment.captured,
    declineCode: payment.status === 'declined' ? payment.attempts.at(-1)?.declineCode : undefined,
    risky: payment.risky,
  };
}
