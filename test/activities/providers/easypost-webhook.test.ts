import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import type { CarrierEvent } from '../../../activities/providers/carrier.ts';
import { createEasyPost } from '../../../activities/providers/easypost.ts';
import { parseEasyPostWebhook } from '../../../activities/providers/easypost-tracking.ts';
import { InvalidWebhook } from '../../../activities/providers/webhook.ts';
import { signed } from '../../../sandbox/easypost/webhook.ts';
import { startEasyPostSandbox } from '../../../sandbox/easypost.ts';
import { controlOf, labelRequest } from '../../support/carriers.ts';

/** As EasyPost sends it. The signature was made with openssl, of the secret's bytes in Unicode's decomposed form (NFKD). */
const scan = (status: string, status_detail: string, datetime: string) => ({
  ...{ object: 'TrackingDetail', message: 'Seen on 1 Canary Street', description: '', status, status_detail, datetime },
  ...{ source: 'FedEx', carrier_code: 'AR', tracking_location: { object: 'TrackingLocation', city: 'CANARY' } },
});
const body = Buffer.from(
  JSON.stringify({
    ...{ description: 'tracker.updated', mode: 'production', id: 'evt_1', object: 'Event', status: 'pending' },
    result: {
      ...{ id: 'trk_1', object: 'Tracker', tracking_code: '61299998820821171811', status: 'in_transit' },
      ...{ status_detail: 'arrived_at_facility', signed_by: null, weight: 614.4, carrier: 'FedEx', shipment_id: null },
      est_delivery_date: '2026-11-24T00:00:00Z',
      tracking_details: [
        scan('pre_transit', 'label_created', '2026-11-18T15:00:00Z'),
        scan('in_transit', 'departed_facility', '2026-11-19T10:42:13-05:00'),
        scan('in_transit', 'unknown', '2026-11-20T02:46:19Z'),
        scan('in_transit', 'unknown', '2026-11-20T02:46:19Z'),
        scan('in_transit', 'arrived_at_facility', '2026-11-19T19:27:00Z'),
      ],
      carrier_detail: { object: 'CarrierDetail', service: 'FEDEX_GROUND', est_delivery_date_local: '2026-11-23' },
    },
  }),
);
const secret = 'sécret';
const signature = 'hmac-sha256-hex=5e6892de926a514644591a18e4b9c1b9cf207a4d557ecd08f881fbf6db2e8fc0';

const unknown: string[] = [];
const now = Date.parse('2026-11-20T12:00:00Z');
const rfc2822 = (offset: number) => new Date(now + offset * 1000).toUTCString().replace('GMT', '-0000');
const headersFor = (bytes: Buffer, offset = 0, key = secret) =>
  signed(bytes.toString(), { url: 'http://shop.example/v1/webhooks/easypost', secret: key }, rfc2822(offset));
const parse = (headers: Record<string, string>, bytes: Buffer = body, secrets = ['another', secret]) =>
  parseEasyPostWebhook(
    bytes,
    (name) => headers[name],
    secrets,
    (status) => unknown.push(status),
    now,
  );

test('tells each scan once, oldest first, but not the making of the label, and nothing of where it was', () => {
  const events = parse({ 'x-hmac-signature': signature });
  expect(events.map(({ status, at, detail }) => [status, at, detail])).toEqual([
    ['in_transit', '2026-11-19T15:42:13.000Z', 'departed_facility'],
    ['in_transit', '2026-11-19T19:27:00.000Z', 'arrived_at_facility'],
    ['in_transit', '2026-11-20T02:46:19.000Z', 'unknown'],
  ]);
  expect(events.map(({ expectedOn }) => expectedOn)).toEqual([undefined, undefined, '2026-11-23']);
  expect(events[0]!.trackingNumber).toBe('61299998820821171811');
  expect(JSON.stringify(events)).not.toMatch(/canary/i);
});

test('a status that is not known here is left out, and told', () => {
  const [known, eaten] = ['in_transit', 'eaten'].map(
    (status) => `"status":"${status}","status_detail":"departed_facility"`,
  );
  const bytes = Buffer.from(body.toString().replace(known!, eaten!));
  expect(parse(headersFor(bytes), bytes)).toHaveLength(2);
  expect(unknown).toEqual(['eaten']);
});

