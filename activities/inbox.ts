/**
 * What happens outside and concerns a workflow: stored once by its id, then delivered by a worker until it is. A
 * webhook is a hint: what counts is read from the provider by the workflow that hears of it.
 */
import { randomUUID } from 'node:crypto';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { InboxEvent } from '../models/inbox.ts';
import type { Payment } from '../models/payment.ts';
import { writeOne } from '../platform/documents.ts';
import { isDuplicateKey, type Mongo } from '../platform/mongo.ts';
import { hasEnded, returnStates } from '../workflows/domain/states.ts';
import {
  disputeChanged,
  paymentChanged,
  pickingClosed,
  refundChanged,
  returnMoved,
  stockChanged,
  type TrackingStatus,
  taskQueues,
  trackingChanged,
  workflowIds,
} from '../workflows/messages.ts';
import { recordDispute } from './disputes.ts';
import type { StripeEvent } from './providers/stripe-events.ts';
import { adoptRefund, openRefund } from './refunds.ts';
import { workflowTypes } from './starts.ts';
import { methodAdded, readWallet, walletMoved } from './wallet-events.ts';

type NewEvent = Pick<InboxEvent, 'source' | 'type' | 'payload'> & { id: string };

export async function receiveEvent({ models }: Mongo, { id, ...event }: NewEvent): Promise<'stored' | 'known'> {
  const now = new Date();
  try {
    const document = {
      ...event,
      _id: `${event.source}:${id}`,
      receivedAt: now,
      deliveredAt: null,
      tries: 0,
      nextTryAt: now,
    };
    await writeOne(models.inbox, { insertOne: { document } });
    return 'stored';
  } catch (error) {
    if (isDuplicateKey(error)) return 'known';
    throw error;
  }
}

/** By its webhook or from its list, an event of Stripe is the same one. */
export function receiveStripe(mongo: Mongo, { id, type, object }: StripeEvent): Promise<'stored' | 'known'> {
  return receiveEvent(mongo, { id, source: 'stripe', type, payload: { ...object } });
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
  failed: (event: InboxEvent, error: unknown) => void,
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
          const outcome = await deliver(mongo, temporal, event, payments);
          results.push({ filter, update: { $set: { deliveredAt: new Date(), outcome } } });
        } catch (error) {
          const backoff = Math.min(60_000, 500 * 2 ** event.tries);
          results.push({ filter, update: { $set: { nextTryAt: new Date(Date.now() + backoff) } } });
          failed(event, error);
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
  const { orderId, reference, payment_intent: intent, id } = payload;
  return [orderId, reference, intent, id].find((key) => typeof key === 'string') ?? _id;
}

type KnownPayments = ReadonlyMap<string, Payment>;

/** Most events tell of payments, so those of a whole batch are read at once, by their intents. */
async function paymentsOf({ models }: Mongo, events: readonly InboxEvent[]): Promise<KnownPayments> {
  const intents = events.flatMap(({ type, payload }) => (type.startsWith('payment_intent.') ? String(payload.id) : []));
  if (intents.length === 0) return new Map();
  const payments = await models.payments.find({ intentId: { $in: intents } }).lean();
  return new Map(payments.map((payment) => [payment.intentId!, payment]));
}

async function deliver(mongo: Mongo, temporal: Client, event: InboxEvent, payments: KnownPayments): Promise<string> {
  if (event.source === 'picking') return pickingIsClosed(mongo, temporal, event);
  if (event.source === 'stock') return stockHasChanged(temporal, event);
  if (event.source === 'carrier') return parcelMoved(mongo, temporal, event);
  if (event.source === 'wallet') return readWallet(temporal, String(event.payload.customerId));
  if (/^(payment_method|customer)\./.test(event.type)) return walletMoved(mongo, temporal, event);
  if (event.type.startsWith('setup_intent.')) return methodSaved(mongo, temporal, event);
  if (event.type.startsWith('payment_intent.')) return paymentMoved(mongo, temporal, event, payments);
  if (event.type.startsWith('refund.')) return refundMoved(mongo, temporal, event);
  if (event.type.startsWith('charge.dispute.')) return disputeMoved(mongo, temporal, event);
  return 'not of interest';
}

/** Where the packing came first, the workflow knows already. */
async function pickingIsClosed({ models }: Mongo, temporal: Client, { payload }: InboxEvent): Promise<string> {
  const { orderId, shipmentId, short } = payload as { orderId: string; shipmentId: string; short: boolean };
  const order = await models.orders.findById(orderId, { 'state.shipments': 1 }).lean();
  const known = order?.state?.shipments.find(({ id }) => id === shipmentId)?.status;
  // The pick list of goods that came can be closed before the order has heard of them.
  const mayTell = ['backordered', 'allocated', 'picking'];
  if (known !== undefined && !mayTell.includes(known)) return 'nothing new';
  return signalled(() =>
    temporal.workflow.getHandle(workflowIds.order(orderId)).signal(pickingClosed, { shipmentId, short }),
  );
}

function stockHasChanged(temporal: Client, { payload }: InboxEvent): Promise<string> {
  const handle = temporal.workflow.getHandle(workflowIds.order(String(payload.orderId)));
  return signalled(() => handle.signal(stockChanged));
}

async function methodSaved(mongo: Mongo, temporal: Client, { payload }: InboxEvent): Promise<string> {
  const { models } = mongo;
  const payment = await models.payments.findOne({ 'setup.id': String(payload.id) }).lean();
  if (!payment) return methodAdded(mongo, temporal, payload);
  if (payment.setup?.status === 'saved') return 'nothing new';
  const order = temporal.workflow.getHandle(workflowIds.order(payment.orderId));
  return signalled(() => order.signal(paymentChanged));
}

