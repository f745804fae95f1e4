import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newKey, orderBody, seedShop, startApi, type TestApi } from './support.ts';

let api: TestApi;
let before: Record<string, number>;

beforeAll(async () => {
  api = await startApi();
  await seedShop(api);
  before = await api.counts();
});
afterAll(() => api.stop());

const item = (changes: object) => orderBody({ items: [{ sku: 'MUG', quantity: 1, ...changes }] });
const customer = (changes: object) => orderBody({ customer: { email: 'ada@example.com', name: 'Ada', ...changes } });

/** What is sent, the status and the kind of problem, and the field that the answer names. */
const orders: [string, unknown, number, string, string?][] = [
  ['an unknown SKU', item({ sku: 'NO-SUCH-THING' }), 422, 'unknown-sku'],
  ['a product that is not sold in the currency', orderBody({ currency: 'USD' }), 422, 'not-sold-in-currency'],
  ['quantity 0', item({ quantity: 0 }), 400, 'invalid-request', 'items.0.quantity'],
  ['a negative quantity', item({ quantity: -1 }), 400, 'invalid-request', 'items.0.quantity'],
  ['quantity 1.5', item({ quantity: 1.5 }), 400, 'invalid-request', 'items.0.quantity'],
  ['quantity 10^9', item({ quantity: 1e9 }), 400, 'invalid-request', 'items.0.quantity'],
  ['a quantity in words', item({ quantity: '1' }), 400, 'invalid-request', 'items.0.quantity'],
  ['an unknown currency', orderBody({ currency: 'XQQ' }), 400, 'invalid-request', 'currency'],
  [
    'an unknown country',
    orderBody({ shippingAddress: { ...orderBody().shippingAddress, country: 'XX' } }),
    400,
    'invalid-request',
    'shippingAddress.country',
  ],
  ['an unknown field', orderBody({ discount: 100 }), 400, 'invalid-request', ''],
  ['a price of the client', item({ unitPrice: 1 }), 400, 'invalid-request', 'items.0'],
  ['an account of somebody', orderBody({ customerId: 'cus_1' }), 400, 'invalid-request', ''],
  ['an operator as SKU', item({ sku: { $gt: '' } }), 400, 'invalid-request', 'items.0.sku'],
  ['an operator as e-mail', customer({ email: { $gt: '' } }), 400, 'invalid-request', 'customer.email'],
  ['a SKU that looks like a path of the database', item({ sku: '$where' }), 400, 'invalid-request', 'items.0.sku'],
  ['a language that is none', customer({ language: 'de_DE' }), 400, 'invalid-request', 'customer.language'],
  ['control characters', customer({ name: 'A\u0000da' }), 400, 'invalid-request', 'customer.name'],
  ['no items', orderBody({ items: [] }), 400, 'invalid-request', 'items'],
  ['201 lines', orderBody({ items: Array(201).fill({ sku: 'MUG', quantity: 1 }) }), 400, 'invalid-request', 'items'],
  ['card data', orderBody({ paymentMethod: '4242424242424242' }), 400, 'invalid-request', 'paymentMethod'],
  [
    'more than there is, over two lines',
    orderBody({ items: Array(2).fill({ sku: 'MUG', quantity: 60 }) }),
    409,
    'out-of-stock',
  ],
  ['a total that changed', orderBody({ expectedTotal: 1 }), 409, 'price-changed'],
  ['no total to compare', orderBody({ expectedTotal: undefined }), 400, 'invalid-request', 'expectedTotal'],
  ['a quote and goods', orderBody({ quoteId: 'quo_1' }), 400, 'invalid-request', 'currency'],
  [
    'a quote that there is not',
    { ...orderBody(), currency: undefined, items: undefined, expectedTotal: undefined, quoteId: 'quo_1' },
    422,
    'unknown-quote',
  ],
  ['more than a payment can take', item({ quantity: 10_000, sku: 'GOLD' }), 422, 'amount-too-large'],
  ['an array', [], 400, 'invalid-request'],
  ['null', null, 400, 'invalid-json'],
];

