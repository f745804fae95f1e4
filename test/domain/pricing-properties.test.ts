/** What holds for every price, whatever is in the cart and in the price book. Examples are in the files beside this one. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { defaultCalendar } from '../../workflows/domain/calendar.ts';
import { payableUnit, portion, shareOfLine } from '../../workflows/domain/money.ts';
import {
  type Cart,
  maxAmount,
  type PriceBook,
  type PricedProduct,
  type Pricing,
  price,
  unitPriceOf,
} from '../../workflows/domain/pricing.ts';
import type { Promotion, Target } from '../../workflows/domain/promotions.ts';
import { priceOf } from '../support/pricing.ts';

interface Sale {
  cart: Cart;
  book: PriceBook;
}

const currencies = ['USD', 'EUR', 'JPY', 'KWD', 'ISK', 'MGA'];
const classes = ['standard', 'food', 'books'];
const skus = ['MUG', 'TEE', 'CAP', 'PEN', 'BREAD'];
const bundles = ['SET', 'BASKET'];
const at = '2026-11-24T12:00:00Z';

/** Minor units, of very small prices as of very large ones. */
const anyAmount = (unit: number) =>
  fc
    .oneof(fc.constant(0), fc.integer({ min: 1, max: 9 }), fc.nat(9_999), fc.nat(Math.floor(maxAmount / unit)))
    .map((steps) => steps * unit);

const anyQuantity = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 10_000 }));

const anyValidity = fc.constantFrom(
  {},
  {},
  { validFrom: '2026-11-01T00:00:00Z' },
  { validUntil: '2026-12-01T00:00:00Z' },
  { validFrom: '2026-12-01T00:00:00Z' },
  { validUntil: '2026-11-01T00:00:00Z' },
);

const orNot = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

function anyProduct(sku: string, currency: string): fc.Arbitrary<PricedProduct> {
  const amount = anyAmount(payableUnit(currency));
  const specialPrice = fc
    .tuple(fc.record({ amount, minQuantity: fc.constantFrom(1, 2, 10) }), anyValidity)
    .map(([special, validity]) => ({ currency, ...special, ...validity }));
  return fc.record({
    sku: fc.constant(sku),
    name: fc.constant(sku),
    weightGrams: fc.integer({ min: 1, max: 2_000 }),
    prices: amount.map((each) => ({ [currency]: each })),
    specialPrices: fc.array(specialPrice, { maxLength: 2 }),
    categories: fc.subarray(['kitchen', 'new']),
    taxClass: fc.constantFrom(undefined, ...classes),
  });
}

function anyProducts(currency: string): fc.Arbitrary<Map<string, PricedProduct>> {
  const anyParts = fc.uniqueArray(
    fc.record({ sku: fc.constantFrom(...skus, 'NOT-SOLD-ALONE'), quantity: fc.integer({ min: 1, max: 3 }) }),
    { selector: ({ sku }) => sku, minLength: 1, maxLength: 3 },
  );
  const anyBundle = (sku: string) =>
    fc.tuple(anyProduct(sku, currency), anyParts).map(([product, bundle]) => ({ ...product, bundle }));
  const part = anyProduct('NOT-SOLD-ALONE', currency).map((product) => ({ ...product, prices: {} }));
  return fc
    .tuple(part, ...skus.map((sku) => anyProduct(sku, currency)), ...bundles.map(anyBundle))
    .map((products) => new Map<string, PricedProduct>(products.map((product) => [product.sku, product])));
}

function anyPromotions(currency: string): fc.Arbitrary<Promotion[]> {
  const amounts = anyAmount(1).map((amount) => ({ [currency]: amount }));
  const ppm = fc.oneof(fc.constant(1_000_000), fc.integer({ min: 1, max: 1_000_000 }));
  const few = fc.integer({ min: 1, max: 3 });
  const promotion = fc.tuple(
    fc.record({
      active: fc.constantFrom(true, true, true, false),
      code: fc.constantFrom(undefined, 'code'),
      on: fc.constantFrom<Target>(
        { what: 'order' },
        { what: 'products', skus: ['MUG', 'TEE', 'SET'] },
        { what: 'categories', categories: ['new'] },
        { what: 'shipping' },
      ),
      discount: fc.oneof(
        fc.record({ kind: fc.constant('percent' as const), ppm }),
        fc.record({ kind: fc.constant('amount' as const), amounts }),
        fc.record({ kind: fc.constant('buy_get' as const), buy: few, get: few, ppm }),
      ),
      minimumSpend: orNot(amounts),
      priority: few,
      stacking: fc.constantFrom('with_others', 'with_others', 'with_others', 'alone'),
      group: fc.constantFrom(undefined, undefined, 'sale', 'welcome'),
    }),
    anyValidity,
  );
  return fc.array(promotion, { maxLength: 10 }).map((promotions) =>
    promotions.map(([{ code, ...rest }, validity], index) => ({
      ...rest,
      ...validity,
      id: `promotion-${index}`,
      name: `Promotion ${index}`,
      ...(code !== undefined && { code: `CODE-${index}` }),
    })),
  );
}

