/** The part of an order that one warehouse sends. Runs inside the order's workflow, several side by side. */
import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  ParentClosePolicy,
  startChild,
} from '@temporalio/workflow';
import { callProvider, local } from './activities.ts';
import { capturePayment, settlePayment } from './capture.ts';
import { deadlines } from './domain/limits.ts';
import type { ShipmentStatus } from './domain/states.ts';
import { hasEnded, mayGo, shipmentStates } from './domain/states.ts';
import type { Answer, ShipmentState } from './messages.ts';
import { evidenceChanged, workflowIds } from './messages.ts';
import type { Order } from './order-context.ts';
import { addShipments, isHeld, moveOrder } from './order-context.ts';
import { StepCancelled } from './record.ts';

/** Resolves when the shipment has ended. What other warehouses take over of it becomes shipments of their own. */
export async function runShipment(order: Order, shipment: ShipmentState): Promise<void> {
  const scope = new CancellationScope();
  order.warehouseScopes.set(shipment.id, scope);
  if (order.cancelled) scope.cancel();
  try {
    await scope.run(async () => {
      // 1. Pick. What could not be picked moves to another warehouse, or is cancelled.
      await pick(order, shipment);
      await settleShort(order, shipment);
      if (hasEnded(shipmentStates, shipment.status)) return;

      // 2. Pack: the label, then the money. Only with both is the shipment ready.
      await pack(order, shipment);

      // 3. Wait for the hand-over, the last moment at which the shipment can be cancelled.
      await expect(order, shipment, 'hand_over', deadlines.handOver, order.handedOverBy);
    });
    if (!hasEnded(shipmentStates, shipment.status)) {
      order.warehouseScopes.delete(shipment.id);
      await handOver(order, shipment);
      await followToTheDoor(order, shipment);
    }
  } catch (error) {
    if (!isCancellation(error) && !(error instanceof StepCancelled)) throw error;
    await takeBack(order, shipment);
  }
}

async function pick(order: Order, shipment: ShipmentState): Promise<void> {
  const { id: shipmentId } = shipment;
  const answers: Answer[] = ['retry', 'cancel'];
  if (shipment.status === 'backordered') order.record.mail('goods_missing', shipmentId);
  await order.record.expect('stock', deadlines.stock, () => shipment.status !== 'backordered', { shipmentId, answers });
  while (isHeld(order)) await condition(() => !isHeld(order));
  if (shipment.status === 'allocated') move(order, shipment, 'picking');
  await expect(order, shipment, 'picking', deadlines.picking, order.picked);
}

async function settleShort(order: Order, shipment: ShipmentState): Promise<void> {
  const { record } = order;
  if (!order.picked.get(shipment.id)?.short) {
    startProcessing(order);
    move(order, shipment, 'picked', 'Picked');
    return;
  }
  // Not to be abandoned half-way: its answer names the new shipments.
  const result = await CancellationScope.nonCancellable(() =>
    record.must('settle_short_pick', () => local.settleShortPick({ orderId: order.id, shipmentId: shipment.id })),
  );
  startProcessing(order);
  record.state.amountDue = result.amountDue;
  addShipments(order, result.moved);
  const what = `Picked ${result.short} short; ${result.moved.length > 0 ? 'moved to another warehouse' : 'cancelled'}`;
  if (result.empty) move(order, shipment, 'cancelled', what);
  else move(order, shipment, 'picked', what);
}

async function pack(order: Order, shipment: ShipmentState): Promise<void> {
  const { record } = order;
  await expect(order, shipment, 'packing', deadlines.packing, order.packed);
  const { parcel, actor } = order.packed.get(shipment.id)!;
  move(order, shipment, 'packed', 'Packed', actor);
  while (isHeld(order)) await condition(() => !isHeld(order));
  const label = await record.step(
    'buy_label',
    () =>
      callProvider(
        'buyLabel',
        { summary: `Label of ${shipment.id}` },
        { orderId: order.id, shipmentId: shipment.id, parcel },
      ),
    { shipmentId: shipment.id, answers: ['retry', 'amend', 'cancel'] },
  );
  shipment.trackingNumber = label?.trackingNumber;
  await capturePayment(order, shipment.id);
  move(order, shipment, 'ready', 'Labelled and paid: ready to go');
}

async function handOver(order: Order, shipment: ShipmentState): Promise<void> {
  const actor = order.handedOverBy.get(shipment.id) ?? 'system';
  const shipmentId = shipment.id;
  const next = { event: 'delivery', ms: deadlines.delivery };
  move(order, shipment, 'shipped', 'Handed over to the carrier', actor);
  order.record.mail('shipped', shipmentId);
  await order.record.must('ship_stock', () =>
    order.record.savedWith(next, (state, mails) => local.shipStock({ state, mails, shipmentId, actor })),
  );
}

