/** The account's balance, and what is paid out of it. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Stripe } from 'stripe';
import { authorization, DAY, type PlayedStripe, playStripe, refusal } from '../support/stripe-sandbox.ts';

let played: PlayedStripe;
let stripe: Stripe;
beforeAll(async () => {
  played = await playStripe();
  stripe = played.stripe;
});
afterAll(() => played.stop());

const paid = (changes: Partial<Stripe.PaymentIntentCreateParams> = {}) =>
  stripe.paymentIntents.create(authorization({ capture_method: 'automatic', ...changes }));
const payOut = (currency: string) => played.control<Stripe.Payout>('POST', 'payouts', { currency });

describe('a payout', () => {
  test('takes all that was earned in its currency since the last one, and names it', async () => {
    const sale = await paid();
    const refund = await stripe.refunds.create({ payment_intent: sale.id, amount: 200 });
    const disputed = await paid({ amount: 10_000 });
    await played.control('POST', 'disputes', { payment_intent: disputed.id, amount: 1000 });
    await paid({ currency: 'eur' });
    const { body: payout } = await payOut('usd');
    // 4200 and 10000, less their fees, the refund, and the dispute with its fee.
    expect(payout).toMatchObject({ amount: 4200 - 152 - 200 + 10_000 - 320 - 1000 - 1500, status: 'paid' });
    const { data } = await stripe.balanceTransactions.list({ payout: payout.id, expand: ['data.source'] });
    expect(data.map(({ type, source }) => [type, (source as { object: string }).object])).toEqual([
      ['payout', 'payout'],
      ['adjustment', 'dispute'],
      ['charge', 'charge'],
      ['refund', 'refund'],
      ['charge', 'charge'],
    ]);
    expect(data.reduce((sum, { net }) => sum + net, 0)).toBe(0);
    expect(data[3]!.source).toMatchObject({ id: refund.id, charge: sale.latest_charge });
    expect(await played.eventsAbout(payout.id)).toEqual(['payout.created', 'payout.paid']);
    expect(await stripe.payouts.retrieve(payout.id, { expand: ['balance_transaction'] })).toMatchObject({
      balance_transaction: { type: 'payout', amount: -payout.amount },
    });

    expect((await payOut('usd')).status).toBe(400);
    await paid({ amount: 1000 });
    expect((await payOut('usd')).body.amount).toBe(1000 - 59);
    expect((await stripe.payouts.list({ status: 'paid' })).data).toHaveLength(2);
  });
});

describe('the movements of the balance', () => {
  test('are asked for by day, kind, currency and what they come from', async () => {
    await played.advance(DAY);
    const start = Math.floor((Date.now() + DAY) / 1000) - 60;
    const intent = await paid({ currency: 'gbp' });
    await stripe.refunds.create({ payment_intent: intent.id });
    const list = async (params: Stripe.BalanceTransactionListParams) =>
      (await stripe.balanceTransactions.list(params)).data.map(({ type }) => type as string);
    expect(await list({ created: { gte: start } })).toEqual(['refund', 'charge']);
    expect(await list({ currency: 'gbp', type: 'refund' })).toEqual(['refund']);
    expect(await list({ source: intent.latest_charge as string })).toEqual(['charge']);
    const charge = await stripe.charges.retrieve(intent.latest_charge as string);
    expect((await stripe.balanceTransactions.retrieve(charge.balance_transaction as string)).source).toBe(charge.id);
    const deep = await stripe.balanceTransactions.list({
      currency: 'gbp',
      type: 'refund',
      expand: ['data.source.charge'],
    });
    expect(deep.data[0]!.source).toMatchObject({ charge: { id: charge.id } });
  });
});

test('a provider that is down breaks every connection until it is up again', async () => {
  await played.control('POST', 'down', { down: true });
  expect(await refusal(stripe.customers.list())).toBeInstanceOf(Stripe.errors.StripeConnectionError);
  expect(await refusal(paid())).toBeInstanceOf(Stripe.errors.StripeConnectionError);
  expect((await played.control('POST', 'down', {})).status).toBe(400);
  await played.control('POST', 'down', { down: false });
  expect((await paid()).status).toBe('succeeded');
});
