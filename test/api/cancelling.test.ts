/** Cancelling over the REST API: who may cancel what, until when, and what is told to whoever may not. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createToken } from '../../activities/staff-tokens.ts';
import { defaultSettings } from '../../models/store.ts';
import { serve } from '../support/serve.ts';
import { price } from '../support/shop.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let api: Awaited<ReturnType<typeof serve>>;
let support: string;
let warehouse: string;
beforeAll(async () => {
  world = await startWorld();
  api = await serve(world);
  support = (await createToken(world.mongo, 'support')).token;
  warehouse = (await createToken(world.mongo, 'warehouse')).token;
});
afterAll(async () => {
  expect(await world.violations()).toEqual([]);
  await api.stop();
  await world.stop();
});

const ownerOf = (orderId: string) => api.ownerOf(orderId);
const cancel = (orderId: string, body: object, token: string, key?: string) =>
  api.ask('POST', `/v1/orders/${orderId}/cancel`, { reason: 'too many', ...body }, token, key);
const read = async (orderId: string) => (await api.ask('GET', `/v1/orders/${orderId}`, undefined, support)).body;
const lines = (quantity: number) => ({ lines: [{ lineId: 'line_1', quantity }] });

test('the owner cancels a part; support reads who it was, why, and what it changed, in one read', async () => {
  const { orderId } = await world.place();
  expect(await cancel(orderId, lines(1), ownerOf(orderId))).toEqual({
    status: 200,
    body: { status: 'confirmed', amountDue: price, currency: 'USD' },
  });
  const { lines: read1, timeline } = await read(orderId);
  expect(read1).toMatchObject([{ lineId: 'line_1', quantity: 2, cancelled: 1 }]);
  expect(timeline.at(-1)).toMatchObject({
    ...{ what: 'Cancelled: 1 of line_1', actor: 'customer', why: 'too many' },
    ...{ before: '39.98 USD', after: '19.99 USD' },
  });
  expect((await cancel(orderId, {}, ownerOf(orderId))).body).toMatchObject({ status: 'cancelled' });
});

test('a repeat under its key is the same cancellation; with another body it is refused', async () => {
  const { orderId } = await world.place({ items: [{ sku: 'MUG', quantity: 3 }] });
  const key = 'cancel-a-part-of-it-1';
  const first = await cancel(orderId, lines(1), support, key);
  expect(await cancel(orderId, lines(1), support, key)).toEqual(first);
  expect(await cancel(orderId, lines(2), support, key)).toMatchObject({ status: 422 });
  expect((await read(orderId)).lines).toMatchObject([{ cancelled: 1 }]);
});

describe('a store that lets customers cancel until it is picked', () => {
  beforeAll(async () => {
    const orders = { customersCancelUntil: 'picked' };
    await world.mongo.models.settings.replaceOne({ _id: 'store' }, { ...defaultSettings, orders }, { upsert: true });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
  });

  test('customers cannot afterwards, and support can', async () => {
    const { orderId } = await world.place({
      items: [
        { sku: 'MUG', quantity: 1 },
        { sku: 'LAMP', quantity: 2 },
      ],
    });
    const shipments = await world.shipmentsOf(orderId);
    const mug = shipments.find(({ warehouseId }) => warehouseId === 'wh_east')!.id;
    await world.pickAll(mug);
    await world.shipmentReaches(orderId, mug, 'picked');
    const token = ownerOf(orderId);
    const whole = await cancel(orderId, {}, token);
    expect(whole).toMatchObject({ status: 409, body: { detail: expect.stringContaining('picked already') } });
    expect(await cancel(orderId, lines(1), token)).toMatchObject({ status: 409 });
    const lamp = { lines: [{ lineId: 'line_2', quantity: 1 }] };
    expect(await cancel(orderId, lamp, token)).toMatchObject({ status: 200, body: { amountDue: 2 * price } });
    expect(await cancel(orderId, lines(1), support)).toMatchObject({ status: 200, body: { amountDue: price } });
    expect((await cancel(orderId, {}, support)).body).toMatchObject({ status: 'cancelled' });
  });
});

test.each([
  ['nothing', { lines: [] }, 400],
  ['no units', lines(0), 400],
  ['a line twice', { lines: [...lines(1).lines, ...lines(1).lines] }, 400],
  ['half a unit', { lines: [{ lineId: 'line_1', quantity: 0.5 }] }, 400],
  ['more than there is', lines(9), 409],
  ['an unknown line', { lines: [{ lineId: 'line_9', quantity: 1 }] }, 409],
])('refused, and nothing is changed: %s', async (_what, body, status) => {
  const { orderId } = await world.place();
  const before = await world.readOrder(orderId);
  expect(await cancel(orderId, body, support)).toMatchObject({ status });
  expect((await world.readOrder(orderId)).lines).toEqual(before.lines);
});

test('of another order, or with a token of the warehouse: refused', async () => {
  const { orderId } = await world.place();
  const other = await world.place();
  expect(await cancel(orderId, lines(1), ownerOf(other.orderId))).toMatchObject({ status: 404 });
  expect(await cancel(orderId, lines(1), warehouse)).toMatchObject({ status: 403 });
});

test('what was picked and cancelled is to be put back, and then it is; a count knows both', async () => {
  const sku = await world.newSku({ wh_east: 5 });
  const { orderId } = await world.place({ items: [{ sku, quantity: 3 }] });
  const [shipment] = await world.shipmentsOf(orderId);
  await world.pickAll(shipment!.id);
  await world.shipmentReaches(orderId, shipment!.id, 'picked');
  await cancel(orderId, lines(2), support);
  const path = `/v1/shipments/${shipment!.id}`;
  const toPutBack = [{ lineId: 'line_1', sku, name: sku, quantity: 2 }];
  expect((await api.ask('GET', path, undefined, warehouse)).body).toMatchObject({ toPutBack });
  const count = async () => {
    const asked = { warehouseId: 'wh_east', skus: [sku], reason: 'is it there?' };
    const { body } = await api.ask('POST', '/v1/counts', asked, warehouse);
    await api.ask('PUT', `/v1/counts/${body.id}/counted`, { sku, counted: 2 }, warehouse);
    return (await world.mongo.models.counts.findById(body.id).lean().orFail()).lines[0];
  };
  // Two on the shelf, one in the box, two beside it.
  expect(await count()).toMatchObject({ counted: 2, books: { onHand: 5, picked: 3 } });
  const put = await api.ask('POST', `${path}/put-back`, undefined, warehouse);
  expect(put.body.toPutBack).toBeUndefined();
  expect(await count()).toMatchObject({ books: { onHand: 5, picked: 1 } });
});
