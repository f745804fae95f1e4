/**
 * One process of the bench `inventory`: reserves for a while, as many at a time as it is told, and prints what it did.
 * Its task comes as JSON in BENCH_TASK.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { reserveStock } from '../activities/stock/reservations.ts';
import { connectMongo, type Mongo } from '../platform/mongo.ts';
import { environment } from '../sandbox/settings.ts';
import type { OrderState } from '../workflows/messages.ts';
import { seedOrders } from './inventory-seed.ts';

/**
 * `queue` is Waybill's way: calls of one process go together. `retry` is the plain one: each call is a transaction of
 * its own, tried again after a random pause. `pairs` is the yardstick: a bare transaction that updates two documents.
 */
export interface Task {
  uri: string;
  kind: 'queue' | 'retry' | 'pairs' | 'memory';
  /** Its orders are ORDERS-0, ORDERS-1 and so on. */
  orders: string;
  count: number;
  atATime: number;
  /** How long it works, from the moment that all processes of its measurement are ready. */
  ms: number;
}

export interface Done {
  /** In the measured time. */
  done: number;
  /** With those before it. */
  inAll: number;
  /** Until the end of the last call. */
  seconds: number;
  /** Transactions that lost against others for too long, and were tried anew. */
  gaveUp: number;
}

const { uri, kind, orders, count, atATime, ms } = JSON.parse(environment().BENCH_TASK!) as Task;
const mongo = await connectMongo(uri);
console.log(JSON.stringify(kind === 'memory' ? await watchMemory() : await measure()));
await mongo.close();

async function measure(): Promise<Done> {
  const work = { queue: queued, retry: retried, pairs: bare, memory: queued }[kind];
  // Connections are opened and code is compiled outside of the measured time.
  const lanes = Array.from({ length: atATime }, () => ({ ...mongo }));
  await Promise.all(lanes.map(() => mongo.models.orders.findOne()));
  const warmUp = 5;
  for (let index = 0; index < warmUp; index++) await work(lanes[0]!, index, () => false);

  await mongo.connection.collection('bench_ready').insertOne({ orders });
  while (!(await mongo.connection.collection('bench_start').findOne())) await delay(10);
  const started = Date.now();
  const isOver = () => Date.now() >= started + ms;
  let next = warmUp;
  let done = 0;
  let gaveUp = 0;
  await Promise.all(
    lanes.map(async (lane) => {
      while (next < count && !isOver()) {
        const { ok, tries } = await work(lane, next++, isOver);
        if (ok) done += 1;
        gaveUp += tries;
      }
    }),
  );
  return { done, inAll: warmUp + done, seconds: (Date.now() - started) / 1000, gaveUp };
}

interface Tried {
  ok: boolean;
  /** Transactions that came to nothing. */
  tries: number;
}

async function reserve(context: Mongo, index: number): Promise<void> {
  const state = { orderId: `${orders}-${index}`, rev: 1, status: 'pending' } as OrderState;
  const { outcome } = await reserveStock(context, { state, mails: [] });
  if (outcome !== 'reserved') throw new Error(`${orders}-${index} is ${outcome}`);
}

function queued(_lane: Mongo, index: number, isOver: () => boolean): Promise<Tried> {
  return retried(mongo, index, isOver);
}

/** As a workflow does with a step that met others for too long. A lane is a context of its own, whose calls are grouped with no others. */
async function retried(lane: Mongo, index: number, isOver: () => boolean): Promise<Tried> {
  for (let tries = 0; ; tries++) {
    try {
      await reserve(lane, index);
      return { ok: true, tries };
    } catch (error) {
      if ((error as Error).name !== 'TransactionTimedOut') throw error;
      if (isOver()) return { ok: false, tries: tries + 1 };
      await delay(Math.random() * 50);
    }
  }
}

async function bare(_lane: Mongo, index: number): Promise<Tried> {
  const pairs = mongo.connection.collection<{ _id: string; units: number }>('bench_pairs');
  const session = mongo.connection.getClient().startSession();
  try {
    await session.withTransaction(
      async () => {
        for (const side of ['left', 'right'])
          await pairs.updateOne({ _id: `${index % 1_000}-${side}` }, { $inc: { units: 1 } }, { session });
      },
      { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority', journal: true } },
    );
  } finally {
    await session.endSession();
  }
  return { ok: true, tries: 0 };
}

/** What stays in memory after each tenth of the reservations, in MB. */
async function watchMemory() {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const steps: { reservations: number; heapUsed: number; rss: number }[] = [];
  const megabytes = (bytes: number) => Math.round(bytes / 1e5) / 10;
  for (let step = 0; step <= 10; step++) {
    const first = (step - 1) * (count / 10);
    if (step > 0) {
      await seedOrders(mongo, orders, first, count / 10, 'spread');
      let next = first;
      const lane = async () => {
        while (next < first + count / 10) await reserve(mongo, next++);
      };
      await Promise.all(Array.from({ length: atATime }, lane));
    }
    collect();
    const { heapUsed, rss } = process.memoryUsage();
    steps.push({ reservations: step * (count / 10), heapUsed: megabytes(heapUsed), rss: megabytes(rss) });
  }
  return steps;
}
