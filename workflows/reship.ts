/** Goods that are sent again, at no charge. */
import { ParentClosePolicy, startChild } from '@temporalio/workflow';
import type { ParcelIds } from './activities.ts';
import { local } from './activities.ts';
import { workflowIds } from './messages.ts';
import type { Record, Recorded } from './record.ts';

/** What was in a parcel, as an order that is linked to the first. It is there once for a parcel. */
export async function sendAgain<S extends Recorded>(record: Record<S>, parcel: ParcelIds): Promise<string> {
  const next = await record.must('open_reship', () => local.openReship(parcel));
  await startChild('order', {
    args: [next],
    workflowId: workflowIds.order(next.orderId),
    parentClosePolicy: ParentClosePolicy.ABANDON,
    staticSummary: `Order ${next.orderId}, sent again for ${parcel.orderId}`,
  });
  record.changed(`Sent again as ${next.orderId}`, 'support');
  return next.orderId;
}
