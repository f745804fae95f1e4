/** The part of an order that one warehouse sends. Runs inside the order's workflow, several side by side. */
import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  ParentClosePolicy,
  startChild,
} from '@temporalio/workflow';
import type { ProviderSteps, SettledShortPick } from './activities.ts';
import { callProvider, local, orLeave } from './activities.ts';
import { capturePayment, settlePayment } from './capture.ts';
import { deadlines } from './domain/limits.ts';
import type { ShipmentStatus } from './domain/states.ts';
import { hasEnded, mayGo, parcelStates, shipmentStates } from './domain/states.ts';
import { isNews, needsHelp, statusOfParcels } from './domain/tracking.ts';
import type { Answer, ParcelState, ShipmentState } from './messages.ts';
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
  if (!order.picked.get(shipment.id)?.short) {
    startProcessing(order);
    move(order, shipment, 'picked', 'Picked');
    return;
  }
  const settled = await decideShort(order, shipment);
  startProcessing(order);
  order.record.state.amountDue = settled.amountDue;
  addShipments(order, settled.moved);
  const what = `Picked ${settled.short} short; ${wordsOf(settled)}`;
  if (settled.empty) move(order, shipment, 'cancelled', what);
  else move(order, shipment, 'picked', what);
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
  move(order, shipment, 'packed', 'Packed', order.packed.get(shipment.id)!);
  await order.addressChecked;
  while (isHeld(order)) await condition(() => !isHeld(order));
  const labels = await record.step('buy_label', () => orLeave(() => buyLabels(order, shipment.id)), {
    shipmentId: shipment.id,
    answers: ['retry', 'amend', 'cancel'],
  });
  shipment.parcels = labels?.parcels.map((parcel) => ({ ...parcel, status: 'shipped' }));
  await capturePayment(order, shipment.id);
  move(order, shipment, 'ready', 'Labelled and paid: ready to go');
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
  const actor = order.handedOverBy.get(shipment.id) ?? 'system';
  const shipmentId = shipment.id;
  const next = { event: 'delivery', ms: deadlines.delivery };
  move(order, shipment, 'shipped', 'Handed over to the carrier', actor);
  order.record.mail('shipped', shipmentId);
  await order.record.must('ship_stock', () =>
    order.record.savedWith(next, (state, mails) => local.shipStock({ state, mails, shipmentId, actor })),
  );
}

/** Every parcel on its own: one can be lost while the others arrive. */
async function followToTheDoor(order: Order, shipment: ShipmentState): Promise<void> {
  const { record } = order;
  const parcels = shipment.parcels ?? [];
  await Promise.all(parcels.map((parcel) => followParcel(order, shipment, parcel)));
  if (shipment.status !== 'delivered') return;
  record.mail('delivered', shipment.id);
  await tellDisputes(order);
}

async function followParcel(order: Order, shipment: ShipmentState, parcel: ParcelState): Promise<void> {
  while (!hasEnded(parcelStates, parcel.status)) {
    const given = await expectNews(order, shipment, parcel);
    if (given === 'heard') hear(order, shipment, parcel);
    else if (given !== 'wait') return resolve(order, shipment, parcel, given);
  }
  if (parcel.status !== 'returned_to_sender') return;
  const given = await askAbout(order, shipment, parcel, ['reship', 'refund']);
  await resolve(order, shipment, parcel, given === 'reship' ? 'reship' : 'refund');
}

function hear(order: Order, shipment: ShipmentState, parcel: ParcelState): void {
  const events = order.tracking.get(parcel.id)?.splice(0) ?? [];
  for (const event of events.sort((a, b) => (a.at < b.at ? -1 : 1))) {
    if (!isNews(parcel, event)) continue;
    const { status, at, reason } = event;
    parcel.status = status;
    parcel.heardAt = at;
    if (status === 'delivered' && at > (shipment.deliveredAt ?? '')) shipment.deliveredAt = at;
    if (status === 'out_for_delivery') order.record.mail('out_for_delivery', parcel.id);
    const detail = reason === undefined ? '' : ` (${reason})`;
    order.record.changed(`Carrier: ${parcel.id} ${status}${detail}`, 'carrier');
    order.troubles.delete(parcel.id);
    if (status === 'lost' || (status === 'exception' && needsHelp(reason))) order.troubles.set(parcel.id, status);
  }
  standsAs(order, shipment);
}

