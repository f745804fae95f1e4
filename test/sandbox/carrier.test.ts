import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CarrierEvent } from '../../activities/providers/carrier.ts';
import { parseSandboxCarrierWebhook } from '../../activities/providers/sandbox-carrier.ts';
import { startCarrierSandbox } from '../../sandbox/carrier.ts';
import { createChaos } from '../../sandbox/chaos.ts';

const apiKey = 'key_test';
const secret = 'whsec_test';
const address = { name: 'A', line1: '1 Street', city: 'Town', postalCode: '12345', country: 'DE' };
const order = {
  reference: 'shp_1',
  from: address,
  to: address,
  parcel: { weightGrams: 1200, lengthMm: 300, widthMm: 200, heightMm: 100 },
  service: 'standard',
  purpose: 'outbound',
};

let folder: string;
let journalFile: string;
let receiver: Server;
let received: CarrierEvent[] = [];
let answers: number[] = []; // Statuses to answer the next webhooks with; 200 when it is empty.
let sandbox: Awaited<ReturnType<typeof startCarrierSandbox>>;

const start = () => {
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/webhooks`;
  return startCarrierSandbox({ apiKey, journalFile, webhook: { url, secret } });
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'waybill-carrier-'));
  journalFile = join(folder, 'carrier.jsonl');
  receiver = createServer(async (request, response) => {
    const signature = request.headers['carrier-signature'];
    const event = parseSandboxCarrierWebhook(await buffer(request), String(signature), [secret]);
    const status = answers.shift() ?? 200;
    if (status === 200 && event) received.push(event);
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  sandbox = await start();
});
afterAll(async () => {
  await sandbox.stop();
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  await until(async () => (await call('GET', '/_sandbox/state')).body.webhooks.due === 0);
  received = [];
  answers = [];
});

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(sandbox.url + path, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type') === 'application/json';
  return { status: response.status, body: isJson ? JSON.parse(text) : text };
}

const buy = (key: string, changes = {}) =>
  call('POST', '/labels', { ...order, ...changes }, { 'idempotency-key': key });
const move = (trackingNumber: string, status: string) =>
  call('POST', `/_sandbox/tracking/${trackingNumber}`, { status });

async function until(condition: () => boolean | Promise<boolean>) {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('the condition did not come true within 10 s');
    await delay(20);
  }
}

describe('rates', () => {
  const quote = async (changes = {}) => {
    const parcel = { weightGrams: 1200, lengthMm: 300, widthMm: 200, heightMm: 100 };
    const request = { from: { country: 'DE' }, to: { country: 'DE' }, parcel, currency: 'EUR', ...changes };
    const { status, body } = await call('POST', '/rates', request);
    return { status, ...body };
  };

  test.each([
    ['DE', 'EUR', [610, 1220], [2, 1]],
    ['FR', 'EUR', [1290, 2580], [5, 2]],
    ['FR', 'GBP', [1097, 2193], [5, 2]],
    ['US', 'USD', [3179, 6358], [12, 4]],
    ['JP', 'JPY', [4624, 9248], [12, 4]],
  ])('go by zone and weight: to %s in %s', async (country, currency, amounts, days) => {
    const { rates } = await quote({ to: { country, postalCode: '1', city: 'Town' }, currency });
    expect(rates).toEqual(
      expect.arrayContaining([
        { service: 'standard', amount: amounts[0], currency, days: days[0], cutOff: '18:00' },
        { service: 'express', amount: amounts[1], currency, days: days[1], cutOff: '17:00' },
      ]),
    );
  });

  test.each([
    [422, 'currency_not_supported', { currency: 'SEK' }],
    [422, 'too_heavy', { parcel: { weightGrams: 70_001, lengthMm: 1, widthMm: 1, heightMm: 1 } }],
    [422, 'address_not_serviceable', { to: { country: 'DE', postalCode: '00000' } }],
    [400, 'invalid_request', { to: { country: 'DE', line1: '1 Street' } }],
  ])('are refused: %i %s', async (status, code, changes) => {
    expect(await quote(changes)).toMatchObject({ status, error: { code } });
  });

  test('fail on demand, and ask for the key', async () => {
    await call('POST', '/_sandbox/faults', { operation: 'rates', kind: 'fail_before' });
    expect((await quote()).status).toBe(500);
    expect((await quote()).status).toBe(200);
    expect((await call('POST', '/rates', {}, { authorization: 'Bearer x' })).status).toBe(401);
  });
});

describe('labels', () => {
  test('one label a key, however often it is asked, also after a restart', async () => {
    const first = await buy('idem-1');
    expect(first).toMatchObject({ status: 201, body: { service: 'standard', costMinor: 610, currency: 'EUR' } });
    await sandbox.stop();
    sandbox = await start();

    const again = await buy('idem-1');
    expect(again.body).toMatchObject({ id: first.body.id, trackingNumber: first.body.trackingNumber });
    expect(await buy('idem-1', { service: 'express' })).toMatchObject({
      status: 422,
      body: { error: { code: 'idempotency_key_reused' } },
    });
    expect((await call('GET', '/labels?reference=shp_1')).body.labels).toEqual([again.body]);
  });

  test('asks for the key, both kinds of it, and for a request of the right form', async () => {
    expect((await call('POST', '/labels', order)).status).toBe(400);
    expect((await buy('idem-2', { colour: 'red' })).status).toBe(400);
    expect((await call('GET', '/labels?reference=shp_1', undefined, { authorization: 'Bearer x' })).status).toBe(401);
  });

  test('a refusal does not use the key up', async () => {
    expect((await buy('idem-3', { to: { ...address, postalCode: '00000' } })).status).toBe(422);
    expect((await buy('idem-3')).status).toBe(201);
  });

  test('the file of a label opens without the key; voiding is repeatable, until the parcel was scanned in', async () => {
    const { body: label } = await buy('void-1');
    const file = await fetch(label.labelUrl);
    expect(await file.text()).toContain(label.trackingNumber);
    expect((await call('POST', `/labels/${label.id}/void`)).body.status).toBe('voided');
    expect((await call('POST', `/labels/${label.id}/void`)).status).toBe(200);
    expect((await move(label.trackingNumber, 'accepted')).status).toBe(409);

    const { body: used } = await buy('void-2');
    await move(used.trackingNumber, 'accepted');
    expect((await call('POST', `/labels/${used.id}/void`)).status).toBe(409);
  });
});

describe('webhooks', () => {
  test('each event arrives, in order, and again until it is answered 2xx', async () => {
    const { body: label } = await buy('hook-1');
    answers = [500, 404];
    await move(label.trackingNumber, 'accepted');
    await until(() => received.length === 1);
    expect(answers).toEqual([]);
    await move(label.trackingNumber, 'in_transit');
    await move(label.trackingNumber, 'delivered');
    await until(() => received.length === 3);
    expect(received.map((event) => event.status)).toEqual(['accepted', 'in_transit', 'delivered']);
    expect(received[0]).toMatchObject({ trackingNumber: label.trackingNumber });
  });

  test('what was not delivered survives a restart', async () => {
    const { body: label } = await buy('hook-2');
    answers = Array(50).fill(503);
    await move(label.trackingNumber, 'accepted');
    await until(() => answers.length < 50);
    await sandbox.stop();
    expect(received).toEqual([]);
    answers = [];
    sandbox = await start();
    await until(() => received.length === 1);
    expect(received[0]).toMatchObject({ trackingNumber: label.trackingNumber, status: 'accepted' });
  });

  test('on demand twice, last first, or not at all', async () => {
    const { body: label } = await buy('hook-3');
    await call('POST', '/_sandbox/webhooks', { mode: 'duplicate' });
    await move(label.trackingNumber, 'accepted');
    await until(() => received.length === 2);
    expect(received[0]).toEqual(received[1]);

    await call('POST', '/_sandbox/webhooks', { mode: 'shuffle' });
    await move(label.trackingNumber, 'in_transit');
    await move(label.trackingNumber, 'delivered');
    await until(() => received.length === 4);
    expect(received.slice(2).map((event) => event.status)).toEqual(['delivered', 'in_transit']);

    await call('POST', '/_sandbox/webhooks', { mode: 'off' });
    const { body: missed } = await move(label.trackingNumber, 'lost');
    await call('POST', '/_sandbox/webhooks', { mode: 'normal' });
    const { body: seen } = await move(label.trackingNumber, 'returned_to_sender');
    await until(() => received.length === 5);
    expect(received[4]?.id).toBe(seen.id);
    expect((await call('GET', `/tracking/${label.trackingNumber}`)).body.events).toContainEqual(missed);
  });

  test('late, twice or never, as a seed says', async () => {
    const { body: label } = await buy('hook-4');
    expect((await call('POST', '/_sandbox/webhooks', { mode: 'chaos' })).status).toBe(400);
    await call('POST', '/_sandbox/webhooks', { mode: 'chaos', seed: 1 });
    const copies = createChaos(1);
    const expected: string[] = [];
    for (let event = 0; event < 8; event += 1) {
      const { body } = await move(label.trackingNumber, 'in_transit');
      expected.push(...copies().map(() => body.id));
    }
    await until(() => received.length === expected.length);
    expect(new Set(expected).size).toBeLessThan(8);
    expect(received.map(({ id }) => id).sort()).toEqual(expected.sort());
    await call('POST', '/_sandbox/webhooks', { mode: 'normal' });
  });
});
