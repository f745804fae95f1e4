/** How workflows are told of what happened outside. */
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { paymentChanged, refundChanged, taskQueues, workflowIds } from '../workflows/messages.ts';
import { workflowTypes } from './starts.ts';

export async function signalled(send: () => Promise<void>): Promise<'signalled' | 'workflow has ended'> {
  try {
    await send();
    return 'signalled';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'workflow has ended';
    throw error;
  }
}

/** A hint to go and read the payment, or the method that is saved for it. */
export function hintAtPayment(temporal: Client, orderId: string): ReturnType<typeof signalled> {
  return signalled(() => temporal.workflow.getHandle(workflowIds.order(orderId)).signal(paymentChanged));
}

/** The workflow that opened the refund hears of it; where that has ended, one of the refund's own follows it. */
export async function followRefund(temporal: Client, refundId: string, workflowId: string): Promise<void> {
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
