/**
 * The one writer of stock: what is physically there, with the ledger that explains it, and what orders claim of it. An
 * order's own lines are its claim; the counters on the stock are sums over them, and change by what a change made of the lines.
 *
 * A change is worked out in memory, on what a transaction has read, and written together with every other change that
 * came at the same time. So a hot SKU costs one transaction for many orders, and within a process writers queue up
 * instead of colliding in the database. Between processes the transaction decides: who loses reads and works anew.
 */
import type { ClientSession, mongo } from 'mongoose';
import type { Warehouse } from '../../models/catalogue.ts';
import type { Models } from '../../models/models.ts';
import { type LineAllocation, type Order, type OrderLine, openStates } from '../../models/order.ts';
import { type Backlog, type Stock, type StockMovement, stockId } from '../../models/stock.ts';
import { batched, type Outcome } from '../../platform/batch.ts';
import type { DocumentOf } from '../../platform/documents.ts';
import { inTransaction, type Mongo } from '../../platform/mongo.ts';
import type { Supply } from '../../workflows/domain/allocation.ts';
import { isLow, offered, salable } from '../../workflows/domain/stock.ts';
import { broken } from '../failure.ts';
import { mailOperation } from '../orders.ts';
import { activeWarehouses } from './warehouses.ts';

/** What a change needs to see. Everything that it may change has to be among it. */
export interface Needs {
  orderIds?: readonly string[];
  /** Beside those of its orders' lines. */
  skus?: readonly string[];
  /** SKUs whose waiting orders it may serve: the oldest of them are read where there are any. */
  queues?: readonly string[];
  /** Other documents that it changes. */
  documents?: readonly (readonly [WorkDocument, string])[];
}

type WorkDocument = 'shipments' | 'deliveries' | 'transfers' | 'counts' | 'movements';

export interface Change<T> extends Needs {
  /** Finds out in the transaction what else it needs. */
  find?(mongo: Mongo, session: ClientSession): Promise<Needs>;
  /** Worked out anew where the transaction has to be repeated, so it acts on its work alone. */
  make(work: Work): T;
}

/** One physical change, as it goes into the ledger. A repeated key has no second effect. */
export type Movement = Omit<StockMovement, '_id' | 'seq' | 'onHandAfter' | 'damagedAfter' | 'at'> & { key: string };

/** What a change sees, and what it does. Nothing of it is real before the transaction is. */
export interface Work {
  /** Those asked for, in that order. A copy's lines are its own; other fields change by `write`. */
  orders: Order[];
  /** The orders that wait for a SKU, oldest first; those that the change was to see. */
  queue(sku: string): Order[];
  /** Units of a SKU that orders wait for. */
  backlog(sku: string): number;
  stock(sku: string, warehouseId: string): Stock | undefined;
  /** Whether the warehouse is switched on. */
  isActive(warehouseId: string): boolean;
  /** What the active warehouses offer of these SKUs, less what this change has taken so far. */
  supplies(skus: readonly string[]): Supply[];
  /** Posts a movement, unless it was posted before, and answers with the balances after it. */
  move(movement: Movement): StockMovement;
  /** Changes what is on its way to a warehouse. */
  expect(sku: string, warehouseId: string, units: number): void;
  set(sku: string, warehouseId: string, settings: StockSettings): void;
  /** The order's lines as they are now, and these fields of it. */
  write(order: Order, fields?: Partial<Order>): void;
  /** A copy, to be changed and `put`. */
  document<K extends WorkDocument>(model: K, id: string): DocumentOf<Models[K]> | undefined;
  put<K extends WorkDocument>(model: K, document: DocumentOf<Models[K]>): void;
  also<K extends keyof Models>(model: K, operation: mongo.AnyBulkWriteOperation<DocumentOf<Models[K]>>): void;
}

export type StockSettings = Partial<Pick<Stock, 'safetyStock' | 'reorderPoint' | 'reorderTo' | 'bins'>>;

