/** Disputes: read, and answered with what we know of the order. */
import type { Dispute } from '../../models/payment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import type { DisputeOutcome, LocalSteps } from '../../workflows/activities.ts';
import type { Evidence } from '../../workflows/domain/evidence.ts';
import { workflowIds } from '../../workflows/messages.ts';
import { broken } from '../failure.ts';
import { readInvoicePdf } from '../invoices.ts';
import type { Payments, ProviderDispute } from '../providers/stripe.ts';
import { newDispute, recordDispute } from './dispute-records.ts';
import { evidenceOf } from './evidence.ts';
import { onProviderError, paymentOfIntent } from './records.ts';
import { openRefund } from './refunds.ts';
import { openOwedRefund } from './sales.ts';

/** Of an event, so that it can be routed: what counts is read. Undefined where the payment is none of ours. */
export async function receiveDispute(
  mongo: Mongo,
  kind: Dispute['kind'],
  object: Record<string, unknown>,
): Promise<Dispute | undefined> {
  const { id, payment_intent, amount, currency, reason, evidence_details } = object as {
    id: string;
    payment_intent?: string;
    amount?: number;
    currency?: string;
    reason?: string;
    evidence_details?: { due_by?: number | null };
  };
  const { models } = mongo;
  const known = await models.disputes.findById(id).lean<Dispute>();
  if (known) return known;
  const payment = await paymentOfIntent(mongo, String(payment_intent));
  if (!payment) return undefined;
  const dueBy = evidence_details?.due_by ? new Date(evidence_details.due_by * 1000) : undefined;
  const { _id, ...dispute } = newDispute(payment, {
    ...{ id, kind, amount, currency: currency?.toUpperCase(), reason: reason ?? kind, dueBy },
    ...{ isAsked: false, answers: 0, intentId: payment_intent, movements: [], fee: undefined },
  });
  const stored = await models.disputes
    .findOneAndUpdate({ _id }, { $setOnInsert: dispute }, { upsert: true, returnDocument: 'after' })
    .lean<Dispute>();
  return stored ?? undefined;
}

export async function readDispute(
  mongo: Mongo,
  payments: Payments,
  { disputeId }: { disputeId: string },
): Promise<DisputeOutcome> {
  return recorded(mongo, await payments.readDispute(disputeId));
}

/** Shows the evidence in the provider's dashboard, as it would be sent now. */
export async function stageEvidence(
  mongo: Mongo,
  payments: Payments,
  { disputeId }: { disputeId: string },
): Promise<DisputeOutcome & { delivered: boolean }> {
  const dispute = await withReceipt(mongo, payments, await readRecord(mongo, disputeId));
  const { evidence, delivered } = await evidenceOf(mongo, dispute);
  const reading = await payments.readDispute(disputeId);
  const open = isAsked(dispute, reading) && dispute.evidence === undefined;
  const staged = open ? await payments.stageEvidence(disputeId, withoutLeftOut(evidence, dispute)) : reading;
  return { ...(await recorded(mongo, staged)), delivered };
}

/** What is sent is fixed first: it is the same at the next try, and the provider knows it by its key. */
export async function submitEvidence(
  mongo: Mongo,
  payments: Payments,
  { disputeId }: { disputeId: string },
): Promise<DisputeOutcome> {
  const { models } = mongo;
  const dispute = await withReceipt(mongo, payments, await readRecord(mongo, disputeId));
  // Whatever became of an earlier try, or of what somebody did in the dashboard, the provider knows.
  const before = await payments.readDispute(disputeId);
  if (!isAsked(dispute, before)) return sent(mongo, before);
  const { evidence: fields } = await evidenceOf(mongo, dispute);
  await models.disputes.updateOne(
    { _id: disputeId, evidence: null },
    { $set: { evidence: { fields, fixedAt: new Date() } } },
  );
  const fixed = await readRecord(mongo, disputeId);
  const key = `${disputeId}:evidence:${fixed.answersToInquiry}:${fixed.serverErrors}`;
  const evidence = withoutLeftOut(fixed.evidence!.fields, fixed);
  const after = await countingErrors(mongo, disputeId, () => payments.submitEvidence(disputeId, { evidence, key }));
  return sent(mongo, after);
}

