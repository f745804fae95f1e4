import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { creditFor, exchangeRuleOf, paidByReturn } from '../../workflows/domain/exchanges.ts';
import { defaultReturnPolicy } from '../../workflows/domain/return-policy.ts';

describe('what pays for goods in exchange', () => {
  const about = { rule: 'on_receipt' as const, worth: 4_000, left: 4_000, currency: 'USD' };

  test.each([
    ['even', 4_000, 4_000, 4_000, 4_000],
    ['dearer', 5_000, 4_000, 4_000, 4_000],
    ['cheaper', 3_000, 4_000, 4_000, 4_000],
    ['goodwill was paid before', 4_000, 4_000, 2_500, 2_500],
  ])('%s', (_what, total, worth, left, credit) => {
    expect(creditFor(total, { ...about, worth, left })).toEqual({ credit, release: 'on_receipt' });
  });

  test.each([
    ['the goods are not exchanged', 4_000, { rule: 'none' as const }, 'exchange-refused'],
    ['they bring nothing', 4_000, { worth: 0 }, 'exchange-refused'],
    ['nothing is left of what was paid', 4_000, { left: 0 }, 'exchange-refused'],
    ['more was taken back than paid', 4_000, { left: -100 }, 'exchange-refused'],
    ['a card is not charged so little', 4_049, {}, 'amount-too-small'],
  ])('refused: %s', (_what, total, change, refused) => {
    expect(creditFor(total, { ...about, ...change })).toMatchObject({ refused });
  });

  test('the least that a card is charged is enough', () => {
    expect(creditFor(4_050, about)).toEqual({ credit: 4_000, release: 'on_receipt' });
  });
});

describe('of several classes the strictest rule counts', () => {
  const policies = {
    quick: { ...defaultReturnPolicy, exchange: 'at_once' as const },
    never: { ...defaultReturnPolicy, exchange: 'none' as const },
  };
  test.each([
    [['quick'], 'at_once'],
    [['quick', undefined], 'on_receipt'],
    [['quick', 'never', 'other'], 'none'],
    [[undefined], 'on_receipt'],
  ] as const)('%j: %s', (classes, rule) => {
    expect(exchangeRuleOf(policies, classes)).toBe(rule);
  });
});

describe('what a return pays in the end', () => {
  const all = { amount: 4_000, exchanged: 4_000, unearned: 0, isShort: false };
  test.each([
    ['all of it came', { worth: 4_000, left: 0, transferred: 4_000 }, all],
    ['the exchange is cheaper', { worth: 4_000, left: 1_000, transferred: 3_000 }, { ...all, exchanged: 3_000 }],
    ['nothing of the exchange', { worth: 4_000, left: 4_000, transferred: 0 }, { ...all, exchanged: 0 }],
    [
      'less came',
      { worth: 2_000, left: 0, transferred: 4_000 },
      { amount: 2_000, exchanged: 2_000, unearned: 2_000, isShort: true },
    ],
    [
      'nothing came',
      { worth: 0, left: 0, transferred: 4_000 },
      { amount: 0, exchanged: 0, unearned: 4_000, isShort: true },
    ],
    [
      'a cent less came, by rounding',
      { worth: 3_999, left: 0, transferred: 4_000, rounding: 1 },
      { amount: 3_999, exchanged: 3_999, unearned: 1, isShort: false },
    ],
    [
      'a chargeback took all, and may give it back',
      { worth: 4_000, left: -4_000, transferred: 4_000, withheld: 4_000 },
      { amount: 0, exchanged: 0, unearned: 0, isShort: true },
    ],
  ])('%s', (_what, what, expected) => {
    expect(paidByReturn({ withheld: 0, rounding: 0, ...what })).toEqual(expected);
  });

  test('never more than the goods are worth, nor than was paid', () => {
    const minor = fc.integer({ min: 0, max: 1_000_000 });
    const left = fc.integer({ min: -1_000_000, max: 1_000_000 });
    fc.assert(
      fc.property(minor, left, minor, minor, (worth, left, transferred, withheld) => {
        const paid = paidByReturn({ worth, left, transferred, withheld, rounding: 0 });
        const { amount, exchanged, unearned, isShort } = paid;
        expect(amount).toBeLessThanOrEqual(worth);
        expect(amount).toBeLessThanOrEqual(Math.max(0, left + transferred));
        expect(amount - exchanged).toBeLessThanOrEqual(Math.max(0, left));
        expect(exchanged + unearned).toBeLessThanOrEqual(transferred);
        expect(isShort).toBe(exchanged < transferred);
      }),
    );
  });
});