describe('placing refuses, writes nothing and starts nothing:', () => {
  beforeAll(async () => {
    const body = { name: 'Gold', weightGrams: 1000, prices: { EUR: 9_000_000 }, active: true };
    await api.ask('PUT', '/v1/products/GOLD', { token: api.tokens.admin, body });
    before = await api.counts();
  });

  for (const [what, body, status, kind, field] of orders) {
    test(what, async () => {
      const answer = await api.ask('POST', '/v1/orders', { headers: newKey(), body });
      expectProblem(answer, status, kind);
      if (field !== undefined)
        expect(answer.body.errors).toContainEqual(expect.objectContaining({ in: 'body', field }));
      await expectNothingHappened();
    });
  }

  test('what is not JSON, too large, or of another type', async () => {
    const headers = newKey();
    const send = (raw: string, more = {}) => api.ask('POST', '/v1/orders', { raw, headers: { ...headers, ...more } });
    expectProblem(await send('{"currency": "EUR"'), 400, 'invalid-json');
    expectProblem(await send('"EUR"'), 400, 'invalid-json');
    expectProblem(await send(JSON.stringify(orderBody({ note: 'x'.repeat(2 * 1024 * 1024) }))), 413, 'too-large');
    expectProblem(await send('currency=EUR', { 'content-type': 'text/plain' }), 415, 'unsupported-media-type');
    expectProblem(await send('{}', { 'content-encoding': 'nonsense' }), 415, 'unsupported-media-type');
    expectProblem(await api.ask('POST', '/v1/orders', { headers }), 400, 'invalid-request');
    await expectNothingHappened();
  });

  test('no Idempotency-Key, or one that can be guessed', async () => {
    expectProblem(await api.ask('POST', '/v1/orders', { body: orderBody() }), 400, 'idempotency-key-missing');
    const headers = { 'idempotency-key': '1' };
    expectProblem(await api.ask('POST', '/v1/orders', { body: orderBody(), headers }), 400, 'invalid-request');
    await expectNothingHappened();
  });
});

