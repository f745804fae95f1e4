/**
 * Every step from the packed shipment to the parcel that is given up, or comes back, dies at each moment around its call of the carrier and
 * its record. Whatever is tried again then, the carrier has sold one label a parcel, or has it back, and the goods, the
 * money and the customer's mails are as if nothing had died.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Order } from '../../models/order.ts';
import { type OwnedProcess, startNode } from '../../sandbox/processes.ts';
import type { Answer } from '../../workflows/messages.ts';
import { cancelSignal, inspectReturn, receiveReturn } from '../../workflows/messages.ts';
import { type Call, createCrashes, type Moment, type Step, type StepInput } from '../support/crashes.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { createWarehouse, type SoldLabel } from '../support/warehouse.ts';
import { startWorld, type World } from '../support/world.ts';

const crashes = createCrashes();
const children: OwnedProcess[] = [];
let world: World;
let warehouse: ReturnType<typeof createWarehouse>;
let folder: string;
/** Lies beside the mugs, so that a shipment has two lines. */
let pen: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'waybill-warehouse-'));
  world = await startWorld({ workers: false, crashes });
  warehouse = createWarehouse(world);
  pen = await world.newSku({ wh_east: 1000 });
});
afterAll(async () => {
  for (const child of children) await child.stop(0);
  await world.stop();
  rmSync(folder, { recursive: true });
});

// ---- The table ----

/** What is left of an order, at our place, at the carrier and at Stripe: amounts in minor units. */
interface Ends {
  order: Order['status'];
  shipments: string[];
  /** Every label that was sold for it, and whether each parcel is known by the number that its label has. */
  labels: SoldLabel['status'][];
  isLabelled: boolean;
  /** How often the driver got a paper for it. */
  manifests: number;
  /** What left the building, by the ledger. */
  shipped: number[];
  /** And what came back into it. */
  returned: number[];
  captured: number[];
  refunds: number[];
  claims: number;
  /** Orders that send its goods again, by the units of their lines. */
  reships: number[][];
  mails: string[];
}

/** An order that has come to where the step is next, and what makes that step run. */
interface Ready {
  orderId: string;
  shipmentId: string;
  act(): Promise<unknown>;
}

/** `passing`: so many calls like it go well before. */
type Row = [what: string, at: { step: Step; call?: Call; passing?: number }, ready: () => Promise<Ready>, ends: Ends];

const two = 2 * price;
const confirmed = ['order_confirmed'];
const ready: Ends = {
  ...{ order: 'processing', shipments: ['ready'], labels: ['created'], isLabelled: true, manifests: 0, shipped: [] },
  ...{ returned: [], captured: [two], refunds: [], claims: 0, reships: [], mails: confirmed },
};
const readyInTwo: Ends = { ...ready, labels: ['created', 'created'] };
const left: Ends = { ...ready, shipments: ['shipped'], shipped: [-1, -1], mails: [...confirmed, 'shipped'] };
const leftInTwo: Ends = { ...left, labels: ['created', 'created'] };
const announced: Ends = { ...leftInTwo, manifests: 1 };
const undone: Ends = {
  ...ready,
  ...{ order: 'cancelled', shipments: ['cancelled'], labels: [], captured: [] },
  mails: [...confirmed, 'order_cancelled'],
};
const voided: Ends = { ...undone, labels: ['voided'] };
const paidBack: Ends = {
  ...{ ...voided, captured: [two], refunds: [two] },
  mails: [...confirmed, 'refunded', 'order_cancelled'],
};
const paidBackInTwo: Ends = { ...paidBack, labels: ['voided', 'voided'] };
const oneArrived: Ends = {
  ...{ ...left, order: 'completed', shipments: ['delivered'], labels: ['in_use', 'in_use'] },
  mails: [...confirmed, 'shipped', 'delivered'],
};
const writtenOff: Ends = { ...oneArrived, refunds: [price], mails: [...oneArrived.mails, 'refunded'] };
const sentAgain: Ends = { ...oneArrived, reships: [[1]] };
const isBack: Ends = {
  ...{ ...left, order: 'completed', shipments: ['returned_to_sender'], labels: ['in_use'], returned: [1, 1] },
  ...{ refunds: [two], mails: [...confirmed, 'shipped', 'return_received', 'refunded'] },
};
const claimed: Ends = { ...leftInTwo, shipments: ['exception'], labels: ['in_use', 'in_use'], claims: 1 };

