/** Whether a carrier finds the address, asked while the goods are picked: before a label is bought for nothing. */
import { CancellationScope, log, rootCause } from '@temporalio/workflow';
import { callProvider } from './activities.ts';
import { deadlines } from './domain/limits.ts';
import type { Order } from './order-context.ts';
import { cancel, mayCancel } from './order-context.ts';

/** A carrier that cannot say keeps nobody waiting. Nobody packs before this has ended, and an edit of the address ends it. */
export function checkAddress(order: Order): Promise<void> {
  return CancellationScope.nonCancellable(async () => {
    const asked = order.addresses;
    const isOver = () => order.addresses !== asked || isGone(order);
    for (;;) {
      const why = await findFault(order.id);
      if (why === undefined || isOver()) return;
      const given = await order.record.incident(
        { cause: 'undeliverable_address', why, answers: ['amend', 'skip', 'cancel'] },
        isOver,
      );
      if (given === 'cancel')
        return cancel(order, { actor: 'support', reason: 'The carrier does not find the address' });
      if (given !== 'amend') return;
    }
  });
}

function isGone(order: Order): boolean {
  return order.cancelled !== undefined || !mayCancel(order);
}

async function findFault(orderId: string): Promise<string | undefined> {
  try {
    const options = { summary: 'Does the carrier find the address?', scheduleToCloseTimeout: deadlines.addressCheck };
    return (await callProvider('checkAddress', options, { orderId })).why;
  } catch (error) {
    log.warn('No carrier said whether it finds the address', { why: rootCause(error) });
    return undefined;
  }
}
