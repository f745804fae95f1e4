/** The part of an order that one warehouse sends, to its door. Runs inside the order's workflow, several side by side. */
import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import type { ProviderSteps, SettledShortPick } from './activities.ts';
import { callProvider, local, orLeave } from './activities.ts';
import { capturePayment } from './capture.ts';
import { followToTheDoor } from './delivery.ts';
import { deadlines } from './domain/limits.ts';
import { hasEnded, shipmentStates } from './domain/states.ts';
import { isHeld } from './hold.ts';
import type { Answer, ShipmentState } from './messages.ts';
import type { Order } from './order-context.ts';
import { addShipments, moveOrder, moveShipment } from './order-context.ts';
import { StepCancelled } from './record.ts';

/** Resolves when the shipment has ended. What other warehouses take over of it becomes shipments of their own. */
export async function runShipment(order: Order, shipment: ShipmentState): Promise<void> {
  try {
    // Again where something of it is cancelled once it is packed.
    let scope = openScope(order, shipment.id);
    while (!(await isReady(order, shipment, scope))) {
      scope = openScope(order, shipment.id);
      await unpack(order, shipment);
    }
    if (hasEnded(shipmentStates, shipment.status)) return;
    order.warehouseScopes.delete(shipment.id);
    await handOver(order, shipment);
    await followToTheDoor(order, shipment);
  } catch (error) {
    if (!isCancellation(error) && !(error instanceof StepCancelled)) throw error;
    await takeBack(order, shipment);
  }
}

/** Whoever cancels the shipment cancels what is done within it. */
function openScope(order: Order, shipmentId: string): CancellationScope {
  const scope = new CancellationScope();
  order.warehouseScopes.set(shipmentId, scope);
  if (order.cancelled) scope.cancel();
  return scope;
}

/** Resolves once it may leave, or has ended; false where it has to be packed anew. */
async function isReady(order: Order, shipment: ShipmentState, scope: CancellationScope): Promise<boolean> {
  try {
    await scope.run(async () => {
      // 1. Pick. What could not be picked moves to another warehouse, or is cancelled.
      if (shipment.status !== 'picked') {
        await pick(order, shipment);
        await settleShort(order, shipment);
      }
      if (hasEnded(shipmentStates, shipment.status)) return;

      // 2. Pack: the label, then the money. Only with both is the shipment ready.
      await pack(order, shipment);

      // 3. Wait for the hand-over, the last moment at which the shipment can be cancelled.
      await expect(order, shipment, 'hand_over', deadlines.handOver, order.handedOverBy, () =>
        hasLeft(order, shipment),
      );
      // What the carrier took while units of it are cancelled is decided by that: it may not be sent like this any more.
      await condition(() => !order.changing.has(shipment.id));
    });
    return !order.unpacking.has(shipment.id);
  } catch (error) {
    if (isCancellation(error) && order.unpacking.has(shipment.id) && !order.cancelled) return false;
    throw error;
  }
}

async function pick(order: Order, shipment: ShipmentState): Promise<void> {
  const { id: shipmentId } = shipment;
  const answers: Answer[] = ['retry', 'cancel'];
  if (shipment.status === 'backordered') order.record.mail('goods_missing', shipmentId);
  await order.record.expect('stock', deadlines.stock, () => shipment.status !== 'backordered', { shipmentId, answers });
  while (isHeld(order)) await condition(() => !isHeld(order));
  if (shipment.status === 'allocated') moveShipment(order, shipment, 'picking');
  await expect(order, shipment, 'picking', deadlines.picking, order.picked);
}

async function settleShort(order: Order, shipment: ShipmentState): Promise<void> {
  if (!order.picked.get(shipment.id)?.short) {
    startProcessing(order);
    moveShipment(order, shipment, 'picked', 'Picked');
    return;
  }
  const settled = await decideShort(order, shipment);
  startProcessing(order);
  order.record.state.amountDue = settled.amountDue;
  addShipments(order, settled.moved);
  const what = `Picked ${settled.short} short; ${wordsOf(settled)}`;
  if (settled.empty) moveShipment(order, shipment, 'cancelled', what);
  else moveShipment(order, shipment, 'picked', what);
}

/** By the store's rule; where that is to ask, what no other warehouse has waits for a person's answer. */
async function decideShort(order: Order, shipment: ShipmentState): Promise<SettledShortPick> {
  const { record } = order;
  const ids = { orderId: order.id, shipmentId: shipment.id };
  let rest: 'released' | 'backordered' | undefined;
  for (;;) {
    // Not to be abandoned half-way: its answer names the new shipments.
    const result = await CancellationScope.nonCancellable(() =>
      record.must('settle_short_pick', () => local.settleShortPick({ ...ids, rest })),
    );
    if (result.outcome === 'settled') return result;
    const given = await record.incident({
      cause: 'short_pick',
      why: `${result.missing} units could not be picked, and no other warehouse has them`,
      answers: ['backorder', 'cancel', 'retry'],
      shipmentId: shipment.id,
    });
    if (given === 'backorder') rest = 'backordered';
    if (given === 'cancel') rest = 'released';
  }
}

