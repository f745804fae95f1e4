/** Ways to pay that are not captured, or not settled, as a card is. */
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

const agreed = {
  customer_acceptance: { type: 'online', online: { ip_address: '192.0.2.1', user_agent: 'a browser' } },
} as const;

/** As a shop takes both: cards are held, banks are debited at once. */
const either = (payment_method: string, changes: Partial<Stripe.PaymentIntentCreateParams> = {}) =>
  stripe.paymentIntents.create(
    authorization({
      payment_method,
      capture_method: 'automatic_async',
      payment_method_options: { card: { capture_method: 'manual' } },
      mandate_data: agreed,
      ...changes,
    }),
  );
const chargeOf = (intent: Stripe.PaymentIntent) => stripe.charges.retrieve(intent.latest_charge as string);
const settle = (id: string, outcome: string) => played.control('POST', `payment_intents/${id}/settle`, { outcome });

describe('options of payment methods', () => {
  test('make one intent hold a card and debit a bank at once', async () => {
    const card = await either('pm_card_visa');
    expect(card).toMatchObject({ status: 'requires_capture', amount_capturable: 4200 });
    expect(card.payment_method_options?.card).toMatchObject({
      capture_method: 'manual',
      request_three_d_secure: 'automatic',
    });
    expect((await stripe.paymentIntents.capture(card.id)).status).toBe('succeeded');
    expect((await either('pm_usBankAccount_success')).status).toBe('processing');
  });

  test('may come, and go, with the confirmation', async () => {
    const waiting = await either('pm_card_visa', { confirm: false, payment_method: undefined });
    const at = await stripe.paymentIntents.confirm(waiting.id, {
      payment_method: 'pm_card_visa',
      payment_method_options: { card: { capture_method: '' } },
    });
    expect(at.status).toBe('succeeded');
  });

  test('are refused where Stripe does not know them', async () => {
    for (const [options, param] of [
      [{ carrier_pigeon: { wings: 2 } }, 'payment_method_options[carrier_pigeon]'],
      [{ card: { colour: 'red' } }, 'payment_method_options[card][colour]'],
      [{ us_bank_account: { capture_method: 'manual' } }, 'payment_method_options[us_bank_account][capture_method]'],
      [{ card: { capture_method: 'later' } }, 'payment_method_options[card][capture_method]'],
    ] as const) {
      const error = await refusal(either('pm_card_visa', { payment_method_options: options as never }));
      expect([error.statusCode, error.param]).toEqual([400, param]);
    }
    expect(
      (await either('pm_card_visa', { payment_method_options: { klarna: { capture_method: 'manual' } } })).status,
    ).toBe('succeeded');
  });

  test('hold a card for longer where that is asked for', async () => {
    const intent = await stripe.paymentIntents.create(
      authorization({ payment_method_options: { card: { request_extended_authorization: 'if_available' } } }),
    );
    const charge = await chargeOf(intent);
    expect(charge.payment_method_details?.card).toMatchObject({
      extended_authorization: { status: 'enabled' },
      capture_before: charge.created + 30 * 86_400,
    });
  });
});

