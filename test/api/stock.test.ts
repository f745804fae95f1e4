/** The warehouse's stock over the API: deliveries, transfers, counts, settings, and what a storefront reads of it. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readMailTexts } from '../../activities/mail-texts.ts';
import { sendDueMails } from '../../activities/notifications.ts';
import { findDrifts } from '../../activities/stock/facts.ts';
import { newKey, orderBody, seedShop, startApi, type TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  await seedShop(api);
  const { body } = await api.ask('GET', '/v1/warehouses', { token: api.tokens.admin });
  const { id: _, ...berlin } = body.warehouses[0];
  for (const id of ['berlin', 'bonn']) {
    const given = { ...berlin, name: id, email: `${id}@example.com` };
    await api.ask('PUT', `/v1/warehouses/${id}`, { token: api.tokens.admin, body: given });
  }
});
afterAll(async () => {
  expect((await findDrifts(api.mongo)).drifts).toEqual([]);
  await api.stop();
});

let skus = 0;
async function newSku(more: object = {}): Promise<string> {
  skus += 1;
  const sku = `SKU-${skus}`;
  const body = { name: sku, weightGrams: 100, prices: { EUR: 1000 }, active: true, ...more };
  const { status } = await api.ask('PUT', `/v1/products/${sku}`, { token: api.tokens.admin, body });
  expect(status).toBe(201);
  return sku;
}

const post = (path: string, body: object, headers = newKey()) =>
  api.ask('POST', path, { token: api.tokens.warehouse, headers, body });
const put = (path: string, body: object) => api.ask('PUT', path, { token: api.tokens.warehouse, body });
const get = async (path: string) => (await api.ask('GET', path, { token: api.tokens.support })).body;
const stockOf = (sku: string, warehouseId = 'berlin') => get(`/v1/stock/${sku}/${warehouseId}`);

async function receive(sku: string, quantity: number, warehouseId = 'berlin'): Promise<void> {
  const { status } = await post('/v1/stock/receipts', { sku, warehouseId, quantity, reference: 'test' });
  expect(status).toBe(201);
}

describe('a delivery', () => {
  const announce = async (sku: string, more: object = {}) => {
    const body = { warehouseId: 'berlin', reference: 'PO-7', expectedAt: '2027-01-10T09:00:00Z', ...more };
    return (await post('/v1/deliveries', { ...body, lines: [{ sku, expected: 10 }] })).body;
  };

  test('is incoming, then received in parts, once each, and closes by itself', async () => {
    const sku = await newSku();
    const { id, status } = await announce(sku);
    expect(status).toBe('expected');
    expect(await stockOf(sku)).toMatchObject({ onHand: 0, incoming: 10, offered: 0 });
    const key = newKey();
    const first = { lines: [{ sku, quantity: 4, damaged: 1 }] };
    const answers = await Promise.all([1, 2, 3].map(() => post(`/v1/deliveries/${id}/receipts`, first, key)));
    for (const { body } of answers) expect(body).toMatchObject({ status: 'partly_received', lines: [{ received: 4 }] });
    expect(await stockOf(sku)).toMatchObject({ onHand: 4, damaged: 1, incoming: 6, offered: 3 });
    await post(`/v1/deliveries/${id}/receipts`, { lines: [{ sku, quantity: 6 }] });
    expect(await get(`/v1/deliveries/${id}`)).toMatchObject({ status: 'received', lines: [{ received: 10 }] });
    expect(await stockOf(sku)).toMatchObject({ onHand: 10, incoming: 0 });
    const { movements } = await get(`/v1/stock/movements?sku=${sku}&warehouseId=berlin`);
    expect(movements).toMatchObject([
      { seq: 2, onHandChange: 6, onHandAfter: 10, reference: id, actor: expect.stringMatching(/^warehouse:tok_/) },
      { seq: 1, onHandChange: 4, damagedChange: 1, onHandAfter: 4 },
    ]);
  });

  test('may bring less, or more as far as that is allowed', async () => {
    const sku = await newSku();
    const less = await announce(sku);
    await post(`/v1/deliveries/${less.id}/receipts`, { lines: [{ sku, quantity: 3 }], last: true });
    expect(await stockOf(sku)).toMatchObject({ onHand: 3, incoming: 0 });

    const more = await announce(sku, { tolerancePercent: 10 });
    const refused = await post(`/v1/deliveries/${more.id}/receipts`, { lines: [{ sku, quantity: 12 }] });
    expect(refused).toMatchObject({ status: 409, body: { code: 'too_much' } });
    expect(refused.body.detail).toContain('at most 11');
    expect(await stockOf(sku)).toMatchObject({ onHand: 3, incoming: 10 });
    const lines = [{ sku, quantity: 12 }];
    const taken = await post(`/v1/deliveries/${more.id}/receipts`, { lines, acceptOver: true });
    expect(taken.body).toMatchObject({ status: 'received', lines: [{ received: 12 }] });
    expect(await stockOf(sku)).toMatchObject({ onHand: 15, incoming: 0 });
  });

  test('is closed once, whoever says so again', async () => {
    const sku = await newSku();
    const { id } = await announce(sku);
    await post(`/v1/deliveries/${id}/receipts`, { lines: [{ sku, quantity: 4 }] });
    for (let times = 0; times < 2; times += 1) {
      const closed = await post(`/v1/deliveries/${id}/receipts`, { lines: [], last: true });
      expect(closed).toMatchObject({ status: 200, body: { status: 'received' } });
      expect(await stockOf(sku)).toMatchObject({ onHand: 4, incoming: 0 });
    }
  });

  test('is postponed, or does not come', async () => {
    const sku = await newSku();
    const { id } = await announce(sku);
    const later = await put(`/v1/deliveries/${id}/expected-at`, { expectedAt: '2027-02-01T00:00:00Z' });
    expect(later.body.expectedAt).toBe('2027-02-01T00:00:00.000Z');
    await api.ask('POST', `/v1/deliveries/${id}/cancel`, { token: api.tokens.warehouse, body: {} });
    expect(await stockOf(sku)).toMatchObject({ incoming: 0 });
    const refused = await post(`/v1/deliveries/${id}/receipts`, { lines: [{ sku, quantity: 1 }] });
    expect(refused).toMatchObject({ status: 409, body: { code: 'wrong_state' } });
    const { deliveries } = await get(`/v1/deliveries?sku=${sku}&status=cancelled`);
    expect(deliveries).toMatchObject([{ id }]);
  });

  test('takes only what was announced, and knows its products and warehouses', async () => {
    const sku = await newSku();
    const { id } = await announce(sku);
    const refused = await post(`/v1/deliveries/${id}/receipts`, { lines: [{ sku: 'MUG', quantity: 1 }] });
    expect(refused).toMatchObject({ status: 409, body: { code: 'not_part_of_it' } });
    const common = { reference: 'x', expectedAt: '2027-01-10T09:00:00Z', lines: [{ sku: 'NOPE', expected: 1 }] };
    expect((await post('/v1/deliveries', { ...common, warehouseId: 'berlin' })).status).toBe(422);
    const lines = [{ sku, expected: 1 }];
    expect((await post('/v1/deliveries', { ...common, lines, warehouseId: 'nowhere' })).status).toBe(422);
    for (const expected of [0, -1, 1.5])
      expect(
        (await post('/v1/deliveries', { ...common, lines: [{ sku, expected }], warehouseId: 'berlin' })).status,
      ).toBe(400);
  });
});

describe('a transfer', () => {
  test('belongs to neither warehouse on its way, and what does not arrive is lost', async () => {
    const sku = await newSku();
    await receive(sku, 10);
    const sent = { from: 'berlin', to: 'bonn', lines: [{ sku, quantity: 6 }], reason: 'Demand in Bonn' };
    const { body: transfer } = await post('/v1/transfers', sent);
    expect(transfer).toMatchObject({ status: 'in_transit', lines: [{ sent: 6, received: 0 }] });
    expect(await stockOf(sku, 'berlin')).toMatchObject({ onHand: 4, offered: 4 });
    expect(await stockOf(sku, 'bonn')).toMatchObject({ onHand: 0, incoming: 6, offered: 0 });
    const path = `/v1/transfers/${transfer.id}/receipts`;
    expect(await post(path, { lines: [{ sku, quantity: 7 }] })).toMatchObject({
      status: 409,
      body: { code: 'too_much' },
    });
    await post(path, { lines: [{ sku, quantity: 4 }] });
    expect(await stockOf(sku, 'bonn')).toMatchObject({ onHand: 4, incoming: 2 });
    const closed = await post(path, { lines: [], last: true });
    expect(closed.body).toMatchObject({ status: 'received', lines: [{ sent: 6, received: 4 }] });
    expect(await stockOf(sku, 'bonn')).toMatchObject({ onHand: 4, incoming: 0 });
    expect((await get('/v1/transfers?from=berlin&status=received')).transfers).toMatchObject([{ id: transfer.id }]);
  });

  test('takes nothing that is not there: all of its lines, or none', async () => {
    const [some, few] = [await newSku(), await newSku()];
    await receive(some, 5);
    await receive(few, 1);
    const lines = [
      { sku: some, quantity: 5 },
      { sku: few, quantity: 2 },
    ];
    const refused = await post('/v1/transfers', { from: 'berlin', to: 'bonn', lines, reason: 'x' });
    expect(refused).toMatchObject({ status: 409, body: { code: 'negative' } });
    expect(await stockOf(some)).toMatchObject({ onHand: 5 });
    const nowhere = await post('/v1/transfers', { from: 'berlin', to: 'berlin', lines, reason: 'x' });
    expect(nowhere.status).toBe(400);
  });
});

describe('a count', () => {
  test('is blind until all is counted, approved by another role, and posted once', async () => {
    const [a, b] = [await newSku(), await newSku()];
    await receive(a, 10);
    await receive(b, 5);
    const { body } = await post('/v1/counts', { warehouseId: 'berlin', skus: [a, b], reason: 'Aisle 3' });
    const path = `/v1/counts/${body.id}`;
    const one = await put(`${path}/counted`, { sku: a, counted: 8 });
    expect(one.body).toMatchObject({ status: 'open' });
    expect(JSON.stringify(one.body)).not.toContain('variance');
    const admin = { token: api.tokens.admin, body: { decision: 'approve' } };
    expect((await api.ask('POST', `${path}/decide`, admin)).status).toBe(409);
    const both = await put(`${path}/counted`, { sku: b, counted: 5 });
    expect(both.body).toMatchObject({ status: 'counted', lines: [{ variance: -2 }, { variance: 0 }] });
    await put(`${path}/counted`, { sku: a, counted: 9 });
    expect((await api.ask('POST', `${path}/decide`, { ...admin, token: api.tokens.warehouse })).status).toBe(403);
    const answers = await Promise.all([1, 2, 3].map(() => api.ask('POST', `${path}/decide`, admin)));
    for (const answer of answers) expect(answer).toMatchObject({ status: 200, body: { status: 'approved' } });
    expect(await stockOf(a)).toMatchObject({ onHand: 9 });
    const { movements } = await get(`/v1/stock/movements?sku=${a}&warehouseId=berlin`);
    expect(movements[0]).toMatchObject({ kind: 'count', onHandChange: -1, reference: body.id });
    expect((await put(`${path}/counted`, { sku: a, counted: 1 })).status).toBe(409);
  });

  test('posts no difference that another count has posted after it had counted', async () => {
    const sku = await newSku();
    await receive(sku, 10);
    const paths = await Promise.all(
      ['first', 'second'].map(async (reason) => {
        const { body } = await post('/v1/counts', { warehouseId: 'berlin', skus: [sku], reason });
        return `/v1/counts/${body.id}`;
      }),
    );
    for (const path of paths) await put(`${path}/counted`, { sku, counted: 8 });
    const approve = (path: string) =>
      api.ask('POST', `${path}/decide`, { token: api.tokens.admin, body: { decision: 'approve' } });
    const answers = await Promise.all(paths.map(approve));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(await stockOf(sku)).toMatchObject({ onHand: 8 });
    const late = paths[answers.findIndex(({ status }) => status === 409)]!;
    await put(`${late}/counted`, { sku, counted: 8 });
    expect(await approve(late)).toMatchObject({ status: 200, body: { lines: [{ variance: 0 }] } });
    expect(await stockOf(sku)).toMatchObject({ onHand: 8 });
  });

  test('takes whole numbers of what it was opened for', async () => {
    const sku = await newSku();
    const { body } = await post('/v1/counts', { warehouseId: 'berlin', skus: [sku], reason: 'x' });
    for (const counted of [-1, 0.5, '3'])
      expect((await put(`/v1/counts/${body.id}/counted`, { sku, counted })).status).toBe(400);
    expect((await put(`/v1/counts/${body.id}/counted`, { sku: 'MUG', counted: 1 })).status).toBe(409);
    expect((await put('/v1/counts/cnt_none/counted', { sku, counted: 1 })).status).toBe(404);
  });
});

describe('what is set aside', () => {
  test('is not offered, comes back, or is scrapped', async () => {
    const sku = await newSku();
    await receive(sku, 5);
    const adjust = (change: object) =>
      post('/v1/stock/adjustments', { sku, warehouseId: 'berlin', reason: 'Quarantine', ...change });
    await adjust({ damagedChange: 3 });
    expect(await stockOf(sku)).toMatchObject({ onHand: 5, damaged: 3, offered: 2 });
    await adjust({ damagedChange: -1 });
    await adjust({ onHandChange: -2, damagedChange: -2 });
    expect(await stockOf(sku)).toMatchObject({ onHand: 3, damaged: 0, offered: 3 });
    const { movements } = await get(`/v1/stock/movements?sku=${sku}&warehouseId=berlin`);
    expect(movements.map(({ kind }: { kind: string }) => kind)).toEqual(['scrap', 'damage', 'damage', 'receive']);
  });
});

describe('low stock', () => {
  test('is listed with what to order, and told to the warehouse once a crossing', async () => {
    const sku = await newSku();
    await receive(sku, 10);
    const settings = { safetyStock: 1, reorderPoint: 4, reorderTo: 20, bins: ['A-03-2'] };
    const set = await put(`/v1/stock/${sku}/berlin/settings`, settings);
    expect(set.body).toMatchObject({ ...settings, offered: 9, suggestedOrder: 0 });
    const upsideDown = { reorderPoint: 20, reorderTo: 4 };
    expect((await put(`/v1/stock/${sku}/berlin/settings`, upsideDown)).status).toBe(400);
    const take = (units: number) =>
      post('/v1/stock/adjustments', { sku, warehouseId: 'berlin', onHandChange: -units, reason: 'Gone' });
    const mails = () => api.mongo.models.mails.find({ stockId: `${sku}@berlin` }).lean();
    await take(5);
    expect(await mails()).toHaveLength(0);
    await take(1);
    await take(1);
    expect(await mails()).toHaveLength(1);
    const { stock } = await get('/v1/stock?low=true&warehouseId=berlin');
    expect(stock).toMatchObject([{ sku, onHand: 3, suggestedOrder: 17, lowSince: expect.any(String) }]);

    const sent: { to: string; subject: string; text: string }[] = [];
    const mailer = { send: async (mail: (typeof sent)[number]) => void sent.push(mail), close() {} };
    const failed = (_mail: unknown, why: string) => expect(why).toBe('');
    const options = { publicUrl: 'https://shop.example', secret: 'x'.repeat(32), texts: readMailTexts() };
    await sendDueMails(api.mongo, mailer, options, failed);
    expect(sent).toMatchObject([{ to: 'berlin@example.com', subject: `Time to order ${sku}` }]);
    expect(sent[0]!.text).toContain('Suggested order: 17');

    await receive(sku, 10);
    expect((await get('/v1/stock?low=true')).stock).toEqual([]);
    await take(9);
    expect(await mails()).toHaveLength(2);
    const none = await put(`/v1/stock/${sku}/berlin/settings`, {});
    expect(none.body).toMatchObject({ safetyStock: 0, bins: [], suggestedOrder: 0 });
    expect(none.body).not.toHaveProperty('lowSince');
  });
});

describe('availability', () => {
  test('is one read for many, with an ETag', async () => {
    const [many, few, out] = [await newSku(), await newSku(), await newSku()];
    await receive(many, 50);
    await receive(few, 2);
    const later = await newSku({ backorder: { limit: 5, leadDays: 10 } });
    const soon = await newSku({ backorder: { limit: 5, leadDays: 0, releaseAt: '2030-01-01T00:00:00Z' } });
    const set = await newSku({
      bundle: [
        { sku: many, quantity: 2 },
        { sku: few, quantity: 1 },
      ],
    });
    const gone = await newSku({
      bundle: [
        { sku: many, quantity: 2 },
        { sku: few, quantity: 3 },
      ],
    });
    const path = `/v1/availability?sku=${[many, few, out, later, soon, set, gone, 'UNKNOWN'].join(',')}`;
    const { status, headers, body } = await api.ask('GET', path);
    expect(status).toBe(200);
    expect(body.products).toMatchObject([
      { sku: many, availability: 'in_stock' },
      { sku: few, availability: 'low' },
      { sku: out, availability: 'out' },
      { sku: later, availability: 'backorder', until: expect.any(String) },
      { sku: soon, availability: 'preorder', until: '2030-01-01T00:00:00Z' },
      { sku: set, availability: 'low' },
      { sku: gone, availability: 'out' },
    ]);
    expect(headers.get('cache-control')).toBe('public, max-age=2');
    const only = `/v1/availability?sku=${many},${few}`;
    const first = await api.ask('GET', only);
    const again = await api.ask('GET', only, { headers: { 'if-none-match': first.headers.get('etag')! } });
    expect(again).toMatchObject({ status: 304, body: '' });
    await receive(few, 10);
    const changed = await api.ask('GET', only, { headers: { 'if-none-match': first.headers.get('etag')! } });
    expect(changed).toMatchObject({ status: 200 });
    for (const query of ['', '?sku=', `?sku=${'A,'.repeat(100)}A`, '?sku=a b'])
      expect((await api.ask('GET', `/v1/availability${query}`)).status).toBe(400);
  });

  test('says when a delivery will bring what nobody waits for', async () => {
    const sku = await newSku({ backorder: { limit: 5, leadDays: 10 } });
    const expectedAt = new Date(Date.now() + 86_400_000).toISOString();
    const lines = [{ sku, expected: 3 }];
    await post('/v1/deliveries', { warehouseId: 'berlin', reference: 'x', expectedAt, lines });
    const { body } = await api.ask('GET', `/v1/products/${sku}`);
    expect(body).toMatchObject({ availability: 'backorder', until: expectedAt });
  });
});

describe('what is ordered now is expected', () => {
  const expectedOf = async (sku: string, quantity: number) => {
    const body = orderBody({ items: [{ sku, quantity }] });
    return (await api.ask('POST', '/v1/orders', { headers: newKey(), body })).body.backorder[0].expectedAt;
  };
  const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();

  test('with the delivery that brings the last of it, to a warehouse that is switched on', async () => {
    const sku = await newSku({ backorder: { limit: 100, leadDays: 90 } });
    await receive(sku, 2);
    const [soon, late] = [inDays(1), inDays(30)];
    for (const [expectedAt, expected] of [
      [soon, 5],
      [late, 50],
    ] as const)
      await post('/v1/deliveries', { warehouseId: 'berlin', reference: 'x', expectedAt, lines: [{ sku, expected }] });
    expect(await expectedOf(sku, 7)).toBe(soon);
    expect(await expectedOf(sku, 8)).toBe(late);
    expect((await expectedOf(sku, 58)) > inDays(89)).toBe(true);
  });

  test('at its release where all of it is there', async () => {
    const releaseAt = inDays(2);
    const sku = await newSku({ backorder: { limit: 10, leadDays: 30, releaseAt } });
    await receive(sku, 5);
    expect((await api.ask('GET', `/v1/products/${sku}`)).body).toMatchObject({ until: releaseAt });
    expect(await expectedOf(sku, 5)).toBe(releaseAt);
    expect((await expectedOf(sku, 6)) > inDays(29)).toBe(true);
  });
});

describe('a bundle', () => {
  test('has no stock of its own, and consists of products that have', async () => {
    const part = await newSku();
    const bundle = [{ sku: part, quantity: 2 }];
    const set = await newSku({ bundle });
    const receipt = { sku: set, warehouseId: 'berlin', quantity: 1, reference: 'x' };
    expect(await post('/v1/stock/receipts', receipt)).toMatchObject({ status: 409, body: { code: 'bundle' } });
    await receive(part, 1);
    const admin = (sku: string, more: object) => {
      const body = { name: sku, weightGrams: 100, prices: { EUR: 1000 }, active: true, ...more };
      return api.ask('PUT', `/v1/products/${sku}`, { token: api.tokens.admin, body });
    };
    const announced = await newSku();
    const delivery = { warehouseId: 'berlin', reference: 'PO-8', expectedAt: '2027-01-10T09:00:00Z' };
    await post('/v1/deliveries', { ...delivery, lines: [{ sku: announced, expected: 1 }] });
    expect((await admin(announced, { bundle })).status).toBe(409);
    expect((await admin('NESTED', { bundle: [{ sku: set, quantity: 1 }] })).status).toBe(409);
    expect((await admin(part, { bundle: [{ sku: 'MUG', quantity: 1 }] })).status).toBe(409);
    expect((await admin('NEW', { bundle: [{ sku: 'NEW', quantity: 1 }] })).status).toBe(422);
    expect((await admin('NEW', { bundle: [] })).status).toBe(400);
    const backorder = { limit: 5, leadDays: 10 };
    expect((await admin('NEW', { bundle: [{ sku: 'MUG', quantity: 1 }], backorder })).status).toBe(400);
  });

  test('is made of no product that deliveries bring, or that orders wait for', async () => {
    const [part, announced, awaited] = [await newSku(), await newSku(), await newSku()];
    const common = { warehouseId: 'berlin', reference: 'x', expectedAt: '2027-01-10T09:00:00Z' };
    await post('/v1/deliveries', { ...common, lines: [{ sku: announced, expected: 5 }] });
    await api.mongo.models.backlogs.create([{ _id: awaited, units: 1 }]);
    const bundle = [{ sku: part, quantity: 1 }];
    for (const sku of [announced, awaited]) {
      const body = { name: sku, weightGrams: 100, prices: { EUR: 1000 }, active: true, bundle };
      const refused = await api.ask('PUT', `/v1/products/${sku}`, { token: api.tokens.admin, body });
      expect(refused).toMatchObject({ status: 409, body: { type: expect.stringContaining('not-a-bundle') } });
    }
    await api.mongo.models.backlogs.deleteOne({ _id: awaited });
  });
});

describe('placing', () => {
  test('says what would come later, and takes it with consent only', async () => {
    const sku = await newSku({ backorder: { limit: 2, leadDays: 10 } });
    await receive(sku, 1);
    const before = await api.counts();
    const place = (quantity: number, more: object = {}) =>
      api.ask('POST', '/v1/orders', { headers: newKey(), body: orderBody({ items: [{ sku, quantity }], ...more }) });
    const refused = await place(2);
    expect(refused).toMatchObject({
      status: 409,
      body: {
        type: expect.stringContaining('out-of-stock'),
        shortages: [{ sku, requested: 2, available: 1 }],
        backorder: [{ sku, expectedAt: expect.any(String) }],
      },
    });
    expect(await place(4, { acceptBackorder: true })).toMatchObject({
      status: 409,
      body: { shortages: [{ sku, requested: 4, available: 3 }] },
    });
    expect(await api.counts()).toEqual(before);
    expect(api.sent).toEqual([]);
  });

  test('with consent keeps the right to wait for what is there at the moment', async () => {
    const sku = await newSku({ backorder: { limit: 2, leadDays: 10 } });
    await receive(sku, 1);
    const body = orderBody({ items: [{ sku, quantity: 1 }], acceptBackorder: true });
    await api.ask('POST', '/v1/orders', { headers: newKey(), body });
    const order = await api.mongo.models.orders.findOne({ 'items.sku': sku }).lean();
    expect(order).toMatchObject({ acceptsBackorder: true, lines: [{ backorder: { limit: 2 } }] });
    expect(order).not.toHaveProperty('expectedAt');
  });
});
