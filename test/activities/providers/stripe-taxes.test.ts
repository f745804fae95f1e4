/** Taxes of an order, asked, recorded and taken back, against the sandbox's Stripe. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { createPayments, type Payments, ProviderError } from '../../../activities/providers/stripe.ts';
import type { TaxPart, TaxQuestion } from '../../../activities/providers/stripe-taxes.ts';
import { type StripeSandbox, startStripeSandbox } from '../../../sandbox/stripe/server.ts';
import { failures } from '../../../workflows/domain/failures.ts';
import { minorDigits } from '../../../workflows/domain/money.ts';

let sandbox: StripeSandbox;
let payments: Payments;

beforeAll(async () => {
  sandbox = await startStripeSandbox({});
  payments = createPayments({ secretKey: 'sk_test_waybill', apiBase: sandbox.url });
});
afterAll(() => sandbox.stop());
beforeEach(() => control('DELETE', 'faults'));

// biome-ignore lint/suspicious/noExplicitAny: each test looks into the answer it expects
async function control(method: string, path: string, body?: object): Promise<any> {
  const response = await fetch(`${sandbox.url}/_sandbox/${path}`, { method, body: body && JSON.stringify(body) });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
const fault = (operation: string, kind: string, times = 1) => control('POST', 'faults', { operation, kind, times });
const failureOf = async (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => Promise.reject(new Error('it was expected to fail')),
    (error) => error,
  );

const berlin = { country: 'DE', postalCode: '10115', city: 'Berlin', line1: 'Chausseestr. 1' };
const newYork = { country: 'US', region: 'NY', postalCode: '10001' };
const question = (changes: Partial<TaxQuestion> = {}): TaxQuestion => ({
  currency: 'EUR',
  inclusive: false,
  exempt: false,
  lines: [{ reference: 'L1', amount: 1000, quantity: 2 }],
  shipping: 0,
  to: berlin,
  ...changes,
});
const calculate = (changes?: Partial<TaxQuestion>) => payments.calculateTaxes(question(changes));
const sumOf = (parts: TaxPart[]) => parts.reduce((sum, { amount }) => sum + amount, 0);
const calculationOf = async (wanted: string) =>
  (await control('GET', 'state')).tax_calculations.find(({ id }: { id: string }) => id === wanted);
const transactionsOf = async (wanted: string) =>
  (await control('GET', 'state')).tax_transactions.filter(
    ({ reference }: { reference: string }) => reference === wanted,
  );

describe('asking', () => {
  test('tells the taxes of each line by its tax code, and of shipping', async () => {
    const lines = [
      { reference: 'L1', amount: 1000, quantity: 2 },
      { reference: 'L2', amount: 1000, quantity: 1, taxCode: 'txcd_40060003' },
    ];
    const answer = await calculate({ lines, shipping: 500 });
    expect(answer).toEqual({
      calculationId: expect.stringMatching(/^taxcalc_/),
      expiresAt: expect.any(Date),
      lines: [
        { reference: 'L1', taxes: [{ name: 'Germany VAT', ppm: 190_000, amount: 190 }] },
        { reference: 'L2', taxes: [{ name: 'Germany VAT', ppm: 70_000, amount: 70 }] },
      ],
      shipping: [{ name: 'Germany VAT', ppm: 190_000, amount: 95 }],
    });
    expect(Math.round((answer.expiresAt.getTime() - Date.now()) / 86_400_000)).toBe(90);
    expect(await calculationOf(answer.calculationId)).toMatchObject({
      currency: 'eur',
      customer_details: { address_source: 'shipping', taxability_override: 'none', address: { line1: berlin.line1 } },
      lines: [{ quantity: 2, tax_code: 'txcd_99999999' }, { tax_code: 'txcd_40060003' }],
    });
  });

  test('tells a part for each authority', async () => {
    const { lines, shipping } = await calculate({ to: newYork, currency: 'USD', shipping: 100 });
    expect(lines[0]!.taxes).toEqual([
      { name: 'New York Sales Tax', ppm: 40_000, amount: 40 },
      { name: 'New York City Sales Tax', ppm: 48_750, amount: 49 },
    ]);
    expect(sumOf(shipping)).toBe(9);
  });

  test('takes amounts that contain the tax as they are', async () => {
    const { lines, calculationId } = await calculate({ inclusive: true, shipping: 500 });
    expect(sumOf(lines[0]!.taxes)).toBe(160);
    expect(await calculationOf(calculationId)).toMatchObject({ amount_total: 1500, tax_amount_inclusive: 240 });
  });

  test.each<[string, Partial<TaxQuestion>]>([
    ['the customer is exempt', { exempt: true }],
    ['nothing is collected', { to: { country: 'JP' } }],
    ['nobody taxes what is sold', { lines: [{ reference: 'L1', amount: 1, quantity: 1, taxCode: 'txcd_00000000' }] }],
  ])('there is no part where %s', async (_, changes) => {
    const { lines, shipping } = await calculate({ shipping: 500, ...changes, to: changes.to ?? newYork });
    expect(lines).toEqual([{ reference: 'L1', taxes: [] }]);
    if (!changes.lines) expect(shipping).toEqual([]);
  });

  test('tells of all lines, also of those beyond a page', async () => {
    const lines = Array.from({ length: 100 }, (_, at) => ({ reference: `L${at}`, amount: 100 * at, quantity: 1 }));
    const answer = await calculate({ lines });
    expect(answer.lines.map(({ reference, taxes }) => [reference, sumOf(taxes)])).toEqual(
      lines.map(({ reference, amount }) => [reference, amount * 0.19]),
    );
  });

  test('the parts of a line add up to its tax, also where our unit is the larger one', async () => {
    const minor = 10 ** minorDigits('ISK');
    const lines = [{ reference: 'L1', amount: 1015 * minor, quantity: 1 }];
    const { lines: answered, calculationId } = await calculate({ currency: 'ISK', to: newYork, lines });
    const [line] = (await calculationOf(calculationId)).lines;
    expect(line).toMatchObject({ amount: 101_500, amount_tax: 4060 + 4948 });
    expect(sumOf(answered[0]!.taxes)).toBe(Math.round((9008 / 100) * minor));
  });

  test.each([{ country: 'US', region: 'NY' }, { country: 'US', postalCode: '1' }, { country: 'Germany' }])(
    'an address that says too little is told apart: %j',
    async (to) => {
      const failure = await failureOf(calculate({ to }));
      expect(failure).toMatchObject({ type: failures.taxRefused, nonRetryable: true });
      expect(failure.message).not.toContain(to.country);
    },
  );

  test('what else Stripe refuses is a mistake of ours, and what fails there may be tried again', async () => {
    const lines = [{ reference: 'L1', amount: 1000, quantity: 1, taxCode: 'food' }];
    const refused = { type: failures.paymentRefused, nonRetryable: true };
    expect(await failureOf(calculate({ lines }))).toMatchObject(refused);
    await fault('tax.calculations.create', 'fail_before', 2);
    expect(await failureOf(calculate())).toBeInstanceOf(ProviderError);
    expect((await calculate()).lines).toHaveLength(1);
  });
});

describe('recording', () => {
  test('makes one record, though replies get lost', async () => {
    const { calculationId } = await calculate();
    const record = () => payments.recordTaxes({ calculationId, reference: 'ord_lost', key: 'ord_lost:tax' });
    // stripe-node itself repeats a request whose connection broke, here once: each strikes twice.
    await fault('tax.transactions.create_from_calculation', 'lose_reply', 2);
    expect(await failureOf(record())).not.toBeInstanceOf(ApplicationFailure);
    const id = await record();
    expect(await record()).toBe(id);
    expect(await transactionsOf('ord_lost')).toMatchObject([{ id, type: 'transaction' }]);
  });

  test('a reference that was used with another key is refused for good, as is a calculation that has expired', async () => {
    const { calculationId } = await calculate();
    const record = (reference: string, key: string) => payments.recordTaxes({ calculationId, reference, key });
    await record('ord_used', 'ord_used:1');
    const refused = { type: failures.paymentRefused, nonRetryable: true };
    expect(await failureOf(record('ord_used', 'ord_used:2'))).toMatchObject(refused);
    await control('POST', `tax_calculations/${calculationId}/expire`);
    expect(await failureOf(record('ord_late', 'ord_late:1'))).toMatchObject(refused);
  });
});

describe('taking back', () => {
  const recorded = async (reference: string, changes?: Partial<TaxQuestion>) => {
    const { calculationId } = await calculate(changes);
    return payments.recordTaxes({ calculationId, reference, key: `${reference}:tax` });
  };

  test('is recorded once for each refund, tax included, and never beyond what was recorded', async () => {
    const transactionId = await recorded('ord_back'); // 1190 with its tax
    const reverse = (reference: string, amount: number) =>
      payments.reverseTaxes({ transactionId, reference, amount, currency: 'EUR', key: `${reference}:tax` });
    await fault('tax.transactions.create_reversal', 'lose_reply', 2);
    await failureOf(reverse('ref_1', 595));
    const id = await reverse('ref_1', 595);
    expect(await transactionsOf('ref_1')).toMatchObject([
      {
        id,
        type: 'reversal',
        reversal: { original_transaction: transactionId },
        lines: [{ amount: -500, amount_tax: -95 }],
      },
    ]);
    const refused = { type: failures.paymentRefused, nonRetryable: true };
    expect(await failureOf(reverse('ref_2', 596))).toMatchObject(refused);
    await reverse('ref_3', 595);
    expect(await failureOf(reverse('ref_4', 1))).toMatchObject(refused);
  });

  test('is in Stripe’s units', async () => {
    const minor = 10 ** minorDigits('ISK');
    const lines = [{ reference: 'L1', amount: 1000 * minor, quantity: 1 }];
    const transactionId = await recorded('ord_isk', { currency: 'ISK', lines });
    const request = { transactionId, reference: 'ref_isk', amount: 1190 * minor, currency: 'ISK', key: 'ref_isk:tax' };
    await payments.reverseTaxes(request);
    expect(await transactionsOf('ref_isk')).toMatchObject([{ lines: [{ amount: -100_000, amount_tax: -19_000 }] }]);
  });
});
