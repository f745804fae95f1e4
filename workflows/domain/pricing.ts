/**
 * What an order costs: one pure function, used by the quote and by the order alike. A client's unit price is never used.
 *
 * Amounts are worked out in the steps in which the currency can be paid (see `payableUnit`), and answered in minor units.
 * Nothing depends on the order in which lines, promotions or rates are given.
 */
import { nearest, type Sender } from './allocation.ts';
import { defaultCalendar, nextCutOff, type WarehouseCalendar } from './calendar.ts';
import { type DeliveryMethod, type DeliveryOption, deliveryOptions, type LiveRates, type Shipped } from './delivery.ts';
import { payableUnit, split } from './money.ts';
import {
  type AppliedPromotion,
  type Discountable,
  type Promotion,
  promote,
  promoteShipping,
  type WhyNot,
} from './promotions.ts';
import type { BackorderRule } from './stock.ts';
import {
  type AppliedRate,
  type Destination,
  isBefore,
  isValid,
  type Levied,
  type Piece,
  type Rounding,
  rateKey,
  ratesFor,
  standardClass,
  type TaxPart,
  type TaxRate,
  taxesOf,
} from './taxes.ts';
import { unitsBySku } from './units.ts';

export interface PricedProduct {
  sku: string;
  name: string;
  weightGrams: number;
  /** Minor units per currency. A product without a price in a currency is not sold in it. */
  prices: Readonly<Record<string, number>>;
  specialPrices?: readonly SpecialPrice[] | undefined;
  categories?: readonly string[] | undefined;
  /** Where there is none, the standard one. */
  taxClass?: string | undefined;
  /** Stripe's word for what it is, where Stripe works out the taxes. */
  taxCode?: string | undefined;
  /** By which policy it may come back. Where there is none, the standard one. */
  returnClass?: string | undefined;
  /** Outer size in millimetres. */
  sizeMm?: { length: number; width: number; height: number } | undefined;
  /** It is sold as these, which have stock of their own. */
  bundle?: readonly { sku: string; quantity: number }[] | undefined;
  backorder?: BackorderRule | undefined;
}

/** A price for a time, or for many units of it. */
export interface SpecialPrice {
  currency: string;
  /** Minor units. */
  amount: number;
  /** From so many units in one cart on. */
  minQuantity: number;
  /** ISO 8601, UTC. */
  validFrom?: string | undefined;
  validUntil?: string | undefined;
}

export interface Cart {
  currency: string;
  /** The moment whose prices count. ISO 8601, UTC. */
  at: string;
  items: readonly { sku: string; quantity: number }[];
  to: Destination;
  /** In capitals. */
  codes?: readonly string[] | undefined;
  /** Where it is not given, the first of the delivery options. */
  deliveryMethod?: string | undefined;
  taxExempt?: boolean | undefined;
  /** When all of the goods are there, where they are not yet. ISO 8601, UTC. */
  readyAt?: string | undefined;
}

/** Everything that prices depend on beside the cart. */
export interface PriceBook {
  products: ReadonlyMap<string, PricedProduct>;
  promotions: readonly Promotion[];
  /** Limited promotions that this customer cannot have. */
  usedUp?: ReadonlyMap<string, 'used_up' | 'used_by_customer'> | undefined;
  taxes: TaxRules;
  /** Without any, delivery costs nothing and is not promised. */
  deliveryMethods: readonly DeliveryMethod[];
  /** The nearest one's calendar says when goods leave. */
  warehouses: readonly (Sender & { calendar?: WarehouseCalendar | undefined })[];
  liveRates?: LiveRates | undefined;
}

export interface TaxRules {
  rates: readonly TaxRate[];
  /** Currencies whose prices have the tax in them. */
  inclusiveIn: readonly string[];
  rounding: Rounding;
  /** The tax class of shipping. Without one it is taxed as the goods are, each class by its share. */
  shippingClass?: string | undefined;
  /** Worked out elsewhere, instead of by the rates: by line id, and for shipping. */
  given?: { lines: ReadonlyMap<string, readonly Levied[]>; shipping: readonly Levied[] } | undefined;
}

