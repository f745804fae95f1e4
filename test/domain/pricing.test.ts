import { describe, expect, test } from '@jest/globals';
import { limits } from '../../workflows/domain/limits.ts';
import { maxAmount, type PricedProduct, unitPriceOf } from '../../workflows/domain/pricing.ts';
import { priceOf } from '../support/pricing.ts';

const mug: PricedProduct = { sku: 'MUG', name: 'Mug', weightGrams: 350, prices: { USD: 1250, JPY: 1800 } };
const tee: PricedProduct = { sku: 'TEE', name: 'T-shirt', weightGrams: 180, prices: { USD: 1999, EUR: 1899 } };
const products = [mug, tee];

describe('price', () => {
  test('the largest order there can be is still counted exactly', () => {
    expect(limits.lines * limits.quantity * maxAmount).toBeLessThan(Number.MAX_SAFE_INTEGER);
  });

  test('prices come from the catalogue, name and weight too', () => {
    expect(priceOf({ currency: 'JPY', items: [{ sku: 'MUG', quantity: 2 }] }, { products })).toEqual({
      lines: [
        {
          lineId: 'line_1',
          sku: 'MUG',
          name: 'Mug',
          weightGrams: 350,
          quantity: 2,
          unitPrice: 1800,
          subtotal: 3600,
          discounts: [],
          net: 3600,
          taxes: [],
          tax: 0,
          total: 3600,
        },
      ],
      deliveryOptions: [],
      promotions: [],
      refusedCodes: [],
      taxes: [],
      taxInclusive: false,
      subtotal: 3600,
      discount: 0,
      net: 3600,
      tax: 0,
      total: 3600,
    });
  });

  test('lines keep the order of the cart, and one SKU may stand in several', () => {
    const items = [{ sku: 'TEE' }, { sku: 'MUG', quantity: 3 }, { sku: 'TEE', quantity: 2 }];
    const { lines, total } = priceOf({ currency: 'USD', items }, { products });
    expect(lines.map(({ lineId, sku, quantity, total }) => [lineId, sku, quantity, total])).toEqual([
      ['line_1', 'TEE', 1, 1999],
      ['line_2', 'MUG', 3, 3750],
      ['line_3', 'TEE', 2, 3998],
    ]);
    expect(total).toBe(9747);
  });

  test.each([
    ['MUG', 'EUR'],
    ['NO-SUCH-SKU', 'USD'],
  ])('%s is not sold in %s', (sku, currency) => {
    expect(() => priceOf({ currency, items: [{ sku }] }, { products })).toThrow(
      new RangeError(`${sku} is not sold in ${currency}`),
    );
  });

  test('a price that cannot be paid is rounded down to one that can', () => {
    const coarse = [{ ...mug, prices: { KWD: 1999, MGA: 1999 } }];
    expect(priceOf({ currency: 'KWD', items: [{ sku: 'MUG', quantity: 2 }] }, { products: coarse }).total).toBe(3980);
    expect(priceOf({ currency: 'MGA', items: [{ sku: 'MUG' }] }, { products: coarse }).total).toBe(1900);
  });

  test('what shipping, taxes and returns need of a product goes into its line', () => {
    const backorder = { limit: 5, leadDays: 7 };
    const product = { ...mug, taxCode: 'txcd_99999999', returnClass: 'sale', backorder };
    const { lines } = priceOf({ currency: 'USD', items: [{ sku: 'MUG' }] }, { products: [product] });
    expect(lines).toMatchObject([{ taxCode: 'txcd_99999999', returnClass: 'sale', backorder }]);
  });
});

