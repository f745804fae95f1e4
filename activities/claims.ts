/**
 * The one writer of what orders claim: their lines' allocations, and the counters on the stock that are their sums.
 *
 * A change is worked out in memory, on what a transaction has read, and written together with every other change that
 * came at the same time. So a hot SKU costs one transaction for many orders, and within a process writers queue up
 * instead of colliding in the database. Between processes the transaction decides: who loses reads and works anew.
 */
import type { ClientSession, mongo } from 'mongoose';
import type { Warehouse } from '../models/catalogue.ts';
import type { Models } from '../models/models.ts';
import type { LineAllocation, Order } from '../models/order.ts';
import type { Shipment } from '../models/shipment.ts';
import { type Stock, stockId } from '../models/stock.ts';
import { batched } from '../platform/batch.ts';
import type { DocumentOf } from '../platform/documents.ts';
import { inTransaction, type Mongo } from '../platform/mongo.ts';
import type { Supply } from '../workflows/domain/allocation.ts';
import { broken } from './failure.ts';
import { type Movement, movementOf, offeredOf } from './inventory.ts';
import { activeWarehouses } from './warehouses.ts';

/** Units of one SKU in one warehouse. */
interface Units {
  sku: string;
  warehouseId: string;
  quantity: number;
}

/** What a change sees, and what it does. Nothing of it is real before the transaction is. */
export interface Work {
  /** A copy of the order's lines is its own; other fields change by `write`. */
  order: Order;
  /** A copy: what is changed of it here is seen by later changes, and written by `also`. */
  pickList: Shipment | undefined;
  /** Whether the warehouse is switched on. */
  isActive(warehouseId: string): boolean;
  /** What the active warehouses offer of these SKUs, less what this change has counted so far. */
  supplies(skus: readonly string[]): Supply[];
  count(units: readonly Units[], signs: { reserved?: 1 | -1; committed?: 1 | -1 }): void;
  /** Units that were owed leave the building. */
  ship(movement: Movement): void;
  /** The order's lines as they are now, and these fields of it. */
  write(fields?: Partial<Order>): void;
  also<K extends keyof Models>(model: K, operation: mongo.AnyBulkWriteOperation<DocumentOf<Models[K]>>): void;
}

interface Change<T> {
  orderId: string;
  /** The shipment whose pick list it needs to see. */
  shipmentId?: string;
  /** Worked out anew where the transaction has to be repeated, so it acts on its work alone. */
  make(work: Work): T;
}

const inClaims = batched<Mongo, Change<unknown>, unknown>(50, commit);

/** Changes what an order claims: all of it, or nothing. @throws what `make` throws; other changes go on */
export function changeClaim<T>(mongo: Mongo, change: Change<T>): Promise<T> {
  return inClaims(mongo, change) as Promise<T>;
}

/** A record that somebody else keeps locked holds up its own order, and the others no longer than this. */
const patienceMs = 1_500;

async function commit(mongo: Mongo, changes: Change<unknown>[]): Promise<PromiseSettledResult<unknown>[]> {
  const transaction = (some: Change<unknown>[]) =>
    inTransaction(mongo, (session) => makeAll(mongo, session, some), patienceMs);
  try {
    return await transaction(changes);
  } catch (error) {
    if (changes.length === 1) throw error;
    // One of them cannot be written. Each on its own, so that it takes no other down with it.
    return Promise.all(
      changes.map(async (change): Promise<PromiseSettledResult<unknown>> => {
        const [alone] = await Promise.allSettled([transaction([change])]);
        return alone.status === 'fulfilled' ? alone.value[0]! : alone;
      }),
    );
  }
}

async function makeAll(
  mongo: Mongo,
  session: ClientSession,
  changes: readonly Change<unknown>[],
): Promise<PromiseSettledResult<unknown>[]> {
  const known = await read(mongo, session, changes);
  const made = changes.map((change): PromiseSettledResult<Effects> => {
    try {
      return { status: 'fulfilled', value: makeOne(known, change) };
    } catch (reason) {
      return { status: 'rejected', reason };
    }
  });
  await writeAll(
    mongo,
    session,
    made.flatMap((each) => (each.status === 'fulfilled' ? each.value : [])),
  );
  return made.map((each) => (each.status === 'fulfilled' ? { ...each, value: each.value.answer } : each));
}

/** What the changes of one transaction see, kept as the changes before have left it. */
interface Known {
  orders: Map<string, Order>;
  stock: Map<string, Stock>;
  pickLists: Map<string, Shipment>;
  warehouses: readonly Warehouse[];
}

/** What may be changed is read in the transaction, so that a change by anybody else meanwhile is a write conflict. */
async function read(mongo: Mongo, session: ClientSession, changes: readonly Change<unknown>[]): Promise<Known> {
  const { models } = mongo;
  const ids = [...new Set(changes.map(({ orderId }) => orderId))];
  const orders = await models.orders.find({ _id: { $in: ids } }, undefined, { session }).lean<Order[]>();
  const skus = [...new Set(orders.flatMap(({ lines }) => lines.map(({ sku }) => sku)))];
  const stock = await models.stock.find({ sku: { $in: skus } }, undefined, { session }).lean<Stock[]>();
  const warehouses = await activeWarehouses(mongo);
  const wanted = changes.flatMap(({ shipmentId }) => shipmentId ?? []);
  const pickLists =
    wanted.length === 0 ? [] : await models.shipments.find({ _id: wanted }, undefined, { session }).lean<Shipment[]>();
  return {
    orders: byId(orders),
    stock: byId(stock),
    pickLists: byId(pickLists),
    warehouses,
  };
}

