/** What an order costs. A client's unit price is never used: prices come from the catalogue. */
import { split } from './money.ts';
import type { BackorderRule } from './stock.ts';

export interface PricedProduct {
  sku: string;
  name: string;
  weightGrams: number;
  /** Minor units per currency. A product without a price in a currency is not sold in it. */
  prices: Readonly<Record<string, number>>;
  /** It is sold as these, which have stock of their own. */
  bundle?: readonly { sku: string; quantity: number }[] | undefined;
  backorder?: BackorderRule | undefined;
}

export interface PricedLine {
  lineId: string;
  sku: string;
  name: string;
  weightGrams: number;
  quantity: number;
  /** Of a part of a bundle: its share of the bundle's price, rounded down. `total` is exact. */
  unitPrice: number;
  total: number;
  /** The bundle that it was sold in. */
  bundle?: { sku: string; name: string };
  /** What is not there may be waited for. */
  backorder?: BackorderRule;
}

/** The largest amount that Stripe takes in one charge is eight digits: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts */
export const maxAmount = 99_999_999;

/** A bundle becomes a line for each of its parts, with a share of its price, so that each can be sent and returned by itself. */
export function price(
  items: readonly { sku: string; quantity: number }[],
  products: ReadonlyMap<string, PricedProduct>,
  currency: string,
): { lines: PricedLine[]; total: number } {
  const lines = items
    .flatMap((item) => linesOf(item, products, currency))
    .map((line, index) => ({ lineId: `line_${index + 1}`, ...line }));
  return { lines, total: lines.reduce((sum, line) => sum + line.total, 0) };
}

function linesOf(
  { sku, quantity }: { sku: string; quantity: number },
  products: ReadonlyMap<string, PricedProduct>,
  currency: string,
): Omit<PricedLine, 'lineId'>[] {
  const product = products.get(sku);
  const unitPrice = product?.prices[currency];
  if (product === undefined || unitPrice === undefined) throw new RangeError(`${sku} is not sold in ${currency}`);
  const total = unitPrice * quantity;
  if (product.bundle === undefined) return [{ ...common(product), quantity, unitPrice, total }];

  const parts = product.bundle.map((part) => {
    const known = products.get(part.sku);
    if (known === undefined) throw new RangeError(`${part.sku}, a part of ${sku}, is not in the catalogue`);
    return { ...part, product: known };
  });
  const shares = split(total, weightsOf(parts, currency));
  return parts.map((part, index) => ({
    ...common(part.product),
    quantity: part.quantity * quantity,
    unitPrice: Math.floor(shares[index]! / (part.quantity * quantity)),
    total: shares[index]!,
    bundle: { sku, name: product.name },
  }));
}

/** By what the parts cost alone; by their number where one is not sold alone. */
function weightsOf(
  parts: readonly { quantity: number; product: PricedProduct }[],
  currency: string,
): readonly number[] {
  const alone = parts.map(({ quantity, product }) => (product.prices[currency] ?? Number.NaN) * quantity);
  return alone.some(Number.isNaN) ? parts.map(({ quantity }) => quantity) : alone;
}

function common({ sku, name, weightGrams, backorder }: PricedProduct) {
  return { sku, name, weightGrams, ...(backorder && { backorder }) };
}
