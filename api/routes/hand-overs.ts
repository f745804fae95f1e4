/** At the door: parcels are scanned as they leave, one or many, and each has its own outcome. */
import {
  findLeaving,
  forgetLeaving,
  type Leaving,
  noteLeaving,
  noteLeft,
  type ScannedParcel,
} from '../../activities/shipping/hand-overs.ts';
import type { HandOver } from '../../models/hand-over.ts';
import { newId } from '../../models/id.ts';
import * as messages from '../../workflows/messages.ts';
import { actorOf, notFound } from '../auth.ts';
import { type Api, endpoint, reply } from '../endpoint.ts';
import { once } from '../idempotency.ts';
import { Problem } from '../problem.ts';
import * as schema from '../schemas/shipments.ts';
import { sideBySide } from '../side-by-side.ts';
import { startManifests } from '../temporal.ts';
import { checkGoods } from './goods.ts';
import { updateOrder } from './orders.ts';

export const createHandOver = endpoint({
  summary: 'Hand parcels over to their carriers: one scan, or a manifest of many',
  body: schema.handOverBody,
  idempotencyKey: 'required',
  answers: { 201: schema.handOver },
  problems: ['unknown-warehouse'],
  async handle({ mongo, temporal }, { body: { warehouseId, barcodes, manifest }, caller, idempotency }) {
    await checkGoods(mongo, [], [warehouseId]);
    return once(mongo, idempotency!, newId('man'), async (_id) => {
      const { leaving, unknown } = await findLeaving(mongo, barcodes);
      const at = { warehouseId, handOverId: _id, actor: actorOf(caller) };
      const parcels: ScannedParcel[] = [...unknown];
      await sideBySide(leaving, async (each) => {
        parcels.push(...(await leave({ mongo, temporal }, each, at)));
      });
      parcels.sort((a, b) => barcodes.indexOf(a.barcode) - barcodes.indexOf(b.barcode));
      const isPaper = manifest && parcels.some(({ outcome }) => outcome === 'handed_over');
      const handOver: HandOver = {
        ...{ _id, warehouseId, createdAt: new Date(), actor: at.actor, parcels, wantsManifest: isPaper },
      };
      // The same request can be under way twice: what the first has written stays, the carriers' papers with it.
      const first = await mongo.models.handOvers
        .findOneAndUpdate({ _id }, { $setOnInsert: handOver }, { upsert: true, returnDocument: 'after' })
        .lean<HandOver>()
        .orFail();
      if (first.wantsManifest) await startManifests(temporal, { handOverId: _id });
      return reply(201, view(first));
    });
  },
});

export const getHandOver = endpoint({
  summary: 'What left together, with the papers of the carriers',
  params: schema.handOverParams,
  answers: { 200: schema.handOver },
  async handle({ mongo }, { params: { id } }) {
    const handOver = await mongo.models.handOvers.findById(id).lean<HandOver>();
    if (!handOver) throw notFound();
    return reply(200, view(handOver));
  },
});

/** Of whoever scans the last of its parcels at the same moment, all are told that it has left. */
export function leavesOnce(shipmentId: string): string {
  return `handOver:${shipmentId}`;
}

async function leave(
  { mongo, temporal }: Pick<Api, 'mongo' | 'temporal'>,
  leaving: Leaving,
  { actor, ...at }: { warehouseId: string; handOverId: string; actor: string },
): Promise<ScannedParcel[]> {
  const { shipment, parcels } = leaving;
  const { _id: shipmentId, orderId } = shipment;
  const all = (outcome: ScannedParcel['outcome'], detail?: string) =>
    parcels.map((parcel) => ({ ...parcel, shipmentId, outcome, ...(detail !== undefined && { detail }) }));
  const noted = await noteLeaving(mongo, leaving, at);
  if (!noted.may) return all(noted.outcome, noted.detail);
  if (noted.missing.length > 0)
    return all('waits', `Of its shipment ${noted.missing.join(', ')} is still to be scanned`);
  const input = { shipmentId, actor };
  try {
    // The same request, which broke off after that.
    if (noted.hasLeft) {
      await noteLeft(mongo, shipmentId, at.handOverId);
      return all('handed_over');
    }
    const gone = await updateOrder(
      { mongo, temporal },
      orderId,
      messages.handOverShipment,
      input,
      leavesOnce(shipmentId),
    );
    if (gone === undefined) return all('not_ready', 'It is not known yet whether it may leave: scan it again');
    if (gone.status === 'cancelled') return all('cancelled', 'The shipment was cancelled: put the goods back');
    await noteLeft(mongo, shipmentId, at.handOverId);
    return all('handed_over');
  } catch (error) {
    if (!(error instanceof Problem) || !['not-allowed-now', 'order-ended'].includes(error.kind)) throw error;
    await forgetLeaving(mongo, shipmentId, at.handOverId);
    return all('not_ready', error.message);
  }
}

function view({ _id: id, warehouseId, createdAt, parcels, manifests = [], papersAt, refusals }: HandOver) {
  return {
    ...{ id, warehouseId, createdAt: createdAt.toISOString(), parcels, ...(papersAt && { manifests }) },
    ...(refusals?.length && { incident: refusals.join('; ') }),
  };
}
