/**
 * What a change of the stock sees and does, worked out in memory. An order's own lines are its claim; the counters on the
 * stock are sums over them, and change by what a change made of the lines.
 */
import type { mongo } from 'mongoose';
import type { Warehouse } from '../../models/catalogue.ts';
import type { Models } from '../../models/models.ts';
import { type LineAllocation, type Order, type OrderLine, openStates } from '../../models/order.ts';
import { type Stock, type StockMovement, stockId } from '../../models/stock.ts';
import type { DocumentOf } from '../../platform/documents.ts';
import type { Supply } from '../../workflows/domain/allocation.ts';
import { offered, salable } from '../../workflows/domain/stock.ts';
import { broken } from '../failure.ts';

/** What a change needs to see. Everything that it may change has to be among it. */
export interface Needs {
  orderIds?: readonly string[];
  /** Beside those of its orders' lines. */
  skus?: readonly string[];
  /** SKUs whose waiting orders it may serve: the oldest of them are read where there are any. */
  queues?: readonly string[];
  /** Other documents that it changes. */
  documents?: readonly (readonly [WorkDocument, string])[];
  /** What its orders take of limited promotions and of store credit. */
  redemptions?: true;
}

export type WorkDocument =
  | 'shipments'
  | 'deliveries'
  | 'transfers'
  | 'counts'
  | 'movements'
  | 'promotionCounts'
  | 'promotionUses'
  | 'creditAccounts'
  | 'payments'
  | 'edits';

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
  /** One that is switched on. */
  warehouse(warehouseId: string): Warehouse | undefined;
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
  remove(model: WorkDocument, id: string): void;
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

/** What the changes of one transaction see, kept as the changes before have left it. */
export interface Known {
  orders: Map<string, Order>;
  /** Ids of waiting orders by SKU, oldest first. */
  queues: Map<string, string[]>;
  stock: Map<string, Stock>;
  backlog: Map<string, number>;
  documents: Map<string, { _id: string }>;
  warehouses: readonly Warehouse[];
}

/** What one change does, once it is certain that it can be done. */
export interface Effects {
  orders: Map<string, Partial<Order>>;
  counters: Map<string, Counters>;
  settings: Map<string, StockSettings>;
  backlog: Map<string, number>;
  operations: { model: keyof Models; operation: mongo.AnyBulkWriteOperation<never> }[];
}

export interface Counters {
  reserved: number;
  committed: number;
  onHand: number;
  damaged: number;
  incoming: number;
  seq: number;
}

export const nothing: Counters = { reserved: 0, committed: 0, onHand: 0, damaged: 0, incoming: 0, seq: 0 };

export function makeOne<T>(known: Known, needs: Needs, make: (work: Work) => T): { answer: T; effects: Effects } {
  const effects: Effects = {
    orders: new Map(),
    counters: new Map(),
    settings: new Map(),
    backlog: new Map(),
    operations: [],
  };
  const copies = new Map<string, Order>();
  const documents = new Map<string, { _id: string } | undefined>();
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
      addAllocations(known.orders.get(orderId)!.lines, -1, counters, backlog);
      addAllocations(copy.lines, 1, counters, backlog);
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
    warehouse: (warehouseId) => known.warehouses.find(({ _id }) => _id === warehouseId),
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
      const key = `${model}:${id}`;
      const document = documents.has(key) ? documents.get(key) : known.documents.get(key);
      return document && structuredClone(document as never);
    },
    put(model, document) {
      documents.set(`${model}:${document._id}`, structuredClone(document));
      const operation = { replaceOne: { filter: { _id: document._id }, replacement: document, upsert: true } };
      effects.operations.push({ model, operation: operation as never });
    },
    remove(model, id) {
      documents.set(`${model}:${id}`, undefined);
      effects.operations.push({ model, operation: { deleteOne: { filter: { _id: id } } } });
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
  for (const [key, document] of documents) {
    if (document) known.documents.set(key, document);
    else known.documents.delete(key);
  }
  return { answer, effects };
}

function addAllocations(
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
export function counted<T extends Counters>(before: T, change: Counters): T {
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

export function isSome(change: Counters): boolean {
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

/** An allocation beside the line that it belongs to. Changing it changes the order's line. */
export type Allocation = LineAllocation & { sku: string; lineId: string };

export function allocationsOf(order: Pick<Order, 'lines'>): Allocation[] {
  return order.lines.flatMap((line) =>
    line.allocations.map((allocation) => Object.assign(allocation, { sku: line.sku, lineId: line.lineId })),
  );
}

/** Still to be sent, whether it is there or not. */
export function isOpen({ state }: LineAllocation): boolean {
  return openStates.includes(state);
}
