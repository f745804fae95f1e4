/** A quote, and the price of an order, as customers see them. */
import type { z } from 'zod';
import type { Order } from '../../models/order.ts';
import type { PricedLine, PricedShipping } from '../../workflows/domain/pricing.ts';
import type { WhyNot } from '../../workflows/domain/promotions.ts';
import type { TaxPart } from '../../workflows/domain/taxes.ts';
import type { PricedCart } from '../cart.ts';
import type * as schema from '../schemas/quotes.ts';

export function viewQuote({ quote, goods, balance }: PricedCart): z.input<typeof schema.quote> {
  const { pricing, cart, credit, customerId, acceptBackorder } = quote;
  const { lines, shipping, deliveryOptions, orderBy, refusedCodes, total, ...sums } = pricing;
  return {
    id: quote._id,
    expiresAt: quote.expiresAt.toISOString(),
    currency: cart.currency,
    lines: lines.map(viewLine),
    ...(shipping && { shipping: viewShipping(shipping) }),
    deliveryOptions,
    ...(orderBy !== undefined && { orderBy }),
    refusedCodes: refusedCodes.map(({ code, why }) => ({ code, why, detail: reasons[why] })),
    ...sums,
    taxes: viewTaxes(sums.taxes),
    total,
    ...(customerId !== undefined && { storeCredit: { balance, spent: credit } }),
    due: total - credit,
    availability: goods.map(({ sku, requested, there, backorderable, availability, expectedAt }) => ({
      ...{ sku, requested, available: acceptBackorder ? there + backorderable : there, availability },
      ...(expectedAt !== undefined && { expectedAt }),
    })),
  };
}

export function viewSums({ pricing, total }: Order) {
  return { ...pricing, taxes: viewTaxes(pricing.taxes), total };
}

export function viewLine(line: PricedLine): z.input<typeof schema.pricedLine> {
  const { lineId, sku, name, quantity, unitPrice, bundle, returnClass } = line;
  return {
    ...{ lineId, sku, name, quantity, unitPrice, ...(bundle && { bundle }) },
    ...(returnClass !== undefined && { returnClass }),
    ...viewPriced(line),
  };
}

export function viewShipping(shipping: PricedShipping): z.input<typeof schema.pricedShipping> {
  const { method, name, dispatchBy, earliest, promisedBy } = shipping;
  return { method, name, dispatchBy, earliest, promisedBy, ...viewPriced(shipping) };
}

function viewPriced({ subtotal, discounts, net, taxes, tax, total }: PricedLine | PricedShipping) {
  return { subtotal, discounts, net, taxes: viewTaxes(taxes), tax, total };
}

export function viewTaxes(taxes: readonly TaxPart[]) {
  return taxes.map(({ name, ppm, base, amount }) => ({ name, percent: ppm / 10_000, base, amount }));
}

/** Why a code did not apply, for people. */
const reasons: Record<WhyNot, string> = {
  unknown: 'There is no such code',
  not_active: 'The code is switched off',
  not_yet: 'The code is not valid yet',
  over: 'The code has expired',
  used_up: 'The code has been used as often as it may be',
  used_by_customer: 'You have used this code before',
  not_in_currency: 'The code is not for this currency',
  below_minimum_spend: 'The goods cost less than the code asks for',
  not_for_this_cart: 'The code is for other goods, or for more of them',
  excluded_by_another: 'Another promotion applies, and this one not beside it',
  nothing_to_take: 'There is nothing left to take off',
};
