import { describe, expect, test } from '@jest/globals';
import { defaultCalendar } from '../../workflows/domain/calendar.ts';
import { chargeableGrams } from '../../workflows/domain/delivery.ts';
import { type Cart, type PriceBook, price } from '../../workflows/domain/pricing.ts';
import { priceOf, type ShortBook, type ShortCart } from '../support/pricing.ts';

type Method = NonNullable<ShortBook['deliveryMethods']>[number];
type Zone = Method['zones'][number];

/** 100 grams. */
const products = [{ sku: 'MUG', prices: { EUR: 1000, USD: 1200 } }];

const euros = (price: number) => ({ prices: { EUR: [{ price }] } });
const method = (id: string, price: number, rest: Partial<Method> = {}): Method => ({
  id,
  zones: [euros(price)],
  ...rest,
});

function pricing(methods: readonly Method[], cart: Partial<ShortCart> = {}, book: Partial<ShortBook> = {}) {
  return priceOf(
    { currency: 'EUR', items: [{ sku: 'MUG' }], ...cart },
    { products, deliveryMethods: methods, ...book },
  );
}

function costOf(zones: readonly Zone[], cart: Partial<ShortCart> = {}, rest: Partial<Method> = {}) {
  return pricing([{ id: 'post', zones, ...rest }], cart).shipping?.total;
}

describe('the ways of delivery', () => {
  test('are shown the cheapest first, equal ones by position, and the first is chosen', () => {
    const methods = [
      method('express', 1500),
      method('parcel', 490, { position: 2 }),
      method('letter', 490),
      method('drone', 100, { active: false }),
    ];
    const { deliveryOptions, shipping, total } = pricing(methods);
    expect(deliveryOptions.map((option) => option.method)).toEqual(['letter', 'parcel', 'express']);
    expect([shipping?.method, shipping?.total, total]).toEqual(['letter', 490, 1490]);
  });

  test('can be chosen', () => {
    const methods = [method('express', 1500, { name: 'Express' }), method('letter', 490)];
    expect(pricing(methods, { deliveryMethod: 'express' }).shipping).toMatchObject({ name: 'Express', total: 1500 });
  });

  test('that there are not to the destination are refused', () => {
    const abroad = { id: 'post', zones: [{ ...euros(490), countries: ['FR'] }] };
    expect(pricing([abroad]).deliveryOptions).toEqual([]);
    expect(() => pricing([abroad], { deliveryMethod: 'post' })).toThrow(
      new RangeError('There is no delivery by post to this destination'),
    );
  });
});

describe('a zone', () => {
  const zones = [
    { ...euros(300), countries: ['DE'], regions: ['BE', 'BB'] },
    { ...euros(400), countries: ['DE', 'AT'] },
    euros(900),
  ];

  test.each([
    ['a region of it', { country: 'DE', region: 'BE' }, 300],
    ['another region', { country: 'DE', region: 'HH' }, 400],
    ['no region', { country: 'DE' }, 400],
    ['a region of the same name elsewhere', { country: 'FR', region: 'BE' }, 900],
    ['any country', { country: 'JP' }, 900],
  ])('counts for %s', (_, to, expected) => {
    expect(costOf(zones, { to })).toBe(expected);
  });

  test('that is the first counts, even where it does not deliver in the currency', () => {
    const inDollars = { prices: { USD: [{ price: 500 }] }, countries: ['DE'] };
    expect(costOf([inDollars, euros(900)])).toBeUndefined();
    expect(costOf([inDollars, euros(900)], { currency: 'USD' })).toBe(500);
  });
});

