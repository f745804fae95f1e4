/** What a cart costs and whether it can be had: one way for quotes and for orders. */
import { isDeepStrictEqual } from 'node:util';
import { balanceOf, type CartBook, type Goods, lookAtStock, readBook, unsold } from '../activities/pricing/cart.ts';
import { neededOf, taxQuestionOf, withAnswers } from '../activities/pricing/quotes.ts';
import { type Redemption, redemptionsOf } from '../activities/pricing/redemptions.ts';
import { newId } from '../models/id.ts';
import type { Order } from '../models/order.ts';
import type { Quote } from '../models/quote.ts';
import { writeOne } from '../platform/documents.ts';
import { payWith } from '../workflows/domain/credit.ts';
import { limits } from '../workflows/domain/limits.ts';
import { type Cart, maxAmount, type Pricing, price } from '../workflows/domain/pricing.ts';
import type { Api } from './endpoint.ts';
import { Problem } from './problem.ts';
import * as workflows from './temporal.ts';

export type CartRequest = Pick<Cart, 'items' | 'currency' | 'to' | 'codes' | 'deliveryMethod'> &
  Pick<Quote, 'acceptBackorder' | 'useStoreCredit'>;

/** Who buys. An address that is not known yet, as in a quote, is not asked whether it had a promotion before. */
export interface Buyer {
  customerId?: string | undefined;
  email?: string | undefined;
}

export interface PricedCart {
  /** As a quote that could be written. */
  quote: Quote & { pricing: Pricing };
  goods: Goods[];
  /** Store credit that the customer has. */
  balance: number;
  redemptions: Redemption[];
  /** The customer's, where they have signed in and it is known. */
  language?: string | undefined;
}

export const quoteLifeMs = 30 * 60_000;
/** The sum of a cart may be so many times more than a charge before promotions; past it nothing is worked out. */
const mostBeforePromotions = 10 * maxAmount;

/**
 * @param goodsOnly nothing is charged for the delivery
 * @param earlier a quote whose answers of providers still count, for the same question
 * @param of the order that is changed: what it holds is there for it, and what it has of promotions is its own
 * @throws Problem where it cannot be sold; what is out of stock or a code that does not apply is in the answer
 */
export async function priceCart(
  api: Api,
  request: CartRequest,
  buyer: Buyer,
  { earlier, of, goodsOnly = false }: { earlier?: Quote | undefined; of?: Order; goodsOnly?: boolean } = {},
): Promise<PricedCart> {
  const { mongo } = api;
  const { acceptBackorder, useStoreCredit, ...asked } = request;
  const now = new Date();
  const { customerId } = buyer;

  // 1. What the price hangs on.
  const [stored, customer, balance] = await Promise.all([
    readBook(mongo, asked, buyer, of),
    customerId === undefined ? null : mongo.models.customers.findById(customerId).lean(),
    customerId === undefined ? 0 : balanceOf(mongo, customerId, asked.currency),
  ]);
  const book = goodsOnly ? { ...stored, deliveryMethods: [] } : stored;
  if (customerId !== undefined && !customer)
    throw new Problem('unknown-customer', `There is no customer ${customerId}`);
  const cart: Cart = {
    ...said({ ...asked, to: said(asked.to) }),
    at: now.toISOString(),
    ...(customer?.taxExempt && { taxExempt: true }),
  };
  refuseUnsold(cart, book);
  const goods = await lookAtStock(mongo, cart.items, book.products, of);
  const readyAt = latest(goods.flatMap(({ expectedAt, releaseAt }) => [expectedAt, releaseAt]));
  if (acceptBackorder && readyAt !== undefined) cart.readyAt = readyAt;

  // 2. What only providers know.
  const draft: Quote = {
    _id: newId('quo'),
    createdAt: now,
    expiresAt: new Date(now.getTime() + quoteLifeMs),
    ...(customerId !== undefined && { customerId }),
    ...{ cart, acceptBackorder, useStoreCredit, credit: 0 },
    usedUp: [...book.usedUp].map(([promotionId, why]) => ({ promotionId, why })),
  };
  const { rates, taxes } = neededOf(book);
  const answers = rates || taxes ? await providersAnswer(api, draft, book, earlier) : {};

  // 3. The price, and who pays how much of it.
  const pricing = priceOf(cart, withAnswers(book, answers));
  if (!isTaxed(cart, book, pricing, answers)) throw new Problem('unavailable', 'Prices change this moment; try again');
  const { credit, rest } = useStoreCredit
    ? payWith(pricing.total, balance, cart.currency)
    : { credit: 0, rest: pricing.total };
  if (rest > maxAmount) throw tooLarge(rest, cart.currency);
  return {
    quote: { ...draft, ...answers, pricing, credit },
    goods,
    balance,
    redemptions: redemptionsOf(
      book.promotions.filter(({ id }) => pricing.promotions.some((each) => each.id === id)),
      buyer,
    ),
    language: customer?.language,
  };
}

