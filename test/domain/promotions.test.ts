import { describe, expect, test } from '@jest/globals';
import { isLimited, type Promotion } from '../../workflows/domain/promotions.ts';
import { priceOf, type ShortBook, type ShortCart } from '../support/pricing.ts';

type Short = NonNullable<ShortBook['promotions']>[number];

const products: ShortBook['products'] = [
  { sku: 'MUG', prices: { USD: 1000, EUR: 900 }, categories: ['kitchen'] },
  { sku: 'TEE', prices: { USD: 2000, EUR: 1900 }, categories: ['clothes', 'new'] },
  { sku: 'CAP', prices: { USD: 500 } },
];
const post = { id: 'post', zones: [{ prices: { USD: [{ price: 490 }], EUR: [{ price: 490 }] } }] };

const percent = (id: string, percents: number, rest: Partial<Promotion> = {}): Short => ({
  id,
  discount: { kind: 'percent', ppm: percents * 10_000 },
  ...rest,
});
const amount = (id: string, minorUnits: number, rest: Partial<Promotion> = {}): Short => ({
  id,
  discount: { kind: 'amount', amounts: { USD: minorUnits } },
  ...rest,
});
const buyGet = (buy: number, get: number, ppm = 1_000_000): Short => ({
  id: 'more',
  discount: { kind: 'buy_get', buy, get, ppm },
});

/** A mug and two T-shirts: 10.00 + 40.00, and 4.90 for their delivery. */
const items = [{ sku: 'MUG' }, { sku: 'TEE', quantity: 2 }];

function pricing(promotions: readonly Short[], cart: Partial<ShortCart> = {}, book: Partial<ShortBook> = {}) {
  return priceOf({ currency: 'USD', items, ...cart }, { products, deliveryMethods: [post], promotions, ...book });
}

/** What each promotion took, by id. */
function taken(promotions: readonly Short[], cart: Partial<ShortCart> = {}, book: Partial<ShortBook> = {}) {
  return Object.fromEntries(pricing(promotions, cart, book).promotions.map(({ id, amount }) => [id, amount]));
}

/** What each line and the shipping has left. */
function left(promotions: readonly Short[], cart: Partial<ShortCart> = {}) {
  const { lines, shipping } = pricing(promotions, cart);
  return [...lines.map(({ total }) => total), shipping?.total];
}

describe('a promotion takes', () => {
  test('a share of all goods, and not of their shipping', () => {
    expect(left([percent('tenth', 10)])).toEqual([900, 3600, 490]);
  });

  test('a share of some products, or of some categories', () => {
    expect(left([percent('mugs', 10, { on: { what: 'products', skus: ['MUG', 'PEN'] } })])).toEqual([900, 4000, 490]);
    expect(left([percent('new', 10, { on: { what: 'categories', categories: ['new', 'old'] } })])).toEqual([
      1000, 3600, 490,
    ]);
  });

  test('a share of shipping, or an amount off it, in every way of delivery', () => {
    const express = { id: 'express', zones: [{ prices: { USD: [{ price: 1500 }] } }] };
    const deliveryMethods = [express, post];
    const options = (promotion: Short) =>
      pricing([promotion], {}, { deliveryMethods }).deliveryOptions.map(({ price, discounted }) => [price, discounted]);
    expect(options(percent('half', 50, { on: { what: 'shipping' } }))).toEqual([
      [490, 245],
      [1500, 750],
    ]);
    expect(options(amount('five', 500, { on: { what: 'shipping' } }))).toEqual([
      [490, 0],
      [1500, 1000],
    ]);
  });

  test('an amount once an order, shared by what its targets cost', () => {
    expect(left([amount('five', 500)])).toEqual([900, 3600, 490]);
    expect(left([amount('five', 500, { on: { what: 'products', skus: ['TEE'] } })])).toEqual([1000, 3500, 490]);
  });

  test('no more than is left', () => {
    expect(left([amount('hundred', 10_000)])).toEqual([0, 0, 490]);
    expect(taken([amount('hundred', 10_000)])).toEqual({ hundred: 5000 });
  });

  test('of what those before it have left', () => {
    expect(taken([percent('half', 50), percent('tenth', 10, { priority: 2 })])).toEqual({ half: 2500, tenth: 250 });
  });

  test('the cheapest units where some are free', () => {
    const cart = { items: [{ sku: 'MUG', quantity: 2 }, { sku: 'TEE', quantity: 3 }, { sku: 'CAP' }] };
    expect(left([buyGet(2, 1)], cart)).toEqual([1000, 6000, 0, 490]);
    expect(left([buyGet(1, 1)], cart)).toEqual([0, 6000, 0, 490]);
    expect(left([buyGet(2, 1, 500_000)], cart)).toEqual([1500, 6000, 250, 490]);
  });

  test('of a free unit only what those before it have left', () => {
    const cart = { items: [{ sku: 'MUG', quantity: 3 }] };
    const [before, after] = [0, 2].map((priority) => percent('tenth', 10, { priority }));
    expect(taken([before!, buyGet(2, 1)], cart)).toEqual({ tenth: 300, more: 900 });
    expect(taken([after!, buyGet(2, 1)], cart)).toEqual({ more: 1000, tenth: 200 });
  });
});

