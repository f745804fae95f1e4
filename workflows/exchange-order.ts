/** An order in exchange for goods that come back, as far as its return has to do with it. */
import { CancellationScope, getExternalWorkflowHandle, setHandler } from '@temporalio/workflow';
import { hasEnded, orderStates, shipmentInWarehouse } from './domain/states.ts';
import type { CancelInput, ExchangeNews } from './messages.ts';
import { endExchange, exchangeMoved, releaseExchange, workflowIds } from './messages.ts';
import type { Order } from './order-context.ts';
import { cancel, mayCancel } from './order-context.ts';

/** Its goods are kept, and not sent before those of its return are accepted. */
export function awaitsReturn({ exchange, exchangeReleased }: Order): boolean {
  return exchange?.release === 'on_receipt' && !exchangeReleased;
}

/** A return that has ended has heard enough. */
export async function tellReturn(order: Order, stage: ExchangeNews['stage']): Promise<void> {
  const { exchange, record, ending: status = record.state.status } = order;
  if (!exchange || order.hasToldEnd) return;
  order.hasToldEnd = stage === 'ended';
  const work = getExternalWorkflowHandle(workflowIds.return(exchange.returnId));
  await CancellationScope.nonCancellable(() => work.signal(exchangeMoved, { stage, status }).catch(() => {}));
}

/** Called before the workflow's first await, as every handler. */
export function listenForExchange(order: Order): void {
  setHandler(releaseExchange, () => {
    if (order.exchangeReleased) return;
    order.exchangeReleased = true;
    order.record.changed('The goods of the return are accepted');
  });
  setHandler(endExchange, async (input: CancelInput) => {
    const isHere = mayCancel(order);
    if (isHere) cancel(order, input);
    if (!isHere || hasLeft(order)) await tellReturn(order, 'left');
  });
}

function hasLeft({ record: { state } }: Order): boolean {
  if (hasEnded(orderStates, state.status)) return false;
  return state.shipments.some(({ status }) => status !== 'cancelled' && !shipmentInWarehouse.includes(status));
}
