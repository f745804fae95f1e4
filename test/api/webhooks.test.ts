/** What of the providers' webhooks is believed: each refusal has a clear reason, is counted, and stores nothing. */
import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { receiveEvent } from '../../activities/receive.ts';
import { createLog } from '../../platform/log.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { signed } from '../../sandbox/easypost/webhook.ts';
import { createInboxLoop } from '../../workers/inbox-loop.ts';
import { nowInSeconds, sendToApi, signature, stripeEvent } from '../support/stripe-event.ts';
import { config, startApi, type TestApi } from './support.ts';

const path = '/v1/webhooks/stripe';
const [secret] = config.STRIPE_WEBHOOK_SECRETS as [string];
const raw = stripeEvent('payment_intent.succeeded', { id: 'pi_1', status: 'succeeded', amount: 1490 }, 'evt_1');
const old = nowInSeconds() - 301;
const future = nowInSeconds() + 330;

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());
afterEach(() => api.mongo.models.inbox.deleteMany({}));

const send = (body: string, header: string | undefined, more: Record<string, string> = {}) =>
  api.ask('POST', path, {
    raw: body,
    headers: { ...(header !== undefined && { 'stripe-signature': header }), ...more },
  });
const stored = async () => (await api.mongo.models.inbox.find().lean()).map(({ _id }) => _id);
const counted = async (reason: string, source = 'stripe') => {
  const { body } = await api.ask('GET', '/metrics');
  const line = new RegExp(`waybill_webhooks_refused_total\\{source="${source}",reason="${reason}"\\} (\\d+)`).exec(
    body,
  );
  return Number(line?.[1] ?? 0);
};

describe('refused, with nothing stored:', () => {
  const oneByteOther = raw.replace('1490', '1491');
  const signedOld = signature(raw, [secret], old);
  const mac = (signed: string, key = secret) => createHmac('sha256', key).update(signed).digest('hex');
  const refusals: [what: string, body: string, header: string | undefined, reason: string][] = [
    ['no signature', raw, undefined, 'no_signature'],
    ['an empty one', raw, '', 'bad_signature'],
    ['nonsense', raw, 'nonsense', 'bad_signature'],
    ['no time', raw, `v1=${mac(raw)}`, 'bad_signature'],
    ['no signature beside the time', raw, `t=${nowInSeconds()}`, 'bad_signature'],
    ['a signature of zeros', raw, `t=${nowInSeconds()},v1=${'0'.repeat(64)}`, 'bad_signature'],
    ['another scheme', raw, signature(raw).replace('v1=', 'v0='), 'bad_signature'],
    ['another secret', raw, signature(raw, ['whsec_another']), 'bad_signature'],
    ['a body of which one byte is another', oneByteOther, signature(raw), 'bad_signature'],
    ['a body with a line more', `${raw}\n`, signature(raw), 'bad_signature'],
    ['JSON that was read and written again', JSON.stringify(JSON.parse(raw), null, 2), signature(raw), 'bad_signature'],
    ['no body', '', signature(raw), 'bad_signature'],
    ['a time that was not signed', raw, signature(raw).replace(/t=\d+/, `t=${nowInSeconds() - 5}`), 'bad_signature'],
    ['an old one', raw, signedOld, 'old'],
    ['an old one that says a young time as well', raw, `t=${nowInSeconds()},${signedOld}`, 'bad_signature'],
    ['an old one, the young time last', raw, `${signedOld},t=${nowInSeconds()}`, 'bad_signature'],
    ['an old one with a time that is no number', raw, signedOld.replace(`t=${old}`, `t=${old}x`), 'bad_signature'],
    ['one from the future', raw, signature(raw, [secret], future), 'future'],
    ['what is no JSON', 'hello', signature('hello'), 'not_an_event'],
    ['JSON that is no event', '{"hello":1}', signature('{"hello":1}'), 'not_an_event'],
  ];
  test.each(refusals)('%s', async (_what, body, header, reason) => {
    const before = await counted(reason);
    const answer = await send(body, header);
    expect(answer).toMatchObject({ status: 400, body: { reason, detail: expect.any(String) } });
    expect(answer.body.type).toBe('https://waybill.dev/problems/invalid-signature');
    expect(await stored()).toEqual([]);
    expect(await counted(reason)).toBe(before + 1);
  });

  test('more than a megabyte', async () => {
    const large = stripeEvent('payment_intent.succeeded', { id: 'pi_1', description: 'x'.repeat(2 ** 20) });
    expect(await send(large, signature(large))).toMatchObject({ status: 413 });
    expect(await stored()).toEqual([]);
    expect(await counted('too-large')).toBe(1);
  });

  test('a question instead of an event', async () => {
    const headers = { 'stripe-signature': signature(raw) };
    for (const method of ['GET', 'PUT', 'DELETE'])
      expect(await api.ask(method, path, { headers })).toMatchObject({ status: 404 });
    expect(await stored()).toEqual([]);
  });
});

