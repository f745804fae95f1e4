/** What prices depend on, as an admin writes and reads it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { priceBook } from '../../activities/pricing/price-book.ts';
import type { Product } from '../../models/catalogue.ts';
import { price, unitPriceOf } from '../../workflows/domain/pricing.ts';
import { startApi, type TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());
afterEach(async () => {
  const { staffTokens: _, ...models } = api.mongo.models;
  await Promise.all(Object.values(models).map((model) => (model as typeof api.mongo.models.orders).deleteMany({})));
});

const put = (path: string, body: unknown) => api.ask('PUT', path, { token: api.tokens.admin, body });
const get = async (path: string) => (await api.ask('GET', path, { token: api.tokens.support })).body;

/** What is changed in a body that would be taken, and the field and words of the refusal. */
type Refusals = Record<string, [changes: object, field: string, says: string | RegExp]>;

function refuses(path: string, body: object, refusals: Refusals): void {
  for (const [what, [changes, field, says]] of Object.entries(refusals)) {
    test(`refuses ${what}`, async () => {
      const answer = await put(path, { ...body, ...changes });
      expect(answer).toMatchObject({
        status: 400,
        body: { type: 'https://waybill.dev/problems/invalid-request' },
      });
      const error = { in: 'body', field, message: expect.stringMatching(says) };
      expect(answer.body.errors).toContainEqual(error);
      expect(new Set(Object.values(await api.counts()))).toEqual(new Set([0]));
    });
  }
}

const summer = { validFrom: '2026-06-01T00:00:00Z', validUntil: '2026-09-01T00:00:00Z' };
const backwards = { validFrom: summer.validUntil, validUntil: summer.validFrom };

