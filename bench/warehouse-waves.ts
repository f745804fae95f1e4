/** Waves of 10,000 open shipments, beside the time of reading just these from MongoDB. */
import { releaseWave } from '../activities/picking/waves.ts';
import { newId } from '../models/id.ts';
import type { Mongo } from '../platform/mongo.ts';
import type { WaveRules } from '../workflows/domain/waves.ts';
import { type Figures, percentile, round } from './load.ts';
import { openShipments, warehouseId } from './warehouse-seed.ts';

const turns = 9;
const rules: WaveRules = {
  ...{ groupBy: ['delivery_method'], shipmentsAList: 20, unitsAList: 200, gramsAList: 100_000, limit: openShipments },
};

/** The lists of the last wave stay. */
export async function waves(mongo: Mongo): Promise<Figures> {
  console.log('Waves, and reads of what goes into them');
  const found: { reading: number; building: number }[] = [];
  // The first is for warming up. Who goes first changes, so that what slows down over a run hits both.
  for (let turn = 0; turn <= turns; turn++) {
    await open(mongo);
    const before = turn % 2 === 0 ? undefined : await timed(() => read(mongo));
    const building = await timed(() => build(mongo));
    const reading = before ?? (await timed(() => read(mongo)));
    await checkLists(mongo);
    if (turn > 0) found.push({ reading, building });
  }
  const median = (of: (turn: (typeof found)[number]) => number) => percentile(found.map(of), 0.5);
  return {
    // A wave takes less than five times as long as the read.
    ratios: { wave: { value: round(median(({ reading, building }) => reading / building)), aim: 0.2 } },
    wave: {
      ...{ shipments: openShipments, lists: await mongo.models.pickLists.countDocuments() },
      ...{ buildMilliseconds: round(median(({ building }) => building)) },
      ...{ readMilliseconds: round(median(({ reading }) => reading)) },
    },
  };
}

async function build(mongo: Mongo): Promise<void> {
  await releaseWave(mongo, { waveId: newId('wav'), warehouseId, rules, actor: 'bench' });
}

/** What `releaseWave` reads of shipments, as bare as it can be: all of the collection, through the driver alone. */
async function read({ models }: Mongo): Promise<void> {
  const fields = ['orderId', 'units', 'grams', 'priority', 'dispatchBy', 'promisedBy', 'createdAt', 'to'];
  const projection = Object.fromEntries([...fields, 'deliveryMethod', 'lines.bin'].map((field) => [field, 1]));
  const { length } = await models.shipments.collection.find({}, { projection }).toArray();
  if (length !== openShipments) throw new Error(`${length} of ${openShipments} shipments were read`);
}

/** No shipment is on a list. */
async function open({ models }: Mongo): Promise<void> {
  await models.pickLists.deleteMany({});
  await models.shipments.updateMany({}, { $set: { pickListId: null } });
}

/** Every shipment is on exactly one list, and names that one. */
async function checkLists({ models }: Mongo): Promise<void> {
  const lists = await models.pickLists.find({}, { shipmentIds: 1 }).lean();
  const planned = lists.flatMap(({ _id, shipmentIds }) => shipmentIds.map((id) => [id, _id] as const));
  const listOf = new Map(planned);
  const shipments = await models.shipments.find({}, { pickListId: 1 }).lean();
  const wrong = shipments.find(({ _id, pickListId }) => pickListId === null || listOf.get(_id) !== pickListId);
  if (wrong) throw new Error(`${wrong._id} is on ${wrong.pickListId}, and planned for ${listOf.get(wrong._id)}`);
  if (planned.length !== openShipments)
    throw new Error(`${planned.length} places on lists for ${openShipments} shipments`);
}

async function timed(run: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}