/** What one line or the shipping costs. Minor units. */
export interface Priced {
  /** Before promotions: with the tax in it where prices are inclusive. */
  subtotal: number;
  /** What each promotion took. */
  discounts: { promotionId: string; amount: number }[];
  /** Without taxes, after discounts. `net` and `tax` are the total. */
  net: number;
  taxes: TaxPart[];
  tax: number;
  total: number;
}

/** What is sent for nothing. */
export const free: Priced = { subtotal: 0, discounts: [], net: 0, taxes: [], tax: 0, total: 0 };

export interface PricedLine extends Priced {
  lineId: string;
  sku: string;
  name: string;
  weightGrams: number;
  quantity: number;
  /** Before promotions. Of a part of a bundle: its share of the bundle's price, rounded down. */
  unitPrice: number;
  taxCode?: string;
  returnClass?: string;
  /** The bundle that it was sold in. */
  bundle?: { sku: string; name: string };
  /** What is not there may be waited for. */
  backorder?: BackorderRule;
}

export interface PricedShipping extends Priced {
  method: string;
  name: string;
  /** When it leaves the warehouse at the latest. ISO 8601, UTC. */
  dispatchBy: string;
  /** Dates. */
  earliest: string;
  promisedBy: string;
  /** Before taxes, as `subtotal` less `discounts`: what the cheapest way of delivery would have cost, where another was chosen. */
  cheapest?: number;
}

export interface Pricing {
  lines: PricedLine[];
  shipping?: PricedShipping;
  /** Every way of delivery, with what it costs before and after promotions. */
  deliveryOptions: (DeliveryOption & { discounted: number })[];
  /** Who orders before it has the dates of the delivery options. Absent where they hang on goods that are yet to come. */
  orderBy?: string;
  promotions: AppliedPromotion[];
  refusedCodes: { code: string; why: WhyNot }[];
  /** Each rate, with what it was levied on. */
  taxes: TaxPart[];
  /** Whether prices, and so `subtotal` and `discount`, have the tax in them. */
  taxInclusive: boolean;
  /** Goods and shipping before promotions. */
  subtotal: number;
  discount: number;
  net: number;
  tax: number;
  total: number;
}

/** The largest amount that Stripe takes in one charge is eight digits: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts */
export const maxAmount = 99_999_999;

/**
 * @throws RangeError for a product that is not sold in the currency, and for a way of delivery that there is not to the
 * destination. The message says which.
 */
