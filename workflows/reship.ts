/** An order that sends goods again runs by itself from then on. */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ParentClosePolicy, startChild } from '@temporalio/workflow';
import type { OrderInput } from './messages.ts';
import { workflowIds } from './messages.ts';

/** @param source the order, or the claim, that it is sent again for */
export async function startReship(next: OrderInput, source: string): Promise<void> {
  try {
    await startChild('order', {
      args: [next],
      workflowId: workflowIds.order(next.orderId),
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `Order ${next.orderId}, sent again for ${source}`,
    });
  } catch (error) {
    // Whoever looks for orders that nobody has begun with was faster.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
