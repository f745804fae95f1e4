/**
 * Random lives in two warehouses: orders, some of them split, go through waves, lists, scans, short picks, boxes, holds,
 * cancellations and the door, many things at once. Then whatever can go on is brought to its end. Nothing may have been
 * picked twice, packed that was not picked, sent that was not packed, or be left over.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  disband,
  giveBack,
  makePickList,
  PickListRefused,
  takeList,
  takeNext,
} from '../../activities/picking/lists.ts';
import { readPickList } from '../../activities/picking/read.ts';
import { PickRefused, reportShort, scanPick } from '../../activities/picking/scans.ts';
import { releaseWave } from '../../activities/picking/waves.ts';
import { PackingRefused } from '../../activities/shipping/packing.ts';
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
import type { PickList } from '../../models/pick-list.ts';
import type { Shipment } from '../../models/shipment.ts';
import { hasEnded, orderStates, shortReasons } from '../../workflows/domain/states.ts';
import { groupings } from '../../workflows/domain/waves.ts';
import { cancelSignal, holdOrder, type Incident, releaseOrder, type ShipmentState } from '../../workflows/messages.ts';
import { until } from '../support/until.ts';
import { createWarehouse, isRefusal } from '../support/warehouse.ts';
import { startWorld, type World } from '../support/world.ts';

const seconds = 60;
const warehouses = ['wh_east', 'wh_west'];
const pickers = ['ann', 'bob', 'cid'];

let world: World;
let warehouse: ReturnType<typeof createWarehouse>;
beforeAll(async () => {
  world = await startWorld();
  warehouse = createWarehouse(world);
});
afterAll(() => world.stop());

const anyStep = fc.record(
  {
    kind: fc.constantFrom(
      ...(['wave', 'list', 'next', 'next', 'take', 'giveBack', 'disband'] as const),
      ...(['scan', 'scan', 'scan', 'scan', 'scan', 'scan', 'scan', 'again', 'short', 'short'] as const),
      ...(['pack', 'pack', 'pack', 'cancel', 'hold', 'release', 'handOver', 'scanOut', 'scanOut'] as const),
    ),
    /** What it is about, of what there is. */
    pick: fc.nat(999),
    other: fc.nat(999),
    units: fc.integer({ min: 1, max: 4 }),
    late: fc.boolean(),
  },
  { noNullPrototype: true },
);
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

const anyOrder = fc.array(
  fc.record({ sku: fc.nat(2), quantity: fc.integer({ min: 1, max: 4 }) }, { noNullPrototype: true }),
  {
    minLength: 1,
    maxLength: 3,
  },
);
const anyLife = fc.record(
  {
    orders: fc.array(anyOrder, { minLength: 3, maxLength: 8, size: 'max' }),
    rounds: fc.array(fc.array(anyStep, { minLength: 2, maxLength: 6, size: 'max' }), {
      ...{ minLength: 30, maxLength: 60, size: 'max' },
    }),
    ends: fc.nat(999),
  },
  { noNullPrototype: true },
);
type AnyLife = typeof anyLife extends fc.Arbitrary<infer T> ? T : never;

/** How often each kind of step did something, over all lives. */
const done = new Map<string, number>();

test(
  'whatever a warehouse goes through, every unit is picked, packed and sent once, and every order ends',
  async () => {
    const deadline = Date.now() + seconds * 1_000;
    await fc.assert(
      fc.asyncProperty(anyLife, async (life) => {
        if (Date.now() > deadline) return;
        await live(life);
      }),
      { numRuns: 500 },
    );
    const kinds = ['wave', 'next', 'scan', 'again', 'short', 'pack', 'cancel', 'handOver', 'scanOut'];
    expect(kinds.filter((kind) => !done.has(kind))).toEqual([]);
  },
  (seconds + 60) * 1_000,
);

test('every workflow replays', async () => {
  expect(await world.replayFailures()).toEqual([]);
}, 60_000);

// ---- A life ----

interface Life {
  orderIds: string[];
  /** Scans that were sent, to be sent again. */
  sent: Parameters<typeof scanPick>[1][];
}

