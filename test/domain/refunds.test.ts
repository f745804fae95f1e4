import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type RefundableOrder, refundOfLines } from '../../workflows/domain/refunds.ts';

const line = (lineId: string, quantity: number, total: number, lost = 0) => ({
  lineId,
  quantity,
  total,
  allocations: [
    { quantity: quantity - lost, state: 'shipped' },
    { quantity: lost, state: 'released' },
  ],
});
const order = (...lines: RefundableOrder['lines']): RefundableOrder => ({
  currency: 'USD',
  lines,
  shipping: { total: 500 },
});
const policy = { policy: 'with_last_goods', paidBack: false } as const;
const none = new Map<string, number>();

test('units have their share of the line, and those before them count', () => {
  const of = order(line('a', 3, 1000), line('b', 1, 200));
  expect(refundOfLines(of, [{ lineId: 'a', quantity: 2 }], none, policy)).toEqual({
    lines: [{ lineId: 'a', quantity: 2, amount: 666 }],
    shipping: 0,
  });
  expect(refundOfLines(of, [{ lineId: 'a', quantity: 1 }], new Map([['a', 2]]), policy)).toEqual({
    lines: [{ lineId: 'a', quantity: 1, amount: 334 }],
    shipping: 0,
  });
});

test('the shipping goes with the last of the goods, by the policy or against it, and once', () => {
  const of = order(line('a', 1, 1000), line('b', 2, 400, 1));
  const shippingOf = (asked: [string, number][], before: Map<string, number>, how: object) => {
    const lines = asked.map(([lineId, quantity]) => ({ lineId, quantity }));
    const found = refundOfLines(of, lines, before, { ...policy, ...how });
    return 'lines' in found ? found.shipping : found;
  };
  const all: [string, number][] = [
    ['a', 1],
    ['b', 1],
  ];
  expect(shippingOf([['a', 1]], none, {})).toBe(0);
  expect(shippingOf([['a', 1]], new Map([['b', 1]]), {})).toBe(500);
  expect(shippingOf(all, none, {})).toBe(500);
  expect(shippingOf(all, none, { policy: 'never' })).toBe(0);
  expect(shippingOf(all, none, { asked: false })).toBe(0);
  expect(shippingOf([['a', 1]], none, { asked: true, policy: 'never' })).toBe(500);
  expect(shippingOf(all, none, { paidBack: true, asked: true })).toBe(0);
});

test('a line without so many units left is named', () => {
  const of = order(line('a', 3, 1000, 1));
  expect(refundOfLines(of, [{ lineId: 'a', quantity: 3 }], none, policy)).toEqual({ lineId: 'a', left: 2 });
  expect(refundOfLines(of, [{ lineId: 'a', quantity: 1 }], new Map([['a', 2]]), policy)).toEqual({
    lineId: 'a',
    left: 0,
  });
  expect(refundOfLines(of, [{ lineId: 'x', quantity: 1 }], none, policy)).toEqual({ lineId: 'x', left: 0 });
});

test('units that are paid back one by one, in any steps, add up to what the line cost', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 0, max: 1_000_000 }),
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 50, maxLength: 50 }),
      (quantity, total, steps) => {
        const of = order(line('a', quantity, total));
        let before = 0;
        let paid = 0;
        for (const step of steps) {
          const units = Math.min(step, quantity - before);
          if (units === 0) break;
          const found = refundOfLines(of, [{ lineId: 'a', quantity: units }], new Map([['a', before]]), policy);
          if (!('lines' in found)) throw new Error('refused');
          paid += found.lines[0]!.amount;
          before += units;
        }
        return before < quantity || paid === total;
      },
    ),
  );
});
