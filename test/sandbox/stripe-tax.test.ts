/** Stripe Tax: calculations, the transactions made from them, and their reversals. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Stripe } from 'stripe';
import { type StripeSandbox, startStripeSandbox } from '../../sandbox/stripe/server.ts';

let sandbox: StripeSandbox;
let stripe: Stripe;

beforeAll(async () => {
  sandbox = await startStripeSandbox({});
  stripe = new Stripe('sk_test_waybill', {
    host: '127.0.0.1',
    port: sandbox.port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
  });
});
afterAll(() => sandbox.stop());

// biome-ignore lint/suspicious/noExplicitAny: each test looks into the answer it expects
async function control(method: string, path: string, body?: object): Promise<any> {
  return (await fetch(`${sandbox.url}/_sandbox/${path}`, { method, body: body && JSON.stringify(body) })).json();
}

/** What the API refused, as stripe-node throws it. */
async function refusal(promise: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  return promise.then(
    () => Promise.reject(new Error('was not refused')),
    (error: Stripe.errors.StripeError) => error,
  );
}

const food = 'txcd_40060003';
const berlin = { country: 'DE', postal_code: '10115', city: 'Berlin', line1: 'Chausseestr. 1' };
const newYork = { country: 'US', state: 'NY', postal_code: '10001' };
type Params = Stripe.Tax.CalculationCreateParams;
const calculate = (address: Stripe.Tax.CalculationCreateParams.CustomerDetails.Address, more: Partial<Params> = {}) =>
  stripe.tax.calculations.create({
    currency: 'eur',
    line_items: [{ amount: 1000, reference: 'L1' }],
    customer_details: { address, address_source: 'shipping' },
    expand: ['line_items.data.tax_breakdown', 'shipping_cost.tax_breakdown'],
    ...more,
  });
const taxesOf = ({ line_items, shipping_cost }: Stripe.Tax.Calculation) => ({
  lines: line_items!.data.map(({ amount_tax }) => amount_tax),
  shipping: shipping_cost?.amount_tax,
});

let references = 0;
const newReference = () => `ref_${++references}`;
const record = (calculation: Stripe.Tax.Calculation, reference = newReference()) =>
  stripe.tax.transactions.createFromCalculation({ calculation: calculation.id!, reference, expand: ['line_items'] });
const reverse = (original_transaction: string, flat_amount: number, reference = newReference()) =>
  stripe.tax.transactions.createReversal({
    mode: 'partial',
    original_transaction,
    reference,
    flat_amount,
    expand: ['line_items'],
  });