function standsAs(order: Order, shipment: ShipmentState): void {
  const status = statusOfParcels(shipment.parcels ?? []);
  if (status !== shipment.status) move(order, shipment, status);
}

type ParcelAnswer = 'heard' | 'wait' | 'reship' | 'refund';

/** News of a parcel or, where something is wrong with it or nothing is heard of it, what somebody decides. */
async function expectNews(order: Order, shipment: ShipmentState, parcel: ParcelState): Promise<ParcelAnswer> {
  const heard = () => order.tracking.get(parcel.id)?.some((event) => isNews(parcel, event)) ?? false;
  if (heard()) return 'heard';
  const answers: Answer[] = ['wait', 'reship', 'refund', 'claim'];
  if (order.troubles.get(parcel.id) !== undefined) {
    const given = await askAbout(order, shipment, parcel, answers, heard);
    // Whoever waits is not asked again about the same.
    if (given === 'wait') order.troubles.delete(parcel.id);
    return given;
  }
  if ((await order.record.waitFor('delivery', deadlines.delivery, heard)) !== 'overdue') return 'heard';
  return askAbout(order, shipment, parcel, answers, heard);
}

async function askAbout(
  order: Order,
  shipment: ShipmentState,
  parcel: ParcelState,
  offered: Answer[],
  heard = () => false,
): Promise<ParcelAnswer> {
  const trouble = parcel.status === 'returned_to_sender' ? parcel.status : order.troubles.get(parcel.id);
  const cause = trouble === 'exception' ? 'delivery_exception' : (trouble ?? 'overdue_delivery');
  let answers = offered;
  for (;;) {
    const report = { cause, why: `${whyAsked[cause]} (${parcel.id}, ${parcel.trackingNumber})`, answers };
    const given = await order.record.incident({ ...report, shipmentId: shipment.id }, heard);
    if (given === 'withdrawn') return 'heard';
    if (given !== 'claim') return given as ParcelAnswer;
    await claim(order, shipment, parcel, cause);
    answers = answers.filter((each) => each !== 'claim');
  }
}

const whyAsked = {
  delivery_exception: 'The carrier cannot deliver the parcel as things are',
  overdue_delivery: 'Nothing was heard of the parcel for days',
  lost: 'The carrier reports the parcel as lost',
  returned_to_sender: 'The carrier brings the parcel back',
};

async function claim(order: Order, shipment: ShipmentState, parcel: ParcelState, why: string): Promise<void> {
  const { claimId } = await order.record.must('open_claim', () =>
    local.openClaim({ orderId: order.id, shipmentId: shipment.id, parcelId: parcel.id, why }),
  );
  order.record.changed(`Claim ${claimId} against the carrier for ${parcel.id}`, 'support');
}

/** What did not arrive is sent again, or its money goes back. What the carrier says of it afterwards changes nothing. */
async function resolve(
  order: Order,
  shipment: ShipmentState,
  parcel: ParcelState,
  given: 'reship' | 'refund',
): Promise<void> {
  parcel.resolved = given === 'reship' ? 'reshipped' : 'refunded';
  order.record.changed(`${parcel.id} is given up, and ${parcel.resolved}`, 'support');
  standsAs(order, shipment);
  if (given === 'reship') await reship(order, shipment, parcel);
  else await writeOff(order, shipment, parcel);
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

async function reship(order: Order, shipment: ShipmentState, parcel: ParcelState): Promise<void> {
  const next = await order.record.must('open_reship', () =>
    local.openReship({ orderId: order.id, shipmentId: shipment.id, parcelId: parcel.id }),
  );
  await startChild('order', {
    args: [next],
    workflowId: workflowIds.order(next.orderId),
    parentClosePolicy: ParentClosePolicy.ABANDON,
    staticSummary: `Order ${next.orderId}, sent again for ${order.id}`,
  });
  order.record.changed(`Sent again as ${next.orderId}`, 'support');
}

async function writeOff(order: Order, shipment: ShipmentState, parcel: ParcelState): Promise<void> {
  const { record } = order;
  const { amountDue } = await record.must('write_off_parcel', () =>
    local.writeOffParcel({ orderId: order.id, shipmentId: shipment.id, parcelId: parcel.id }),
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
    // A label that is sold later would be known to nobody. The next try finds the shipment cancelled, and is the last.
    await order.labelling.get(shipment.id);
    await record.step(
      'void_label',
      () => callProvider('voidLabels', { summary: `Void the labels of ${shipment.id}` }, { reference: shipment.id }),
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
