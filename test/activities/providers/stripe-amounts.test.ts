/** Amounts in currencies that Stripe counts in a unit of its own, against the sandbox's Stripe. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import Stripe from 'stripe';
import { createPayments, type Payments } from '../../../activities/providers/stripe.ts';
import { fromStripe, toStripe } from '../../../activities/providers/stripe-amounts.ts';
import { parseStripeWebhook } from '../../../activities/providers/stripe-events.ts';
import { type StripeSandbox, startStripeSandbox } from '../../../sandbox/stripe/server.ts';
import { failures } from '../../../workflows/domain/failures.ts';
import { minorDigits } from '../../../workflows/domain/money.ts';

const minor = (amount: number, currency: string) => amount * 10 ** minorDigits(currency);

test.each([
  ['EUR', 500],
  ['JPY', 5],
  ['ISK', 500],
  ['UGX', 500],
  ['HUF', 500],
  ['COP', 500],
  ['MGA', 5],
  ['KWD', 5000],
])('five %s are %i to Stripe', (currency, sent) => {
  expect(toStripe(minor(5, currency), currency)).toBe(sent);
  expect(fromStripe(sent, currency)).toBe(minor(5, currency));
  expect(fromStripe(sent, currency.toLowerCase())).toBe(minor(5, currency));
});

test('what Stripe cannot count is refused for good; what it counts finer is rounded', () => {
  expect(() => toStripe(1234, 'LYD')).toThrow(expect.objectContaining({ type: failures.paymentRefused }));
  expect(toStripe(1230, 'LYD')).toBe(123);
  expect(fromStripe(12_149, 'ISK')).toBe(121);
});

describe('a payment', () => {
  let sandbox: StripeSandbox;
  let payments: Payments;
  beforeAll(async () => {
    sandbox = await startStripeSandbox({});
    payments = createPayments({
      secretKey: 'sk_test_waybill',
      apiBase: sandbox.url,
      publicUrl: 'https://shop.example',
    });
  });
  afterAll(() => sandbox.stop());

  // biome-ignore lint/suspicious/noExplicitAny: each test looks into the answer it expects
  async function stateOf(list: string, id: string): Promise<any> {
    const state = (await (await fetch(`${sandbox.url}/_sandbox/state`)).json()) as Record<string, { id: string }[]>;
    return state[list]!.find((one) => one.id === id);
  }
  async function authorized(currency: string, amount: number) {
    const orderId = `ord_${currency}_${amount}`;
    const { id } = await payments.createIntent({ orderId, amount, currency, key: `${orderId}:intent` });
    return payments.confirmIntent(id, { orderId, method: 'pm_card_visa', key: `${orderId}:confirm` });
  }

  test.each([
    ['ISK', 100],
    ['JPY', 1],
    ['KWD', 1000],
  ])('in %s goes out and comes back in our units', async (currency, perUnit) => {
    const whole = minor(4200, currency);
    const part = minor(1200, currency);
    const intent = await authorized(currency, whole);
    expect(intent).toMatchObject({ status: 'authorized', authorized: whole, captured: 0 });
    const captured = await payments.captureIntent(intent.id, { amount: whole, currency, key: `${currency}:capture` });
    expect(captured).toMatchObject({ status: 'captured', authorized: whole, captured: whole });
    expect(await stateOf('payment_intents', intent.id)).toMatchObject({ amount_received: 4200 * perUnit });

    const request = { intentId: intent.id, refundId: `ref_${currency}`, attempt: 0, amount: part, currency };
    const refund = await payments.createRefund({ ...request, key: `${currency}:refund` });
    expect(refund.amount).toBe(part);
    expect(await stateOf('refunds', refund.id)).toMatchObject({ amount: 1200 * perUnit });
    expect(await payments.findRefund(intent.id, request.refundId, 0)).toEqual(refund);
    expect(await payments.intentForAudit(intent.id)).toMatchObject({ captured: whole, refunded: part });
    const audited = await payments.intentsSince(new Date(Date.now() - 60_000));
    expect(audited.find(({ id }) => id === intent.id)).toMatchObject({ captured: whole, refunded: part });
  });

  test('of fils that the card networks cannot move is refused, captured and refunded as well', async () => {
    const currency = 'KWD';
    const refused = (param: string) => ({
      type: failures.paymentRefused,
      nonRetryable: true,
      message: expect.stringContaining(`(${param})`),
    });
    await expect(authorized(currency, 4203)).rejects.toMatchObject(refused('amount'));
    const { id: intentId } = await authorized(currency, 4200);
    const capture = (amount: number) =>
      payments.captureIntent(intentId, { amount, currency, key: `${intentId}:${amount}` });
    await expect(capture(4199)).rejects.toMatchObject(refused('amount_to_capture'));
    await capture(4200);
    const refund = { intentId, refundId: 'ref_fils', attempt: 0, amount: 1, currency, key: `${intentId}:refund` };
    await expect(payments.createRefund(refund)).rejects.toMatchObject(refused('amount'));
  });
});

describe('an event', () => {
  function parsed(object: object) {
    const payload = JSON.stringify({ id: 'evt_1', object: 'event', type: 'refund.created', data: { object } });
    const signature = Stripe.webhooks.generateTestHeaderString({ payload, secret: 'whsec_test' });
    return parseStripeWebhook(Buffer.from(payload), signature, ['whsec_test']).object;
  }

  test('has its amounts in our units', () => {
    expect(parsed({ id: 're_1', currency: 'isk', amount: 500, amount_received: 700 })).toEqual({
      id: 're_1',
      currency: 'isk',
      amount: minor(5, 'ISK'),
      amount_received: minor(7, 'ISK'),
    });
  });

  test.each([{ id: 'seti_1' }, { currency: 'isk', amount: 0 }, { currency: 'usdc', amount: 7 }, { amount: null }])(
    '%j stays as it is',
    (object) => expect(parsed(object)).toEqual(object),
  );
});
