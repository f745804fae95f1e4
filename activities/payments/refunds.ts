/** Refunds: promised against what was captured, sent, and followed to their end. */
import { ApplicationFailure } from '@temporalio/common';
import type { ClientSession } from 'mongoose';
import { newId } from '../../models/id.ts';
import type { Payment, Refund } from '../../models/payment.ts';
import { inTransaction, isDuplicateKey, type Mongo } from '../../platform/mongo.ts';
import type { ProviderSteps } from '../../workflows/activities.ts';
import { failures } from '../../workflows/domain/failures.ts';
import { workflowIds } from '../../workflows/messages.ts';
import { broken } from '../failure.ts';
import { issueCreditNote } from '../invoices.ts';
import { type Payments, ProviderError, type ProviderRefund } from '../providers/stripe.ts';
import { bookCreditIn } from './credit.ts';
import { recordDisputesOf } from './dispute-records.ts';
import { capturedBy, paymentOfIntent, readRecord } from './records.ts';

export interface RefundRequest {
  /** What asks for it: the same key is the same refund. */
  key: string;
  orderId: string;
  /** Minor units; everything that is left where it is not given. */
  amount?: number | undefined;
  /** Where it goes: back as it was paid, the card first, or all of it to the customer's store credit. */
  to?: 'original' | 'store_credit' | undefined;
  lines?: Refund['lines'];
  /** What of the amount pays the shipping back. */
  shipping?: number;
  /** What of the amount had paid for nothing that was sold. */
  unsold?: number;
  /** What comes on top of the amount: it was sold and never captured. */
  uncaptured?: number;
  reason: string;
  actor: string;
  refundId?: string | undefined;
  /** The workflow that follows it; by default one of its own. */
  workflowId?: string | undefined;
}

export type RefundOpened =
  | { refundId: string; amount: number }
  | { refused: 'nothing_captured' | 'more_than_paid' | 'no_account'; refundable: number };

export async function openRefund(mongo: Mongo, request: RefundRequest): Promise<RefundOpened> {
  try {
    return await inTransaction(mongo, (session) => openRefundIn(mongo, session, request));
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    return openRefund(mongo, request);
  }
}

/** Every refund writes the payment that it has read, so no two can exceed what was paid: one of them is tried again. */
export async function openRefundIn(
  mongo: Mongo,
  session: ClientSession,
  request: RefundRequest,
): Promise<RefundOpened> {
  const { models } = mongo;
  const { key, orderId, to = 'original', lines, reason, actor } = request;
  const { shipping = 0, unsold = 0, uncaptured = 0 } = request;
  const known = await models.refunds.findOne({ key }).session(session).lean();
  if (known) return { refundId: known._id, amount: known.amount - known.uncaptured };
  const payment = await models.payments.findOne({ orderId }).session(session).lean();
  const left = leftOf(payment);
  const amount = request.amount ?? left;
  if (!payment || (left <= 0 && uncaptured === 0)) return { refused: 'nothing_captured', refundable: 0 };
  if (amount > left) return { refused: 'more_than_paid', refundable: left };

  // Below zero where the provider's dashboard paid back what we had as store credit.
  const card = Math.min(amount, Math.max(0, cardLeftOf(payment)));
  const credited = to === 'store_credit' ? amount : amount - card;
  const sent = amount - credited;
  const customerId = (await models.orders.findById(orderId, { customerId: 1 }).session(session).lean())?.customerId;
  if (credited > 0 && customerId === undefined) return { refused: 'no_account', refundable: left };
  const $inc = { refundPending: sent, creditReturned: amount - card, refundedAsCredit: card - sent };
  await models.payments.updateOne({ _id: payment._id }, { $inc }, { session });
  const refundId = request.refundId ?? newId('ref');
  const [first, ...others] = await spread(mongo, session, payment, sent);
  if (credited > 0) {
    const kind = to === 'store_credit' ? 'refund' : 'give_back';
    const booking = { key: `refund:${refundId}`, currency: payment.currency, amount: credited, orderId, reason, actor };
    await bookCreditIn(mongo, session, { ...booking, kind, customerId: customerId! });
  }
  const common = { orderId, paymentId: payment._id, currency: payment.currency, reason, actor, createdAt: new Date() };
  const refund: Partial<Refund> = {
    ...common,
    _id: refundId,
    key,
    ...(first && { intentId: first.intentId }),
    workflowId: request.workflowId ?? workflowIds.refund(refundId),
    amount: amount + uncaptured - others.reduce((sum, other) => sum + other.amount, 0),
    ...{ credited, unsold, uncaptured, shipping },
    ...(lines && { lines }),
    status: sent > 0 ? 'pending' : 'succeeded',
  };
  // What one intent cannot pay back alone, others do, each as a refund that is followed by itself.
  const rest = others.map((other, index): Partial<Refund> => {
    const _id = newId('ref');
    return {
      ...common,
      ...other,
      _id,
      key: `${key}:${index + 2}`,
      workflowId: workflowIds.refund(_id),
      status: 'pending',
    };
  });
  await models.refunds.create([refund, ...rest], { session, ordered: true });
  return { refundId, amount };
}