describe('the price of a delivery', () => {
  const quantity = (quantity: number) => ({ items: [{ sku: 'MUG', quantity }] });

  test('goes by weight: the first price that the goods fit into', () => {
    const zones = [
      {
        prices: {
          EUR: [
            { price: 490, upToGrams: 200 },
            { price: 790, upToGrams: 300 },
          ],
        },
      },
    ];
    expect([1, 2, 3, 4].map((units) => costOf(zones, quantity(units)))).toEqual([490, 490, 790, undefined]);
  });

  test('goes by what the goods cost after promotions', () => {
    const zones = [{ prices: { EUR: [{ price: 490, upToTotal: 1999 }, { price: 190 }] } }];
    expect([1, 2].map((units) => costOf(zones, quantity(units)))).toEqual([490, 190]);
    const promotions = [{ id: 'cent', discount: { kind: 'amount' as const, amounts: { EUR: 1 } } }];
    expect(pricing([{ id: 'post', zones }], quantity(2), { promotions }).shipping?.total).toBe(490);
  });

  test('is nothing from an amount on, after promotions', () => {
    const zones = [{ ...euros(490), freeFrom: { EUR: 2000 } }];
    expect([1, 2].map((units) => costOf(zones, quantity(units)))).toEqual([490, 0]);
    const promotions = [{ id: 'cent', discount: { kind: 'amount' as const, amounts: { EUR: 1 } } }];
    expect(pricing([{ id: 'post', zones }], quantity(2), { promotions }).shipping?.total).toBe(490);
  });

  test('goes by the room that light goods need', () => {
    const pillow = { sku: 'PILLOW', prices: { EUR: 2000 }, sizeMm: { length: 400, width: 300, height: 100 } };
    const zones = [{ prices: { EUR: [{ price: 490, upToGrams: 1000 }, { price: 990 }] } }];
    const cost = (volumetricDivisor?: number) => {
      const deliveryMethods = [{ id: 'post', zones, volumetricDivisor }];
      return priceOf({ currency: 'EUR', items: [{ sku: 'PILLOW' }] }, { products: [pillow], deliveryMethods }).total;
    };
    expect([cost(), cost(12_000), cost(5_000)]).toEqual([2490, 2490, 2990]);
  });

  test('is for the parts of a bundle', () => {
    const set = { sku: 'SET', prices: { EUR: 2500 }, bundle: [{ sku: 'MUG', quantity: 3 }] };
    const zones = [
      {
        prices: {
          EUR: [
            { price: 490, upToGrams: 200 },
            { price: 790, upToGrams: 300 },
          ],
        },
      },
    ];
    const book = { products: [...products, set], deliveryMethods: [{ id: 'post', zones }] };
    expect(priceOf({ currency: 'EUR', items: [{ sku: 'SET' }] }, book).shipping?.total).toBe(790);
  });

  test('is the live one of the carrier where there is one, with its days', () => {
    const live = method('express', 1500, { liveService: 'overnight' });
    const liveRates = { overnight: { amount: 1234, days: 1 } };
    expect(pricing([live], {}, { liveRates }).shipping).toMatchObject({ total: 1234, promisedBy: '2026-11-25' });
    expect(pricing([live]).shipping).toMatchObject({ total: 1500, promisedBy: '2026-11-27' });
    const undated = { overnight: { amount: 1234 } };
    expect(pricing([live], {}, { liveRates: undated }).shipping).toMatchObject({
      ...{ total: 1234, earliest: '2026-11-25', promisedBy: '2026-11-27' },
    });
  });

  test('is the live one even where the zone has none, and nothing where it is free', () => {
    const zones = [{ prices: {}, freeFrom: { EUR: 2000 } }];
    const liveRates = { overnight: { amount: 1234, days: 1 } };
    const cost = (units: number) =>
      pricing([{ id: 'express', zones, liveService: 'overnight' }], quantity(units), { liveRates }).shipping?.total;
    expect([cost(1), cost(2)]).toEqual([1234, 0]);
  });
});

describe('what is charged for', () => {
  test('is the weight or the room of each unit, whichever is more', () => {
    const flat = { quantity: 2, weightGrams: 700, sizeMm: { length: 100, width: 100, height: 10 } };
    const bulky = { quantity: 3, weightGrams: 100, sizeMm: { length: 100, width: 100, height: 101 } };
    expect(chargeableGrams([flat, bulky])).toBe(1700);
    // 1,010,000 cubic millimetres count as 202 g.
    expect(chargeableGrams([flat, bulky], 5_000)).toBe(2 * 700 + 3 * 202);
    expect(chargeableGrams([{ quantity: 1, weightGrams: 100 }], 5_000)).toBe(100);
  });
});