const anyRates = fc
  .uniqueArray(
    fc.record({
      name: fc.constantFrom('VAT', 'GST', 'PST'),
      country: fc.constant('CA'),
      region: fc.constantFrom(undefined, 'QC'),
      taxClass: fc.constantFrom(...classes),
      ppm: fc.integer({ min: 0, max: 300_000 }),
      onShipping: fc.boolean(),
    }),
    { selector: ({ name, region, taxClass }) => `${name} ${region} ${taxClass}`, maxLength: 3 },
  )
  .map((rates) => rates.map((rate, index) => ({ ...rate, id: `rate-${index}` })));

function anyDeliveryMethods(currency: string): fc.Arbitrary<PriceBook['deliveryMethods']> {
  const amount = anyAmount(payableUnit(currency));
  const method = fc.record({
    active: fc.constantFrom(true, true, false),
    position: fc.integer({ min: 1, max: 2 }),
    prices: fc.tuple(
      fc.record({ price: amount, upToGrams: orNot(fc.nat(10_000)), upToTotal: orNot(amount) }),
      fc.record({ price: amount }),
    ),
    freeFrom: orNot(amount.map((each) => ({ [currency]: each }))),
  });
  return fc.array(method, { maxLength: 3 }).map((methods) =>
    methods.map(({ prices, freeFrom, ...rest }, index) => ({
      ...rest,
      id: `method-${index}`,
      name: `Method ${index}`,
      zones: [{ countries: ['*'], prices: { [currency]: prices }, freeFrom, minDays: 1, maxDays: 3 }],
    })),
  );
}

const anyWarehouses: fc.Arbitrary<PriceBook['warehouses']> = fc.uniqueArray(
  fc.record({
    warehouseId: fc.constantFrom('east', 'west', 'north'),
    country: fc.constantFrom('CA', 'US'),
    region: fc.constantFrom(undefined, 'QC'),
    priority: fc.integer({ min: 1, max: 2 }),
    calendar: orNot(
      fc.constantFrom('America/Toronto', 'Pacific/Auckland').map((timeZone) => ({ ...defaultCalendar, timeZone })),
    ),
  }),
  { selector: ({ warehouseId }) => warehouseId, maxLength: 3 },
);

const anySale: fc.Arbitrary<Sale> = fc.constantFrom(...currencies).chain((currency) =>
  fc
    .record({
      items: fc.array(fc.record({ sku: fc.constantFrom(...skus, ...bundles), quantity: anyQuantity }), {
        minLength: 1,
        maxLength: 20,
      }),
      region: fc.constantFrom(undefined, 'QC'),
      codes: fc.subarray([...Array.from({ length: 10 }, (_, index) => `CODE-${index}`), 'NO-SUCH-CODE']),
      taxExempt: fc.constantFrom(false, false, true),
      products: anyProducts(currency),
      promotions: anyPromotions(currency),
      usedUp: fc.subarray(['promotion-0', 'promotion-1', 'promotion-2'], { maxLength: 1 }),
      rates: anyRates,
      inclusive: fc.boolean(),
      rounding: fc.constantFrom('line' as const, 'total' as const),
      shippingClass: fc.constantFrom(undefined, ...classes),
      deliveryMethods: anyDeliveryMethods(currency),
      warehouses: anyWarehouses,
    })
    .map(({ items, region, codes, taxExempt, products, promotions, usedUp, rates, inclusive, ...rest }) => ({
      cart: { currency, at, items, to: { country: 'CA', region }, codes, taxExempt },
      book: {
        products,
        promotions,
        usedUp: new Map(usedUp.map((id) => [id, 'used_up'])),
        taxes: {
          rates,
          inclusiveIn: inclusive ? [currency] : [],
          rounding: rest.rounding,
          shippingClass: rest.shippingClass,
        },
        deliveryMethods: rest.deliveryMethods,
        warehouses: rest.warehouses,
      },
    })),
);

