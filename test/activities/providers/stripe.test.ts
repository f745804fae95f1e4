/** Saving a card, and charging it when the customer is away, against the sandbox's Stripe. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { createPayments, type Payments, ProviderError } from '../../../activities/providers/stripe.ts';
import { type StripeSandbox, startStripeSandbox } from '../../../sandbox/stripe/server.ts';
import { failures } from '../../../workflows/domain/failures.ts';

let sandbox: StripeSandbox;
let payments: Payments;

beforeAll(async () => {
  sandbox = await startStripeSandbox({});
  payments = createPayments({ secretKey: 'sk_test_waybill', apiBase: sandbox.url, publicUrl: 'https://shop.example' });
});
afterAll(() => sandbox.stop());
beforeEach(() => control('DELETE', 'faults'));

// biome-ignore lint/suspicious/noExplicitAny: each test looks into the answer it expects
async function control(method: string, path: string, body?: object): Promise<any> {
  const response = await fetch(`${sandbox.url}/_sandbox/${path}`, { method, body: body && JSON.stringify(body) });
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
const fault = (operation: string, kind: string, times = 1) =>
  control('POST', 'faults', { operation, kind, times, ms: 50 });
const failureOf = async (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => Promise.reject(new Error('it was expected to fail')),
    (error) => error,
  );

let made = 0;
function newOrder(): string {
  made += 1;
  return `ord_${made}`;
}
const startSetup = (orderId = newOrder()) => payments.createSetup({ orderId, key: `${orderId}:save` });
const confirm = (setupId: string, paymentMethod: string) =>
  payments.confirmSetup(setupId, { paymentMethod, key: `${setupId}:${paymentMethod}` });
const authenticate = (kind: 'setup_intents' | 'payment_intents', id: string, outcome = 'succeed') =>
  control('POST', `${kind}/${id}/authenticate`, { outcome });

/** A card that its customer has saved. */
async function saved(card: string): Promise<{ customerId: string; paymentMethod: string }> {
  const { id } = await startSetup();
  const { status } = await confirm(id, card);
  if (status === 'requires_action') await authenticate('setup_intents', id);
  const setup = await payments.readSetup(id);
  expect(setup.status).toBe('saved');
  return { customerId: setup.customerId, paymentMethod: setup.paymentMethod! };
}

const startIntent = (customerId?: string, orderId = newOrder()) =>
  payments.createIntent({ orderId, amount: 4200, currency: 'EUR', customerId, key: `${orderId}:intent` });
const chargeAway = async (card: { customerId: string; paymentMethod: string }) => {
  const { id } = await startIntent(card.customerId);
  return payments.confirmIntent(id, {
    orderId: 'ord_1',
    method: card.paymentMethod,
    offSession: true,
    key: `${id}:away`,
  });
};