export function price(cart: Cart, book: PriceBook): Pricing {
  const { currency, at } = cart;
  const unit = payableUnit(currency);

  // 1. What it costs by the catalogue.
  const quantities = unitsBySku(cart.items);
  const items = cart.items.map((item) => itemOf(item, quantities.get(item.sku)!, cart, book.products, unit));
  const sorted = [...items].sort(byContent);
  const goods = sum(sorted, ({ left }) => left);

  // 2. Promotions on the goods. What goods cost after them, and where they go, says what their delivery costs.
  const context = { currency, at, codes: new Set(cart.codes), usedUp: book.usedUp ?? new Map(), goods, unit };
  const { applied, onShipping, refused } = promote(book.promotions, sorted, context);
  const goodsTotal = unit * sum(sorted, ({ left }) => left);
  const { orderBy, ...leaving } = leavingOf(cart, book);
  const options = optionsOf(cart, book, items, { ...leaving, goodsTotal }).map((option) => {
    const promoted = promoteShipping(Math.floor(option.price / unit), onShipping, context);
    return { ...option, price: promoted.unitPrice * unit, discounted: promoted.left * unit, promoted };
  });
  const chosen = choose(options, cart);

  // 3. A bundle becomes a line for each of its parts, so that each can be sent, taxed and returned by itself.
  const draftsBy = new Map(sorted.map((item) => [item, draftsOf(item, currency, book.products)]));
  const drafts = [...draftsBy.values()].flat();
  const places = new Map(items.flatMap((item) => draftsBy.get(item)!).map((draft, index) => [draft, index]));
  const lineId = (draft: Draft) => `line_${places.get(draft)! + 1}`;

  // 4. Taxes on what is left.
  const shippingPieces = chosen ? shippingPiecesOf(chosen.promoted.left, drafts, cart, book.taxes) : [];
  const classes = new Set(drafts.map(({ product }) => classOf(product)));
  const ratesBy = new Map([...classes].map((taxClass) => [taxClass, ratesOf(taxClass, cart, book.taxes, false)]));
  const pieces = [
    ...drafts.map(({ left, product }) => ({ amount: left, rates: ratesBy.get(classOf(product))! })),
    ...shippingPieces,
  ];
  const { inclusiveIn, rounding, given } = book.taxes;
  const inclusive = inclusiveIn.includes(currency);
  const levied = given
    ? [...drafts.map((draft) => inUnits(given.lines.get(lineId(draft)), unit)), inUnits(given.shipping, unit)]
    : taxesOf(pieces, inclusive, rounding);
  const taxes = pieces.map(({ amount }, index) => withBase(amount, levied[index]!, inclusive));
  const settle = (item: Pick<Discountable, 'discounts' | 'left'> & { subtotal: number }, itsTaxes: TaxPart[]) =>
    settled(item, itsTaxes, { inclusive, exempt: cart.taxExempt === true, unit });
  const lines = drafts
    .map(
      (draft, index): PricedLine => ({ lineId: lineId(draft), ...about(draft, unit), ...settle(draft, taxes[index]!) }),
    )
    .sort((a, b) => numberOf(a) - numberOf(b));
  const cheapest = Math.min(...options.map(({ discounted }) => discounted));
  const shipping = chosen && {
    method: chosen.method,
    name: chosen.name,
    dispatchBy: chosen.dispatchBy,
    earliest: chosen.earliest,
    promisedBy: chosen.promisedBy,
    ...(cheapest < chosen.discounted && { cheapest }),
    ...settle({ ...chosen.promoted, subtotal: chosen.promoted.unitPrice }, added(taxes.slice(drafts.length).flat())),
  };

  // 5. The sums.
  const all: Priced[] = shipping ? [...lines, shipping] : lines;
  const takenFromShipping = onShipping.map(({ id, name, code }) => {
    const amount = chosen?.promoted.discounts.find(({ promotionId }) => promotionId === id)?.amount ?? 0;
    return { id, name, ...(code !== undefined && { code }), amount };
  });
  const promotions = [...applied, ...takenFromShipping].map((each) => ({ ...each, amount: each.amount * unit }));
  const idle = promotions.flatMap(({ code, amount }) =>
    code !== undefined && amount === 0 ? [{ code, why: 'nothing_to_take' as const }] : [],
  );
  return {
    lines,
    ...(shipping && { shipping }),
    deliveryOptions: options.map(({ promoted: _, ...option }) => option),
    ...(options.length > 0 && orderBy !== undefined && { orderBy }),
    promotions: promotions.filter(({ amount }) => amount > 0),
    refusedCodes: [...refused, ...idle, ...unknownCodes(cart, book)],
    taxes: added(all.flatMap((each) => each.taxes)),
    taxInclusive: inclusive,
    subtotal: sum(all, ({ subtotal }) => subtotal),
    discount: sum(all, ({ discounts }) => sum(discounts, ({ amount }) => amount)),
    net: sum(all, ({ net }) => net),
    tax: sum(all, ({ tax }) => tax),
    total: sum(all, ({ total }) => total),
  };
}

/**
 * Minor units; undefined where it is not sold in the currency. For each number of units the special price of the moment
 * counts instead of the plain one; of the numbers that are reached, the lowest price.
 */
export function unitPriceOf(
  { prices, specialPrices = [] }: Pick<PricedProduct, 'prices' | 'specialPrices'>,
  currency: string,
  quantity: number,
  at: string,
): number | undefined {
  const special = specialPrices.filter(
    (each) => each.currency === currency && each.minQuantity <= quantity && isValid(each, at),
  );
  const plain = special.some(({ minQuantity }) => minQuantity === 1) ? undefined : prices[currency];
  const candidates = [...special.map(({ amount }) => amount), ...(plain === undefined ? [] : [plain])];
  return candidates.length === 0 ? undefined : Math.min(...candidates);
}

interface Item extends Discountable {
  product: PricedProduct;
  subtotal: number;
}

