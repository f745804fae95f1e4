/** Scans against a list: what counts, what is refused and why, and what a scanner that was away may send later. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { disband, giveBack, makePickList, takeList, takeNext } from '../../activities/picking/lists.ts';
import { readPickList } from '../../activities/picking/read.ts';
import { reportShort, scanPick } from '../../activities/picking/scans.ts';
import { releaseWave } from '../../activities/picking/waves.ts';
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
import type { Shipment } from '../../models/shipment.ts';
import { stockId } from '../../models/stock.ts';
import { connectMongo, type Mongo } from '../../platform/mongo.ts';
import { barcodeKey } from '../../workflows/domain/barcodes.ts';
import { newDatabaseUri } from '../support/servers.ts';
import { newShipment, pickLine } from '../support/shipments.ts';

let mongo: Mongo;
beforeAll(async () => {
  mongo = await connectMongo(newDatabaseUri());
  for (const model of Object.values(mongo.models)) await model.createIndexes();
  await mongo.models.products.create(
    ['MUG', 'LAMP', 'PEN'].map((sku, index) => {
      const barcodes = [['4006381333931', '96385074', '036000291452'][index]!];
      const barcodeKeys = barcodes.map(barcodeKey);
      return { _id: sku, name: sku, weightGrams: 400, prices: { USD: 1000 }, active: true, barcodes, barcodeKeys };
    }),
  );
});
afterAll(async () => {
  await mongo.connection.dropDatabase();
  await mongo.close();
});

/** A shipment of an order that wants it picked. */
async function open(
  lines: [sku: string, quantity: number, bin?: string][],
  more: Partial<Shipment> = {},
): Promise<string> {
  const shipment = newShipment({
    lines: lines.map(([sku, quantity, bin], index) => pickLine(`line_${index + 1}`, sku, quantity, bin ? { bin } : {})),
    ...more,
  });
  await mongo.models.shipments.create([shipment]);
  await mongo.models.orders.collection.insertOne({ _id: shipment.orderId, status: 'confirmed' } as never);
  return shipment._id;
}

async function listOf(...shipmentIds: string[]): Promise<string> {
  const list = await makePickList(mongo, { id: newId('pkl'), shipmentIds, actor: 'ann', take: true });
  return list._id;
}

async function list(...lines: [sku: string, quantity: number, bin?: string][]) {
  const shipmentId = await open(lines);
  return { shipmentId, listId: await listOf(shipmentId) };
}

interface Said {
  scanId?: string;
  quantity?: number;
  bin?: string;
  actor?: string;
  madeAt?: Date;
  shipmentId?: string;
}
const scan = (listId: string, barcode: string, said: Said = {}) =>
  scanPick(mongo, { listId, barcode, scanId: newId('req'), quantity: 1, actor: 'ann', madeAt: new Date(), ...said });
const short = (listId: string, sku: string, said: Said = {}) =>
  reportShort(mongo, {
    ...{ listId, sku, scanId: newId('req'), actor: 'ann', madeAt: new Date(), reason: 'stockout' as const },
    ...said,
  });
const shipmentOf = (id: string) => mongo.models.shipments.findById(id).lean<Shipment>().orFail();
const pickedOf = async (id: string) => (await shipmentOf(id)).lines.map(({ picked }) => picked);
const eventOf = (id: string) => mongo.models.inbox.findById(`picking:${id}`).lean();
const setOrder = (id: string, status: Order['status']) =>
  shipmentOf(id).then(({ orderId }) =>
    mongo.models.orders.collection.updateOne({ _id: orderId } as never, { $set: { status } }),
  );

test('20 scanners at once pick exactly what was asked', async () => {
  const { shipmentId, listId } = await list(['MUG', 7], ['LAMP', 1]);
  const scans = await Promise.allSettled(Array.from({ length: 20 }, () => scan(listId, '4006381333931')));
  expect(scans.filter(({ status }) => status === 'fulfilled')).toHaveLength(7);
  for (const each of scans)
    if (each.status === 'rejected')
      expect(each.reason).toMatchObject({ code: 'too_many', expected: [{ sku: 'LAMP', left: 1, slot: 1 }] });
  expect(await eventOf(shipmentId)).toBeNull();
  await scan(listId, 'LAMP');
  expect(await pickedOf(shipmentId)).toEqual([7, 1]);
  const { pickedAt } = await shipmentOf(shipmentId);
  expect(await eventOf(shipmentId)).toMatchObject({
    source: 'picking',
    payload: { shipmentId, short: false },
    // Whoever packs at once tells of the picking too.
    nextTryAt: new Date(pickedAt!.getTime() + 2_000),
  });
});

