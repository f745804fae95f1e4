/** An order for goods that come later: the method of payment is saved, and charged once everything is there. */
import { condition } from '@temporalio/workflow';
import { local } from './activities.ts';
import { deadlines } from './domain/limits.ts';
import { awaitsReturn, tellReturn } from './exchange-order.ts';
import { isHeld } from './hold.ts';
import type { Order } from './order-context.ts';
import { moveOrder, takeOver } from './order-context.ts';
import { saveMethod } from './payment.ts';
import { dueByCard } from './payment-state.ts';
import { StepCancelled } from './record.ts';

/** Resolves once everything is reserved and may be sent. It is sent together, so it is paid together. */
export async function waitForGoods(order: Order): Promise<void> {
  const { record } = order;
  const { state } = record;
  if (dueByCard(order) > 0) await saveMethod(order);
  const first = order.expects;
  const what = awaitsReturn(order)
    ? `Accepted: waits for the goods of ${order.exchange!.returnId}`
    : `Accepted: goods are expected ${first.expectedAt ?? first.notBefore ?? ''}`;
  moveOrder(order, isHeld(order) ? 'on_hold' : 'confirmed', what);
  record.mail(order.exchange ? 'exchange_confirmed' : 'order_backordered');
  await tellReturn(order, 'accepted');
  const returnBy = Date.now() + deadlines.exchangeGoods;

  const waitsForGoods = () => state.shipments.some((shipment) => shipment.status === 'backordered');
  let known = first;
  let lateAt = lateFrom(first);
  for (;;) {
    // An edit can change what is waited for.
    if (order.expects !== known) lateAt = lateFrom(order.expects);
    known = order.expects;
    const release = known.notBefore === undefined ? 0 : Date.parse(known.notBefore);
    const hints = order.stockHints;
    const heard = () => order.stockHints > hints;
    takeOver(order, await record.must('read_holdings', () => local.readHoldings({ orderId: order.id })));
    if (!waitsForGoods()) {
      // While it is held what came can go again: it is paid for what is there at the end of it.
      if (Date.now() < release) await record.waitFor('release', release - Date.now(), heard);
      else if (awaitsReturn(order)) await returnAccepted(order, returnBy, heard);
      else if (isHeld(order)) await condition(() => !isHeld(order) || heard());
      else return;
    } else if ((await record.waitFor('stock', lateAt - Date.now(), heard)) === 'overdue') {
      record.mail('backorder_late', new Date(lateAt).toISOString());
      const report = { cause: 'overdue_stock', why: 'Goods that were promised did not come in time' };
      const given = await record.incident({ ...report, answers: ['retry', 'cancel'] }, heard);
      if (given === 'cancel') throw new StepCancelled('stock');
      lateAt = Date.now() + deadlines.late;
    }
  }
}

/** Its goods are kept until those of the return are accepted; or something else was heard of its stock. */
function returnAccepted(order: Order, returnBy: number, heard: () => boolean): Promise<void> {
  const isOver = () => !awaitsReturn(order) || heard();
  const ms = Math.max(returnBy - Date.now(), deadlines.late);
  return order.record.expect('exchange_goods', ms, isOver, { answers: ['retry', 'cancel'] });
}

function lateFrom({ expectedAt }: Order['expects']): number {
  return Math.max(Date.now(), expectedAt === undefined ? 0 : Date.parse(expectedAt)) + deadlines.late;
}
