import { describe, expect, test } from '@jest/globals';
import {
  type Books,
  boundsOf,
  captureDifference,
  daysDue,
  differenceOf,
  explain,
  isRepairable,
  isTakenOver,
  type Line,
  missingAtProvider,
  movementOf,
  totalsOf,
} from '../../workflows/domain/reconciliation.ts';

const at = new Date('2026-11-24T12:00:00Z');
const usd = (amount: number) => ({ amount, currency: 'USD' });
const books: Books = {
  orderId: 'ord_1',
  currency: 'USD',
  intents: ['pi_old', 'pi_1'],
  ledger: [
    { key: 'pi_1:authorize', kind: 'authorize', providerId: 'pi_1', amount: 900, at },
    { key: 'pi_1:capture:1', kind: 'capture', providerId: 'pi_1', amount: 500, at },
    { key: 'pi_1:capture:2', kind: 'capture', providerId: 'pi_1', amount: 400, at },
    { key: 're_1:succeeded', kind: 'refund', providerId: 're_1', amount: 300, at },
    { key: 'dispute:txn_3', kind: 'dispute', providerId: 'du_1', amount: -900, at },
  ],
  refunds: [{ id: 'ref_1', providerId: 're_1', sent: 300, status: 'succeeded' }],
  disputes: [{ id: 'du_1', amount: 900 }],
};
const charge: Line = { id: 'txn_1', movement: 'charge', sourceId: 'ch_1', intentId: 'pi_1', own: usd(900) };
const refund: Line = {
  ...{ id: 'txn_2', movement: 'refund', sourceId: 're_1', intentId: 'pi_1' },
  ...{ own: usd(300), refundId: 'ref_1', refundStatus: 'succeeded' },
};
const dispute: Line = { id: 'txn_3', movement: 'dispute', sourceId: 'du_1', intentId: 'pi_1', own: usd(900) };

test("the provider's words are told apart", () => {
  const words = ['charge', 'payment', 'payment_failure_refund', 'refund_failure', 'payout_failure', 'stripe_fee'];
  expect(words.map((type) => movementOf(type, type))).toEqual([
    ...['charge', 'charge', 'reversal', 'refund_failure', 'payout', 'fee'],
  ]);
  expect(movementOf('adjustment', 'dispute')).toBe('dispute');
  expect(movementOf('adjustment', 'dispute_reversal')).toBe('dispute');
  expect(movementOf('adjustment', 'other_adjustment')).toBe('other');
  expect(movementOf('a_word_of_tomorrow', 'new')).toBe('other');
});

describe('what the provider has', () => {
  test('agrees with our books: several captures count together, and movements of nobody are nothing', () => {
    for (const line of [charge, refund, dispute]) expect(differenceOf(line, books)).toBeUndefined();
    expect(differenceOf(charge, undefined)).toBeUndefined();
    expect(differenceOf({ id: 'txn_4', movement: 'payout', sourceId: 'po_1' }, undefined)).toBeUndefined();
  });

  test('and we have not booked', () => {
    const empty = { ...books, ledger: [] };
    const found = differenceOf(charge, empty)!;
    expect(found).toEqual({
      ...{ kind: 'not_booked', orderId: 'ord_1', sourceId: 'pi_1' },
      ...{ currency: 'USD', theirs: 900, ours: 0 },
    });
    expect(isRepairable(found.kind)).toBe(true);
    expect(explain(found)).toMatch(/9\.00 USD at the provider, 0\.00 USD in our ledger.*`repair`/);
  });

  test('in another amount: what is missing here can be booked, what is too much cannot be taken away', () => {
    const more = differenceOf({ ...charge, own: usd(1000) }, books)!;
    const less = differenceOf({ ...charge, own: usd(500) }, books)!;
    expect([more.kind, isRepairable(more.kind)]).toEqual(['not_booked', true]);
    expect([less.kind, isRepairable(less.kind)]).toEqual(['amount', false]);
  });

  test('of an earlier intent is ours; of one that the order does not know is somebody’s question', () => {
    const old = { ...charge, intentId: 'pi_old', own: usd(200) };
    expect(differenceOf(old, books)).toMatchObject({ kind: 'amount', sourceId: 'pi_old', ours: 0 });
    const unknown = differenceOf({ ...charge, intentId: 'pi_new', orderId: 'ord_1' }, books)!;
    expect(unknown).toMatchObject({ kind: 'unknown_payment', sourceId: 'pi_new', theirs: 900, ours: 0 });
    expect(isRepairable(unknown.kind)).toBe(false);
  });

  test('and took back', () => {
    const back = { ...charge, movement: 'reversal' as const };
    expect(differenceOf(back, books)).toMatchObject({ kind: 'taken_back', theirs: 900, ours: 900 });
    expect(differenceOf(back, { ...books, ledger: [] })).toBeUndefined();
  });

  test.each<[string, Partial<Line>]>([
    ['a refund of the dashboard', { sourceId: 're_2', refundId: undefined }],
    ['a refund that failed afterwards', { movement: 'refund_failure', refundStatus: 'failed' }],
    ['a dispute', { movement: 'dispute', sourceId: 'du_2' }],
    ['what came back of a dispute', { ...dispute, id: 'txn_5' }],
  ])('%s that we have not heard of is taken over', (_, change) => {
    const found = differenceOf({ ...refund, ...change }, books)!;
    expect(isTakenOver(found.kind)).toBe(true);
  });

  test('a refund that failed before anybody heard of it needs nobody, nor does an earlier sending of one', () => {
    expect(differenceOf({ ...refund, sourceId: 're_2', refundId: undefined, refundStatus: 'failed' }, books)).toBe(
      undefined,
    );
    expect(differenceOf({ ...refund, sourceId: 're_0', refundStatus: 'failed' }, books)).toBeUndefined();
  });

  test('a refund or a dispute of another amount', () => {
    expect(differenceOf({ ...refund, own: usd(299) }, books)).toMatchObject({ kind: 'amount', theirs: 299, ours: 300 });
    expect(differenceOf({ ...dispute, own: usd(901) }, books)).toMatchObject({ kind: 'amount', ours: 900 });
  });
});