test('a weight that was signed as 12.0 may come as 12', () => {
  const floats = Buffer.from(body.toString().replace('"weight":614.4', '"weight":12.0'));
  const sent = Buffer.from(floats.toString().replace('12.0', '12'));
  const { 'x-hmac-signature': first } = headersFor(floats);
  expect(parse({ 'x-hmac-signature': first! }, sent)).toHaveLength(3);
});

describe('of the two signatures', () => {
  test('either is enough', () => {
    const { 'x-hmac-signature': first, 'x-hmac-signature-v2': second, ...others } = headersFor(body);
    expect(parse({ 'x-hmac-signature': first! })).toHaveLength(3);
    expect(parse({ 'x-hmac-signature-v2': second!, ...others })).toHaveLength(3);
    expect(parse(headersFor(body, 300))).toHaveLength(3);
  });

  const { 'x-hmac-signature': _, ...second } = headersFor(body);
  test.each<[string, Record<string, string>, Buffer, RegExp]>([
    ['is there', {}, body, /without/],
    ['is of the form', { 'x-hmac-signature': '38f3f53c' }, body, /none of the secrets/],
    ['is by a secret of ours', headersFor(body, 0, 'forged'), body, /none of the secrets/],
    ['is of this body', headersFor(body), Buffer.from(body.toString().replace('614', '615')), /none of the secrets/],
    ['is of this time', { ...second, 'x-timestamp': rfc2822(1) }, body, /none of the secrets/],
    ['is of this path', { ...second, 'x-path': '/other' }, body, /none of the secrets/],
    ['is new', headersFor(body, -301), body, /at most 300 s/],
    ['is of the past', headersFor(body, 301), body, /at most 300 s/],
  ])('none %s: refused', (_case, headers, bytes, message) => {
    expect(() => parse(headers, bytes)).toThrow(InvalidWebhook);
    expect(() => parse(headers, bytes)).toThrow(message);
  });

  test('none counts where no secret is set', () =>
    expect(() => parse(headersFor(body), body, [])).toThrow(InvalidWebhook));
});

test.each([
  ['about something else', '{"description":"batch.updated","result":{"object":"Batch"}}', 0],
  ['no JSON', '{', undefined],
  ['no event', '{"object":"Event"}', undefined],
  ['a tracker without its scans', '{"description":"tracker.updated","result":{"id":"trk_1"}}', undefined],
])('%s', (_case, text, events) => {
  const bytes = Buffer.from(text);
  const read = () => parse(headersFor(bytes), bytes);
  if (events === undefined) expect(read).toThrow(InvalidWebhook);
  else expect(read()).toHaveLength(events);
});

test('an event has the same id by webhook and by asking', async () => {
  const heard: CarrierEvent[][] = [];
  const receiver = createServer(async (request, response) => {
    const header = (name: string) => request.headers[name]?.toString();
    heard.push(parseEasyPostWebhook(await buffer(request), header, [secret], (status) => unknown.push(status)));
    response.end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const { port } = receiver.address() as AddressInfo;
  const webhook = { url: `http://127.0.0.1:${port}/v1/webhooks/easypost`, secret };
  const server = await startEasyPostSandbox({ apiKey: 'key_test', webhook });
  const carrier = createEasyPost({ apiKey: 'key_test', baseUrl: `${server.url}/v2/` });
  const { trackingNumber } = await carrier.buyLabel(labelRequest('heard', { service: 'UPS/Ground' }));
  for (const status of ['in_transit', 'delivered']) {
    await controlOf(server.url)('POST', `/trackers/${trackingNumber}`, { status, signed_by: 'Ann Canary' });
  }
  const asked = await carrier.track(trackingNumber);
  expect(heard.map((events) => events.map(({ id }) => id))).toEqual([[asked[0]!.id], asked.map(({ id }) => id)]);
  expect(heard[1]).toEqual(asked);
  await server.stop();
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
});
