/** Goods that are sent again, at no charge: as an order that is linked to the first, and runs by itself from then on. */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ParentClosePolicy, startChild } from '@temporalio/workflow';
import type { ParcelIds } from './activities.ts';
import { local } from './activities.ts';
import type { OrderInput } from './messages.ts';
import { workflowIds } from './messages.ts';
import type { Record, Recorded } from './record.ts';

/** What was in a parcel. It is sent again once; undefined where a customer's claim has decided about it. */
export async function sendAgain<S extends Recorded>(record: Record<S>, parcel: ParcelIds): Promise<string | undefined> {
  const next = await record.must('open_reship', () => local.openReship(parcel));
  if ('claimed' in next) {
    record.changed(`Not sent again: ${next.claimed.claimId} has decided about ${parcel.parcelId}`);
    return undefined;
  }
  await startLinked(next, `sent again for ${parcel.orderId}`);
  record.changed(`Sent again as ${next.orderId}`, 'support');
  return next.orderId;
}

/** An order that another workflow has opened, and that runs by itself from then on. */
export async function startLinked(next: OrderInput, what: string): Promise<void> {
  try {
    await startChild('order', {
      args: [next],
      workflowId: workflowIds.order(next.orderId),
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `Order ${next.orderId}, ${what}`,
    });
  } catch (error) {
    // Whoever looks for orders that nobody has begun with was faster.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