async function followToTheDoor(order: Order, shipment: ShipmentState): Promise<void> {
  const { record } = order;
  while (!hasEnded(shipmentStates, shipment.status)) {
    if ((await expectTracking(order, shipment)) === 'refund') {
      move(order, shipment, 'lost', 'Given up as lost', 'support');
      return writeOff(order, shipment);
    }
    // Events come late, twice and out of order: those that lead nowhere from here change nothing.
    for (const event of order.tracking.get(shipment.id)?.splice(0) ?? []) {
      if (event.status === 'accepted' || !mayGo(shipmentStates, shipment.status, event.status)) continue;
      if (event.status === 'delivered') shipment.deliveredAt = event.at;
      move(order, shipment, event.status, `Carrier: ${event.status}`, 'carrier');
    }
  }
  if (shipment.status === 'delivered') {
    record.mail('delivered', shipment.id);
    return tellDisputes(order);
  }
  const given = await record.incident({
    cause: shipment.status,
    why: `The carrier reports the parcel as ${shipment.status}`,
    answers: ['reship', 'refund'],
    shipmentId: shipment.id,
  });
  if (given === 'reship') await reship(order, shipment);
  else await writeOff(order, shipment);
}

/** That it has arrived is evidence. */
async function tellDisputes({ record, disputes }: Order): Promise<void> {
  const open = [...disputes].filter(([, { status }]) => status === 'open');
  if (open.length === 0) return;
  await record.saved();
  for (const [id] of open)
    await getExternalWorkflowHandle(workflowIds.dispute(id))
      .signal(evidenceChanged)
      .catch(() => {});
}

/** A parcel of which nothing is heard cannot be cancelled any more: its incident offers to look again. */
async function expectTracking(order: Order, shipment: ShipmentState): Promise<'heard' | 'refund'> {
  const heard = () => (order.tracking.get(shipment.id)?.length ?? 0) > 0;
  while ((await order.record.waitFor('delivery', deadlines.delivery, heard)) === 'overdue') {
    const report = { cause: 'overdue_delivery', why: 'Nothing heard of the parcel in time', shipmentId: shipment.id };
    const given = await order.record.incident({ ...report, answers: ['retry', 'refund'] }, heard);
    if (given === 'refund') return 'refund';
  }
  return 'heard';
}

async function reship(order: Order, shipment: ShipmentState): Promise<void> {
  const next = await order.record.must('open_reship', () =>
    local.openReship({ orderId: order.id, shipmentId: shipment.id }),
  );
  await startChild('order', {
    args: [next],
    workflowId: workflowIds.order(next.orderId),
    parentClosePolicy: ParentClosePolicy.ABANDON,
    staticSummary: `Order ${next.orderId}, sent again for ${order.id}`,
  });
  order.record.changed(`Sent again as ${next.orderId}`, 'support');
}

async function writeOff(order: Order, shipment: ShipmentState): Promise<void> {
  const { record } = order;
  const { amountDue } = await record.must('release_shipment', () =>
    local.releaseShipment({ orderId: order.id, shipmentId: shipment.id }),
  );
  record.state.amountDue = amountDue;
  await settlePayment(order);
}

/** Undoes a shipment that has not left: its label, and what it holds. The money is settled at the order's end. */
async function takeBack(order: Order, shipment: ShipmentState): Promise<void> {
  const { record } = order;
  const { amountDue, shipments } = await record.must('release_shipment', () =>
    local.releaseShipment({ orderId: order.id, shipmentId: shipment.id }),
  );
  record.state.amountDue = amountDue;
  // Goods can have come or moved meanwhile, and the order would end before it hears of it.
  addShipments(order, shipments);
  if (order.packed.has(shipment.id)) {
    await record.step(
      'void_label',
      () => callProvider('voidLabel', { summary: `Void the label of ${shipment.id}` }, { reference: shipment.id }),
      { shipmentId: shipment.id, answers: ['retry', 'skip'] },
    );
  }
  move(order, shipment, 'cancelled', 'Shipment cancelled');
}

/** Waits for the warehouse's message about this shipment. */
function expect(
  order: Order,
  shipment: ShipmentState,
  event: string,
  ms: number,
  heard: ReadonlyMap<string, unknown>,
): Promise<void> {
  const options = { shipmentId: shipment.id, answers: ['retry', 'cancel'] satisfies Answer[] };
  return order.record.expect(event, ms, () => heard.has(shipment.id), options);
}

function startProcessing(order: Order): void {
  if (order.record.state.status === 'confirmed') moveOrder(order, 'processing');
}

function move(order: Order, shipment: ShipmentState, to: ShipmentStatus, what?: string, actor = 'system'): void {
  if (!mayGo(shipmentStates, shipment.status, to)) {
    throw new Error(`A shipment cannot go from ${shipment.status} to ${to}`);
  }
  shipment.status = to;
  order.record.changed(what && `${what} (${shipment.id})`, actor);
}
