/** What is EasyPost's alone. What it has in common with other carriers is in carrier-contract.test.ts. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Carrier, LabelRequest } from '../../../activities/providers/carrier.ts';
import { createEasyPost } from '../../../activities/providers/easypost.ts';
import { toMinor, toShipment } from '../../../activities/providers/easypost-words.ts';
import type { Shipment } from '../../../sandbox/easypost/objects.ts';
import { startEasyPostSandbox } from '../../../sandbox/easypost.ts';
import { minorDigits } from '../../../workflows/domain/money.ts';
import { address, controlOf, labelRequest } from '../../support/carriers.ts';
import { until } from '../../support/until.ts';

const apiKey = 'key_test';
const service = 'USPS/GroundAdvantage';
let server: Awaited<ReturnType<typeof startEasyPostSandbox>>;
let carrier: Carrier;
let control: ReturnType<typeof controlOf>;
const unknown: string[] = [];

beforeAll(async () => {
  server = await startEasyPostSandbox({ apiKey });
  carrier = createEasyPost({ apiKey, baseUrl: `${server.url}/v2/`, unknown: (status) => unknown.push(status) });
  control = controlOf(server.url);
});
afterAll(() => server.stop());

const request = (key: string, changes: Partial<LabelRequest> = {}) => labelRequest(key, { service, ...changes });
const shipments = async (reference: string) =>
  ((await control('GET', '/state')) as { shipments: Shipment[] }).shipments.filter(
    ({ options }) => options.print_custom_1 === reference,
  );
const shipmentOf = async (key: string, changes: Partial<LabelRequest> = {}) => {
  await carrier.buyLabel(request(key, changes));
  return (await shipments(`shp_${key}`))[0]!;
};

describe('money', () => {
  test.each([
    ['33.10', 'USD', 3310],
    ['5.93000', 'USD', 593],
    ['0.005', 'USD', 1],
    ['0.00499', 'USD', 0],
    ['1234', 'JPY', 1234],
    ['1234.50', 'JPY', 1235],
    ['1.5', 'KWD', 1500],
    ['7', 'USD', 700],
  ])('%s %s', (decimal, currency, minor) => expect(toMinor(decimal, currency)).toBe(minor));

  test('any amount comes back as it was', () => {
    fc.assert(
      fc.property(fc.nat({ max: 10 ** 9 }), fc.constantFrom('USD', 'JPY', 'KWD'), (minor, currency) => {
        const digits = minorDigits(currency);
        expect(toMinor((minor / 10 ** digits).toFixed(digits), currency)).toBe(minor);
      }),
    );
  });

  test.each(['', '-1.00', '1,5', '1e3', 'free'])('"%s" is none', (text) =>
    expect(() => toMinor(text, 'USD')).toThrow('is no amount of USD'),
  );

  test('of two contracts for one service the cheaper counts, in a quote and in a label', async () => {
    const { from, to, parcel } = request('any');
    const rates = await carrier.rates({ from, to, parcel, currency: 'USD' });
    expect(rates.filter((rate) => rate.service === 'USPS/Priority')).toMatchObject([{ amount: 930, days: 2 }]);
    expect(await carrier.buyLabel(request('contracts', { service: 'USPS/Priority' }))).toMatchObject({ cost: 930 });
  });
});

describe('a shipment', () => {
  test('is told in ounces and inches, and never smaller than it is', async () => {
    const parcel = { weightGrams: 454, lengthMm: 254, widthMm: 100, heightMm: 1 };
    expect((await shipmentOf('small', { parcel })).parcel).toEqual({ weight: 16.1, length: 10, width: 4, height: 0.1 });
  });

  test('weighs and measures at most a tenth more than it is', () => {
    const size = fc.integer({ min: 1, max: 30_000 });
    fc.assert(
      fc.property(size, size, (weightGrams, lengthMm) => {
        const parcel = { weightGrams, lengthMm, widthMm: 1, heightMm: 1 };
        const told = toShipment(request('any', { parcel }), 1).parcel;
        for (const over of [told.weight - weightGrams / 28.349523125, told.length! - lengthMm / 25.4]) {
          expect(over).toBeGreaterThan(-1e-6);
          expect(over).toBeLessThan(0.1 + 1e-6);
        }
      }),
    );
  });

  test('within a country needs no customs; over a border it says what is in it', async () => {
    expect((await shipmentOf('domestic')).customs_info).toBeUndefined();
    const to = { ...address, country: 'CA', postalCode: 'K1A 0B1' };
    const abroad = await shipmentOf('abroad', { to, service: 'USPS/PriorityMailInternational' });
    expect(abroad.customs_info).toEqual({
      ...{ contents_type: 'merchandise', customs_certify: true, customs_signer: 'Warehouse', restriction_type: 'none' },
      ...{ eel_pfc: 'NOEEI 30.37(a)', non_delivery_option: 'return' },
      customs_items: [
        { description: 'Mug', quantity: 2, weight: 26.8, value: 29.8, currency: 'USD', origin_country: 'US' },
      ],
    });
    await expect(carrier.buyLabel(request('nothing', { to, contents: [] }))).rejects.toMatchObject({
      nonRetryable: true,
      details: [{ code: 'no_contents' }],
    });
  });

  test('has the beginning of a long reference on its label, and is found by the whole of it', async () => {
    const reference = `shp_beta_${'x'.repeat(60)}`;
    const label = await carrier.buyLabel(request('long', { reference }));
    expect(await carrier.findLabels(reference)).toEqual([label]);
    expect(await shipments(reference.slice(0, 35))).toHaveLength(1);
  });

  test('for a return goes from the customer to the warehouse', async () => {
    const [customer, warehouse] = [address, { ...address, name: 'Warehouse' }];
    const shipment = await shipmentOf('back', { purpose: 'return', from: customer, to: warehouse });
    expect(shipment).toMatchObject({
      ...{ is_return: true, from_address: { name: 'Ann Canary' }, to_address: { name: 'Warehouse' } },
    });
  });
});

describe('one label', () => {
  test.each(['shipments.create', 'shipments.buy'])(
    'where a try that was frozen before %s goes on after another has bought',
    async (operation) => {
      const key = operation.replace('.', '-');
      await control('POST', '/faults', { operation, kind: 'slow', ms: 400 });
      const frozen = carrier.buyLabel(request(key));
      await until(
        async () => ((await control('GET', '/faults')) as { faults: { fired: number }[] }).faults[0]!.fired > 0,
      );
      const label = await carrier.buyLabel(request(key));
      expect(await frozen).toEqual(label);
      expect((await shipments(`shp_${key}`)).filter(({ tracker }) => tracker)).toHaveLength(1);
      await control('DELETE', '/faults');
    },
  );

  test('where the address was corrected after a refusal: the old shipment is never bought', async () => {
    const wrong = { ...address, postalCode: '00000' };
    await expect(carrier.buyLabel(request('corrected', { to: wrong }))).rejects.toMatchObject({
      details: [{ code: 'service_unavailable' }],
    });
    await carrier.buyLabel(request('corrected'));
    const made = await shipments('shp_corrected');
    expect(made.map(({ to_address, tracker }) => [to_address.zip, tracker !== null])).toEqual([
      ['00000', false],
      ['62701', true],
    ]);
  });

  test('where its rates have lapsed by the next try: it is rated anew, and made once', async () => {
    await control('POST', '/faults', { operation: 'shipments.buy', kind: 'fail_before' });
    await expect(carrier.buyLabel(request('lapsed'))).rejects.toThrow('answered 500');
    await control('POST', '/lapsed/waybill-shp_lapsed');
    await carrier.buyLabel(request('lapsed'));
    expect(await shipments('shp_lapsed')).toHaveLength(1);
    await control('DELETE', '/faults');
  });

  test('also among more purchases than fit on one page', async () => {
    const others = Array.from({ length: 101 }, (_, n) => request(`page-${n}`));
    for (const other of others) await carrier.buyLabel(other);
    await carrier.buyLabel(request('page-last'));
    expect(await shipments('shp_page-last')).toHaveLength(1);
  }, 60_000);
});

test('a label comes with a page on which its parcel may be followed', async () => {
  const label = await carrier.buyLabel(request('followed'));
  expect(label.trackingUrl).toBe(`https://track.easypost.example/${label.trackingNumber}`);
});

test.each([
  ['refunded', 'voided', 'voided'],
  ['not_applicable', 'voided', 'voided'],
  ['rejected', 'used', 'used'],
] as const)('a label whose refund is %s by the carrier: %s', async (refund_status, outcome, status) => {
  const { id, reference } = await carrier.buyLabel(request(`refund-${refund_status}`));
  expect(await carrier.voidLabel(id)).toBe('pending');
  await control('POST', `/refunds/${id}`, { refund_status });
  expect(await carrier.voidLabel(id)).toBe(outcome);
  expect(await carrier.findLabels(reference)).toMatchObject([{ status }]);
});

describe('tracking', () => {
  let nth = 1;
  const scanned = async (key: string, scans: object[]) => {
    const { trackingNumber } = await carrier.buyLabel(request(key));
    for (const scan of scans) await control('POST', `/trackers/${trackingNumber}`, scan);
    return carrier.track(trackingNumber);
  };

  test.each<[string, string, string, string | undefined]>([
    ['in_transit', 'departed_facility', 'in_transit', undefined],
    ['in_transit', 'received_at_origin_facility', 'accepted', undefined],
    ['in_transit', 'weather_delay', 'in_transit', undefined],
    ['in_transit', 'address_correction', 'exception', 'address'],
    ['in_transit', 'damaged', 'exception', 'damaged'],
    ['in_transit', 'lost', 'lost', undefined],
    ['out_for_delivery', 'out_for_delivery', 'out_for_delivery', undefined],
    ['delivered', 'arrived_at_destination', 'delivered', undefined],
    ['available_for_pickup', 'arrived_at_pickup_location', 'exception', 'not_home'],
    ['return_to_sender', 'return', 'returned_to_sender', undefined],
    ['failure', 'refused', 'exception', 'refused'],
    ['failure', 'lost', 'lost', undefined],
    ['failure', 'unknown', 'exception', 'other'],
    ['error', 'unknown', 'exception', 'other'],
  ])('%s, %s is %s', async (status, status_detail, ours, reason) => {
    const [event] = await scanned(`scan-${nth++}`, [{ status, status_detail }]);
    expect(event).toMatchObject({ status: ours, detail: status_detail });
    expect(event!.reason).toBe(reason);
  });

  test('what only says that there is a label, or that there is none any more, is left out', async () => {
    const nothing = ['unknown', 'pre_transit', 'cancelled'].map((status) => ({ status }));
    expect(await scanned('nothing', nothing)).toEqual([]);
    expect(unknown).toEqual([]);
    expect(await scanned('eaten', [{ status: 'eaten' }, { status: 'in_transit' }])).toHaveLength(1);
    expect(unknown).toEqual(['eaten']);
  });

  test('the newest event has the day it is expected on; a delivery says whether somebody signed, and not who', async () => {
    const events = await scanned('signed', [
      { status: 'in_transit', datetime: '2026-11-20T10:00:00Z', est_delivery_date: '2026-11-22T00:00:00Z' },
      { status: 'delivered', datetime: '2026-11-21T10:00:00Z', signed_by: 'Ann Canary' },
    ]);
    expect(events).toMatchObject([
      { status: 'in_transit', at: '2026-11-20T10:00:00.000Z' },
      { status: 'delivered', at: '2026-11-21T10:00:00.000Z', expectedOn: '2026-11-22', proof: { signed: true } },
    ]);
    expect(events[0]!.expectedOn).toBeUndefined();
    expect(JSON.stringify(events)).not.toMatch(/canary/i);
  });
});
