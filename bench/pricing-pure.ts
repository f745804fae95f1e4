/**
 * Prices alone, with no server around them: 20 lines with 50 promotions of which 30 apply, beside a JSON round trip of the
 * same cart and promotions in the same run; and whether a line costs the same in a cart of 200.
 */
import { defaultCalendar } from '../workflows/domain/calendar.ts';
import type { DeliveryMethod } from '../workflows/domain/delivery.ts';
import { type Cart, type PriceBook, type PricedProduct, price } from '../workflows/domain/pricing.ts';
import type { Discount, Promotion, Target } from '../workflows/domain/promotions.ts';
import type { TaxRate } from '../workflows/domain/taxes.ts';
import { type Figures, percentile, round } from './load.ts';

const currency = 'EUR';
const at = '2026-11-24T12:00:00.000Z';
const categories = ['kitchen', 'clothes', 'books', 'garden'];
const lines = 20;
const rounds = 15;
const roundMs = 100;

export function pricingPure(): Figures {
  const applied = price(cartOf(lines), book).promotions.length;
  if (applied !== 30) throw new Error(`${applied} promotions apply, and not 30`);

  console.log('Prices, and JSON round trips');
  const cart = cartOf(lines);
  const { promotions } = book;
  const rates = alternately({
    prices: () => price(cart, book),
    roundTrips: () => JSON.parse(JSON.stringify({ cart, promotions })),
  });
  console.log('Prices of small and large carts');
  const carts = Object.fromEntries([5, 20, 80, 200].map((count) => [count, cartOf(count)]));
  const perSecond = alternately(
    Object.fromEntries(Object.entries(carts).map(([count, cart]) => [count, () => price(cart, book)])),
  );
  const perLine = (count: string) => 1_000_000 / median(perSecond[count]!) / Number(count);
  return {
    ratios: {
      pure: { value: round(median(rates.prices!.map((each, index) => each / rates.roundTrips![index]!))), aim: 0.2 },
      // Upside down, so that more is better: at most 1.5 times the time.
      linear: { value: round(perLine('20') / perLine('200')), aim: 0.67 },
    },
    pricesPerSecond: round(median(rates.prices!)),
    roundTripsPerSecond: round(median(rates.roundTrips!)),
    microsecondsALine: Object.fromEntries(Object.keys(carts).map((count) => [count, round(perLine(count))])),
  };
}

/** Runs each task for a moment, one after the other and again, so that what else the machine does meets all of them. */
function alternately(tasks: Record<string, () => unknown>): Record<string, number[]> {
  const rates = Object.fromEntries(Object.keys(tasks).map((name) => [name, [] as number[]]));
  // The first is for warming up.
  for (let turn = 0; turn <= rounds; turn++) {
    for (const [name, task] of Object.entries(tasks)) {
      const rate = perSecond(task);
      if (turn > 0) rates[name]!.push(rate);
    }
  }
  return rates;
}

function perSecond(task: () => unknown): number {
  const started = performance.now();
  let [done, elapsed] = [0, 0];
  while (elapsed < roundMs) {
    task();
    done += 1;
    elapsed = performance.now() - started;
  }
  return (done / elapsed) * 1000;
}

function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

function cartOf(count: number): Cart {
  const items = Array.from({ length: count }, (_, index) => ({ sku: `SKU-${index}`, quantity: 1 + (index % 4) }));
  const codes = ['CODE-0', 'CODE-1', 'CODE-2', 'NO-SUCH-CODE'];
  return { currency, at, items, to: { country: 'CA', region: 'BC', postalCode: 'V5K 0A1' }, codes };
}

const book: PriceBook = {
  products: new Map(Array.from({ length: 200 }, (_, index) => [`SKU-${index}`, productOf(index)])),
  promotions: Array.from({ length: 50 }, (_, index) => promotionOf(index)),
  taxes: { rates: ratesOf(), inclusiveIn: [], rounding: 'line' },
  deliveryMethods: ['letter', 'parcel', 'express'].map(deliveryMethodOf),
  warehouses: ['CA', 'DE'].map((country, priority) => {
    const holidays = ['2026-12-25', '2026-12-26', '2027-01-01'];
    const calendar = { ...defaultCalendar, timeZone: 'America/Vancouver', holidays, handlingDays: 1 };
    return { warehouseId: country, country, priority, calendar };
  }),
};

function productOf(index: number): PricedProduct {
  return {
    sku: `SKU-${index}`,
    name: `Product ${index}`,
    weightGrams: 100 + index,
    prices: { EUR: 1_999 + 10 * index, USD: 2_199 + 10 * index },
    specialPrices: [{ currency, amount: 1_799 + 10 * index, minQuantity: 3 }],
    categories: [categories[index % categories.length]!],
    taxClass: index % 5 === 0 ? 'food' : 'standard',
    sizeMm: { length: 200, width: 100, height: 50 },
  };
}

/** Three of five apply; the others each have another reason why not. */
function promotionOf(index: number): Promotion {
  const applies = index % 5 < 3;
  const reasons: Partial<Promotion>[] = [
    { code: `NOT-GIVEN-${index}` },
    { minimumSpend: { EUR: 10_000_000 } },
    { validUntil: '2026-11-01T00:00:00.000Z' },
    { on: { what: 'products', skus: ['NOT-IN-CART'] } },
  ];
  return {
    id: `promotion-${String(index).padStart(2, '0')}`,
    name: `Promotion ${index}`,
    active: true,
    on: targetOf(index),
    discount: discountOf(index),
    priority: index % 7,
    stacking: 'with_others',
    validFrom: '2026-01-01T00:00:00.000Z',
    ...(applies && index < 3 && { code: `CODE-${index}` }),
    ...(!applies && reasons[Math.floor(index / 2) % reasons.length]),
  };
}

function targetOf(index: number): Target {
  if (index % 10 === 0) return { what: 'shipping' };
  if (index % 4 === 1) return { what: 'products', skus: Array.from({ length: 10 }, (_, each) => `SKU-${each * 2}`) };
  if (index % 4 === 2) return { what: 'categories', categories: categories.slice(0, 2) };
  return { what: 'order' };
}

function discountOf(index: number): Discount {
  const target = targetOf(index);
  if (target.what !== 'shipping' && index % 3 === 0) return { kind: 'buy_get', buy: 4, get: 1, ppm: 500_000 };
  if (index % 3 === 1) return { kind: 'amount', amounts: { EUR: 50, USD: 60 } };
  return { kind: 'percent', ppm: 20_000 + index };
}

function ratesOf(): TaxRate[] {
  const rate = { country: 'CA', onShipping: true };
  return ['standard', 'food'].flatMap((taxClass) => [
    { ...rate, id: `gst-${taxClass}`, name: 'GST', taxClass, ppm: 50_000 },
    { ...rate, id: `pst-${taxClass}`, name: 'PST', taxClass, ppm: taxClass === 'food' ? 0 : 70_000, region: 'BC' },
    { ...rate, id: `qst-${taxClass}`, name: 'QST', taxClass, ppm: 99_750, region: 'QC' },
  ]);
}

function deliveryMethodOf(id: string, position: number): DeliveryMethod {
  const prices = [{ price: 990 + 500 * position, upToGrams: 10_000 }, { price: 1_990 + 500 * position }];
  const zone = { prices: { EUR: prices, USD: prices }, minDays: 2, maxDays: 5 };
  return {
    id,
    name: id,
    active: true,
    position,
    volumetricDivisor: 5_000,
    zones: [
      { ...zone, countries: ['DE', 'AT'] },
      { ...zone, countries: ['*'] },
    ],
  };
}
