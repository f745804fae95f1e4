import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type PickResult, reportShort, scanPick } from '../../activities/picking.ts';
import { newId } from '../../models/id.ts';
import { startApi, type TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

async function pickList(...lines: [sku: string, quantity: number][]): Promise<string> {
  const shipmentId = newId('shp');
  await api.mongo.models.shipments.create([
    {
      _id: shipmentId,
      orderId: 'ord_1',
      warehouseId: 'berlin',
      createdAt: new Date(),
      lines: lines.map(([sku, quantity], index) => ({
        lineId: `line_${index + 1}`,
        sku,
        name: sku,
        quantity,
        picked: 0,
        state: 'pending' as const,
      })),
    },
  ]);
  return shipmentId;
}

const scan = (shipmentId: string, scanId: string, sku: string, quantity: number) =>
  scanPick(api.mongo, { shipmentId, scanId, sku, quantity });
const short = (shipmentId: string, scanId: string, lineId: string) =>
  reportShort(api.mongo, { shipmentId, scanId, lineId, reason: 'stockout' });
const pickedOf = ({ shipment }: PickResult) => shipment.lines.map(({ picked }) => picked);
const eventOf = (shipmentId: string) => api.mongo.models.inbox.findById(`picking:${shipmentId}`).lean();

test('20 scanners at once pick exactly what was asked', async () => {
  const id = await pickList(['MUG', 7], ['LAMP', 1]);
  const scans = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => scan(id, `scan-${n}`, 'MUG', 1)));
  expect(scans.filter(({ status }) => status === 'fulfilled')).toHaveLength(7);
  for (const each of scans) {
    if (each.status === 'rejected')
      expect(each.reason).toMatchObject({ code: 'wrong_item', expected: [{ sku: 'LAMP', left: 1 }] });
  }
  expect(await eventOf(id)).toBeNull();
  const last = await scan(id, 'last', 'LAMP', 1);
  expect(pickedOf(last)).toEqual([7, 1]);
  expect(last.shipment.pickedAt).toBeInstanceOf(Date);
  expect(await eventOf(id)).toMatchObject({
    source: 'picking',
    type: 'picking.closed',
    payload: { orderId: 'ord_1', shipmentId: id, short: false },
    deliveredAt: null,
    // Whoever packs at once tells of the picking too.
    nextTryAt: new Date(last.shipment.pickedAt!.getTime() + 2_000),
  });
});

test('one scan sent 20 times counts once, also the one that closes the list', async () => {
  const id = await pickList(['MUG', 2]);
  const all = await Promise.all(Array.from({ length: 20 }, () => scan(id, 'same', 'MUG', 2)));
  expect(all.filter(({ applied }) => applied)).toHaveLength(1);
  for (const each of all) expect(pickedOf(each)).toEqual([2]);
  expect(await api.mongo.models.inbox.countDocuments({ 'payload.shipmentId': id })).toBe(1);
});

test('lines of one SKU are filled in order', async () => {
  const id = await pickList(['MUG', 2], ['LAMP', 1], ['MUG', 3]);
  expect(pickedOf(await scan(id, '1', 'MUG', 3))).toEqual([2, 0, 1]);
  await expect(scan(id, '2', 'MUG', 3)).rejects.toMatchObject({ code: 'too_many' });
  expect(pickedOf(await scan(id, '3', 'MUG', 2))).toEqual([2, 0, 3]);
});

test('a short of zero, and one of the rest, close the list as short', async () => {
  const id = await pickList(['MUG', 2], ['LAMP', 3]);
  expect(pickedOf(await scan(id, '1', 'LAMP', 1))).toEqual([0, 1]);
  await short(id, '2', 'line_1');
  expect(await eventOf(id)).toBeNull();
  const { shipment } = await short(id, '3', 'line_2');
  expect(shipment.lines).toMatchObject([
    { picked: 0, state: 'short', shortReason: 'stockout' },
    { picked: 1, state: 'short', shortReason: 'stockout' },
  ]);
  expect(await eventOf(id)).toMatchObject({ payload: { short: true } });
  await expect(scan(id, '4', 'LAMP', 1)).rejects.toMatchObject({ code: 'closed' });
  expect(await short(id, '3', 'line_2')).toMatchObject({ applied: false });
});

test('the last scan and a cancellation race: one of them wins, whole', async () => {
  for (let n = 0; n < 10; n += 1) {
    const id = await pickList(['MUG', 1]);
    const cancel = api.mongo.models.shipments.updateOne(
      { _id: id, pickedAt: { $exists: false } },
      { $set: { cancelledAt: new Date() } },
    );
    const [scanned, cancelled] = await Promise.allSettled([scan(id, '1', 'MUG', 1), cancel]);
    const wasCancelled = cancelled.status === 'fulfilled' && cancelled.value.modifiedCount === 1;
    expect(scanned.status).toBe(wasCancelled ? 'rejected' : 'fulfilled');
    expect(await eventOf(id)).toEqual(wasCancelled ? null : expect.anything());
  }
});

test('over the API a refusal says what was expected', async () => {
  const id = await pickList(['MUG', 2]);
  const token = api.tokens.warehouse;
  const post = (path: string, body: object) => api.ask('POST', `/v1/shipments/${id}/${path}`, { token, body });
  const wrong = await post('scans', { scanId: '1', sku: 'LAMP', quantity: 1 });
  expect(wrong.status).toBe(409);
  expect(wrong.body).toMatchObject({ code: 'wrong_item', expected: [{ lineId: 'line_1', sku: 'MUG', left: 2 }] });
  expect((await post('scans', { scanId: '2', sku: 'MUG', quantity: 3 })).body).toMatchObject({ code: 'too_many' });
  expect((await post('scans', { scanId: '3', sku: { $ne: '' }, quantity: 1 })).status).toBe(400);
  expect((await post('shorts', { scanId: '4', lineId: 'line_9', reason: 'stockout' })).body.code).toBe('wrong_item');
  expect((await post('shorts', { scanId: '5', lineId: 'line_1', reason: 'bored' })).status).toBe(400);
  const none = await api.ask('POST', '/v1/shipments/shp_none/scans', {
    token,
    body: { scanId: '1', sku: 'MUG', quantity: 1 },
  });
  expect(none.status).toBe(404);
});