function sum<T>(all: readonly T[], of: (each: T) => number): number {
  return all.reduce((total, each) => total + of(each), 0);
}

function pricedParts({ lines, shipping }: Pricing) {
  return shipping ? [...lines, shipping] : lines;
}

describe('the parts of a price', () => {
  test('add up', () => {
    fc.assert(
      fc.property(anySale, ({ cart, book }) => {
        const pricing = price(cart, book);
        const parts = pricedParts(pricing);
        const wrong = parts.filter(({ subtotal, discounts, net, taxes, tax, total }) => {
          const left = subtotal - sum(discounts, ({ amount }) => amount);
          // Whoever is exempt pays less than what is left of a price with the tax in it: see below.
          const addsUp = pricing.taxInclusive ? cart.taxExempt || net + tax === left : net === left;
          return !addsUp || total !== net + tax || tax !== sum(taxes, ({ amount }) => amount);
        });
        expect(wrong).toEqual([]);
        for (const key of ['subtotal', 'net', 'tax', 'total'] as const)
          expect(pricing[key]).toBe(sum(parts, (part) => part[key]));

        const discounts = parts.flatMap((part) => part.discounts);
        expect(pricing.discount).toBe(sum(discounts, ({ amount }) => amount));
        expect(new Set(pricing.promotions.map(({ id }) => id))).toEqual(
          new Set(discounts.map(({ promotionId }) => promotionId)),
        );
        for (const { id, amount } of pricing.promotions) {
          const its = discounts.filter(({ promotionId }) => promotionId === id);
          expect(amount).toBe(sum(its, (each) => each.amount));
        }

        const taxes = parts.flatMap((part) => part.taxes);
        expect(pricing.tax).toBe(sum(pricing.taxes, ({ amount }) => amount));
        for (const { name, ppm, base, amount } of pricing.taxes) {
          const its = taxes.filter((each) => each.name === name && each.ppm === ppm);
          expect([base, amount]).toEqual([sum(its, (each) => each.base), sum(its, (each) => each.amount)]);
        }
      }),
      { numRuns: 2_500 },
    );
  });

  test('of a bundle add up to the bundle, and every other line is its unit price times its quantity', () => {
    fc.assert(
      fc.property(anySale, ({ cart, book }) => {
        const { lines } = price(cart, book);
        let next = 0;
        for (const { sku, quantity } of cart.items) {
          const product = book.products.get(sku)!;
          const parts = product.bundle ?? [{ sku, quantity: 1 }];
          const its = lines.slice(next, next + parts.length);
          next += parts.length;
          expect(its.map((line) => [line.sku, line.quantity])).toEqual(
            parts.map((part) => [part.sku, part.quantity * quantity]),
          );
          const inCart = sum(
            cart.items.filter((item) => item.sku === sku),
            (item) => item.quantity,
          );
          expect(sum(its, ({ subtotal }) => subtotal)).toBe(
            unitPriceOf(product, cart.currency, inCart, cart.at)! * quantity,
          );
          for (const line of its) expect(line.unitPrice * line.quantity).toBeLessThanOrEqual(line.subtotal);
        }
        expect(lines.map(({ lineId }) => lineId)).toEqual(
          Array.from({ length: next }, (_, index) => `line_${index + 1}`),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  test('are never below zero, and can be paid', () => {
    fc.assert(
      fc.property(anySale, ({ cart, book }) => {
        const pricing = price(cart, book);
        const amounts = [...pricedParts(pricing), pricing].flatMap(({ subtotal, net, taxes, tax, total }) => [
          subtotal,
          net,
          tax,
          total,
          ...taxes.flatMap(({ base, amount }) => [base, amount]),
        ]);
        amounts.push(pricing.discount, ...pricing.promotions.map(({ amount }) => amount));
        for (const { price, discounted } of pricing.deliveryOptions) {
          expect(discounted).toBeLessThanOrEqual(price);
          amounts.push(price, discounted);
        }
        for (const { subtotal, discounts } of pricedParts(pricing)) {
          expect(sum(discounts, ({ amount }) => amount)).toBeLessThanOrEqual(subtotal);
          for (const { amount } of discounts) expect(amount).toBeGreaterThan(0);
          amounts.push(...discounts.map(({ amount }) => amount));
        }
        const unit = payableUnit(cart.currency);
        expect(amounts.filter((amount) => !(amount >= 0 && amount % unit === 0))).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  test('given back in any parts, end exactly at the total and the tax of their line', () => {
    const anyParts = fc.array(fc.integer({ min: 1, max: 10_000 }), { maxLength: 8 });
    fc.assert(
      fc.property(anySale, anyParts, ({ cart, book }, parts) => {
        const unit = payableUnit(cart.currency);
        for (const { total, tax, quantity } of price(cart, book).lines) {
          for (const whole of [total, tax]) {
            let before = 0;
            const shares = [...parts, quantity].map((part) => {
              const more = Math.min(part, quantity - before);
              before += more;
              return shareOfLine(whole, quantity, before - more, more, unit);
            });
            expect(shares.filter((share) => !(share >= 0 && share % unit === 0))).toEqual([]);
            expect(sum(shares, (share) => share)).toBe(whole);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('taxes', () => {
  test('whoever is exempt pays the net of what others pay', () => {
    fc.assert(
      fc.property(anySale, ({ cart, book }) => {
        const [exempt, other] = [true, false].map((taxExempt) => pricedParts(price({ ...cart, taxExempt }, book)));
        expect(exempt!.map(({ net, tax, total }) => [net, tax, total])).toEqual(other!.map(({ net }) => [net, 0, net]));
      }),
      { numRuns: 500 },
    );
  });

  const anyNets = fc.constantFrom(...currencies).chain((currency) =>
    fc.record({
      currency: fc.constant(currency),
      nets: fc.array(anyAmount(payableUnit(currency)), { minLength: 1, maxLength: 20 }),
      shippingNet: anyAmount(payableUnit(currency)),
      rate: fc.record({ name: fc.constant('VAT'), ppm: fc.integer({ min: 1, max: 300_000 }) }),
      rounding: fc.constantFrom('line' as const, 'total' as const),
    }),
  );

  test('in the price and on top of it agree, as far as rounding allows', () => {
    fc.assert(
      fc.property(anyNets, ({ currency, nets, shippingNet, rate, rounding }) => {
        const unit = payableUnit(currency);
        const pricing = (inclusive: boolean, amounts: readonly number[], shipping: number) =>
          priceOf(
            { currency, items: amounts.map((_, index) => ({ sku: `${index}` })) },
            {
              products: amounts.map((amount, index) => ({ sku: `${index}`, prices: { [currency]: amount } })),
              taxes: { rates: [rate], inclusiveIn: inclusive ? [currency] : [], rounding },
              deliveryMethods: [{ id: 'post', zones: [{ prices: { [currency]: [{ price: shipping }] } }] }],
            },
          );
        const exclusive = pricing(false, nets, shippingNet);
        const { total, net, ...inclusive } = pricing(
          true,
          exclusive.lines.map((line) => line.total),
          exclusive.shipping!.total,
        );
        expect(total).toBe(exclusive.total);
        // Half a unit comes in with each price, and half a unit goes with its tax.
        if (rounding === 'total') expect(Math.abs(net - exclusive.net)).toBeLessThanOrEqual(unit);
        else
          for (const [index, part] of [...inclusive.lines, inclusive.shipping!].entries())
            expect(Math.abs(part.net - pricedParts(exclusive)[index]!.net)).toBeLessThanOrEqual(unit);
      }),
      { numRuns: 1_000 },
    );
  });

  test('rounded per total are within half a unit of the exact tax, for all that has the same rates', () => {
    fc.assert(
      fc.property(anySale, fc.constantFrom(...classes), ({ cart, book }, shippingClass) => {
        const taxes = { ...book.taxes, inclusiveIn: [], rounding: 'total' as const, shippingClass };
        const groups = new Map<string, ReturnType<typeof pricedParts>>();
        for (const part of pricedParts(price({ ...cart, taxExempt: false }, { ...book, taxes }))) {
          const rates = part.taxes.map(({ name, ppm }) => `${name} ${ppm}`).join();
          groups.set(rates, [...(groups.get(rates) ?? []), part]);
        }
        const unit = BigInt(payableUnit(cart.currency));
        for (const parts of groups.values()) {
          const base = BigInt(sum(parts, ({ net }) => net));
          for (const [index, { ppm }] of parts[0]!.taxes.entries()) {
            const amount = BigInt(sum(parts, (part) => part.taxes[index]!.amount));
            const off = 2n * (amount * 1_000_000n - base * BigInt(ppm));
            expect(off > -unit * 1_000_000n && off <= unit * 1_000_000n).toBe(true);
          }
        }
      }),
      { numRuns: 1_500 },
    );
  });
});

describe('the order in which things are given', () => {
  test('does not matter', () => {
    const shuffled = <T>(all: readonly T[]) =>
      fc.shuffledSubarray([...all], { minLength: all.length, maxLength: all.length });
    const anySaleTwice = anySale.chain(({ cart, book }) =>
      fc
        .record({
          items: shuffled(cart.items),
          codes: shuffled(cart.codes!),
          promotions: shuffled(book.promotions),
          rates: shuffled(book.taxes.rates),
          deliveryMethods: shuffled(book.deliveryMethods),
        })
        .map(({ items, codes, promotions, rates, deliveryMethods }) => [
          { cart, book },
          {
            cart: { ...cart, items, codes },
            book: { ...book, promotions, taxes: { ...book.taxes, rates }, deliveryMethods },
          },
        ]),
    );
    const withoutOrder = ({ cart, book }: Sale) => {
      const { lines, refusedCodes, ...rest } = price(cart, book);
      return {
        ...rest,
        lines: lines.map((line) => JSON.stringify({ ...line, lineId: '' })).sort(),
        refusedCodes: new Set(refusedCodes),
      };
    };
    fc.assert(
      fc.property(anySaleTwice, ([first, second]) => {
        expect(withoutOrder(second!)).toEqual(withoutOrder(first!));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('promotions', () => {
  test('take exactly their percentage of all goods, or their amount', () => {
    fc.assert(
      fc.property(anySale, fc.integer({ min: 1, max: 1_000_000 }), anyAmount(1), ({ cart, book }, ppm, amount) => {
        const unit = payableUnit(cart.currency);
        const promotion = { id: 'one', name: 'One', active: true, on: { what: 'order' }, priority: 1 } as const;
        const discountBy = (discount: Promotion['discount']) =>
          price(cart, { ...book, promotions: [{ ...promotion, discount, stacking: 'with_others' }] }).discount;
        const goods = sum(price(cart, book).lines, ({ subtotal }) => subtotal);
        expect(discountBy({ kind: 'percent', ppm })).toBe(portion(goods / unit, ppm) * unit);
        expect(discountBy({ kind: 'amount', amounts: { [cart.currency]: amount } })).toBe(
          Math.min(goods, amount - (amount % unit)),
        );
      }),
      { numRuns: 500 },
    );
  });

  test('take only where they may: not used up, alone, and one of a group', () => {
    fc.assert(
      fc.property(anySale, ({ cart, book }) => {
        const { promotions, refusedCodes } = price(cart, book);
        const applied = promotions.map(({ id }) => book.promotions.find((promotion) => promotion.id === id)!);
        for (const { id, code, active, stacking } of applied) {
          expect(active).toBe(true);
          expect(book.usedUp!.has(id)).toBe(false);
          if (code !== undefined) expect(cart.codes).toContain(code);
          if (stacking === 'alone') expect(applied).toHaveLength(1);
        }
        const groups = applied.flatMap(({ group }) => (group === undefined ? [] : [group]));
        expect(new Set(groups).size).toBe(groups.length);

        const answered = [...promotions, ...refusedCodes].flatMap(({ code }) => (code === undefined ? [] : [code]));
        expect(answered.sort()).toEqual([...cart.codes!].sort());
      }),
      { numRuns: 1_500 },
    );
  });
});

describe('price', () => {
  test('is a pure function: it answers the same again, and changes nothing', () => {
    fc.assert(
      fc.property(anySale, (sale) => {
        const before = structuredClone(sale);
        freeze(sale);
        expect(price(sale.cart, sale.book)).toEqual(price(sale.cart, sale.book));
        expect(sale).toEqual(before);
      }),
      { numRuns: 500 },
    );
  });

  function freeze(value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    Object.freeze(value);
    for (const each of value instanceof Map ? value.values() : Object.values(value)) freeze(each);
  }
});
