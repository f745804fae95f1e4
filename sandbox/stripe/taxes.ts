import type { Stripe } from 'stripe';
import { split } from '../../workflows/domain/money.ts';
import { checkCurrency } from './amounts.ts';
import { invalidRequest, noSuch } from './errors.ts';
import { type Page, type Paging, page } from './lists.ts';
import { integer, list, object, oneOf, type Params, required, text } from './params.ts';
import { newId, type Store, type TaxCalculation } from './store.ts';
import { type Authority, authoritiesOf, GOODS, isFood, NONTAXABLE, SHIPPING } from './tax-rates.ts';

const EXPIRES_SECONDS = 90 * 86_400;
const MOST_LINES = 100;

const behavior = oneOf('exclusive', 'inclusive');
const address = object({
  country: required(text),
  city: text,
  line1: text,
  line2: text,
  postal_code: text,
  state: text,
});
export const calculationSpec = {
  currency: required(text),
  line_items: required(
    list(
      object({
        amount: required(integer({ min: 0 })),
        quantity: integer({ min: 1 }),
        reference: text,
        tax_behavior: behavior,
        tax_code: text,
      }),
    ),
  ),
  customer_details: required(
    object({
      address,
      address_source: oneOf('billing', 'shipping'),
      taxability_override: oneOf('customer_exempt', 'none'),
    }),
  ),
  shipping_cost: object({ amount: required(integer({ min: 0 })), tax_behavior: behavior, tax_code: text }),
};
type Given = Params<typeof calculationSpec>;
type Line = Stripe.Tax.CalculationLineItem;
type Breakdown = Stripe.Tax.CalculationLineItem.TaxBreakdown;

export function createCalculation(store: Store, given: Given): TaxCalculation {
  const currency = checkCurrency(given.currency);
  const where = checkAddress(given.customer_details.address);
  const taxability_override = given.customer_details.taxability_override ?? 'none';
  const about = { authorities: authoritiesOf(where), country: where.country, exempt: taxability_override !== 'none' };
  const lines = linesOf(given.line_items, about);
  const shipping = given.shipping_cost;
  const shippingCost = shipping && {
    amount: shipping.amount,
    ...taxed(shipping.amount, shipping.tax_behavior, shipping.tax_code ?? SHIPPING, about),
  };
  const all = [...lines, ...(shippingCost ? [shippingCost] : [])];
  const sum = (behaves: string) =>
    all.filter(({ tax_behavior }) => tax_behavior === behaves).reduce((total, { amount_tax }) => total + amount_tax, 0);
  const exclusive = sum('exclusive');
  const id = newId('taxcalc');
  return store.taxCalculations.put(id, {
    id,
    object: 'tax.calculation',
    amount_total: all.reduce((total, { amount }) => total + amount, exclusive),
    currency,
    customer: null,
    customer_details: {
      address: {
        city: where.city ?? null,
        country: where.country,
        line1: where.line1 ?? null,
        line2: where.line2 ?? null,
        postal_code: where.postal_code ?? null,
        state: where.state ?? null,
      },
      address_source: given.customer_details.address_source ?? null,
      ip_address: null,
      tax_ids: [],
      taxability_override,
    },
    expires_at: store.now() + EXPIRES_SECONDS,
    livemode: false,
    ship_from_details: null,
    shipping_cost: shippingCost ?? null,
    tax_amount_exclusive: exclusive,
    tax_amount_inclusive: sum('inclusive'),
    tax_breakdown: summed(all),
    tax_date: store.now(),
    lines,
  });
}

/** As it is answered: some fields are there only for who asked to have them expanded. */
export function showCalculation({ lines, ...calculation }: TaxCalculation, expand: string[] = []): object {
  const { shipping_cost } = calculation;
  const { tax_breakdown: _, ...shippingCost } = shipping_cost ?? {};
  const url = lineItemsUrl(calculation.id);
  // Newest first is for things that were made one after the other.
  const first = page([...lines].reverse(), url, {});
  const withLines = expand.some((path) => path.startsWith('line_items'));
  return {
    ...calculation,
    shipping_cost: shipping_cost && (expand.includes('shipping_cost.tax_breakdown') ? shipping_cost : shippingCost),
    ...(withLines && { line_items: showLines(first, expand.includes('line_items.data.tax_breakdown')) }),
  };
}

export function listLineItems(
  { id, lines }: TaxCalculation,
  { expand = [], ...paging }: Paging & { expand?: string[] },
): object {
  return showLines(page([...lines].reverse(), lineItemsUrl(id), paging), expand.includes('data.tax_breakdown'));
}

export function calculationOf(store: Store, id: string, param?: string): TaxCalculation {
  const found = store.taxCalculations.get(id);
  if (!found) throw noSuch('tax calculation', id, param);
  return found;
}

/** As if its 90 days were over. */
export function expireCalculation(store: Store, calculation: TaxCalculation): TaxCalculation {
  return store.taxCalculations.put(calculation.id, { ...calculation, expires_at: store.now() - 1 });
}

const lineItemsUrl = (id: string): string => `/v1/tax/calculations/${id}/line_items`;

function showLines(lines: Page<Line>, withBreakdown: boolean): object {
  return { ...lines, data: withBreakdown ? lines.data : lines.data.map(({ tax_breakdown: _, ...line }) => line) };
}

interface Place {
  authorities: Authority[];
  country: string;
  exempt: boolean;
}