async function live({ orders, rounds, ends }: AnyLife): Promise<void> {
  const life: Life = { orderIds: await placeAll(orders), sent: [] };
  if (ends % 4 > 0) await beginDay(ends);
  for (const round of rounds) {
    await Promise.all(round.map((step) => play(life, step)));
    await checkPicking(life);
  }
  await bringToEnd(life, ends);
  await checkEnds(life);
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
}

/** Most days begin with a wave in each warehouse, and with pickers who take its lists. */
async function beginDay(ends: number): Promise<void> {
  for (const warehouseId of warehouses) {
    const rules = { groupBy: [], shipmentsAList: 1 + (ends % 3), unitsAList: 100, gramsAList: 100_000, limit: 100 };
    await releaseWave(world.mongo, { waveId: newId('wav'), warehouseId, rules, actor: 'test' });
  }
  for (const [index, actor] of pickers.entries())
    await takeNext(world.mongo, { warehouseId: warehouses[(ends + index) % 2]!, actor });
}

async function placeAll(orders: AnyLife['orders']): Promise<string[]> {
  const skus = [
    await world.newSku({ wh_east: 30, wh_south: 2 }),
    await world.newSku({ wh_west: 30 }),
    await world.newSku({ wh_east: 15, wh_west: 15 }),
  ];
  const placed = orders.map(async (lines) => {
    const items = lines.map(({ sku, quantity }) => ({ sku: skus[sku]!, quantity }));
    const { orderId, status } = await world.place({ items });
    expect(status).toBe('confirmed');
    return orderId;
  });
  return Promise.all(placed);
}

async function play(life: Life, step: Step): Promise<void> {
  try {
    if (await steps[step.kind](life, step)) done.set(step.kind, (done.get(step.kind) ?? 0) + 1);
  } catch (error) {
    const refusals = [PickListRefused, PickRefused, PackingRefused];
    if (!refusals.some((refusal) => error instanceof refusal) && !isRefusal(error)) throw error;
  }
}