function byId<T extends { _id: string }>(documents: readonly T[]): Map<string, T> {
  return new Map(documents.map((document) => [document._id, document]));
}

/** What one change does, once it is certain that it can be done. */
interface Effects {
  answer: unknown;
  orderId: string;
  fields: Partial<Order> | undefined;
  counters: Map<string, Counters>;
  also: { model: keyof Models; operation: mongo.AnyBulkWriteOperation<never> }[];
}

interface Counters {
  reserved: number;
  committed: number;
  onHand: number;
  seq: number;
}

const nothing: Counters = { reserved: 0, committed: 0, onHand: 0, seq: 0 };

function makeOne(known: Known, { orderId, shipmentId, make }: Change<unknown>): Effects {
  const stored = known.orders.get(orderId);
  if (!stored) throw broken(`There is no order ${orderId}`);
  const order: Order = { ...stored, lines: structuredClone(stored.lines) };
  const effects: Effects = { answer: undefined, orderId, fields: undefined, counters: new Map(), also: [] };

  const add = (id: string, change: Partial<Counters>) => {
    if (!known.stock.has(id)) throw broken(`There is no stock record ${id}`);
    effects.counters.set(id, counted(effects.counters.get(id) ?? nothing, { ...nothing, ...change }));
  };
  const stockNow = (id: string): Stock | undefined => {
    const stock = known.stock.get(id);
    const change = effects.counters.get(id);
    return stock && change ? counted(stock, change) : stock;
  };
  const listed = shipmentId === undefined ? undefined : known.pickLists.get(shipmentId);
  const pickList = listed && { ...listed };
  effects.answer = make({
    order,
    pickList,
    isActive: (warehouseId) => known.warehouses.some(({ _id }) => _id === warehouseId),
    supplies: (skus) => suppliesOf(known.warehouses, skus, stockNow),
    count(units, { reserved = 0, committed = 0 }) {
      for (const { sku, warehouseId, quantity } of units) {
        add(stockId(sku, warehouseId), { reserved: reserved * quantity, committed: committed * quantity });
      }
    },
    ship(movement) {
      const id = stockId(movement.sku, movement.warehouseId);
      add(id, { onHand: movement.onHandChange, committed: movement.onHandChange, seq: 1 });
      const after = stockNow(id)!;
      effects.also.push({
        model: 'movements',
        operation: { insertOne: { document: movementOf(movement, after) } } as never,
      });
    },
    write(fields = {}) {
      Object.assign(order, fields);
      effects.fields = { ...effects.fields, ...fields, lines: order.lines };
    },
    also: (model, operation) => void effects.also.push({ model, operation: operation as never }),
  });

  if (effects.fields) known.orders.set(orderId, order);
  if (pickList) known.pickLists.set(pickList._id, pickList);
  for (const [id, change] of effects.counters) known.stock.set(id, counted(known.stock.get(id)!, change));
  return effects;
}

/** A stock record, or a sum of changes, with a change added to it. */
function counted<T extends Counters>(before: T, change: Counters): T {
  return {
    ...before,
    reserved: before.reserved + change.reserved,
    committed: before.committed + change.committed,
    onHand: before.onHand + change.onHand,
    seq: before.seq + change.seq,
  };
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
        return there ? [[sku, offeredOf(there)]] : [];
      }),
    ),
  }));
}

/** One bulk write a collection, in the order of the changes; counters of one stock record are added up first. */
async function writeAll({ models }: Mongo, session: ClientSession, effects: readonly Effects[]): Promise<void> {
  const sums = new Map<string, Counters>();
  const operations = new Map<keyof Models, mongo.AnyBulkWriteOperation<never>[]>();
  const push = (model: keyof Models, operation: object) => {
    operations.set(model, [...(operations.get(model) ?? []), operation as never]);
  };
  for (const { counters } of effects) {
    for (const [id, change] of counters) {
      const sum = sums.get(id);
      sums.set(id, sum === undefined ? change : counted(sum, change));
    }
  }
  for (const [_id, $inc] of [...sums].sort(([a], [b]) => (a < b ? -1 : 1)))
    push('stock', { updateOne: { filter: { _id }, update: { $inc } } });
  for (const { orderId, fields, also } of effects) {
    if (fields) push('orders', { updateOne: { filter: { _id: orderId }, update: { $set: stored(fields) } } });
    for (const { model, operation } of also) push(model, operation);
  }
  for (const [model, batch] of operations) {
    await models[model].collection.bulkWrite(batch as never, { session, ordered: true });
  }
}

/** Allocations without what they were worked out with. */
function stored(fields: Partial<Order>): Partial<Order> {
  const lines = fields.lines?.map((line) => ({
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
  return { ...fields, ...(lines && { lines }) };
}