describe('a calculation', () => {
  test('adds the tax of each line by its tax code, and that of shipping', async () => {
    const calculation = await calculate(berlin, {
      line_items: [
        { amount: 1000, quantity: 2, reference: 'L1' },
        { amount: 1000, reference: 'L2', tax_code: food },
      ],
      shipping_cost: { amount: 500 },
    });
    expect(calculation).toMatchObject({
      object: 'tax.calculation',
      currency: 'eur',
      amount_total: 2500 + 190 + 70 + 95,
      tax_amount_exclusive: 355,
      tax_amount_inclusive: 0,
      customer_details: { address: { ...berlin, state: null }, taxability_override: 'none' },
      line_items: { object: 'list', has_more: false, url: `/v1/tax/calculations/${calculation.id}/line_items` },
      shipping_cost: { amount: 500, amount_tax: 95, tax_behavior: 'exclusive' },
    });
    expect(calculation.expires_at! - calculation.tax_date).toBe(90 * 86_400);
    const [goods, reduced] = calculation.line_items!.data;
    expect(goods).toMatchObject({ amount: 1000, amount_tax: 190, quantity: 2, reference: 'L1' });
    expect(goods!.tax_breakdown).toEqual([
      {
        amount: 190,
        jurisdiction: { country: 'DE', display_name: 'Germany', level: 'country', state: null },
        sourcing: 'destination',
        tax_rate_details: { display_name: 'VAT', percentage_decimal: '19', tax_type: 'vat' },
        taxability_reason: 'standard_rated',
        taxable_amount: 1000,
      },
    ]);
    expect(reduced!.tax_breakdown).toMatchObject([{ amount: 70, taxability_reason: 'reduced_rated' }]);
    expect(calculation.tax_breakdown).toMatchObject([
      { amount: 285, taxable_amount: 1500, inclusive: false, tax_rate_details: { country: 'DE', tax_type: 'vat' } },
      { amount: 70, taxable_amount: 1000 },
    ]);
  });

  test('takes an inclusive tax out of the amount', async () => {
    const line_items = [{ amount: 1190, reference: 'L1', tax_behavior: 'inclusive' as const }];
    const calculation = await calculate(berlin, { line_items });
    expect(calculation).toMatchObject({ amount_total: 1190, tax_amount_exclusive: 0, tax_amount_inclusive: 190 });
    expect(calculation.line_items!.data[0]!.tax_breakdown).toMatchObject([{ amount: 190, taxable_amount: 1000 }]);
  });

  test.each([
    ['France', { country: 'FR' }, 200, 100],
    ['New York, state and city', newYork, 40 + 49, 20 + 24],
    ['New York by its postal code alone', { country: 'US', postal_code: '10001' }, 89, 44],
    ['California, where shipping is not taxed', { country: 'US', state: 'CA', postal_code: '94105' }, 73, 0],
    ['Oregon', { country: 'US', state: 'OR', postal_code: '97201' }, 0, 0],
    ['where nothing is collected', { country: 'JP' }, 0, 0],
  ])('%s', async (_, address, goods, shipping) => {
    const calculation = await calculate(address, { shipping_cost: { amount: 500 } });
    expect(taxesOf(calculation)).toEqual({ lines: [goods], shipping });
  });

  test('has a part for each authority, none of them rated where the customer is exempt', async () => {
    const taxed = await calculate(newYork);
    expect(taxed.line_items!.data[0]!.tax_breakdown).toMatchObject([
      { amount: 40, jurisdiction: { level: 'state', display_name: 'New York', state: 'NY' } },
      { amount: 49, jurisdiction: { level: 'city' }, tax_rate_details: { percentage_decimal: '4.875' } },
    ]);
    const exempt = await calculate(newYork, {
      customer_details: { address: newYork, address_source: 'shipping', taxability_override: 'customer_exempt' },
    });
    const part = { amount: 0, taxable_amount: 0, tax_rate_details: null, taxability_reason: 'customer_exempt' };
    expect(exempt.line_items!.data[0]!.tax_breakdown).toMatchObject([part, part]);
  });

  test('shows lines and parts to who expands them, ten at once, and lists them all in their order', async () => {
    const line_items = Array.from({ length: 25 }, (_, index) => ({ amount: 100 + index, reference: `L${index}` }));
    const bare = await calculate(berlin, { line_items, shipping_cost: { amount: 500 }, expand: [] });
    expect(bare.line_items).toBeUndefined();
    expect(bare.shipping_cost!.tax_breakdown).toBeUndefined();
    const { id, line_items: page } = await calculate(berlin, { line_items, expand: ['line_items'] });
    expect(page).toMatchObject({ has_more: true });
    expect(page!.data.map(({ tax_breakdown }) => tax_breakdown)).toEqual(Array(10).fill(undefined));
    const pages = stripe.tax.calculations.listLineItems(id!, { limit: 10, expand: ['data.tax_breakdown'] });
    const all = await pages.autoPagingToArray({ limit: 100 });
    expect(all.map(({ reference }) => reference)).toEqual(line_items.map(({ reference }) => reference));
    expect(all.at(-1)!.tax_breakdown).toHaveLength(1);
  });

  const line = { amount: 1000, reference: 'L1' };
  test.each<[string, Partial<Params>, string | undefined, string]>([
    ['no postal code in the US', { customer_details: { address: { country: 'US', state: 'NY' } } }, ...location()],
    ['no such postal code', { customer_details: { address: { ...newYork, postal_code: 'SW1A' } } }, ...location()],
    ['neither in Canada', { customer_details: { address: { country: 'CA' } } }, ...location()],
    ['no address', { customer_details: { address_source: 'shipping' } }, ...location()],
    [
      'no such country',
      { customer_details: { address: { country: 'Germany' } } },
      undefined,
      'customer_details[address][country]',
    ],
    ['no lines', { line_items: [] }, 'parameter_missing', 'line_items'],
    ['a reference twice', { line_items: [line, line] }, undefined, 'line_items[1][reference]'],
    ['no tax code', { line_items: [{ ...line, tax_code: 'food' }] }, 'resource_missing', 'line_items[0][tax_code]'],
    ['a fraction', { line_items: [{ amount: 1.5 }] }, 'parameter_invalid_integer', 'line_items[0][amount]'],
    [
      'a field of nobody',
      { line_items: [{ ...line, colour: 1 }] as never },
      'parameter_unknown',
      'line_items[0][colour]',
    ],
    ['a currency of nobody', { currency: 'xx1' }, undefined, 'currency'],
  ])('is refused: %s', async (_, params, code, param) => {
    const error = await refusal(calculate(berlin, params));
    expect(error).toBeInstanceOf(Stripe.errors.StripeInvalidRequestError);
    expect([error.statusCode, error.code, error.param]).toEqual([400, code, param]);
  });
  function location(): [string, string] {
    return ['customer_tax_location_invalid', 'customer_details[address]'];
  }
});

