/** What activities/providers/carrier.ts promises, of every carrier. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import type { Address } from '../../../models/address.ts';
import { failures } from '../../../workflows/domain/failures.ts';
import { address, labelRequest, type Stage, stages } from '../../support/carriers.ts';
import { readBarcodes, renderPages } from '../../support/pdf.ts';

const failureOf = async (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => Promise.reject(new Error('it was expected to fail')),
    (error) => error,
  );
const refused = (code: string | object) => ({
  type: failures.carrierRefused,
  nonRetryable: true,
  details: [{ code }],
});
const canary = /canary/i;
const pdfAt = async (url: string): Promise<Buffer> => {
  const response = await fetch(url);
  expect(response.headers.get('content-type')).toBe('application/pdf');
  return Buffer.from(await response.arrayBuffer());
};
const losses = ['lose_reply', 'fail_after', 'fail_before'];

describe.each(stages)('%s', (_, start) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await start();
  });
  afterAll(() => stage.stop());

  let count = 0;
  const newRequest = (changes: Parameters<typeof labelRequest>[1] = {}) => {
    count += 1;
    return labelRequest(`key${count}:label`, { reference: `shp_${count}`, service: stage.services.cheap, ...changes });
  };
  const buy = (changes: Parameters<typeof labelRequest>[1] = {}) => stage.carrier.buyLabel(newRequest(changes));
  const { parcel } = labelRequest('any');
  const ratesRequest = (changes = {}) => ({ from: address, to: address, parcel, currency: stage.currency, ...changes });

  describe('rates', () => {
    test('are whole minor units of the currency that was asked for, one for each service', async () => {
      const rates = await stage.carrier.rates(ratesRequest());
      expect(rates.length).toBeGreaterThan(1);
      expect(new Set(rates.map(({ service }) => service)).size).toBe(rates.length);
      for (const { amount, currency, days = 1 } of rates) {
        expect(Number.isSafeInteger(amount) && amount > 0 && Number.isSafeInteger(days)).toBe(true);
        expect(currency).toBe(stage.currency);
      }
      const [usd, jpy] = await Promise.all(
        ['USD', 'JPY'].map(async (currency) => (await stage.carrier.rates(ratesRequest({ currency })))[0]!.amount),
      );
      expect(jpy! / usd!).toBeGreaterThan(1);
      expect(jpy! / usd!).toBeLessThan(2);
    });

    test('come in a currency of the carrier where none is asked for', async () => {
      const rates = await stage.carrier.rates(ratesRequest({ currency: undefined }));
      expect(rates).toEqual(await stage.carrier.rates(ratesRequest()));
    });

    test('need only a country and a postal code', async () => {
      const place = { country: 'US', postalCode: '62701' };
      expect(await stage.carrier.rates(ratesRequest({ from: place, to: place }))).not.toEqual([]);
    });

    test.each([
      ['a currency it does not answer in', { currency: 'SEK' }],
      ['a country it does not go to', { to: { country: 'XX' } }],
      ['a place it does not go to', { to: { ...address, postalCode: '00000' } }],
      ['more than it carries', { parcel: { ...parcel, weightGrams: 70_001 } }],
    ])('there are none for %s', async (_case, changes) => {
      expect(await stage.carrier.rates(ratesRequest(changes))).toEqual([]);
    });

    test.each(losses)('%s may be tried again', async (kind) => {
      await stage.fault(stage.operations.rates, kind);
      expect(await failureOf(stage.carrier.rates(ratesRequest()))).not.toBeInstanceOf(ApplicationFailure);
      expect(await stage.carrier.rates(ratesRequest())).not.toEqual([]);
      expect(await stage.faultsFired()).toBe(true);
    });
  });

  describe('a label', () => {
    test('costs what its rate says, and is found by its reference', async () => {
      const request = newRequest({ service: stage.services.other });
      const rates = await stage.carrier.rates(ratesRequest());
      const rate = rates.find(({ service }) => service === stage.services.other)!;
      const label = await stage.carrier.buyLabel(request);
      expect(label).toMatchObject({
        ...{ reference: request.reference, service: request.service, cost: rate.amount, currency: stage.currency },
        ...{
          status: 'created',
          url: expect.stringMatching(/^http/),
          trackingNumber: expect.stringMatching(/^\w{10,}$/),
        },
      });
      expect(await stage.carrier.findLabels(request.reference)).toEqual([label]);
      expect(await stage.carrier.findLabels('shp_nobody')).toEqual([]);
    });

    test('is bought once for a key, and again for another key', async () => {
      const request = newRequest();
      const label = await stage.carrier.buyLabel(request);
      expect(await stage.carrier.buyLabel(request)).toEqual(label);
      expect(await stage.labelsSold(request.reference)).toBe(1);
      const second = await stage.carrier.buyLabel({ ...request, key: `${request.key}:2` });
      expect(second.id).not.toBe(label.id);
      expect(await stage.carrier.buyLabel(request)).toEqual(label);
      expect(await stage.carrier.buyLabel({ ...request, key: `${request.key}:2` })).toEqual(second);
      const found = await stage.carrier.findLabels(request.reference);
      expect(found.map(({ id }) => id).sort()).toEqual([label.id, second.id].sort());
    });

    test.each(losses)('%s, then tried again, buys one', async (kind) => {
      for (const operation of stage.operations.buy) {
        const request = newRequest();
        await stage.fault(operation, kind);
        const failure = await failureOf(stage.carrier.buyLabel(request));
        expect(failure).not.toBeInstanceOf(ApplicationFailure);
        expect(failure.message).toMatch(/POST \/(labels|shipments)/);
        expect(await stage.faultsFired()).toBe(true);
        const bought = await stage.carrier.findLabels(request.reference);
        const label = await stage.carrier.buyLabel(request);
        if (bought.length > 0) expect(bought).toEqual([label]);
        expect(await stage.labelsSold(request.reference)).toBe(1);
      }
    });

    test.each<[string, object]>([
      ['a country it does not serve', { to: { ...address, country: 'XX' } }],
      ['a place it does not serve', { to: { ...address, postalCode: '00000' } }],
      ['a parcel too heavy', { parcel: { ...parcel, weightGrams: 70_001 } }],
      ['a parcel of no weight', { parcel: { ...parcel, weightGrams: 0 } }],
      ['a service it has not', { service: 'pigeon' }],
    ])('for %s is refused for good; nobody is named, and the key is not used up', async (_case, wrong) => {
      const request = newRequest();
      const failure = await failureOf(stage.carrier.buyLabel({ ...request, ...wrong }));
      expect(failure).toMatchObject(refused(expect.stringMatching(/^[\w.]+$/)));
      expect(`${failure.message} ${failure.stack} ${JSON.stringify(failure)}`).not.toMatch(canary);
      expect(failure.cause).toBeUndefined();
      expect(await stage.labelsSold(request.reference)).toBe(0);

      const label = await stage.carrier.buyLabel(request);
      expect(await stage.carrier.buyLabel(request)).toEqual(label);
      expect(await stage.labelsSold(request.reference)).toBe(1);
    });

    test('is refused to a stranger, and to a blocked account', async () => {
      const failure = await failureOf(stage.stranger.buyLabel(newRequest()));
      expect(failure).toMatchObject(refused('api_key_refused'));
      expect(failure.message).toMatch(/401: check the carrier's API key/);
      expect(failure.message).not.toContain('wrong');
      await stage.fault(stage.operations.buy[0]!, 'refuse');
      expect(await failureOf(buy())).toMatchObject(refused(expect.stringMatching(/^carrier_account_blocked$/i)));
      expect(await stage.faultsFired()).toBe(true);
    });

    test('is a PDF with the tracking number to scan, that whoever has the link can print', async () => {
      const { trackingNumber, url } = await buy();
      const [page] = await renderPages(await pdfAt(url));
      expect(await readBarcodes(page!)).toMatchObject([{ format: 'Code128', text: trackingNumber }]);
    });

    test('for a return goes the other way, and comes with a label like any other', async () => {
      const label = await buy({ purpose: 'return' });
      expect(await renderPages(await pdfAt(label.url))).toHaveLength(1);
    });
  });

  /** An id of the right form that is nobody's. */
  const none = (id: string) => id.replace(/[0-9a-f]{8}$/, '00000000');

  describe('a label given back', () => {
    test.each(losses)('%s, and tried again: is given back once, and is void', async (kind) => {
      const { id, reference } = await buy();
      await stage.fault(stage.operations.void, kind);
      expect(await failureOf(stage.carrier.voidLabel(id))).not.toBeInstanceOf(ApplicationFailure);
      expect(await stage.faultsFired()).toBe(true);
      expect(await stage.carrier.voidLabel(id)).toBe(stage.voided);
      expect(await stage.carrier.voidLabel(id)).toBe(stage.voided);
      expect(await stage.carrier.findLabels(reference)).toMatchObject([{ id, status: 'voided' }]);
    });

    test('after it has travelled is used, and stays paid for', async () => {
      const { id, trackingNumber, reference } = await buy();
      await stage.scanned(trackingNumber, 'accepted');
      expect(await stage.carrier.voidLabel(id)).toBe('used');
      expect(await stage.carrier.findLabels(reference)).toMatchObject([{ id, status: 'used' }]);
      expect(await failureOf(stage.carrier.voidLabel(none(id)))).toMatchObject(refused('not_found'));
    });
  });

  test('tracking: oldest first, in our words, with ids that stay the same', async () => {
    const { trackingNumber } = await buy();
    expect(await stage.carrier.track(trackingNumber)).toEqual([]);
    for (const status of ['accepted', 'in_transit', 'delivered'] as const) await stage.scanned(trackingNumber, status);
    const events = await stage.carrier.track(trackingNumber);
    expect(events.map(({ status }) => status)).toEqual(['accepted', 'in_transit', 'delivered']);
    expect(new Set(events.map(({ id }) => id)).size).toBe(3);
    for (const { at, detail, ...event } of events) {
      expect(event.trackingNumber).toBe(trackingNumber);
      expect(new Date(at).toISOString()).toBe(at);
      expect(detail).not.toMatch(canary);
    }
    expect(await stage.carrier.track(trackingNumber)).toEqual(events);
    expect(await failureOf(stage.carrier.track('WB00000000000000'))).toMatchObject(refused('not_found'));
  });

  describe('a manifest', () => {
    const from = labelRequest('any').from;

    test.each(losses)('%s, and asked again: is the same one', async (kind) => {
      const labelIds = [await buy(), await buy()].map(({ id }) => id);
      const request = { key: `manifest-${kind}`, from, labelIds };
      await stage.fault(stage.operations.manifest, kind);
      expect(await failureOf(stage.carrier.manifest(request))).not.toBeInstanceOf(ApplicationFailure);
      expect(await stage.faultsFired()).toBe(true);
      const manifest = await stage.carrier.manifest(request);
      expect(manifest).toEqual({ id: expect.any(String), url: expect.stringMatching(/^http/) });
      expect(await stage.carrier.manifest(request)).toEqual(manifest);
    });

    test('takes no label that is void, unknown or on another one, nor none at all', async () => {
      const [good, gone, taken] = [await buy(), await buy(), await buy()];
      await stage.carrier.voidLabel(gone.id);
      await stage.carrier.manifest({ key: 'taken', from, labelIds: [taken.id] });
      const wrong = [[good.id, gone.id], [good.id, none(good.id)], [good.id, taken.id], [taken.id, good.id], []];
      for (const [at, labelIds] of wrong.entries()) {
        const failure = await failureOf(stage.carrier.manifest({ key: `wrong-${at}`, from, labelIds }));
        expect(failure).toMatchObject(refused(expect.any(String)));
      }
      await stage.carrier.manifest({ key: 'good', from, labelIds: [good.id] });
    });
  });

  describe('an address', () => {
    const verify = (changes: Partial<Address> = {}) => stage.carrier.verifyAddress({ ...address, ...changes });

    test('that is right is verified, also in a try after one that failed', async () => {
      await stage.fault(stage.operations.verify, 'fail_before');
      expect(await failureOf(verify())).not.toBeInstanceOf(ApplicationFailure);
      expect(await stage.faultsFired()).toBe(true);
      expect(await verify()).toEqual({ outcome: 'verified' });
    });

    test('is written as the carrier would, but for its name and phone', async () => {
      const { mistaken, written } = stage.town;
      const check = await verify({ city: mistaken, phone: '+1 217 555 0100' });
      expect(check).toMatchObject({
        outcome: 'corrected',
        address: { name: address.name, city: written, phone: '+1 217 555 0100' },
      });
    });

    test.each([{ line1: 'Nowhere 1' }, { postalCode: '6270' }])('%j is undeliverable, by a code', async (changes) => {
      const check = await verify(changes);
      expect(check).toEqual({ outcome: 'undeliverable', why: expect.stringMatching(/^[\w.]+$/) });
      expect(JSON.stringify(check)).not.toMatch(canary);
    });

    test('of which it knows nothing is unknown', async () => {
      expect(await verify({ country: 'AQ', postalCode: '0' })).toEqual({ outcome: 'unknown' });
    });
  });

  test('nobody there: to be tried again, and says who was asked for what', async () => {
    const gone = await start();
    await gone.stop();
    const failure = await failureOf(gone.carrier.buyLabel(newRequest()));
    expect(failure).not.toBeInstanceOf(ApplicationFailure);
    expect(failure.message).toMatch(
      /^(carrier: POST \/labels|easypost: GET \/shipments\/\S+) got no answer.*ECONNREFUSED/,
    );
  });
});
