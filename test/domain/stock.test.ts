import { describe, expect, test } from '@jest/globals';
import {
  availability,
  expectedAt,
  isLow,
  offered,
  overDelivery,
  type Quantities,
  salable,
  suggestedOrder,
  variance,
} from '../../workflows/domain/stock.ts';

const nothing: Quantities = { onHand: 0, damaged: 0, reserved: 0, committed: 0, incoming: 0, safetyStock: 0 };
const now = new Date('2026-11-24T12:00:00Z');

describe('what is offered', () => {
  test('is what is there, less what is broken, promised, or kept as a cushion', () => {
    const stock = { ...nothing, onHand: 10, damaged: 1, reserved: 2, committed: 3, incoming: 50 };
    expect(salable(stock)).toBe(4);
    expect(offered({ ...stock, safetyStock: 3 })).toBe(1);
    expect(offered({ ...stock, safetyStock: 5 })).toBe(0);
  });
});

describe('time to order', () => {
  test('is at the reorder point, with what is on its way counted in', () => {
    const stock = { ...nothing, onHand: 5, reorderPoint: 5, reorderTo: 20 };
    expect([isLow(stock), suggestedOrder(stock)]).toEqual([true, 15]);
    expect([isLow({ ...stock, incoming: 1 }), suggestedOrder({ ...stock, incoming: 1 })]).toEqual([false, 0]);
    expect(suggestedOrder({ ...stock, reorderTo: undefined })).toBe(5);
    expect(suggestedOrder({ ...stock, reorderTo: 2 })).toBe(0);
    expect(isLow({ ...stock, reorderPoint: undefined })).toBe(false);
    expect(isLow({ ...nothing, reorderPoint: 0 })).toBe(true);
  });
});

describe('availability', () => {
  const rule = { limit: 10, leadDays: 7 };
  const preorder = { ...rule, releaseAt: '2026-12-01T00:00:00Z' };
  test.each([
    ['enough', 5, 0, undefined, 'in_stock'],
    ['few', 4, 0, undefined, 'low'],
    ['none', 0, 0, undefined, 'out'],
    ['none, and it may be waited for', 0, 3, rule, 'backorder'],
    ['some, but others wait for it', 3, 5, rule, 'backorder'],
    ['some, but others wait for it, and nobody else may', 3, 5, undefined, 'out'],
    ['as many wait as may', 0, 10, rule, 'out'],
    ['not released, and there', 5, 0, preorder, 'preorder'],
    ['not released, and not there', 0, 0, preorder, 'preorder'],
    ['not released, and as many wait as may', 0, 10, preorder, 'out'],
  ] as const)('%s', (_, units, waiting, given, state) => {
    expect(availability(units, waiting, given, now).availability).toBe(state);
  });

  test('a preorder whose release has passed is like any other', () => {
    const released = { ...rule, releaseAt: '2026-11-01T00:00:00Z' };
    expect(availability(9, 0, released, now).availability).toBe('in_stock');
    expect(availability(0, 0, released, now).availability).toBe('backorder');
  });
});

describe('the expected date', () => {
  const rule = { limit: 100, leadDays: 7 };
  const soon = { expectedAt: '2026-11-26T00:00:00Z', units: 5 };
  const later = { expectedAt: '2026-12-05T00:00:00Z', units: 5 };
  test.each([
    ['the delivery that brings the last of them', 5, [later, soon], soon.expectedAt],
    ['behind those who wait already', 6, [soon, later], later.expectedAt],
    ['after the usual time, where all is taken', 11, [soon, later], '2026-12-02T00:00:00.000Z'],
    ['after the usual time, where nothing is announced', 1, [], '2026-12-02T00:00:00.000Z'],
    [
      'after the usual time, where the delivery is late',
      1,
      [{ ...soon, expectedAt: '2026-11-20T00:00:00Z' }],
      '2026-12-02T00:00:00.000Z',
    ],
  ])('%s', (_, waiting, deliveries, expected) => {
    expect(expectedAt(rule, waiting, deliveries, now)).toBe(expected);
  });

  test('is now where all of it is there', () => {
    expect(expectedAt(rule, 0, [soon], now)).toBe(now.toISOString());
  });

  test('is not before the release of a preorder', () => {
    const releaseAt = '2027-01-01T00:00:00Z';
    expect(expectedAt({ ...rule, releaseAt }, 0, [soon], now)).toBe(releaseAt);
  });
});

test('a delivery may bring so much more, rounded down', () => {
  expect([overDelivery(10, 0), overDelivery(10, 10), overDelivery(9, 10), overDelivery(200, 2)]).toEqual([0, 1, 0, 4]);
});

test('a count is held against the books of its moment, with what is picked and still here', () => {
  expect(variance(6, { onHand: 10, picked: 3 })).toBe(-1);
  expect(variance(10, { onHand: 10, picked: 0 })).toBe(0);
  expect(variance(12, { onHand: 10, picked: 0 })).toBe(2);
});