function itemOf(
  { sku, quantity }: Cart['items'][number],
  inCart: number,
  { currency, at }: Cart,
  products: PriceBook['products'],
  unit: number,
): Item {
  const product = products.get(sku);
  const amount = product && unitPriceOf(product, currency, inCart, at);
  if (product === undefined || amount === undefined) throw new RangeError(`${sku} is not sold in ${currency}`);
  const unitPrice = Math.floor(amount / unit);
  const subtotal = unitPrice * quantity;
  return {
    sku,
    quantity,
    unitPrice,
    subtotal,
    left: subtotal,
    discounts: [],
    categories: product.categories ?? [],
    product,
  };
}

/** Equal items stand for each other. */
function byContent(a: Item, b: Item): number {
  return a.sku === b.sku ? a.quantity - b.quantity : a.sku < b.sku ? -1 : 1;
}

interface Leaving {
  calendar: WarehouseCalendar;
  readyAt: string;
}

/** By which calendar the goods leave, when they are ready for it, and until when that stays so. */
function leavingOf({ to, at, readyAt }: Cart, { warehouses }: PriceBook): Leaving & { orderBy?: string } {
  const calendar = nearest(warehouses, to)?.calendar ?? defaultCalendar;
  if (readyAt !== undefined && isBefore(at, readyAt)) return { calendar, readyAt };
  return { calendar, readyAt: at, orderBy: nextCutOff(calendar, new Date(at)).toISOString() };
}

function optionsOf(
  { currency, to }: Cart,
  { products, deliveryMethods, liveRates }: PriceBook,
  items: readonly Item[],
  known: Leaving & { goodsTotal: number },
): DeliveryOption[] {
  const shipped = shippedOf(items, products);
  return deliveryOptions(deliveryMethods, { ...known, shipped, currency, to, liveRates });
}

/** What is packed: of a bundle its parts. @throws RangeError for a part that is not in the catalogue */
export function shippedOf(
  items: readonly { product: PricedProduct; quantity: number }[],
  products: PriceBook['products'],
): Shipped[] {
  return items.flatMap(({ product, quantity }) =>
    partsOf(product, products).map((part) => ({
      quantity: part.quantity * quantity,
      weightGrams: part.product.weightGrams,
      sizeMm: part.product.sizeMm,
    })),
  );
}

function choose<O extends DeliveryOption>(options: readonly O[], { deliveryMethod }: Cart): O | undefined {
  if (deliveryMethod === undefined) return options[0];
  const chosen = options.find(({ method }) => method === deliveryMethod);
  if (chosen === undefined) throw new RangeError(`There is no delivery by ${deliveryMethod} to this destination`);
  return chosen;
}

/** A line before its taxes. */
interface Draft {
  item: Item;
  product: PricedProduct;
  quantity: number;
  subtotal: number;
  left: number;
  discounts: Discountable['discounts'];
}

function draftsOf(item: Item, currency: string, products: PriceBook['products']): Draft[] {
  if (item.product.bundle === undefined) {
    const { product, quantity, subtotal, left, discounts } = item;
    return [{ item, product, quantity, subtotal, left, discounts }];
  }
  const parts = partsOf(item.product, products);
  const subtotals = split(item.subtotal, weightsOf(parts, currency));
  const drafts = parts.map(({ product, quantity }, index): Draft => {
    const subtotal = subtotals[index]!;
    return { item, product, quantity: quantity * item.quantity, subtotal, left: subtotal, discounts: [] };
  });
  // Each discount is shared by what is left, so that none takes more from a part than there is.
  for (const { promotionId, amount } of item.discounts) {
    const shares = split(
      amount,
      drafts.map(({ left }) => left),
    );
    for (const [index, draft] of drafts.entries()) {
      if (shares[index] === 0) continue;
      draft.left -= shares[index]!;
      draft.discounts.push({ promotionId, amount: shares[index]! });
    }
  }
  return drafts;
}

interface Part {
  product: PricedProduct;
  quantity: number;
}

function partsOf(product: PricedProduct, products: PriceBook['products']): Part[] {
  if (product.bundle === undefined) return [{ product, quantity: 1 }];
  return product.bundle.map(({ sku, quantity }) => {
    const part = products.get(sku);
    if (part === undefined) throw new RangeError(`${sku}, a part of ${product.sku}, is not in the catalogue`);
    return { product: part, quantity };
  });
}

