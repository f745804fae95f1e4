/** The auditor's look at the warehouse: what was scanned is what was picked, and what was picked is in the parcels. */
import type { Order } from '../models/order.ts';
import type { PickScan } from '../models/pick-list.ts';
import type { Shipment } from '../models/shipment.ts';
import type { Mongo } from '../platform/mongo.ts';
import { shipmentInWarehouse, shipmentUnpicked } from '../workflows/domain/states.ts';

interface Finding {
  guarantee: 'G2' | 'G5' | 'G7';
  where: string;
  what: string;
}

/**
 * Every shipment: picked no more than was asked, by the scans, into the parcels, under one label each; its order knows what
 * became of it, and what a carrier brings back is waited for.
 */
export async function* checkShipments({ models }: Mongo): AsyncGenerator<Finding> {
  for await (const shipment of models.shipments.find().lean<Shipment>().cursor()) {
    const scans = await models.pickScans.find({ 'puts.shipmentId': shipment._id }).lean<PickScan[]>();
    for (const what of checkShipment(shipment, scans)) yield { guarantee: 'G2', where: shipment._id, what };
    const passed = await isPassedBy(models, shipment);
    if (passed) yield { guarantee: 'G7', where: shipment._id, what: passed };
    if (!shipment.handedOverAt) continue;
    for (const { id, label, tracking, writtenOff, givenUp } of shipment.parcels ?? []) {
      // What was given up before is settled otherwise.
      const isGivenUp = writtenOff || givenUp?.claimId !== undefined;
      const isBack = tracking?.status === 'returned_to_sender' && !isGivenUp;
      if (isBack && !(await isSettled(models, id)))
        yield { guarantee: 'G7', where: shipment._id, what: `${id} is brought back, and nobody waits for it` };
      if (!label) yield { guarantee: 'G5', where: shipment._id, what: `${id} was handed over without a label` };
      else if (label.voided)
        yield { guarantee: 'G5', where: shipment._id, what: `${id} travels on a label given back` };
    }
    if (!shipment.parcels?.length) yield { guarantee: 'G5', where: shipment._id, what: 'it was handed over unpacked' };
  }
}

/** What the facts say, and its order has not heard: it waits for what cannot come any more. */
async function isPassedBy(
  { orders }: Mongo['models'],
  { _id, orderId, cancelledAt, handedOverAt, parcels }: Shipment,
): Promise<string | undefined> {
  if (!cancelledAt && !handedOverAt) return undefined;
  const order = await orders.findById(orderId, { 'state.shipments': 1 }).lean<Order>();
  const status = order?.state?.shipments.find(({ id }) => id === _id)?.status;
  if (status === undefined || !shipmentInWarehouse.includes(status)) return undefined;
  if (handedOverAt) return `it has left, and its order has it ${status}`;
  // Labels of what was packed are given back before it is cancelled for its order, however long that takes.
  return !parcels && shipmentUnpicked.includes(status) ? `it is cancelled, and its order has it ${status}` : undefined;
}

async function isSettled({ returns, orders }: Mongo['models'], parcelId: string): Promise<boolean> {
  const broughtBack = { $or: [{ 'parcel.parcelId': parcelId }, { 'late.parcelId': parcelId }] };
  if (await returns.exists(broughtBack)) return true;
  return (await orders.exists({ reshipOf: parcelId })) !== null;
}

function* checkShipment(
  { _id, lines, parcels, pickListId, putBack = [] }: Shipment,
  scans: readonly PickScan[],
): Generator<string> {
  const puts = scans.flatMap((scan) => scan.puts).filter(({ shipmentId }) => shipmentId === _id);
  const unitsOf = (some: readonly { lineId: string; quantity: number }[], lineId: string) =>
    some.filter((each) => each.lineId === lineId).reduce((sum, { quantity }) => sum + quantity, 0);
  for (const { lineId, sku, quantity, picked } of lines) {
    if (picked > quantity) yield `${picked} of ${sku} are picked, ${quantity} were asked for`;
    const packed = unitsOf(
      (parcels ?? []).flatMap(({ units }) => units),
      lineId,
    );
    if (parcels && packed !== picked) yield `${packed} of ${sku} are in the parcels, ${picked} were picked`;
  }
  // A line that was cancelled as a whole is gone from the shipment.
  for (const lineId of new Set([...lines, ...puts, ...putBack].map((each) => each.lineId))) {
    const { picked = 0, sku = lineId } = lines.find((line) => line.lineId === lineId) ?? {};
    const back = unitsOf(putBack, lineId);
    const scanned = unitsOf(puts, lineId);
    const putBackToo = back > 0 ? ` and ${back} put back` : '';
    if (scanned !== picked + back) yield `${picked} of ${sku} are picked${putBackToo}, ${scanned} were scanned`;
  }
  const lists = new Set(scans.map((scan) => scan.pickListId));
  if (lists.size > 1) yield `it was picked by ${lists.size} lists`;
  if (lists.size === 1 && pickListId !== null && !lists.has(pickListId))
    yield `it is on ${pickListId}, and was picked by another`;
}
