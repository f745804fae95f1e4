/** Waves on a real database: whoever else makes lists at the same time, and when one is released again. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { makePickList, takeNext } from '../../activities/picking/lists.ts';
import { releaseWave } from '../../activities/picking/waves.ts';
import { newId } from '../../models/id.ts';
import { connectMongo, type Mongo } from '../../platform/mongo.ts';
import { newDatabaseUri } from '../support/servers.ts';
import { newShipment, pickLine } from '../support/shipments.ts';

let mongo: Mongo;
beforeAll(async () => {
  mongo = await connectMongo(newDatabaseUri());
  for (const model of Object.values(mongo.models)) await model.createIndexes();
});
afterAll(async () => {
  await mongo.connection.dropDatabase();
  await mongo.close();
});

async function open(warehouseId: string, count: number): Promise<string[]> {
  const shipments = Array.from({ length: count }, () =>
    newShipment({ warehouseId, lines: [pickLine('line_1', 'MUG', 1)] }),
  );
  await mongo.models.shipments.create(shipments);
  await mongo.models.orders.collection.insertMany(
    shipments.map(({ orderId }) => ({ _id: orderId, status: 'confirmed' })) as never[],
  );
  return shipments.map(({ _id }) => _id);
}

const release = (warehouseId: string, waveId = newId('wav')) =>
  releaseWave(mongo, {
    ...{ waveId, warehouseId, actor: 'eve' },
    rules: { groupBy: [], shipmentsAList: 4, unitsAList: 100, gramsAList: 100_000, limit: 100 },
  });

/** Which list each shipment names. */
async function listed(shipmentIds: readonly string[]): Promise<(string | null)[]> {
  const found = await mongo.models.shipments.find({ _id: { $in: [...shipmentIds] } }, { pickListId: 1 }).lean();
  return found.map(({ pickListId }) => pickListId);
}

test('waves and single lists at once: every shipment is on one list, and no list is empty', async () => {
  const shipmentIds = await open('berlin', 30);
  const [one, two, three] = await Promise.all([release('berlin'), release('berlin'), release('berlin')]);
  await Promise.allSettled(
    shipmentIds.map((id) => makePickList(mongo, { id: newId('pkl'), shipmentIds: [id], actor: 'ann', take: false })),
  );
  const released = new Set([one, two, three].flatMap((lists) => lists.map(({ _id }) => _id)));
  const named = await listed(shipmentIds);
  expect(named).toHaveLength(30);
  expect(new Set(named)).toEqual(released);
  const stored = await mongo.models.pickLists.find({ warehouseId: 'berlin', kind: 'wave' }, { _id: 1 }).lean();
  expect(new Set(stored.map(({ _id }) => _id))).toEqual(released);
});

test('a wave that stopped before its lists were filled is filled when it is released again', async () => {
  const shipmentIds = await open('munich', 9);
  const lists = await release('munich', 'wav_again');
  await mongo.models.shipments.updateMany({ _id: { $in: shipmentIds.slice(2) } }, { $set: { pickListId: null } });
  const again = await release('munich', 'wav_again');
  const ids = (some: typeof lists) => some.map(({ _id }) => _id).sort();
  expect(ids(again)).toEqual(ids(lists));
  expect(await listed(shipmentIds)).not.toContain(null);
  expect(await mongo.models.pickLists.countDocuments({ warehouseId: 'munich' })).toBe(3);
});

test('a wave of nothing has no lists', async () => {
  expect(await release('nowhere')).toEqual([]);
});

test('a picker gets the one of their lists that has work left, and else a free one', async () => {
  const [done, begun] = [await open('hamburg', 1), await open('hamburg', 1)];
  const take = (shipmentIds: string[]) =>
    makePickList(mongo, { id: newId('pkl'), shipmentIds, actor: 'ann', take: true });
  const [first, second] = [await take(begun), await take(done)];
  await mongo.models.shipments.updateMany({ _id: { $in: done } }, { $set: { pickedAt: new Date() } });
  expect((await takeNext(mongo, { warehouseId: 'hamburg', actor: 'ann' }))?._id).toBe(first._id);
  await mongo.models.shipments.updateMany({ _id: { $in: begun } }, { $set: { pickedAt: new Date() } });
  expect(await takeNext(mongo, { warehouseId: 'hamburg', actor: 'ann' })).toBeNull();
  await open('hamburg', 1);
  const [free] = await release('hamburg');
  const next = await takeNext(mongo, { warehouseId: 'hamburg', actor: 'ann' });
  expect(next?._id).toBe(free!._id);
  expect(next?._id).not.toBe(second._id);
});
