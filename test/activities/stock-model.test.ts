/**
 * Random operations on stock, some at once and over two connections, against a model in plain memory. What happened at
 * once must be what one operation after the other could have done: some order of them explains every answer, every
 * refusal, and where all units are now.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { offerOf } from '../../activities/stock/availability.ts';
import { fillBackorders } from '../../activities/stock/backorders.ts';
import { decideCount, openCount, recordCounted } from '../../activities/stock/counts.ts';
import { announceDelivery, cancelDelivery, receiveDelivery } from '../../activities/stock/deliveries.ts';
import { findDrifts } from '../../activities/stock/facts.ts';
import { changeStock } from '../../activities/stock/ledger.ts';
import { moveStock } from '../../activities/stock/movements.ts';
import {
  commitStock,
  releaseShipment,
  releaseStock,
  reserveStock,
  shipStock,
} from '../../activities/stock/reservations.ts';
import { settleShortPick } from '../../activities/stock/short-picks.ts';
import { receiveTransfer, sendTransfer } from '../../activities/stock/transfers.ts';
import { StockRefused } from '../../activities/stock/work.ts';
import type { Delivery, Transfer } from '../../models/stock-work.ts';
import { connectMongo, type Mongo } from '../../platform/mongo.ts';
import { salable } from '../../workflows/domain/stock.ts';
import type { OrderState } from '../../workflows/messages.ts';
import { costs, plain } from '../support/orders.ts';
import { newDatabaseUri } from '../support/servers.ts';
import * as model from './stock-model.ts';

const skus = ['MUG', 'TEE'];
const regions = { east: 'NY', west: 'CA', south: 'TX' };
const warehouses = Object.keys(regions) as (keyof typeof regions)[];
const seconds = 22;

/** One operation: on the system, and on the model. */
interface Operation {
  name: string;
  run(mongo: Mongo): Promise<unknown>;
  apply(state: model.State): unknown;
}

let mongo: Mongo;
/** As of two processes: what queues up within one meets the other in the database. */
let processes: [Mongo, Mongo];

beforeAll(async () => {
  const uri = newDatabaseUri();
  processes = await Promise.all([connectMongo(uri), connectMongo(uri)]);
  mongo = processes[0];
  for (const each of Object.values(mongo.models)) await each.createIndexes();
});
afterAll(async () => {
  await mongo.connection.dropDatabase();
  await Promise.all(processes.map((each) => each.close()));
});

const anyStep = fc.record({
  kind: fc.constantFrom(
    ...(['place', 'place', 'place', 'place', 'place', 'commit', 'commit', 'commit', 'release'] as const),
    ...(['releaseShipment', 'short', 'pick', 'ship', 'ship', 'receive', 'receive', 'adjust', 'damage'] as const),
    ...(['scrap', 'announce', 'receiveDelivery', 'cancelDelivery', 'send', 'receiveTransfer'] as const),
    ...(['open', 'record', 'record', 'decide', 'settings', 'switch', 'again'] as const),
  ),
  sku: fc.nat(1),
  other: fc.nat(1),
  warehouse: fc.nat(2),
  units: fc.integer({ min: 1, max: 6 }),
  more: fc.nat(7),
  pick: fc.nat(999),
  process: fc.constantFrom(0, 0, 1),
  twice: fc.constantFrom(false, false, false, true),
});
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

test('random sequences of all operations, in parallel, against a model: quantities, ledger and what is offered agree after each', async () => {
  const anyRound = fc.array(anyStep, { minLength: 1, maxLength: 4, size: 'max' });
  const anyRounds = fc.array(anyRound, { minLength: 1, maxLength: 30, size: 'max' });
  const deadline = Date.now() + seconds * 1_000;
  let rounds = 0;
  await fc.assert(
    fc.asyncProperty(anyRounds, async (steps) => {
      if (Date.now() > deadline) return;
      const play = await begin();
      for (const round of steps) await play(round);
      rounds += steps.length;
    }),
    { numRuns: 1_000 },
  );
  expect(rounds).toBeGreaterThan(20);
});

