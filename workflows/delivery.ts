/** What becomes of parcels that have left: followed to the customer's door, one by one, with a person's help where it needs that. */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { getExternalWorkflowHandle, ParentClosePolicy, startChild } from '@temporalio/workflow';
import { local } from './activities.ts';
import { settlePayment } from './capture.ts';
import { deadlines } from './domain/limits.ts';
import { hasEnded, parcelStates } from './domain/states.ts';
import { isNews, needsHelp, statusOfParcels } from './domain/tracking.ts';
import type { Answer, ParcelClaim, ParcelState, ShipmentState } from './messages.ts';
import { evidenceChanged, workflowIds } from './messages.ts';
import type { Order } from './order-context.ts';
import { moveShipment } from './order-context.ts';
import { startLinked } from './reship.ts';

/** Every parcel on its own: one can be lost while the others arrive. */
export async function followToTheDoor(order: Order, shipment: ShipmentState): Promise<void> {
  const { record } = order;
  const parcels = shipment.parcels ?? [];
  await Promise.all(parcels.map((parcel) => followParcel(order, shipment, parcel)));
  if (shipment.status !== 'delivered') return;
  record.mail('delivered', shipment.id);
  await tellDisputes(order);
}

async function followParcel(order: Order, shipment: ShipmentState, parcel: ParcelState): Promise<void> {
  const claimed = () => order.claimed.get(parcel.id);
  while (!hasEnded(parcelStates, parcel.status)) {
    const claim = claimed();
    if (claim) return leaveToClaim(order, shipment, parcel, claim);
    const given = await expectNews(order, shipment, parcel);
    if (given === 'heard') hear(order, shipment, parcel);
    else if (given !== 'wait') return resolve(order, shipment, parcel, given);
  }
  if (parcel.status !== 'returned_to_sender') return;
  const claim = claimed();
  if (claim) leaveToClaim(order, shipment, parcel, claim);
  else await takeBack(order, shipment, parcel);
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
  if (status !== shipment.status) moveShipment(order, shipment, status);
}

type ParcelAnswer = 'heard' | 'wait' | 'reship' | 'refund';

/** News of a parcel, a claim that has decided about it or, where something is wrong with it or nothing is heard of it, what somebody decides. */
async function expectNews(order: Order, shipment: ShipmentState, parcel: ParcelState): Promise<ParcelAnswer> {
  const heard = () =>
    order.claimed.has(parcel.id) || (order.tracking.get(parcel.id)?.some((event) => isNews(parcel, event)) ?? false);
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
  const trouble = order.troubles.get(parcel.id);
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
  const { record } = order;
  parcel.resolved = given === 'reship' ? 'reshipped' : 'refunded';
  record.changed(`${parcel.id} is given up, and ${parcel.resolved}`, 'support');
  standsAs(order, shipment);
  const ids = { orderId: order.id, shipmentId: shipment.id, parcelId: parcel.id };
  if (given === 'reship') {
    const next = await record.must('open_reship', () => local.openReship(ids));
    if ('claimed' in next) return leaveToClaim(order, shipment, parcel, next.claimed);
    await startLinked(next, `sent again for ${order.id}`);
    record.changed(`Sent again as ${next.orderId}`, 'support');
  } else {
    const off = await record.must('write_off_parcel', () => local.writeOffParcel(ids));
    if ('claimed' in off) return leaveToClaim(order, shipment, parcel, off.claimed);
    record.state.amountDue = off.amountDue;
    await settlePayment(order);
  }
}

/** A customer's claim was faster, and sends it again or pays it back. */
function leaveToClaim(order: Order, shipment: ShipmentState, parcel: ParcelState, { claimId, how }: ParcelClaim): void {
  parcel.resolved = how;
  order.record.changed(`${parcel.id} is given up, and ${how} by ${claimId}`);
  standsAs(order, shipment);
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

/** What the carrier brings back goes the way of every return, with a workflow of its own: the order does not wait for it. */
async function takeBack(order: Order, shipment: ShipmentState, parcel: ParcelState): Promise<void> {
  const opened = await order.record.must('open_return', () =>
    local.openParcelReturn({ orderId: order.id, shipmentId: shipment.id, parcelId: parcel.id }),
  );
  if ('claimed' in opened) return leaveToClaim(order, shipment, parcel, opened.claimed);
  const { returnId } = opened;
  order.record.changed(`${parcel.id} comes back as ${returnId}`, 'carrier');
  try {
    await startChild('returnGoods', {
      args: [{ returnId }],
      workflowId: workflowIds.return(returnId),
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `Return ${returnId}, of ${parcel.id}`,
    });
  } catch (error) {
    // Whoever looks for returns that nobody has begun with was faster.
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