describe('a bank debit', () => {
  test('is processing for days, and then paid with its own charge and fee', async () => {
    const intent = await either('pm_usBankAccount_success');
    expect(await chargeOf(intent)).toMatchObject({
      status: 'pending',
      paid: false,
      amount_captured: 0,
      payment_method_details: { type: 'us_bank_account' },
    });
    await played.advance(3 * DAY);
    expect((await stripe.paymentIntents.retrieve(intent.id)).status).toBe('processing');
    await played.advance(DAY + 1000);
    expect(await stripe.paymentIntents.retrieve(intent.id, { expand: ['payment_method'] })).toMatchObject({
      status: 'succeeded',
      amount_received: 4200,
      payment_method: { type: 'us_bank_account' },
    });
    expect(await chargeOf(intent)).toMatchObject({ status: 'succeeded', paid: true, captured: true });
    const { data } = await stripe.balanceTransactions.list({ source: intent.latest_charge as string });
    expect(data).toMatchObject([{ type: 'payment', reporting_category: 'charge', amount: 4200, fee: 34 }]);
    expect(await played.eventsAbout(intent.id)).toEqual(['payment_intent.processing', 'payment_intent.succeeded']);
    expect((await stripe.refunds.create({ payment_intent: intent.id })).status).toBe('succeeded');
  });

  test('fails days later as its test method says, and another method may follow', async () => {
    const intent = await either('pm_usBankAccount_accountClosed');
    await played.advance(4 * DAY + 1000);
    const failed = await stripe.paymentIntents.retrieve(intent.id);
    expect(failed).toMatchObject({
      status: 'requires_payment_method',
      payment_method: null,
      last_payment_error: { code: 'account_closed', payment_method: { type: 'us_bank_account' } },
    });
    expect(await chargeOf(intent)).toMatchObject({ status: 'failed', failure_code: 'account_closed' });
    expect(await played.eventsAbout(intent.id)).toEqual(['payment_intent.processing', 'payment_intent.payment_failed']);
    const again = await stripe.paymentIntents.confirm(intent.id, { payment_method: 'pm_card_visa' });
    expect(again.status).toBe('requires_capture');
  });

  test('needs the mandate of its customer: from the browser, with the request, or from the time when it was saved', async () => {
    const error = await refusal(either('pm_usBankAccount_success', { mandate_data: undefined }));
    expect(error).toMatchObject({ statusCode: 400, code: 'payment_intent_mandate_invalid' });
    const { id } = await either('pm_card_visa', { confirm: false, payment_method: undefined, mandate_data: undefined });
    const payment_method = 'pm_usBankAccount_success';
    await played.control('POST', `payment_intents/${id}/confirm`, { payment_method });
    expect((await stripe.paymentIntents.retrieve(id)).status).toBe('processing');

    const { id: customer } = await stripe.customers.create();
    const saved = await either(payment_method, { customer, setup_future_usage: 'off_session' });
    await settle(saved.id, 'succeeded');
    const again = { customer, off_session: true, mandate_data: undefined };
    expect((await either(saved.payment_method as string, again)).status).toBe('processing');
  });

  test('is settled by hand where a test does not wait', async () => {
    const paid = await either('pm_sepaDebit_failed_at', { currency: 'eur' });
    await settle(paid.id, 'succeeded');
    expect((await stripe.paymentIntents.retrieve(paid.id)).status).toBe('succeeded');
    expect((await settle(paid.id, 'failed')).status).toBe(400);
    const failed = await either('pm_sepaDebit_success_de', { currency: 'eur' });
    await settle(failed.id, 'failed');
    expect((await stripe.paymentIntents.retrieve(failed.id)).last_payment_error?.code).toBe('insufficient_funds');
  });

  test('can be cancelled while the bank has not answered, and be disputed once it has', async () => {
    const intent = await either('pm_usBankAccount_processing');
    await played.advance(20 * DAY);
    expect((await stripe.paymentIntents.cancel(intent.id)).status).toBe('canceled');
    expect((await chargeOf(intent)).status).toBe('failed');
    const disputed = await either('pm_usBankAccount_dispute');
    await settle(disputed.id, 'succeeded');
    const { data } = await stripe.disputes.list({ payment_intent: disputed.id });
    expect(data).toMatchObject([{ amount: 4200, status: 'needs_response' }]);
  });

  test('is refused in a foreign currency, by hand, and where only cards are taken', async () => {
    for (const changes of [
      { currency: 'eur' },
      { capture_method: 'manual' as const },
      { allowed_payment_method_types: ['card'], automatic_payment_methods: undefined },
    ]) {
      const error = await refusal(either('pm_usBankAccount_success', changes));
      expect(error).toBeInstanceOf(Stripe.errors.StripeInvalidRequestError);
    }
  });
});
