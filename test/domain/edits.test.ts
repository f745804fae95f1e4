import { describe, expect, test } from '@jest/globals';
import {
  editChanges,
  hasBegun,
  inShort,
  itemsLeft,
  moneyOf,
  type PaidSoFar,
  withLineIds,
} from '../../workflows/domain/edits.ts';

const paid = (facts: Partial<PaidSoFar>): PaidSoFar => ({
  ...{ status: 'none', amountDue: 100, captured: 0, creditReturned: 0, refundedAsCredit: 0, captures: [], ...facts },
});

describe('how the money follows', () => {
  test.each<[string, Partial<PaidSoFar>, number, boolean, object]>([
    ['what is held is enough', { status: 'authorized', intentId: 'pi' }, 100, true, { way: 'keep' }],
    ['less is due than is held', { status: 'authorized', intentId: 'pi' }, 1, true, { way: 'keep' }],
    ['more is due', { status: 'authorized', intentId: 'pi' }, 101, true, { way: 'authorize' }],
    ['more, while it is authorized anew', { status: 'authorized', renewal: {} }, 101, true, { why: 'paying' }],
    ['nothing was tried yet', {}, 101, false, { way: 'withdraw' }],
    ['a card was declined', { status: 'declined', intentId: 'pi' }, 101, false, { way: 'withdraw' }],
    ['3-D Secure is asked for', { status: 'requires_action', intentId: 'pi' }, 9, false, { way: 'withdraw' }],
    ['the bank has a debit', { status: 'processing', intentId: 'pi' }, 9, false, { why: 'paying' }],
    ['the bank has let go of it', { status: 'lapsed', intentId: 'pi' }, 9, true, { why: 'paying' }],
    ['the method is saved', { setup: { status: 'saved' } }, 101, false, { way: 'amend' }],
    ['the method is being saved', { setup: { status: 'requires_action' } }, 101, false, { way: 'withdraw' }],
    ['credit has paid, and is enough', { amountDue: 0 }, 0, true, { way: 'amend' }],
    ['credit has paid, and is not enough', { amountDue: 0 }, 9, true, { way: 'authorize' }],
    ['credit has paid for goods that come later', { amountDue: 0 }, 9, false, { why: 'no_method' }],
    ['money was taken', { status: 'authorized', captured: 1 }, 1, true, { why: 'taken' }],
    ['money is being taken', { status: 'authorized', captures: [{}] }, 1, true, { why: 'taken' }],
    ['something was sold', { status: 'authorized', sale: {} }, 1, true, { why: 'taken' }],
    ['credit went back', { status: 'authorized', creditReturned: 1 }, 1, true, { why: 'taken' }],
    ['the payment has ended', { closedAt: new Date() }, 1, true, { why: 'ended' }],
  ])('%s', (_what, facts, byCard, isCommitted, way) => {
    expect(moneyOf(paid(facts), byCard, isCommitted)).toEqual(way);
  });
});

test('picking begins with the first scan, and a shipment that is cancelled does not count', () => {
  expect(hasBegun([{}, { cancelledAt: new Date(), begunAt: new Date() }])).toBe(false);
  for (const at of ['begunAt', 'pickedAt', 'labelRequestedAt', 'handedOverAt'])
    expect(hasBegun([{}, { [at]: new Date() }])).toBe(true);
});

describe('the items that are left', () => {
  const line = (sku: string, quantity: number, kept = quantity, bundle?: string) => ({
    ...{ sku, quantity, total: 0, ...(bundle !== undefined && { bundle: { sku: bundle } }) },
    allocations: [
      { quantity: kept, state: 'committed' },
      { quantity: quantity - kept, state: 'released' },
    ],
  });

  test('are those of the lines, without what was cancelled', () => {
    const items = [
      { sku: 'A', quantity: 2 },
      { sku: 'B', quantity: 1 },
      { sku: 'A', quantity: 3 },
    ];
    expect(itemsLeft(items, [line('A', 2), line('B', 1, 0), line('A', 3, 1)])).toEqual([
      { sku: 'A', quantity: 2 },
      { sku: 'A', quantity: 1 },
    ]);
  });

  test('are whole bundles, also where one follows another', () => {
    const items = [
      { sku: 'SET', quantity: 2 },
      { sku: 'SET', quantity: 1 },
      { sku: 'CUP', quantity: 1 },
    ];
    const lines = [
      ...[line('CUP', 4, 2, 'SET'), line('PLATE', 2, 1, 'SET')],
      ...[line('CUP', 2, 2, 'SET'), line('PLATE', 1, 1, 'SET')],
      line('CUP', 1),
    ];
    expect(itemsLeft(items, lines)).toEqual([{ ...items[0], quantity: 1 }, items[1], items[2]]);
  });

  test('are none where parts of a bundle were cancelled and others not', () => {
    const items = [{ sku: 'SET', quantity: 2 }];
    expect(itemsLeft(items, [line('CUP', 4, 2, 'SET'), line('PLATE', 2, 2, 'SET')])).toBeUndefined();
    expect(itemsLeft(items, [line('CUP', 4, 1, 'SET'), line('PLATE', 2, 2, 'SET')])).toBeUndefined();
  });
});

test('what changed is told by SKU, however its lines are numbered, and not which address it was', () => {
  const line = (lineId: string, sku: string, subtotal: number) => ({ lineId, sku, subtotal }) as never;
  const told = { promotions: [], tax: 0, total: 300 };
  const before = { ...told, lines: [line('line_1', 'A', 100), line('line_2', 'B', 200)], address: 'here' };
  const after = { ...told, total: 200, lines: [line('line_1', 'B', 200)], address: 'there' };
  const [a, b] = [
    { sku: 'A', quantity: 1 },
    { sku: 'B', quantity: 2 },
  ];
  const changes = editChanges({ ...before, items: [a!, b!] }, { ...after, items: [b!] });
  expect(changes).toEqual([
    { what: 'quantity', id: 'A', before: 1, after: 0 },
    { what: 'address' },
    { what: 'price', id: 'A', before: 100 },
    { what: 'total', before: 300, after: 200 },
  ]);
  expect(inShort(changes)).toBe('A 1 → 0, address');
  expect(inShort([])).toBe('priced anew');
});

test('a line that stays keeps its id, and a new one gets one of its own', () => {
  const line = (lineId: string, sku: string, bundle?: string) =>
    ({ lineId, sku, ...(bundle !== undefined && { bundle: { sku: bundle, name: bundle } }) }) as never;
  const before = [line('line_1', 'A'), line('line_2', 'B'), line('line_3', 'A'), line('line_4', 'A', 'SET')];
  const after = [line('line_1', 'B'), line('line_2', 'C'), line('line_3', 'A', 'SET'), line('line_4', 'A')];
  const ids = withLineIds(before, after, () => 'line_new').map(({ lineId }) => lineId);
  expect(ids).toEqual(['line_2', 'line_new', 'line_4', 'line_1']);
});
