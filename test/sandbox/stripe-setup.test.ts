/** Saving a card now, and charging it later without the customer. */
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

async function control(method: string, path: string, body?: object): Promise<{ status: number; body: never }> {
  const answer = await fetch(`${sandbox.url}/_sandbox/${path}`, { method, body: body && JSON.stringify(body) });
  return { status: answer.status, body: (await answer.json()) as never };
}

/** What the API refused, as stripe-node throws it. */
async function refusal(promise: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  return promise.then(
    () => Promise.reject(new Error('was not refused')),
    (error: Stripe.errors.StripeError) => error,
  );
}

const newCustomer = async () => (await stripe.customers.create({ metadata: { orderId: 'ord_1' } })).id;
const cardsOnly = { allowed_payment_method_types: ['card'] };
const setUp = (customer: string, payment_method: string, more: Partial<Stripe.SetupIntentCreateParams> = {}) =>
  stripe.setupIntents.create({ customer, payment_method, confirm: true, ...cardsOnly, ...more });
const authenticate = (id: string, outcome = 'succeed') =>
  control('POST', `setup_intents/${id}/authenticate`, { outcome });

/** A customer with a card that was set up, with 3-D Secure where the card wants it. */
async function saved(card: string): Promise<{ customer: string; payment_method: string }> {
  const customer = await newCustomer();
  const { id, status } = await setUp(customer, card);
  if (status === 'requires_action') await authenticate(id);
  const setup = await stripe.setupIntents.retrieve(id);
  expect(setup.status).toBe('succeeded');
  return { customer, payment_method: setup.payment_method as string };
}

const charge = (more: Partial<Stripe.PaymentIntentCreateParams>) =>
  stripe.paymentIntents.create({ amount: 4200, currency: 'eur', confirm: true, ...cardsOnly, ...more });
const eventsAbout = async (id: string) =>
  (await stripe.events.list({ limit: 100 })).data
    .filter(({ data }) => (data.object as { id: string }).id === id)
    .map(({ type }) => type as string)
    .reverse();

describe('customers', () => {
  test('are made with what is given, found again and listed by their address', async () => {
    const made = await stripe.customers.create({
      email: 'ada@example.com',
      name: 'Ada',
      metadata: { orderId: 'ord_2' },
    });
    expect(made).toMatchObject({ object: 'customer', email: 'ada@example.com', name: 'Ada', livemode: false });
    const bare = await stripe.customers.create();
    expect(bare).toMatchObject({ email: null, name: null, metadata: {} });
    expect(await stripe.customers.retrieve(made.id)).toMatchObject({ metadata: { orderId: 'ord_2' } });
    expect((await stripe.customers.list({ email: 'ada@example.com' })).data.map(({ id }) => id)).toEqual([made.id]);
    expect(await refusal(stripe.customers.retrieve('cus_nobody'))).toMatchObject({ statusCode: 404 });
    expect(await refusal(charge({ customer: 'cus_nobody' }))).toMatchObject({
      statusCode: 400,
      code: 'resource_missing',
      param: 'customer',
    });
  });
});