/** Of times in ISO 8601, UTC. */
export function latest(times: readonly (string | undefined)[]): string | undefined {
  return times
    .filter((time) => time !== undefined)
    .sort()
    .at(-1);
}

/** It is stored, where a field that is undefined would become null. */
function said<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

function refuseUnsold(cart: Cart, { products }: CartBook): void {
  const { currency } = cart;
  const { unknown, unpriced, lines, goods } = unsold(cart, products);
  if (unknown.length > 0)
    throw new Problem('unknown-sku', `Not in the catalogue: ${unknown.join(', ')}`, { skus: unknown });
  if (unpriced.length > 0)
    throw new Problem('not-sold-in-currency', `Not sold in ${currency}: ${unpriced.join(', ')}`, { skus: unpriced });
  if (lines > limits.lines)
    throw new Problem('invalid-request', `With the parts of its bundles it has more than ${limits.lines} lines`);
  if (goods > mostBeforePromotions) throw tooLarge(goods, currency);
}

function tooLarge(amount: number, currency: string): Problem {
  return new Problem('amount-too-large', `The total of ${amount} is more than ${maxAmount} ${currency} minor units`);
}

function priceOf({ deliveryMethod, ...cart }: Cart, book: CartBook): Pricing {
  const pricing = price(cart, book);
  const { deliveryOptions } = pricing;
  if (deliveryOptions.length === 0 && book.deliveryMethods.length > 0)
    throw new Problem('not-deliverable', `Nothing delivers these goods to ${cart.to.country} in ${cart.currency}`);
  if (deliveryMethod === undefined || deliveryMethod === pricing.shipping?.method) return pricing;
  if (!deliveryOptions.some(({ method }) => method === deliveryMethod))
    throw new Problem('not-deliverable', `There is no delivery by ${deliveryMethod} there`, { deliveryOptions });
  return price({ ...cart, deliveryMethod }, book);
}

/** Whether the taxes, where Stripe works them out, are those of exactly this. */
function isTaxed(cart: Cart, { settings }: CartBook, pricing: Pricing, { taxes }: Pick<Quote, 'taxes'>): boolean {
  if (settings.taxes.source !== 'stripe') return taxes === undefined;
  return taxes?.question === JSON.stringify(taxQuestionOf(cart, pricing));
}

/** Asked anew only where an earlier answer is for another cart, or for another destination. */
async function providersAnswer(api: Api, draft: Quote, book: CartBook, earlier: Quote | undefined) {
  const { cart } = draft;
  if (earlier && earlier.expiresAt > draft.createdAt && isDeepStrictEqual(earlier.cart.to, cart.to)) {
    if (isTaxed(cart, book, priceOf(cart, withAnswers(book, earlier)), earlier)) return answersOf(earlier);
  }
  // What cannot be delivered is refused before anybody is asked.
  priceOf(cart, book);
  await writeOne(api.mongo.models.quotes, { insertOne: { document: draft } });
  await workflows.askProviders(api.temporal, { quoteId: draft._id, ...neededOf(book) });
  return answersOf((await api.mongo.models.quotes.findById(draft._id).lean<Quote>().orFail())!);
}

function answersOf({ liveRates, taxes }: Quote): Pick<Quote, 'liveRates' | 'taxes'> {
  return { ...(liveRates && { liveRates }), ...(taxes && { taxes }) };
}

/** Writes the quote, so that an order can name it. */
export async function saveQuote({ mongo }: Api, { quote }: PricedCart): Promise<void> {
  await writeOne(mongo.models.quotes, {
    replaceOne: { filter: { _id: quote._id }, replacement: quote as never, upsert: true },
  });
}