function linesOf(given: Given['line_items'], place: Place): Line[] {
  if (given.length === 0 || given.length > MOST_LINES) {
    throw invalidRequest(`You must pass between 1 and ${MOST_LINES} line items.`, { param: 'line_items' });
  }
  return given.map(({ amount, quantity = 1, reference, tax_behavior, tax_code = GOODS }, index) => {
    const param = `line_items[${index}]`;
    if (!/^txcd_\d{8}$/.test(tax_code)) throw noSuch('tax code', tax_code, `${param}[tax_code]`);
    if (reference !== undefined && given.findIndex((line) => line.reference === reference) !== index) {
      throw invalidRequest(`The reference ${reference} must be unique across the line items.`, {
        param: `${param}[reference]`,
      });
    }
    return {
      id: newId('tax_li'),
      object: 'tax.calculation_line_item',
      amount,
      livemode: false,
      metadata: {},
      performance_location: null,
      product: null,
      quantity,
      reference: reference ?? `L${index + 1}`,
      ...taxed(amount, tax_behavior, tax_code, place),
    };
  });
}

function taxed(amount: number, tax_behavior: 'exclusive' | 'inclusive' = 'exclusive', tax_code: string, place: Place) {
  const percents = place.authorities.map((authority) => percentOf(authority, tax_code, place));
  // Parts per million, so that all that follows is in whole numbers.
  const rates = percents.map((percent) => Math.round((percent ?? 0) * 10_000));
  const rate = rates.reduce((sum, each) => sum + each, 0);
  const inclusive = tax_behavior === 'inclusive';
  const taxes = inclusive
    ? split(Math.round((amount * rate) / (1_000_000 + rate)), rates)
    : rates.map((each) => Math.round((amount * each) / 1_000_000));
  const amount_tax = taxes.reduce((sum, each) => sum + each, 0);
  const taxable = inclusive ? amount - amount_tax : amount;
  const tax_breakdown = place.authorities.map(({ jurisdiction, tax, goods }, index): Breakdown => {
    const percent = percents[index] ?? null;
    return {
      amount: taxes[index]!,
      jurisdiction,
      sourcing: 'destination',
      tax_rate_details: percent === null ? null : { ...tax, percentage_decimal: String(percent) },
      taxability_reason: reasonOf(percent, goods, place.exempt),
      taxable_amount: percent === null ? 0 : taxable,
    };
  });
  return {
    amount_tax,
    tax_behavior,
    tax_breakdown: tax_breakdown.length > 0 ? tax_breakdown : [notCollecting(place.country)],
    tax_code,
  };
}

function percentOf({ goods, food, shipping }: Authority, taxCode: string, { exempt }: Place): number | null {
  if (exempt || taxCode === NONTAXABLE) return null;
  if (taxCode === SHIPPING) return shipping;
  return isFood(taxCode) ? food : goods;
}

function reasonOf(percent: number | null, standard: number, exempt: boolean): Breakdown['taxability_reason'] {
  if (percent === null) return exempt ? 'customer_exempt' : 'product_exempt';
  if (percent === 0) return 'zero_rated';
  return percent === standard ? 'standard_rated' : 'reduced_rated';
}

const notCollecting = (country: string): Breakdown => ({
  amount: 0,
  jurisdiction: { country, display_name: country, level: 'country', state: null },
  sourcing: 'destination',
  tax_rate_details: null,
  taxability_reason: 'not_collecting',
  taxable_amount: 0,
});

/** The taxes of the whole, by rate. */
function summed(all: Pick<Line, 'tax_behavior' | 'tax_breakdown'>[]): Stripe.Tax.Calculation.TaxBreakdown[] {
  const sums = new Map<string, Stripe.Tax.Calculation.TaxBreakdown>();
  for (const { tax_behavior, tax_breakdown } of all) {
    for (const { amount, jurisdiction, tax_rate_details: rate, taxability_reason, taxable_amount } of tax_breakdown ??
      []) {
      const inclusive = tax_behavior === 'inclusive';
      const key = JSON.stringify([jurisdiction, rate, taxability_reason, inclusive]);
      const before = sums.get(key);
      sums.set(key, {
        amount: (before?.amount ?? 0) + amount,
        inclusive,
        tax_rate_details: {
          country: jurisdiction.country,
          flat_amount: null,
          percentage_decimal: rate?.percentage_decimal ?? '0.0',
          rate_type: rate && 'percentage',
          state: jurisdiction.state,
          tax_type: rate?.tax_type ?? null,
        },
        taxability_reason,
        taxable_amount: (before?.taxable_amount ?? 0) + taxable_amount,
      });
    }
  }
  return [...sums.values()];
}

type Address = NonNullable<Given['customer_details']['address']>;

/** Stripe needs to know the place: in the US by the postal code, in Canada by that or the province. */
function checkAddress(given: Address | undefined): Address {
  if (given && !/^[A-Z]{2}$/.test(given.country)) {
    throw invalidRequest(
      `Country '${given.country}' is unknown. Try using a 2-character alphanumeric country code instead, such as 'US', 'EG', or 'GB'.`,
      { param: 'customer_details[address][country]' },
    );
  }
  const postalCode = given?.postal_code ?? '';
  const known =
    given?.country === 'US'
      ? /^\d{5}(-\d{4})?$/.test(postalCode)
      : given?.country !== 'CA' || postalCode || given.state;
  if (given && known) return given;
  throw invalidRequest("We could not determine the customer's tax location based on the provided customer address.", {
    code: 'customer_tax_location_invalid',
    param: 'customer_details[address]',
  });
}
