/**
 * The one writer of stock: what is physically there, with the ledger that explains it, and what orders claim of it.
 *
 * A change is worked out in memory (work.ts), on what a transaction has read, and written together with every other change that
 * came at the same time. So a hot SKU costs one transaction for many orders, and within a process writers queue up
 * instead of colliding in the database. Between processes the transaction decides: who loses reads and works anew.
 */
import type { ClientSession, mongo } from 'mongoose';
import type { Models } from '../../models/models.ts';
import type { LineAllocation, Order } from '../../models/order.ts';
import type { Backlog, Stock } from '../../models/stock.ts';
import { batched, type Outcome } from '../../platform/batch.ts';
import { inTransaction, type Mongo } from '../../platform/mongo.ts';
import { isLow } from '../../workflows/domain/stock.ts';
import { mailOperation } from '../orders.ts';
import { redemptionDocuments } from '../pricing/redemptions.ts';
import { activeWarehouses } from './warehouses.ts';
import {
  type Counters,
  counted,
  type Effects,
  isSome,
  type Known,
  makeOne,
  type Needs,
  nothing,
  type StockSettings,
  type Work,
  type WorkDocument,
} from './work.ts';

export interface Change<T> extends Needs {
  /** Finds out in the transaction what else it needs. */
  find?(mongo: Mongo, session: ClientSession): Promise<Needs>;
  /** Worked out anew where the transaction has to be repeated, so it acts on its work alone. */
  make(work: Work): T;
}

const inLedger = batched<Mongo, Change<unknown>, unknown>(50, commit);

/** All of the change, or nothing. @throws what `make` throws; other changes go on */
export function changeStock<T>(mongo: Mongo, change: Change<T>): Promise<T> {
  return inLedger(mongo, change) as Promise<T>;
}

/** A record that somebody else keeps locked holds up its own change, and the others no longer than this. */
const patienceMs = 1_500;

/** What a change finds out is as of the transaction's beginning, so that those before it in a batch go ahead of it. */
async function commit(mongo: Mongo, changes: Change<unknown>[]): Promise<Outcome<unknown>[]> {
  const together = changes.filter(({ find }) => find === undefined);
  const alone = changes.filter(({ find }) => find !== undefined);
  const outcomes = new Map<Change<unknown>, Outcome<unknown>>();
  for (const some of [together, ...alone.map((change) => [change])]) {
    const ended = await commitTogether(mongo, some);
    for (const [index, change] of some.entries()) outcomes.set(change, ended[index]!);
  }
  return changes.map((change) => outcomes.get(change)!);
}

async function commitTogether(mongo: Mongo, changes: readonly Change<unknown>[]): Promise<Outcome<unknown>[]> {
  if (changes.length === 0) return [];
  const transaction = (some: readonly Change<unknown>[]) =>
    inTransaction(mongo, (session) => makeAll(mongo, session, some), patienceMs);
  try {
    return await transaction(changes);
  } catch (reason) {
    if (changes.length === 1) return [{ status: 'rejected', reason }];
    // One of them cannot be written. Each on its own, so that it takes no other down with it.
    return changes.map(async (change) => {
      const [alone] = await transaction([change]);
      if (alone!.status === 'rejected') throw alone!.reason;
      return alone!.value;
    });
  }
}

async function makeAll(
  mongo: Mongo,
  session: ClientSession,
  changes: readonly Change<unknown>[],
): Promise<PromiseSettledResult<unknown>[]> {
  const needs: Needs[] = [];
  for (const change of changes) {
    const found = (await change.find?.(mongo, session)) ?? {};
    needs.push({
      orderIds: [...(change.orderIds ?? []), ...(found.orderIds ?? [])],
      skus: [...(change.skus ?? []), ...(found.skus ?? [])],
      queues: [...(change.queues ?? []), ...(found.queues ?? [])],
      documents: [...(change.documents ?? []), ...(found.documents ?? [])],
      ...(change.redemptions && { redemptions: true }),
    });
  }
  const known = await read(mongo, session, needs);
  const written: Effects[] = [];
  const outcomes = changes.map(({ make }, index): PromiseSettledResult<unknown> => {
    try {
      const { answer, effects } = makeOne(known, needs[index]!, make);
      written.push(effects);
      return { status: 'fulfilled', value: answer };
    } catch (reason) {
      return { status: 'rejected', reason };
    }
  });
  await writeAll(mongo, session, known, written);
  return outcomes;
}

/** So many waiting orders are served in one transaction. */
const queueBatch = 50;