describe('a promotion with a code', () => {
  test('applies where the code is given, and only there', () => {
    const promotions = [percent('tenth', 10, { name: 'A tenth', code: 'TENTH' })];
    expect(taken(promotions)).toEqual({});
    expect(pricing(promotions, { codes: ['TENTH', 'TENTH'] })).toMatchObject({
      promotions: [{ id: 'tenth', name: 'A tenth', code: 'TENTH', amount: 500 }],
      refusedCodes: [],
    });
  });

  const at = '2026-11-24T12:00:00Z';
  test.each<[string, Partial<Promotion>, Partial<ShortCart>?, Partial<ShortBook>?]>([
    ['not_active', { active: false }],
    ['not_yet', { validFrom: '2026-11-24T12:00:01Z' }],
    ['over', { validUntil: at }],
    ['used_up', {}, {}, { usedUp: { tenth: 'used_up' } }],
    ['used_by_customer', {}, {}, { usedUp: { tenth: 'used_by_customer' } }],
    ['not_in_currency', { discount: { kind: 'amount', amounts: { EUR: 100 } } }],
    ['not_in_currency', { minimumSpend: { EUR: 1 } }],
    ['below_minimum_spend', { minimumSpend: { USD: 5001 } }],
    ['not_for_this_cart', { on: { what: 'products', skus: ['CAP'] } }],
    ['not_for_this_cart', { discount: { kind: 'buy_get', buy: 3, get: 1, ppm: 1_000_000 } }],
    ['excluded_by_another', { stacking: 'alone' }],
    ['excluded_by_another', { group: 'sale' }],
    ['nothing_to_take', { discount: { kind: 'percent', ppm: 1 } }],
    ['nothing_to_take', { on: { what: 'shipping' } }, {}, { deliveryMethods: [] }],
    ['nothing_to_take', { on: { what: 'shipping' }, discount: { kind: 'buy_get', buy: 1, get: 1, ppm: 1_000_000 } }],
  ])('is refused: %s for %j', (why, rest, cart = {}, book = {}) => {
    const first = percent('first', 1, { priority: 0, group: 'sale' });
    const refusing = pricing(
      [first, percent('tenth', 10, { code: 'TENTH', ...rest })],
      { codes: ['TENTH'], ...cart },
      book,
    );
    expect(refusing.refusedCodes).toEqual([{ code: 'TENTH', why }]);
    expect(refusing.promotions.map(({ id }) => id)).toEqual(['first']);
  });

  test('that nobody knows is refused once', () => {
    expect(pricing([], { codes: ['NONE', 'NONE'] }).refusedCodes).toEqual([{ code: 'NONE', why: 'unknown' }]);
  });

  test('applies from its first moment on, and from its minimum spend on', () => {
    const rest = { validFrom: at, validUntil: '2026-11-24T12:00:01Z', minimumSpend: { USD: 5000 } };
    expect(taken([percent('tenth', 10, rest)])).toEqual({ tenth: 500 });
  });
});

describe('several promotions', () => {
  test('are tried by priority, and of equal priority by id', () => {
    const half = percent('a-half', 50, { priority: 2 });
    expect(taken([half, amount('b-ten', 1000, { priority: 1 })])).toEqual({ 'b-ten': 1000, 'a-half': 2000 });
    expect(taken([amount('b-ten', 1000, { priority: 2 }), half])).toEqual({ 'a-half': 2500, 'b-ten': 1000 });
  });

  test('alone: where none was before it, and then none comes after it', () => {
    const alone = percent('alone', 20, { stacking: 'alone' });
    const other = percent('other', 10);
    expect(taken([{ ...alone, priority: 0 }, other])).toEqual({ alone: 1000 });
    expect(taken([{ ...alone, priority: 2 }, other])).toEqual({ other: 500 });
  });

  test('alone: one that does not apply is in the way of none', () => {
    const alone = percent('alone', 20, { stacking: 'alone', priority: 0, minimumSpend: { USD: 9999 } });
    expect(taken([alone, percent('other', 10)])).toEqual({ other: 500 });
  });

  test('of one group: only the first that applies', () => {
    const group = 'sale';
    const promotions = [
      percent('over', 50, { group, priority: 0, validUntil: '2026-01-01T00:00:00Z' }),
      percent('first', 10, { group }),
      percent('second', 20, { group, priority: 2 }),
      amount('other', 100, { group: 'welcome', priority: 3 }),
    ];
    expect(taken(promotions)).toEqual({ first: 500, other: 100 });
  });

  test('the minimum spend counts goods before any promotion, and no shipping', () => {
    const minimumSpend = { USD: 5000 };
    expect(taken([percent('half', 50), amount('ten', 1000, { priority: 2, minimumSpend })])).toEqual({
      half: 2500,
      ten: 1000,
    });
    expect(taken([amount('ten', 1000, { minimumSpend: { USD: 5001 } })])).toEqual({});
  });

  test('on shipping keep their place among the others, even where delivery is free', () => {
    const shipping = percent('shipping', 100, { on: { what: 'shipping' }, stacking: 'alone', priority: 0 });
    expect(taken([shipping, percent('tenth', 10)])).toEqual({ shipping: 490 });
    expect(taken([shipping, percent('tenth', 10)], {}, { deliveryMethods: [] })).toEqual({});
  });
});

test('a promotion is limited by a number of orders, or by one for each customer', () => {
  const promotion = { on: { what: 'order' }, priority: 1, stacking: 'alone', active: true, name: 'A tenth' } as const;
  const tenth = { ...promotion, ...percent('tenth', 10) };
  expect([tenth, { ...tenth, totalLimit: 0 }, { ...tenth, oncePerCustomer: true }].map(isLimited)).toEqual([
    false,
    true,
    true,
  ]);
});