describe('taken:', () => {
  afterEach(() => {
    config.STRIPE_WEBHOOK_SECRETS.splice(1);
  });

  test('one that is sent twenty times at once, once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => sendToApi(api.url, raw)));
    expect(answers).toEqual(Array(20).fill(200));
    expect(await stored()).toEqual(['stripe:evt_1']);
  });

  test('the bytes as they are, whatever they are called', async () => {
    for (const [index, type] of ['text/plain', 'application/x-www-form-urlencoded', 'nonsense'].entries()) {
      const body = stripeEvent('refund.created', { id: 're_1', reason: 'größer — Ω' }, `evt_type_${index}`);
      expect(await send(body, signature(body), { 'content-type': type })).toMatchObject({ status: 200 });
    }
    expect(await stored()).toHaveLength(3);
  });

  test('either secret, or both in one header, while one replaces the other', async () => {
    config.STRIPE_WEBHOOK_SECRETS.push('whsec_new');
    const signers = [[secret], ['whsec_new'], ['whsec_new', secret], ['whsec_gone', secret]];
    for (const [index, secrets] of signers.entries()) {
      const body = stripeEvent('refund.created', { id: 're_1' }, `evt_rotation_${index}`);
      expect(await send(body, signature(body, secrets))).toMatchObject({ status: 200 });
    }
    expect(await stored()).toHaveLength(signers.length);
  });

  test('up to five minutes old', async () => {
    expect(await send(raw, signature(raw, [secret], nowInSeconds() - 290))).toMatchObject({ status: 200 });
  });

  test('with nothing kept of it but what routes it', async () => {
    const secrets = { client_secret: 'pi_1_secret_x', receipt_email: 'ada@example.com', shipping: { name: 'Ada' } };
    const metadata = { orderId: 'ord_1', email: 'ada@example.com' };
    const body = stripeEvent('payment_intent.succeeded', { id: 'pi_1', status: 'succeeded', metadata, ...secrets });
    expect(await send(body, signature(body))).toMatchObject({ status: 200 });
    const [event] = await api.mongo.models.inbox.find().lean();
    expect(event!.payload).toEqual({ id: 'pi_1', status: 'succeeded', metadata: { orderId: 'ord_1' } });
  });

  test('by one write, which a majority has and which is on the disk before the answer', async () => {
    const db = api.mongo.connection.db!;
    await db.command({ profile: 2 });
    expect(await sendToApi(api.url, raw)).toBe(200);
    await db.command({ profile: 0 });
    const ofCollections = { ns: { $not: /\.(\$cmd|system\..*)$/ } };
    const operations = await db.collection('system.profile').find(ofCollections).toArray();
    expect(operations).toMatchObject([
      { op: 'insert', ns: expect.stringMatching(/\.inbox$/), command: { writeConcern: { w: 'majority', j: true } } },
    ]);
  });
});