test('one scan sent 20 times counts once, also the one that closes the list', async () => {
  const { shipmentId, listId } = await list(['MUG', 2]);
  const all = await Promise.all(Array.from({ length: 20 }, () => scan(listId, 'MUG', { scanId: 'same', quantity: 2 })));
  expect(all.filter(({ applied }) => applied)).toHaveLength(1);
  for (const { puts } of all) expect(puts).toMatchObject([{ shipmentId, slot: 1, quantity: 2 }]);
  expect(await mongo.models.inbox.countDocuments({ 'payload.shipmentId': shipmentId })).toBe(1);
  expect(await mongo.models.pickScans.countDocuments({ pickListId: listId })).toBe(1);
});

test('scans of one moment on several lists are told apart', async () => {
  const [one, two] = [await list(['MUG', 2]), await list(['MUG', 1])];
  const outcomes = await Promise.allSettled([
    ...[scan(one.listId, 'MUG'), scan(two.listId, 'MUG'), scan(one.listId, 'LAMP'), scan('pkl_none', 'MUG')],
    ...[scan(one.listId, 'MUG'), scan(two.listId, 'MUG')],
  ]);
  const codes = outcomes.map((each) => (each.status === 'fulfilled' ? 'ok' : each.reason.code));
  expect(codes).toEqual(['ok', 'ok', 'wrong_item', 'unknown_list', 'ok', 'closed']);
  expect(await pickedOf(one.shipmentId)).toEqual([2]);
  expect(await pickedOf(two.shipmentId)).toEqual([1]);
});

describe('a scan that does not fit is refused with what was expected', () => {
  test('an unknown barcode, another product, too many', async () => {
    const { listId, shipmentId } = await list(['MUG', 2]);
    const expected = [{ shipmentId, slot: 1, sku: 'MUG', left: 2 }];
    await expect(scan(listId, '5901234123457')).rejects.toMatchObject({ code: 'unknown_barcode', expected });
    await expect(scan(listId, '96385074')).rejects.toMatchObject({ code: 'wrong_item', expected });
    await expect(scan(listId, 'MUG', { quantity: 3 })).rejects.toMatchObject({
      code: 'too_many',
      message: '3 of MUG scanned, 2 are still to be picked',
    });
    expect(await pickedOf(shipmentId)).toEqual([0]);
  });

  test('a wrong bin, also where none was scanned; any bin that the goods lie in by now is right', async () => {
    const { listId, shipmentId } = await list(['PEN', 2, 'A-01']);
    await mongo.models.stock.create([
      {
        ...{ _id: stockId('PEN', 'berlin'), sku: 'PEN', warehouseId: 'berlin', onHand: 9, damaged: 0, reserved: 0 },
        ...{ committed: 0, incoming: 0, safetyStock: 0, seq: 0, bins: ['B-07'] },
      },
    ]);
    await expect(scan(listId, 'PEN')).rejects.toMatchObject({ code: 'wrong_bin', expected: [{ bin: 'A-01' }] });
    await expect(scan(listId, 'PEN', { bin: 'A-02' })).rejects.toThrow('PEN lies in A-01 or B-07, not in A-02');
    await scan(listId, 'PEN', { bin: 'A-01' });
    await scan(listId, '036000291452', { bin: 'B-07' });
    expect(await pickedOf(shipmentId)).toEqual([2]);
  });

  test('an order on hold, a cancelled shipment, and one that is picked', async () => {
    const { listId, shipmentId } = await list(['MUG', 2]);
    await scan(listId, 'MUG');
    await setOrder(shipmentId, 'on_hold');
    await expect(scan(listId, 'MUG')).rejects.toMatchObject({ code: 'on_hold' });
    await setOrder(shipmentId, 'processing');
    await scan(listId, 'MUG');
    await expect(scan(listId, 'MUG')).rejects.toMatchObject({ code: 'closed' });
    const other = await list(['MUG', 2]);
    await mongo.models.shipments.updateOne({ _id: other.shipmentId }, { $set: { cancelledAt: new Date() } });
    await expect(scan(other.listId, 'MUG')).rejects.toMatchObject({ code: 'cancelled' });
    await expect(short(other.listId, 'MUG')).rejects.toMatchObject({ code: 'cancelled' });
  });
});

