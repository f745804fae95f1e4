/** From what a customer was told to an order: nothing is placed at another price, or without what it needs. */
import type { z } from 'zod';
import { ownerOf } from '../activities/payments/wallet.ts';
import type { Goods } from '../activities/pricing/cart.ts';
import { requestId } from '../activities/requests.ts';
import { newId } from '../models/id.ts';
import type { Order } from '../models/order.ts';
import type { Quote } from '../models/quote.ts';
import { minimumCharge } from '../workflows/domain/credit.ts';
import { deadlines } from '../workflows/domain/limits.ts';
import { formatMoney } from '../workflows/domain/money.ts';
import { type Change, changesBetween, type Told } from '../workflows/domain/quotes.ts';
import { type Buyer, type CartRequest, latest, type PricedCart, priceCart, saveQuote } from './cart.ts';
import type { Api, Idempotency } from './endpoint.ts';
import { Problem } from './problem.ts';
import type { placeBody } from './schemas/orders.ts';
import { viewQuote } from './views/quote.ts';

export type PlaceBody = z.output<typeof placeBody>;

/** With how it is paid for; without a method the customer gives one later. */
interface Placeable extends PricedCart {
  paymentMethod: string | undefined;
}

/** What it costs now; or what is against placing it. The workflow decides. */
export async function priceOrRefuse(api: Api, body: PlaceBody, buyer: Buyer): Promise<Placeable | Problem> {
  try {
    const quote = body.quoteId === undefined ? undefined : await readQuote(api, body.quoteId, buyer);
    const cart = await priceCart(api, requestOf(body, quote), buyer, { earlier: quote });
    const changes = quote ? sinceQuote(quote, cart) : sinceTotal(body.expectedTotal!, cart);
    if (changes.length > 0) return priceChanged(api, cart, changes);
    return tooSmall(cart) ?? missing(cart) ?? { ...cart, paymentMethod: await methodOf(api, body, buyer) };
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

async function methodOf({ mongo }: Api, body: PlaceBody, { customerId }: Buyer): Promise<string | undefined> {
  const { paymentMethod, savePaymentMethod, useDefaultPaymentMethod } = body;
  if (customerId === undefined && (savePaymentMethod || useDefaultPaymentMethod))
    throw new Problem('unauthenticated', 'Methods of payment are saved for customers who have signed in');
  if (paymentMethod !== undefined) await refuseForeign(mongo, paymentMethod, customerId);
  if (!useDefaultPaymentMethod) return paymentMethod;
  const customer = await mongo.models.customers.findById(customerId, { defaultPaymentMethod: 1 }).lean();
  if (customer?.defaultPaymentMethod !== undefined) return customer.defaultPaymentMethod;
  throw new Problem('unknown-payment-method', 'The customer has no default method of payment: name one');
}

/** A saved method is for its owner alone. The provider refuses others as well, but only when it is to be charged. */
export async function refuseForeign(
  mongo: Api['mongo'],
  paymentMethod: string,
  customerId: string | undefined,
): Promise<void> {
  const owner = await ownerOf(mongo, paymentMethod);
  if (owner !== undefined && owner !== customerId)
    throw new Problem('unknown-payment-method', `${paymentMethod} is not a saved method of whoever pays`);
}

async function readQuote({ mongo }: Api, quoteId: string, { customerId }: Buyer): Promise<Quote & { pricing: Told }> {
  const quote = await mongo.models.quotes.findById(quoteId).lean<Quote>();
  const mine = quote?.customerId === undefined || quote.customerId === customerId;
  if (!quote?.pricing || !mine)
    throw new Problem('unknown-quote', `There is no quote ${quoteId}, or it is another customer's: ask for a new one`);
  return quote as Quote & { pricing: Told };
}

function requestOf(body: PlaceBody, quote: Quote | undefined): CartRequest {
  const to = destinationOf(body.shippingAddress);
  if (quote) {
    const { items, currency, codes, deliveryMethod } = quote.cart;
    // What the customer saw as chosen stays chosen, also where another is the cheapest by now.
    const method = deliveryMethod ?? quote.pricing!.shipping?.method;
    const { acceptBackorder, useStoreCredit } = quote;
    return { items, currency, to, codes, deliveryMethod: method, acceptBackorder, useStoreCredit };
  }
  const { items, currency, codes, deliveryMethod, acceptBackorder = false, useStoreCredit = false } = body;
  return { items: items!, currency: currency!, to, codes, deliveryMethod, acceptBackorder, useStoreCredit };
}

/** What of an address prices hang on. */
export function destinationOf({ country, region, postalCode, city }: PlaceBody['shippingAddress'] | Order['shipTo']) {
  return { country, region, postalCode, city };
}

function sinceQuote(quote: Quote & { pricing: Told }, { quote: now }: PricedCart): Change[] {
  const changes = changesBetween(quote.pricing, now.pricing);
  if (quote.credit !== now.credit) changes.push({ what: 'store_credit', before: quote.credit, after: now.credit });
  if (quote.expiresAt <= now.createdAt) changes.unshift({ what: 'expired', before: quote.expiresAt.toISOString() });
  return changes;
}

function sinceTotal(expected: number, { quote: { pricing } }: PricedCart): Change[] {
  return expected === pricing.total ? [] : [{ what: 'total', before: expected, after: pricing.total }];
}

/** With the new quote, which can be placed as it is. */
async function priceChanged(api: Api, cart: PricedCart, changes: readonly Change[]): Promise<Problem> {
  await saveQuote(api, cart);
  const what = [...new Set(changes.map((change) => change.what))].join(', ').replaceAll('_', ' ');
  const detail = `Not as it was told any more: ${what}. Nothing was reserved or charged; the new quote can be placed`;
  return new Problem('price-changed', detail, { changes, quote: viewQuote(cart) });
}

/** Of an order that was priced with something that was gone when it was to be reserved. */
export async function priceChangedAtReserving(api: Api, order: Order, buyer: Buyer): Promise<Problem> {
  const { items, currency, shipTo, codes, credit, shipping, acceptsBackorder = false } = order;
  const request: CartRequest = {
    ...{ items, currency, codes, to: destinationOf(shipTo) },
    ...{ deliveryMethod: shipping?.method, acceptBackorder: acceptsBackorder, useStoreCredit: credit !== undefined },
  };
  const cart = await priceCart(api, request, buyer);
  const { pricing } = cart.quote;
  const changes = changesBetween({ ...order, ...order.pricing, total: order.total }, pricing);
  const gone: Change = { what: order.priceChange === 'credit' ? 'store_credit' : 'promotion' };
  return priceChanged(api, cart, changes.some(({ what }) => what === gone.what) ? changes : [gone, ...changes]);
}

/** A quote may be for less: a cart can still grow. */
export function tooSmall({ quote: { pricing, credit, cart } }: PricedCart): Problem | undefined {
  const least = minimumCharge(cart.currency);
  const rest = pricing.total - credit;
  if (rest === 0 || rest >= least) return undefined;
  return new Problem('amount-too-small', `A card is charged ${formatMoney(least, cart.currency)} at the least`, {
    least,
  });
}

export function missing({ goods, quote: { acceptBackorder } }: PricedCart): Problem | undefined {
  const canHave = ({ there, backorderable }: Goods) => there + backorderable;
  const gone = goods.filter((each) => each.requested > canHave(each));
  if (gone.length > 0) {
    return outOfStock(
      gone.map((each) => ({
        sku: each.sku,
        requested: each.requested,
        available: acceptBackorder ? canHave(each) : each.there,
      })),
    );
  }
  const later = goods.filter(({ expectedAt }) => expectedAt !== undefined);
  if (later.length === 0 || acceptBackorder) return undefined;
  return outOfStock(
    later.map(({ sku, requested, there }) => ({ sku, requested, available: there })),
    later.map(({ sku, expectedAt }) => ({ sku, expectedAt: expectedAt! })),
  );
}

/** `backorder` names what would come later, for those who accept to wait. */
export function outOfStock(
  shortages: Order['shortages'] = [],
  backorder: readonly { sku: string; expectedAt: string }[] = [],
): Problem {
  const skus = shortages.map(({ sku }) => sku).join(', ');
  if (backorder.length === 0) return new Problem('out-of-stock', `Not enough in stock of ${skus}`, { shortages });
  const detail = `Not here yet: ${skus}. Place it with "acceptBackorder": true to wait for it, and to be charged when it comes`;
  return new Problem('out-of-stock', detail, { shortages, backorder });
}

export function newOrder(
  { quoteId, customer, shippingAddress, savePaymentMethod }: PlaceBody,
  { quote, goods, redemptions, paymentMethod, language }: Placeable,
  { bodyHash, ...key }: Idempotency,
): Order {
  const createdAt = new Date();
  const { cart, pricing, acceptBackorder, useStoreCredit, credit, customerId, taxes } = quote;
  const { lines, shipping, total, deliveryOptions: _, orderBy: _orderBy, refusedCodes: _refused, ...sums } = pricing;
  const { currency, items, codes } = cart;
  const expectedAt = latest(goods.map((each) => each.expectedAt));
  const releaseAt = latest(goods.map((each) => each.releaseAt));
  return {
    _id: newId('ord'),
    request: { key: requestId(key), bodyHash },
    ...(quoteId !== undefined && { quoteId }),
    createdAt,
    placeBefore: new Date(createdAt.getTime() + deadlines.place),
    customer: { ...(language && { language }), ...customer },
    shipTo: shippingAddress,
    ...(customerId !== undefined && { customerId }),
    currency,
    items: [...items],
    ...(codes && codes.length > 0 && { codes: [...codes] }),
    ...(paymentMethod && { paymentMethod }),
    ...(savePaymentMethod && { savePaymentMethod }),
    // What is there now may be gone a moment later: who accepts to wait keeps the right to.
    lines: lines.map(({ backorder, ...line }) => {
      return { ...line, ...(acceptBackorder && backorder && { backorder }), allocations: [] };
    }),
    ...(shipping && { shipping }),
    pricing: sums,
    total,
    ...(useStoreCredit && { credit }),
    ...(redemptions.length > 0 && { redemptions }),
    ...(taxes && { taxCalculation: taxes.calculationId }),
    ...(acceptBackorder && { acceptsBackorder: true }),
    ...(expectedAt !== undefined && { expectedAt: new Date(expectedAt) }),
    ...(releaseAt !== undefined && { notBefore: new Date(releaseAt) }),
    rev: 0,
    status: 'pending',
  };
}
