/**
 * What only providers know of a cart's price: live rates of the carrier, and taxes that Stripe works out. The workflow
 * `quote` asks for them; whoever prices the cart finds the answers in the quote.
 */
import type { Quote, QuotedTaxes } from '../../models/quote.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { nearest } from '../../workflows/domain/allocation.ts';
import { chargeableGrams } from '../../workflows/domain/delivery.ts';
import { type Cart, type Pricing, price, shippedOf } from '../../workflows/domain/pricing.ts';
import type { Levied } from '../../workflows/domain/taxes.ts';
import { broken } from '../failure.ts';
import type { Payments } from '../providers/stripe.ts';
import type { TaxQuestion } from '../providers/stripe-taxes.ts';
import { type Carriers, ratesOf } from '../shipping/labels.ts';
import { activeWarehouses, senderOf } from '../stock/warehouses.ts';
import { type CartBook, readBook } from './cart.ts';

/** What providers have to be asked for: the carrier for rates, Stripe for taxes. */
export function neededOf({ deliveryMethods, settings }: CartBook): { rates: boolean; taxes: boolean } {
  return {
    rates: deliveryMethods.some(({ liveService }) => liveService !== undefined),
    taxes: settings.taxes.source === 'stripe',
  };
}

/** What the providers have answered, put into the book. */
export function withAnswers(book: CartBook, { liveRates, taxes }: Pick<Quote, 'liveRates' | 'taxes'>): CartBook {
  return {
    ...book,
    ...(liveRates && { liveRates: new Map(liveRates.map(({ service, ...rate }) => [service, rate])) }),
    ...(taxes && { taxes: { ...book.taxes, given: givenBy(taxes) } }),
  };
}

function givenBy({ lines, shipping }: QuotedTaxes) {
  return { lines: new Map(lines.map(({ lineId, levied }): [string, Levied[]] => [lineId, levied])), shipping };
}

/** What Stripe is asked; its answer counts for this alone. */
export function taxQuestionOf({ currency, taxExempt = false, to }: Cart, pricing: Pricing): TaxQuestion {
  const { lines, shipping, taxInclusive } = pricing;
  return {
    currency,
    inclusive: taxInclusive,
    exempt: taxExempt,
    lines: lines.map((line) => ({
      ...{ reference: line.lineId, amount: leftOf(line), quantity: line.quantity, taxCode: line.taxCode },
    })),
    shipping: shipping ? leftOf(shipping) : 0,
    to,
  };
}

/** With the tax in it where prices are inclusive. */
function leftOf({ subtotal, discounts }: Pick<Pricing['lines'][number], 'subtotal' | 'discounts'>): number {
  return subtotal - discounts.reduce((sum, { amount }) => sum + amount, 0);
}

/** A carrier that cannot say is no reason to sell nothing: then the delivery method's own prices count. */
export async function askRates(mongo: Mongo, carriers: Carriers, { quoteId }: { quoteId: string }): Promise<void> {
  const quote = await readQuote(mongo, quoteId);
  const { cart } = quote;
  const { products } = await bookOf(mongo, quote);
  const warehouses = await activeWarehouses(mongo);
  const sender = nearest(warehouses.map(senderOf), cart.to);
  const from = warehouses.find(({ _id }) => _id === sender?.warehouseId)?.address;
  const items = cart.items.map(({ sku, quantity }) => ({ product: products.get(sku)!, quantity }));
  const shipped = shippedOf(items, products);
  const parcel = { weightGrams: chargeableGrams(shipped), lengthMm: 300, widthMm: 200, heightMm: 150 };
  const to = { ...cart.to, postalCode: cart.to.postalCode ?? '' };
  const rates = from ? await ratesOf(carriers, { from, to, parcel, currency: cart.currency }) : [];
  const payable = rates.filter(({ currency }) => currency === cart.currency);
  const liveRates = payable.map(({ service, amount, days }) => ({ service, amount, days }));
  await mongo.models.quotes.updateOne({ _id: quoteId }, { $set: { liveRates } });
}

export async function askTaxes(mongo: Mongo, payments: Payments, { quoteId }: { quoteId: string }): Promise<void> {
  const quote = await readQuote(mongo, quoteId);
  const { cart } = quote;
  const book = await bookOf(mongo, quote);
  const untaxed = price(cart, { ...book, taxes: { ...book.taxes, given: { lines: new Map(), shipping: [] } } });
  const question = taxQuestionOf(cart, untaxed);
  const { calculationId, lines, shipping } = await payments.calculateTaxes(question);
  const taxes: QuotedTaxes = {
    calculationId,
    lines: lines.map(({ reference, taxes: levied }) => ({ lineId: reference, levied })),
    shipping,
    question: JSON.stringify(question),
  };
  await mongo.models.quotes.updateOne({ _id: quoteId }, { $set: { taxes } });
}

async function bookOf(mongo: Mongo, { cart, usedUp, liveRates }: Quote): Promise<CartBook> {
  const book = await readBook(mongo, cart, {});
  return {
    ...withAnswers(book, { liveRates }),
    usedUp: new Map(usedUp.map(({ promotionId, why }) => [promotionId, why])),
  };
}

async function readQuote({ models }: Mongo, quoteId: string): Promise<Quote> {
  const quote = await models.quotes.findById(quoteId).lean<Quote>();
  if (!quote) throw broken(`There is no quote ${quoteId}`);
  return quote;
}