/** Answers whether there was anything to do. */
const steps: Record<Step['kind'], (life: Life, step: Step) => Promise<boolean>> = {
  async wave(_life, { pick, other, units }) {
    const rules = { shipmentsAList: units, unitsAList: 4 * units, gramsAList: 100_000, limit: 2 * units };
    const groupBy = groupings.filter((_, index) => (other >> index) % 2 === 1);
    const wave = {
      waveId: newId('wav'),
      warehouseId: oneOf(warehouses, pick)!,
      rules: { ...rules, groupBy },
      actor: 'test',
    };
    return (await releaseWave(world.mongo, wave)).length > 0;
  },
  /** Also of what another list has, or somebody has packed: that is refused. */
  async list(life, { pick, other, units, late }) {
    const open = (await shipmentsOf(life)).filter(({ pickListId }) => other % 2 === 0 || pickListId === null);
    const shipmentIds = open
      .slice(pick % (open.length + 1))
      .slice(0, units)
      .map(({ _id }) => _id);
    if (shipmentIds.length === 0) return false;
    const actor = oneOf(pickers, pick)!;
    await makePickList(world.mongo, { id: newId('pkl'), shipmentIds, actor, take: late });
    return true;
  },
  async next(_life, { pick, other }) {
    const by = { warehouseId: oneOf(warehouses, other)!, actor: oneOf(pickers, pick)! };
    return (await takeNext(world.mongo, by)) !== null;
  },
  async take(life, { pick, other, late }) {
    const list = oneOf(await listsOf(life), pick);
    const by = { actor: oneOf(pickers, other)!, takeOver: late };
    return list !== undefined && (await takeList(world.mongo, { listId: list._id, ...by })) !== null;
  },
  async giveBack(life, { pick, other }) {
    const list = oneOf(await listsOf(life), pick);
    const actor = oneOf(pickers, other)!;
    return list !== undefined && (await giveBack(world.mongo, { listId: list._id, actor })) !== null;
  },
  async disband(life, { pick }) {
    const list = oneOf(await listsOf(life), pick);
    if (list) await disband(world.mongo, list._id);
    return list !== undefined;
  },
  /** Mostly something that the list asks for, by somebody who has it or has had it. */
  async scan(life, { pick, other, units, late }) {
    const asked = await askedOf(life, pick);
    if (!asked) return false;
    const { sku, left } = asked.line(other);
    const quantity = other % 6 === 0 ? units : Math.min(units, left);
    const scan = { ...asked.by(other, late), scanId: newId('req'), barcode: sku, quantity };
    life.sent.push(scan);
    return (await scanPick(world.mongo, scan)).applied;
  },
  async again(life, { pick }) {
    const scan = oneOf(life.sent, pick);
    if (!scan) return false;
    return !(await scanPick(world.mongo, scan)).applied;
  },
  async short(life, { pick, other, late }) {
    const asked = await askedOf(life, pick);
    if (!asked) return false;
    const reason = oneOf(shortReasons, other)!;
    const short = { ...asked.by(other, late), scanId: newId('req'), sku: asked.line(other).sku, reason };
    return (await reportShort(world.mongo, short)).applied;
  },
  async pack(life, { pick, units }) {
    const picked = (await shipmentsOf(life)).filter(({ pickedAt, labelRequestedAt }) => pickedAt && !labelRequestedAt);
    const shipment = oneOf(picked, pick);
    if (!shipment) return false;
    await warehouse.packInto(shipment._id, boxesOf(shipment, units));
    return true;
  },
  async cancel(life, { pick, other }) {
    // Most orders are to come further.
    if (other % 5 > 0) return false;
    return tell(life, pick, cancelSignal);
  },
  async hold(life, { pick, other }) {
    if (other % 3 > 0) return false;
    return tell(life, pick, holdOrder);
  },
  release: (life, { pick }) => tell(life, pick, releaseOrder),
  async handOver(life, { pick }) {
    const shipment = oneOf(await readyOf(life), pick);
    if (!shipment) return false;
    await world.handOver(shipment.orderId, shipment._id);
    return true;
  },
  /** Some parcels of some shipments, at the right door or at another. */
  async scanOut(life, { pick, other, units }) {
    const ready = await readyOf(life);
    const barcodes = ready.flatMap(({ parcels = [] }) =>
      parcels.map(({ id, label }) => (pick % 2 ? id : (label?.trackingNumber ?? id))),
    );
    const some = barcodes.slice(pick % (barcodes.length + 1)).slice(0, 2 * units);
    const at =
      other % 10 === 0
        ? oneOf(warehouses, pick)!
        : ready.find(({ parcels }) =>
            parcels!.some(({ id, label }) => id === some[0] || label?.trackingNumber === some[0]),
          )?.warehouseId;
    if (some.length === 0 || at === undefined) return false;
    const parcels = await warehouse.scanOut(at, some);
    expect(parcels.map(({ barcode }) => barcode).sort()).toEqual([...some].sort());
    return parcels.some(({ outcome }) => outcome === 'handed_over');
  },
};

async function tell(
  { orderIds }: Life,
  pick: number,
  signal: typeof cancelSignal | typeof holdOrder,
): Promise<boolean> {
  await world.orderHandle(oneOf(orderIds, pick)!).signal(signal, { actor: 'test', reason: 'test' });
  return true;
}

/** A list that somebody has, or has had, with what it still asks for. */
async function askedOf(life: Life, pick: number) {
  const taken = (await listsOf(life)).filter(({ assignments }) => assignments.length > 0);
  const all = await Promise.all(taken.map(({ _id }) => readPickList(world.mongo, _id)));
  const busy = all.filter((read) => read !== null).filter(({ status, lines }) => status !== 'done' && lines.length > 0);
  const read = oneOf(busy, pick);
  if (!read) return undefined;
  const lines = read.lines.map(({ sku, quantity, picked, short }) => ({ sku, left: quantity - picked - short }));
  const open = lines.filter(({ left }) => left > 0);
  return {
    line: (other: number) => oneOf(other % 8 === 0 || open.length === 0 ? lines : open, other)!,
    by(other: number, late: boolean) {
      const { actor, until: ended } = oneOf(read.list.assignments, other)!;
      const madeAt = late && ended ? new Date(ended.getTime() - 1) : new Date();
      return { listId: read.list._id, actor: other % 8 === 1 ? 'dora' : actor, madeAt };
    },
  };
}

