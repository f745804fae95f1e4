import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LabelRequest, RatesRequest } from '../../../activities/providers/carrier.ts';
import { createSandboxCarrier, parseSandboxCarrierWebhook } from '../../../activities/providers/sandbox-carrier.ts';
import { InvalidWebhook } from '../../../activities/providers/webhook.ts';
import { startCarrierSandbox } from '../../../sandbox/carrier.ts';
import { failures } from '../../../workflows/domain/failures.ts';

const apiKey = 'key_test';
let sandbox: Awaited<ReturnType<typeof startCarrierSandbox>>;
let carrier: ReturnType<typeof createSandboxCarrier>;

beforeAll(async () => {
  sandbox = await startCarrierSandbox({ apiKey });
  carrier = createSandboxCarrier({ url: sandbox.url, apiKey });
});
afterAll(() => sandbox.stop());

// biome-ignore lint/suspicious/noExplicitAny: each test looks into the answer it expects
async function control(method: string, path: string, body?: object): Promise<any> {
  const response = await fetch(`${sandbox.url}/_sandbox${path}`, { method, body: body && JSON.stringify(body) });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  return response.status === 204 ? undefined : await response.json();
}

const address = { name: 'Ann Canary', line1: '1 Canary Street', city: 'Town', postalCode: '12345', country: 'DE' };
const request = (key: string, changes: Partial<LabelRequest> = {}): LabelRequest => ({
  key,
  reference: `shp_${key}`,
  from: address,
  to: address,
  parcel: { weightGrams: 900, lengthMm: 300, widthMm: 200, heightMm: 100 },
  service: 'express',
  purpose: 'outbound',
  contents: [],
  ...changes,
});
const labelsOf = async (reference: string) =>
  (await control('GET', '/state')).labels.filter((label: { reference: string }) => label.reference === reference);

const failureOf = async (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => Promise.reject(new Error('it was expected to fail')),
    (error) => error,
  );

describe('asking for rates', () => {
  const rates = (changes: Partial<RatesRequest> = {}) => {
    const { from, to, parcel } = request('rates');
    return carrier.rates({ from, to, parcel, currency: 'EUR', ...changes });
  };

  test('tells what each service costs, and how long it takes', async () => {
    expect(await rates()).toEqual([
      { service: 'economy', amount: 440, currency: 'EUR', days: 4 },
      { service: 'standard', amount: 550, currency: 'EUR', days: 2 },
      { service: 'express', amount: 1100, currency: 'EUR', days: 1 },
      { service: 'overnight', amount: 1760, currency: 'EUR', days: 1 },
    ]);
    expect(await rates({ to: { country: 'JP' }, currency: 'JPY' })).toMatchObject([
      { service: 'economy', amount: 3123, currency: 'JPY', days: 21 },
      { service: 'standard', amount: 3904, currency: 'JPY', days: 12 },
      { service: 'express', amount: 7808, currency: 'JPY', days: 4 },
    ]);
  });

  test('a parcel too long for it has none; a request of another form is refused for good', async () => {
    expect(await rates({ parcel: { weightGrams: 1, lengthMm: 1751, widthMm: 1, heightMm: 1 } })).toEqual([]);
    const refused = { type: failures.carrierRefused, nonRetryable: true, details: [{ code: 'invalid_request' }] };
    expect(await failureOf(rates({ to: { country: 'Germany' } }))).toMatchObject(refused);
  });
});

describe('buying a label', () => {
  test('costs by zone and service, and the same key at the same moment buys one', async () => {
    const abroad = { ...address, country: 'CH', postalCode: '8001' };
    const same = request('abroad', { to: abroad, service: 'economy' });
    const labels = await Promise.all([1, 2, 3].map(() => carrier.buyLabel(same)));
    expect(labels).toEqual(Array(3).fill(labels[0]));
    expect(labels[0]).toMatchObject({ cost: 912, currency: 'EUR', service: 'economy' });
    expect(await labelsOf('shp_abroad')).toHaveLength(1);
  });

  test.each<[string, Partial<LabelRequest>]>([
    ['address_not_serviceable', { to: { ...address, country: 'XX' } }],
    ['address_not_serviceable', { from: { ...address, postalCode: '00000' } }],
    ['parcel_too_heavy', { parcel: { weightGrams: 30_001, lengthMm: 1, widthMm: 1, heightMm: 1 } }],
    ['parcel_too_large', { parcel: { weightGrams: 1, lengthMm: 1000, widthMm: 1000, heightMm: 400 } }],
    ['service_not_available', { service: 'overnight', to: { ...address, country: 'FR' } }],
    ['service_unknown', { service: 'pigeon' }],
    ['idempotency_key_reused', { reference: 'another' }],
    ['invalid_request', { parcel: { weightGrams: -1, lengthMm: 1, widthMm: 1, heightMm: 1 } }],
  ])('%s is for good, and names nobody', async (code, changes) => {
    if (code === 'idempotency_key_reused') await carrier.buyLabel(request(code));
    const failure = await failureOf(carrier.buyLabel(request(code, changes)));
    expect(failure).toMatchObject({ type: failures.carrierRefused, nonRetryable: true, details: [{ code }] });
    expect(failure.message).not.toMatch(/canary/i);
  });
});

