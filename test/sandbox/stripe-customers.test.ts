/** Returning customers, and what is saved for them. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Stripe } from 'stripe';
import { authorization, type PlayedStripe, playStripe, refusal } from '../support/stripe-sandbox.ts';

let played: PlayedStripe;
let stripe: Stripe;
beforeAll(async () => {
  played = await playStripe();
  stripe = played.stripe;
});
afterAll(() => played.stop());

const newCustomer = async () => (await stripe.customers.create({ email: 'ada@example.com' })).id;
const pay = (changes: Partial<Stripe.PaymentIntentCreateParams>) =>
  stripe.paymentIntents.create(authorization(changes));
const attached = async (customer: string, name = 'pm_card_visa') =>
  (await stripe.paymentMethods.attach(name, { customer })).id;
const methodsOf = async (customer: string, more: Stripe.CustomerListPaymentMethodsParams = {}) =>
  (await stripe.customers.listPaymentMethods(customer, more)).data.map(({ id }) => id);

describe('paying with setup_future_usage', () => {
  test('saves the method for the customer once it is authorized, and not where it is declined', async () => {
    const customer = await newCustomer();
    const intent = await pay({ customer, setup_future_usage: 'off_session' });
    const method = intent.payment_method as string;
    expect(await methodsOf(customer)).toEqual([method]);
    expect(await played.eventsAbout(method)).toEqual(['payment_method.attached']);
    await refusal(pay({ customer, setup_future_usage: 'off_session', payment_method: 'pm_card_chargeDeclined' }));
    await pay({ customer });
    expect(await methodsOf(customer)).toEqual([method]);
  });

  test('saves a bank account once it has paid, and what the confirmation asks for', async () => {
    const customer = await newCustomer();
    const debit = await pay({
      customer,
      capture_method: 'automatic_async',
      payment_method: 'pm_usBankAccount_success',
      setup_future_usage: 'off_session',
      mandate_data: { customer_acceptance: { type: 'offline' } },
    });
    expect(await methodsOf(customer)).toEqual([]);
    await played.control('POST', `payment_intents/${debit.id}/settle`, { outcome: 'succeeded' });
    const created = await pay({ customer, confirm: false });
    await stripe.paymentIntents.confirm(created.id, { setup_future_usage: 'on_session' });
    const card = (await stripe.paymentIntents.retrieve(created.id)).payment_method;
    expect(await methodsOf(customer)).toEqual([card, debit.payment_method]);
    expect(await methodsOf(customer, { type: 'us_bank_account' })).toEqual([debit.payment_method]);
  });

  test('spares a customer who is away the authentication, where it was saved for that', async () => {
    const customer = await newCustomer();
    const charged = async (setup_future_usage: 'off_session' | 'on_session') => {
      const intent = await pay({
        customer,
        setup_future_usage,
        payment_method: 'pm_card_authenticationRequiredOnSetup',
      });
      expect(intent.status).toBe('requires_action');
      await played.control('POST', `payment_intents/${intent.id}/authenticate`, { outcome: 'succeed' });
      return pay({ customer, off_session: true, payment_method: intent.payment_method as string });
    };
    expect((await charged('off_session')).status).toBe('requires_capture');
    expect(await refusal(charged('on_session'))).toMatchObject({ statusCode: 402, code: 'authentication_required' });
  });
});

describe('a customer', () => {
  test('is changed, and field by field taken back', async () => {
    const id = await newCustomer();
    const changed = await stripe.customers.update(id, { name: 'Ada', email: '', metadata: { shop: '1' } });
    expect(changed).toMatchObject({ name: 'Ada', email: null, metadata: { shop: '1' } });
    expect(await stripe.customers.retrieve(id)).toMatchObject({ name: 'Ada' });
    expect(await played.eventsAbout(id)).toEqual(['customer.created', 'customer.updated']);
  });

  test('has a default among its own methods, until it is detached', async () => {
    const [customer, other] = [await newCustomer(), await newCustomer()];
    const [method, foreign] = [await attached(customer), await attached(other)];
    const defaultTo = (default_payment_method: string) =>
      stripe.customers.update(customer, { invoice_settings: { default_payment_method } });
    expect(await refusal(defaultTo(foreign))).toMatchObject({
      code: 'resource_missing',
      param: 'invoice_settings[default_payment_method]',
    });
    expect((await defaultTo(method)).invoice_settings.default_payment_method).toBe(method);
    expect((await stripe.paymentMethods.detach(method)).customer).toBeNull();
    expect(await stripe.customers.retrieve(customer)).toMatchObject({
      invoice_settings: { default_payment_method: null },
    });
    expect(await played.eventsAbout(method)).toEqual(['payment_method.attached', 'payment_method.detached']);
  });

  test('lists its methods page by page, the newest first', async () => {
    const customer = await newCustomer();
    const made = [await attached(customer), await attached(customer, 'pm_card_mastercard'), await attached(customer)];
    const first = await stripe.customers.listPaymentMethods(customer, { limit: 2 });
    expect([first.has_more, ...first.data.map(({ id }) => id)]).toEqual([true, made[2], made[1]]);
    const all: string[] = [];
    for await (const { id } of stripe.paymentMethods.list({ customer, type: 'card', limit: 1 })) all.push(id);
    expect(all).toEqual(made.toReversed());
  });

  test('loses its methods where it is deleted, and cannot pay any more', async () => {
    const customer = await newCustomer();
    const method = await attached(customer);
    expect(await stripe.customers.del(customer)).toEqual(expect.objectContaining({ id: customer, deleted: true }));
    expect(await stripe.customers.retrieve(customer)).toMatchObject({ deleted: true });
    expect(await refusal(stripe.customers.update(customer, { name: 'x' }))).toMatchObject({ statusCode: 404 });
    expect(await refusal(pay({ customer }))).toMatchObject({ code: 'resource_missing', param: 'customer' });
    expect(await refusal(pay({ payment_method: method }))).toMatchObject({ code: 'payment_method_unexpected_state' });
    expect((await stripe.customers.list({ limit: 100 })).data.map(({ id }) => id)).not.toContain(customer);
  });
});

test('a method that paid once and belongs to nobody pays no second time', async () => {
  const customer = await newCustomer();
  const { payment_method } = await pay({ customer });
  for (const again of [
    pay({ customer, payment_method: payment_method as string }),
    stripe.paymentMethods.attach(payment_method as string, { customer }),
  ]) {
    expect(await refusal(again)).toMatchObject({ statusCode: 400, code: 'payment_method_unexpected_state' });
  }
});

test('a detached method is of no use to anybody', async () => {
  const customer = await newCustomer();
  const method = await attached(customer);
  await stripe.paymentMethods.detach(method);
  for (const again of [
    pay({ customer, payment_method: method }),
    stripe.paymentMethods.attach(method, { customer }),
    stripe.setupIntents.create({
      customer,
      payment_method: method,
      confirm: true,
      allowed_payment_method_types: ['card'],
    }),
    stripe.paymentMethods.detach(method),
  ]) {
    expect((await refusal(again)).statusCode).toBe(400);
  }
});

describe('a confirmation token', () => {
  const token = async (body: object = {}) =>
    (await played.control<Stripe.ConfirmationToken>('POST', 'confirmation_tokens', body)).body;
  const withToken = (confirmation_token: string, changes: Partial<Stripe.PaymentIntentCreateParams> = {}) =>
    pay({ payment_method: undefined, confirmation_token, ...changes });

  test('pays once, by creation or confirmation, with what it brings along', async () => {
    const customer = await newCustomer();
    const first = await token({ payment_method: 'pm_card_mastercard', setup_future_usage: 'off_session' });
    expect(first).toMatchObject({ payment_method_preview: { type: 'card', card: { brand: 'mastercard' } } });
    const intent = await withToken(first.id, { customer });
    expect(intent).toMatchObject({ status: 'requires_capture', setup_future_usage: 'off_session' });
    expect(await methodsOf(customer)).toEqual([intent.payment_method]);
    expect((await stripe.confirmationTokens.retrieve(first.id)).payment_intent).toBe(intent.id);
    expect(await refusal(withToken(first.id))).toMatchObject({ statusCode: 400, param: 'confirmation_token' });
    const again = stripe.paymentIntents.confirm(intent.id, { confirmation_token: first.id });
    expect((await refusal(again)).code).toBe('payment_intent_unexpected_state');

    // A browser's token has the way back with it.
    const created = await stripe.paymentIntents.create({ amount: 1000, currency: 'usd' });
    const second = await stripe.testHelpers.confirmationTokens.create({ payment_method: 'pm_card_visa' });
    const paid = await stripe.paymentIntents.confirm(created.id, { confirmation_token: second.id });
    expect(paid.status).toBe('succeeded');
  });

  test('is used up where the card is declined, and of less weight than what the request says', async () => {
    const { id } = await token({ payment_method: 'pm_card_chargeDeclined' });
    expect((await refusal(withToken(id))).code).toBe('card_declined');
    expect((await refusal(withToken(id))).param).toBe('confirmation_token');
    const declining = await token({ payment_method: 'pm_card_chargeDeclined' });
    expect((await withToken(declining.id, { payment_method: 'pm_card_visa' })).status).toBe('requires_capture');
  });

  test('is refused unknown, expired, or where nothing is confirmed', async () => {
    expect(await refusal(withToken('ctoken_nobody'))).toMatchObject({
      code: 'resource_missing',
      param: 'confirmation_token',
    });
    const { id } = await token();
    expect((await refusal(withToken(id, { confirm: false }))).param).toBe('confirmation_token');
    await played.advance(12 * 3_600_000);
    expect((await refusal(withToken(id))).message).toMatch(/expired/);
  });

  test('sets up a method as well', async () => {
    const customer = await newCustomer();
    const setup = await stripe.setupIntents.create({
      customer,
      confirm: true,
      confirmation_token: (await token()).id,
    });
    expect(setup.status).toBe('succeeded');
    expect(await methodsOf(customer)).toEqual([setup.payment_method]);
  });
});

test('customers are found by their metadata, until they are deleted', async () => {
  const made = await stripe.customers.create({ metadata: { customerId: 'cus_01' } });
  await stripe.customers.create({ metadata: { customerId: 'cus_02' } });
  const find = async () => (await stripe.customers.search({ query: "metadata['customerId']:'cus_01'" })).data;
  expect((await find()).map(({ id }) => id)).toEqual([made.id]);
  await stripe.customers.del(made.id);
  expect(await find()).toEqual([]);
});