/** Everything that was picked, dealt out. */
function boxesOf({ lines }: Shipment, boxes: number) {
  const dealt = Array.from({ length: boxes }, () => new Map<string, number>());
  let next = 0;
  for (const { lineId, picked } of lines) {
    for (let unit = 0; unit < picked; unit += 1) {
      const box = dealt[next++ % boxes]!;
      box.set(lineId, (box.get(lineId) ?? 0) + 1);
    }
  }
  const filled = dealt.filter((box) => box.size > 0);
  return (filled.length > 0 ? filled : dealt.slice(0, 1)).map((box) =>
    [...box].map(([lineId, quantity]) => ({ lineId, quantity })),
  );
}

function oneOf<T>(some: readonly T[], pick: number): T | undefined {
  return some[pick % some.length];
}

// ---- What there is ----

function shipmentsOf({ orderIds }: Life): Promise<Shipment[]> {
  return world.mongo.models.shipments
    .find({ orderId: { $in: orderIds } })
    .sort({ _id: 1 })
    .lean<Shipment[]>();
}

async function listsOf(life: Life): Promise<PickList[]> {
  const ids = (await shipmentsOf(life)).map(({ _id }) => _id);
  return world.mongo.models.pickLists
    .find({ shipmentIds: { $in: ids } })
    .sort({ _id: 1 })
    .lean<PickList[]>();
}

async function readyOf(life: Life): Promise<Shipment[]> {
  return (await shipmentsOf(life)).filter(({ parcels, handedOverAt }) => parcels && !handedOverAt);
}

async function ordersOf({ orderIds }: Life): Promise<Order[]> {
  return world.mongo.models.orders.find({ _id: { $in: orderIds } }).lean<Order[]>();
}

// ---- To the end ----

/** Everybody does what is left to be done; what nobody can go on with would show here. */
async function bringToEnd(life: Life, ends: number): Promise<void> {
  const goOn = async () => {
    const orders = (await ordersOf(life)).filter(({ status }) => !hasEnded(orderStates, status));
    await Promise.all(
      orders.flatMap(({ _id, state, reshipOf }) => [
        ...(state?.incidents ?? []).map((incident) => settle(_id, incident, ends)),
        // What is sent again arrives.
        ...(state?.shipments ?? []).map((shipment) => push(_id, shipment, reshipOf === undefined ? ends : 1)),
      ]),
    );
    const parcels = (await shipmentsOf(life)).flatMap(({ parcels = [] }) => parcels.map(({ id }) => id));
    const reships = await world.mongo.models.orders.find({ reshipOf: { $in: parcels } }, { _id: 1 }).lean();
    life.orderIds = [...new Set([...life.orderIds, ...reships.map(({ _id }) => _id)])];
    return orders.length === 0 && reships.every(({ _id }) => orders.every((order) => order._id !== _id));
  };
  await until(goOn, 'every order ends', 40_000).catch(async (error) => {
    const left = (await ordersOf(life)).filter(({ status }) => !hasEnded(orderStates, status));
    throw new Error(
      `Still open: ${JSON.stringify(
        left.map(({ state }) => state),
        null,
        1,
      )}`,
      { cause: error },
    );
  });
}

async function settle(orderId: string, { id, cause, answers }: Incident, ends: number): Promise<void> {
  if (cause === 'reserve_stock')
    for (const { sku, quantity } of (await world.readOrder(orderId)).lines)
      await world.receive(sku, 'wh_east', quantity);
  const given = cause === 'lost' ? (['refund', 'reship', 'claim'] as const)[ends % 3]! : answers[0]!;
  await world.answer(orderId, id, answers.includes(given) ? given : 'refund');
}

async function push(orderId: string, { id, status, parcels = [] }: ShipmentState, ends: number): Promise<void> {
  try {
    if (status === 'picking') await pickRest(id);
    const stored = await warehouse.shipmentOf(id);
    const isPicked = stored.pickedAt && !stored.labelRequestedAt && !stored.cancelledAt;
    if ((status === 'picking' || status === 'picked') && isPicked)
      await warehouse.packInto(id, boxesOf(stored, 1 + (ends % 2)));
    if (status === 'ready') await world.handOver(orderId, id);
    for (const [index, parcel] of parcels.entries()) {
      if (parcel.status !== 'shipped' || !stored.handedOverAt) continue;
      const isLost = index < 3 && (ends + index) % 5 === 0;
      await world.carrierSays(id, isLost ? 'lost' : 'delivered', { parcel: index });
    }
  } catch (error) {
    // It has moved on meanwhile.
    const refusals = [PickListRefused, PickRefused, PackingRefused];
    if (!refusals.some((refusal) => error instanceof refusal) && !isRefusal(error)) throw error;
  }
}