// biome-ignore format: it is read as a table
const calls: Row[] = [
  ['what a parcel would cost',               { step: 'buyLabels',  call: 'rates' },                     packed(1),            ready],
  ['what the second would cost',             { step: 'buyLabels',  call: 'rates', passing: 1 },         packed(2),            readyInTwo],
  ['the label of a parcel',                  { step: 'buyLabels',  call: 'buyLabel' },                  packed(1),            ready],
  ['the first label of two',                 { step: 'buyLabels',  call: 'buyLabel' },                  packed(2),            readyInTwo],
  ['the second label of two',                { step: 'buyLabels',  call: 'buyLabel', passing: 1 },      packed(2),            readyInTwo],
  ['a label that is given back',             { step: 'voidLabels', call: 'voidLabel' },                 cancelled(1),         paidBack],
  ['the first of two that are given back',   { step: 'voidLabels', call: 'voidLabel' },                 cancelled(2),         paidBackInTwo],
  ['the second of two that are given back',  { step: 'voidLabels', call: 'voidLabel', passing: 1 },     cancelled(2),         paidBackInTwo],
  ['a paper for the driver',                 { step: 'makeManifests', call: 'manifest' },               scannedOut,           announced],
];

// biome-ignore format: it is read as a table
const records: Row[] = [
  ['the hand-over of a parcel',              { step: 'shipStock' },                                     handedOver(1),        left],
  ['the hand-over of two',                   { step: 'shipStock' },                                     handedOver(2),        leftInTwo],
  ['a shipment that is taken back',          { step: 'releaseShipment' },                               cancelled(2),         paidBackInTwo],
  ['goods that are written off',             { step: 'writeOffParcel' },                                oneIsLost('refund'),  writtenOff],
  ['goods that are sent again',              { step: 'openReship' },                                    oneIsLost('reship'),  sentAgain],
  ['a claim against the carrier',            { step: 'openClaim' },                                     oneIsLost('claim'),   claimed],
  ['a return that a carrier begins',         { step: 'openParcelReturn' },                              broughtBack,          isBack],
  ['what came back',                         { step: 'recordReception' },                               broughtBack,          isBack],
  ['goods that are on their shelf again',    { step: 'recordInspection' },                              broughtBack,          isBack],
  ['the money for what came back',           { step: 'settleReturn' },                                  broughtBack,          isBack],
];

const aroundCalls = ['before the call', 'after the call'] as const;
const lost = 'when its answer is lost';
/** The carrier's words for what it is asked. */
const operations: Partial<Record<Call, string>> = {
  rates: 'rates',
  buyLabel: 'labels.create',
  voidLabel: 'labels.void',
  manifest: 'manifests.create',
};

// ---- The cells ----

type Shipped = Pick<Ready, 'orderId' | 'shipmentId'>;
/** Where each has come to: looked at again once everything is told. */
const came: (Shipped & { ends: Ends })[] = [];

/** Their steps are tried again after 45 s, while the cells are played. */
const killed: { ready: Ready; ends: Ends; done: Promise<unknown> }[] = [];

test('workers are killed between the carrier’s answers and their records', async () => {
  await world.startWorker('orders');
  const stopProviders = await world.startWorker('providers');
  const toVoid = await cancelled(2)();
  const toLabel = await packed(2)();
  const toCancel = await packed(1)();
  await stopProviders();
  for (const [call, ready, ends, meanwhile] of [
    ['voidLabel', toVoid, paidBackInTwo, async () => {}],
    ['buyLabel', toLabel, readyInTwo, async () => {}],
    ['buyLabel', toCancel, voided, () => cancelBehindIt(toCancel)],
  ] as const) {
    const kill = await startDoomed(call);
    killed.push({ ready, ends, done: ready.act() });
    await kill(meanwhile);
  }
  await world.startWorker('providers');
}, 90_000);

describe.each(calls)('%s', (_what, { step, call, passing }, ready, ends) => {
  const columns = passing === undefined ? [...aroundCalls, 'after its record' as const, lost] : [...aroundCalls];
  const played = new Map<string, PromiseSettledResult<void>>();
  beforeAll(async () => {
    const moments = columns.filter((column): column is Moment => column !== lost);
    const play = async (moment: Moment) => {
      const { orderId, shipmentId, act } = await ready();
      const fired = crashes.arm({ step, call, moment, passing, isMine: isOf(orderId) });
      await inTime(act());
      await expectEnds({ orderId, shipmentId }, ends);
      expect(fired()).toBe(1);
    };
    for (const [index, result] of (await Promise.allSettled(moments.map(play))).entries())
      played.set(moments[index]!, result);
  });
  test.each(columns.filter((column) => column !== lost))('dies %s', (column) => {
    const result = played.get(column)!;
    if (result.status === 'rejected') throw result.reason;
  });
  if (columns.includes(lost))
    test('goes on when an answer is lost', async () => {
      const { orderId, shipmentId, act } = await ready();
      const fired = await world.fault('carrier', { operation: operations[call!]!, kind: 'lose_reply' });
      await inTime(act());
      await expectEnds({ orderId, shipmentId }, ends);
      expect(await fired()).toBe(true);
    });
});

