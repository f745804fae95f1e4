/** Refunds at the provider: sent, followed to their end, and taken over where they were made in its dashboard. */
import { ApplicationFailure } from '@temporalio/common';
import type { ClientSession } from 'mongoose';
import { newId } from '../../models/id.ts';
import type { Payment, Refund } from '../../models/payment.ts';
import { inTransaction, type Mongo } from '../../platform/mongo.ts';
import type { ProviderSteps } from '../../workflows/activities.ts';
import { failures } from '../../workflows/domain/failures.ts';
import { workflowIds } from '../../workflows/messages.ts';
import { broken } from '../failure.ts';
import { issueCreditNote } from '../invoices.ts';
import type { Payments, ProviderRefund } from '../providers/stripe.ts';
import { recordDisputesOf } from './dispute-records.ts';
import { onProviderError, paymentOfIntent, readRecord } from './records.ts';
import { cardLeftOf, leftOf, sentOf } from './refunds.ts';

/** Sends a refund, or reads how it stands; a higher `attempt` sends one anew that had failed. */
export async function sendRefund(
  mongo: Mongo,
  payments: Payments,
  { refundId, attempt }: { refundId: string; attempt: number },
): ReturnType<ProviderSteps['sendRefund']> {
  const sent = await send(mongo, payments, refundId, attempt);
  if (sent.status !== 'succeeded') return sent;
  await issueCreditNote(mongo, { refundId });
  const { orderId, amount, uncaptured, transferred, sequel } = await readRefund(mongo, refundId);
  const { taxTransaction } = await readRecord(mongo, orderId);
  return {
    ...sent,
    ...(taxTransaction !== undefined && { providerTaxes: true }),
    ...(amount === uncaptured + transferred && { moneyless: true }),
    ...(sequel !== undefined && { sequel }),
  };
}

async function send(
  mongo: Mongo,
  payments: Payments,
  refundId: string,
  attempt: number,
): ReturnType<ProviderSteps['sendRefund']> {
  let refund = await readRefund(mongo, refundId);
  if (refund.attempt < attempt && refund.status === 'failed') refund = await openAgain(mongo, refund, attempt);
  if (refund.providerId === undefined && refund.status === 'pending') {
    const { models } = mongo;
    const payment = await models.payments.findById(refund.paymentId, { intentId: 1 }).lean();
    const intentId = refund.intentId ?? payment?.intentId;
    if (intentId === undefined) throw broken(`Refund ${refundId}: its payment has nothing at the provider`);
    const found = await payments.findRefund(intentId, refundId, refund.attempt);
    const sent = found ?? (await create(mongo, payments, refund, intentId));
    if (sent.id !== undefined) {
      await models.refunds.updateOne({ _id: refundId, providerId: null }, { $set: { providerId: sent.id } });
    }
    return recordRefund(mongo, refund, sent);
  }
  if (refund.providerId === undefined) {
    const withheld = refund.status === 'failed' ? await isWithheld(mongo, refund) : undefined;
    return { status: refund.status, attempt: refund.attempt, why: refund.failure, ...(withheld && { withheld }) };
  }
  return recordRefund(mongo, refund, await payments.readRefund(refund.providerId));
}

/** Support has paid the customer in another way. The refund stays failed: the provider has nothing of it. */
export async function skipRefund({ models }: Mongo, { refundId }: { refundId: string }): Promise<void> {
  const open = { _id: refundId, status: 'failed' as const, paidOtherwiseAt: null };
  await models.refunds.updateOne(open, { $set: { paidOtherwiseAt: new Date() } });
}

/** A refund that was made elsewhere, in the provider's dashboard, becomes one of ours, to be followed to its end as any. */
export async function adoptRefund(
  mongo: Mongo,
  refund: { id: string; payment_intent: string; amount: number },
): Promise<Refund | undefined> {
  const { models } = mongo;
  return inTransaction(mongo, async (session) => {
    const { payment_intent: intentId } = refund;
    const payment = await paymentOfIntent(mongo, intentId, session);
    if (!payment) return undefined;
    const known = await models.refunds.findOne({ providerId: refund.id }).session(session).lean<Refund>();
    if (known) return known;
    const refundId = newId('ref');
    const { amount } = refund;
    const adopted: Partial<Refund> = {
      _id: refundId,
      key: `provider:${refund.id}`,
      orderId: payment.orderId,
      paymentId: payment._id,
      intentId,
      workflowId: workflowIds.refund(refundId),
      amount,
      currency: payment.currency,
      reason: 'Made at the payment provider',
      actor: 'provider',
      status: 'pending',
      providerId: refund.id,
      createdAt: new Date(),
    };
    const [stored] = await models.refunds.create([adopted], { session });
    await models.payments.updateOne({ _id: payment._id }, { $inc: { refundPending: amount } }, { session });
    return stored!.toObject();
  });
}

/** How a refund stands; one that was refused has no id at the provider. */
type Sent = Pick<ProviderRefund, 'status' | 'failure'> & { id?: string; disputed?: true };