describe('setting up', () => {
  test('a good card goes from its secret to success, and belongs to the customer then', async () => {
    const customer = await newCustomer();
    const created = await stripe.setupIntents.create({
      customer,
      automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
      metadata: { orderId: 'ord_1' },
    });
    expect(created).toMatchObject({
      status: 'requires_payment_method',
      usage: 'off_session',
      customer,
      payment_method: null,
      metadata: { orderId: 'ord_1' },
    });
    expect(created.client_secret).toContain(`${created.id}_secret_`);
    await stripe.setupIntents.retrieve(created.id, { client_secret: created.client_secret! });
    await refusal(stripe.setupIntents.retrieve(created.id, { client_secret: 'guessed' }));

    await control('POST', `setup_intents/${created.id}/confirm`, { payment_method: 'pm_card_visa' });
    const done = await stripe.setupIntents.retrieve(created.id, { expand: ['payment_method'] });
    expect(done).toMatchObject({ status: 'succeeded', payment_method: { customer, type: 'card' } });
    expect(await eventsAbout(done.id)).toEqual(['setup_intent.created', 'setup_intent.succeeded']);
    expect(await eventsAbout((done.payment_method as Stripe.PaymentMethod).id)).toEqual(['payment_method.attached']);
    expect((await stripe.setupIntents.list({ customer })).data.map(({ id }) => id)).toEqual([done.id]);
  });

  test('a declined card is 402, and another may follow', async () => {
    const customer = await newCustomer();
    const error = await refusal(setUp(customer, 'pm_card_chargeDeclinedInsufficientFunds'));
    expect(error).toBeInstanceOf(Stripe.errors.StripeCardError);
    expect(error).toMatchObject({ statusCode: 402, code: 'card_declined', decline_code: 'insufficient_funds' });
    const { id } = error.setup_intent!;
    const failed = await stripe.setupIntents.retrieve(id);
    expect(failed).toMatchObject({
      status: 'requires_payment_method',
      payment_method: null,
      last_setup_error: { type: 'card_error', decline_code: 'insufficient_funds', payment_method: { customer: null } },
    });
    const second = await stripe.setupIntents.confirm(id, { payment_method: 'pm_card_mastercard' });
    expect(second).toMatchObject({ status: 'succeeded', last_setup_error: null });
    expect(await eventsAbout(id)).toEqual([
      'setup_intent.created',
      'setup_intent.setup_failed',
      'setup_intent.succeeded',
    ]);
  });

  test.each([
    ['pm_card_authenticationRequired', 'succeeded'],
    ['pm_card_authenticationRequiredOnSetup', 'succeeded'],
    ['pm_card_threeDSecure2Required', 'succeeded'],
    ['pm_card_threeDSecureRequiredChargeDeclined', 'requires_payment_method'],
  ])('%s waits for 3-D Secure, and is %s after it', async (card, status) => {
    const { id, ...waiting } = await setUp(await newCustomer(), card);
    expect(waiting).toMatchObject({ status: 'requires_action', next_action: { type: 'use_stripe_sdk' } });
    await authenticate(id);
    expect(await stripe.setupIntents.retrieve(id)).toMatchObject({ status, next_action: null });
    expect((await authenticate(id)).status).toBe(400);
    expect((await eventsAbout(id))[1]).toBe('setup_intent.requires_action');
  });

  test('3-D Secure that fails starts again', async () => {
    const { id } = await setUp(await newCustomer(), 'pm_card_authenticationRequired');
    await authenticate(id, 'fail');
    const failed = await stripe.setupIntents.retrieve(id);
    expect(failed.status).toBe('requires_payment_method');
    expect(failed.last_setup_error?.code).toBe('setup_intent_authentication_failure');
    expect((await stripe.setupIntents.confirm(id, { payment_method: 'pm_card_visa' })).status).toBe('succeeded');
  });

  test('what has ended stays so', async () => {
    const customer = await newCustomer();
    const { id } = await stripe.setupIntents.create({ customer, payment_method: 'pm_card_visa', ...cardsOnly });
    const canceled = await stripe.setupIntents.cancel(id, { cancellation_reason: 'abandoned' });
    expect(canceled).toMatchObject({ status: 'canceled', cancellation_reason: 'abandoned' });
    expect(await eventsAbout(id)).toEqual(['setup_intent.created', 'setup_intent.canceled']);
    const done = await setUp(customer, 'pm_card_visa');
    const late = [id, done.id].flatMap((one) => [stripe.setupIntents.confirm(one), stripe.setupIntents.cancel(one)]);
    for (const error of await Promise.all(late.map(refusal))) {
      expect(error).toMatchObject({ statusCode: 400, code: 'setup_intent_unexpected_state' });
      expect(error.setup_intent?.id).toBeDefined();
    }
  });

  test.each([
    [{ payment_method: 'pm_nobody' }, 'resource_missing', 'payment_method'],
    [{ customer: 'cus_nobody' }, 'resource_missing', 'customer'],
    [{ usage: 'sometimes' }, undefined, 'usage'],
    [{ confirm: true }, 'setup_intent_unexpected_state', undefined],
    [{ confirm: true, payment_method: 'pm_card_visa' }, undefined, 'return_url'],
    [{ payment_method_types: ['card'] }, 'payment_method_types_no_longer_supported', 'payment_method_types'],
  ])('%j is refused', async (params, code, param) => {
    const error = await refusal(stripe.setupIntents.create(params as Stripe.SetupIntentCreateParams));
    expect([error.statusCode, error.code, error.param]).toEqual([400, code, param]);
  });
});

