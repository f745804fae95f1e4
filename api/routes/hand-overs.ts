/** At the door: parcels are scanned as they leave, one or many, and each has its own outcome. */
import {
  type Departure,
  findLeaving,
  leave,
  type ScannedParcel,
  type Told,
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
        parcels.push(...(await leave(mongo, each, at, (departure) => tellOrder({ mongo, temporal }, departure))));
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

/** What the order's workflow says to it. */
async function tellOrder(
  { mongo, temporal }: Pick<Api, 'mongo' | 'temporal'>,
  { orderId, updateId, input }: Departure,
): Promise<Told> {
  try {
    const gone = await updateOrder({ mongo, temporal }, orderId, messages.handOverShipment, input, updateId);
    return gone ?? 'unknown';
  } catch (error) {
    if (!(error instanceof Problem) || !['not-allowed-now', 'order-ended'].includes(error.kind)) throw error;
    return { refused: error.message };
  }
}

function view({ _id: id, warehouseId, createdAt, parcels, manifests = [], papersAt, refusals }: HandOver) {
  return {
    ...{ id, warehouseId, createdAt: createdAt.toISOString(), parcels, ...(papersAt && { manifests }) },
    ...(refusals?.length && { incident: refusals.join('; ') }),
  };
}
