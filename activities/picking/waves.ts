/** Waves: the open shipments of a warehouse, put on pick lists by their rules. */
import { newId } from '../../models/id.ts';
import type { PickList } from '../../models/pick-list.ts';
import type { Shipment } from '../../models/shipment.ts';
import { inTransaction, isDuplicateKey, type Mongo } from '../../platform/mongo.ts';
import { mostUrgent, type OpenShipment, planWave, type WaveRules } from '../../workflows/domain/waves.ts';
import { putOnLists, stillToPick, wanted } from './lists.ts';

/**
 * Makes the lists of a wave, the most urgent first. Two waves at once share the shipments between them. Released again under
 * its id, also at the same time, it ends what the first time has begun.
 */
export async function releaseWave(
  mongo: Mongo,
  { waveId, warehouseId, rules, actor }: { waveId: string; warehouseId: string; rules: WaveRules; actor: string },
): Promise<PickList[]> {
  const { models } = mongo;
  const begun = await listsBegun();
  const lists = begun.length > 0 ? begun : await planned();
  await putOnLists(mongo, lists);
  return withoutEmpty(mongo, lists);

  function listsBegun(): Promise<PickList[]> {
    return models.pickLists.find({ waveId }).sort({ priority: -1, dispatchBy: 1, _id: 1 }).lean<PickList[]>();
  }

  /** All of them or none, so that whoever releases the wave at the same moment finds the same. */
  async function planned(): Promise<PickList[]> {
    const open = await readOpen(mongo, warehouseId);
    const made = planWave(open, rules).map((shipments, index) => listOf(shipments, index));
    // Or others have put everything on this wave's lists meanwhile.
    if (made.length === 0) return listsBegun();
    try {
      await inTransaction(mongo, (session) => models.pickLists.collection.insertMany(made as never[], { session }));
      return made;
    } catch (error) {
      if (isDuplicateKey(error)) return listsBegun();
      throw error;
    }
  }

  function listOf(shipments: readonly OpenShipment[], index: number): PickList {
    const { dispatchBy, priority } = mostUrgent(shipments);
    // The first has the wave's own, so that only one of two plans is written.
    const _id = index === 0 ? waveId.replace('wav_', 'pkl_') : newId('pkl');
    return {
      ...{ _id, warehouseId, kind: 'wave', waveId, createdAt: new Date(), createdBy: actor },
      shipmentIds: shipments.map(({ id }) => id),
      units: shipments.reduce((sum, { units }) => sum + units, 0),
      ...{ dispatchBy, priority, assignments: [], isFree: true },
    };
  }
}

async function readOpen(mongo: Mongo, warehouseId: string): Promise<OpenShipment[]> {
  const fields = {
    ...{ orderId: 1, units: 1, grams: 1, priority: 1, dispatchBy: 1, promisedBy: 1, createdAt: 1, to: 1 },
    ...{ deliveryMethod: 1, 'lines.bin': 1 },
  };
  const found = await mongo.models.shipments.collection
    .find<Shipment>({ warehouseId, pickListId: null, ...stillToPick }, { projection: fields })
    .toArray();
  const going = await wanted(mongo, found);
  return going.map(({ _id: id, lines, ...shipment }) => ({ id, ...shipment, firstBin: lines[0]?.bin }));
}

/** Others may have taken what was planned. */
async function withoutEmpty({ models }: Mongo, lists: readonly PickList[]): Promise<PickList[]> {
  const ids = lists.map(({ _id }) => _id);
  const filled = new Set(await models.shipments.distinct('pickListId', { pickListId: { $in: ids } }));
  const empty = ids.filter((id) => !filled.has(id));
  if (empty.length > 0) await models.pickLists.deleteMany({ _id: { $in: empty } });
  return lists.filter(({ _id }) => filled.has(_id));
}
