/** Starting the workflow of an order that was written. */
import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { type SearchAttributePair, WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import type { Mongo } from '../platform/mongo.ts';
import { type OrderInput, searchAttributes, taskQueues, workflowIds } from '../workflows/messages.ts';

/** What every start of an order has in common: its id can be used once, and a second start finds the first. */
export function orderStart(input: OrderInput) {
  const typedSearchAttributes: SearchAttributePair[] = [
    { key: searchAttributes.orderStatus, value: 'pending' },
    { key: searchAttributes.paymentStatus, value: 'not_paid' },
    { key: searchAttributes.fulfillmentStatus, value: 'unfulfilled' },
    { key: searchAttributes.needsAttention, value: false },
  ];
  return {
    workflowId: workflowIds.order(input.orderId),
    taskQueue: taskQueues.orders,
    args: [input] as [OrderInput],
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
    typedSearchAttributes,
    staticSummary: `Order ${input.orderId}`,
  };
}

/**
 * An API process that dies between writing an order and starting its workflow leaves it `pending`. Started too late,
 * the workflow does nothing but end it as `expired`.
 */
export async function startForgotten({ models }: Mongo, temporal: Client): Promise<number> {
  const late = new Date(Date.now() - 10_000);
  const forgotten = await models.orders
    .find({ status: 'pending', rev: 0, placeBefore: { $lt: late } })
    .limit(50)
    .lean();
  for (const { _id: orderId, placeBefore } of forgotten) {
    try {
      await temporal.workflow.start('order', orderStart({ orderId, placeBefore: placeBefore.toISOString() }));
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
  }
  return 0;
}