test('lines of one product are filled in order, over the boxes of a batch, or into the one that is named', async () => {
  const [first, second] = [
    await open([
      ['MUG', 2],
      ['LAMP', 1],
      ['MUG', 3],
    ]),
    await open([['MUG', 4]]),
  ];
  const listId = await listOf(first, second);
  expect((await scan(listId, 'MUG', { quantity: 6 })).puts).toEqual([
    { shipmentId: first, slot: 1, lineId: 'line_1', quantity: 2 },
    { shipmentId: first, slot: 1, lineId: 'line_3', quantity: 3 },
    { shipmentId: second, slot: 2, lineId: 'line_1', quantity: 1 },
  ]);
  await expect(scan(listId, 'MUG', { shipmentId: first })).rejects.toMatchObject({ code: 'too_many' });
  await scan(listId, 'MUG', { shipmentId: second, quantity: 3 });
  expect(await pickedOf(second)).toEqual([4]);
  expect(await eventOf(second)).not.toBeNull();
  expect(await eventOf(first)).toBeNull();
});

describe('short picks', () => {
  test('of zero, and of the rest, close the shipment as short', async () => {
    const { shipmentId, listId } = await list(['MUG', 2], ['LAMP', 3]);
    await scan(listId, 'LAMP');
    await short(listId, 'MUG');
    expect(await eventOf(shipmentId)).toBeNull();
    await short(listId, 'LAMP', { scanId: 'last' });
    const { lines } = await shipmentOf(shipmentId);
    expect(lines).toMatchObject([
      { picked: 0, state: 'short', shortReason: 'stockout' },
      { picked: 1, state: 'short', shortReason: 'stockout' },
    ]);
    expect(await eventOf(shipmentId)).toMatchObject({ payload: { short: true } });
    expect(await short(listId, 'LAMP', { scanId: 'last' })).toMatchObject({ applied: false });
    await expect(short(listId, 'LAMP')).rejects.toMatchObject({ code: 'closed' });
  });

  test('a unit that was scanned before the report, and whose scan comes after it, counts', async () => {
    const { shipmentId, listId } = await list(['MUG', 2], ['LAMP', 1]);
    const before = new Date();
    await short(listId, 'MUG', { madeAt: new Date(before.getTime() + 1) });
    await scan(listId, 'MUG', { madeAt: before });
    await expect(scan(listId, 'MUG')).rejects.toMatchObject({ code: 'too_many' });
    expect((await shipmentOf(shipmentId)).lines[0]).toMatchObject({ picked: 1, state: 'short' });
    await scan(listId, 'MUG', { madeAt: before });
    expect((await shipmentOf(shipmentId)).lines[0]).toMatchObject({ picked: 2, state: 'picked' });
    expect((await shipmentOf(shipmentId)).lines[0]!.shortReason).toBeUndefined();
  });
});