async function create(mongo: Mongo, payments: Payments, refund: Refund, intentId: string): Promise<Sent> {
  const { _id: refundId, attempt, currency } = refund;
  const amount = sentOf(refund);
  const key = `${refundId}:${attempt}:${refund.serverErrors}`;
  const count = () => mongo.models.refunds.updateOne({ _id: refundId }, { $inc: { serverErrors: 1 } });
  try {
    return await onProviderError(count, () =>
      payments.createRefund({ intentId, refundId, attempt, amount, currency, key }),
    );
  } catch (error) {
    // Refused for good, as after a chargeback: a refund that failed, for a person to decide about.
    if (error instanceof ApplicationFailure && error.type === failures.paymentRefused) {
      if (!isDisputed(error)) return { status: 'failed', failure: error.message };
      await recordDisputesOf(mongo, payments, intentId);
      return { status: 'failed', failure: error.message, disputed: true };
    }
    throw error;
  }
}

function isDisputed({ details }: ApplicationFailure): boolean {
  return (details?.[0] as { code?: string } | undefined)?.code === 'charge_disputed';
}

/**
 * Moves the amount from promised to refunded, or back, together with the refund's own status. What is said of an attempt
 * that another one has followed changes nothing.
 */
async function recordRefund(
  mongo: Mongo,
  { _id: refundId, attempt }: Refund,
  now: Sent,
): Promise<{ status: Refund['status']; attempt: number; why?: string | undefined; withheld?: true }> {
  const { models } = mongo;
  return inTransaction(mongo, async (session) => {
    const before = await models.refunds.findById(refundId).session(session).lean();
    if (!before) throw broken(`There is no refund ${refundId}`);
    if (before.attempt !== attempt) return { status: before.status, attempt: before.attempt, why: before.failure };
    if (before.status !== now.status && now.status !== 'pending') {
      const amount = sentOf(before);
      const at = new Date();
      const settled = now.status === 'succeeded' ? amount : before.status === 'succeeded' ? -amount : 0;
      const promised = before.status === 'pending' ? -amount : 0;
      const ledger =
        settled === 0
          ? []
          : [{ key: `${now.id}:${now.status}`, kind: 'refund' as const, amount: settled, providerId: now.id, at }];
      await models.refunds.updateOne(
        { _id: refundId },
        { $set: { status: now.status, ...(now.failure && { failure: now.failure }) } },
        { session },
      );
      await models.payments.updateOne(
        { _id: before.paymentId },
        { $inc: { refunded: settled, refundPending: promised }, $push: { ledger: { $each: ledger } } },
        { session },
      );
    }
    if (now.disputed) await oweWhileDisputed(mongo, session, before);
    const withheld = now.disputed && (await isWithheld(mongo, before, session));
    return { status: now.status, attempt: before.attempt, why: now.failure, ...(withheld && { withheld }) };
  });
}

/** While the bank has not decided, it is owed. */
async function oweWhileDisputed({ models }: Mongo, session: ClientSession, refund: Refund): Promise<void> {
  const { _id: refundId, paymentId } = refund;
  const undecided = { paymentId, kind: 'chargeback', status: 'open' } as const;
  const { matchedCount } = await models.disputes.updateOne(undecided, { $set: { owedAt: new Date() } }, { session });
  if (matchedCount === 0) return;
  const $set = { [`owed.${refundId}`]: sentOf(refund) };
  await models.payments.updateOne({ _id: paymentId }, { $set }, { session });
}

/** Nobody has to do anything about it: it is paid once the bank has decided, or the bank has paid it in our place. */
async function isWithheld({ models }: Mongo, refund: Refund, session?: ClientSession): Promise<true | undefined> {
  const payment = await models.payments
    .findById(refund.paymentId)
    .session(session ?? null)
    .lean<Payment>();
  if (!payment) return undefined;
  const isOwed = payment.owed?.[refund._id] !== undefined;
  return isOwed || (payment.withheld > 0 && cardLeftOf(payment) <= 0) || undefined;
}

async function openAgain(mongo: Mongo, refund: Refund, attempt: number): Promise<Refund> {
  const { models } = mongo;
  await inTransaction(mongo, async (session) => {
    const payment = await models.payments.findById(refund.paymentId).session(session).lean();
    // What it had promised may pay for an exchange by now.
    const left = payment ? Math.min(cardLeftOf(payment), leftOf(payment)) : 0;
    const enough = left >= sentOf(refund);
    const failure = `Only ${left} of ${sentOf(refund)} may still be refunded`;
    const again = await models.refunds.updateOne(
      { _id: refund._id, status: 'failed', attempt: refund.attempt },
      enough
        ? { $set: { status: 'pending', attempt }, $unset: { providerId: 1, failure: 1, paidOtherwiseAt: 1 } }
        : { $set: { attempt, failure }, $unset: { providerId: 1, paidOtherwiseAt: 1 } },
      { session },
    );
    if (enough && again.modifiedCount === 1) {
      await models.payments.updateOne(
        { _id: refund.paymentId },
        { $inc: { refundPending: sentOf(refund) } },
        { session },
      );
    }
  });
  return readRefund(mongo, refund._id);
}

async function readRefund({ models }: Mongo, refundId: string): Promise<Refund> {
  const refund = await models.refunds.findById(refundId).lean();
  if (!refund) throw broken(`There is no refund ${refundId}`);
  return refund;
}
