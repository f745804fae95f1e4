/** Disputes, as the provider tells of them. */
import type { Dispute } from '../models/payment.ts';
import type { Mongo } from '../platform/mongo.ts';
import type { DisputeStatus } from '../workflows/domain/states.ts';
import { paymentOfIntent } from './payment-records.ts';
import type { Payments } from './providers/stripe.ts';

/** Undefined where the disputed payment is none of ours. */
export async function recordDispute(mongo: Mongo, object: Record<string, unknown>): Promise<Dispute | undefined> {
  const { id, payment_intent, amount, currency, reason, evidence_details } = object as {
    id: string;
    payment_intent: string;
    amount: number;
    currency: string;
    reason: string;
    evidence_details?: { due_by?: number | null };
  };
  const payment = await paymentOfIntent(mongo, payment_intent);
  if (!payment) return undefined;
  const dueBy = evidence_details?.due_by;
  const dispute = await mongo.models.disputes
    .findOneAndUpdate(
      { _id: id },
      {
        $setOnInsert: {
          orderId: payment.orderId,
          paymentId: payment._id,
          amount,
          currency: currency.toUpperCase(),
          reason,
          status: 'open',
          createdAt: new Date(),
          ...(dueBy && { dueBy: new Date(dueBy * 1000) }),
        },
      },
      { upsert: true, returnDocument: 'after' },
    )
    .lean();
  return dispute ?? undefined;
}

export async function readDispute(
  { models }: Mongo,
  payments: Payments,
  { disputeId }: { disputeId: string },
): Promise<{ status: DisputeStatus }> {
  const { status } = await payments.readDispute(disputeId);
  await models.disputes.updateOne({ _id: disputeId, status: 'open' }, { $set: { status } });
  return { status };
}