describe.each(records)('%s', (_what, { step }, ready, ends) => {
  test.each(['before its work', 'after its record'] as const)('dies %s', async (moment) => {
    const { orderId, shipmentId, act } = await ready();
    const fired = crashes.arm({ step, moment, isMine: isOf(orderId) });
    await inTime(act());
    await expectEnds({ orderId, shipmentId }, ends);
    expect(fired()).toBe(1);
  });
});

describe('a shipment that is cancelled while its labels are bought', () => {
  const both: Ends = { ...voided, labels: ['voided', 'voided'] };
  // biome-ignore format: it is read as a table
  test.each<[moment: Moment, call: Call | undefined, passing: number, parcels: number, ends: Ends]>([
    ['before the call',  'rates',    0, 1, undone],
    ['before the call',  'buyLabel', 0, 1, undone],
    ['after the call',   'buyLabel', 0, 1, voided],
    ['after its record', undefined,  0, 1, voided],
    ['after the call',   'buyLabel', 0, 2, voided],
    ['before the call',  'buyLabel', 1, 2, voided],
    ['after the call',   'buyLabel', 1, 2, both],
    ['after its record', undefined,  0, 2, both],
  ])('and whose worker dies %s %s, past %d of %d', async (moment, call, passing, parcels, ends) => {
    const { act, ...ready } = await packed(parcels)();
    const meanwhile = () => cancelBehindIt(ready);
    const fired = crashes.arm({ step: 'buyLabels', call, moment, passing, isMine: isOf(ready.orderId), meanwhile });
    await inTime(act());
    await world.reaches(ready.orderId, 'cancelled');
    await expectEnds(ready, ends);
    expect(fired()).toBe(1);
  });

  test('has no label left that the carrier sold after it was cancelled, to a worker that died then', async () => {
    const { act, ...ready } = await packed(1)();
    const { parcels } = await warehouse.shipmentOf(ready.shipmentId);
    const slowly = { operation: 'labels.create', kind: 'slow', ms: 1_500, reference: parcels![0]!.id };
    const isUnderWay = await world.fault('carrier', slowly);
    const fired = crashes.arm({
      step: 'buyLabels',
      call: 'buyLabel',
      moment: 'after the call',
      isMine: isOf(ready.orderId),
    });
    const acting = act();
    await until(isUnderWay, 'the label is being bought');
    await cancelBehindIt(ready);
    await inTime(acting);
    await world.reaches(ready.orderId, 'cancelled');
    await expectEnds(ready, voided);
    expect(fired()).toBe(1);
  });
});

describe('a label whose answer was lost, and that is refused when it is asked for again', () => {
  async function refused(): Promise<Shipped> {
    const { act, ...shipment } = await packed(1)();
    const { parcels } = await warehouse.shipmentOf(shipment.shipmentId);
    const reference = parcels![0]!.id;
    const isLost = await world.fault('carrier', { operation: 'labels.create', kind: 'lose_reply', reference });
    const isRefused = await world.fault('carrier', { operation: 'labels.create', kind: 'refuse', reference });
    await inTime(act());
    expect(await isLost()).toBe(true);
    expect(await isRefused()).toBe(true);
    return shipment;
  }

  test('is the parcel’s all the same', async () => {
    await expectEnds(await refused(), ready);
  });

  test('is given back where the shipment is cancelled', async () => {
    const shipment = await refused();
    await world.cancel(shipment.orderId);
    await expectEnds(shipment, paidBack);
  });
});

test('what killed workers have left is done once', async () => {
  expect(killed).toHaveLength(3);
  for (const { ready, ends, done } of killed) {
    await done;
    await expectEnds(ready, ends);
  }
}, 90_000);

