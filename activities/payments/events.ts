/** Events of payments. One that does not fit the order's own payment changes nothing of the order. */
import type { Client } from '@temporalio/client';
import type { Heard, InboxEvent } from '../../models/inbox.ts';
import type { Payment } from '../../models/payment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { workflowIds } from '../../workflows/messages.ts';
import { noteRefusal } from '../refusals.ts';
import { followRefund, hintAtPayment } from '../signals.ts';
import { amountOfIntent } from './records.ts';
import { openRefund } from './refunds.ts';

export type KnownPayments = ReadonlyMap<string, Payment>;

/** Most events tell of payments, so those of a whole batch are read at once, by their intents. */
export async function paymentsOf({ models }: Mongo, events: readonly InboxEvent[]): Promise<KnownPayments> {
  const intents = events.flatMap(({ type, payload }) => (type.startsWith('payment_intent.') ? String(payload.id) : []));
  if (intents.length === 0) return new Map();
  const ids = { $in: intents };
  const payments = await models.payments.find({ $or: [{ intentId: ids }, { pastIntents: ids }] }).lean();
  return new Map(
    payments.flatMap((payment) => [...(payment.pastIntents ?? []), payment.intentId!].map((id) => [id, payment])),
  );
}

interface EventIntent {
  id: string;
  status: string;
  amount?: number | null;
  amount_received?: number | null;
  currency?: string | null;
  metadata?: { orderId?: string } | null;
}

/** Most of these tell what we did ourselves a moment ago: the record says so, and no workflow is woken. */
export async function paymentMoved(
  mongo: Mongo,
  temporal: Client,
  { _id, payload }: InboxEvent,
  payments: KnownPayments,
): Promise<Heard> {
  const { models } = mongo;
  const intent = payload as unknown as EventIntent;
  const payment =
    payments.get(intent.id) ?? (await models.payments.findOne({ orderId: String(intent.metadata?.orderId) }).lean());
  if (!payment) return { outcome: 'unknown payment' };
  const { orderId } = payment;
  const misfit = misfitOf(payment, intent);
  if (misfit !== undefined) {
    await noteRefusal(mongo, orderId, 'provider', `Payment ${intent.id} ${misfit}; nothing was changed (${_id})`);
    return { outcome: 'does not fit', orderId };
  }
  if (intent.id === payment.renewal?.intentId || intent.id === payment.edit?.intentId)
    return { outcome: await hintAtPayment(temporal, orderId), orderId };
  if (payment.intentId !== intent.id || isKnown(payment, intent)) return { outcome: 'nothing new', orderId };
  const outcome = await hintAtPayment(temporal, orderId);
  if (outcome !== 'workflow has ended' || intent.status !== 'succeeded' || !payment.closedAt)
    return { outcome, orderId };
  // Money that arrives after the order has ended is returned.
  const amount = Number(intent.amount_received);
  const taken = { key: `${intent.id}:capture:${amount}`, kind: 'capture', amount, providerId: intent.id } as const;
  await models.payments.updateOne(
    { _id: payment._id, captured: 0 },
    {
      $set: { captured: amount, authorized: amount, status: 'captured' },
      $push: { ledger: { ...taken, at: new Date() } },
    },
  );
  const opened = await openRefund(mongo, {
    key: `late:${intent.id}`,
    orderId,
    reason: 'Paid after the order had ended',
    actor: 'system',
  });
  if (!('refundId' in opened)) return { outcome: 'nothing to return', orderId };
  await followRefund(temporal, opened.refundId, workflowIds.refund(opened.refundId));
  return { outcome: 'late payment returned', orderId };
}

/** The statuses of a record that know of an intent's status already. */
const knowing = new Map([
  ['requires_payment_method', ['created', 'declined', 'authorized', 'captured', 'voided']],
  ['requires_action', ['requires_action', 'authorized', 'captured', 'voided']],
  ['processing', ['processing', 'authorized', 'captured', 'voided']],
  ['requires_capture', ['authorized', 'captured', 'voided']],
  ['succeeded', ['captured']],
  ['canceled', ['voided']],
]);

function isKnown(payment: Payment, { status }: EventIntent): boolean {
  return knowing.get(status)?.includes(payment.status) ?? false;
}

/** Why an intent is not the order's payment as it should be, where money is about. */
function misfitOf(payment: Payment, { id, status, amount, currency }: EventIntent): string | undefined {
  const { intentId, ledger } = payment;
  const next = [payment.renewal, payment.edit].find((each) => each?.intentId === id);
  if (id !== intentId && next === undefined) {
    const moved = status === 'succeeded' ? 'capture' : status === 'requires_capture' ? 'authorize' : undefined;
    const isBooked = ledger.some((entry) => entry.providerId === id && entry.kind === moved);
    if (moved === undefined || isBooked) return undefined;
    return `${moved === 'capture' ? 'took' : 'holds'} money and is not the order's payment`;
  }
  if (currency && currency.toUpperCase() !== payment.currency) return "is not in the order's currency";
  if (typeof amount !== 'number') return undefined;
  const due = next?.amount ?? amountOfIntent(payment);
  return amount === due ? undefined : 'is not of the amount that is due';
}