describe('a saved card', () => {
  test.each(['pm_card_visa', 'pm_card_authenticationRequiredOnSetup'])('%s is charged off session', async (card) => {
    const paid = await charge({ ...(await saved(card)), off_session: true });
    expect(paid).toMatchObject({ status: 'succeeded', amount_received: 4200 });
  });

  test('needs the customer still where it was set up for another use, or the customer is there', async () => {
    const card = 'pm_card_authenticationRequiredOnSetup';
    expect(await charge(await saved(card))).toMatchObject({ status: 'requires_action' });
    const customer = await newCustomer();
    const { id } = await setUp(customer, card, { usage: 'on_session' });
    await authenticate(id);
    const payment_method = (await stripe.setupIntents.retrieve(id)).payment_method as string;
    const error = await refusal(charge({ customer, payment_method, off_session: true }));
    expect(error.code).toBe('authentication_required');
  });

  test('that wants 3-D Secure each time is declined off session, and the customer finishes the same intent', async () => {
    const card = await saved('pm_card_authenticationRequired');
    const error = await refusal(charge({ ...card, off_session: true }));
    expect(error).toMatchObject({
      statusCode: 402,
      code: 'authentication_required',
      decline_code: 'authentication_required',
      payment_intent: {
        status: 'requires_payment_method',
        last_payment_error: { code: 'authentication_required', payment_method: { id: card.payment_method } },
      },
    });
    const { id } = error.payment_intent!;
    const again = await stripe.paymentIntents.confirm(id, { payment_method: card.payment_method });
    expect(again.status).toBe('requires_action');
    await control('POST', `payment_intents/${id}/authenticate`, { outcome: 'succeed' });
    expect((await stripe.paymentIntents.retrieve(id)).status).toBe('succeeded');

    const other = (await refusal(charge({ ...card, off_session: true }))).payment_intent!;
    const paid = await stripe.paymentIntents.confirm(other.id, { payment_method: 'pm_card_visa' });
    expect(paid.status).toBe('succeeded');
  });

  test('pm_card_chargeCustomerFail is saved, and declined when it is charged', async () => {
    const error = await refusal(charge({ ...(await saved('pm_card_chargeCustomerFail')), off_session: true }));
    expect(error).toMatchObject({
      statusCode: 402,
      code: 'card_declined',
      payment_method: { card: { last4: '0341' } },
    });
  });

  test('is for its own customer only', async () => {
    const { customer, payment_method } = await saved('pm_card_visa');
    const stranger = await newCustomer();
    const nobodys = await stripe.paymentIntents.create({ amount: 4200, currency: 'eur', ...cardsOnly });
    const strangers = await stripe.setupIntents.create({ customer: stranger, ...cardsOnly });
    const refused = [
      charge({ customer: stranger, payment_method }),
      stripe.setupIntents.confirm(strangers.id, { payment_method }),
      stripe.setupIntents.create({ payment_method }),
      stripe.paymentMethods.attach(payment_method, { customer: stranger }),
    ];
    for (const error of await Promise.all(refused.map(refusal))) {
      expect(error).toMatchObject({ statusCode: 400, code: undefined, param: 'payment_method' });
    }
    const without = await refusal(stripe.paymentIntents.confirm(nobodys.id, { payment_method }));
    expect(without).toMatchObject({ statusCode: 400, code: 'parameter_missing', param: 'source' });
    expect(without.message).toContain(`belongs to the Customer ${customer}`);
    expect(without.payment_intent).toMatchObject({ id: nobodys.id, status: 'requires_payment_method' });
  });

  test('can be attached by hand, which sets nothing up, and a declined one cannot', async () => {
    const customer = await newCustomer();
    const attach = (card: string) => stripe.paymentMethods.attach(card, { customer });
    const { id } = await attach('pm_card_authenticationRequiredOnSetup');
    const error = await refusal(charge({ customer, payment_method: id, off_session: true }));
    expect(error.code).toBe('authentication_required');
    expect(await refusal(attach('pm_card_chargeDeclined'))).toMatchObject({ statusCode: 402, code: 'card_declined' });
  });
});

test('faults strike, keys replay, and the state shows setups and customers', async () => {
  const create = (customer: string) =>
    stripe.setupIntents.create({ customer, ...cardsOnly }, { idempotencyKey: `k-${customer}` });
  const customer = await newCustomer();
  await control('POST', 'faults', { operation: 'setup_intents.create', kind: 'lose_reply', times: 2 });
  expect(await refusal(create(customer))).toBeInstanceOf(Stripe.errors.StripeConnectionError);
  const setup = await create(customer);
  expect(setup.lastResponse.headers['idempotent-replayed']).toBe('true');
  const { body: state } = await control('GET', 'state');
  const { setup_intents, customers } = state as { setup_intents: Stripe.SetupIntent[]; customers: Stripe.Customer[] };
  expect(setup_intents.filter((one) => one.customer === customer).map(({ id }) => id)).toEqual([setup.id]);
  expect(customers.map(({ id }) => id)).toContain(customer);
});
