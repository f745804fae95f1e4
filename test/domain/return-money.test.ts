import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { refundOfReturn } from '../../workflows/domain/return-refunds.ts';
import { mayWithdraw, shippingOfWithdrawal } from '../../workflows/domain/withdrawal.ts';

const of = (lineId: string, amount: number, restockingPpm = 0) => ({ lineId, quantity: 1, amount, restockingPpm });

describe('what is paid back for a return', () => {
  test('is the goods less a fee of each line, and once the label', () => {
    const accepted = [of('line_1', 1_000, 100_000), of('line_2', 3_000)];
    const { lines, sums } = refundOfReturn(accepted, { shipping: 490, labelFee: 390, unit: 1 });
    expect(sums).toEqual({ goods: 4_000, shipping: 490, restockingFee: 100, labelFee: 390, total: 4_000 });
    expect(lines.map(({ amount }) => amount)).toEqual([810, 2_700]);
  });

  test('is nothing where the label costs more than the goods, and never less', () => {
    const { lines, sums } = refundOfReturn([of('line_1', 300)], { shipping: 0, labelFee: 490, unit: 1 });
    expect(sums).toEqual({ goods: 300, shipping: 0, restockingFee: 0, labelFee: 300, total: 0 });
    expect(lines.map(({ amount }) => amount)).toEqual([0]);
  });

  test('is nothing for nothing', () => {
    expect(refundOfReturn([], { shipping: 0, labelFee: 490, unit: 1 })).toEqual({
      lines: [],
      sums: { goods: 0, shipping: 0, restockingFee: 0, labelFee: 0, total: 0 },
    });
  });

  test('adds up, is payable, and is never below zero', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 9_999 }), fc.integer({ min: 0, max: 1_000_000 }))),
        fc.integer({ min: 0, max: 9_999 }),
        fc.integer({ min: 0, max: 99_999 }),
        fc.constantFrom(1, 10, 100),
        (goods, shipping, fee, unit) => {
          const accepted = goods.map(([amount, ppm], index) => of(`line_${index}`, amount * unit, ppm));
          const given = { shipping: shipping * unit, labelFee: fee * unit, unit };
          const { lines, sums } = refundOfReturn(accepted, given);
          const paid = lines.reduce((sum, { amount }) => sum + amount, 0);
          expect(sums.total).toBe(paid + sums.shipping);
          expect(sums.goods - sums.restockingFee - sums.labelFee).toBe(paid);
          for (const [index, { amount }] of lines.entries()) {
            expect(amount).toBeGreaterThanOrEqual(0);
            expect(amount).toBeLessThanOrEqual(accepted[index]!.amount);
            expect(amount % unit).toBe(0);
          }
        },
      ),
    );
  });
});

describe('the time of withdrawal', () => {
  const at = (text: string) => new Date(text);
  // A Monday, so that the fourteenth day is a Monday too.
  const monday = at('2026-03-02T12:00:00Z');

  test('ends with the fourteenth day, everywhere', () => {
    expect(mayWithdraw('DE', monday, at('2026-03-16T22:59:00Z'))).toBe(true);
    expect(mayWithdraw('DE', monday, at('2026-03-17T12:00:00Z'))).toBe(false);
  });

  test('ends with the Monday where it would end at a weekend', () => {
    const saturday = at('2026-03-07T12:00:00Z');
    expect(mayWithdraw('FR', saturday, at('2026-03-23T20:00:00Z'))).toBe(true);
    expect(mayWithdraw('FR', saturday, at('2026-03-24T12:00:00Z'))).toBe(false);
  });

  test('is for who lives in the EEA', () => {
    for (const country of ['DE', 'IE', 'HR', 'NO']) expect(mayWithdraw(country, monday, monday)).toBe(true);
    for (const country of ['US', 'GB', 'CH']) expect(mayWithdraw(country, monday, monday)).toBe(false);
  });

  test('brings no more of the shipping back than the cheapest way of delivery', () => {
    const standard = { total: 590, subtotal: 590, discounts: [] };
    expect(shippingOfWithdrawal(standard)).toBe(590);
    expect(shippingOfWithdrawal({ total: 1_785, subtotal: 1_500, discounts: [], cheapest: 500 })).toBe(595);
    expect(shippingOfWithdrawal({ total: 1_190, subtotal: 1_500, discounts: [{ amount: 500 }], cheapest: 500 })).toBe(
      595,
    );
    expect(shippingOfWithdrawal({ total: 1_785, subtotal: 1_500, discounts: [], cheapest: 0 })).toBe(0);
  });
});