async function pickRest(shipmentId: string): Promise<void> {
  const { pickListId, lines, pickedAt, cancelledAt } = await warehouse.shipmentOf(shipmentId);
  if (pickedAt || cancelledAt) return;
  const listId = pickListId ?? (await world.pickListOf(shipmentId));
  await takeList(world.mongo, { listId, actor: 'test', takeOver: true });
  for (const { sku, quantity, picked, state } of lines) {
    if (state !== 'pending') continue;
    const by = { listId, scanId: newId('req'), actor: 'test', shipmentId, madeAt: new Date() };
    await scanPick(world.mongo, { ...by, barcode: sku, quantity: quantity - picked });
  }
}

// ---- What must hold ----

/** At any moment: no shipment on two lists, and nothing picked that the order does not have. */
async function checkPicking(life: Life): Promise<void> {
  const orders = await ordersOf(life);
  const shipments = await shipmentsOf(life);
  const lists = await Promise.all((await listsOf(life)).map(({ _id }) => readPickList(world.mongo, _id)));
  const listed = lists.flatMap((list) => list?.shipments.map(({ id }) => id) ?? []);
  expect(listed.filter((id, index) => listed.indexOf(id) !== index)).toEqual([]);
  for (const { _id, orderId, lines, cancelledAt } of shipments) {
    const order = orders.find((each) => each._id === orderId)!;
    for (const { lineId, picked, quantity } of lines) {
      expect(picked).toBeLessThanOrEqual(quantity);
      if (!cancelledAt)
        expect({ _id, lineId, picked, has: claimed(order, _id, lineId) >= picked }).toMatchObject({ has: true });
    }
  }
}

function claimed({ lines }: Order, shipmentId: string, lineId: string): number {
  return lines
    .find((line) => line.lineId === lineId)!
    .allocations.filter((each) => each.shipmentId === shipmentId)
    .filter(({ state }) => state === 'committed' || state === 'shipped' || state === 'lost')
    .reduce((sum, { quantity }) => sum + quantity, 0);
}

async function checkEnds(life: Life): Promise<void> {
  const { models } = world.mongo;
  const { labels } = await warehouse.carrierState();
  for (const shipment of await shipmentsOf(life)) {
    const { _id, orderId, pickListId, lines, parcels = [], handedOverAt, cancelledAt } = shipment;
    const scans = await models.pickScans.find({ 'puts.shipmentId': _id }).lean();
    expect([...new Set(scans.map((scan) => scan.pickListId))].filter((id) => id !== pickListId)).toEqual([]);
    const puts = scans.flatMap((scan) => scan.puts.filter(({ shipmentId }) => shipmentId === _id));
    const order = await world.readOrder(orderId);
    const moves = await models.movements.find({ reference: _id, kind: 'ship' }).lean();
    for (const { lineId, sku, picked } of lines) {
      const ofLine = <T extends { lineId: string; quantity: number }>(units: readonly T[]) =>
        units.filter((each) => each.lineId === lineId).reduce((sum, { quantity }) => sum + quantity, 0);
      const scanned = ofLine(puts);
      const packed = ofLine(parcels.flatMap(({ units }) => units));
      expect({ _id, sku, picked }).toEqual({ _id, sku, picked: scanned });
      if (parcels.length > 0) expect({ _id, sku, packed }).toEqual({ _id, sku, packed: scanned });
      if (handedOverAt) expect(claimed(order, _id, lineId)).toBe(scanned);
    }
    const left = moves.reduce((sum, { onHandChange }) => sum - onHandChange, 0);
    expect({ _id, left }).toEqual({ _id, left: handedOverAt ? lines.reduce((sum, { picked }) => sum + picked, 0) : 0 });
    expect(handedOverAt !== undefined && cancelledAt !== undefined).toBe(false);
    for (const { id } of parcels) {
      const sold = labels.filter(({ reference }) => reference === id).map(({ status }) => status);
      expect({ _id, sold }).toEqual({ _id, sold: handedOverAt ? ['in_use'] : sold.map(() => 'voided') });
      expect(sold.length).toBeLessThanOrEqual(1);
    }
  }
}