/** The stock cannot be changed like that. */
export class StockRefused extends Error {
  readonly code: 'negative' | 'would_break_promises' | 'too_much' | 'wrong_state' | 'not_part_of_it' | 'bundle';
  constructor(code: StockRefused['code'], message: string) {
    super(message);
    this.code = code;
  }
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

/** What the changes of one transaction see, kept as the changes before have left it. */
interface Known {
  orders: Map<string, Order>;
  /** Ids of waiting orders by SKU, oldest first. */
  queues: Map<string, string[]>;
  stock: Map<string, Stock>;
  backlog: Map<string, number>;
  documents: Map<string, { _id: string }>;
  warehouses: readonly Warehouse[];
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
  for (const [model, id] of needs.flatMap((each) => each.documents ?? []))
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

/** What one change does, once it is certain that it can be done. */
interface Effects {
  orders: Map<string, Partial<Order>>;
  counters: Map<string, Counters>;
  settings: Map<string, StockSettings>;
  backlog: Map<string, number>;
  operations: { model: keyof Models; operation: mongo.AnyBulkWriteOperation<never> }[];
}

interface Counters {
  reserved: number;
  committed: number;
  onHand: number;
  damaged: number;
  incoming: number;
  seq: number;
}

const nothing: Counters = { reserved: 0, committed: 0, onHand: 0, damaged: 0, incoming: 0, seq: 0 };

function makeOne<T>(known: Known, needs: Needs, make: (work: Work) => T): { answer: T; effects: Effects } {
  const effects: Effects = {
    orders: new Map(),
    counters: new Map(),
    settings: new Map(),
    backlog: new Map(),
    operations: [],
  };
  const copies = new Map<string, Order>();
  const documents = new Map<string, { _id: string }>();
  const physical = new Map<string, Counters>();

  const copyOf = (orderId: string): Order => {
    const stored = known.orders.get(orderId);
    if (!stored) throw broken(`There is no order ${orderId}`);
    const copy = copies.get(orderId) ?? { ...stored, lines: structuredClone(stored.lines) };
    copies.set(orderId, copy);
    return copy;
  };
  /** What the orders' lines have come to claim more or less than before, by stock record; and to wait for, by SKU. */
  const claimed = () => {
    const counters = new Map<string, Counters>();
    const backlog = new Map<string, number>();
    for (const [orderId, copy] of copies) {
      addClaims(known.orders.get(orderId)!.lines, -1, counters, backlog);
      addClaims(copy.lines, 1, counters, backlog);
    }
    return { counters, backlog };
  };
  const changed = (): Map<string, Counters> => {
    const counters = new Map([...claimed().counters].filter(([, change]) => isSome(change)));
    for (const [id, change] of physical) counters.set(id, counted(counters.get(id) ?? nothing, change));
    return counters;
  };
  const addPhysical = (sku: string, warehouseId: string, change: Partial<Counters>): Stock => {
    const id = stockId(sku, warehouseId);
    physical.set(id, counted(physical.get(id) ?? nothing, { ...nothing, ...change }));
    return counted(known.stock.get(id) ?? emptyStock(sku, warehouseId), physical.get(id)!);
  };
  const stockNow = (id: string, changes: Map<string, Counters>): Stock | undefined => {
    const stock = known.stock.get(id);
    const change = changes.get(id);
    const [sku, warehouseId] = id.split('@') as [string, string];
    if (!change) return stock;
    return { ...counted(stock ?? emptyStock(sku, warehouseId), change), ...effects.settings.get(id) };
  };

  const answer = make({
    orders: (needs.orderIds ?? []).map(copyOf),
    queue: (sku) => (known.queues.get(sku) ?? []).map(copyOf),
    backlog: (sku) => (known.backlog.get(sku) ?? 0) + (claimed().backlog.get(sku) ?? 0),
    stock: (sku, warehouseId) => stockNow(stockId(sku, warehouseId), changed()),
    isActive: (warehouseId) => known.warehouses.some(({ _id }) => _id === warehouseId),
    supplies: (skus) => {
      const changes = changed();
      return suppliesOf(known.warehouses, skus, (id) => stockNow(id, changes));
    },
    move({ key, ...movement }) {
      const posted = documents.get(`movements:${key}`) ?? known.documents.get(`movements:${key}`);
      if (posted) return posted as StockMovement;
      const { sku, warehouseId, onHandChange, damagedChange } = movement;
      const { onHand, damaged, seq } = addPhysical(sku, warehouseId, {
        onHand: onHandChange,
        damaged: damagedChange,
        seq: 1,
      });
      const line = { _id: key, ...movement, seq, onHandAfter: onHand, damagedAfter: damaged, at: new Date() };
      documents.set(`movements:${key}`, line);
      effects.operations.push({ model: 'movements', operation: { insertOne: { document: line } } as never });
      return line;
    },
    expect: (sku, warehouseId, units) => void addPhysical(sku, warehouseId, { incoming: units }),
    set(sku, warehouseId, settings) {
      addPhysical(sku, warehouseId, {});
      effects.settings.set(stockId(sku, warehouseId), settings);
    },
    write(order, fields = {}) {
      Object.assign(order, fields);
      effects.orders.set(order._id, { ...effects.orders.get(order._id), ...fields, lines: order.lines });
    },
    document(model, id) {
      const document = documents.get(`${model}:${id}`) ?? known.documents.get(`${model}:${id}`);
      return document && structuredClone(document as never);
    },
    put(model, document) {
      documents.set(`${model}:${document._id}`, structuredClone(document));
      const operation = { replaceOne: { filter: { _id: document._id }, replacement: document, upsert: true } };
      effects.operations.push({ model, operation: operation as never });
    },
    also: (model, operation) => void effects.operations.push({ model, operation: operation as never }),
  });

  // From here on it is done: what follows sees it.
  for (const orderId of copies.keys()) if (!effects.orders.has(orderId)) copies.delete(orderId);
  effects.counters = changed();
  effects.backlog = claimed().backlog;
  for (const id of effects.counters.keys()) {
    const [sku, warehouseId] = id.split('@') as [string, string];
    if (!known.stock.has(id) && !physical.has(id)) throw broken(`There is no stock record ${id}`);
    const settings = effects.settings.get(id);
    known.stock.set(id, {
      ...counted(known.stock.get(id) ?? emptyStock(sku, warehouseId), effects.counters.get(id)!),
      ...settings,
    });
  }
  for (const [sku, units] of effects.backlog) known.backlog.set(sku, (known.backlog.get(sku) ?? 0) + units);
  for (const [orderId, copy] of copies) known.orders.set(orderId, copy);
  for (const [key, document] of documents) known.documents.set(key, document);
  return { answer, effects };
}

function addClaims(
  lines: readonly OrderLine[],
  sign: 1 | -1,
  counters: Map<string, Counters>,
  backlog: Map<string, number>,
): void {
  for (const { sku, allocations } of lines) {
    for (const { warehouseId, quantity, state } of allocations) {
      if (state === 'backordered') backlog.set(sku, (backlog.get(sku) ?? 0) + sign * quantity);
      if (state !== 'reserved' && state !== 'committed') continue;
      const id = stockId(sku, warehouseId);
      counters.set(id, counted(counters.get(id) ?? nothing, { ...nothing, [state]: sign * quantity }));
    }
  }
}

/** A stock record, or a sum of changes, with a change added to it. */
function counted<T extends Counters>(before: T, change: Counters): T {
  return {
    ...before,
    reserved: before.reserved + change.reserved,
    committed: before.committed + change.committed,
    onHand: before.onHand + change.onHand,
    damaged: before.damaged + change.damaged,
    incoming: before.incoming + change.incoming,
    seq: before.seq + change.seq,
  };
}

function isSome(change: Counters): boolean {
  return Object.values(change).some((units) => units !== 0);
}

export function emptyStock(sku: string, warehouseId: string): Stock {
  return { _id: stockId(sku, warehouseId), sku, warehouseId, ...nothing, safetyStock: 0 };
}

function suppliesOf(
  warehouses: readonly Warehouse[],
  skus: readonly string[],
  stockNow: (id: string) => Stock | undefined,
): Supply[] {
  return warehouses.map(({ _id: warehouseId, address: { country, region }, priority }) => ({
    warehouseId,
    country,
    region,
    priority,
    offered: Object.fromEntries(
      skus.flatMap((sku) => {
        const there = stockNow(stockId(sku, warehouseId));
        return there ? [[sku, offered(there)]] : [];
      }),
    ),
  }));
}

/** @throws StockRefused where less would be left than nothing, or than orders were promised */
export function refuseToBreak(stock: Stock | undefined): void {
  if (stock === undefined) return;
  const { sku, warehouseId, onHand, damaged, reserved, committed } = stock;
  if (onHand < 0 || damaged < 0 || damaged > onHand) {
    const what = `${sku} in ${warehouseId} would have ${onHand} on hand, ${damaged} of them damaged`;
    throw new StockRefused('negative', what);
  }
  if (salable(stock) < 0) {
    const what = `${reserved + committed} are promised to orders, ${onHand - damaged} would be left`;
    throw new StockRefused('would_break_promises', `${sku} in ${warehouseId}: ${what}`);
  }
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

/** Allocations without what they were worked out with, and what they say of the order. */
function stored(fields: Partial<Order>): object {
  const { lines = [], ...others } = fields;
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
  return backordered.length > 0
    ? { $set: { ...others, lines: plain, backordered } }
    : { $set: { ...others, lines: plain }, $unset: { backordered: 1 } };
}

/** An allocation beside the line that it belongs to. Changing it changes the order's line. */
export type Claim = LineAllocation & { sku: string; lineId: string };

export function claimsOf(order: Pick<Order, 'lines'>): Claim[] {
  return order.lines.flatMap((line) =>
    line.allocations.map((allocation) => Object.assign(allocation, { sku: line.sku, lineId: line.lineId })),
  );
}

/** Still to be sent, whether it is there or not. */
export function isOpen({ state }: LineAllocation): boolean {
  return openStates.includes(state);
}
