/** What a cart's price and its availability hang on, read for one customer. */
import { creditAccountId } from '../../models/customer.ts';
import type { LineAllocation, Order } from '../../models/order.ts';
import { findOneBy } from '../../platform/documents.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { type Cart, unitPriceOf } from '../../workflows/domain/pricing.ts';
import { isLimited, type Promotion } from '../../workflows/domain/promotions.ts';
import { type Availability, availability, free } from '../../workflows/domain/stock.ts';
import { unitsBySku } from '../../workflows/domain/units.ts';
import { expectedOf, type Offer, offerOf } from '../stock/availability.ts';
import { priceBook, type StoreBook } from './price-book.ts';
import { type Redeemer, useIdsOf } from './redemptions.ts';

/** Everything that a cart's price hangs on, read once. */
export interface CartBook extends StoreBook {
  usedUp: Map<string, 'used_up' | 'used_by_customer'>;
}

/** @param of the order that is priced anew: what it has of limited promotions is its own */
export async function readBook(
  mongo: Mongo,
  cart: Pick<Cart, 'items' | 'codes'>,
  redeemer: Redeemer,
  of?: Pick<Order, '_id' | 'redemptions'>,
): Promise<CartBook> {
  const skus = [...new Set(cart.items.map(({ sku }) => sku))];
  const book = await priceBook(mongo, { skus, codes: cart.codes ?? [] });
  return { ...book, usedUp: await usedUp(mongo, book.promotions, redeemer, of) };
}

/** Limited promotions that this customer cannot have, as of now. Reserving decides: see redemptions.ts. */
async function usedUp(
  { models }: Mongo,
  promotions: readonly Promotion[],
  redeemer: Redeemer,
  of: Pick<Order, '_id' | 'redemptions'> | undefined,
): Promise<CartBook['usedUp']> {
  const result: CartBook['usedUp'] = new Map();
  await Promise.all(
    promotions.filter(isLimited).map(async ({ id, totalLimit, oncePerCustomer }) => {
      const uses = oncePerCustomer ? useIdsOf(id, redeemer) : [];
      const [count, ...used] = await Promise.all([
        totalLimit === undefined ? undefined : findOneBy(models.promotionCounts, '_id', id),
        ...uses.map((use) => findOneBy(models.promotionUses, '_id', use)),
      ]);
      const own = of?.redemptions?.some(({ promotionId }) => promotionId === id) ? 1 : 0;
      if (used.some((use) => use && use.orderId !== of?._id)) result.set(id, 'used_by_customer');
      else if (totalLimit !== undefined && (count?.used ?? 0) - own >= totalLimit) result.set(id, 'used_up');
    }),
  );
  return result;
}

/** How it stands with one SKU of a cart; the parts of a bundle by themselves. */
export interface Goods {
  sku: string;
  requested: number;
  /** What can be had now. */
  there: number;
  availability: Availability;
  /** Units beyond those, for who waits. */
  backorderable: number;
  /** When all of it is expected, where it is not there and may be waited for. ISO 8601, UTC. */
  expectedAt?: string;
  /** A preorder: not sent before. */
  releaseAt?: string;
}

/**
 * One cheap look at the stock of everything in a cart, which promises nothing.
 * @param of the order that is changed: what it holds and waits for is its own
 */
export async function lookAtStock(
  mongo: Mongo,
  items: Cart['items'],
  products: CartBook['products'],
  of?: Pick<Order, 'lines'>,
): Promise<Goods[]> {
  const demand = new Map<string, number>();
  for (const { sku, quantity } of items) {
    for (const part of products.get(sku)!.bundle ?? [{ sku, quantity: 1 }])
      demand.set(part.sku, (demand.get(part.sku) ?? 0) + part.quantity * quantity);
  }
  const offers = new Map<string, Offer>(
    await Promise.all([...demand.keys()].map(async (sku) => [sku, await offerToOthers(sku)] as const)),
  );
  async function offerToOthers(sku: string): Promise<Offer> {
    const offer = await offerOf(mongo, sku);
    return { ...offer, waiting: Math.max(0, offer.waiting - unitsOf(sku, 'backordered')) };
  }
  function unitsOf(sku: string, ...states: LineAllocation['state'][]): number {
    const lines = of?.lines.filter((line) => line.sku === sku) ?? [];
    const claims = lines.flatMap(({ allocations }) => allocations).filter(({ state }) => states.includes(state));
    return claims.reduce((sum, { quantity }) => sum + quantity, 0);
  }
  const now = new Date();
  const goods = [...demand].map(async ([sku, requested]): Promise<Goods> => {
    const { units, waiting } = offers.get(sku)!;
    const product = products.get(sku)!;
    const there = free({ units, waiting }) + unitsOf(sku, 'reserved', 'committed');
    const { availability: state, backorderable } = availability(units, waiting, product.backorder, now);
    const comes = (requested > there || state === 'preorder') && requested <= there + backorderable;
    const releaseAt = comes ? product.backorder?.releaseAt : undefined;
    return {
      ...{ sku, requested, there, availability: state, backorderable },
      ...(comes && { expectedAt: await expectedOf(mongo, product, requested, offers) }),
      ...(releaseAt !== undefined && { releaseAt }),
    };
  });
  return Promise.all(goods);
}

/** Minor units that the customer has. */
export async function balanceOf({ models }: Mongo, customerId: string, currency: string): Promise<number> {
  return (
    (await models.creditAccounts.findById(creditAccountId(customerId, currency), { balance: 1 }).lean())?.balance ?? 0
  );
}

/** What of a cart is not sold, and how large the rest is: lines of an order, and minor units before promotions. */
export function unsold({ items, currency, at }: Cart, products: CartBook['products']) {
  const units = unitsBySku(items);
  const unknown = [...units.keys()].filter((sku) => !products.get(sku)?.active);
  const prices = new Map(
    [...units].map(([sku, quantity]) => {
      const product = products.get(sku);
      return [sku, product && unitPriceOf(product, currency, quantity, at)] as const;
    }),
  );
  return {
    unknown,
    unpriced: [...units.keys()].filter((sku) => !unknown.includes(sku) && prices.get(sku) === undefined),
    lines: items.reduce((sum, { sku }) => sum + (products.get(sku)?.bundle?.length ?? 1), 0),
    goods: [...units].reduce((sum, [sku, quantity]) => sum + quantity * (prices.get(sku) ?? 0), 0),
  };
}