describe('saving a card', () => {
  test('starts with a customer without a name, and ends with the method that was saved', async () => {
    const setup = await startSetup('ord_saved');
    expect(setup).toMatchObject({ status: 'created', paymentMethod: undefined, declineCode: undefined });
    expect(setup.clientSecret).toContain(`${setup.id}_secret_`);
    const { customers, setup_intents } = await control('GET', 'state');
    const ofOrder = (one: { metadata: { orderId?: string } }) => one.metadata.orderId === 'ord_saved';
    expect(customers.filter(ofOrder)).toMatchObject([
      { id: setup.customerId, name: null, email: null, phone: null, address: null, metadata: { orderId: 'ord_saved' } },
    ]);
    expect(setup_intents.filter(ofOrder)).toMatchObject([
      { id: setup.id, usage: 'off_session', metadata: { orderId: 'ord_saved', workflowId: 'order-ord_saved' } },
    ]);

    const done = await confirm(setup.id, 'pm_card_visa');
    expect(done).toMatchObject({ status: 'saved', paymentMethod: expect.stringMatching(/^pm_[0-9a-f]+$/) });
    expect(await payments.readSetup(setup.id)).toEqual(done);
  });

  test.each(['customers.create', 'setup_intents.create'])(
    'a lost reply of %s makes nothing twice',
    async (operation) => {
      // stripe-node itself repeats a request whose connection broke, here once: each strikes twice.
      await fault(operation, 'lose_reply', 2);
      const orderId = newOrder();
      const failure = await failureOf(startSetup(orderId));
      expect(failure).not.toBeInstanceOf(ApplicationFailure);
      const { id } = await startSetup(orderId);
      const state = await control('GET', 'state');
      for (const list of [state.customers, state.setup_intents]) {
        expect(list.filter((one: { metadata: { orderId: string } }) => one.metadata.orderId === orderId)).toHaveLength(
          1,
        );
      }
      expect((await payments.readSetup(id)).status).toBe('created');
    },
  );

  test('3-D Secure waits for the customer, who succeeds, or fails and may try again', async () => {
    const { id } = await startSetup();
    expect(await confirm(id, 'pm_card_authenticationRequired')).toMatchObject({ status: 'requires_action' });
    await authenticate('setup_intents', id, 'fail');
    expect(await payments.readSetup(id)).toMatchObject({
      status: 'declined',
      declineCode: 'setup_intent_authentication_failure',
    });
    await confirm(id, 'pm_card_threeDSecure2Required');
    await authenticate('setup_intents', id);
    expect(await payments.readSetup(id)).toMatchObject({ status: 'saved', declineCode: undefined });
  });

  test('a declined card, and a method that is none or somebody else’s, are answers, and another may follow', async () => {
    const { id } = await startSetup();
    expect(await confirm(id, 'pm_nobody')).toMatchObject({ status: 'declined', declineCode: 'resource_missing' });
    const { paymentMethod } = await saved('pm_card_visa');
    expect(await confirm(id, paymentMethod)).toMatchObject({
      status: 'declined',
      declineCode: 'invalid_payment_method',
    });
    expect(await confirm(id, 'pm_card_chargeDeclinedInsufficientFunds')).toMatchObject({
      status: 'declined',
      declineCode: 'insufficient_funds',
      paymentMethod: undefined,
    });
    expect(await confirm(id, 'pm_card_visa')).toMatchObject({ status: 'saved' });
  });

  test('what has ended is read as it is', async () => {
    const done = await startSetup();
    const { paymentMethod } = await confirm(done.id, 'pm_card_visa');
    for (const late of ['pm_card_mastercard', 'pm_nobody']) {
      expect(await confirm(done.id, late)).toMatchObject({ status: 'saved', paymentMethod });
    }
    expect(await payments.cancelSetup(done.id, { key: 'late' })).toMatchObject({ status: 'saved', paymentMethod });

    const { id } = await startSetup();
    expect(await payments.cancelSetup(id, { key: `${id}:cancel` })).toMatchObject({ status: 'voided' });
    expect(await payments.cancelSetup(id, { key: `${id}:again` })).toMatchObject({ status: 'voided' });
    expect(await confirm(id, 'pm_card_visa')).toMatchObject({ status: 'voided', paymentMethod: undefined });
  });

  test('an error of Stripe itself is told apart from a setup that it does not know', async () => {
    await fault('setup_intents.create', 'fail_before', 2);
    expect(await failureOf(startSetup())).toBeInstanceOf(ProviderError);
    const unknown = await failureOf(payments.readSetup('seti_nobody'));
    expect(unknown).toMatchObject({ type: failures.paymentRefused, nonRetryable: true });
  });
});

describe('charging a saved card when the customer is away', () => {
  test.each(['pm_card_visa', 'pm_card_authenticationRequiredOnSetup'])('%s is authorized', async (card) => {
    expect(await chargeAway(await saved(card))).toMatchObject({ status: 'authorized', authorized: 4200 });
  });

  test('a card that fails when it is charged is declined', async () => {
    const declined = await chargeAway(await saved('pm_card_chargeCustomerFail'));
    expect(declined).toMatchObject({ status: 'declined', declineCode: 'generic_decline' });
  });

  test('a bank that wants to ask declines, and the customer confirms the same intent later', async () => {
    const card = await saved('pm_card_authenticationRequired');
    const { id, ...declined } = await chargeAway(card);
    expect(declined).toMatchObject({ status: 'declined', declineCode: 'authentication_required', authorized: 0 });

    const request = { orderId: 'ord_1', method: card.paymentMethod, key: `${id}:there` };
    expect(await payments.confirmIntent(id, request)).toMatchObject({ status: 'requires_action' });
    await authenticate('payment_intents', id);
    expect(await payments.readIntent(id)).toMatchObject({ status: 'authorized', authorized: 4200 });
  });

  test('an intent of another customer, or of none, declines it', async () => {
    const { paymentMethod } = await saved('pm_card_visa');
    const stranger = (await startSetup()).customerId;
    for (const { id } of [await startIntent(stranger), await startIntent()]) {
      const refused = await payments.confirmIntent(id, { orderId: 'ord_1', method: paymentMethod, key: `${id}:1` });
      expect(refused).toMatchObject({ status: 'declined', authorized: 0 });
    }
  });
});
