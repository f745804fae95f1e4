import type { Stripe } from 'stripe';
import { split } from '../../workflows/domain/money.ts';
import { money } from './amounts.ts';
import { invalidRequest, noSuch } from './errors.ts';
import { newId, type Store, type TaxTransaction } from './store.ts';
import { calculationOf } from './taxes.ts';

const MOST_REVERSALS = 30;

export function createFromCalculation(
  store: Store,
  given: { calculation: string; reference: string; metadata?: Record<string, string> },
): TaxTransaction {
  const calculation = calculationOf(store, given.calculation, 'calculation');
  if (calculation.expires_at! < store.now()) {
    throw invalidRequest(`Calculation '${calculation.id}' has expired.`, { param: 'calculation' });
  }
  refuseUsedReference(store, given.reference);
  const { currency, customer_details, shipping_cost, tax_date, lines } = calculation;
  const { tax_breakdown: _, ...shippingCost } = shipping_cost ?? {};
  return put(store, {
    ...blank(store, given),
    currency,
    customer_details,
    reversal: null,
    shipping_cost: shipping_cost && (shippingCost as Stripe.Tax.Transaction.ShippingCost),
    tax_date,
    type: 'transaction',
    lines: lines.map(({ amount, amount_tax, product, quantity, reference, tax_behavior, tax_code }) => ({
      id: newId('tax_li'),
      object: 'tax.transaction_line_item',
      amount,
      amount_tax,
      livemode: false,
      metadata: {},
      product,
      quantity,
      reference,
      reversal: null,
      tax_behavior,
      tax_code,
      type: 'transaction',
    })),
  });
}

export function createReversal(
  store: Store,
  given: {
    mode: 'full' | 'partial';
    original_transaction: string;
    reference: string;
    flat_amount?: number;
    metadata?: Record<string, string>;
  },
): TaxTransaction {
  const original = transactionOf(store, given.original_transaction, 'original_transaction');
  if (original.type === 'reversal') {
    throw invalidRequest('The sandbox does not reverse reversals.', { param: 'original_transaction' });
  }
  refuseUsedReference(store, given.reference);
  const earlier = [...store.taxTransactions.values()].filter(
    ({ reversal }) => reversal?.original_transaction === original.id,
  );
  if (earlier.length >= MOST_REVERSALS) {
    throw invalidRequest(`A transaction has at most ${MOST_REVERSALS} reversals.`, { param: 'original_transaction' });
  }
  const left = leftOf(original, earlier);
  const total = left.reduce((sum, each) => sum + each.amount + each.onTop, 0);
  const back = amountOf(given, totalOf(original));
  if (back > total) {
    throw invalidRequest(
      `The amount to reverse (${money(back, original.currency)}) is greater than what is left of the transaction (${money(total, original.currency)}).`,
      { param: 'flat_amount' },
    );
  }
  const shares = split(
    back,
    left.map(({ amount, onTop }) => amount + onTop),
  ).map((share, index) => shareOf(share, left[index]!));
  const { shipping_cost } = original;
  return put(store, {
    ...blank(store, given),
    currency: original.currency,
    customer_details: original.customer_details,
    reversal: { original_transaction: original.id },
    shipping_cost: shipping_cost && { ...shipping_cost, ...shares.at(-1)! },
    tax_date: original.tax_date,
    type: 'reversal',
    lines: original.lines.map((line, index) => ({
      ...line,
      ...shares[index]!,
      id: newId('tax_li'),
      reversal: { original_line_item: line.id },
      type: 'reversal',
    })),
  });
}

export function transactionOf(store: Store, id: string, param?: string): TaxTransaction {
  const found = store.taxTransactions.get(id);
  if (!found) throw noSuch('tax transaction', id, param);
  return found;
}

/** As it is answered: the lines are there only for who asked to have them expanded. */
export function showTransaction({ lines, ...transaction }: TaxTransaction, expand: string[] = []): object {
  if (!expand.includes('line_items')) return transaction;
  const url = `/v1/tax/transactions/${transaction.id}/line_items`;
  return { ...transaction, line_items: { object: 'list', data: lines, has_more: false, url } };
}

/** References are unique across all transactions, reversals among them, and nothing can be found by one. */
function refuseUsedReference(store: Store, reference: string): void {
  if ([...store.taxTransactions.values()].some((each) => each.reference === reference)) {
    throw invalidRequest(`A tax transaction with the reference '${reference}' already exists.`, {
      code: 'resource_already_exists',
      param: 'reference',
    });
  }
}

function amountOf(given: { mode: string; flat_amount?: number }, total: number): number {
  if (given.mode === 'full') return total;
  if (given.flat_amount !== undefined) return -given.flat_amount;
  throw invalidRequest('The sandbox reverses partially by flat_amount only.', {
    code: 'parameter_missing',
    param: 'flat_amount',
  });
}

type Taxed = { amount: number; amount_tax: number; tax_behavior: string };

/** The lines, and the shipping cost as the last. */
const partsOf = ({ lines, shipping_cost }: TaxTransaction): Taxed[] => [
  ...lines,
  ...(shipping_cost ? [shipping_cost] : []),
];

const onTop = ({ amount_tax, tax_behavior }: Taxed): number => (tax_behavior === 'inclusive' ? 0 : amount_tax);

const totalOf = (transaction: TaxTransaction): number =>
  partsOf(transaction).reduce((sum, part) => sum + part.amount + onTop(part), 0);

/** What is left of each part; `onTop` is what its tax adds to the amount. Reversals are negative. */
function leftOf(original: TaxTransaction, reversals: TaxTransaction[]) {
  return partsOf(original).map((part, index) =>
    reversals
      .map((reversal) => partsOf(reversal)[index]!)
      .reduce(
        (left, back) => ({
          amount: left.amount + back.amount,
          amount_tax: left.amount_tax + back.amount_tax,
          onTop: left.onTop + onTop(back),
        }),
        { amount: part.amount, amount_tax: part.amount_tax, onTop: onTop(part) },
      ),
  );
}

/** The tax goes back in the proportion in which it is left. */
function shareOf(
  share: number,
  left: { amount: number; amount_tax: number; onTop: number },
): { amount: number; amount_tax: number } {
  const total = left.amount + left.onTop;
  const tax = total === 0 ? 0 : Math.round((share * left.amount_tax) / total);
  return { amount: -(left.onTop > 0 ? share - tax : share), amount_tax: -tax };
}

const blank = (
  store: Store,
  { reference, metadata = {} }: { reference: string; metadata?: Record<string, string> },
) => ({
  id: newId('tax'),
  object: 'tax.transaction' as const,
  created: store.now(),
  customer: null,
  livemode: false,
  metadata,
  posted_at: store.now(),
  reference,
  ship_from_details: null,
});

const put = (store: Store, transaction: TaxTransaction): TaxTransaction =>
  store.taxTransactions.put(transaction.id, transaction);