describe('a product', () => {
  const mug = { name: 'Mug', weightGrams: 300, prices: { EUR: 1490 }, active: true };
  const path = '/v1/products/MUG';

  test('has special prices, categories, a tax class and code and a size', async () => {
    const more = { categories: ['mugs', 'blue'], taxClass: 'reduced', taxCode: 'txcd_99999999', returnClass: 'sale' };
    const sizeMm = { length: 120, width: 90, height: 100 };
    const specialPrices = [
      { currency: 'EUR', amount: 1190, validFrom: '2020-06-01T00:00:00Z', validUntil: '2020-09-01T00:00:00Z' },
      { currency: 'EUR', amount: 990, minQuantity: 10 },
    ];
    const answer = await put(path, { ...mug, ...more, sizeMm, specialPrices });
    const written = {
      ...mug,
      ...more,
      sizeMm,
      specialPrices: [
        {
          currency: 'EUR',
          amount: 1190,
          minQuantity: 1,
          validFrom: '2020-06-01T00:00:00.000Z',
          validUntil: '2020-09-01T00:00:00.000Z',
        },
        { currency: 'EUR', amount: 990, minQuantity: 10 },
      ],
    };
    const { active: _, ...shown } = written;
    expect(answer).toMatchObject({ status: 201, body: shown });
    expect((await get(path)).specialPrices).toEqual(written.specialPrices);
    expect((await get('/v1/products')).products).toMatchObject([shown]);
    expect(await api.mongo.models.products.findById('MUG').lean()).toEqual({ _id: 'MUG', ...written });
  });

  test('stores nothing for what is not said', async () => {
    await put(path, { ...mug, categories: ['mugs'], sizeMm: { length: 1, width: 1, height: 1 } });
    expect((await put(path, mug)).status).toBe(200);
    expect(await api.mongo.models.products.findById('MUG').lean()).toEqual({ _id: 'MUG', ...mug });
    expect(Object.keys(await get(path)).sort()).toEqual(['availability', 'name', 'prices', 'sku', 'weightGrams']);
  });

  test('keeps prices of the future to itself until they hold', async () => {
    const later = { currency: 'EUR', amount: 990, minQuantity: 1, validFrom: '2126-01-01T00:00:00.000Z' };
    const answer = await put(path, { ...mug, specialPrices: [later] });
    expect(answer.body.specialPrices).toEqual([later]);
    for (const shown of [await get(path), (await get('/v1/products')).products[0]]) {
      expect(shown.prices).toEqual(mug.prices);
      expect(shown).not.toHaveProperty('specialPrices');
    }
    const { support } = api.tokens;
    const { body } = await api.ask('GET', `${path}/prices`, { token: support });
    expect(body).toEqual({ sku: 'MUG', prices: mug.prices, specialPrices: [later] });
  });

  test('may be sold for special prices alone', async () => {
    const special = { currency: 'EUR', amount: 990, ...summer };
    expect((await put(path, { ...mug, prices: {}, specialPrices: [special] })).status).toBe(201);
    const stored = (await api.mongo.models.products.findById('MUG').lean<Product>())!;
    expect(unitPriceOf(stored, 'EUR', 1, '2026-06-01T00:00:00.000Z')).toBe(990);
    expect(unitPriceOf(stored, 'EUR', 1, '2026-09-01T00:00:00.000Z')).toBeUndefined();
  });

  const special = (...each: object[]) => ({
    specialPrices: each.map((one) => ({ currency: 'EUR', amount: 990, ...one })),
  });
  test('may have special prices one after the other, for other numbers and in other currencies', async () => {
    const then = { validFrom: summer.validUntil };
    const answer = await put(path, { ...mug, ...special(summer, then, { minQuantity: 2 }, { currency: 'USD' }) });
    expect(answer.status).toBe(201);
  });

  refuses(path, mug, {
    'a negative price': [{ prices: { EUR: -1 } }, 'prices.EUR', '>=0'],
    'no price': [{ prices: {} }, 'prices', 'at least one currency'],
    'no price and no special one': [{ prices: {}, specialPrices: [] }, 'prices', 'at least one currency'],
    'a price that cannot be paid': [{ prices: { KWD: 1005 } }, 'prices.KWD', 'In KWD it has to be a multiple of 10$'],
    'ariary in parts': [{ prices: { MGA: 150 } }, 'prices.MGA', 'In MGA it has to be a multiple of 100$'],
    'a negative special price': [special({ amount: -1 }), 'specialPrices.0.amount', '>=0'],
    'a special price that cannot be paid': [
      special({}, { currency: 'KWD', amount: 1005 }),
      'specialPrices.1.amount',
      'In KWD it has to be a multiple of 10$',
    ],
    'a special price in no currency': [special({ currency: 'xx' }), 'specialPrices.0.currency', 'ISO 4217'],
    'a special price that ends before it begins': [
      special(backwards),
      'specialPrices.0.validUntil',
      '`validUntil` has to be after `validFrom`',
    ],
    'one that ends as it begins': [
      special({ validFrom: '2026-01-01T00:00:00Z', validUntil: '2026-01-01T00:00:00.000Z' }),
      'specialPrices.0.validUntil',
      'after',
    ],
    'a day that there is not': [special({ validFrom: '2026-02-30T00:00:00Z' }), 'specialPrices.0.validFrom', 'Invalid'],
    'two special prices at one time': [
      special(summer, { minQuantity: 2 }, { validFrom: '2026-08-31T23:59:59Z' }),
      'specialPrices.2',
      /^specialPrices\.0 and specialPrices\.2 are both the price in EUR from 1 on, at the same time$/,
    ],
    'a category that is no slug': [{ categories: ['Blue mugs'] }, 'categories.0', 'slug'],
    'a category twice': [{ categories: ['mugs', 'mugs'] }, 'categories', 'named twice'],
    'a tax class that is no slug': [{ taxClass: 'Reduced' }, 'taxClass', 'slug'],
    'a tax code of another form': [{ taxCode: 'txcd_x' }, 'taxCode', 'txcd_ and digits'],
    'a size without a side': [{ sizeMm: { length: 1, width: 1 } }, 'sizeMm.height', 'expected number'],
    'a side of nothing': [{ sizeMm: { length: 1, width: 1, height: 0 } }, 'sizeMm.height', '>=1'],
  });
});