describe('a transaction', () => {
  const lines = [
    { amount: 1000, reference: 'L1' },
    { amount: 2000, reference: 'L2' },
  ];
  const sold = () => calculate(berlin, { line_items: lines, shipping_cost: { amount: 500 } });

  test('is made from a calculation, once for a reference, and read again', async () => {
    const calculation = await sold();
    const made = await record(calculation, 'ord_once');
    expect(made).toMatchObject({
      object: 'tax.transaction',
      type: 'transaction',
      reference: 'ord_once',
      reversal: null,
      line_items: { data: [{ reference: 'L1', amount: 1000, amount_tax: 190, type: 'transaction' }, { amount: 2000 }] },
      shipping_cost: { amount: 500, amount_tax: 95 },
    });
    const { line_items: _, lastResponse: __, ...bare } = made;
    expect(await stripe.tax.transactions.retrieve(made.id)).toEqual(bare);
    expect(await refusal(record(calculation, 'ord_once'))).toMatchObject({ statusCode: 400, param: 'reference' });
    expect(await refusal(reverse(made.id, -1, 'ord_once'))).toMatchObject({ statusCode: 400, param: 'reference' });
    const { tax_calculations, tax_transactions } = await control('GET', 'state');
    expect(tax_calculations).toContainEqual(expect.objectContaining({ id: calculation.id }));
    expect(tax_transactions).toContainEqual(expect.objectContaining({ id: made.id, reference: 'ord_once' }));
  });

  test('is not made from a calculation that is none, or has expired', async () => {
    const calculation = await sold();
    await control('POST', `tax_calculations/${calculation.id}/expire`);
    expect(await refusal(record(calculation))).toMatchObject({ statusCode: 400, param: 'calculation' });
    expect(await refusal(record({ ...calculation, id: 'taxcalc_none' }))).toMatchObject({ code: 'resource_missing' });
    expect(await refusal(stripe.tax.transactions.retrieve('tax_none'))).toMatchObject({ statusCode: 404 });
  });

  test('is reversed by flat amounts, spread over what is left, and never beyond it', async () => {
    const { id } = await record(await sold()); // 3500 and 665 of tax
    const half = await reverse(id, -2083);
    expect(half).toMatchObject({ type: 'reversal', reversal: { original_transaction: id } });
    const sums = ({ line_items, shipping_cost }: Stripe.Tax.Transaction) =>
      [...line_items!.data, shipping_cost!].reduce(
        (sum, part) => ({ amount: sum.amount + part.amount, tax: sum.tax + part.amount_tax }),
        { amount: 0, tax: 0 },
      );
    expect(half.line_items!.data[0]).toMatchObject({ amount: -500, amount_tax: -95, type: 'reversal' });
    expect(sums(half).amount + sums(half).tax).toBe(-2083);
    expect(await refusal(reverse(id, -2083))).toMatchObject({ statusCode: 400, param: 'flat_amount' });
    const rest = await reverse(id, -2082);
    expect(sums(half).tax + sums(rest).tax).toBe(-665);
    expect(await refusal(reverse(id, -1))).toMatchObject({ param: 'flat_amount' });
    expect(await refusal(reverse(half.id, -1))).toMatchObject({ param: 'original_transaction' });
  });

  test('is reversed as a whole, its tax inside the amounts', async () => {
    const line_items = lines.map((line) => ({ ...line, tax_behavior: 'inclusive' as const }));
    const { id } = await record(await calculate(berlin, { line_items }));
    const reverseAll = (reference = newReference()) =>
      stripe.tax.transactions.createReversal({
        mode: 'full',
        original_transaction: id,
        reference,
        expand: ['line_items'],
      });
    const full = await reverseAll();
    expect(full.line_items!.data).toMatchObject([
      { amount: -1000, amount_tax: -160 },
      { amount: -2000, amount_tax: -319 },
    ]);
    expect(await refusal(reverseAll())).toMatchObject({ statusCode: 400 });
  });

  test('a positive amount, and a partial reversal of nothing, are refused', async () => {
    const { id } = await record(await sold());
    expect(await refusal(reverse(id, 100))).toMatchObject({ code: 'parameter_invalid_integer', param: 'flat_amount' });
    const nothing = { mode: 'partial', original_transaction: id, reference: newReference() } as const;
    expect(await refusal(stripe.tax.transactions.createReversal(nothing))).toMatchObject({ param: 'flat_amount' });
  });
});

test('faults strike the operations by their names', async () => {
  for (const operation of ['tax.calculations.create', 'tax.transactions.create_from_calculation']) {
    await control('POST', 'faults', { operation, kind: 'fail_before' });
  }
  expect(await refusal(calculate(berlin))).toMatchObject({ statusCode: 500 });
  const calculation = await calculate(berlin);
  expect(await refusal(record(calculation))).toMatchObject({ statusCode: 500 });
  expect((await record(calculation)).type).toBe('transaction');
});