/** What support adds to the evidence and leaves out. Undefined where it was sent, or is not asked for. */
export async function adjustEvidence(
  { models }: Mongo,
  disputeId: string,
  { words, leftOut }: { words?: string | undefined; leftOut?: string[] | undefined },
): Promise<Dispute | undefined> {
  const $set = { ...(words !== undefined && { words }), leftOut: leftOut ?? [] };
  const adjusted = await models.disputes
    .findOneAndUpdate(
      { _id: disputeId, status: 'open', kind: { $ne: 'fraud_warning' }, evidence: null },
      { $set, ...(words === undefined && { $unset: { words: 1 } }) },
      { returnDocument: 'after' },
    )
    .lean<Dispute>();
  return adjusted ?? undefined;
}

/** Gives in. What the bank has decided meanwhile stays. */
export async function acceptDispute(
  mongo: Mongo,
  payments: Payments,
  { disputeId }: { disputeId: string },
): Promise<DisputeOutcome> {
  const { serverErrors } = await readRecord(mongo, disputeId);
  const before = await payments.readDispute(disputeId);
  if (before.status !== 'open') return recorded(mongo, before);
  const key = `${disputeId}:close:${serverErrors}`;
  return recorded(mongo, await countingErrors(mongo, disputeId, () => payments.closeDispute(disputeId, { key })));
}

/** Followed by the dispute's workflow: everything that is left, or what is owed since it was disputed. */
export async function openDisputeRefund(
  mongo: Mongo,
  { disputeId, what }: { disputeId: string; what: 'left' | 'owed' },
): ReturnType<LocalSteps['openDisputeRefund']> {
  if (what === 'owed') return openOwedRefund(mongo, { disputeId });
  const { orderId } = await readRecord(mongo, disputeId);
  const opened = await openRefund(mongo, {
    ...{ key: `${disputeId}:refund`, orderId, reason: `Dispute ${disputeId}`, actor: 'support' },
    workflowId: workflowIds.dispute(disputeId),
  });
  return 'refundId' in opened ? opened : { refundId: null, amount: 0 };
}

async function recorded(mongo: Mongo, reading: ProviderDispute): Promise<DisputeOutcome> {
  const dispute = await recordDispute(mongo, reading);
  if (!dispute) throw broken(`The payment of dispute ${reading.id} is none of ours`);
  const { kind, status, reason, amount, currency, dueBy, withdrawn, reinstated } = dispute;
  return {
    ...{ kind, status, reason, amount, currency },
    ...(dueBy && { dueBy: dueBy.toISOString() }),
    isAsked: status === 'open' && isAsked(dispute, reading),
    isMissing: status === 'won' && withdrawn > 0 && reinstated === 0,
  };
}

async function sent(mongo: Mongo, reading: ProviderDispute): Promise<DisputeOutcome> {
  const unmarked = { _id: reading.id, evidence: { $ne: null }, 'evidence.sentAt': null };
  await mongo.models.disputes.updateOne(unmarked, { $set: { 'evidence.sentAt': new Date() } });
  return recorded(mongo, reading);
}

/** It may be answered once as an inquiry, and once more as the chargeback that became of it. */
function isAsked({ answersToInquiry }: Dispute, { isAsked, answers }: ProviderDispute): boolean {
  return isAsked && answers <= answersToInquiry;
}

/** A field that was staged before is emptied. */
function withoutLeftOut(evidence: Evidence, { leftOut = [] }: Dispute): Evidence {
  return { ...evidence, ...Object.fromEntries(leftOut.map((field) => [field, ''])) };
}

/** Our invoice, where there is one, as a file of the provider. One that gets lost is harmless. */
async function withReceipt(mongo: Mongo, payments: Payments, dispute: Dispute): Promise<Dispute> {
  const { models } = mongo;
  const { _id: disputeId, orderId } = dispute;
  if (dispute.receipt !== undefined || dispute.leftOut?.includes('receipt')) return dispute;
  const invoice = await models.invoices.findOne({ orderId, kind: 'invoice' }, { number: 1 }).lean();
  if (!invoice) return dispute;
  const data = await readInvoicePdf(mongo, invoice._id);
  const file = { name: `${invoice.number}.pdf`, data };
  const receipt = await payments.uploadFile(file);
  await models.disputes.updateOne({ _id: disputeId }, { $set: { receipt } });
  return { ...dispute, receipt };
}

function countingErrors<T>({ models }: Mongo, disputeId: string, call: () => Promise<T>): Promise<T> {
  return onProviderError(() => models.disputes.updateOne({ _id: disputeId }, { $inc: { serverErrors: 1 } }), call);
}

async function readRecord({ models }: Mongo, disputeId: string): Promise<Dispute> {
  const dispute = await models.disputes.findById(disputeId).lean<Dispute>();
  if (!dispute) throw broken(`There is no dispute ${disputeId}`);
  return dispute;
}
