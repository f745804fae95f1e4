import { describe, expect, test } from '@jest/globals';
import { isValid, overlap } from '../../workflows/domain/taxes.ts';
import { priceOf, type ShortBook, type ShortCart } from '../support/pricing.ts';

type Taxes = NonNullable<ShortBook['taxes']>;

const products: ShortBook['products'] = [
  { sku: 'MUG', prices: { USD: 1000, EUR: 1190 } },
  { sku: 'BREAD', prices: { USD: 300, EUR: 214 }, taxClass: 'food' },
  { sku: 'PIN', prices: { USD: 33 } },
];
const post = { id: 'post', zones: [{ prices: { USD: [{ price: 500 }], EUR: [{ price: 595 }] } }] };
const vat = { name: 'VAT', ppm: 190_000 };
const german: Taxes = { rates: [vat, { ...vat, ppm: 70_000, taxClass: 'food' }], inclusiveIn: ['EUR'] };

/** In EUR with the tax in prices, in USD without. */
function pricing(taxes: Taxes, cart: Partial<ShortCart> = {}, book: Partial<ShortBook> = {}) {
  return priceOf({ currency: 'USD', items: [{ sku: 'MUG' }], ...cart }, { products, taxes, ...book });
}

/** Name and amount of each tax, goods and shipping together. */
function levied(taxes: Taxes, cart: Partial<ShortCart> = {}, book: Partial<ShortBook> = {}) {
  return pricing(taxes, cart, book).taxes.map(({ name, amount }) => [name, amount]);
}

describe('a tax', () => {
  test('comes on top of prices without it', () => {
    expect(pricing({ rates: [vat] })).toMatchObject({
      lines: [{ subtotal: 1000, net: 1000, tax: 190, total: 1190, taxes: [{ ...vat, base: 1000, amount: 190 }] }],
      taxes: [{ ...vat, base: 1000, amount: 190 }],
      taxInclusive: false,
      net: 1000,
      tax: 190,
      total: 1190,
    });
  });

  test('is found in prices that have it in them', () => {
    expect(pricing(german, { currency: 'EUR' })).toMatchObject({
      lines: [{ subtotal: 1190, net: 1000, tax: 190, total: 1190, taxes: [{ ...vat, base: 1000, amount: 190 }] }],
      taxInclusive: true,
      net: 1000,
      tax: 190,
      total: 1190,
    });
  });

  test('is levied on what promotions have left', () => {
    const promotions = [{ id: 'half', discount: { kind: 'percent' as const, ppm: 500_000 } }];
    expect(pricing({ rates: [vat] }, {}, { promotions })).toMatchObject({ net: 500, tax: 95, total: 595 });
    expect(pricing(german, { currency: 'EUR' }, { promotions })).toMatchObject({ net: 500, tax: 95, total: 595 });
  });

  test('goes by the class of the goods', () => {
    const items = [{ sku: 'MUG' }, { sku: 'BREAD' }];
    expect(pricing(german, { currency: 'EUR', items }).taxes).toEqual([
      { name: 'VAT', ppm: 190_000, base: 1000, amount: 190 },
      { name: 'VAT', ppm: 70_000, base: 200, amount: 14 },
    ]);
  });

  test('of no parts is none', () => {
    expect(levied({ rates: [{ ...vat, ppm: 0 }] })).toEqual([]);
  });

  test.each([
    ['from its first moment on', { validFrom: '2026-11-24T12:00:00Z' }, [['VAT', 190]]],
    ['not before', { validFrom: '2026-11-24T12:00:01Z' }, []],
    ['until just before its last', { validUntil: '2026-11-24T12:00:01Z' }, [['VAT', 190]]],
    ['not at its last', { validUntil: '2026-11-24T12:00:00Z' }, []],
  ])('is valid %s', (_, rest, expected) => {
    expect(levied({ rates: [{ ...vat, ...rest }] })).toEqual(expected);
  });
});

