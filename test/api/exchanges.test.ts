/** Exchanges over the real API: what is told before goods move, what is refused, and who may ask. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createToken } from '../../activities/staff-tokens.ts';
import type { Role } from '../../models/access.ts';
import { newId } from '../../models/id.ts';
import { linkToken } from '../../platform/link-token.ts';
import { createExchanges } from '../support/exchanges.ts';
import { seller } from '../support/invoices.ts';
import { type Answered, serve } from '../support/serve.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';
import { config } from './support.ts';

let world: World;
let api: Awaited<ReturnType<typeof serve>>;
let exchanges: ReturnType<typeof createExchanges>;
const tokens = {} as Record<Role, string>;

const policy = { windowDays: 30, returnShipping: 'store', refundShipping: 'never', approval: 'rule' };
const taxes = { inclusiveIn: [], rounding: 'total', source: 'table' };
const settings = {
  ...{ seller, taxes },
  returns: {
    policies: {
      ...{ standard: policy, at_once: { ...policy, exchange: 'at_once' }, kept: { ...policy, exchange: 'none' } },
      fees: { ...policy, restockingPercent: 10 },
    },
  },
};

beforeAll(async () => {
  world = await startWorld();
  api = await serve(world);
  exchanges = createExchanges(world);
  for (const role of ['warehouse', 'support', 'admin'] as const)
    tokens[role] = (await createToken(world.mongo, role)).token;
  await setSettings(settings);
});
afterEach(async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});
afterAll(async () => {
  await api.stop();
  await world.stop();
});

const ask = (method: string, path: string, body?: unknown, token?: string, key?: string) =>
  api.ask(method, `/v1${path}`, body, token, key);
const ownerOf = (orderId: string) => linkToken(config.WAYBILL_SECRET, orderId);

async function setSettings(next: object): Promise<void> {
  expect(await ask('PUT', '/settings', next, tokens.admin)).toMatchObject({ status: 200 });
  // What is remembered of them is a second old at the most.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
}

async function product(returnClass: string, costs = price, units = 10): Promise<string> {
  const sku = await world.newSku({ wh_east: units }, { returnClass });
  await world.mongo.models.products.updateOne({ _id: sku }, { $set: { prices: { USD: costs } } });
  return sku;
}

const bought = async (returnClass = 'standard'): Promise<string> =>
  exchanges.delivered({ items: [{ sku: await product(returnClass), quantity: 2 }] });

function wants(orderId: string, sku: string, more: object = {}, token = ownerOf(orderId), quantity = 2, key?: string) {
  const lines = [{ lineId: 'line_1', quantity: 2, reason: 'does_not_fit' }];
  const exchangeFor = { items: [{ sku, quantity }] };
  return ask('POST', `/orders/${orderId}/returns`, { lines, exchangeFor, ...more }, token, key);
}

const shown = async (returnId: string) => (await ask('GET', `/returns/${returnId}`, undefined, tokens.support)).body;

async function withdrawn(returnId: string): Promise<void> {
  await until(async () => (await shown(returnId)).waitingFor?.event === 'return_arrival', `${returnId} is awaited`);
  const answer = await ask('POST', `/returns/${returnId}/cancel`, { reason: 'Kept it' }, tokens.support);
  expect(answer).toMatchObject({ status: 200, body: { status: 'cancelled' } });
}

test('the difference is told before goods move, and what becomes of it is seen from both orders', async () => {
  const orderId = await bought('fees');
  const asked = await wants(orderId, await product('standard', price + 500), { refundTo: 'original' });
  const credit = Math.round(2 * price * 0.9);
  expect(asked).toMatchObject({
    status: 201,
    body: {
      exchange: {
        ...{ total: 2 * price + 1_000, credit, difference: 2 * price + 1_000 - credit, release: 'on_receipt' },
        lines: [{ lineId: 'line_1', quantity: 2, unitPrice: price + 500 }],
      },
    },
  });
  const { id } = asked.body;
  await until(async () => (await shown(id)).exchange.orderId !== undefined, 'there is an order in exchange');
  const { exchange } = await shown(id);
  const links = async (of: string) => (await ask('GET', `/orders/${of}`, undefined, tokens.support)).body.links;
  expect(await links(orderId)).toMatchObject([{ kind: 'exchanged_by', orderId: exchange.orderId, source: id }]);
  expect(await links(exchange.orderId)).toMatchObject([{ kind: 'exchanges', orderId, source: id }]);

  // Nobody was there to pay: the owner of the order in exchange is asked.
  await world.reaches(exchange.orderId, 'awaiting_payment');
  const own = await ask('GET', `/orders/${exchange.orderId}`, undefined, ownerOf(exchange.orderId));
  expect(own.body.payment).toMatchObject({ credit, amountDue: exchange.difference, purpose: 'setup' });
  const paid = { paymentMethod: 'pm_card_visa' };
  const answer = await ask('POST', `/orders/${exchange.orderId}/payments`, paid, ownerOf(exchange.orderId));
  expect(answer).toMatchObject({ status: 200 });
  await exchanges.reaches(id, 'accepted');
  expect((await ask('GET', `/orders/${orderId}`, undefined, ownerOf(orderId))).body.payment).toMatchObject({
    exchanged: credit,
  });

  await exchanges.takenBack(id);
  await exchanges.completed(id);
  await world.deliver(exchange.orderId);
  expect((await shown(id)).exchange).toMatchObject({ status: 'confirmed', orderId: exchange.orderId });
  const documents = await world.mongo.models.invoices.find({ orderId: exchange.orderId }).lean();
  expect(documents.map(({ content }) => content.paid)).toEqual([{ card: exchange.difference, credit, byReturn: true }]);
  const notes = await world.mongo.models.invoices.find({ orderId, kind: 'credit_note' }).lean();
  expect(notes.map(({ content }) => content.gross)).toEqual([credit]);
});

describe('it is refused clearly, and nothing is changed', () => {
  const isRefused = async (orderId: string, asked: Promise<Answered>, problem: string, body: object = {}) => {
    const answer = await asked;
    expect(answer.body).toMatchObject({ type: `https://waybill.dev/problems/${problem}`, ...body });
    expect(await world.mongo.models.returns.countDocuments({ orderId })).toBe(0);
    return answer;
  };

  test('what is out of stock, unknown, or not sold in the currency', async () => {
    const orderId = await bought();
    const few = await product('standard', price, 1);
    const shortages = [{ sku: few, requested: 2, available: 1 }];
    expect(await isRefused(orderId, wants(orderId, few), 'out-of-stock', { shortages })).toMatchObject({ status: 409 });
    expect(await world.stock(few, 'wh_east')).toMatchObject({ reserved: 0 });
    await isRefused(orderId, wants(orderId, 'NOTHING'), 'unknown-sku');
    const foreign = await product('standard');
    await world.mongo.models.products.updateOne({ _id: foreign }, { $set: { prices: { EUR: 1_000 } } });
    await isRefused(orderId, wants(orderId, foreign), 'not-sold-in-currency', { skus: [foreign] });
  });

  test('a difference that no card can be charged', async () => {
    const orderId = await bought();
    await isRefused(orderId, wants(orderId, await product('standard', price + 10)), 'amount-too-small', { least: 50 });
  });

  test('goods that are only paid back, also together with others', async () => {
    const items = [await product('kept'), await product('at_once')].map((sku) => ({ sku, quantity: 1 }));
    const orderId = await exchanges.delivered({ items });
    const lines = ['line_1', 'line_2'].map((lineId) => ({ lineId, quantity: 1, reason: 'does_not_fit' }));
    const refused = wants(orderId, await product('standard'), { lines });
    expect(await isRefused(orderId, refused, 'exchange-refused')).toMatchObject({ status: 409 });
  });

  test('a body that says two things, or nothing', async () => {
    const orderId = await bought();
    const sku = await product('standard');
    for (const more of [
      { refundTo: 'store_credit' },
      { exchangeFor: { items: [] } },
      { exchangeFor: { items: [{ sku, quantity: 0 }] } },
      { exchangeFor: { items: [{ sku, quantity: 1, price: 1 }] } },
    ])
      expect((await isRefused(orderId, wants(orderId, sku, more), 'invalid-request')).status).toBe(400);
  });

  test("another customer's saved method, and another order's token", async () => {
    const [orderId, sku] = [await bought(), await product('standard', price + 500)];
    const customer = newId('cus');
    await world.mongo.models.customers.create([
      {
        ...{ _id: customer, email: `${customer}@example.com`, name: 'Other', createdAt: new Date() },
        paymentMethods: [{ id: 'pm_of_another', kind: 'card', createdAt: new Date() }],
      },
    ] as never);
    const exchangeFor = { items: [{ sku, quantity: 2 }], paymentMethod: 'pm_of_another' };
    await isRefused(orderId, wants(orderId, sku, { exchangeFor }), 'unknown-payment-method');
    expect((await isRefused(orderId, wants(orderId, sku, {}, ownerOf('ord_other')), 'not-found')).status).toBe(404);
  });

  test('where Stripe works out the taxes', async () => {
    const orderId = await bought();
    await setSettings({ ...settings, taxes: { ...taxes, source: 'stripe' } });
    await isRefused(orderId, wants(orderId, await product('standard')), 'exchange-refused');
    await setSettings(settings);
  });
});

test('two tabs at once: one return, one exchange, and the other is told', async () => {
  const [orderId, sku] = [await bought(), await product('standard')];
  const both = await Promise.all([wants(orderId, sku), wants(orderId, sku)]);
  expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
  const { id } = both.find(({ status }) => status === 201)!.body;
  await exchanges.reaches(id, 'accepted');
  expect(await world.mongo.models.orders.countDocuments({ 'exchangeOf.paidOrderId': orderId })).toBe(1);
  await withdrawn(id);
});

test('the last goods, wanted by two: one gets them, the other is paid back', async () => {
  const last = await product('standard', price, 2);
  const orders = [await bought(), await bought()];
  const asked = await Promise.all(orders.map((orderId) => wants(orderId, last)));
  const returnIds = asked.filter(({ status }) => status === 201).map(({ body }) => body.id);
  const statuses = async () =>
    Promise.all(returnIds.map(async (returnId) => (await shown(returnId)).exchange.status as string));
  await until(async () => (await statuses()).every((status) => /accepted|failed/.test(status)), 'it is decided');
  expect((await statuses()).filter((status) => status === 'accepted')).toHaveLength(1);
  for (const returnId of returnIds) await withdrawn(returnId);
  expect(await world.stock(last, 'wh_east')).toMatchObject({ onHand: 2, reserved: 0 });
});

test('asked again with the same key, it is the same', async () => {
  const [orderId, sku, key] = [await bought(), await product('standard'), randomUUID()];
  const [first, second] = [
    await wants(orderId, sku, {}, undefined, 2, key),
    await wants(orderId, sku, {}, undefined, 2, key),
  ];
  expect(second.body.id).toBe(first.body.id);
  await exchanges.reaches(first.body.id, 'accepted');
  expect(await world.mongo.models.orders.countDocuments({ 'exchangeOf.paidOrderId': orderId })).toBe(1);
  await withdrawn(first.body.id);
});

test('once the other goods have left, the return cannot be withdrawn; and they cannot be edited before', async () => {
  const orderId = await bought('at_once');
  const { id } = (await wants(orderId, await product('at_once'))).body;
  await exchanges.reaches(id, 'confirmed');
  const exchangeId = (await shown(id)).exchange.orderId;
  const edit = { items: [{ sku: 'MUG', quantity: 1 }] };
  expect(await ask('POST', `/orders/${exchangeId}/edits`, edit, tokens.support)).toMatchObject({
    ...{ status: 409, body: { type: 'https://waybill.dev/problems/edit-refused', reason: 'exchange' } },
  });
  const [shipment] = await world.shipmentsOf(exchangeId);
  await world.ship(exchangeId, shipment!.id);
  expect(await ask('POST', `/returns/${id}/cancel`, { reason: 'Kept it' }, ownerOf(orderId))).toMatchObject({
    status: 409,
    body: { type: 'https://waybill.dev/problems/not-allowed-now', detail: expect.stringContaining('has left') },
  });
  await world.carrierSays(shipment!.id, 'delivered');
  await exchanges.takenBack(id);
  await exchanges.completed(id);
});

test('a person rejects the return: there was never an order', async () => {
  const orderId = await bought();
  const longAgo = new Date(Date.now() - 40 * 86_400_000).toISOString();
  await world.mongo.models.orders.updateOne({ _id: orderId }, { $set: { 'state.shipments.0.deliveredAt': longAgo } });
  const { id } = (await wants(orderId, await product('standard'), {}, tokens.support)).body;
  await until(async () => (await shown(id)).waitingFor?.event === 'approval', 'a person is asked');
  expect((await shown(id)).exchange).toMatchObject({ status: 'asked' });
  await ask('POST', `/returns/${id}/decide`, { approve: false, reason: 'Worn' }, tokens.support);
  await world.returnReaches(id, 'rejected');
  expect((await shown(id)).exchange).toMatchObject({ status: 'failed' });
  expect(await world.mongo.models.orders.countDocuments({ 'exchangeOf.returnId': id })).toBe(0);
});
