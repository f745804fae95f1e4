/** Scans over HTTP on one API process, beside a bare Express route with one transaction, with the same bodies. */
import { randomUUID } from 'node:crypto';
import { Agent } from 'node:http';
import { takeList } from '../activities/picking/lists.ts';
import { readPickList } from '../activities/picking/read.ts';
import type { PickResult } from '../activities/picking/scans.ts';
import { createToken } from '../activities/staff-tokens.ts';
import type { Mongo } from '../platform/mongo.ts';
import { temporaryFolder } from '../sandbox/data-folder.ts';
import { freePorts } from '../sandbox/ports.ts';
import { startNode } from '../sandbox/processes.ts';
import { environment } from '../sandbox/settings.ts';
import { ask } from './ask.ts';
import { type Figures, load, percentile, round } from './load.ts';
import type { Serving } from './serve.ts';
import type { Scan } from './warehouse-seed.ts';

const atATime = 32;
const scansATurn = 1_500;
/** One at a time, where nothing can go to MongoDB together. */
const alone = 400;
const turns = 12;

/** What one picker has to scan, list after list, and from where on. */
interface Walk {
  token: string;
  scans: { listId: string; body: Scan }[];
  next: number;
}

/** Scans what is on the lists that are there. */
export async function scans(mongo: Mongo, uri: string): Promise<Figures> {
  const folder = await temporaryFolder(console.log);
  const agent = new Agent({ keepAlive: true, maxSockets: atATime });
  const [apiPort, barePort] = (await freePorts(2)) as [number, number];
  const start = (what: Serving['what'], port: number) => {
    const task: Serving = { uri, port, what };
    const env = { ...environment(), BENCH_TASK: JSON.stringify(task) };
    return startNode({ name: `bench-${what}`, file: 'bench/scan-server.ts', env, dataDir: folder.path });
  };
  try {
    const children = await Promise.all([start('api', apiPort), start('bare', barePort)]);
    const pickers = await dealLists(mongo);
    const answers: string[] = [];
    const scan = async (token: string, listId: string, body: Scan) => {
      const path = `/v1/pick-lists/${listId}/scans`;
      const headers = { authorization: `Bearer ${token}` };
      answers.push(await ask(agent, apiPort, { path, body: JSON.stringify(body), headers }));
    };
    const scanNext = walking(pickers, scan);
    const writeNext = walking(
      pickers.map((picker) => ({ ...picker })),
      (_token, _listId, body) => ask(agent, barePort, { path: '/', body: JSON.stringify(body) }),
    );
    console.log('Scans, and bare transactions');
    const turn = async (count: number, atOnce: number, apiFirst: boolean): Promise<Turn> => {
      if (apiFirst) return { scans: await load(count, atOnce, scanNext), bare: await load(count, atOnce, writeNext) };
      const bare = await load(count, atOnce, writeNext);
      return { scans: await load(count, atOnce, scanNext), bare };
    };
    const many: Turn[] = [];
    const single: Turn[] = [];
    // The first is for warming up. Who goes first changes, so that what slows down over a run hits both.
    for (let number = 0; number <= turns; number++) {
      many.push(await turn(scansATurn, atATime, number % 2 === 0));
      single.push(await turn(alone, 1, number % 2 === 0));
    }
    await checkPicked(mongo, pickers, answers.splice(0));

    const repeatNext = walking(
      pickers.map((picker) => ({ ...picker, next: 0 })),
      scan,
    );
    const repeats = await load(scansATurn, atATime, repeatNext);
    if (answers.some((answer) => resultOf(answer).applied)) throw new Error('A scan counted twice');
    await Promise.all(children.map((child) => child.stop()));

    return {
      ratios: {
        scans: { value: ratioOf(many), aim: 0.4 },
        scansOneAtATime: { value: ratioOf(single), aim: 0.4 },
      },
      atATime,
      scansPerSecond: medianOf(many, ({ scans }) => scans.perSecond),
      transactionsPerSecond: medianOf(many, ({ bare }) => bare.perSecond),
      scanMilliseconds: spread(many.map(({ scans }) => scans)),
      transactionMilliseconds: spread(many.map(({ bare }) => bare)),
      repeatedScansPerSecond: round(repeats.perSecond),
      oneAtATime: {
        scansPerSecond: medianOf(single, ({ scans }) => scans.perSecond),
        transactionsPerSecond: medianOf(single, ({ bare }) => bare.perSecond),
        scanMilliseconds: spread(single.map(({ scans }) => scans)),
        transactionMilliseconds: spread(single.map(({ bare }) => bare)),
      },
    };
  } finally {
    agent.destroy();
    await folder.release();
  }
}