describe('the rates of a destination', () => {
  const quebec = { to: { country: 'CA', region: 'QC' } };
  const gst = { name: 'GST', ppm: 50_000, country: 'CA' };
  const pst = { ...gst, name: 'QST', ppm: 99_750, region: 'QC' };

  test('are those of the country, and those of the region beside them', () => {
    expect(levied({ rates: [gst, pst] }, quebec)).toEqual([
      ['GST', 50],
      ['QST', 100],
    ]);
    expect(levied({ rates: [gst, pst] }, { to: { country: 'CA' } })).toEqual([['GST', 50]]);
    expect(levied({ rates: [gst, pst] }, { to: { country: 'FR', region: 'QC' } })).toEqual([]);
  });

  test('of one name: that of the region replaces that of the country, even by nothing', () => {
    const other = { ...gst, id: 'other', region: 'QC' };
    expect(levied({ rates: [gst, { ...other, ppm: 10_000 }] }, quebec)).toEqual([['GST', 10]]);
    expect(levied({ rates: [gst, { ...other, ppm: 0 }] }, quebec)).toEqual([]);
    const over = { ...other, ppm: 10_000, validUntil: '2026-01-01T00:00:00Z' };
    expect(levied({ rates: [gst, over] }, quebec)).toEqual([['GST', 50]]);
  });

  test('are found together in prices that have them in them, and shared by their size', () => {
    const rates = [gst, { ...gst, name: 'PST', ppm: 70_000 }];
    // 1190 * 12 / 112 = 127.5, which is 128.
    expect(pricing({ rates, inclusiveIn: ['EUR'] }, { currency: 'EUR', ...quebec }).taxes).toEqual([
      { name: 'GST', ppm: 50_000, base: 1062, amount: 53 },
      { name: 'PST', ppm: 70_000, base: 1062, amount: 75 },
    ]);
  });
});

describe('shipping', () => {
  const deliveryMethods = [post];
  const items = [{ sku: 'MUG' }, { sku: 'BREAD' }];

  test('is taxed only by rates that say so', () => {
    const county = { name: 'County', ppm: 10_000, onShipping: false };
    expect(pricing({ rates: [vat, county] }, {}, { deliveryMethods }).shipping).toMatchObject({
      net: 500,
      tax: 95,
      taxes: [{ name: 'VAT', base: 500, amount: 95 }],
    });
  });

  test('is taxed as the goods are, each class by what it costs', () => {
    const { shipping } = pricing(german, { currency: 'EUR', items }, { deliveryMethods });
    // 5.95 shared by 11.90 and 2.14: 5.04 and 0.91.
    expect(shipping).toMatchObject({
      total: 595,
      tax: 86,
      taxes: [
        { ppm: 190_000, base: 424, amount: 80 },
        { ppm: 70_000, base: 85, amount: 6 },
      ],
    });
  });

  test('is taxed by a class of its own where it has one', () => {
    const { shipping } = pricing(
      { ...german, shippingClass: 'standard' },
      { currency: 'EUR', items },
      { deliveryMethods },
    );
    expect(shipping).toMatchObject({ net: 500, tax: 95 });
  });
});

describe('rounding', () => {
  const pins = [{ sku: 'PIN' }, { sku: 'PIN' }, { sku: 'PIN' }];
  const tenth = { name: 'Tax', ppm: 100_000 };

  test('per line rounds each line, half a cent up', () => {
    expect(pricing({ rates: [tenth], rounding: 'line' }, { items: pins })).toMatchObject({
      lines: [{ tax: 3 }, { tax: 3 }, { tax: 3 }],
      tax: 9,
    });
    expect(pricing({ rates: [{ ...tenth, ppm: 5_000 }] })).toMatchObject({ tax: 5 });
    expect(pricing({ rates: [{ ...tenth, ppm: 4_500 }] })).toMatchObject({ tax: 5 });
    expect(pricing({ rates: [{ ...tenth, ppm: 4_499 }] })).toMatchObject({ tax: 4 });
  });

  test('per total rounds all that has the same rates once, and shares it', () => {
    expect(pricing({ rates: [tenth], rounding: 'total' }, { items: pins })).toMatchObject({
      lines: [{ tax: 4 }, { tax: 3 }, { tax: 3 }],
      tax: 10,
    });
  });

  test('per total counts shipping in where it has the same rates', () => {
    const pin = { id: 'post', zones: [{ prices: { USD: [{ price: 33 }] } }] };
    const cart = { items: pins.slice(0, 2) };
    expect(pricing({ rates: [tenth], rounding: 'total' }, cart, { deliveryMethods: [pin] }).tax).toBe(10);
    const rates = [{ ...tenth, onShipping: false }];
    expect(pricing({ rates, rounding: 'total' }, cart, { deliveryMethods: [pin] }).tax).toBe(7);
  });

  test('is to what can be paid', () => {
    const products = [{ sku: 'MUG', prices: { KWD: 1250, JPY: 125 } }];
    expect(pricing({ rates: [tenth] }, { currency: 'KWD' }, { products }).tax).toBe(130);
    expect(pricing({ rates: [tenth] }, { currency: 'JPY' }, { products }).tax).toBe(13);
  });
});

