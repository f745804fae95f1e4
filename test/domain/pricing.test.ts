import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { limits } from '../../workflows/domain/limits.ts';
import { maxAmount, type PricedProduct, price } from '../../workflows/domain/pricing.ts';

const mug: PricedProduct = { sku: 'MUG', name: 'Mug', weightGrams: 350, prices: { USD: 1250, JPY: 1800 } };
const tee: PricedProduct = { sku: 'TEE', name: 'T-shirt', weightGrams: 180, prices: { USD: 1999, EUR: 1899 } };
const products = new Map([mug, tee].map((product) => [product.sku, product]));

const anyItems = fc.array(
  fc.record({ sku: fc.constantFrom('MUG', 'TEE'), quantity: fc.integer({ min: 1, max: limits.quantity }) }),
  { maxLength: limits.lines },
);

describe('price', () => {
  test('the total is the sum of the lines, and a line is its unit price times its quantity', () => {
    fc.assert(
      fc.property(anyItems, (items) => {
        const { lines, total } = price(items, products, 'USD');
        expect(lines.map(({ sku, quantity }) => ({ sku, quantity }))).toEqual(items);
        for (const line of lines) {
          expect(line.unitPrice).toBe(products.get(line.sku)?.prices.USD);
          expect(line.total).toBe(line.unitPrice * line.quantity);
        }
        expect(total).toBe(lines.reduce((sum, line) => sum + line.total, 0));
        expect(new Set(lines.map(({ lineId }) => lineId)).size).toBe(lines.length);
      }),
      { numRuns: 200 },
    );
  });

  test('the largest order there can be is still counted exactly', () => {
    expect(limits.lines * limits.quantity * maxAmount).toBeLessThan(Number.MAX_SAFE_INTEGER);
  });

  test('prices come from the catalogue, name and weight too', () => {
    expect(price([{ sku: 'MUG', quantity: 2 }], products, 'JPY')).toEqual({
      lines: [
        {
          lineId: 'line_1',
          sku: 'MUG',
          name: 'Mug',
          weightGrams: 350,
          quantity: 2,
          unitPrice: 1800,
          total: 3600,
        },
      ],
      total: 3600,
    });
  });

  test.each([
    ['MUG', 'EUR'],
    ['NO-SUCH-SKU', 'USD'],
  ])('%s is not sold in %s', (sku, currency) => {
    expect(() => price([{ sku, quantity: 1 }], products, currency)).toThrow(
      new RangeError(`${sku} is not sold in ${currency}`),
    );
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
  const shop = new Map([...products, ['SET', set]]);

  test('becomes a line for each of its parts, with a share of its price', () => {
    const { lines, total } = price([{ sku: 'SET', quantity: 3 }], shop, 'USD');
    expect(total).toBe(3 * 2499);
    expect(lines).toMatchObject([
      { lineId: 'line_1', sku: 'MUG', quantity: 6, total: 4166, unitPrice: 694, bundle: { sku: 'SET', name: 'Set' } },
      { lineId: 'line_2', sku: 'TEE', quantity: 3, total: 3331, unitPrice: 1110 },
    ]);
  });

  test('is shared by number where a part is not sold alone in the currency', () => {
    const { lines } = price([{ sku: 'SET', quantity: 1 }], shop, 'EUR');
    expect(lines.map((line) => line.total)).toEqual([1334, 667]);
  });

  test('never gains or loses a cent', () => {
    const quantities = fc.integer({ min: 1, max: 200 });
    const prices = fc.integer({ min: 0, max: 99_999 });
    fc.assert(
      fc.property(prices, prices, prices, quantities, quantities, (whole, mugs, tees, quantity, parts) => {
        const catalogue = new Map<string, PricedProduct>([
          ['MUG', { ...mug, prices: { JPY: mugs } }],
          ['TEE', { ...tee, prices: { JPY: tees } }],
          [
            'SET',
            {
              ...set,
              prices: { JPY: whole },
              bundle: [
                { sku: 'MUG', quantity: parts },
                { sku: 'TEE', quantity: 1 },
              ],
            },
          ],
        ]);
        const { lines, total } = price([{ sku: 'SET', quantity }], catalogue, 'JPY');
        expect(lines.reduce((sum, line) => sum + line.total, 0)).toBe(whole * quantity);
        expect(total).toBe(whole * quantity);
        for (const line of lines) expect(line.total).toBeGreaterThanOrEqual(line.unitPrice * line.quantity);
      }),
      { numRuns: 500 },
    );
  });
});
