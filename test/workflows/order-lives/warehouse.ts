/** What the warehouse does, and the carrier: picked, packed, handed over, and how each parcel ends. */
import { PickListRefused, takeList } from '../../../activities/picking/lists.ts';
import { PickRefused, reportShort, scanPick } from '../../../activities/picking/scans.ts';
import { newId } from '../../../models/id.ts';
import type { Shipment } from '../../../models/shipment.ts';
import { shortReasons } from '../../../workflows/domain/states.ts';
import type { TrackingStatus } from '../../../workflows/messages.ts';
import { ask, isDone, type Life, oneOf, type Step, shipmentsOf, type Units } from './life.ts';

const box = { weightGrams: 900, lengthMm: 200, widthMm: 150, heightMm: 100 };

export async function pick(life: Life, { pick, other }: Step): Promise<boolean> {
  const open = (await shipmentsOf(life)).filter(({ pickedAt, cancelledAt }) => !pickedAt && !cancelledAt);
  const shipment = oneOf(open, pick);
  return shipment !== undefined && pickAll(life, shipment, other);
}

/** All of it, or what is short of it reported. */
export async function pickAll(life: Life, { _id, lines }: Shipment, chance = 1): Promise<boolean> {
  const { world } = life;
  const isShort = chance % 6 === 0;
  try {
    const listId = await world.pickListOf(_id);
    await takeList(world.mongo, { listId, actor: 'test', takeOver: true });
    for (const [index, { sku, quantity, picked, state }] of lines.entries()) {
      if (state !== 'pending') continue;
      const by = { listId, scanId: newId('req'), actor: 'test', shipmentId: _id, madeAt: new Date() };
      const found = isShort && index === 0 ? Math.floor((quantity - picked) / 2) : quantity - picked;
      if (found > 0) await scanPick(world.mongo, { ...by, barcode: sku, quantity: found });
      if (found === quantity - picked) continue;
      const reason = oneOf(shortReasons, chance)!;
      await reportShort(world.mongo, { ...by, scanId: newId('req'), sku, reason });
      life.log.push(`${_id}: ${quantity - picked - found} of ${sku} not found`);
    }
    life.log.push(`${_id} picked`);
    return true;
  } catch (error) {
    // It was cancelled, changed or picked by somebody else meanwhile.
    if (error instanceof PickListRefused || error instanceof PickRefused) return false;
    throw error;
  }
}

export async function pack(life: Life, { pick, units, how }: Step): Promise<boolean> {
  const picked = (await shipmentsOf(life)).filter(({ pickedAt, labelRequestedAt }) => pickedAt && !labelRequestedAt);
  const shipment = oneOf(picked, pick);
  return shipment !== undefined && packInto(life, shipment, units, how);
}

export async function packInto(life: Life, { _id, lines }: Shipment, boxes: number, how: Step['how'] = 'once') {
  const parcels = deal(lines, boxes);
  if (parcels.length === 0) return false;
  const body = { parcels: parcels.map((units) => ({ ...box, units })) };
  const answer = await ask(life, how, ['POST', `/v1/shipments/${_id}/pack`, body]);
  if (!isDone(answer)) return false;
  for (const { id, units } of answer.body.parcels as { id: string; units: Units }[]) life.packed.set(id, units);
  return true;
}

/** Everything that was picked, unit by unit. */
function deal(lines: Shipment['lines'], boxes: number): Units[] {
  const dealt = Array.from({ length: boxes }, () => new Map<string, number>());
  let next = 0;
  for (const { lineId, picked } of lines) {
    for (let unit = 0; unit < picked; unit += 1) {
      const into = dealt[next++ % boxes]!;
      into.set(lineId, (into.get(lineId) ?? 0) + 1);
    }
  }
  return dealt
    .filter(({ size }) => size > 0)
    .map((units) => [...units].map(([lineId, quantity]) => ({ lineId, quantity })));
}

export async function handOver(life: Life, { pick, how }: Step): Promise<boolean> {
  const ready = (await shipmentsOf(life)).filter(
    ({ parcels, handedOverAt, cancelledAt }) => parcels && !handedOverAt && !cancelledAt,
  );
  const shipment = oneOf(ready, pick);
  return shipment !== undefined && leave(life, shipment._id, how);
}

export async function leave(life: Life, shipmentId: string, how: Step['how'] = 'once'): Promise<boolean> {
  const answer = await ask(life, how, ['POST', `/v1/shipments/${shipmentId}/hand-over`]);
  if (answer.status === 202) throw new Error(`${shipmentId} was not handed over in time`);
  if (isDone(answer)) life.handedOver.add(shipmentId);
  return isDone(answer);
}

/** All that is left to be done with a shipment, as far as it goes. */
export async function send(life: Life, { pick, other, units }: Step): Promise<boolean> {
  const open = (await shipmentsOf(life)).filter(({ handedOverAt, cancelledAt }) => !handedOverAt && !cancelledAt);
  const shipment = oneOf(open, pick);
  if (!shipment) return false;
  const read = () => life.world.mongo.models.shipments.findById(shipment._id).lean<Shipment>().orFail();
  if (!shipment.pickedAt && !(await pickAll(life, shipment, other))) return false;
  const picked = await read();
  if (!picked.labelRequestedAt && !(await packInto(life, picked, units))) return false;
  if (!(await leave(life, shipment._id))) return false;
  for (const index of (await read()).parcels!.keys()) await carrierSays(life, shipment, index, 'delivered');
  return true;
}

const usual: TrackingStatus[] = ['in_transit', 'out_for_delivery', 'delivered', 'delivered', 'delivered'];
const unusual: TrackingStatus[] = ['exception', 'lost', 'returned_to_sender'];

export async function travel(life: Life, { pick, other, units }: Step): Promise<boolean> {
  const sent = (await shipmentsOf(life)).filter(({ handedOverAt }) => handedOverAt);
  const shipment = oneOf(sent, pick);
  const says = oneOf(other % 4 === 0 ? unusual : usual, other)!;
  return shipment !== undefined && carrierSays(life, shipment, units, says);
}

/** Of one that has not come to its end; what is sent again is not lost again and again. */
export async function carrierSays(life: Life, shipment: Shipment, index: number, says: TrackingStatus) {
  const { world, givenUp, placed, log } = life;
  const order = await world.readOrder(shipment.orderId);
  const parcels = order.state?.shipments.find(({ id }) => id === shipment._id)?.parcels ?? [];
  const place = index % Math.max(1, parcels.length);
  const parcel = parcels[place];
  if (!parcel || parcel.resolved || givenUp.has(parcel.id)) return false;
  if (parcel.status === 'returned_to_sender') return false;
  if (parcel.status === 'delivered' && says !== 'returned_to_sender') return false;
  const isReship = !placed.has(shipment.orderId);
  const status = isReship && says === 'returned_to_sender' ? 'delivered' : says;
  await world.carrierSays(shipment._id, status, { parcel: place });
  log.push(`the carrier says of ${parcel.id} of ${shipment._id}: ${status}`);
  return true;
}
