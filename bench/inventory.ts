/**
 * Reservations a second, on one hot SKU and on 1,000 of them, beside bare transactions on the same server in the same
 * run; and what it would be without the queue in front of the ledger, from one process and from three.
 */
import { findDrifts } from '../activities/stock/facts.ts';
import { connectMongo, type Mongo } from '../platform/mongo.ts';
import { temporaryFolder } from '../sandbox/data-folder.ts';
import { runNode } from '../sandbox/processes.ts';
import { startMongo } from '../sandbox/servers/mongo.ts';
import { environment } from '../sandbox/settings.ts';
import { eventually } from '../sandbox/shop/outside.ts';
import type { Done, Task } from './inventory-process.ts';
import { type Goods, seedOrders, seedStock } from './inventory-seed.ts';
import { type Figures, round } from './load.ts';

const windowMs = 2_500;
const levels = [1, 16, 64];
/** More than any process can reserve in the window. */
const mostOrders = 10_000;

export async function inventory(): Promise<Figures> {
  const server = await startMongo({ ours: true, say: console.log });
  const folder = await temporaryFolder(console.log);
  const mongo = await connectMongo(server.uri);
  try {
    for (const model of Object.values(mongo.models)) await model.createIndexes();
    await seedPairs(mongo);
    const measure = createMeasure(mongo, server.uri, folder.path);

    console.log('Bare transactions on two documents each');
    const before = await measure.pairs();
    const perSecond: Record<string, Record<string, number>> = {};
    for (const kind of ['queue', 'retry'] as const) {
      for (const processes of [1, 3]) {
        for (const goods of ['hot', 'spread'] as const) {
          const name = `${kind}, ${goods}, ${processes === 1 ? 'one process' : 'three processes'}`;
          console.log(name);
          perSecond[name] = await measure.reservations(kind, goods, processes);
        }
      }
    }
    console.log('Bare transactions on two documents each');
    const after = await measure.pairs();
    const bare = (before[16]! + after[16]!) / 2;
    console.log('Memory over 100,000 reservations');
    const memory = await measure.memory(100_000);
    const at16 = (name: string) => round(perSecond[name]!['16']! / bare);
    return {
      ratios: {
        spread: { value: at16('queue, spread, one process'), aim: 0.7 },
        hot: { value: at16('queue, hot, one process'), aim: 0.3 },
      },
      barePerSecond: { before, after },
      perSecond,
      memory,
    };
  } finally {
    await mongo.close();
    await server.stop();
    await folder.release();
  }
}

async function seedPairs({ connection }: Mongo): Promise<void> {
  const pairs = connection.collection<{ _id: string; units: number }>('bench_pairs');
  const ids = Array.from({ length: 1_000 }, (_, index) => [`${index}-left`, `${index}-right`]).flat();
  await pairs.insertMany(ids.map((_id) => ({ _id, units: 0 })));
}

/** Each measurement is made by processes that do nothing else, and begins with an empty shop. */
function createMeasure(mongo: Mongo, uri: string, dataDir: string) {
  let runs = 0;

  async function run(task: Omit<Task, 'uri' | 'orders' | 'ms'>, processes: number): Promise<Done[]> {
    const [ready, start] = ['bench_ready', 'bench_start'].map((name) => mongo.connection.collection(name));
    await Promise.all([ready!.deleteMany({}), start!.deleteMany({})]);
    const running = Promise.all(
      Array.from({ length: processes }, async (_, index): Promise<Done> => {
        return JSON.parse(await lastLine({ ...task, uri, orders: `${runs}-${index}`, ms: windowMs }, index));
      }),
    );
    const allReady = eventually('all processes are ready', async () =>
      (await ready!.countDocuments()) === processes ? true : undefined,
    );
    await Promise.race([allReady, running]);
    await start!.insertOne({});
    return running;
  }

  async function lastLine(task: Task, index: number): Promise<string> {
    const env = { ...environment(), BENCH_TASK: JSON.stringify(task) };
    const lines = await runNode({ name: `bench-${index}`, file: 'bench/inventory-process.ts', env, dataDir });
    return lines.at(-1)!;
  }

  const rateOf = (done: readonly Done[]) => round(done.reduce((sum, each) => sum + each.done / each.seconds, 0));

  return {
    async pairs(): Promise<Record<number, number>> {
      const rates: Record<number, number> = {};
      for (const atATime of levels) {
        rates[atATime] = rateOf(await run({ kind: 'pairs', count: 1_000_000, atATime }, 1));
        console.log(`  ${atATime} at a time: ${rates[atATime]} a second`);
      }
      return rates;
    },

    async reservations(kind: 'queue' | 'retry', goods: Goods, processes: number): Promise<Record<string, number>> {
      const rates: Record<string, number> = {};
      let gaveUp = 0;
      for (const atATime of levels) {
        runs += 1;
        await seedStock(mongo);
        for (let index = 0; index < processes; index++)
          await seedOrders(mongo, `${runs}-${index}`, 0, mostOrders, goods, index * 333);
        const done = await run({ kind, count: mostOrders, atATime }, processes);
        await checkNothingIsLost(mongo, done);
        rates[atATime] = rateOf(done);
        gaveUp += done.reduce((sum, each) => sum + each.gaveUp, 0);
        console.log(`  ${atATime} at a time: ${rates[atATime]} a second`);
      }
      return gaveUp === 0 ? rates : { ...rates, gaveUp };
    },

    async memory(count: number) {
      runs += 1;
      await seedStock(mongo);
      const task = { uri, kind: 'memory' as const, orders: `${runs}`, count, atATime: 64, ms: 0 };
      const steps = JSON.parse(await lastLine(task, 0));
      await checkNothingIsLost(mongo, [{ inAll: count }]);
      return steps;
    },
  };
}

/** What the processes say that they have reserved is what is reserved, and the orders' lines say the same. */
async function checkNothingIsLost(mongo: Mongo, done: readonly Pick<Done, 'inAll'>[]): Promise<void> {
  const { drifts, stock } = await findDrifts(mongo);
  const reserved = stock.reduce((sum, each) => sum + each.reserved, 0);
  const acknowledged = done.reduce((sum, each) => sum + each.inAll, 0);
  if (drifts.length > 0) throw new Error(`The stock has drifted: ${JSON.stringify(drifts.slice(0, 3))}`);
  if (reserved !== acknowledged) throw new Error(`${acknowledged} were reserved, ${reserved} are there`);
}
