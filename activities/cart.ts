/** What a cart's price and its availability hang on, read for one customer. */
import type { Product } from '../models/catalogue.ts';
import { creditAccountId } from '../models/customer.ts';
import type { StoreSettings } from '../models/store.ts';
import { findOneBy } from '../platform/documents.ts';
import type { Mongo } from '../platform/mongo.ts';
import { type Cart, type PriceBook, unitPriceOf } from '../workflows/domain/pricing.ts';
import { isLimited, type Promotion } from '../workflows/domain/promotions.ts';
import { type Availability, availability, free } from '../workflows/domain/stock.ts';
import { priceBook } from './price-book.ts';
import { type Redeemer, useIdsOf } from './redemptions.ts';
import { expectedOf, type Offer, offerOf } from './stock/availability.ts';

/** Everything that a cart's price hangs on, read once. */
export interface CartBook extends PriceBook {
  products: ReadonlyMap<string, Product & { sku: string }>;
  usedUp: Map<string, 'used_up' | 'used_by_customer'>;
  settings: StoreSettings;
}

export async function readBook(
  mongo: Mongo,
  cart: Pick<Cart, 'items' | 'codes'>,
  redeemer: Redeemer,
): Promise<CartBook> {
  const skus = [...new Set(cart.items.map(({ sku }) => sku))];
  const book = await priceBook(mongo, { skus, codes: cart.codes ?? [] });
  return { ...book, usedUp: await usedUp(mongo, book.promotions, redeemer) };
}

/** Limited promotions that this customer cannot have, as of now. Reserving decides: see redemptions.ts. */
async function usedUp(
  { models }: Mongo,
  promotions: readonly Promotion[],
  redeemer: Redeemer,
): Promise<CartBook['usedUp']> {
  const result: CartBook['usedUp'] = new Map();
  await Promise.all(
    promotions.filter(isLimited).map(async ({ id, totalLimit, oncePerCustomer }) => {
      const uses = oncePerCustomer ? useIdsOf(id, redeemer) : [];
      const [count, ...used] = await Promise.all([
        totalLimit === undefined ? undefined : findOneBy(models.promotionCounts, '_id', id),
        ...uses.map((use) => findOneBy(models.promotionUses, '_id', use)),
      ]);
      if (used.some(Boolean)) result.set(id, 'used_by_customer');
      else if (totalLimit !== undefined && (count?.used ?? 0) >= totalLimit) result.set(id, 'used_up');
    }),
  );
  return result;
}

export interface StockLook {
  /** By SKU, the parts of bundles by themselves. */
  goods: {
    sku: string;
    requested: number;
    /** What can be had now. */
    there: number;
    availability: Availability;
    /** Beyond what is there, by those who wait. */
    backorderable: number;
    /** When all that is requested is there, where it is not. ISO 8601, UTC. */
    expectedAt?: string;
    releaseAt?: string | undefined;
  }[];
}

/** One cheap look at the stock of everything in a cart, which promises nothing. */
export async function lookAtStock(mongo: Mongo, items: Cart['items'], products: CartBook['products']): Promise<StockLook> {
  const demand = new Map<string, number>();
  for (const { sku, quantity } of items) {
    for (const part of products.get(sku)!.bundle ?? [{ sku, quantity: 1 }])
      demand.set(part.sku, (demand.get(part.sku) ?? 0) + part.quantity * quantity);
  }
  const offers = new Map<string, Offer>(
    await Promise.all([...demand.keys()].map(async (sku) => [sku, await offerOf(mongo, sku)] as const)),
  );
  const now = new Date();
  const goods = [...demand].map(async ([sku, requested]) => {
    const { units, waiting } = offers.get(sku)!;
    const product = products.get(sku)!;
    const there = free({ units, waiting });
    const { availability: state, backorderable } = availability(units, waiting, product.backorder, now);
    const late = requested > there || state === 'preorder';
    const comes = late && requested <= there + backorderable;
    return {
      ...{ sku, requested, there, availability: state, backorderable },
      ...(comes && { expectedAt: await expectedOf(mongo, product, requested, offers) }),
      ...(late && { releaseAt: product.backorder?.releaseAt }),
    };
  });
  return { goods: await Promise.all(goods) };
}

/** Minor units that the customer has. */
export async function balanceOf({ models }: Mongo, customerId: string, currency: string): Promise<number> {
  return (await models.creditAccounts.findById(creditAccountId(customerId, currency), { balance: 1 }).lean())?.balance ?? 0;
}

/** SKUs that are not sold, and those without a price in the currency. */
export function unsold({ items, currency, at }: Cart, products: CartBook['products']) {
  const skus = [...new Set(items.map(({ sku }) => sku))];
  const units = (sku: string) => items.reduce((sum, item) => sum + (item.sku === sku ? item.quantity : 0), 0);
  const unknown = skus.filter((sku) => !products.get(sku)?.active);
  const known = skus.filter((sku) => !unknown.includes(sku));
  return {
    unknown,
    unpriced: known.filter((sku) => unitPriceOf(products.get(sku)!, currency, units(sku), at) === undefined),
    lines: known.reduce((sum, sku) => sum + (products.get(sku)!.bundle?.length ?? 1) * items.filter((item) => item.sku === sku).length, 0),
  };
}