async function parcelMoved({ models }: Mongo, temporal: Client, { payload }: InboxEvent): Promise<string> {
  const { trackingNumber, status, at } = payload as { trackingNumber: string; status: TrackingStatus; at: string };
  const shipment = await models.shipments.findOne({ 'label.trackingNumber': trackingNumber }, { orderId: 1 }).lean();
  if (shipment) {
    const order = temporal.workflow.getHandle(workflowIds.order(shipment.orderId));
    return signalled(() => order.signal(trackingChanged, { shipmentId: shipment._id, status, at }));
  }
  const found = await models.returns.findOne({ 'label.trackingNumber': trackingNumber }, { status: 1 }).lean();
  if (!found) return 'unknown parcel';
  if (hasEnded(returnStates, found.status)) return 'nothing new';
  return signalled(() => temporal.workflow.getHandle(workflowIds.return(found._id)).signal(returnMoved, { status }));
}

/** Most of these tell what we did ourselves a moment ago: the record says so, and no workflow is woken. */
async function paymentMoved(
  mongo: Mongo,
  temporal: Client,
  { payload }: InboxEvent,
  payments: KnownPayments,
): Promise<string> {
  const { models } = mongo;
  const { id: intentId, status, metadata } = payload as { id: string; status: string; metadata?: { orderId?: string } };
  const payment =
    payments.get(intentId) ?? (await models.payments.findOne({ orderId: String(metadata?.orderId) }).lean());
  if (!payment) return 'unknown payment';
  const known: Record<string, string[]> = {
    requires_payment_method: ['created', 'declined', 'authorized', 'captured', 'voided'],
    requires_action: ['requires_action', 'authorized', 'captured', 'voided'],
    requires_capture: ['authorized', 'captured', 'voided'],
    succeeded: ['captured'],
    canceled: ['voided'],
  };
  if (known[status]?.includes(payment.status) && payment.intentId === intentId) return 'nothing new';
  const outcome = await signalled(() =>
    temporal.workflow.getHandle(workflowIds.order(payment.orderId)).signal(paymentChanged),
  );
  if (outcome !== 'workflow has ended' || status !== 'succeeded' || !payment.closedAt) return outcome;
  // Money that arrives after the order has ended is returned.
  await models.payments.updateOne(
    { _id: payment._id, captured: 0 },
    { $set: { captured: Number(payload.amount_received) } },
  );
  const opened = await openRefund(mongo, {
    key: `late:${intentId}`,
    orderId: payment.orderId,
    reason: 'Paid after the order had ended',
    actor: 'system',
  });
  if (!('refundId' in opened)) return 'nothing to return';
  await followRefund(temporal, opened.refundId, workflowIds.refund(opened.refundId));
  return 'late payment returned';
}

/** A refund made in the provider's dashboard is taken over, so that nobody pays it a second time. */
async function refundMoved(mongo: Mongo, temporal: Client, { payload }: InboxEvent): Promise<string> {
  const { models } = mongo;
  const theirs = payload as {
    id: string;
    payment_intent: string;
    amount: number;
    status: string;
    metadata?: { refundId?: string };
  };
  const { id: providerId, status, metadata } = theirs;
  const ours =
    (await models.refunds.findOne({ providerId }).lean()) ??
    (await models.refunds.findOne({ _id: String(metadata?.refundId) }).lean());
  if (!ours && status !== 'succeeded') return 'not ours and not settled';
  const refund = ours ?? (await adoptRefund(mongo, theirs));
  if (!refund) return 'unknown payment';
  if (refund.status === status) return 'nothing new';
  // Whoever opened it has done with it once it has ended: one that bounces afterwards is followed by its own workflow.
  const follower = refund.status === 'pending' ? refund.workflowId : workflowIds.refund(refund._id);
  await followRefund(temporal, refund._id, follower);
  return 'signalled';
}

/** The workflow that opened the refund hears of it; where that has ended, one of the refund's own follows it. */
async function followRefund(temporal: Client, refundId: string, workflowId: string): Promise<void> {
  if (workflowId !== workflowIds.refund(refundId)) {
    const told = await signalled(() => temporal.workflow.getHandle(workflowId).signal(refundChanged));
    if (told === 'signalled') return;
  }
  await temporal.workflow.signalWithStart(workflowTypes.refund, {
    workflowId: workflowIds.refund(refundId),
    taskQueue: taskQueues.orders,
    args: [{ refundId }],
    signal: refundChanged,
    staticSummary: `Refund ${refundId}`,
  });
}

async function disputeMoved(mongo: Mongo, temporal: Client, { payload }: InboxEvent): Promise<string> {
  const dispute = await recordDispute(mongo, payload);
  if (!dispute) return 'unknown payment';
  if (dispute.status !== 'open') return 'nothing new';
  await temporal.workflow.signalWithStart(workflowTypes.dispute, {
    workflowId: workflowIds.dispute(dispute._id),
    taskQueue: taskQueues.orders,
    args: [{ disputeId: dispute._id }],
    signal: disputeChanged,
    staticSummary: `Dispute of ${dispute.orderId}`,
  });
  return 'signalled';
}

async function signalled(send: () => Promise<void>): Promise<string> {
  try {
    await send();
    return 'signalled';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'workflow has ended';
    throw error;
  }
}