describe('the promised dates', () => {
  const promised = (cart: Partial<ShortCart> = {}, calendar: ShortBook['calendar'] = {}) => {
    const { shipping, orderBy } = pricing([method('post', 490)], cart, { calendar });
    const { dispatchBy, earliest, promisedBy } = shipping!;
    return { orderBy, dispatchBy, earliest, promisedBy };
  };
  const berlin = { timeZone: 'Europe/Berlin', cutOff: '14:00' };

  test('are others a minute before the cut-off of the warehouse and a minute after it', () => {
    expect(promised({ at: '2026-11-24T12:59:00.000Z' }, berlin)).toEqual({
      ...{ orderBy: '2026-11-24T13:00:00.000Z', dispatchBy: '2026-11-24T13:00:00.000Z' },
      ...{ earliest: '2026-11-25', promisedBy: '2026-11-27' },
    });
    expect(promised({ at: '2026-11-24T13:01:00.000Z' }, berlin)).toEqual({
      ...{ orderBy: '2026-11-25T13:00:00.000Z', dispatchBy: '2026-11-25T13:00:00.000Z' },
      ...{ earliest: '2026-11-26', promisedBy: '2026-11-30' },
    });
  });

  test('count what has to be done before it leaves, and hold until the cut-off all the same', () => {
    expect(promised({ at: '2026-11-24T12:59:00.000Z' }, { ...berlin, handlingDays: 2 })).toEqual({
      ...{ orderBy: '2026-11-24T13:00:00.000Z', dispatchBy: '2026-11-26T13:00:00.000Z' },
      ...{ earliest: '2026-11-27', promisedBy: '2026-12-01' },
    });
  });

  test('without a calendar are those of Monday to Friday, until 15:00 UTC', () => {
    const at = (at: string) => promised({ at }).promisedBy;
    expect([at('2026-11-27T14:59:00.000Z'), at('2026-11-27T15:00:00.000Z')]).toEqual(['2026-12-02', '2026-12-03']);
  });

  test('run from the moment when the goods are there', () => {
    const dates = (readyAt?: string) => {
      const { earliest, promisedBy, orderBy } = promised({ readyAt });
      return [earliest, promisedBy, orderBy];
    };
    expect(dates()).toEqual(['2026-11-25', '2026-11-27', '2026-11-24T15:00:00.000Z']);
    // They do not hang on when it is ordered.
    expect(dates('2026-12-03T00:00:00Z')).toEqual(['2026-12-04', '2026-12-08', undefined]);
    expect(dates('2026-11-01T00:00:00Z')).toEqual(['2026-11-25', '2026-11-27', '2026-11-24T15:00:00.000Z']);
  });

  test('are none where nothing delivers', () => {
    expect(pricing([])).not.toHaveProperty('orderBy');
  });

  test('are those of the warehouse that is nearest', () => {
    const far = { warehouseId: 'far', country: 'JP', priority: 0, calendar: { ...defaultCalendar, cutOff: '09:00' } };
    const near = { warehouseId: 'near', country: 'DE', priority: 1, calendar: { ...defaultCalendar, cutOff: '18:00' } };
    const orderBy = (warehouses: PriceBook['warehouses']) => {
      const cart: Cart = { currency: 'EUR', at: '2026-11-24T08:00:00.000Z', items: [], to: { country: 'DE' } };
      const zones = [{ countries: ['*'], minDays: 1, maxDays: 3, ...euros(490) }];
      const post = { id: 'post', name: 'Post', active: true, position: 1, zones };
      const taxes = { rates: [], inclusiveIn: [], rounding: 'line' as const };
      return price(cart, { products: new Map(), promotions: [], taxes, deliveryMethods: [post], warehouses }).orderBy;
    };
    expect(orderBy([far, near])).toBe('2026-11-24T18:00:00.000Z');
    expect(orderBy([far])).toBe('2026-11-24T09:00:00.000Z');
    expect(orderBy([])).toBe('2026-11-24T15:00:00.000Z');
  });
});