describe('a list', () => {
  test('never has units that another has: of 20 at once, one gets the shipment', async () => {
    const shipmentId = await open([['MUG', 1]]);
    const made = await Promise.allSettled(Array.from({ length: 20 }, () => listOf(shipmentId)));
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const each of made)
      if (each.status === 'rejected') expect(each.reason.message).toMatch(/is on the pick list pkl_\w+ already/);
  });

  test('is all of what was asked, or nothing', async () => {
    const [free, taken] = [await open([['MUG', 1]]), await open([['MUG', 1]])];
    await listOf(taken);
    await expect(listOf(free, taken)).rejects.toThrow('already');
    expect((await shipmentOf(free)).pickListId).toBeNull();
    const held = await open([['MUG', 1]]);
    await setOrder(held, 'on_hold');
    await expect(listOf(free, held)).rejects.toThrow('on hold');
    const elsewhere = await open([['MUG', 1]], { warehouseId: 'hamburg' });
    await expect(listOf(free, elsewhere)).rejects.toThrow('is in hamburg');
    await expect(listOf(free, 'shp_none')).rejects.toThrow('no shipment shp_none');
    await listOf(free);
  });

  test('is taken over: what was scanned before counts, what is scanned after does not', async () => {
    const { shipmentId, listId } = await list(['MUG', 5]);
    await scan(listId, 'MUG');
    const before = new Date();
    await expect(takeList(mongo, { listId, actor: 'bob', takeOver: false })).rejects.toThrow('ann has the pick list');
    await takeList(mongo, { listId, actor: 'bob', takeOver: true });
    await scan(listId, 'MUG', { actor: 'bob' });
    await scan(listId, 'MUG', { actor: 'ann', madeAt: before });
    await expect(scan(listId, 'MUG', { actor: 'ann', madeAt: new Date(Date.now() + 1) })).rejects.toMatchObject({
      code: 'not_yours',
    });
    await expect(scan(listId, 'MUG', { actor: 'eve' })).rejects.toMatchObject({ code: 'not_yours' });
    expect(await pickedOf(shipmentId)).toEqual([3]);
  });

  test('is given back, and is the next of somebody else; with nothing left it is nobody’s next', async () => {
    const warehouseId = 'munich';
    const shipmentId = await open([['MUG', 2]], { warehouseId });
    const listId = await listOf(shipmentId);
    await scan(listId, 'MUG');
    expect(await takeNext(mongo, { warehouseId, actor: 'bob' })).toBeNull();
    await expect(giveBack(mongo, { listId, actor: 'bob' })).rejects.toThrow('ann has the pick list');
    await giveBack(mongo, { listId, actor: 'ann' });
    await giveBack(mongo, { listId, actor: 'ann' });
    expect((await readPickList(mongo, listId))?.status).toBe('free');
    expect((await takeNext(mongo, { warehouseId, actor: 'bob' }))?._id).toBe(listId);
    expect((await takeNext(mongo, { warehouseId, actor: 'bob' }))?._id).toBe(listId);
    await scan(listId, 'MUG', { actor: 'bob' });
    await giveBack(mongo, { listId, actor: 'bob' });
    expect(await takeNext(mongo, { warehouseId, actor: 'bob' })).toBeNull();
    expect((await readPickList(mongo, listId))?.status).toBe('done');
  });

  test('is disbanded: what nobody has begun is open again, the rest stays', async () => {
    const [begun, untouched] = [await open([['MUG', 2]]), await open([['MUG', 1]])];
    const listId = await listOf(begun, untouched);
    await scan(listId, 'MUG', { shipmentId: begun });
    await disband(mongo, listId);
    expect((await shipmentOf(begun)).pickListId).toBe(listId);
    expect((await shipmentOf(untouched)).pickListId).toBeNull();
    await listOf(untouched);
  });

  test('reads in walking order, by box, and says what to put back', async () => {
    const one = await open([
      ['MUG', 2, 'B-02'],
      ['LAMP', 1, 'A-10'],
    ]);
    const two = await open([
      ['MUG', 3, 'B-02'],
      ['PEN', 1, 'A-2'],
    ]);
    const gone = await open([['LAMP', 1, 'A-10']]);
    const listId = await listOf(one, two, gone);
    await scan(listId, 'LAMP', { bin: 'A-10', shipmentId: gone });
    await mongo.models.shipments.updateOne({ _id: gone }, { $set: { cancelledAt: new Date() } });
    const read = await readPickList(mongo, listId);
    expect(read?.lines.map(({ bin, sku, quantity }) => [bin, sku, quantity])).toEqual([
      ['A-2', 'PEN', 1],
      ['A-10', 'LAMP', 1],
      ['B-02', 'MUG', 5],
    ]);
    expect(read?.lines[2]).toMatchObject({
      barcode: '4006381333931',
      slots: [
        { slot: 1, quantity: 2, picked: 0 },
        { slot: 2, quantity: 3, picked: 0 },
      ],
    });
    expect(read?.shipments.map(({ slot, state, putBack }) => [slot, state, putBack])).toEqual([
      [1, 'open', false],
      [2, 'open', false],
      [3, 'cancelled', true],
    ]);
  });
});

test('the last scan and a cancellation race: one of them wins, whole', async () => {
  for (let n = 0; n < 10; n += 1) {
    const { shipmentId, listId } = await list(['MUG', 1]);
    const cancel = mongo.models.shipments.updateOne(
      { _id: shipmentId, pickedAt: { $exists: false } },
      { $set: { cancelledAt: new Date() } },
    );
    const [scanned, cancelled] = await Promise.allSettled([scan(listId, 'MUG'), cancel]);
    const wasCancelled = cancelled.status === 'fulfilled' && cancelled.value.modifiedCount === 1;
    expect(scanned.status).toBe(wasCancelled ? 'rejected' : 'fulfilled');
    expect(await eventOf(shipmentId)).toEqual(wasCancelled ? null : expect.anything());
  }
});

test('a picker who comes before a wave has put anything on its list leaves it to the next', async () => {
  const warehouseId = 'dresden';
  const shipmentId = await open([['MUG', 1]], { warehouseId });
  const rules = { groupBy: [], shipmentsAList: 10, unitsAList: 10, gramsAList: 10_000, limit: 10 };
  const wave = { waveId: newId('wav'), warehouseId, rules, actor: 'ann' };
  const listId = (await releaseWave(mongo, wave))[0]!._id;
  // As whoever released it has left it, who died between the list and what is on it.
  await mongo.models.shipments.updateOne({ _id: shipmentId }, { $set: { pickListId: null } });
  expect(await takeNext(mongo, { warehouseId, actor: 'bob' })).toBeNull();
  expect(await releaseWave(mongo, wave)).toHaveLength(1);
  expect((await takeNext(mongo, { warehouseId, actor: 'bob' }))?._id).toBe(listId);
});