describe('a bundle', () => {
  const set: PricedProduct = {
    sku: 'SET',
    name: 'Set',
    weightGrams: 900,
    prices: { USD: 2499, EUR: 2001 },
    bundle: [
      { sku: 'MUG', quantity: 2 },
      { sku: 'TEE', quantity: 1 },
    ],
  };
  const shop = { products: [...products, set] };

  test('becomes a line for each of its parts, with a share of its price', () => {
    const { lines, total } = priceOf({ currency: 'USD', items: [{ sku: 'SET', quantity: 3 }] }, shop);
    expect(total).toBe(3 * 2499);
    expect(lines).toMatchObject([
      { lineId: 'line_1', sku: 'MUG', quantity: 6, total: 4166, unitPrice: 694, bundle: { sku: 'SET', name: 'Set' } },
      { lineId: 'line_2', sku: 'TEE', quantity: 3, total: 3331, unitPrice: 1110 },
    ]);
  });

  test('is shared by number where a part is not sold alone in the currency', () => {
    const { lines } = priceOf({ currency: 'EUR', items: [{ sku: 'SET' }] }, shop);
    expect(lines.map((line) => line.total)).toEqual([1334, 667]);
  });

  test('is discounted as one, and each part bears its share', () => {
    const promotions = [{ id: 'tenth', discount: { kind: 'percent' as const, ppm: 100_000 } }];
    const { lines } = priceOf({ currency: 'EUR', items: [{ sku: 'SET' }] }, { ...shop, promotions });
    expect(lines.map(({ discounts, total }) => [discounts, total])).toEqual([
      [[{ promotionId: 'tenth', amount: 133 }], 1201],
      [[{ promotionId: 'tenth', amount: 67 }], 600],
    ]);
  });

  test('that has a part which is not in the catalogue is refused', () => {
    expect(() => priceOf({ currency: 'USD', items: [{ sku: 'SET' }] }, { products: [set, mug] })).toThrow(
      new RangeError('TEE, a part of SET, is not in the catalogue'),
    );
  });
});

describe('a special price', () => {
  const at = '2026-11-24T12:00:00Z';
  const special = { currency: 'USD', minQuantity: 1 };
  const unitPrice = (specialPrices: PricedProduct['specialPrices'], quantity = 1, prices = mug.prices) =>
    unitPriceOf({ prices, specialPrices }, 'USD', quantity, at);

  test.each([
    ['from its first moment on', { validFrom: at }, 999],
    ['not before', { validFrom: '2026-11-24T12:00:01Z' }, 1250],
    ['until just before its last', { validUntil: '2026-11-24T12:00:01Z' }, 999],
    ['not at its last', { validUntil: at }, 1250],
    ['in its currency', { currency: 'JPY' }, 1250],
  ])('counts %s', (_, rest, expected) => {
    expect(unitPrice([{ ...special, amount: 999, ...rest }])).toBe(expected);
  });

  test('may be higher than the plain one, and takes its place: a scheduled increase', () => {
    expect(unitPrice([{ ...special, amount: 1400, validFrom: at }])).toBe(1400);
  });

  test('for many units counts from their number on, and of the numbers reached the lowest price', () => {
    const breaks = [
      { ...special, amount: 1000, minQuantity: 10 },
      { ...special, amount: 1100, minQuantity: 3 },
      { ...special, amount: 1300, minQuantity: 5 },
    ];
    expect([1, 2, 3, 5, 9, 10].map((quantity) => unitPrice(breaks, quantity))).toEqual([
      1250, 1250, 1100, 1100, 1100, 1000,
    ]);
  });

  test('for many units stays beside a scheduled increase', () => {
    const prices = [
      { ...special, amount: 1400 },
      { ...special, amount: 1300, minQuantity: 3 },
    ];
    expect([unitPrice(prices, 2), unitPrice(prices, 3)]).toEqual([1400, 1300]);
  });

  test('is enough to be sold in a currency', () => {
    expect(unitPrice([{ ...special, amount: 999 }], 1, {})).toBe(999);
    expect(unitPrice([{ ...special, amount: 999, minQuantity: 2 }], 1, {})).toBeUndefined();
  });

  test('for many units counts all lines of the SKU together', () => {
    const product = { ...mug, specialPrices: [{ ...special, amount: 1000, minQuantity: 3 }] };
    const items = [{ sku: 'MUG' }, { sku: 'MUG', quantity: 2 }];
    const { lines } = priceOf({ currency: 'USD', items }, { products: [product] });
    expect(lines.map(({ unitPrice, total }) => [unitPrice, total])).toEqual([
      [1000, 1000],
      [1000, 2000],
    ]);
  });
});