test('a carrier that says more than we know: new fields and statuses are left out, and what is no label is an error', async () => {
  const event = { id: 'evt_1', trackingNumber: 'WB1', at: '2026-11-20T11:59:58.000Z', detail: '' };
  const events = [
    { ...event, status: 'eaten' },
    { ...event, status: 'in_transit', drone: 'D7' },
  ];
  const server = createServer((_request, response) => response.end(JSON.stringify({ events, weather: 'fair' })));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const heard: string[] = [];
  const newer = createSandboxCarrier({ url, apiKey, unknown: (status) => heard.push(status) });
  expect(await newer.track('WB1')).toEqual([{ ...event, status: 'in_transit' }]);
  expect(heard).toEqual(['eaten']);
  await expect(newer.findLabels('shp_1')).rejects.toThrow(/answered 200 with an unexpected body/);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe('a webhook', () => {
  const now = Date.parse('2026-11-20T12:00:00Z');
  const event = {
    id: 'evt_1',
    trackingNumber: 'WB1',
    status: 'delivered',
    at: '2026-11-20T11:59:58.000Z',
    detail: '',
  };
  const body = Buffer.from(JSON.stringify({ type: 'tracking', ...event }));
  const mac = (secret: string, time: number, bytes = body) =>
    createHmac('sha256', secret).update(`${time}.`).update(bytes).digest('hex');
  const sign = (secret: string, ageSeconds = 0, bytes = body) => {
    const time = now / 1000 - ageSeconds;
    return `t=${time},v1=${mac(secret, time, bytes)}`;
  };
  const parse = (signature: string | undefined, bytes = body, secrets = ['new', 'old']) =>
    parseSandboxCarrierWebhook(bytes, signature, secrets, now);

  test('passes with any of the secrets, with any of its signatures, and up to 300 s off', () => {
    expect(parse(sign('new'))).toEqual(event);
    expect(parse(sign('old'))).toEqual(event);
    expect(parse(`${sign('unknown')},v1=${mac('new', now / 1000)}`)).toEqual(event);
    expect(parse(sign('new', 300))).toEqual(event);
    expect(parse(sign('new', -300))).toEqual(event);
  });

  const other = Buffer.from(body.toString().replace('delivered', 'lost'));
  const noJson = Buffer.from('{');
  test.each([
    ['is not signed', undefined, body, /without/],
    ['has a signature of another form', 'v1=abc', body, /form/],
    ['has no time', `v1=${mac('new', now / 1000)}`, body, /form/],
    ['is forged', sign('unknown'), body, /none of the secrets/],
    ['was changed', sign('new'), other, /none of the secrets/],
    ['has another time than was signed', sign('new', 400).replace(/t=\d+/, `t=${now / 1000}`), body, /none of/],
    ['is old', sign('new', 301), body, /301 s old/],
    ['is from the future', sign('new', -301), body, /301 s in the future/],
    ['is no JSON', sign('new', 0, noJson), noJson, /body/],
  ])('is refused when it %s', (_, signature, bytes, message) => {
    expect(() => parse(signature, bytes)).toThrow(InvalidWebhook);
    expect(() => parse(signature, bytes)).toThrow(message);
  });

  test('may say more than we know: a new field is dropped, a new status is left out', () => {
    const more = Buffer.from(
      JSON.stringify({ type: 'tracking', ...event, drone: 'D7', proof: { signed: true, x: 1 } }),
    );
    expect(parse(sign('new', 0, more), more)).toEqual({ ...event, proof: { signed: true } });
    const eaten = Buffer.from(body.toString().replace('delivered', 'eaten'));
    expect(parse(sign('new', 0, eaten), eaten)).toBeUndefined();
    const noWhy = Buffer.from(body.toString().replace('delivered', 'exception'));
    expect(parse(sign('new', 0, noWhy), noWhy)).toEqual({ ...event, status: 'exception', reason: 'other' });
  });

  test('is refused where no secret is set', () => expect(() => parse(sign('new'), body, [])).toThrow(InvalidWebhook));
});
