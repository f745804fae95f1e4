/** The record of a dispute, and the money that it moved: written together, from what the provider says, in any order. */
import type { Dispute, Payment } from '../../models/payment.ts';
import { inTransaction, type Mongo } from '../../platform/mongo.ts';
import type { DisputeStatus } from '../../workflows/domain/states.ts';
import type { Payments, ProviderDispute } from '../providers/stripe.ts';
import { paymentOfIntent } from './records.ts';

/** Undefined where the disputed payment is none of ours. */
export async function recordDispute(mongo: Mongo, reading: ProviderDispute): Promise<Dispute | undefined> {
  const { models } = mongo;
  return inTransaction(mongo, async (session) => {
    const known = await models.disputes.findById(reading.id).session(session).lean<Dispute>();
    const payment = known
      ? await models.payments.findById(known.paymentId).session(session).lean<Payment>()
      : await paymentOfIntent(mongo, String(reading.intentId), session);
    if (!payment) return undefined;
    const before = known ?? newDispute(payment, reading);

    const booked = new Set(payment.ledger.map(({ key }) => key));
    const news = reading.movements.filter(({ id }) => !booked.has(ledgerKey(id)));
    const withdrawn = sum(news.map(({ amount }) => Math.max(0, -amount)));
    const reinstated = sum(news.map(({ amount }) => Math.max(0, amount)));
    const escalated = before.kind === 'inquiry' && reading.kind === 'chargeback';
    const kind = before.kind === 'inquiry' ? reading.kind : before.kind;
    const status = escalated ? reading.status : newerStatus(before.status, reading.status);
    const after: Dispute = {
      ...before,
      kind,
      status,
      reason: reading.reason,
      amount: reading.amount ?? before.amount,
      currency: reading.currency ?? before.currency,
      ...(reading.dueBy && { dueBy: reading.dueBy }),
      ...(reading.fee && { fee: reading.fee }),
      withdrawn: before.withdrawn + withdrawn,
      reinstated: before.reinstated + reinstated,
      ...(escalated && { answersToInquiry: reading.answers }),
    };
    // What was said to the inquiry is not what is said to the chargeback.
    if (escalated) delete after.evidence;
    await models.disputes.replaceOne({ _id: after._id }, after, { session, upsert: true });

    const isLost = status === 'lost' && before.status !== 'lost';
    const { owed } = payment;
    const at = new Date();
    const ledger = news.map(({ id, amount }) => {
      return { key: ledgerKey(id), kind: 'dispute' as const, amount, providerId: reading.id, at };
    });
    if (ledger.length === 0 && !isLost) return after;
    await models.payments.updateOne(
      { _id: payment._id },
      {
        $inc: { withheld: withdrawn - reinstated },
        $push: { ledger: { $each: ledger } },
        // The bank has paid it back in our place.
        ...(isLost && owed && { $set: { owed: lessOwed(owed, after.withdrawn - after.reinstated) } }),
      },
      { session },
    );
    return after;
  });
}

/** Where the provider says that a charge is disputed, and we have not heard of it yet. */
export async function recordDisputesOf(mongo: Mongo, payments: Payments, intentId: string): Promise<void> {
  for (const reading of await payments.disputesOf(intentId)) await recordDispute(mongo, reading);
}

export function newDispute(
  payment: Payment,
  { id, kind, amount, currency, reason, dueBy, intentId }: Omit<ProviderDispute, 'status'>,
): Dispute {
  return {
    _id: id,
    kind,
    orderId: payment.orderId,
    paymentId: payment._id,
    ...(intentId !== undefined && { intentId }),
    amount: amount ?? (payment.captured > 0 ? payment.captured : payment.authorized),
    currency: currency ?? payment.currency,
    reason,
    status: 'open',
    ...(dueBy && { dueBy }),
    withdrawn: 0,
    reinstated: 0,
    answersToInquiry: 0,
    serverErrors: 0,
    createdAt: new Date(),
  };
}

/** What is owed by everything that owes it. */
export function totalOwed({ owed = {} }: Pick<Payment, 'owed'>): number {
  return sum(Object.values(owed));
}

/** What stays owed after so much was paid. */
export function lessOwed(owed: NonNullable<Payment['owed']>, paid: number): NonNullable<Payment['owed']> {
  let left = paid;
  const rest = Object.entries(owed).map(([what, amount]): [string, number] => {
    const part = Math.min(left, amount);
    left -= part;
    return [what, amount - part];
  });
  return Object.fromEntries(rest.filter(([, amount]) => amount > 0));
}

/** An answer that says `open` can be older than the decision. */
function newerStatus(known: DisputeStatus, said: DisputeStatus): DisputeStatus {
  return said === 'open' ? known : said;
}

function ledgerKey(movementId: string): string {
  return `dispute:${movementId}`;
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}