/** By what the parts cost alone; by their number where one is not sold alone. */
function weightsOf(parts: readonly Part[], currency: string): readonly number[] {
  const alone = parts.map(({ quantity, product }) => (product.prices[currency] ?? Number.NaN) * quantity);
  return alone.some(Number.isNaN) ? parts.map(({ quantity }) => quantity) : alone;
}

function about({ item, product, quantity, subtotal }: Draft, unit: number) {
  const { sku, name, weightGrams, backorder, taxCode, returnClass } = product;
  return {
    sku,
    name,
    weightGrams,
    quantity,
    unitPrice: Math.floor(subtotal / quantity) * unit,
    ...(taxCode !== undefined && { taxCode }),
    ...(returnClass !== undefined && { returnClass }),
    ...(item.product.bundle && { bundle: { sku: item.sku, name: item.product.name } }),
    ...(backorder && { backorder }),
  };
}

function classOf({ taxClass }: PricedProduct): string {
  return taxClass ?? standardClass;
}

function ratesOf(taxClass: string, { to, at }: Cart, { rates }: TaxRules, shipping: boolean): AppliedRate[] {
  return ratesFor(rates, { taxClass, to, at, shipping });
}

/** By a class of its own, or as the goods are: each class of goods taxes its share of the shipping. */
function shippingPiecesOf(left: number, drafts: readonly Draft[], cart: Cart, rules: TaxRules): Piece[] {
  if (rules.given !== undefined) return [{ amount: left, rates: [] }];
  const pieceOf = (amount: number, taxClass: string): Piece => ({
    amount,
    rates: ratesOf(taxClass, cart, rules, true),
  });
  if (rules.shippingClass !== undefined) return [pieceOf(left, rules.shippingClass)];
  const classes = new Map<string, number>();
  for (const draft of drafts)
    classes.set(classOf(draft.product), (classes.get(classOf(draft.product)) ?? 0) + draft.left);
  const sorted = [...classes].sort(([a], [b]) => (a < b ? -1 : 1));
  const shares = split(
    left,
    sorted.map(([, amount]) => amount),
  );
  return sorted.map(([taxClass], index) => pieceOf(shares[index]!, taxClass));
}

function inUnits(levied: readonly Levied[] = [], unit: number): Levied[] {
  return levied.map((each) => ({ ...each, amount: Math.round(each.amount / unit) }));
}

function withBase(amount: number, levied: readonly Levied[], inclusive: boolean): TaxPart[] {
  const base = inclusive ? amount - sum(levied, (each) => each.amount) : amount;
  return levied.map((each) => ({ ...each, base }));
}

/** Whoever is exempt pays the net of a price that has the tax in it. */
function settled(
  { subtotal, left, discounts }: Pick<Draft, 'subtotal' | 'left' | 'discounts'>,
  taxes: readonly TaxPart[],
  { inclusive, exempt, unit }: { inclusive: boolean; exempt: boolean; unit: number },
): Priced {
  const levied = sum(taxes, ({ amount }) => amount);
  const net = inclusive ? left - levied : left;
  const tax = exempt ? 0 : levied;
  return {
    subtotal: subtotal * unit,
    discounts: discounts.map(({ promotionId, amount }) => ({ promotionId, amount: amount * unit })),
    net: net * unit,
    taxes: exempt ? [] : taxes.map((part) => ({ ...part, base: part.base * unit, amount: part.amount * unit })),
    tax: tax * unit,
    total: (net + tax) * unit,
  };
}

/** What is levied by one rate as one, in the order of the rates' names. */
function added(parts: readonly TaxPart[]): TaxPart[] {
  const sums = new Map<string, TaxPart>();
  for (const part of parts) {
    const key = rateKey(part);
    const before = sums.get(key);
    if (before === undefined) sums.set(key, { ...part });
    else {
      before.base += part.base;
      before.amount += part.amount;
    }
  }
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part);
}

function unknownCodes({ codes = [] }: Cart, { promotions }: PriceBook): Pricing['refusedCodes'] {
  const known = new Set(promotions.map(({ code }) => code));
  return [...new Set(codes)].filter((code) => !known.has(code)).map((code) => ({ code, why: 'unknown' }));
}

function numberOf({ lineId }: PricedLine): number {
  return Number(lineId.slice('line_'.length));
}

function sum<T>(all: readonly T[], of: (each: T) => number): number {
  return all.reduce((total, each) => total + of(each), 0);
}
