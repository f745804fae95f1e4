/**
 * What happens outside and concerns a workflow: stored once by its id, then delivered by a worker until it is. A
 * webhook is a hint: what counts is read from the provider by the workflow that hears of it.
 */
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { Heard, InboxEvent } from '../models/inbox.ts';
import type { Mongo } from '../platform/mongo.ts';
import { disputeChanged, pickingClosed, stockChanged, taskQueues, workflowIds } from '../workflows/messages.ts';
import { receiveDispute } from './payments/disputes.ts';
import { type KnownPayments, paymentMoved, paymentsOf } from './payments/events.ts';
import { receivePayout } from './payments/payouts.ts';
import { paymentOfIntent } from './payments/records.ts';
import { adoptRefund } from './payments/refund-sending.ts';
import { methodAdded, readWallet, walletMoved } from './payments/wallet-events.ts';
import { deliveredEvents } from './providers/stripe-events.ts';
import { parcelMoved } from './shipping/tracking.ts';
import { followRefund, hintAtPayment, signalled } from './signals.ts';
import { workflowTypes } from './starts.ts';

/** Has an event delivered anew, or at once where it waits for its next try. Null where there is none. */
export function deliverAgain({ models }: Mongo, id: string): Promise<InboxEvent | null> {
  const due = { deliveredAt: null, nextTryAt: new Date(), tries: 0 };
  return models.inbox.findOneAndUpdate({ _id: id }, { $set: due }).lean<InboxEvent>();
}

/** How long claimed events stay with their dispatcher. Those of one that dies go to the next after that. */
const claimMs = 30_000;
export const inboxBatch = 100;

/**
 * Delivers what is due, events of one order one after the other and orders side by side. Answers how many it took.
 * Several workers may do this at once: events are claimed first, and delivering twice has one effect.
 */
export async function deliverDue(
  mongo: Mongo,
  temporal: Client,
  watch: {
    delivered?: (event: InboxEvent, heard: Heard) => void;
    failed: (event: InboxEvent, error: unknown) => void;
  },
): Promise<number> {
  const { models } = mongo;
  const claimed = await claim(mongo);
  const payments = await paymentsOf(mongo, claimed);
  const lanes = new Map<string, InboxEvent[]>();
  for (const event of claimed) {
    const lane = laneOf(event);
    lanes.set(lane, [...(lanes.get(lane) ?? []), event]);
  }
  const results: { filter: { _id: string }; update: { $set: Partial<InboxEvent> } }[] = [];
  await Promise.all(
    [...lanes.values()].map(async (events) => {
      for (const event of events) {
        const filter = { _id: event._id };
        try {
          const heard = await deliver(mongo, temporal, event, payments);
          results.push({ filter, update: { $set: { deliveredAt: new Date(), ...heard } } });
          watch.delivered?.(event, heard);
        } catch (error) {
          const backoff = Math.min(60_000, 500 * 2 ** event.tries);
          results.push({ filter, update: { $set: { nextTryAt: new Date(Date.now() + backoff) } } });
          watch.failed(event, error);
        }
      }
    }),
  );
  if (results.length > 0) await models.inbox.bulkWrite(results.map((updateOne) => ({ updateOne })));
  return claimed.length;
}

async function claim({ models }: Mongo): Promise<InboxEvent[]> {
  const now = new Date();
  const due = await models.inbox
    .find({ deliveredAt: null, nextTryAt: { $lte: now } }, { _id: 1 })
    .sort({ nextTryAt: 1, receivedAt: 1 })
    .limit(inboxBatch)
    .lean();
  if (due.length === 0) return [];
  const claimedBy = randomUUID();
  const ids = due.map(({ _id }) => _id);
  await models.inbox.updateMany(
    { _id: { $in: ids }, deliveredAt: null, nextTryAt: { $lte: now } },
    { $set: { nextTryAt: new Date(now.getTime() + claimMs), claimedBy }, $inc: { tries: 1 } },
  );
  return models.inbox
    .find({ _id: { $in: ids }, claimedBy })
    .sort({ receivedAt: 1 })
    .lean();
}

function laneOf({ payload, _id }: InboxEvent): string {
  const { orderId, trackingNumber, payment_intent: intent, id } = payload;
  return [orderId, trackingNumber, intent, id].find((key) => typeof key === 'string') ?? _id;
}