function wordsOf({ moved, waits, given }: SettledShortPick): string {
  const parts = [
    moved.some(({ warehouseId }) => warehouseId !== '') && 'moved to another warehouse',
    waits > 0 && `${waits} wait for goods`,
    given > 0 && `${given} cancelled`,
  ];
  return parts.filter(Boolean).join(', ');
}

async function pack(order: Order, shipment: ShipmentState): Promise<void> {
  const { record } = order;
  await expect(order, shipment, 'packing', deadlines.packing, order.packed);
  moveShipment(order, shipment, 'packed', 'Packed', order.packed.get(shipment.id)!);
  await orLeave(() => order.addressChecked ?? Promise.resolve());
  while (isHeld(order)) await condition(() => !isHeld(order));
  const labels = await record.step('buy_label', () => orLeave(() => buyLabels(order, shipment.id)), {
    shipmentId: shipment.id,
    answers: ['retry', 'amend', 'cancel'],
  });
  shipment.parcels = labels?.parcels.map((parcel) => ({ ...parcel, status: 'shipped' }));
  await capturePayment(order, shipment.id);
  moveShipment(order, shipment, 'ready', 'Labelled and paid: ready to go');
}

function buyLabels(order: Order, shipmentId: string): ReturnType<ProviderSteps['buyLabels']> {
  const buying = callProvider('buyLabels', { summary: `Labels of ${shipmentId}` }, { orderId: order.id, shipmentId });
  order.labelling.set(
    shipmentId,
    buying.catch(() => {}),
  );
  return buying;
}

async function handOver(order: Order, shipment: ShipmentState): Promise<void> {
  const actor = order.handedOverBy.get(shipment.id) ?? 'carrier';
  const shipmentId = shipment.id;
  const next = { event: 'delivery', ms: deadlines.delivery };
  moveShipment(order, shipment, 'shipped', 'Handed over to the carrier', actor);
  order.record.mail('shipped', shipmentId);
  await order.record.must('ship_stock', () =>
    order.record.savedWith(next, (state, mails) => local.shipStock({ state, mails, shipmentId, actor })),
  );
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
  if (order.packed.has(shipment.id)) await voidLabels(order, shipment);
  moveShipment(order, shipment, 'cancelled', 'Shipment cancelled');
}

/** Of what was packed something is not sent: the labels are given back, and the rest is packed anew. */
async function unpack(order: Order, shipment: ShipmentState): Promise<void> {
  const what = 'Unpacked: units of it were cancelled';
  if (shipment.status === 'packed' || shipment.status === 'ready') moveShipment(order, shipment, 'picked', what);
  else order.record.changed(`${what} (${shipment.id})`);
  shipment.parcels = undefined;
  // From now on it can be packed anew.
  order.packed.delete(shipment.id);
  order.unpacking.delete(shipment.id);
  await voidLabels(order, shipment);
}

async function voidLabels({ record, labelling }: Order, shipment: ShipmentState): Promise<void> {
  // A label that is sold later would be known to nobody. The next try finds that it is not wanted, and is the last.
  await labelling.get(shipment.id);
  const voided = await record.step(
    'void_label',
    () => callProvider('voidLabels', { summary: `Void the labels of ${shipment.id}` }, { reference: shipment.id }),
    { shipmentId: shipment.id, answers: ['retry', 'skip'] },
  );
  // The carrier was faster: goods that are released and paid back are on their way.
  if (voided && voided.used.length > 0) {
    const why = `The carrier has ${voided.used.join(', ')}, though it is cancelled: have it brought back`;
    await record.incident({ cause: 'cancelled_under_way', why, answers: ['skip'], shipmentId: shipment.id });
  }
}

/** Waits for the warehouse's message about this shipment. */
function expect(
  order: Order,
  shipment: ShipmentState,
  event: string,
  ms: number,
  heard: ReadonlyMap<string, unknown>,
  orElse = () => false,
): Promise<void> {
  const options = { shipmentId: shipment.id, answers: ['retry', 'cancel'] satisfies Answer[] };
  return order.record.expect(event, ms, () => heard.has(shipment.id) || orElse(), options);
}

/** The carrier has told of all its parcels: it collected what nobody scanned at the door. */
function hasLeft({ tracking }: Order, { parcels = [] }: ShipmentState): boolean {
  return parcels.length > 0 && parcels.every(({ id }) => tracking.has(id));
}

function startProcessing(order: Order): void {
  if (order.record.state.status === 'confirmed') moveOrder(order, 'processing');
}
