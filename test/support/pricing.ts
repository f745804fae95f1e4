/** Carts and price books of which a test says only what it is about. */
import { defaultCalendar, type WarehouseCalendar } from '../../workflows/domain/calendar.ts';
import type { DeliveryMethod, Zone } from '../../workflows/domain/delivery.ts';
import {
  type Cart,
  type PriceBook,
  type PricedProduct,
  type Pricing,
  price,
  type TaxRules,
} from '../../workflows/domain/pricing.ts';
import type { Promotion } from '../../workflows/domain/promotions.ts';
import type { TaxRate } from '../../workflows/domain/taxes.ts';

type Only<T, K extends keyof T> = Partial<T> & Pick<T, K>;

export interface ShortCart extends Only<Omit<Cart, 'items'>, 'currency'> {
  items: readonly { sku: string; quantity?: number }[];
}

export interface ShortBook {
  products: readonly Only<PricedProduct, 'sku' | 'prices'>[];
  promotions?: readonly Only<Promotion, 'id' | 'discount'>[];
  usedUp?: Record<string, 'used_up' | 'used_by_customer'>;
  taxes?: Partial<Omit<TaxRules, 'rates'>> & { rates?: readonly Only<TaxRate, 'name' | 'ppm'>[] };
  deliveryMethods?: readonly (Omit<Only<DeliveryMethod, 'id'>, 'zones'> & { zones: readonly Only<Zone, 'prices'>[] })[];
  liveRates?: Record<string, { amount: number; days?: number }>;
  /** Of the only warehouse, which is in Germany. */
  calendar?: Partial<WarehouseCalendar>;
}

export function priceOf(shortCart: ShortCart, shortBook: ShortBook): Pricing {
  const cart = cartOf(shortCart);
  return price(cart, bookOf(shortBook, cart));
}

/** Tuesday noon, to Germany, one unit of each. */
function cartOf({ items, ...cart }: ShortCart): Cart {
  return {
    at: '2026-11-24T12:00:00Z',
    to: { country: 'DE' },
    ...cart,
    items: items.map((item) => ({ quantity: 1, ...item })),
  };
}

function bookOf(book: ShortBook, { to }: Pick<Cart, 'to'>): PriceBook {
  const { products, promotions = [], taxes, deliveryMethods = [] } = book;
  return {
    products: new Map(products.map((product) => [product.sku, { name: product.sku, weightGrams: 100, ...product }])),
    promotions: promotions.map((promotion) => ({
      name: promotion.id,
      active: true,
      on: { what: 'order' },
      priority: 1,
      stacking: 'with_others',
      ...promotion,
    })),
    usedUp: new Map(Object.entries(book.usedUp ?? {})),
    taxes: {
      inclusiveIn: [],
      rounding: 'line',
      ...taxes,
      rates: (taxes?.rates ?? []).map((rate) => ({
        id: rate.name,
        country: to.country,
        taxClass: 'standard',
        onShipping: true,
        ...rate,
      })),
    },
    deliveryMethods: deliveryMethods.map((method) => ({
      name: method.id,
      active: true,
      position: 1,
      ...method,
      zones: method.zones.map((zone) => ({ countries: ['*'], minDays: 1, maxDays: 3, ...zone })),
    })),
    liveRates: new Map(Object.entries(book.liveRates ?? {})),
    warehouses: [
      { warehouseId: 'main', country: 'DE', priority: 1, calendar: { ...defaultCalendar, ...book.calendar } },
    ],
  };
}