async function deliver(mongo: Mongo, temporal: Client, event: InboxEvent, payments: KnownPayments): Promise<Heard> {
  if (event.source === 'picking') return pickingIsClosed(mongo, temporal, event);
  if (event.source === 'stock') return stockHasChanged(temporal, event);
  if (event.source === 'carrier') return parcelMoved(mongo, temporal, event);
  if (event.source === 'wallet') return readWallet(temporal, String(event.payload.customerId));
  if (!isDelivered(event.type)) return { outcome: 'not of interest' };
  if (/^(payment_method|customer)\./.test(event.type)) return walletMoved(mongo, temporal, event);
  if (event.type.startsWith('setup_intent.')) return methodSaved(mongo, temporal, event);
  if (event.type.startsWith('payment_intent.')) return paymentMoved(mongo, temporal, event, payments);
  if (event.type.startsWith('refund.')) return refundMoved(mongo, temporal, event);
  if (/^(charge\.dispute|radar\.early_fraud_warning)\./.test(event.type)) return disputeMoved(mongo, temporal, event);
  if (event.type.startsWith('payout.')) return { outcome: await receivePayout(mongo, event.payload) };
  return { outcome: 'not of interest' };
}

function isDelivered(type: string): boolean {
  return (deliveredEvents as readonly string[]).includes(type);
}

/** Where the packing came first, the workflow knows already. */
async function pickingIsClosed({ models }: Mongo, temporal: Client, { payload }: InboxEvent): Promise<Heard> {
  const { orderId, shipmentId, short } = payload as { orderId: string; shipmentId: string; short: boolean };
  const order = await models.orders.findById(orderId, { 'state.shipments': 1 }).lean();
  const known = order?.state?.shipments.find(({ id }) => id === shipmentId)?.status;
  // The pick list of goods that came can be closed before the order has heard of them.
  const mayTell = ['backordered', 'allocated', 'picking'];
  if (known !== undefined && !mayTell.includes(known)) return { outcome: 'nothing new', orderId };
  const handle = temporal.workflow.getHandle(workflowIds.order(orderId));
  return { outcome: await signalled(() => handle.signal(pickingClosed, { shipmentId, short })), orderId };
}

async function stockHasChanged(temporal: Client, { payload }: InboxEvent): Promise<Heard> {
  const orderId = String(payload.orderId);
  const handle = temporal.workflow.getHandle(workflowIds.order(orderId));
  return { outcome: await signalled(() => handle.signal(stockChanged)), orderId };
}

async function methodSaved(mongo: Mongo, temporal: Client, { payload }: InboxEvent): Promise<Heard> {
  const payment = await mongo.models.payments.findOne({ 'setup.id': String(payload.id) }).lean();
  if (!payment) return methodAdded(mongo, temporal, payload);
  const { orderId, setup } = payment;
  if (setup?.status === 'saved') return { outcome: 'nothing new', orderId };
  return { outcome: await hintAtPayment(temporal, orderId), orderId };
}

/** A refund made in the provider's dashboard is taken over, so that nobody pays it a second time. */
async function refundMoved(mongo: Mongo, temporal: Client, { payload }: InboxEvent): Promise<Heard> {
  const { models } = mongo;
  const theirs = payload as {
    id: string;
    payment_intent: string;
    amount: number;
    status: string;
    metadata?: { refundId?: string };
  };
  const { id: providerId, status, metadata } = theirs;
  const payment = await paymentOfIntent(mongo, theirs.payment_intent);
  if (!payment) return { outcome: 'unknown payment' };
  const { _id: paymentId, orderId } = payment;
  const ours =
    (await models.refunds.findOne({ providerId, paymentId }).lean()) ??
    (await models.refunds.findOne({ _id: String(metadata?.refundId), paymentId }).lean());
  if (!ours && status !== 'succeeded') return { outcome: 'not ours and not settled', orderId };
  const refund = ours ?? (await adoptRefund(mongo, theirs));
  if (!refund) return { outcome: 'unknown payment' };
  if (refund.status === status) return { outcome: 'nothing new', orderId };
  // Whoever opened it has done with it once it has ended: one that bounces afterwards is followed by its own workflow.
  const follower = refund.status === 'pending' ? refund.workflowId : workflowIds.refund(refund._id);
  await followRefund(temporal, refund._id, follower);
  return { outcome: 'signalled', orderId };
}

async function disputeMoved(mongo: Mongo, temporal: Client, { type, payload }: InboxEvent): Promise<Heard> {
  const asks = String(payload.status ?? '').startsWith('warning_');
  const kind = type.startsWith('radar.') ? 'fraud_warning' : asks ? 'inquiry' : 'chargeback';
  const dispute = await receiveDispute(mongo, kind, payload);
  if (!dispute) return { outcome: 'unknown payment' };
  const { orderId } = dispute;
  // Money moves after the decision as well, and an inquiry that was over can become a chargeback.
  const isNews = type.includes('.funds_') || (dispute.kind === 'inquiry' && kind === 'chargeback');
  if (dispute.status !== 'open' && !isNews) return { outcome: 'nothing new', orderId };
  await temporal.workflow.signalWithStart(workflowTypes.dispute, {
    workflowId: workflowIds.dispute(dispute._id),
    taskQueue: taskQueues.orders,
    args: [{ disputeId: dispute._id }],
    signal: disputeChanged,
    staticSummary: `Dispute of ${orderId}`,
  });
  return { outcome: 'signalled', orderId };
}