/** By which intents an amount is paid back: by the first that took money, and what it does not have by the next. */
async function spread(
  { models }: Mongo,
  session: ClientSession,
  payment: Payment,
  amount: number,
): Promise<{ intentId: string; amount: number }[]> {
  const charges = capturedBy(payment);
  if (charges.length < 2) return charges.map(({ intentId }) => ({ intentId, amount }));
  const { orderId } = payment;
  const refunds = await models.refunds
    .find({ orderId, status: { $ne: 'failed' } })
    .session(session)
    .lean();
  const disputes = await models.disputes.find({ orderId }).session(session).lean();
  let open = amount;
  return charges.flatMap(({ intentId, amount: captured }) => {
    const back = refunds.filter((refund) => (refund.intentId ?? payment.intentId) === intentId);
    const taken = disputes.filter((dispute) => dispute.intentId === intentId);
    const withheld = taken.reduce((sum, { withdrawn, reinstated }) => sum + withdrawn - reinstated, 0);
    const left = captured - withheld - back.reduce((sum, refund) => sum + sentOf(refund), 0);
    const part = Math.min(open, Math.max(0, left));
    open -= part;
    return part > 0 ? { intentId, amount: part } : [];
  });
}

/**
 * The units of each line, and minor units of the shipping, that were paid back though they were, or were to be, sent: by
 * returns, and by lines. `except` is the key of a refund that does not count.
 */
export async function paidBackOf(
  { models }: Mongo,
  session: ClientSession,
  orderId: string,
  except?: string,
): Promise<{ units: ReadonlyMap<string, number>; shipping: number }> {
  const refunds = await models.refunds
    .find({ orderId, status: { $ne: 'failed' } })
    .session(session)
    .lean();
  // Of what was not sent nothing is left in the order.
  const counting = refunds.filter(({ key }) => !key.startsWith(`${orderId}:settle:`) && key !== except);
  const units = new Map<string, number>();
  for (const { lineId, quantity } of counting.flatMap(({ lines }) => lines ?? []))
    units.set(lineId, (units.get(lineId) ?? 0) + quantity);
  return { units, shipping: counting.reduce((sum, { shipping }) => sum + shipping, 0) };
}

/** Minor units of what was captured that nobody was promised back yet. */
export async function refundable({ models }: Mongo, session: ClientSession, orderId: string): Promise<number> {
  return leftOf(await models.payments.findOne({ orderId }).session(session).lean());
}

/** Of what could not be refunded, what a chargeback withholds is owed: the bank may give it back. */
export async function oweTheRest(
  { models }: Mongo,
  session: ClientSession,
  orderId: string,
  what: string,
  rest: number,
): Promise<void> {
  const payment = await models.payments.findOne({ orderId }).session(session).lean<Payment>();
  const amount = Math.min(rest, payment?.withheld ?? 0);
  if (amount <= 0) return;
  await models.payments.updateOne({ orderId }, { $set: { [`owed.${what}`]: amount } }, { session });
}

function leftOf(payment: Payment | null): number {
  return payment ? cardLeftOf(payment) + payment.credit - payment.creditReturned : 0;
}

/** Below zero where a chargeback took what had been refunded before. */
function cardLeftOf({ captured, refunded, refundPending, refundedAsCredit, withheld }: Payment): number {
  return captured - refunded - refundPending - refundedAsCredit - withheld;
}

/** Sends a refund, or reads how it stands; a higher `attempt` sends one anew that had failed. */
export async function sendRefund(
  mongo: Mongo,
  payments: Payments,
  { refundId, attempt }: { refundId: string; attempt: number },
): ReturnType<ProviderSteps['sendRefund']> {
  const sent = await send(mongo, payments, refundId, attempt);
  if (sent.status !== 'succeeded') return sent;
  await issueCreditNote(mongo, { refundId });
  const { orderId, amount, uncaptured } = await readRefund(mongo, refundId);
  const { taxTransaction } = await readRecord(mongo, orderId);
  return {
    ...sent,
    ...(taxTransaction !== undefined && { providerTaxes: true }),
    ...(amount === uncaptured && { moneyless: true }),
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
  try {
    const key = `${refundId}:${attempt}:${refund.serverErrors}`;
    return await payments.createRefund({ intentId, refundId, attempt, amount, currency, key });
  } catch (error) {
    if (error instanceof ProviderError) {
      await mongo.models.refunds.updateOne({ _id: refundId }, { $inc: { serverErrors: 1 } });
    }
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
  if (!(await models.disputes.exists(undecided).session(session))) return;
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
    const left = payment ? cardLeftOf(payment) : 0;
    const enough = left >= sentOf(refund);
    const failure = `Only ${left} of ${sentOf(refund)} may still be refunded`;
    const again = await models.refunds.updateOne(
      { _id: refund._id, status: 'failed', attempt: refund.attempt },
      enough
        ? { $set: { status: 'pending', attempt }, $unset: { providerId: 1, failure: 1 } }
        : { $set: { attempt, failure }, $unset: { providerId: 1 } },
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

/** What goes back by the provider. */
export function sentOf({ amount, credited, uncaptured }: Refund): number {
  return amount - credited - uncaptured;
}

async function readRefund({ models }: Mongo, refundId: string): Promise<Refund> {
  const refund = await models.refunds.findById(refundId).lean();
  if (!refund) throw broken(`There is no refund ${refundId}`);
  return refund;
}
