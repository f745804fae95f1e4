/** What an order costs. A client's unit price is never used: prices come from the catalogue. */

export interface PricedProduct {
  sku: string;
  name: string;
  weightGrams: number;
  /** Minor units per currency. A product without a price in a currency is not sold in it. */
  prices: Readonly<Record<string, number>>;
}

export interface PricedLine {
  lineId: string;
  sku: string;
  name: string;
  weightGrams: number;
  quantity: number;
  unitPrice: number;
  total: number;
}

/** The largest amount that Stripe takes in one charge is eight digits: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts */
export const maxAmount = 99_999_999;

export function price(
  items: readonly { sku: string; quantity: number }[],
  products: ReadonlyMap<string, PricedProduct>,
  currency: string,
): { lines: PricedLine[]; total: number } {
  const lines = items.map((item, index) => {
    const product = products.get(item.sku);
    const unitPrice = product?.prices[currency];
    if (product === undefined || unitPrice === undefined)
      throw new RangeError(`${item.sku} is not sold in ${currency}`);
    return {
      lineId: `line_${index + 1}`,
      sku: item.sku,
      name: product.name,
      weightGrams: product.weightGrams,
      quantity: item.quantity,
      unitPrice,
      total: unitPrice * item.quantity,
    };
  });
  return { lines, total: lines.reduce((sum, line) => sum + line.total, 0) };
}
