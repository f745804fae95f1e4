/** What a customer is promised, and that nothing later is placed without a word. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { until } from '../support/until.ts';
import { newKey, orderBody, seedShop, startApi, type TestApi } from './support.ts';

let api: TestApi;
const address = { name: 'Ada', line1: 'Street 1', city: 'Berlin', postalCode: '10115', country: 'DE' };
const open = { timeZone: 'Europe/Berlin', workdays: [1, 2, 3, 4, 5, 6, 7], cutOff: '23:59' };

beforeAll(async () => {
  api = await startApi();
  await seedShop(api);
  const zone = { countries: ['*'], prices: { EUR: [{ price: 490 }] }, minDays: 1, maxDays: 3 };
  const body = { name: 'Post', active: true, zones: [zone] };
  await api.ask('PUT', '/v1/delivery-methods/post', { token: api.tokens.admin, body });
});
afterAll(() => api.stop());

async function quote() {
  const body = { currency: 'EUR', items: [{ sku: 'MUG', quantity: 1 }], destination: { country: 'DE' } };
  return (await api.ask('POST', '/v1/quotes', { body })).body;
}

/** Answers with a quote by it, once it counts. It has to make a difference. */
async function setCalendar(calendar: object) {
  const before = (await quote()).shipping.dispatchBy;
  const body = { name: 'Berlin', address, priority: 1, active: true, calendar };
  const { status } = await api.ask('PUT', '/v1/warehouses/berlin', { token: api.tokens.admin, body });
  expect(status).toBe(200);
  await until(async () => (await quote()).shipping.dispatchBy !== before, 'the new calendar counts');
  return quote();
}

test('a quote says when it leaves, when it arrives, and until when it has to be ordered for that', async () => {
  const { shipping, deliveryOptions, orderBy } = await setCalendar(open);
  const { dispatchBy, earliest, promisedBy } = shipping;
  expect(deliveryOptions).toEqual([
    { method: 'post', name: 'Post', price: 490, discounted: 490, dispatchBy, earliest, promisedBy },
  ]);
  expect(orderBy).toBe(dispatchBy);
  const leaves = new Date(dispatchBy).toLocaleString('sv', { timeZone: 'Europe/Berlin' });
  expect(leaves).toMatch(/ 23:59:00$/);
  expect(leaves.slice(0, 10) < earliest && earliest < promisedBy).toBe(true);
});

test('an order that would come later than it was quoted is told so, with a quote that can be placed', async () => {
  const told = await quote();
  const later = await setCalendar({ ...open, handlingDays: 8 });
  const order = { ...orderBody(), currency: undefined, items: undefined, expectedTotal: undefined };
  const refused = await api.ask('POST', '/v1/orders', { headers: newKey(), body: { ...order, quoteId: told.id } });
  expect(refused).toMatchObject({
    status: 409,
    body: {
      type: 'https://waybill.dev/problems/price-changed',
      changes: [{ what: 'promised_date', before: told.shipping.promisedBy, after: later.shipping.promisedBy }],
      quote: { shipping: later.shipping, orderBy: later.orderBy },
    },
  });
  expect(api.sent).toEqual([]);
});

test('the commands of docs/delivery-promise.md do what it says', async () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/delivery-promise.md'), 'utf8');
  const bodyOf = (start: string) => JSON.parse(new RegExp(`${start} [^']*-d '([^']+)'`).exec(text)![1]!);
  const { admin, support } = api.tokens;
  const warehouse = bodyOf('PUT \\$API/warehouses/berlin');
  const before = (await quote()).shipping.dispatchBy;
  expect(await api.ask('PUT', '/v1/warehouses/berlin', { token: admin, body: warehouse })).toMatchObject({
    ...{ status: 200, body: { calendar: warehouse.calendar } },
  });
  const method = bodyOf('PUT \\$API/delivery-methods/standard');
  expect(await api.ask('PUT', '/v1/delivery-methods/standard', { token: admin, body: method })).toMatchObject({
    ...{ status: 201, body: method },
  });
  const [, path] = /curl "\$API(\S+)"/.exec(text)!;
  expect(await api.ask('GET', `/v1${path}`, { token: support })).toMatchObject({ status: 200 });

  await until(async () => (await quote()).shipping.dispatchBy !== before, 'the new calendar counts');
  const { status, body } = await api.ask('POST', '/v1/quotes', { body: bodyOf('POST \\$API/quotes') });
  expect(status).toBe(201);
  expect(new Date(body.orderBy).toLocaleTimeString('sv', { timeZone: 'Europe/Berlin' })).toBe('14:00:00');
});
