/** One life: a few orders, and what was said and done with them. What is written down here is what the books are checked by. */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { Order } from '../../../models/order.ts';
import type { Shipment } from '../../../models/shipment.ts';
import type { Disposition } from '../../../workflows/domain/states.ts';
import type { Answered, serve } from '../../support/serve.ts';
import type { World } from '../../support/world.ts';
import type { Address, Item, Shelf } from './shop.ts';

export interface Step {
  kind: string;
  /** What it is about, of what there is. */
  pick: number;
  other: number;
  units: number;
  /** `again`: the same request twice at once, and once more. `both`: by two actors at the same moment. */
  how: 'once' | 'again' | 'both';
}

export const anyStep = (kinds: readonly string[]): fc.Arbitrary<Step> =>
  fc.record(
    {
      kind: fc.constantFrom(...kinds),
      pick: fc.nat(9_999),
      other: fc.nat(9_999),
      units: fc.integer({ min: 1, max: 3 }),
      how: fc.constantFrom('once', 'once', 'once', 'again', 'both'),
    },
    { noNullPrototype: true },
  );

export type Units = { lineId: string; quantity: number }[];

/** What a customer was told that an order is. */
export interface Told {
  items: Item[];
  to: Address;
  total: number;
}

export interface Placed extends Told {
  hasCode: boolean;
  /** Those that were confirmed, by their ids: the order says which of them were made. */
  edits: Map<string, Told>;
}

export interface Life {
  world: World;
  api: Awaited<ReturnType<typeof serve>>;
  admin: string;
  shelf: Shelf;
  customers: { id: string; granted: number }[];
  /** A bank takes money back in some lives, and in the others goods are exchanged: what it took pays for no other goods. */
  hasDisputes: boolean;
  placed: Map<string, Placed>;
  /** Units by `SKU@warehouse`. */
  received: Map<string, number>;
  /** What lies in each parcel, by its id: those that are packed anew have other ids. */
  packed: Map<string, Units>;
  handedOver: Set<string>;
  /** Minor units that support gave for nothing. */
  goodwill: Map<string, number>;
  refundedLines: Map<string, Units>;
  /** What became of each unit that came back, by return. */
  inspected: Map<string, { lineId: string; quantity: number; disposition: Disposition }[]>;
  /** What is wanted in exchange, by return. */
  exchanges: Map<string, { total: number }>;
  /** Minor units that the store bore where less came back than other goods were given for. */
  borne: Map<string, number>;
  /** Refunds that the provider would not send, and that support has given up. */
  unsent: Set<string>;
  /** Parcels that did not come, as the question about them was answered. */
  givenUp: Map<string, 'refund' | 'reship'>;
  /** What was done, to be read where something is wrong. */
  log: string[];
}

export function begin(about: Pick<Life, 'world' | 'api' | 'admin' | 'hasDisputes'>): Life {
  const nothing = { placed: new Map(), received: new Map(), packed: new Map(), handedOver: new Set<string>() };
  const after = {
    ...{ goodwill: new Map(), refundedLines: new Map(), inspected: new Map(), givenUp: new Map() },
    ...{ exchanges: new Map(), borne: new Map(), unsent: new Set<string>() },
  };
  const shelf = { prices: new Map(), bundles: new Map(), backorderable: '' };
  return { ...about, ...nothing, ...after, shelf, customers: [], log: [] };
}

/** A request that the API must be able to answer. A refusal is an answer. */
export async function ask(
  life: Life,
  how: Step['how'],
  [method, path, body, token = life.admin]: [method: string, path: string, body?: object, token?: string],
): Promise<Answered> {
  const key = randomUUID();
  /** As a client does: what did not answer in time is asked for again, under its key. */
  const send = async (tries = 1): Promise<Answered> => {
    const answer = await life.api.ask(method, path, body, token, key);
    return answer.status === 503 && tries < 3 ? send(tries + 1) : answer;
  };
  const answers = how === 'again' ? [...(await Promise.all([send(), send()])), await send()] : [await send()];
  const words = answers.map(({ status, body: { type = '', detail = '' } }) => `${status} ${type} ${detail}`);
  life.log.push(`${method} ${path} ${JSON.stringify(body ?? {})} -> ${words.join(' | ')}`);
  if (answers.some(({ status }) => status >= 500 || status === 400)) throw new Error(life.log.at(-1));
  const done = answers.filter(isDone);
  if (new Set(done.map((each) => each.body.id)).size > 1) throw new Error(`Twice: ${life.log.at(-1)}`);
  return done[0] ?? answers[0]!;
}

export function isDone({ status }: Answered): boolean {
  return status === 200 || status === 201;
}

export function oneOf<T>(some: readonly T[], pick: number): T | undefined {
  return some[pick % some.length];
}

export function add(to: Map<string, number>, key: string, amount: number): void {
  to.set(key, (to.get(key) ?? 0) + amount);
}

export async function receive(life: Life, { sku, quantity }: Item, warehouseId: string): Promise<void> {
  await life.world.receive(sku, warehouseId, quantity);
  add(life.received, `${sku}@${warehouseId}`, quantity);
  life.log.push(`received ${quantity} of ${sku} in ${warehouseId}`);
}

// ---- What there is ----

/** With those that send again what another was paid for, and those in exchange. */
export async function ordersOf({ world: { mongo }, placed }: Life): Promise<Order[]> {
  const found = await mongo.models.orders
    .find({ _id: { $in: [...placed.keys()] } })
    .sort({ _id: 1 })
    .lean<Order[]>();
  for (let latest = found; latest.length > 0; ) {
    const of = { orderId: { $in: latest.map(({ _id }) => _id) } };
    const shipments = await mongo.models.shipments.find(of).lean<Shipment[]>();
    const claims = await mongo.models.claims.find(of, { _id: 1 }).lean();
    const returns = await mongo.models.returns.find(of, { _id: 1 }).lean();
    const sources = [
      ...shipments.flatMap(({ parcels = [] }) => parcels.map(({ id }) => id)),
      ...claims.map(({ _id }) => _id),
    ];
    const again = { reshipOf: { $in: sources } };
    const inExchange = { 'exchangeOf.returnId': { $in: returns.map(({ _id }) => _id) } };
    latest = await mongo.models.orders.find({ $or: [again, inExchange] }).lean<Order[]>();
    found.push(...latest);
  }
  return found;
}

export async function shipmentsOf(life: Life): Promise<Shipment[]> {
  const ids = (await ordersOf(life)).map(({ _id }) => _id);
  return life.world.mongo.models.shipments
    .find({ orderId: { $in: ids } })
    .sort({ _id: 1 })
    .lean<Shipment[]>();
}