describe('a promotion', () => {
  const sale = { name: 'Sale', active: true, on: { what: 'order' }, discount: { kind: 'percent', percent: 10 } };
  const path = '/v1/promotions/sale';

  test('is written and read in the units of people', async () => {
    expect(await put(path, sale)).toMatchObject({ status: 201 });
    const defaults = { priority: 100, stacking: 'with_others' };
    expect(await get(path)).toEqual({ id: 'sale', ...sale, ...defaults });

    const full = {
      name: 'Three for two',
      active: false,
      code: ' three-4-two ',
      on: { what: 'products', skus: ['MUG'] },
      discount: { kind: 'buy_get', buy: 2, get: 1, percent: 8.8755 },
      minimumSpend: { EUR: 5000 },
      ...summer,
      oncePerCustomer: true,
      totalLimit: 10,
      priority: 0,
      stacking: 'alone',
      group: 'sales',
    };
    expect(await put(path, full)).toMatchObject({ status: 200 });
    const times = { validFrom: '2026-06-01T00:00:00.000Z', validUntil: '2026-09-01T00:00:00.000Z' };
    const written = { ...full, ...times, code: 'THREE-4-TWO' };
    expect(await get(path)).toEqual({ id: 'sale', ...written, used: 0 });
    expect(await api.mongo.models.promotions.findById('sale').lean()).toEqual({
      _id: 'sale',
      ...written,
      discount: { kind: 'buy_get', buy: 2, get: 1, ppm: 88_755 },
    });

    const shipping = { ...sale, on: { what: 'shipping' }, discount: { kind: 'amount', amounts: { EUR: 490 } } };
    await put(path, shipping);
    expect(await api.mongo.models.promotions.findById('sale').lean()).toEqual({
      _id: 'sale',
      ...shipping,
      ...defaults,
    });
    expect(await get(path)).toEqual({ id: 'sale', ...shipping, ...defaults });
  });

  test('keeps every percentage of four decimals', async () => {
    for (const percent of [0.0001, 0.07, 1.1, 8.875, 33.3333, 57.29, 99.9999, 100]) {
      await put(path, { ...sale, discount: { kind: 'percent', percent } });
      expect((await get(path)).discount).toEqual({ kind: 'percent', percent });
    }
  });

  test('says how many orders have it, where that is limited', async () => {
    await api.mongo.models.promotionCounts.create([{ _id: 'sale', used: 3 }]);
    expect((await put(path, { ...sale, totalLimit: 10 })).body).toMatchObject({ totalLimit: 10, used: 3 });
    expect(await get(path)).toMatchObject({ used: 3 });
    expect((await put(path, sale)).body).not.toHaveProperty('used');
    expect((await put(path, { ...sale, oncePerCustomer: true })).body).toMatchObject({ used: 3 });
  });

  test('is listed page by page', async () => {
    for (const id of ['c', 'a', 'b']) await put(`/v1/promotions/${id}`, sale);
    const first = await get('/v1/promotions?limit=2');
    expect(first.promotions).toMatchObject([{ id: 'a' }, { id: 'b' }]);
    const second = await get(`/v1/promotions?limit=2&cursor=${first.next}`);
    expect(second).toMatchObject({ promotions: [{ id: 'c' }], next: null });
    expect((await api.ask('GET', '/v1/promotions/d', { token: api.tokens.admin })).status).toBe(404);
  });

  test('has a code of its own, also where two are written at once', async () => {
    const answers = await Promise.all(
      ['a', 'b', 'c'].map((id) => put(`/v1/promotions/${id}`, { ...sale, code: 'summer' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    const { promotions } = await get('/v1/promotions');
    expect(promotions).toMatchObject([{ code: 'SUMMER' }]);
    await put('/v1/promotions/d', sale);
    const answer = await put('/v1/promotions/d', { ...sale, name: 'Other', code: 'SUMMER' });
    expect(answer).toMatchObject({
      status: 409,
      body: {
        type: 'https://waybill.dev/problems/code-taken',
        detail: 'SUMMER is the code of another promotion already',
      },
    });
    expect(await get('/v1/promotions/d')).toEqual({ id: 'd', ...sale, priority: 100, stacking: 'with_others' });
    expect((await put(`/v1/promotions/${promotions[0].id}`, { ...sale, code: 'Summer' })).status).toBe(200);
  });

  const percent = (value: unknown) => ({ discount: { kind: 'percent', percent: value } });
  const off = (amounts: object) => ({ discount: { kind: 'amount', amounts } });
  refuses(path, sale, {
    'a percentage of nothing': [percent(0), 'discount.percent', '>0'],
    'a negative percentage': [percent(-1), 'discount.percent', '>0'],
    'more than all': [percent(100.0001), 'discount.percent', '<=100'],
    'five decimals': [percent(8.87555), 'discount.percent', 'at most 4 decimals'],
    'next to nothing': [percent(1e-7), 'discount.percent', 'at most 4 decimals'],
    'a percentage in words': [percent('10'), 'discount.percent', 'expected number'],
    'amounts of no currency': [off({}), 'discount.amounts', 'at least one currency'],
    'an amount that cannot be paid': [off({ KWD: 5 }), 'discount.amounts.KWD', 'In KWD it has to be a multiple of 10$'],
    'a negative amount': [off({ EUR: -1 }), 'discount.amounts.EUR', '>=0'],
    'a spend that cannot be paid': [{ minimumSpend: { MGA: 1 } }, 'minimumSpend.MGA', 'multiple of 100$'],
    'an unknown discount': [{ discount: { kind: 'gift' } }, 'discount.kind', 'Invalid'],
    'parts per million': [{ discount: { kind: 'percent', ppm: 100_000 } }, 'discount.percent', 'expected number'],
    'units of shipping': [
      { on: { what: 'shipping' }, discount: { kind: 'buy_get', buy: 1, get: 1, percent: 100 } },
      'discount.kind',
      'Shipping has no units',
    ],
    'no product': [{ on: { what: 'products', skus: [] } }, 'on.skus', '>=1'],
    'a product twice': [{ on: { what: 'products', skus: ['MUG', 'MUG'] } }, 'on.skus', 'named twice'],
    'a category that is no slug': [{ on: { what: 'categories', categories: ['A B'] } }, 'on.categories.0', 'slug'],
    'a code that is too short': [{ code: 'AB' }, 'code', '3 to 40'],
    'a code of other characters': [{ code: 'GRÜN10' }, 'code', '3 to 40'],
    'a time that ends before it begins': [backwards, 'validUntil', 'after'],
    'a limit of nothing': [{ totalLimit: 0 }, 'totalLimit', '>=1'],
    'too high a limit': [{ totalLimit: 10_000_001 }, 'totalLimit', '<=10000000'],
    'a priority below zero': [{ priority: -1 }, 'priority', '>=0'],
    'a count that it has of itself': [{ used: 0 }, '', 'used'],
  });
});

describe('a tax rate', () => {
  const vat = { name: 'VAT', country: 'DE', percent: 19 };
  const path = '/v1/tax-rates/de';

  test('is written and read in percent, listed and removed', async () => {
    const written = { id: 'de', ...vat, taxClass: 'standard', onShipping: true };
    expect(await put(path, vat)).toMatchObject({ status: 201, body: written });
    const ny = { name: 'Sales tax', country: 'US', region: 'NY', taxClass: 'food', percent: 8.875, onShipping: false };
    expect(await put('/v1/tax-rates/us-ny', { ...ny, validFrom: '2026-01-01T00:00:00Z' })).toMatchObject({
      status: 201,
    });
    const from = { validFrom: '2026-01-01T00:00:00.000Z' };
    const first = await get('/v1/tax-rates?limit=1');
    expect(first.taxRates).toEqual([written]);
    const second = await get(`/v1/tax-rates?limit=1&cursor=${first.next}`);
    expect(second).toEqual({ taxRates: [{ id: 'us-ny', ...ny, ...from }], next: null });
    const { percent: _, ...fields } = ny;
    expect(await api.mongo.models.taxRates.findById('us-ny').lean()).toEqual({
      _id: 'us-ny',
      ...fields,
      ...from,
      ppm: 88_750,
    });

    const remove = () => api.ask('DELETE', path, { token: api.tokens.admin });
    expect(await remove()).toMatchObject({ status: 200, body: written });
    expect(await remove()).toMatchObject({ status: 404 });
    expect((await get('/v1/tax-rates')).taxRates).toMatchObject([{ id: 'us-ny' }]);
  });

  test('holds at no time together with another of its name, place and class', async () => {
    await put(path, { ...vat, validFrom: '2021-01-01T00:00:00Z' });
    const answer = await put('/v1/tax-rates/de-covid', { ...vat, percent: 16, validUntil: '2021-01-01T00:00:00.001Z' });
    expect(answer).toMatchObject({
      status: 409,
      body: {
        type: 'https://waybill.dev/problems/rates-overlap',
        detail: 'de is the VAT of DE for the class standard at that time already',
      },
    });
    expect((await get('/v1/tax-rates')).taxRates).toHaveLength(1);
    const others = [
      { validUntil: '2021-01-01T00:00:00Z' },
      { taxClass: 'reduced' },
      { region: 'BY' },
      { name: 'Tourist tax' },
      { country: 'FR' },
    ];
    for (const [index, other] of others.entries())
      expect(await put(`/v1/tax-rates/other-${index}`, { ...vat, ...other })).toMatchObject({ status: 201 });
    expect(await put(path, { ...vat, percent: 20, validFrom: '2021-01-01T00:00:00Z' })).toMatchObject({ status: 200 });
    const moved = await put('/v1/tax-rates/other-4', { ...vat, region: 'BY' });
    expect(moved.body.detail).toBe('other-2 is the VAT of BY, DE for the class standard at that time already');
    expect((await get('/v1/tax-rates')).taxRates).toContainEqual(expect.objectContaining({ country: 'FR' }));
  });

  test('is written once where many are written at once', async () => {
    for (let times = 0; times < 5; times += 1) {
      await api.mongo.models.taxTables.deleteMany({});
      const ids = [0, 1, 2, 3].map((each) => `rate-${times}-${each}`);
      const country = ['DE', 'FR', 'IT', 'ES', 'PL'][times]!;
      const answers = await Promise.all(ids.map((id) => put(`/v1/tax-rates/${id}`, { ...vat, country })));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
      expect(await api.mongo.models.taxRates.countDocuments({ country })).toBe(1);
    }
  });

  test('is the same one where it is written by many at once', async () => {
    const answers = await Promise.all([16, 17, 18, 19].map((percent) => put(path, { ...vat, percent })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 201]);
  });

  refuses(path, vat, {
    'more than all': [{ percent: 101 }, 'percent', '<=100'],
    'less than nothing': [{ percent: -1 }, 'percent', '>=0'],
    'five decimals': [{ percent: 0.00001 }, 'percent', 'at most 4 decimals'],
    'an unknown country': [{ country: 'XX' }, 'country', 'ISO 3166-1'],
    'a class that is no slug': [{ taxClass: 'A B' }, 'taxClass', 'slug'],
    'no name': [{ name: ' ' }, 'name', '>=1'],
    'a time that ends before it begins': [backwards, 'validUntil', 'after'],
  });
});

describe('a way of delivery', () => {
  const zone = { countries: ['DE'], prices: { EUR: [{ price: 490 }] }, minDays: 1, maxDays: 3 };
  const parcel = { name: 'Parcel', active: true, zones: [zone] };
  const path = '/v1/delivery-methods/parcel';

  test('is written, read back and changed', async () => {
    expect(await put(path, parcel)).toMatchObject({ status: 201, body: { id: 'parcel', ...parcel, position: 100 } });
    const full = {
      name: 'Express',
      active: false,
      position: 1,
      zones: [
        {
          countries: ['DE', 'AT'],
          regions: ['BY', 'Tirol'],
          prices: {
            EUR: [{ price: 490, upToGrams: 1_000, upToTotal: 5_000 }, { price: 590, upToGrams: 1_000 }, { price: 0 }],
            KWD: [{ price: 1_500 }],
          },
          freeFrom: { EUR: 10_000 },
          minDays: 0,
          maxDays: 90,
        },
        { ...zone, countries: ['*'] },
      ],
      volumetricDivisor: 5_000,
      liveService: 'express',
      labels: { rule: 'fastest', services: ['UPS/NextDayAir', 'FedEx/PRIORITY_OVERNIGHT'] },
    };
    expect(await put(path, full)).toMatchObject({ status: 200 });
    expect(await get('/v1/delivery-methods')).toEqual({ deliveryMethods: [{ id: 'parcel', ...full }] });
    await put(path, parcel);
    expect(await api.mongo.models.deliveryMethods.findById('parcel').lean()).toEqual({
      _id: 'parcel',
      ...parcel,
      position: 100,
    });
  });

  const zoned = (changes: object) => ({ zones: [zone, { ...zone, ...changes }] });
  const tiers = (...EUR: object[]) => zoned({ prices: { EUR } });
  refuses(path, parcel, {
    'no zone': [{ zones: [] }, 'zones', '>=1'],
    'an unknown country': [zoned({ countries: ['DE', 'XX'] }), 'zones.1.countries.1', 'ISO 3166-1'],
    'no country': [zoned({ countries: [] }), 'zones.1.countries', '>=1'],
    'no price': [zoned({ prices: {} }), 'zones.1.prices', 'at least one currency'],
    'a currency without a price': [tiers(), 'zones.1.prices.EUR', '>=1'],
    'a negative price': [tiers({ price: -1 }), 'zones.1.prices.EUR.0.price', '>=0'],
    'a price that cannot be paid': [
      zoned({ prices: { KWD: [{ price: 1_501 }] } }),
      'zones.1.prices.KWD.0.price',
      'In KWD it has to be a multiple of 10$',
    ],
    'a price after one without bound': [
      tiers({ price: 490 }, { price: 990, upToGrams: 1_000 }),
      'zones.1.prices.EUR.1',
      'It never counts: EUR.0 takes all of it',
    ],
    'bounds that descend': [
      tiers({ price: 990, upToGrams: 5_000 }, { price: 490, upToGrams: 1_000 }),
      'zones.1.prices.EUR.1',
      'Bounds ascend',
    ],
    'one bound twice': [
      tiers({ price: 990, upToTotal: 5_000 }, { price: 490, upToTotal: 5_000 }),
      'zones.1.prices.EUR.1',
      'Bounds ascend',
    ],
    'a free delivery that cannot be reached exactly': [
      zoned({ freeFrom: { KWD: 15 } }),
      'zones.1.freeFrom.KWD',
      'multiple of 10$',
    ],
    'more days at least than at most': [zoned({ minDays: 4 }), 'zones.1.maxDays', 'less than `minDays`'],
    'more than 90 days': [zoned({ maxDays: 91 }), 'zones.1.maxDays', '<=90'],
    'a divisor in other units': [{ volumetricDivisor: 5 }, 'volumetricDivisor', '>=1000'],
    'a position below zero': [{ position: -1 }, 'position', '>=0'],
    'labels by another rule': [{ labels: { rule: 'nicest' } }, 'labels.rule', 'Invalid option'],
    'labels of no service': [{ labels: { rule: 'cheapest', services: [] } }, 'labels.services', '>=1'],
    'labels of one service twice': [
      { labels: { rule: 'cheapest', services: ['UPS/Ground', 'UPS/Ground'] } },
      'labels.services',
      'named twice',
    ],
  });
});

describe('a warehouse', () => {
  const address = { name: 'Berlin', line1: 'Street 1', city: 'Berlin', postalCode: '10115', country: 'DE' };
  const berlin = { name: 'Berlin', address, priority: 1, active: true };
  const calendar = {
    ...{ timeZone: 'Europe/Berlin', workdays: [1, 2, 3, 4, 5, 6], cutOff: '14:30' },
    ...{ holidays: ['2026-12-25', '2026-12-26'], handlingDays: 1 },
  };
  const path = '/v1/warehouses/berlin';

  test('has a calendar, or none', async () => {
    const written = { id: 'berlin', ...berlin, calendar };
    expect(await put(path, { ...berlin, calendar })).toMatchObject({ status: 201, body: written });
    expect(await get('/v1/warehouses')).toEqual({ warehouses: [written] });
    const { timeZone, workdays, cutOff } = calendar;
    const short = await put(path, { ...berlin, calendar: { timeZone, workdays, cutOff } });
    expect(short.body.calendar).toEqual({ timeZone, workdays, cutOff, holidays: [], handlingDays: 0 });
    expect((await put(path, berlin)).body).toEqual({ id: 'berlin', ...berlin });
    expect(await get('/v1/warehouses')).toEqual({ warehouses: [{ id: 'berlin', ...berlin }] });
  });

  const changed = (changes: object) => ({ calendar: { ...calendar, ...changes } });
  const days = (count: number) =>
    Array.from({ length: count }, (_, index) => new Date(Date.UTC(2027, 0, 1 + index)).toISOString().slice(0, 10));
  test('may be closed for some months', async () => {
    expect(await put(path, { ...berlin, ...changed({ holidays: days(150) }) })).toMatchObject({ status: 201 });
  });

  refuses(path, berlin, {
    'a time zone that there is not': [
      changed({ timeZone: 'Europe/Atlantis' }),
      'calendar.timeZone',
      /^Not an IANA time zone$/,
    ],
    'no workday': [changed({ workdays: [] }), 'calendar.workdays', '>=1'],
    'an eighth day of the week': [changed({ workdays: [8] }), 'calendar.workdays.0', '<=7'],
    'a Sunday that is called 0': [changed({ workdays: [0, 1] }), 'calendar.workdays.0', '>=1'],
    'a workday twice': [changed({ workdays: [1, 1] }), 'calendar.workdays', 'A day is named twice'],
    'a cut-off after the end of the day': [changed({ cutOff: '24:00' }), 'calendar.cutOff', '00:00 to 23:59'],
    'a cut-off of another form': [changed({ cutOff: '3 pm' }), 'calendar.cutOff', '00:00 to 23:59'],
    'a holiday that there is not': [changed({ holidays: ['2026-02-30'] }), 'calendar.holidays.0', 'Not a date'],
    'a holiday twice': [changed({ holidays: ['2026-12-25', '2026-12-25'] }), 'calendar.holidays', 'named twice'],
    'half a day of handling': [changed({ handlingDays: 0.5 }), 'calendar.handlingDays', 'expected int'],
    'a year of holidays': [
      changed({ holidays: days(400) }),
      'calendar.holidays',
      /^They leave no working day for a year: nothing could be promised$/,
    ],
    'a year of holidays on every workday': [
      changed({ workdays: [7], holidays: days(400).filter((day) => new Date(day).getUTCDay() === 0) }),
      'calendar.holidays',
      'no working day',
    ],
    'a calendar of something else': [changed({ weekends: [6, 7] }), 'calendar', 'weekends'],
  });
});

describe('the settings of the store', () => {
  const address = { name: 'Shop', line1: 'Street 1', city: 'Berlin', postalCode: '10115', country: 'DE' };
  const seller = {
    name: 'Shop GmbH',
    address,
    taxIds: [{ name: 'VAT ID', value: 'DE123456789' }],
    email: 'shop@example.com',
    timeZone: 'Europe/Berlin',
  };
  const taxes = { inclusiveIn: ['EUR'], rounding: 'line', source: 'table' };
  const path = '/v1/settings';

  test('have defaults, and are written as a whole', async () => {
    const payments = { multicapture: false, refundShipping: 'with_last_goods', risk: {} };
    const byDefault = { inclusiveIn: [], rounding: 'total', source: 'table' };
    const fulfilment = { shortPick: 'cancel', checkAddresses: false };
    const rule = { windowDays: 30, returnShipping: 'store', refundShipping: 'never', approval: 'rule' };
    const returns = { policies: { standard: rule } };
    const orders = { customersCancelUntil: 'handed_over' };
    expect(await get(path)).toEqual({ taxes: byDefault, payments, fulfilment, orders, returns });
    const full = {
      seller: { ...seller, footer: 'HRB 1' },
      taxes: { ...taxes, shippingClass: 'standard' },
      payments: { multicapture: true, refundShipping: 'never', risk: { amountFrom: { EUR: 50_000 }, scoreFrom: 65 } },
      fulfilment: { shortPick: 'ask', checkAddresses: false },
      orders: { customersCancelUntil: 'picked' },
      returns: {
        policies: {
          standard: {
            ...rule,
            windowDays: 60,
            returnShipping: 'customer',
            labelFee: { EUR: 490 },
            restockingPercent: 12.5,
          },
          clearance: { ...rule, finalSale: true, noWithdrawal: true },
        },
      },
      refundPolicy: 'Within 30 days, unused.',
      mail: { storeName: 'Shop', replyTo: 'help@example.com', footer: 'HRB 1', defaultLanguage: 'de' },
    };
    expect(await put(path, full)).toMatchObject({ status: 200, body: full });
    expect(await get(path)).toEqual(full);
    await put(path, { taxes });
    expect(await get(path)).toEqual({ taxes, payments, fulfilment, orders, returns });
    expect(await api.mongo.models.settings.findById('store').lean()).toEqual({ _id: 'store', taxes });
  });

  const sold = (changes: object) => ({ seller: { ...seller, ...changes } });
  const returned = (changes: object) => {
    const rule = { windowDays: 30, returnShipping: 'store', refundShipping: 'never', approval: 'rule', ...changes };
    return { returns: { policies: { standard: rule } } };
  };
  refuses(
    path,
    { seller, taxes },
    {
      'a time zone that there is not': [sold({ timeZone: 'Europe/Atlantis' }), 'seller.timeZone', 'Not an IANA'],
      'an e-mail address that is none': [sold({ email: 'shop' }), 'seller.email', 'Not an e-mail'],
      'an address without a country': [
        sold({ address: { ...address, country: undefined } }),
        'seller.address.country',
        'expected string',
      ],
      'no list of tax ids': [sold({ taxIds: undefined }), 'seller.taxIds', 'expected array'],
      'another rule for what is not found': [
        { fulfilment: { shortPick: 'guess' } },
        'fulfilment.shortPick',
        'Invalid option',
      ],
      'a fee for a label that the store pays': [
        returned({ labelFee: { EUR: 490 } }),
        'returns.policies.standard.labelFee',
        'Only where the customer pays',
      ],
      'a fee that cannot be paid': [
        returned({ returnShipping: 'customer', labelFee: { KWD: 495 } }),
        'returns.policies.standard.labelFee.KWD',
        'multiple of 10',
      ],
      'more than everything for restocking': [
        returned({ restockingPercent: 101 }),
        'returns.policies.standard.restockingPercent',
        '<=100',
      ],
      'a window without an end': [returned({ windowDays: 9_999 }), 'returns.policies.standard.windowDays', '<=3650'],
      'a class that is no slug': [
        { returns: { policies: { 'A B': returned({}).returns.policies.standard } } },
        'returns.policies.A B',
        'Invalid key',
      ],
      'no taxes': [{ taxes: undefined }, 'taxes', 'expected object'],
      'an unknown currency': [{ taxes: { ...taxes, inclusiveIn: ['XQQ'] } }, 'taxes.inclusiveIn.0', 'ISO 4217'],
      'a currency twice': [{ taxes: { ...taxes, inclusiveIn: ['EUR', 'EUR'] } }, 'taxes.inclusiveIn', 'named twice'],
      'another rounding': [{ taxes: { ...taxes, rounding: 'up' } }, 'taxes.rounding', 'Invalid option'],
      'another source': [{ taxes: { ...taxes, source: 'guess' } }, 'taxes.source', 'Invalid option'],
      'a shipping class that is no slug': [
        { taxes: { ...taxes, shippingClass: 'A B' } },
        'taxes.shippingClass',
        'slug',
      ],
      'mails in a language that has none': [
        { mail: { defaultLanguage: 'fr' } },
        'mail.defaultLanguage',
        'in these languages: .*\\bde\\b',
      ],
      'a language that is none': [{ mail: { defaultLanguage: 'de_DE' } }, 'mail.defaultLanguage', 'Not a BCP 47'],
    },
  );
});

test('the commands of docs/price-rules.md do what it says', async () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/price-rules.md'), 'utf8');
  const commands = [...text.matchAll(/^curl -X PUT \$API(\S+) [^']*-d '([^']+)'$/gm)];
  expect(commands).toHaveLength(text.split('\ncurl ').length - 1);
  for (const [, path, body] of commands) {
    const { status } = await put(`/v1${path}`, JSON.parse(body!));
    expect([path, status]).toEqual([path, path === '/settings' ? 200 : 201]);
  }

  const book = await priceBook(api.mongo, { skus: ['MUG'], codes: ['FRIENDS'] });
  const ask = (quantity: number, changes: object = {}) =>
    price(
      {
        currency: 'EUR',
        at: '2027-06-02T12:00:00.000Z',
        items: [{ sku: 'MUG', quantity }],
        to: { country: 'DE' },
        codes: ['FRIENDS'],
        ...changes,
      },
      book,
    );
  const promotions = [
    { id: 'friends', amount: 500 },
    { id: 'summer', amount: 794 },
  ];
  // 3 x 14.90 less 5.00 less a fifth, and 4.90 for delivery, with 19 % in all of it.
  expect(ask(3)).toMatchObject({ promotions, shipping: { total: 490 }, total: 3666, tax: 585, taxInclusive: true });
  expect(ask(6)).toMatchObject({ shipping: { total: 0 }, total: 6752 });
  expect(ask(3, { at: '2027-06-07T12:00:00.000Z', to: { country: 'FR' } })).toMatchObject({
    subtotal: 3 * 1590 + 1490,
    taxes: [{ name: 'VAT', ppm: 200_000 }],
  });
  expect(ask(1, { currency: 'USD', to: { country: 'US', region: 'NY' }, codes: [] })).toMatchObject({
    total: 1272 + 1590 + 254,
    taxes: [{ name: 'Sales tax', base: 1272 + 1590, amount: 254 }],
  });
});