/** An empty database, three products in three warehouses, and what plays rounds on them. */
async function begin(): Promise<(round: readonly Step[]) => Promise<void>> {
  await Promise.all(Object.values(mongo.models).map((each) => each.collection.deleteMany({})));
  for (const [id, region] of Object.entries(regions)) {
    const address = { name: id, line1: 'Dock 1', city: 'Town', region, postalCode: '10000', country: 'US' };
    await mongo.models.warehouses.create([{ _id: id, name: id, address, priority: 1, active: true }]);
  }
  restart();
  let state = emptyShop();
  const bind = binder();
  const story: string[] = [];
  for (const seed of skus.flatMap((sku) => warehouses.map((warehouseId) => receiveGoods(sku, warehouseId, 4)))) {
    await seed.run(mongo);
    seed.apply(state);
  }

  return async (round) => {
    const before = state;
    const bound: { operation: Operation; process: number }[] = [];
    for (const step of round) {
      const operation = await bind(state, step);
      if (step.kind === 'switch') story.push(`switch ${warehouses[step.warehouse]}`);
      if (operation === undefined) continue;
      bound.push({ operation, process: step.process });
      if (step.twice && bound.length < 4) bound.push({ operation, process: 1 - step.process });
    }
    story.push(bound.map(({ operation, process }) => `${operation.name} [${process}]`).join(' | '));
    try {
      await happen(bound);
      checkQueues(before, state, bound);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n\nOne round after the other:\n${story.join('\n')}`, {
        cause: error,
      });
    }
  };

  /** All at once; then goods that became free reach who waits for them, as the workers see to all the time. */
  async function happen(bound: readonly { operation: Operation; process: number }[]): Promise<void> {
    const ended = await Promise.allSettled(
      bound.map(({ operation, process }) => outcome(() => operation.run(processes[process]!))),
    );
    const answers = ended.map((each, index) => {
      if (each.status === 'fulfilled') return each.value;
      throw new Error(`${bound[index]!.operation.name}: ${each.reason}`, { cause: each.reason });
    });
    const operations = bound.map(({ operation }) => operation);
    if (operations.length === 1) state = await explained(state, operations, answers, false);
    await fillBackorders(mongo);
    state = await explained(state, operations.length === 1 ? [] : operations, answers, true);
  }
}

/** A process that starts anew has not heard of any warehouse yet. */
function restart(): void {
  processes = processes.map((each) => ({ ...each })) as typeof processes;
  mongo = processes[0];
}

function emptyShop(): model.State {
  const nothing = { onHand: 0, damaged: 0, incoming: 0, safetyStock: 0, seq: 0 };
  const places = skus.flatMap((sku) => warehouses.map((warehouseId) => model.placeId(sku, warehouseId)));
  return {
    places: Object.fromEntries(places.map((id) => [id, { ...nothing }])),
    warehouses: Object.fromEntries(
      Object.entries(regions).map(([id, region]) => [id, { country: 'US', region, priority: 1, active: true }]),
    ),
    ...{ orders: {}, picking: {}, incoming: {}, counts: {}, posted: {} },
  };
}

/** What it answered or why it was refused; anything else that goes wrong is a failure. */
async function outcome(run: () => unknown): Promise<unknown> {
  try {
    return JSON.parse(JSON.stringify((await run()) ?? null));
  } catch (error) {
    if (error instanceof StockRefused || error instanceof model.Refused) return { refused: error.code };
    throw error;
  }
}

/** The state that an order of the operations leads to which explains everything that is seen. */
async function explained(
  state: model.State,
  operations: readonly Operation[],
  answers: readonly unknown[],
  swept: boolean,
): Promise<model.State> {
  const seen = await look();
  const tried: string[] = [];
  for (const order of permutations(operations.map((_, index) => index))) {
    const after = structuredClone(state);
    const differing: string[] = [];
    let now = after;
    for (const index of order) {
      const next = structuredClone(now);
      const expected = await outcome(() => operations[index]!.apply(next));
      const isRefused = expected !== null && typeof expected === 'object' && 'refused' in expected;
      if (!isRefused) now = next;
      if (!equal(expected, answers[index]))
        differing.push(`${operations[index]!.name} should answer ${text(expected)}, not ${text(answers[index])}`);
    }
    if (swept) for (const sku of skus) model.fill(now, sku);
    for (const [id, { lines }] of Object.entries(now.counts))
      if (!equal(countFacts(lines), seen.counts[id]))
        differing.push(`${id} should be ${text(countFacts(lines))}, not ${text(seen.counts[id])}`);
    const facts = factsOf(now);
    for (const key of new Set([...Object.keys(facts), ...Object.keys(seen.facts)])) {
      if (!equal(facts[key], seen.facts[key]))
        differing.push(`${key} should be ${text(facts[key])}, not ${text(seen.facts[key])}`);
    }
    if (differing.length === 0) return adopt(now, seen.orders);
    tried.push(`${order.map((index) => operations[index]!.name).join(', then ')}:\n    ${differing.join('\n    ')}`);
  }
  throw new Error(`Nothing explains what happened:\n  ${tried.slice(0, 6).join('\n  ')}`);
}

function* permutations(indexes: readonly number[]): Generator<number[]> {
  if (indexes.length === 0) yield [];
  for (const first of indexes) {
    for (const rest of permutations(indexes.filter((each) => each !== first))) yield [first, ...rest];
  }
}

const text = (value: unknown) => JSON.stringify(value);
const equal = (a: unknown, b: unknown) => text(a) === text(b);

type Facts = Record<string, unknown>;

function factsOf(state: model.State): Facts {
  const facts: Facts = {};
  for (const [id, { onHand, damaged, incoming, safetyStock, seq }] of Object.entries(state.places)) {
    const [reserved, committed] = [model.claimed(state, id, 'reserved'), model.claimed(state, id, 'committed')];
    facts[id] = { onHand, damaged, reserved, committed, incoming, safetyStock, seq };
  }
  for (const sku of skus) facts[sku] = { units: model.offered(state, sku), waiting: model.waitingFor(state, sku) };
  for (const { id, lines } of Object.values(state.orders))
    for (const { lineId, claims } of lines) facts[`${id} ${lineId}`] = claimFacts(claims);
  return facts;
}

/** Of two who count at once the last one's number counts. Counts that the system opens by itself are not the model's. */
function countFacts(lines: readonly { sku: string; counted?: number | undefined }[]): string[] {
  return lines.map(({ sku, counted = 'none' }) => `${counted} of ${sku}`).sort();
}

/** How many units are where, and what they are; the names of shipments are the system's to choose. */
function claimFacts(claims: readonly model.Claim[]): string[] {
  const units = new Map<string, number>();
  for (const { warehouseId, state, quantity } of claims) {
    const what = `${state} ${warehouseId}`;
    units.set(what, (units.get(what) ?? 0) + quantity);
  }
  return [...units].map(([what, quantity]) => `${quantity} ${what}`).sort();
}

/** What the database says, which must agree with itself. */
async function look(): Promise<{ facts: Facts; counts: Facts; orders: Map<string, model.Claim[][]> }> {
  const { models } = mongo;
  const [stock, orders, movements, lists, drifts, offers] = await Promise.all([
    models.stock.find().lean(),
    models.orders.find().lean(),
    models.movements.find().sort({ seq: 1 }).lean(),
    models.shipments.find().lean(),
    findDrifts(mongo),
    Promise.all(skus.map((sku) => offerOf(mongo, sku))),
  ]);
  expect(drifts.drifts).toEqual([]);
  const facts: Facts = {};
  for (const each of stock) {
    expect(salable(each)).toBeGreaterThanOrEqual(0);
    const { onHand, damaged, reserved, committed, incoming, safetyStock, seq } = each;
    facts[each._id] = { onHand, damaged, reserved, committed, incoming, safetyStock, seq };
    let balance = { onHand: 0, damaged: 0, seq: 0 };
    for (const line of movements.filter(({ sku, warehouseId }) => model.placeId(sku, warehouseId) === each._id)) {
      balance = {
        onHand: balance.onHand + line.onHandChange,
        damaged: balance.damaged + line.damagedChange,
        seq: balance.seq + 1,
      };
      expect({ onHand: line.onHandAfter, damaged: line.damagedAfter, seq: line.seq }).toEqual(balance);
    }
    expect({ onHand, damaged, seq }).toEqual(balance);
  }
  for (const [index, sku] of skus.entries()) facts[sku] = offers[index];
  for (const { _id, lines } of orders)
    for (const { lineId, quantity, allocations } of lines) {
      facts[`${_id} ${lineId}`] = claimFacts(allocations);
      if (allocations.length > 0) expect(allocations.reduce((sum, each) => sum + each.quantity, 0)).toBe(quantity);
    }

  // The pick lists ask for what is owed, neither more nor less.
  const asked = lists
    .filter((list) => !list.cancelledAt && !list.handedOverAt && !list.shortSettled)
    .flatMap(({ _id, lines }) => lines.map(({ lineId, quantity }) => `${_id} ${lineId}: ${quantity}`));
  const settled = new Set(lists.filter(({ shortSettled }) => shortSettled).map(({ _id }) => _id));
  const owed = orders.flatMap(({ lines }) =>
    lines.flatMap(({ lineId, allocations }) =>
      allocations
        .filter(({ state, shipmentId }) => state === 'committed' && !settled.has(shipmentId))
        .map(({ shipmentId, quantity }) => `${shipmentId} ${lineId}: ${quantity}`),
    ),
  );
  expect(asked.sort()).toEqual(owed.sort());
  const counts = await models.counts.find().lean();
  return {
    facts,
    counts: Object.fromEntries(counts.map(({ _id, lines }) => [_id, countFacts(lines)])),
    orders: new Map(orders.map(({ _id, lines }) => [_id, lines.map((line) => line.allocations)])),
  };
}

/** From here on the model knows the shipments by the names that the system gave them. */
function adopt(state: model.State, orders: ReadonlyMap<string, model.Claim[][]>): model.State {
  for (const [id, lines] of orders) {
    for (const [index, claims] of lines.entries()) state.orders[id]!.lines[index]!.claims = structuredClone(claims);
  }
  return state;
}

/** Who waited before and waits still has been overtaken by nobody; unless somebody had to give way, and so came to wait. */
function checkQueues(before: model.State, after: model.State, bound: readonly { operation: Operation }[]): void {
  if (bound.some(({ operation }) => /damage|decide|again/.test(operation.name))) return;
  const units = (state: model.State, id: string, sku: string, kinds: readonly model.Claim['state'][]) =>
    kinds
      .flatMap((kind) => (state.orders[id] ? model.claimsOn(state.orders[id]!, sku, kind) : []))
      .reduce((sum, { quantity }) => sum + quantity, 0);
  for (const sku of skus) {
    const orders = Object.values(after.orders).sort((a, b) => a.number - b.number);
    const first = orders.findIndex(
      ({ id }) => units(before, id, sku, ['backordered']) > 0 && units(after, id, sku, ['backordered']) > 0,
    );
    if (first === -1) continue;
    for (const { id } of orders.slice(first + 1)) {
      const held = (state: model.State) => units(state, id, sku, ['reserved', 'committed', 'shipped', 'lost']);
      expect(held(after)).toBeLessThanOrEqual(held(before));
    }
  }
}

// ---- The operations ----

function receiveGoods(sku: string, warehouseId: string, quantity: number): Operation {
  return moving('receive', sku, warehouseId, quantity, 0);
}

let keys = 0;
const newKey = (kind: string) => `${kind}_${++keys}`;

function moving(
  kind: 'receive' | 'adjust' | 'damage' | 'scrap',
  sku: string,
  warehouseId: string,
  onHandChange: number,
  damagedChange: number,
): Operation {
  const movement = { key: newKey('mov'), sku, warehouseId, kind, onHandChange, damagedChange };
  return {
    name: `${kind} ${onHandChange} (${damagedChange} damaged) of ${sku} in ${warehouseId}`,
    run: (mongo) => moveStock(mongo, { ...movement, actor: 'test', reason: 'test', reference: 'test' }),
    apply: (state) => model.move(state, movement),
  };
}

/** Turns steps into operations on what is there. Nothing where nothing of the kind is. */
function binder() {
  const done: Operation[] = [];
  let numbers = 0;

  return async (state: model.State, step: Step): Promise<Operation | undefined> => {
    const operation = await bind(state, step);
    if (operation) done.push(operation);
    return operation;
  };

  async function bind(state: model.State, step: Step): Promise<Operation | undefined> {
    const { kind, units, more } = step;
    const sku = skus[step.sku]!;
    const other = skus[step.other]!;
    const warehouseId = warehouses[step.warehouse]!;
    const from = <T>(candidates: readonly T[]): T | undefined => candidates[step.pick % candidates.length];
    const sign = more % 2 === 0 ? 1 : -1;
    const order = from(Object.keys(state.orders));

    if (kind === 'receive') return receiveGoods(sku, warehouseId, units);
    if (kind === 'adjust') return moving('adjust', sku, warehouseId, sign * units, 0);
    if (kind === 'damage') return moving('damage', sku, warehouseId, 0, sign * units);
    if (kind === 'scrap') return moving('scrap', sku, warehouseId, -units, -units);
    if (kind === 'again') return from(done);
    if (kind === 'switch') return switchWarehouse(state, warehouseId);
    if (kind === 'place') return place(state, step);
    if (kind === 'settings') return settings(sku, warehouseId, more % 4);
    if (kind === 'commit') {
      // It is paid once it has reserved, not before.
      const reserved = from(Object.values(state.orders).filter(({ lines }) => lines[0]!.claims.length > 0));
      return reserved ? commit(reserved.id) : undefined;
    }
    if (kind === 'release') return order ? releasing(order) : undefined;
    if (kind === 'pick' || kind === 'short' || kind === 'ship' || kind === 'releaseShipment') {
      const shipment = from(shipmentsOf(state));
      if (!shipment) return undefined;
      if (kind === 'ship') return shipping(shipment);
      if (kind === 'releaseShipment')
        return {
          name: `release ${shipment.shipmentId}`,
          run: async (mongo) => ({ amountDue: (await releaseShipment(mongo, shipment)).amountDue }),
          apply: (state) => model.releaseShipment(state, shipment.orderId, shipment.shipmentId),
        };
      await pickSome(state, shipment, more);
      return kind === 'short' ? settling(shipment) : undefined;
    }
    if (kind === 'announce' || kind === 'send') {
      const lines = [...new Set(more > 4 ? [sku, other] : [sku])].map((each) => ({
        ...{ sku: each, expected: units, received: 0 },
      }));
      const next = warehouses[(step.warehouse + 1) % warehouses.length]!;
      return kind === 'announce' ? announcing(lines, warehouseId) : sending(lines, warehouseId, next);
    }
    if (kind === 'receiveDelivery' || kind === 'receiveTransfer' || kind === 'cancelDelivery') {
      const isTransfer = kind === 'receiveTransfer';
      const found = from(Object.entries(state.incoming).filter(([, each]) => (each.from !== undefined) === isTransfer));
      if (!found) return undefined;
      const [id, { lines }] = found;
      if (kind === 'cancelDelivery') return cancelling(id);
      const line = { sku: lines[more % lines.length]!.sku, quantity: units, damaged: more === 3 ? 1 : 0 };
      return receiving(id, isTransfer, { line, last: more === 0, acceptOver: more === 1 });
    }
    if (kind === 'open') return opening(warehouseId, [...new Set(more > 4 ? [sku, other] : [sku])]);
    const count = from(Object.keys(state.counts));
    if (!count) return undefined;
    if (kind === 'record')
      return recording(count, state.counts[count]!.lines[more % state.counts[count]!.lines.length]!.sku, units);
    return deciding(count, more === 0 ? 'cancel' : more === 1 ? 'reject' : 'approve');
  }

  async function place(state: model.State, step: Step): Promise<Operation> {
    const number = ++numbers;
    const id = `ord_${number}`;
    const region = Object.values(regions)[step.pick % 3]!;
    const patient = step.pick % 2 === 0;
    const some = [skus[step.sku]!, skus[step.other]!, skus[step.sku]!].slice(0, 1 + (step.more % 3));
    const lines = some.map((sku, index) => ({
      ...{ lineId: `line_${index + 1}`, sku, quantity: 1 + ((step.units + index) % 6) },
      ...(patient && { backorder: { limit: 9, leadDays: 3 } }),
    }));
    await writeOrder(id, number, region, lines);
    state.orders[id] = {
      ...{ id, number, shipTo: { country: 'US', region }, committed: false, released: false },
      lines: lines.map((line) => ({ ...line, claims: [] })),
    };
    return {
      name: `reserve ${id} (${lines.map(({ sku, quantity }) => `${quantity} ${sku}`).join(', ')}${patient ? ', may wait' : ''})`,
      async run(mongo) {
        const answer = await reserveStock(mongo, saved(id));
        if (answer.outcome === 'undone') return { outcome: 'undone' };
        if (answer.outcome === 'out_of_stock') return { outcome: 'out_of_stock', shortages: answer.shortages };
        if (answer.outcome === 'price_changed') throw new Error('It has no price that could change');
        return { outcome: 'reserved', comesLater: answer.comesLater };
      },
      apply: (state) => model.reserve(state, id),
    };
  }

  function commit(orderId: string): Operation {
    return {
      name: `commit ${orderId}`,
      async run(mongo) {
        await commitStock(mongo, saved(orderId));
      },
      apply: (state) => model.commit(state, orderId),
    };
  }

  function settings(sku: string, warehouseId: string, safetyStock: number): Operation {
    return {
      name: `safety stock of ${safetyStock} for ${sku} in ${warehouseId}`,
      async run(mongo) {
        await changeStock(mongo, { skus: [sku], make: (work) => work.set(sku, warehouseId, { safetyStock }) });
      },
      apply(state) {
        state.places[model.placeId(sku, warehouseId)]!.safetyStock = safetyStock;
      },
    };
  }

  async function switchWarehouse(state: model.State, warehouseId: string): Promise<undefined> {
    const warehouse = state.warehouses[warehouseId]!;
    warehouse.active = !warehouse.active;
    await mongo.models.warehouses.updateOne({ _id: warehouseId }, { active: warehouse.active });
    restart();
  }
}

function saved(orderId: string) {
  return { state: { orderId, rev: 1, status: 'confirmed' } as OrderState, mails: [] };
}

async function writeOrder(
  id: string,
  number: number,
  region: string,
  lines: readonly { lineId: string; sku: string; quantity: number }[],
): Promise<void> {
  const createdAt = new Date(Date.UTC(2026, 0, 1) + number);
  const total = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  await mongo.models.orders.create([
    {
      _id: id,
      createdAt,
      placeBefore: createdAt,
      customer: { email: 'buyer@example.com', name: 'Buyer' },
      shipTo: { name: 'Buyer', line1: 'Street 1', city: 'Town', region, postalCode: '10001', country: 'US' },
      currency: 'USD',
      items: lines.map(({ sku, quantity }) => ({ sku, quantity })),
      lines: lines.map((line) => ({
        ...line,
        ...{ name: line.sku, weightGrams: 1, unitPrice: 1, allocations: [], ...costs(line.quantity) },
      })),
      pricing: plain(total),
      total,
      rev: 0,
      status: 'pending',
    },
  ]);
}

interface ShipmentOf {
  orderId: string;
  shipmentId: string;
}

function shipmentsOf(state: model.State): ShipmentOf[] {
  const found = new Map<string, ShipmentOf>();
  for (const { id, lines } of Object.values(state.orders))
    for (const { state: kind, shipmentId } of lines.flatMap(({ claims }) => claims))
      if (kind === 'committed' || kind === 'shipped') found.set(shipmentId, { orderId: id, shipmentId });
  return [...found.values()];
}

/** At once, before the others of the round: from now on nothing is taken from it. */
async function pickSome(state: model.State, { orderId, shipmentId }: ShipmentOf, most: number): Promise<void> {
  if (state.picking[shipmentId]) return;
  const list = await mongo.models.shipments.findById(shipmentId).lean().orFail();
  const lines = list.lines.map((line) => ({ ...line, picked: Math.min(line.quantity, most) }));
  await mongo.models.shipments.updateOne({ _id: shipmentId }, { lines, pickedAt: new Date() });
  state.picking[shipmentId] = {
    ...{ orderId, warehouseId: list.warehouseId },
    lines: lines.map(({ lineId, sku, quantity, picked }) => ({ lineId, sku, quantity, picked })),
    gone: list.handedOverAt !== undefined || list.cancelledAt !== undefined,
  };
}

function releasing(orderId: string): Operation {
  return {
    name: `release ${orderId}`,
    run: async (mongo) => void (await releaseStock(mongo, { orderId })),
    apply: (state) => model.release(state, orderId),
  };
}

function shipping({ orderId, shipmentId }: ShipmentOf): Operation {
  return {
    name: `ship ${shipmentId}`,
    run: (mongo) => shipStock(mongo, { ...saved(orderId), shipmentId, actor: 'test' }),
    apply: (state) => model.ship(state, orderId, shipmentId),
  };
}

function settling({ orderId, shipmentId }: ShipmentOf): Operation {
  return {
    name: `settle the short pick of ${shipmentId}`,
    async run(mongo) {
      const settled = await settleShortPick(mongo, { orderId, shipmentId });
      if (settled.outcome === 'asks') throw new Error('The store has no rule to ask');
      const { short, empty, amountDue } = settled;
      return { short, empty, amountDue };
    },
    apply: (state) => model.settleShort(state, orderId, shipmentId),
  };
}

type Lines = { sku: string; expected: number; received: number }[];

const stamps = { actor: 'test', createdAt: new Date(0) };
const briefly = (found: Delivery | Transfer | undefined) =>
  found && { status: found.status, received: found.lines.map(({ received }) => received) };

function announcing(lines: Lines, warehouseId: string): Operation {
  const id = newKey('dlv');
  const expected = { warehouseId, lines, tolerancePercent: 20, status: 'expected' as const };
  const delivery = { _id: id, ...expected, reference: id, expectedAt: new Date(0), ...stamps };
  return {
    name: `announce ${id}`,
    run: async (mongo) => briefly(await announceDelivery(mongo, structuredClone(delivery))),
    apply: (state) => model.announce(state, id, expected),
  };
}

function cancelling(id: string): Operation {
  return {
    name: `cancel ${id}`,
    run: async (mongo) => briefly(await cancelDelivery(mongo, id)),
    apply: (state) => model.cancel(state, id),
  };
}

function sending(lines: Lines, from: string, to: string): Operation {
  const id = newKey('trf');
  const sent = lines.map(({ sku, expected, received }) => ({ sku, sent: expected, received }));
  const transfer: Transfer = { _id: id, from, to, lines: sent, status: 'in_transit', reason: 'test', ...stamps };
  return {
    name: `send ${id} from ${from} to ${to}`,
    run: async (mongo) => briefly(await sendTransfer(mongo, structuredClone(transfer))),
    apply: (state) =>
      model.send(state, id, { warehouseId: to, from, lines, tolerancePercent: 0, status: 'in_transit' }),
  };
}

function receiving(
  id: string,
  isTransfer: boolean,
  what: { line: { sku: string; quantity: number; damaged: number }; last: boolean; acceptOver: boolean },
): Operation {
  const key = newKey('rcp');
  const receipt = { key, lines: [what.line], last: what.last, actor: 'test' };
  return {
    name: `receive ${what.line.quantity} ${what.line.sku} of ${id}${what.last ? ', the last' : ''}`,
    run: async (mongo) =>
      briefly(
        isTransfer
          ? await receiveTransfer(mongo, { ...receipt, transferId: id })
          : await receiveDelivery(mongo, { ...receipt, deliveryId: id, acceptOver: what.acceptOver }),
      ),
    apply: (state) => model.receive(state, id, { key, ...what }),
  };
}

function opening(warehouseId: string, some: readonly string[]): Operation {
  const id = newKey('cnt');
  const count = { warehouseId, lines: some.map((sku) => ({ sku })), status: 'open' as const };
  return {
    name: `open ${id}`,
    run: async (mongo) =>
      (await openCount(mongo, structuredClone({ _id: id, ...count, reason: 'test', ...stamps }))).status,
    apply: (state) => model.open(state, id, count),
  };
}

function recording(countId: string, sku: string, counted: number): Operation {
  return {
    name: `count ${counted} of ${sku} for ${countId}`,
    async run(mongo) {
      const count = await recordCounted(mongo, { countId, sku, counted, actor: 'test' });
      const line = count!.lines.find((each) => each.sku === sku)!;
      return { status: count!.status, books: line.books };
    },
    apply: (state) => model.record(state, countId, sku, counted),
  };
}

function deciding(countId: string, decide: 'approve' | 'reject' | 'cancel'): Operation {
  return {
    name: `decide ${countId}: ${decide}`,
    run: async (mongo) => (await decideCount(mongo, { countId, decide, actor: 'other' }))!.status,
    apply: (state) => model.decide(state, countId, decide),
  };
}