test('the carrier has sold no label that nobody knows', async () => {
  const { labels } = await warehouse.carrierState();
  const shipments = await world.mongo.models.shipments.find({ 'parcels.0': { $exists: true } }).lean();
  const known = new Set(shipments.flatMap(({ parcels }) => parcels!.flatMap(({ label }) => label?.id ?? [])));
  expect(labels.filter(({ id }) => !known.has(id))).toEqual([]);
  expect(labels.length).toBeGreaterThan(40);
});

test('nothing that comes later changes an end', async () => {
  await world.inboxIsEmpty();
  for (const { ends, ...shipped } of came) await expectNow(shipped, ends);
  expect(came.length).toBeGreaterThan(50);
});

test('every workflow replays', async () => {
  expect(await world.replayFailures()).toEqual([]);
});

test('the auditor finds nothing', async () => {
  expect(await world.violations()).toEqual([]);
});

/** What hangs is a fault of its cell, not of its row. */
function inTime<T>(acting: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error('It has not ended within 30 s')), 30_000).unref();
  });
  return Promise.race([acting, late]);
}

function isOf(orderId: string): (input: StepInput) => Promise<boolean> {
  return async ({ orderId: of, state, reference, handOverId, returnId }) => {
    const { shipments, handOvers, returns } = world.mongo.models;
    const returned = returnId === undefined ? null : await returns.findById(returnId).lean();
    const handOver = handOverId === undefined ? null : await handOvers.findById(handOverId).lean();
    const shipmentId = reference ?? handOver?.parcels[0]?.shipmentId;
    const shipment = shipmentId === undefined ? null : await shipments.findById(shipmentId).lean();
    return [of, state?.orderId, shipment?.orderId, returned?.orderId].includes(orderId);
  };
}

async function expectEnds({ orderId, shipmentId }: Shipped, ends: Ends): Promise<void> {
  const ended = () =>
    expectNow({ orderId, shipmentId }, ends)
      .then(() => true)
      .catch(() => false);
  await until(ended, 'it has ended', 5_000).catch(() => {});
  await expectNow({ orderId, shipmentId }, ends);
  came.push({ orderId, shipmentId, ends });
}

async function expectNow({ orderId, shipmentId }: Shipped, ends: Ends): Promise<void> {
  expect(await endsOf(orderId, shipmentId)).toEqual({ ...ends, mails: [...ends.mails].sort() });
}

async function endsOf(orderId: string, shipmentId: string): Promise<Ends> {
  const { models } = world.mongo;
  const { status, state } = await world.readOrder(orderId);
  const { parcels = [] } = await warehouse.shipmentOf(shipmentId);
  const ids = parcels.map(({ id }) => id);
  const { labels, manifests } = await warehouse.carrierState();
  const sold = labels.filter(({ reference }) => ids.includes(reference));
  const recorded = parcels.flatMap(({ label }) => label ?? []);
  const isRecorded = ({ id, trackingNumber, status: is }: SoldLabel) => {
    const label = recorded.find((each) => each.id === id);
    return label?.trackingNumber === trackingNumber && (label.voided !== undefined) === (is === 'voided');
  };
  const { captured, refunds } = await world.atStripe(orderId);
  const moves = await models.movements.find({ reference: shipmentId, kind: 'ship' }).lean();
  const returns = await models.returns.find({ orderId }, { _id: 1 }).lean();
  const reference = { $in: returns.map(({ _id }) => _id) };
  const back = await models.movements.find({ reference, kind: 'return' }).lean();
  const reships = await models.orders.find({ reshipOf: { $in: ids } }).lean();
  return {
    order: status,
    shipments: state!.shipments.map((shipment) => shipment.status),
    labels: sold.map((label) => label.status),
    isLabelled: recorded.length === sold.length && sold.every(isRecorded),
    manifests: manifests.filter(({ labelIds }) => sold.some(({ id }) => labelIds.includes(id))).length,
    shipped: moves.map(({ onHandChange }) => onHandChange),
    returned: back.map(({ onHandChange }) => onHandChange),
    ...{ captured, refunds },
    claims: await models.carrierClaims.countDocuments({ parcelId: { $in: ids } }),
    reships: reships.map(({ lines }) => lines.map(({ quantity }) => quantity)),
    mails: (await world.mailsOf(orderId)).sort(),
  };
}

// ---- Killed processes ----