type Load = Awaited<ReturnType<typeof load>>;
type Turn = Record<'scans' | 'bare', Load>;

function medianOf([_warmUp, ...turns]: Turn[], figure: (turn: Turn) => number): number {
  return round(percentile(turns.map(figure), 0.5));
}

function ratioOf(turns: Turn[]): number {
  return medianOf(turns, ({ scans, bare }) => scans.perSecond / bare.perSecond);
}

function spread([_warmUp, ...loads]: Load[]): { p50: number; p99: number } {
  const all = loads.flatMap(({ milliseconds }) => milliseconds);
  return { p50: round(percentile(all, 0.5)), p99: round(percentile(all, 0.99)) };
}

/** As many pickers as scan at a time, each with lists of their own, which they walk in their order. */
async function dealLists(mongo: Mongo): Promise<Walk[]> {
  const lists = await mongo.models.pickLists.find({}, { _id: 1 }).sort({ priority: -1, dispatchBy: 1 }).lean();
  const pickers: Walk[] = [];
  for (let number = 0; number < atATime; number++) {
    const { id, token } = await createToken(mongo, 'warehouse');
    const walk: Walk = { token, scans: [], next: 0 };
    for (const { _id: listId } of lists.filter((_, index) => index % atATime === number)) {
      await takeList(mongo, { listId, actor: `warehouse:${id}`, takeOver: false });
      walk.scans.push(...(await scansOf(mongo, listId)).map((body) => ({ listId, body })));
    }
    pickers.push(walk);
  }
  return pickers;
}

/** Bin after bin, and there box after box. */
async function scansOf(mongo: Mongo, listId: string): Promise<Scan[]> {
  const { lines, shipments } = (await readPickList(mongo, listId))!;
  const boxes = new Map(shipments.map(({ slot, id }) => [slot, id]));
  return lines.flatMap(({ barcode, bin, slots }) =>
    slots.map(({ slot, quantity }) => ({
      ...{ scanId: randomUUID(), barcode: barcode!, bin: bin!, quantity, shipmentId: boxes.get(slot)! },
    })),
  );
}

/** One scan of a picker after the other, and of different pickers at once. */
function walking<T>(pickers: readonly Walk[], send: (token: string, listId: string, body: Scan) => Promise<T>) {
  const idle = [...pickers];
  return async () => {
    const picker = idle.shift()!;
    const scan = picker.scans[picker.next++];
    if (!scan) throw new Error('There are not enough lists for so many scans');
    await send(picker.token, scan.listId, scan.body);
    idle.push(picker);
  };
}

const resultOf = (answer: string) => JSON.parse(answer) as PickResult;

/** What was scanned is what was picked, all of it and no more than was asked and committed. */
async function checkPicked({ models }: Mongo, pickers: readonly Walk[], answers: readonly string[]): Promise<void> {
  const results = answers.map(resultOf);
  if (!results.every(({ applied }) => applied)) throw new Error('A new scan counted as a repeated one');
  const scanned = unitsOf(pickers.flatMap(({ scans, next }) => scans.slice(0, next).map(({ body }) => body)));
  const confirmed = unitsOf(results.flatMap(({ puts }) => puts));
  const orders = await models.orders.find({}, { lines: 1 }).lean();
  const committed = unitsOf(orders.flatMap(({ lines }) => lines.flatMap(({ allocations }) => allocations)));
  for (const { _id, lines } of await models.shipments.find({}, { lines: 1 }).lean()) {
    const picked = lines.reduce((sum, line) => sum + line.picked, 0);
    const [ofScans, ofAnswers, owed] = [scanned, confirmed, committed].map((units) => units.get(_id) ?? 0);
    if (
      picked !== ofScans ||
      picked !== ofAnswers ||
      picked > owed! ||
      lines.some((line) => line.picked > line.quantity)
    )
      throw new Error(`${_id}: ${picked} picked, ${ofScans} scanned, ${ofAnswers} confirmed, ${owed} committed`);
  }
}

/** By shipment. */
function unitsOf(parts: readonly { shipmentId: string; quantity: number }[]): Map<string, number> {
  const units = new Map<string, number>();
  for (const { shipmentId, quantity } of parts) units.set(shipmentId, (units.get(shipmentId) ?? 0) + quantity);
  return units;
}