/** What may be changed is read in the transaction, so that a change by anybody else meanwhile is a write conflict. */
async function read(mongo: Mongo, session: ClientSession, needs: readonly Needs[]): Promise<Known> {
  const { models } = mongo;
  const ids = unique(needs.flatMap(({ orderIds }) => orderIds ?? []));
  const orders = ids.length === 0 ? [] : await models.orders.find({ _id: ids }, undefined, { session }).lean<Order[]>();
  const skus = unique([
    ...needs.flatMap((each) => [...(each.skus ?? []), ...(each.queues ?? [])]),
    ...orders.flatMap(({ lines }) => lines.map(({ sku }) => sku)),
  ]);
  const stock = await models.stock.find({ sku: skus }, undefined, { session }).lean<Stock[]>();
  const waiting = await models.backlogs
    .find({ _id: skus, units: { $gt: 0 } }, undefined, { session })
    .lean<Backlog[]>();
  const queues = new Map<string, string[]>();
  for (const { _id: sku } of waiting) {
    if (!needs.some((each) => each.queues?.includes(sku))) continue;
    const found = await models.orders
      .find({ backordered: sku }, undefined, { session })
      .sort({ createdAt: 1, _id: 1 })
      .limit(queueBatch)
      .lean<Order[]>();
    queues.set(
      sku,
      found.map(({ _id }) => _id),
    );
    orders.push(...found);
  }
  const documents = new Map<string, { _id: string }>();
  const wanted = new Map<WorkDocument, string[]>();
  const redeeming = new Set(needs.flatMap(({ redemptions, orderIds }) => (redemptions && orderIds) || []));
  const theirs = orders.filter(({ _id }) => redeeming.has(_id)).flatMap((order) => redemptionDocuments(order) ?? []);
  for (const [model, id] of [...needs.flatMap((each) => each.documents ?? []), ...theirs])
    wanted.set(model, [...(wanted.get(model) ?? []), id]);
  for (const [model, some] of wanted) {
    const found = await models[model].collection.find({ _id: { $in: unique(some) } as never }, { session }).toArray();
    for (const each of found) documents.set(`${model}:${each._id}`, each as never);
  }
  return {
    orders: byId(orders),
    queues,
    stock: byId(stock),
    backlog: new Map(waiting.map(({ _id, units }) => [_id, units])),
    documents,
    warehouses: await activeWarehouses(mongo),
  };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

function byId<T extends { _id: string }>(documents: readonly T[]): Map<string, T> {
  return new Map(documents.map((document) => [document._id, document]));
}

/** One bulk write a collection, in the order of the changes; counters of one stock record are added up first. */
async function writeAll(
  { models }: Mongo,
  session: ClientSession,
  known: Known,
  effects: readonly Effects[],
): Promise<void> {
  const operations = new Map<keyof Models, mongo.AnyBulkWriteOperation<never>[]>();
  const push = (model: keyof Models, operation: object) => {
    operations.set(model, [...(operations.get(model) ?? []), operation as never]);
  };
  const sums = new Map<string, Counters>();
  const backlog = new Map<string, number>();
  for (const { counters, backlog: waits } of effects) {
    for (const [id, change] of counters) sums.set(id, counted(sums.get(id) ?? nothing, change));
    for (const [sku, units] of waits) backlog.set(sku, (backlog.get(sku) ?? 0) + units);
  }
  const settings = new Map(effects.flatMap((each) => [...each.settings]));
  for (const [id, change] of [...sums].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!settings.has(id) && !isSome(change)) continue;
    for (const [model, operation] of writeStock(known.stock.get(id)!, change, settings.get(id))) push(model, operation);
  }
  for (const [sku, units] of backlog) {
    if (units !== 0)
      push('backlogs', { updateOne: { filter: { _id: sku }, update: { $inc: { units } }, upsert: true } });
  }
  for (const { orders, operations: others } of effects) {
    for (const [orderId, fields] of orders)
      push('orders', { updateOne: { filter: { _id: orderId }, update: stored(fields) } });
    for (const { model, operation } of others) push(model, operation);
  }
  for (const [model, batch] of operations) {
    await models[model].collection.bulkWrite(batch as never, { session, ordered: true });
  }
}

/** The counters and, where they cross the reorder point, the mark of it with the mail to the warehouse. */
function* writeStock(
  after: Stock,
  change: Counters,
  settings: StockSettings | undefined,
): Generator<[keyof Models, object]> {
  const { _id, sku, warehouseId } = after;
  const low = isLow(after);
  const crossing = low && !after.lowSince;
  const given = Object.entries(settings ?? {});
  const set: Record<string, unknown> = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  const unset = Object.fromEntries(given.filter(([, value]) => value === undefined).map(([name]) => [name, 1]));
  if (crossing) set.lowSince = new Date();
  if (!low && after.lowSince) unset.lowSince = 1;
  const update = {
    $inc: change,
    ...(Object.keys(set).length > 0 && { $set: set }),
    ...(Object.keys(unset).length > 0 && { $unset: unset }),
    $setOnInsert: { sku, warehouseId, ...(settings?.safetyStock === undefined && { safetyStock: 0 }) },
  };
  yield ['stock', { updateOne: { filter: { _id }, update, upsert: true } }];
  if (crossing) yield ['mails', mailOperation(`low_stock:${_id}:${Date.now()}`, 'low_stock', { stockId: _id })];
}

/** Allocations without what they were worked out with, and what they say of the order. What is undefined goes. */
function stored({ lines = [], ...others }: Partial<Order>): object {
  const plain = lines.map((line) => ({
    ...line,
    allocations: line.allocations.map(
      ({ shipmentId, warehouseId, quantity, state }): LineAllocation => ({
        shipmentId,
        warehouseId,
        quantity,
        state,
      }),
    ),
  }));
  const backordered = unique(
    lines.filter(({ allocations }) => allocations.some(({ state }) => state === 'backordered')).map(({ sku }) => sku),
  );
  const fields = Object.entries({ ...others, backordered: backordered.length > 0 ? backordered : undefined });
  const set = Object.fromEntries(fields.filter(([, value]) => value !== undefined));
  const unset = Object.fromEntries(fields.filter(([, value]) => value === undefined).map(([name]) => [name, 1]));
  return { $set: { ...set, lines: plain }, ...(Object.keys(unset).length > 0 && { $unset: unset }) };
}
