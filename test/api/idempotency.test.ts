/** The Idempotency-Key over the API, with the real order workflow behind it. The FLYER costs nothing, so no provider is needed. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createLocalActivities } from '../../activities/index.ts';
import { startTemporal } from '../../sandbox/servers/temporal.ts';
import { workflowBundle } from '../../workers/bundle.ts';
import { searchAttributes, taskQueues } from '../../workflows/messages.ts';
import { textOf } from '../support/replay.ts';
import { newKey, orderBody, seedShop, startApi, type TestApi } from './support.ts';

let api: TestApi;
const stops: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  // A Temporal of its own: the task queue's name is everybody's.
  const temporal = await startTemporal({
    searchAttributes: Object.values(searchAttributes),
    ours: true,
    say: () => {},
  });
  stops.push(temporal.stop);
  api = await startApi({ temporalAddress: temporal.address });
  stops.push(api.stop);
  await seedShop(api);
  const connection = await NativeConnection.connect({ address: temporal.address });
  const worker = await Worker.create({
    connection,
    taskQueue: taskQueues.orders,
    workflowBundle: await workflowBundle(),
    activities: createLocalActivities(api.mongo),
  });
  const running = worker.run();
  stops.push(async () => {
    worker.shutdown();
    await running;
    await connection.close();
  });
});
afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
});

const flyer = (quantity = 1) => orderBody({ items: [{ sku: 'FLYER', quantity }] });
const place = (headers: Record<string, string>, body: object = flyer()) =>
  api.ask('POST', '/v1/orders', { headers, body });

test('an order placed 10 times with one key is one order, and each gets its answer', async () => {
  const headers = newKey();
  const answers = await Promise.all(Array.from({ length: 10 }, () => place(headers)));
  const [first] = answers;
  expect(first!.status).toBe(201);
  expect(first!.body).toMatchObject({
    order: { status: 'confirmed', total: 0, customer: { email: 'ada@example.com' }, lines: [{ sku: 'FLYER' }] },
    link: { href: first!.headers.get('location') },
  });
  for (const answer of answers) {
    expect(answer.status).toBe(201);
    expect(answer.body.order.id).toBe(first!.body.order.id);
    expect(answer.body.link).toEqual(first!.body.link);
  }
  expect(await api.mongo.models.orders.countDocuments()).toBe(1);

  // Long after, with the order gone on and the stock gone, it is still the first answer.
  await api.mongo.models.stock.updateOne({ sku: 'FLYER' }, { $inc: { safetyStock: 1_000 } });
  const late = await place(headers);
  await api.mongo.models.stock.updateOne({ sku: 'FLYER' }, { $inc: { safetyStock: -1_000 } });
  expect(late.status).toBe(201);
  expect(late.body.order.id).toBe(first!.body.order.id);
  expect((await place(headers)).body).toEqual(late.body);
  expect(JSON.stringify(late.body)).not.toContain('null');
  expect(late.headers.get('location')).toBe(first!.headers.get('location'));

  const link = { token: first!.body.link.token };
  expect((await api.ask('GET', `${first!.body.link.href}/state`, link)).body).toMatchObject({
    source: 'workflow',
    state: { shipments: [{ warehouseId: 'berlin' }] },
  });
});

test('what is kept under a key holds no token, no secret and nothing personal', async () => {
  const { body } = await place(newKey());
  const kept = JSON.stringify(await api.mongo.models.requests.find({ resourceId: body.order.id }).lean());
  expect(kept).toContain('confirmed');
  expect(kept).not.toMatch(/"ot_|ada@example.com|Street 1/);
});

test('another body under the same key is refused, and nothing of it happens', async () => {
  const headers = newKey();
  await place(headers);
  const before = await api.counts();
  const other = await place(headers, flyer(2));
  expect(other.status).toBe(422);
  expect(other.body.type).toBe('https://waybill.dev/problems/idempotency-key-reused');
  expect(await api.counts()).toEqual(before);
});

test('a request whose process died before it started the workflow is finished by its repeat', async () => {
  const headers = newKey();
  const { body } = await place(headers);
  const { models } = api.mongo;
  const { state: _, committedAt: __, ...order } = await models.orders.findById(body.order.id).lean().orFail();
  // As it was in the moment of the crash: written, not started, not answered.
  await models.orders.deleteOne({ _id: order._id });
  await models.requests.deleteOne({ resourceId: order._id });
  const crashed = 'ord_01CRASHED';
  const lines = order.lines.map((line) => ({ ...line, allocations: [] }));
  await models.orders.create([{ ...order, _id: crashed, lines, rev: 0, status: 'pending' }]);

  const repeated = await place(headers);
  expect(repeated.status).toBe(201);
  expect(repeated.body.order).toMatchObject({ id: crashed, status: 'confirmed' });
});

test('a repeat long after the end is told how the order ended, and does not begin it anew', async () => {
  const headers = newKey();
  const { body } = await place(headers);
  const { models } = api.mongo;
  const { ...order } = await models.orders.findById(body.order.id).lean().orFail();
  // The answer past its week, the workflow past its retention: under this id none has ever run.
  await models.orders.deleteOne({ _id: order._id });
  await models.requests.deleteOne({ resourceId: order._id });
  await models.orders.create([{ ...order, _id: 'ord_01FORGOTTEN', status: 'completed' }]);

  const repeated = await place(headers);
  expect(repeated.status).toBe(201);
  expect(repeated.body.order).toMatchObject({ id: 'ord_01FORGOTTEN', status: 'completed' });
  expect(await models.orders.findById('ord_01FORGOTTEN').lean()).toMatchObject({ status: 'completed', rev: order.rev });
});

test('a cancellation asked for again and again is one, and each is told how it ended', async () => {
  const { body } = await place(newKey());
  const path = `/v1/orders/${body.order.id}/cancel`;
  const reason = 'I am Ada, ada@example.com, and changed my mind';
  const ask = () => api.ask('POST', path, { token: body.link.token, body: { reason } });
  const answers = await Promise.all(Array.from({ length: 12 }, ask));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  // The words stay with the order: histories are read by all.
  const history = await api.client.workflow.getHandle(`order-${body.order.id}`).fetchHistory();
  const text = textOf(history);
  expect(text).toContain('note_');
  expect(text).not.toContain('ada@example.com');
  const seen = await api.ask('GET', `/v1/orders/${body.order.id}`, { token: api.tokens.support });
  expect(seen.body.notes[0]).toMatchObject({ text: reason, actor: 'customer' });
  expect((await api.ask('GET', `/v1/orders/${body.order.id}`, { token: body.link.token })).body.notes).toBeUndefined();
});

test('a key that was optional is held to its body all the same', async () => {
  const { body } = await place(newKey());
  const headers = newKey();
  const pay = (paymentMethod: string) =>
    api.ask('POST', `/v1/orders/${body.order.id}/payments`, {
      token: body.link.token,
      headers,
      body: { paymentMethod },
    });
  expect((await pay('pm_card_visa')).status).toBe(409);
  expect((await pay('pm_card_visa')).status).toBe(409);
  expect((await pay('pm_card_mastercard')).body.type).toBe('https://waybill.dev/problems/idempotency-key-reused');
});

test('the last ones wanted by many: those who get none are told so, again and again', async () => {
  await api.mongo.models.stock.updateOne(
    { sku: 'FLYER' },
    [{ $set: { safetyStock: { $subtract: ['$onHand', { $add: ['$reserved', '$committed', 1] }] } } }],
    { updatePipeline: true },
  );
  const keys = Array.from({ length: 6 }, newKey);
  const answers = await Promise.all(keys.map((headers) => place(headers)));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  for (const [index, answer] of answers.entries()) {
    if (answer.status === 201) continue;
    expect(answer.status).toBe(409);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body).toMatchObject({
      type: 'https://waybill.dev/problems/out-of-stock',
      shortages: [{ sku: 'FLYER', requested: 1, available: 0 }],
    });
    expect((await place(keys[index]!)).status).toBe(409);
  }
});

test('goods received twice with one key are counted once; keys of different callers do not meet', async () => {
  const headers = newKey();
  const body = { sku: 'MUG', warehouseId: 'berlin', quantity: 5, reference: 'delivery 1' };
  const receive = (token: string, changed = {}) =>
    api.ask('POST', '/v1/stock/receipts', { token, headers, body: { ...body, ...changed } });
  const answers = await Promise.all(Array.from({ length: 8 }, () => receive(api.tokens.warehouse)));
  for (const answer of answers) {
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual(answers[0]!.body);
  }
  expect((await receive(api.tokens.warehouse, { quantity: 6 })).status).toBe(422);
  expect((await receive(api.tokens.admin)).body).toMatchObject({ onHand: 110, seq: 3 });
});