describe('whoever is exempt', () => {
  test('pays the price where the tax would come on top', () => {
    expect(pricing({ rates: [vat] }, { taxExempt: true }, { deliveryMethods: [post] })).toMatchObject({
      lines: [{ net: 1000, taxes: [], tax: 0, total: 1000 }],
      shipping: { net: 500, taxes: [], tax: 0, total: 500 },
      taxes: [],
      total: 1500,
    });
  });

  test('pays the net of a price that has the tax in it', () => {
    const exempt = pricing(german, { currency: 'EUR', taxExempt: true }, { deliveryMethods: [post] });
    expect(exempt).toMatchObject({
      lines: [{ subtotal: 1190, net: 1000, tax: 0, total: 1000 }],
      shipping: { subtotal: 595, net: 500, tax: 0, total: 500 },
      subtotal: 1785,
      taxes: [],
      tax: 0,
      total: 1500,
    });
  });
});

describe('taxes that are worked out elsewhere', () => {
  test('are taken as they are', () => {
    const [line, shipping] = [83, 41].map((amount) => [{ name: 'Sales tax', ppm: 82_500, amount }]);
    const given = { lines: new Map([['line_1', line!]]), shipping: shipping! };
    expect(pricing({ rates: [vat], given }, {}, { deliveryMethods: [post] })).toMatchObject({
      lines: [{ net: 1000, tax: 83 }],
      shipping: { net: 500, tax: 41 },
      taxes: [{ name: 'Sales tax', ppm: 82_500, base: 1500, amount: 124 }],
      total: 1624,
    });
  });

  test('are rounded to what can be paid', () => {
    const given = { lines: new Map([['line_1', [{ name: 'VAT', ppm: 50_000, amount: 123 }]]]), shipping: [] };
    const products = [{ sku: 'MUG', prices: { KWD: 2460 } }];
    expect(pricing({ given }, { currency: 'KWD' }, { products })).toMatchObject({ tax: 120, total: 2580 });
  });
});

test('a time with and without milliseconds is the same moment', () => {
  const [whole, precise] = ['2026-11-24T12:00:00Z', '2026-11-24T12:00:00.000Z'];
  const justAfter = '2026-11-24T12:00:00.500Z';
  for (const moment of [whole, precise]) {
    for (const at of [whole, precise, justAfter]) {
      expect(isValid({ validFrom: moment }, at)).toBe(true);
      expect(isValid({ validUntil: moment }, at)).toBe(false);
    }
    expect(overlap({ validUntil: whole }, { validFrom: moment })).toBe(false);
    expect(overlap({ validUntil: precise }, { validFrom: moment })).toBe(false);
  }
});

test('two times overlap where both hold at some moment', () => {
  const [first, second, third] = ['2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z', '2026-03-01T00:00:00Z'];
  expect(overlap({ validUntil: second }, { validFrom: second })).toBe(false);
  expect(overlap({ validFrom: second }, { validUntil: second })).toBe(false);
  expect(overlap({ validFrom: first, validUntil: third }, { validFrom: second })).toBe(true);
  expect(overlap({}, { validFrom: first, validUntil: second })).toBe(true);
});
