import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type DeliveredLine,
  decideReturn,
  mostInVain,
  refundForLine,
  returnWindowDays,
} from '../../workflows/domain/returns.ts';

const deliveredAt = new Date('2026-03-01T12:00:00Z');
const day = 86_400_000;

function line(rest: Partial<DeliveredLine> = {}): DeliveredLine {
  return { lineId: 'line_1', quantity: 3, total: 3000, delivered: 3, alreadyReturning: 0, ...rest };
}

function decide(asked: [lineId: string, quantity: number][], delivered = [line()], msAfter = 0) {
  return decideReturn(
    asked.map(([lineId, quantity]) => ({ lineId, quantity })),
    delivered,
    deliveredAt,
    new Date(deliveredAt.getTime() + msAfter),
  );
}

describe('decideReturn', () => {
  test('approves up to the last millisecond of the window, and asks a person after it', () => {
    expect(decide([['line_1', 1]], [line()], returnWindowDays * day)).toEqual({ decision: 'approve' });
    expect(decide([['line_1', 1]], [line()], returnWindowDays * day + 1)).toEqual({
      decision: 'ask',
      because: 'Delivered 30 days ago',
    });
  });

  test('asks a person once three returns of the order came to nothing', () => {
    const now = new Date();
    const asked = [{ lineId: 'line_1', quantity: 1 }];
    expect(decideReturn(asked, [line()], now, now, mostInVain - 1).decision).toBe('approve');
    expect(decideReturn(asked, [line()], now, now, mostInVain)).toMatchObject({ decision: 'ask' });
  });

  test('refuses more than was delivered, however late or early', () => {
    for (const msAfter of [0, 90 * day])
      expect(decide([['line_1', 3]], [line({ delivered: 2 })], msAfter)).toEqual({
        decision: 'refuse',
        because: 'Line line_1: 3 asked, 2 can be returned',
      });
  });

  test('counts what is already on its way back', () => {
    const delivered = [line({ alreadyReturning: 2 })];
    expect(decide([['line_1', 1]], delivered).decision).toBe('approve');
    expect(decide([['line_1', 2]], delivered).decision).toBe('refuse');
  });

  test('two entries of one line count together', () => {
    const asked: [string, number][] = [
      ['line_1', 2],
      ['line_1', 2],
    ];
    expect(decide(asked)).toEqual({ decision: 'refuse', because: 'Line line_1: 4 asked, 3 can be returned' });
    expect(decide(asked, [line({ quantity: 4, delivered: 4 })])).toEqual({ decision: 'approve' });
  });

  test('one line that cannot come back refuses the whole return', () => {
    expect(
      decide([
        ['line_1', 1],
        ['line_9', 1],
      ]),
    ).toEqual({ decision: 'refuse', because: 'The order has no line line_9' });
  });

  test('refuses what has not been delivered yet', () => {
    const asked = [{ lineId: 'line_1', quantity: 1 }];
    expect(decideReturn(asked, [line()], undefined, deliveredAt).decision).toBe('refuse');
  });

  test('never lets more come back than was delivered', () => {
    const units = fc.integer({ min: 0, max: 5 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('line_1', 'line_2'), fc.integer({ min: 1, max: 5 })), { minLength: 1 }),
        fc.tuple(units, units),
        fc.integer({ min: 0, max: 60 * day }),
        (asked, [first, second], msAfter) => {
          const delivered = [line({ delivered: first }), line({ lineId: 'line_2', delivered: second })];
          const fits = delivered.every(
            ({ lineId, delivered }) =>
              asked.filter(([id]) => id === lineId).reduce((sum, [, quantity]) => sum + quantity, 0) <= delivered,
          );
          expect(decide(asked, delivered, msAfter).decision !== 'refuse').toBe(fits);
        },
      ),
      { numRuns: 500 },
    );
  });
});

test('refundForLine pays the accepted units their share of what the line cost, discount included', () => {
  const discounted = { total: 1000, quantity: 3 };
  expect(refundForLine(discounted, 0, 2)).toBe(666);
  expect(refundForLine(discounted, 2, 1)).toBe(334);
});