/** A worker that freezes when the carrier has answered, and is killed then. */
async function startDoomed(call: Call): Promise<(meanwhile: () => Promise<unknown>) => Promise<void>> {
  const at = `${call}:after`;
  const env = { ...process.env, ...world.childEnvironment, TASK_QUEUE: 'providers', FREEZE_AT: at };
  const child = await startNode({
    name: `${call}-${children.length}`,
    file: 'test/support/child-worker.ts',
    env,
    dataDir: folder,
  });
  children.push(child);
  return async (meanwhile) => {
    const frozen = JSON.stringify({ msg: 'frozen', step: at });
    await until(async () => readFileSync(child.logFile, 'utf8').includes(frozen), `${call} is frozen`);
    await meanwhile();
    child.kill('SIGKILL');
  };
}

// ---- The orders ----

/** The order is cancelled while a step of it is under way, and what it held is given back. */
async function cancelBehindIt({ orderId, shipmentId }: Shipped): Promise<void> {
  await world.orderHandle(orderId).signal(cancelSignal, { actor: 'test', reason: 'changed my mind' });
  const isCancelled = async () => (await warehouse.shipmentOf(shipmentId)).cancelledAt !== undefined;
  await until(isCancelled, `${shipmentId} is cancelled`);
}

/** A mug and a pen, picked, and in one parcel or in one each. */
function packed(parcels: number): () => Promise<Ready> {
  return async () => {
    const items = [
      { sku: 'MUG', quantity: 1 },
      { sku: pen, quantity: 1 },
    ];
    const { orderId } = await world.place({ items });
    const [shipment] = await world.shipmentsOf(orderId);
    const shipmentId = shipment!.id;
    await world.pickAll(shipmentId);
    const units = (await warehouse.shipmentOf(shipmentId)).lines.map(({ lineId }) => ({ lineId, quantity: 1 }));
    await warehouse.fillBoxes(shipmentId, parcels === 1 ? [units] : units.map((each) => [each]));
    return { orderId, shipmentId, act: () => warehouse.tellPacked(shipmentId) };
  };
}

async function made(parcels: number): Promise<Shipped> {
  const { orderId, shipmentId, act } = await packed(parcels)();
  expect(await act()).toBe('ready');
  return { orderId, shipmentId };
}

function cancelled(parcels: number): () => Promise<Ready> {
  return async () => {
    const shipment = await made(parcels);
    return { ...shipment, act: () => world.cancel(shipment.orderId) };
  };
}

function handedOver(parcels: number): () => Promise<Ready> {
  return async () => {
    const shipment = await made(parcels);
    return { ...shipment, act: () => world.handOver(shipment.orderId, shipment.shipmentId) };
  };
}

async function scannedOut(): Promise<Ready> {
  const { orderId, shipmentId } = await made(2);
  const barcodes = (await warehouse.shipmentOf(shipmentId)).parcels!.map(({ id }) => id);
  return { orderId, shipmentId, act: () => warehouse.scanOut('wh_east', barcodes, { manifest: true }) };
}

/** Of two parcels one arrives. */
function oneIsLost(given: Answer): () => Promise<Ready> {
  return async () => {
    const { orderId, shipmentId } = await made(2);
    await world.handOver(orderId, shipmentId);
    await world.carrierSays(shipmentId, 'delivered', { parcel: 0 });
    await world.carrierSays(shipmentId, 'lost', { parcel: 1 });
    const { id } = await world.incident(orderId, 'lost');
    return { orderId, shipmentId, act: () => world.answer(orderId, id, given) };
  };
}

/** What the carrier brings back is received, and put on its shelf. */
async function broughtBack(): Promise<Ready> {
  const { orderId, shipmentId } = await made(1);
  await world.handOver(orderId, shipmentId);
  const { lines } = await warehouse.shipmentOf(shipmentId);
  const units = lines.map(({ lineId }) => ({ lineId, quantity: 1 }));
  const actor = 'warehouse:test';
  const act = async () => {
    await world.carrierSays(shipmentId, 'returned_to_sender');
    const found = () => world.mongo.models.returns.findOne({ orderId }).lean();
    await until(async () => (await found())?.state !== undefined, 'it is a return');
    const handle = world.returnHandle((await found())!._id);
    const came = units.map((unit) => ({ ...unit, reception: 'received' as const }));
    await handle.executeUpdate(receiveReturn, { args: [{ lines: came, actor }] });
    const fates = units.map((unit) => ({ ...unit, disposition: 'restock' as const }));
    await handle.executeUpdate(inspectReturn, { args: [{ lines: fates, actor }] });
    expect(await handle.result()).toBe('completed');
  };
  return { orderId, shipmentId, act };
}