describe('what we have booked', () => {
  const day = boundsOf('2026-11-24');
  const lines = [charge, refund, dispute];

  test('and the provider shows, on whatever day', () => {
    expect(missingAtProvider(books, day, lines)).toEqual([]);
  });

  test('and it does not have', () => {
    expect(missingAtProvider(books, day, [charge, dispute])).toEqual([
      { kind: 'not_at_provider', orderId: 'ord_1', sourceId: 're_1', currency: 'USD', theirs: 0, ours: 300 },
    ]);
    expect(missingAtProvider(books, day, [])).toMatchObject([
      ...[{ sourceId: 'pi_1', ours: 900 }, { sourceId: 're_1' }, { sourceId: 'du_1', ours: -900 }],
    ]);
    expect(captureDifference(books, 'pi_1', 0)).toMatchObject({ kind: 'not_at_provider', ours: 900 });
  });

  test('is looked for once, for the day of the booking', () => {
    expect(missingAtProvider(books, boundsOf('2026-11-23'), [])).toEqual([]);
    expect(missingAtProvider(books, boundsOf('2026-11-25'), [])).toEqual([]);
  });

  test('and taken back leaves nothing to be found', () => {
    const ledger = [...books.ledger, { key: 're_1:failed', kind: 'refund', providerId: 're_1', amount: -300, at }];
    expect(missingAtProvider({ ...books, ledger }, day, [charge, dispute])).toEqual([]);
  });
});

test('days that are over and not done are due, the oldest first, and at most thirty of them', () => {
  const now = new Date('2026-11-25T02:00:00Z');
  const due = (first: string, done: string[] = []) => daysDue(now, new Date(first), new Set(done));
  expect(due('2026-11-22T23:59:59.999Z', ['2026-11-23'])).toEqual(['2026-11-22', '2026-11-24']);
  expect(due('2026-11-25T00:00:00Z')).toEqual([]);
  expect(due('2020-01-01T00:00:00Z')).toHaveLength(30);
  expect(due('2020-01-01T00:00:00Z').at(-1)).toBe('2026-11-24');
});

test('the sums of a balance explain what it moved by, in each currency', () => {
  const line = (movement: Line['movement'], amount: number, fee = 0, currency = 'EUR') => {
    return { movement, currency, amount, fee, net: amount - fee };
  };
  const totals = totalsOf([
    ...[line('charge', 1000, 59), line('refund', -300), line('refund_failure', 300), line('reversal', -100)],
    ...[
      line('dispute', -200, 15),
      line('fee', -7),
      line('payout', -400),
      line('other', 3),
      line('charge', 5, 1, 'USD'),
    ],
  ]);
  expect(totals.EUR).toEqual({
    ...{ charged: 900, refunded: 0, disputed: 200, fees: 81, payouts: 400, other: 3, net: 222 },
  });
  expect(totals.USD).toMatchObject({ charged: 5, fees: 1, net: 4 });
  for (const { charged, refunded, disputed, fees, payouts, other, net } of Object.values(totals))
    expect(charged - refunded - disputed - fees - payouts + other).toBe(net);
});
