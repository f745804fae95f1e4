/** How the workflows are started, by whoever does it: each id once, and a second start finds the first. */
import {
  type Client,
  ScheduleAlreadyRunning,
  ScheduleOverlapPolicy,
  type ScheduleSpec,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowStartOptions,
} from '@temporalio/client';
import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import type { Order } from '../models/order.ts';
import type { Mongo } from '../platform/mongo.ts';
import {
  type ClaimInput,
  type ManifestInput,
  type OrderInput,
  type RefundInput,
  type ReturnInput,
  searchAttributes,
  taskQueues,
  workflowIds,
} from '../workflows/messages.ts';
import { orderStartOf } from './reships.ts';

/** Names of the workflow functions in workflows/index.ts. */
export const workflowTypes = {
  order: 'order',
  return: 'returnGoods',
  claim: 'claim',
  refund: 'refund',
  dispute: 'dispute',
  quote: 'quote',
  manifest: 'manifest',
  pollCarrier: 'pollCarrier',
  readWallet: 'readWallet',
  askWallet: 'askWallet',
  pollStripe: 'pollStripe',
  reconcileDue: 'reconcileDue',
} as const;

const oncePerId = {
  taskQueue: taskQueues.orders,
  workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
  workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
};

export function orderStart(input: OrderInput) {
  return {
    ...oncePerId,
    workflowId: workflowIds.order(input.orderId),
    args: [input] as [OrderInput],
    typedSearchAttributes: [
      { key: searchAttributes.orderStatus, value: 'pending' },
      { key: searchAttributes.paymentStatus, value: 'not_paid' },
      { key: searchAttributes.fulfillmentStatus, value: 'unfulfilled' },
      { key: searchAttributes.needsAttention, value: false },
    ],
    staticSummary: `Order ${input.orderId}`,
  };
}

export function startReturn(temporal: Client, input: ReturnInput): Promise<void> {
  const { returnId } = input;
  return startOnce(temporal, workflowTypes.return, {
    ...oncePerId,
    workflowId: workflowIds.return(returnId),
    args: [input],
    staticSummary: `Return ${returnId}`,
  });
}

export function startClaim(temporal: Client, input: ClaimInput): Promise<void> {
  const { claimId } = input;
  return startOnce(temporal, workflowTypes.claim, {
    ...oncePerId,
    workflowId: workflowIds.claim(claimId),
    args: [input],
    staticSummary: `Claim ${claimId}`,
  });
}

export function startRefund(temporal: Client, input: RefundInput): Promise<void> {
  const { refundId } = input;
  return startOnce(temporal, workflowTypes.refund, {
    ...oncePerId,
    workflowId: workflowIds.refund(refundId),
    args: [input],
    staticSummary: `Refund ${refundId}`,
  });
}

export function startManifest(temporal: Client, input: ManifestInput): Promise<void> {
  const { handOverId } = input;
  return startOnce(temporal, workflowTypes.manifest, {
    ...oncePerId,
    workflowId: workflowIds.manifest(handOverId),
    args: [input],
    staticSummary: `Papers of ${handOverId}`,
  });
}

/** Starting what runs or ran already does nothing. */
async function startOnce(temporal: Client, type: string, options: WorkflowStartOptions): Promise<void> {
  try {
    await temporal.workflow.start(type, options);
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/**
 * An API process that dies between writing a record and starting its workflow leaves the record alone. An order that
 * is started too late ends as `expired`, with nothing done; a return, a claim or a refund just begins now.
 */
export async function startForgotten({ models }: Mongo, temporal: Client): Promise<number> {
  const late = new Date(Date.now() - 10_000);
  const atOnce = 50;
  const orders = await models.orders
    .find({ status: 'pending', rev: 0, placeBefore: { $lt: late } }, { placeBefore: 1, reshipOf: 1, exchangeOf: 1 })
    .limit(atOnce)
    .lean<Order[]>();
  for (const order of orders) await startOnce(temporal, workflowTypes.order, orderStart(orderStartOf(order)));
  const returns = await models.returns
    .find({ status: { $in: ['requested', 'in_transit'] }, rev: 0, createdAt: { $lt: late } }, { _id: 1 })
    .limit(atOnce)
    .lean();
  for (const { _id: returnId } of returns) await startReturn(temporal, { returnId });
  const claims = await models.claims
    .find({ status: 'open', rev: 0, createdAt: { $lt: late } }, { _id: 1 })
    .limit(atOnce)
    .lean();
  for (const { _id: claimId } of claims) await startClaim(temporal, { claimId });
  const refunds = await models.refunds
    .find({ providerId: null, state: null, workflowId: /^refund-/, createdAt: { $lt: late } }, { _id: 1 })
    .limit(atOnce)
    .lean();
  for (const { _id: refundId } of refunds) await startRefund(temporal, { refundId });
  return orders.length + returns.length + claims.length + refunds.length;
}

const everyQuarterHour = { intervals: [{ every: '15 minutes' as const }] };

/** What polls the providers for what their webhooks missed, and what reconciles each day's money the night after. */
export const schedules = {
  'poll-sandbox': { workflowType: workflowTypes.pollCarrier, args: ['sandbox'], spec: everyQuarterHour },
  'poll-easypost': { workflowType: workflowTypes.pollCarrier, args: ['easypost'], spec: everyQuarterHour },
  'poll-stripe': { workflowType: workflowTypes.pollStripe, args: [], spec: everyQuarterHour },
  'reconcile-daily': {
    workflowType: workflowTypes.reconcileDue,
    args: [],
    spec: { calendars: [{ hour: 2, minute: 0 }] },
  },
} as const satisfies Record<string, { workflowType: string; args: string[]; spec: ScheduleSpec }>;

/** Asking for them again changes nothing. A run does what earlier ones could not, so those that were missed are one. */
export async function makeSchedules(temporal: Client): Promise<void> {
  for (const [scheduleId, { workflowType, args, spec }] of Object.entries(schedules)) {
    try {
      await temporal.schedule.create({
        scheduleId,
        spec,
        action: { type: 'startWorkflow', workflowType, args: [...args], taskQueue: taskQueues.orders },
        policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 day' },
      });
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    }
  }
}
