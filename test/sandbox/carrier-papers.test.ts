import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createSandboxCarrier } from '../../activities/providers/sandbox-carrier.ts';
import { expectedOn, services } from '../../sandbox/carrier/services.ts';
import { isTrackingNumber, newTrackingNumber } from '../../sandbox/carrier/tracking-number.ts';
import { startCarrierSandbox } from '../../sandbox/carrier.ts';
import { inkOf, readBarcodes, renderPages, wordsOf } from '../support/pdf.ts';

const apiKey = 'key_test';
let sandbox: Awaited<ReturnType<typeof startCarrierSandbox>>;
let carrier: ReturnType<typeof createSandboxCarrier>;

beforeAll(async () => {
  sandbox = await startCarrierSandbox({ apiKey });
  carrier = createSandboxCarrier({ url: sandbox.url, apiKey });
});
afterAll(() => sandbox.stop());

const address = { name: 'Zoë Müller', line1: '1 Street', city: 'Town', postalCode: '12345', country: 'DE' };
const buy = (key: string, changes = {}) =>
  carrier.buyLabel({
    ...{ key, reference: `shp_${key}`, from: address, to: address, service: 'standard', purpose: 'outbound' as const },
    ...{ parcel: { weightGrams: 1200, lengthMm: 300, widthMm: 200, heightMm: 100 }, contents: [] },
    ...changes,
  });
const file = async (url: string) => Buffer.from(await (await fetch(url)).arrayBuffer());
const textOf = async (pdf: Buffer) => (await wordsOf(pdf)).flatMap((page) => page.map(({ text }) => text)).join('\n');
const move = (trackingNumber: string, body: object) =>
  fetch(`${sandbox.url}/_sandbox/tracking/${trackingNumber}`, { method: 'POST', body: JSON.stringify(body) });

describe('a label', () => {
  test.each([
    ['in the standard fonts', address],
    ['with letters that they have not', { ...address, name: 'Łukasz Żółć, Ελένη' }],
  ])('is 4 by 6 inches, %s, and a scanner reads its number', async (how, to) => {
    const label = await buy(how, { to });
    const pdf = await file(label.url);
    const pages = await renderPages(pdf, 203);
    expect(pages).toHaveLength(1);
    expect(await inkOf(pages[0]!)).toMatchObject({ width: 4 * 203, height: 6 * 203, isGrey: true });
    expect(await readBarcodes(pages[0]!)).toMatchObject([{ format: 'Code128', text: label.trackingNumber }]);
    const printed = await textOf(pdf);
    for (const text of [to.name, `shp_${how}`, 'STANDARD', label.trackingNumber]) expect(printed).toContain(text);
  });

  test('says that it is a return, that it is void, and what the customs ask', async () => {
    const contents = [{ description: 'Mug', quantity: 2, weightGrams: 700, value: 2000, currency: 'EUR' }];
    const abroad = { ...address, country: 'CH', postalCode: '8001' };
    const label = await buy('return', { purpose: 'return', to: abroad, contents });
    const printed = await textOf(await file(label.url));
    expect(printed).toMatch(/RETURN[\s\S]*Customs: 2 x Mug/);
    expect(printed).not.toContain('VOID');
    await carrier.voidLabel(label.id);
    expect(await textOf(await file(label.url))).toContain('VOID');
  });
});

test('a manifest lists every parcel, on as many pages as it takes, and is one for its key', async () => {
  const labels = await Promise.all(Array.from({ length: 41 }, (_, n) => buy(`manifest-${n}`)));
  const request = { key: 'evening', from: address, labelIds: labels.map(({ id }) => id) };
  const manifest = await carrier.manifest(request);
  expect(await carrier.manifest({ ...request, labelIds: [...request.labelIds].reverse() })).toEqual(manifest);
  const pdf = await file(manifest.url);
  const pages = await renderPages(pdf);
  expect(pages).toHaveLength(2);
  expect(await readBarcodes(pages[0]!)).toMatchObject([{ format: 'Code128', text: manifest.id }]);
  const text = await textOf(pdf);
  for (const { trackingNumber } of labels) expect(text).toContain(trackingNumber);
  expect(text).toContain('41 parcels, 49200 g');
});

test('a tracking number with one digit wrong is none', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 15 }), fc.integer({ min: 1, max: 9 }), (at, by) => {
      const number = newTrackingNumber();
      expect(number).toMatch(/^WB\d{14}$/);
      expect(isTrackingNumber(number)).toBe(true);
      const digit = (Number(number[at]) + by) % 10;
      expect(isTrackingNumber(number.slice(0, at) + digit + number.slice(at + 1))).toBe(false);
    }),
  );
});

test('a mistyped tracking number is told apart from one that is nobody’s', async () => {
  const { trackingNumber } = await buy('typed');
  const wrong = trackingNumber.slice(0, -1) + ((Number(trackingNumber.at(-1)) + 1) % 10);
  await expect(carrier.track(wrong)).rejects.toMatchObject({ details: [{ code: 'tracking_number_invalid' }] });
  await expect(carrier.track(newTrackingNumber())).rejects.toMatchObject({ details: [{ code: 'not_found' }] });
});

describe('a movement', () => {
  test('tells when the parcel is expected, why it stands still, and how it was left', async () => {
    const { trackingNumber } = await buy('moving');
    await move(trackingNumber, { status: 'accepted' });
    await move(trackingNumber, {
      status: 'exception',
      reason: 'not_home',
      detail: 'nobody_there',
      expectedOn: '2030-01-02',
    });
    await move(trackingNumber, { status: 'delivered', proof: { signed: false, leftAt: 'porch' } });
    expect(await carrier.track(trackingNumber)).toMatchObject([
      { status: 'accepted', expectedOn: expect.stringMatching(/^20\d\d-\d\d-\d\d$/) },
      { status: 'exception', reason: 'not_home', detail: 'nobody_there', expectedOn: '2030-01-02' },
      { status: 'delivered', proof: { signed: false, leftAt: 'porch' } },
    ]);
  });

  test.each([
    { status: 'in_transit', reason: 'damaged' },
    { status: 'exception', proof: { signed: true } },
    { status: 'accepted', expectedOn: 'soon' },
  ])('that makes no sense is refused: %j', async (body) => {
    const { trackingNumber } = await buy(JSON.stringify(body));
    expect((await move(trackingNumber, body)).status).toBe(400);
  });

  test.each([
    ['express', '2026-11-24T16:59:00Z', '2026-11-25'],
    ['express', '2026-11-24T17:00:00Z', '2026-11-26'],
    ['standard', '2026-11-26T09:00:00Z', '2026-11-30'],
    ['overnight', '2026-11-28T20:00:00Z', '2026-11-30'],
  ])('%s handed in at %s arrives on %s', (name, now, date) => {
    const service = services.find((one) => one.name === name)!;
    expect(expectedOn(service, 'domestic', new Date(now))).toBe(date);
  });
});