describe('of EasyPost', () => {
  const path = '/v1/webhooks/easypost';
  const scan = (status: string, datetime: string) => ({ status, status_detail: status, datetime });
  const bodyOf = (...tracking_details: object[]) =>
    JSON.stringify({
      ...{ object: 'Event', id: 'evt_1', description: 'tracker.updated' },
      result: { id: 'trk_1', tracking_code: '9400000000000000000001', signed_by: 'Ann Canary', tracking_details },
    });
  const onItsWay = scan('in_transit', '2026-11-20T10:00:00Z');
  const delivered = scan('delivered', '2026-11-21T10:00:00Z');
  const body = bodyOf(onItsWay);
  const headersOf = (signedBody: string, secret = 'easypost_api_test', time = new Date()) =>
    signed(signedBody, { url: `https://shop.example${path}`, secret }, time.toUTCString());
  const post = (raw: string, headers: Record<string, string>) => api.ask('POST', path, { raw, headers });
  const events = () => api.mongo.models.inbox.find().sort({ 'payload.at': 1 }).lean();

  test.each<[string, Record<string, string>, string]>([
    ['not signed', {}, 'no_signature'],
    ['forged', headersOf(body, 'another secret'), 'bad_signature'],
    ['about another parcel than was signed', headersOf(body.replace('001"', '002"')), 'bad_signature'],
    ['signed an hour ago', headersOf(body, undefined, new Date(Date.now() - 3_600_000)), 'old'],
  ])('one that is %s is refused', async (_what, headers, reason) => {
    const before = await counted(reason, 'easypost');
    expect(await post(body, headers)).toMatchObject({ status: 400, body: { reason } });
    expect(await events()).toEqual([]);
    expect(await counted(reason, 'easypost')).toBe(before + 1);
  });

  test('every one is refused where no secret is set', async () => {
    const before = config.EASYPOST_WEBHOOK_SECRETS;
    config.EASYPOST_WEBHOOK_SECRETS = undefined;
    const answer = await post(body, headersOf(body));
    config.EASYPOST_WEBHOOK_SECRETS = before;
    expect(answer).toMatchObject({ status: 400, body: { reason: 'bad_signature' } });
    expect(await events()).toEqual([]);
  });

  test('each scan is stored once, however often it is told, and without the name of who signed', async () => {
    const both = bodyOf(onItsWay, delivered);
    const answers = await Promise.all(
      [body, body, both, both].map(async (raw) => (await post(raw, headersOf(raw))).status),
    );
    expect(answers).toEqual([200, 200, 200, 200]);
    const stored = await events();
    expect(stored).toMatchObject([
      { source: 'carrier', payload: { carrier: 'easypost', status: 'in_transit', at: '2026-11-20T10:00:00.000Z' } },
      { source: 'carrier', payload: { carrier: 'easypost', status: 'delivered', proof: { signed: true } } },
    ]);
    expect(JSON.stringify(stored)).not.toMatch(/canary/i);
  });

  test('what is about no parcel of ours, or about no parcel at all, changes nothing', async () => {
    const batch = JSON.stringify({ object: 'Event', description: 'batch.updated', result: { object: 'Batch' } });
    for (const raw of [body, batch]) expect(await post(raw, headersOf(raw))).toMatchObject({ status: 200 });
    const loop = createInboxLoop(api.mongo, api.client, {
      log: createLog('worker', 'silent'),
      metrics: createMetrics(),
    });
    expect(await loop.once()).toBe(1);
    expect(await events()).toMatchObject([{ outcome: 'unknown parcel' }]);
  });
});

test('what became of the events is counted by where they come from, in few words', async () => {
  const metrics = createMetrics();
  const loop = createInboxLoop(api.mongo, api.client, { log: createLog('worker', 'silent'), metrics });
  for (const type of ['payment_intent.succeeded', 'payment_intent.canceled', 'customer.created'])
    await sendToApi(api.url, stripeEvent(type, { id: 'pi_nobody' }));
  const parcel = { trackingNumber: 'T_nobody', status: 'delivered', at: new Date().toISOString() };
  await receiveEvent(api.mongo, { id: 'evt_c1', source: 'carrier', type: 'tracking', payload: parcel });
  expect(await loop.once()).toBe(4);
  const lines = (await metrics.metrics()).split('\n').filter((line) => line.startsWith('waybill_inbox'));
  expect(lines.sort()).toEqual([
    'waybill_inbox_delivered_total{source="carrier",outcome="unknown parcel"} 1',
    'waybill_inbox_delivered_total{source="stripe",outcome="not of interest"} 1',
    'waybill_inbox_delivered_total{source="stripe",outcome="unknown payment"} 2',
  ]);
});