describe('everywhere else', () => {
  test('queries are checked too', async () => {
    const token = api.tokens.support;
    for (const query of [
      'email[$ne]=x',
      'status=nonsense',
      'limit=0',
      'limit=1000',
      'cursor=nonsense',
      'status=pending&status=expired',
    ])
      expectProblem(await api.ask('GET', `/v1/orders?${query}`, { token }), 400, 'invalid-request');
    expectProblem(await api.ask('GET', '/v1/products?x=1'), 400, 'invalid-request');
  });

  test('a cursor that we did not write is no error of ours', async () => {
    const customer = { _id: 'cus_1', email: 'ada@example.com', name: 'Ada', createdAt: new Date() };
    await api.mongo.models.customers.create([customer]);
    const cursor = Buffer.from('["x"]').toString('base64url');
    const path = `/v1/customers/cus_1/credit/EUR?cursor=${cursor}`;
    expect(await api.ask('GET', path, { token: api.tokens.support })).toMatchObject({ status: 200 });
    await api.mongo.models.customers.deleteOne({ _id: customer._id });
  });

  test('ids that cannot exist do not', async () => {
    const token = api.tokens.support;
    for (const path of [
      '/v1/orders/x',
      '/v1/orders/ord_%00',
      '/v1/returns/ord_1',
      '/v1/nothing',
      '/v1/orders/ord_none',
    ])
      expectProblem(await api.ask('GET', path, { token }), 404, 'not-found');
    expectProblem(await api.ask('GET', '/v1/orders/%E0%A4%A', { token }), 400, 'invalid-request');
  });

  test('stock moves need a known product and warehouse, and cannot go below what is promised', async () => {
    const token = api.tokens.warehouse;
    const adjust = (body: object) => api.ask('POST', '/v1/stock/adjustments', { token, headers: newKey(), body });
    const mug = { sku: 'MUG', warehouseId: 'berlin', reason: 'counted' };
    expectProblem(await adjust({ ...mug, sku: 'NONE', onHandChange: 1 }), 422, 'unknown-sku');
    expectProblem(await adjust({ ...mug, warehouseId: 'paris', onHandChange: 1 }), 422, 'unknown-warehouse');
    expectProblem(await adjust({ ...mug, onHandChange: -101 }), 409, 'stock-refused');
    expectProblem(await adjust(mug), 400, 'invalid-request');
    expectProblem(await adjust({ ...mug, onHandChange: 0.5 }), 400, 'invalid-request');
    expect((await api.ask('GET', '/v1/stock?sku=MUG', { token })).body.stock[0].onHand).toBe(100);
  });

  test('webhooks without a signature that fits are not believed', async () => {
    const raw = JSON.stringify({
      id: 'evt_1',
      object: 'event',
      type: 'payment_intent.succeeded',
      data: { object: {} },
    });
    const time = Math.floor(Date.now() / 1000);
    const forged = createHmac('sha256', 'another secret').update(`${time}.${raw}`).digest('hex');
    for (const provider of ['stripe', 'carrier']) {
      for (const signature of [undefined, 'nonsense', `t=${time},v1=${forged}`, `t=${time},v1=${'0'.repeat(64)}`]) {
        const headers: Record<string, string> = signature ? { [`${provider}-signature`]: signature } : {};
        expectProblem(await api.ask('POST', `/v1/webhooks/${provider}`, { raw, headers }), 400, 'invalid-signature');
      }
      const large = Buffer.alloc(2 * 1024 * 1024, 'x');
      expectProblem(await api.ask('POST', `/v1/webhooks/${provider}`, { raw: large }), 413, 'too-large');
    }
    expect(await api.mongo.models.inbox.countDocuments()).toBe(0);
  });

  test('what Stripe has signed and is no event we know the form of is refused, and blocks nothing', async () => {
    const object = { id: 'pi_1' };
    for (const odd of [
      { id: 'evt_odd', type: 5, data: { object } },
      { type: 'payment_intent.succeeded', data: { object } },
      { id: { $gt: '' }, type: 'payment_intent.succeeded', data: { object } },
      { id: 'evt_odd', type: 'payment_intent.succeeded', data: { object: { id: { $gt: '' } } } },
      { id: 'evt_odd', type: 'payment_intent.succeeded' },
    ]) {
      const raw = JSON.stringify(odd);
      const time = Math.floor(Date.now() / 1000);
      const mac = createHmac('sha256', 'whsec_api_test').update(`${time}.${raw}`).digest('hex');
      const headers = { 'stripe-signature': `t=${time},v1=${mac}` };
      expectProblem(await api.ask('POST', '/v1/webhooks/stripe', { raw, headers }), 400, 'invalid-signature');
    }
    expect(await api.mongo.models.inbox.countDocuments()).toBe(0);
  });

  test('a list where nothing belongs', async () => {
    const token = api.tokens.warehouse;
    const answer = await api.ask('POST', '/v1/shipments/shp_1/hand-over', { token, body: [] });
    expectProblem(answer, 400, 'invalid-request');
  });

  test('a webhook that is signed is stored once, whatever its content type', async () => {
    const event = {
      id: 'evt_c1',
      type: 'tracking',
      status: 'in_transit',
      at: new Date().toISOString(),
      detail: 'on its way',
      trackingNumber: 'T1',
      reference: 'shp_1',
    };
    const raw = JSON.stringify(event);
    const time = Math.floor(Date.now() / 1000);
    const mac = createHmac('sha256', 'carrier_api_test').update(`${time}.${raw}`).digest('hex');
    const headers = { 'carrier-signature': `t=${time},v1=${mac}`, 'content-type': 'text/plain' };
    const answers = await Promise.all([1, 2, 3].map(() => api.ask('POST', '/v1/webhooks/carrier', { raw, headers })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await api.mongo.models.inbox.find().lean()).toMatchObject([
      { _id: 'carrier:sandbox:evt_c1', deliveredAt: null },
    ]);
    await api.mongo.models.inbox.deleteMany({});
  });
});

function expectProblem(answer: Awaited<ReturnType<TestApi['ask']>>, status: number, kind: string): void {
  const { body } = answer;
  expect({ status: answer.status, type: body.type, detail: body.detail }).toEqual({
    status,
    type: `https://waybill.dev/problems/${kind}`,
    detail: expect.any(String),
  });
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  expect(body).toMatchObject({ status, title: expect.any(String) });
  expect(body.instance).toBe(`urn:waybill:request:${answer.headers.get('x-request-id')}`);
  expect(JSON.stringify(body)).not.toMatch(/\.ts:|node_modules|at \w+ \(/);
}

async function expectNothingHappened(): Promise<void> {
  // A refusal for another price comes with the new quote.
  expect({ ...(await api.counts()), quotes: 0 }).toEqual(before);
  expect(api.sent).toEqual([]);
}
