/**
 * Taxes, as Stripe Tax has them: calculated for an order, recorded once it is paid, taken back with what is refunded.
 * Stripe finds a record by its own id only, never by our reference. So after a lost reply it is the idempotency key that
 * answers with the same record; once Stripe has forgotten the key, it refuses the reference, for a person to look at.
 */
import { ApplicationFailure } from '@temporalio/common';
import Stripe from 'stripe';
import { failures } from '../../workflows/domain/failures.ts';
import type { Destination } from '../../workflows/domain/taxes.ts';
import { fromStripe, toStripe } from './stripe-amounts.ts';
import { told } from './stripe-failures.ts';

/** Amounts are minor units, of whole lines, after discounts. */
export interface TaxQuestion {
  currency: string;
  /** The amounts contain the tax. */
  inclusive: boolean;
  exempt: boolean;
  lines: { reference: string; amount: number; quantity: number; taxCode?: string | undefined }[];
  /** 0: there is none. */
  shipping: number;
  to: Destination & { line1?: string };
}

/** What one authority takes. */
export interface TaxPart {
  name: string;
  /** Parts per million: 8.875 % is 88_750. */
  ppm: number;
  amount: number;
}

export interface TaxAnswer {
  calculationId: string;
  /** Until then it can be recorded. */
  expiresAt: Date;
  lines: { reference: string; taxes: TaxPart[] }[];
  shipping: TaxPart[];
}

export function createTaxes(stripe: Stripe) {
  const { calculations, transactions } = stripe.tax;
  return {
    /** A calculation binds nobody: one that gets lost is harmless. An address that says too little is `TaxRefused`. */
    async calculateTaxes(question: TaxQuestion): Promise<TaxAnswer> {
      const { currency } = question;
      const calculation = await told(() => locating(() => calculations.create(paramsOf(question))));
      const id = calculation.id!;
      const first = calculation.line_items!;
      const expand = ['data.tax_breakdown'];
      const lines = first.has_more
        ? await told(() => calculations.listLineItems(id, { limit: 100, expand }).autoPagingToArray({ limit: 1_000 }))
        : first.data;
      return {
        calculationId: id,
        expiresAt: new Date(calculation.expires_at! * 1000),
        lines: lines.map((line) => ({ reference: line.reference, taxes: partsOf(line, currency) })),
        shipping: calculation.shipping_cost ? partsOf(calculation.shipping_cost, currency) : [],
      };
    },

    /** `reference`: what is taxed. Answers with the id of the record. */
    async recordTaxes(request: { calculationId: string; reference: string; key: string }): Promise<string> {
      const { calculationId, reference, key } = request;
      const params = { calculation: calculationId, reference };
      return (await told(() => transactions.createFromCalculation(params, { idempotencyKey: key }))).id;
    },

    /** `reference`: what gives it back; `amount` with its tax. Stripe spreads it over what is left of all the lines. */
    async reverseTaxes(request: {
      transactionId: string;
      reference: string;
      amount: number;
      currency: string;
      key: string;
    }): Promise<string> {
      const { transactionId, reference, amount, currency, key } = request;
      const params: Stripe.Tax.TransactionCreateReversalParams = {
        mode: 'partial',
        original_transaction: transactionId,
        reference,
        flat_amount: -toStripe(amount, currency),
      };
      return (await told(() => transactions.createReversal(params, { idempotencyKey: key }))).id;
    },
  };
}

function paramsOf(question: TaxQuestion): Stripe.Tax.CalculationCreateParams {
  const { currency, inclusive, exempt, lines, shipping, to } = question;
  const tax_behavior = inclusive ? 'inclusive' : 'exclusive';
  return {
    currency: currency.toLowerCase(),
    line_items: lines.map(({ reference, amount, quantity, taxCode }) => ({
      reference,
      amount: toStripe(amount, currency),
      quantity,
      tax_behavior,
      tax_code: taxCode,
    })),
    customer_details: {
      address: {
        country: to.country,
        state: to.region,
        postal_code: to.postalCode,
        city: to.city,
        line1: to.line1,
      },
      address_source: 'shipping',
      ...(exempt && { taxability_override: 'customer_exempt' }),
    },
    ...(shipping > 0 && { shipping_cost: { amount: toStripe(shipping, currency), tax_behavior } }),
    expand: ['line_items.data.tax_breakdown', 'shipping_cost.tax_breakdown'],
  };
}

/** What an authority does not tax has no rate, and is no part. */
function partsOf(
  taxed: Pick<Stripe.Tax.CalculationLineItem, 'amount_tax' | 'tax_breakdown'>,
  currency: string,
): TaxPart[] {
  const parts = (taxed.tax_breakdown ?? []).flatMap(({ amount, jurisdiction, tax_rate_details: rate }) => {
    if (!rate) return [];
    return {
      name: `${jurisdiction.display_name} ${rate.display_name}`,
      ppm: Math.round(Number(rate.percentage_decimal) * 10_000),
      amount: fromStripe(amount, currency),
    };
  });
  const last = parts.at(-1);
  // Parts are rounded one by one: the last takes the rest.
  if (last) last.amount += fromStripe(taxed.amount_tax, currency) - parts.reduce((sum, part) => sum + part.amount, 0);
  return parts;
}

/** Tells an address that Stripe cannot place apart: others than we can mend that. */
async function locating<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeInvalidRequestError) || !isAboutAddress(error)) throw error;
    const { code, requestId } = error;
    const message = 'Stripe cannot tell the taxes of this address';
    throw ApplicationFailure.nonRetryable(message, failures.taxRefused, { code, requestId });
  }
}

function isAboutAddress({ code, param }: InstanceType<typeof Stripe.errors.StripeInvalidRequestError>): boolean {
  return code === 'customer_tax_location_invalid' || param?.startsWith('customer_details[address]') === true;
}
