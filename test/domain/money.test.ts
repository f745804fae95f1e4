import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatMoney, isCurrency, minorDigits, portion, shareOfLine, split } from '../../workflows/domain/money.ts';
import { maxAmount } from '../../workflows/domain/pricing.ts';

/** A line's total, its units, and one way to give all of them back in parts. */
const anyRefunds = fc
  .record({
    total: fc.integer({ min: 0, max: maxAmount }),
    parts: fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 20 }),
  })
  .map(({ total, parts }) => ({ total, parts, units: parts.reduce((sum, part) => sum + part, 0) }));

describe('shareOfLine', () => {
  test('any sequence of partial refunds ends exactly at the total, and none is negative', () => {
    fc.assert(
      fc.property(anyRefunds, ({ total, parts, units }) => {
        let before = 0;
        let paid = 0;
        for (const part of parts) {
          const share = shareOfLine(total, units, before, part);
          expect(Number.isInteger(share)).toBe(true);
          expect(share).toBeGreaterThanOrEqual(0);
          // Never a whole minor unit away from the exact share.
          expect(Math.abs(share - (total * part) / units)).toBeLessThan(1 + 1e-6);
          before += part;
          paid += share;
          expect(paid).toBeLessThanOrEqual(total);
        }
        expect(paid).toBe(total);
      }),
      { numRuns: 500 },
    );
  });

  test('10.00 over three units: 3.33, 3.33 and the last one takes the cent', () => {
    expect([0, 1, 2].map((before) => shareOfLine(1000, 3, before, 1))).toEqual([333, 333, 334]);
  });

  test('stays exact where a product of two safe integers is none', () => {
    expect(shareOfLine(Number.MAX_SAFE_INTEGER, 10_000, 0, 10_000)).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('no units, no money', () => {
    expect(shareOfLine(1000, 3, 1, 0)).toBe(0);
  });
});

describe('split', () => {
  test('parts add up to the whole, each within one of its exact share, and none below zero', () => {
    const weights = fc.array(fc.integer({ min: 0, max: maxAmount }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: maxAmount }), weights, (total, given) => {
        const parts = split(total, given);
        expect(parts.reduce((sum, part) => sum + part, 0)).toBe(total);
        const sum = given.reduce((all, weight) => all + weight, 0);
        for (const [index, part] of parts.entries()) {
          const exact = sum === 0 ? total / given.length : (total * given[index]!) / sum;
          expect(Math.abs(part - exact)).toBeLessThan(1.000001);
          expect(part).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('what is left over goes to the largest remainders', () => {
    expect(split(100, [1, 1, 1])).toEqual([34, 33, 33]);
    expect(split(5, [0, 0])).toEqual([3, 2]);
    expect(split(10, [3, 3, 4])).toEqual([3, 3, 4]);
  });
});

describe('portion', () => {
  test('rounds half a minor unit up', () => {
    expect([5_000, 4_500, 4_499].map((ppm) => portion(1000, ppm))).toEqual([5, 5, 4]);
    expect(portion(1999, 1_000_000)).toBe(1999);
  });

  test('stays exact where a product of two safe integers is none', () => {
    // Exactly: 90,057,937,911.499992.
    expect(portion(312_844_560_394, 287_868)).toBe(90_057_937_911);
  });
});

describe('currencies', () => {
  test.each([
    ['JPY', 0, 1999, '1999 JPY'],
    ['USD', 2, 1999, '19.99 USD'],
    ['EUR', 2, 5, '0.05 EUR'],
    ['KWD', 3, 1999, '1.999 KWD'],
    ['USD', 2, 0, '0.00 USD'],
    ['USD', 2, -1999, '-19.99 USD'],
  ])('%s has %d decimals: %d is %s', (currency, digits, amount, text) => {
    expect(minorDigits(currency)).toBe(digits);
    expect(formatMoney(amount, currency)).toBe(text);
  });

  test('what is formatted has the same digits as the amount', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: maxAmount }), fc.constantFrom('JPY', 'USD', 'KWD'), (amount, currency) => {
        expect(Number(formatMoney(amount, currency).replace(/[^0-9]/g, ''))).toBe(amount);
      }),
      { numRuns: 500 },
    );
  });

  test('a currency is an ISO 4217 code in capitals', () => {
    for (const code of ['USD', 'EUR', 'JPY', 'KWD']) expect(isCurrency(code)).toBe(true);
    for (const code of ['usd', 'US', 'ABC', 'USDX', '', ' USD', 'constructor']) expect(isCurrency(code)).toBe(false);
  });
});
