/** Returning customers: methods of payment that are saved, used again, chosen and removed. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { readMethods } from '../../activities/payments/wallet.ts';
import { createToken } from '../../activities/staff-tokens.ts';
import { newId } from '../../models/id.ts';
import { workflowIds } from '../../workflows/messages.ts';
import { textOf } from '../support/replay.ts';
import { type Answered, serve } from '../support/serve.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let api: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  world = await startWorld();
  api = await serve(world);
});
afterEach(() => world.control(world.stripe.url, 'DELETE', '/_sandbox/faults'));
afterAll(async () => {
  expect(await world.replayFailures()).toEqual([]);
  await api.stop();
  await world.stop();
});

interface Buyer {
  id: string;
  token: string;
}

async function newCustomer(): Promise<Buyer> {
  const id = newId('cus');
  await world.mongo.models.customers.create([
    { _id: id, email: `${id}@example.com`, name: 'Ada', createdAt: new Date() },
  ]);
  return { id, token: api.signedIn(id) };
}

const shippingAddress = {
  ...{ name: 'Ada', line1: '1 Road', city: 'New York', region: 'NY', postalCode: '10001', country: 'US' },
};
const goods = { currency: 'USD', items: [{ sku: 'MUG', quantity: 1 }], expectedTotal: price };
const place = (buyer: Buyer | undefined, how: object) =>
  api.ask(
    'POST',
    '/v1/orders',
    { ...goods, shippingAddress, customer: { email: 'ada@example.com', name: 'Ada' }, ...how },
    buyer?.token,
  );
const walletPath = ({ id }: Buyer) => `/v1/customers/${id}/payment-methods`;
const walletOf = async (buyer: Buyer) => (await api.ask('GET', walletPath(buyer), undefined, buyer.token)).body;
const choose = (buyer: Buyer, paymentMethod: string) =>
  api.ask('PUT', `${walletPath(buyer)}/default`, { paymentMethod }, buyer.token);
const remove = (buyer: Buyer, id: string) => api.ask('DELETE', `${walletPath(buyer)}/${id}`, undefined, buyer.token);

/** The methods that are saved, once there are so many. */
async function saved(buyer: Buyer, count: number): Promise<string[]> {
  const ids = async () => (await walletOf(buyer)).paymentMethods.map(({ id }: { id: string }) => id);
  await until(async () => (await ids()).length === count, `${buyer.id} has saved ${count}`);
  return ids();
}

/** A customer who has saved a card by paying. */
async function returning(paymentMethod = 'pm_card_visa'): Promise<{ buyer: Buyer; method: string }> {
  const buyer = await newCustomer();
  expect((await place(buyer, { paymentMethod, savePaymentMethod: true })).status).toBe(201);
  const [method] = await saved(buyer, 1);
  return { buyer, method: method! };
}

/** The same in the account page, without an order. */
async function saveInAccount(buyer: Buyer, payment_method: string): Promise<Answered> {
  const opened = await api.ask('POST', walletPath(buyer), undefined, buyer.token);
  const { providerId } = await world.mongo.models.methodSetups.findById(opened.body.id).lean().orFail();
  await world.control(world.stripe.url, 'POST', `/_sandbox/setup_intents/${providerId}/confirm`, { payment_method });
  return opened;
}

interface AtStripe {
  customers: { id: string; metadata: { customerId?: string }; email: string | null; name: string | null }[];
  payment_intents: { customer: string | null; setup_future_usage: string | null; metadata: { orderId?: string } }[];
}
const atStripe = () => world.control(world.stripe.url, 'GET', '/_sandbox/state') as Promise<AtStripe>;
const stripeCustomersOf = async ({ id }: Buyer) =>
  (await atStripe()).customers.filter(({ metadata }) => metadata.customerId === id);
const intentOf = async (orderId: string) =>
  (await atStripe()).payment_intents.find(({ metadata }) => metadata.orderId === orderId)!;
const kind = ({ body }: Answered) => body.type?.split('/').at(-1);

describe('a method that is saved at checkout', () => {
  test('pays again, is chosen as the default one, and is removed for good', async () => {
    const { buyer, method } = await returning();
    const wallet = await walletOf(buyer);
    expect(wallet).toEqual({
      customerId: buyer.id,
      paymentMethods: [
        {
          ...{ id: method, type: 'card', brand: 'visa', last4: '4242', expMonth: 12 },
          ...{ expYear: expect.any(Number), addedAt: expect.any(String) },
        },
      ],
    });
    // Stripe knows of the customer what it needs, and nothing personal.
    const [atProvider, ...others] = await stripeCustomersOf(buyer);
    expect(others).toEqual([]);
    expect(atProvider).toMatchObject({ email: null, name: null, metadata: { customerId: buyer.id } });

    const again = await place(buyer, { paymentMethod: method });
    expect(again).toMatchObject({ status: 201, body: { order: { status: 'confirmed', paymentStatus: 'authorized' } } });
    expect(await intentOf(again.body.order.id)).toMatchObject({ customer: atProvider!.id, setup_future_usage: null });

    expect(await place(buyer, { useDefaultPaymentMethod: true })).toMatchObject({ status: 422 });
    expect(await choose(buyer, method)).toMatchObject({ status: 200, body: { defaultPaymentMethod: method } });
    expect(await choose(buyer, method)).toMatchObject({ status: 200, body: { defaultPaymentMethod: method } });
    const byDefault = await place(buyer, { useDefaultPaymentMethod: true });
    expect(byDefault).toMatchObject({ status: 201, body: { order: { paymentStatus: 'authorized' } } });

    const placed = [again, byDefault].map(({ body }) => body.order.id);
    const needed = await remove(buyer, method);
    expect(needed).toMatchObject({ status: 409, body: { orders: expect.arrayContaining(placed) } });
    expect(kind(needed)).toBe('payment-method-in-use');
    for (const orderId of placed) await world.deliver(orderId);
    expect(await remove(buyer, method)).toMatchObject({ status: 200, body: { paymentMethods: [] } });
    expect((await remove(buyer, method)).status).toBe(404);
    expect(await walletOf(buyer)).toEqual({ customerId: buyer.id, paymentMethods: [] });
    expect(kind(await place(buyer, { useDefaultPaymentMethod: true }))).toBe('unknown-payment-method');
    // Whoever kept its id cannot pay by it.
    const late = await place(buyer, { paymentMethod: method });
    expect(late.body.order).toMatchObject({ status: 'awaiting_payment', payment: { status: 'declined' } });
  }, 60_000);

  test('is not saved without the consent', async () => {
    const buyer = await newCustomer();
    const { body } = await place(buyer, { paymentMethod: 'pm_card_visa' });
    await world.inboxIsEmpty();
    expect(await walletOf(buyer)).toEqual({ customerId: buyer.id, paymentMethods: [] });
    expect(await stripeCustomersOf(buyer)).toEqual([]);
    expect(await intentOf(body.order.id)).toMatchObject({ customer: null, setup_future_usage: null });
  });

  test('is saved as well where no webhook tells of it', async () => {
    await world.webhooks('stripe', 'off');
    const { method } = await returning('pm_card_mastercard');
    await world.webhooks('stripe', 'normal');
    expect(method).toMatch(/^pm_/);
  });

  test('is saved once its customer has confirmed it at the bank, and asked for again when it pays again', async () => {
    const buyer = await newCustomer();
    const first = await place(buyer, { paymentMethod: 'pm_card_threeDSecure2Required', savePaymentMethod: true });
    expect(first.body).toMatchObject({ order: { status: 'awaiting_payment' }, payment: { status: 'requires_action' } });
    expect((await walletOf(buyer)).paymentMethods).toEqual([]);
    await world.browser(first.body.order.id, 'authenticate', { outcome: 'succeed' });
    await world.reaches(first.body.order.id, 'confirmed');
    const [method] = await saved(buyer, 1);

    const second = await place(buyer, { paymentMethod: method });
    expect(second.body.payment).toMatchObject({ status: 'requires_action', clientSecret: expect.any(String) });
    await world.browser(second.body.order.id, 'authenticate', { outcome: 'succeed' });
    await world.reaches(second.body.order.id, 'confirmed');
    expect(await saved(buyer, 1)).toEqual([method]);
  });

  test('and is declined the next time gives way to another card', async () => {
    const buyer = await newCustomer();
    await saveInAccount(buyer, 'pm_card_chargeCustomerFail');
    const [method] = await saved(buyer, 1);
    const { body } = await place(buyer, { paymentMethod: method, savePaymentMethod: true });
    expect(body.order).toMatchObject({ status: 'awaiting_payment', payment: { status: 'declined' } });
    const paid = await api.ask(
      'POST',
      `/v1/orders/${body.order.id}/payments`,
      { paymentMethod: 'pm_card_mastercard' },
      body.link.token,
    );
    expect(paid).toMatchObject({ status: 200, body: { status: 'confirmed' } });
    expect(await saved(buyer, 2)).toContain(method);
    expect(await world.atStripe(body.order.id)).toMatchObject({ authorizations: 1, held: 1 });
  });
});

describe('what is not theirs', () => {
  test("another customer's method pays for nobody else, and its id is not told apart from none", async () => {
    const { method } = await returning();
    const other = await newCustomer();
    const { models } = world.mongo;
    const before = await models.orders.countDocuments();
    for (const buyer of [other, undefined]) {
      const refused = await place(buyer, { paymentMethod: method });
      expect(refused.status).toBe(422);
      expect(kind(refused)).toBe('unknown-payment-method');
    }
    expect(await models.orders.countDocuments()).toBe(before);

    const open = await place(other, { paymentMethod: 'pm_card_chargeDeclined' });
    const payment = `/v1/orders/${open.body.order.id}/payments`;
    const refused = await api.ask('POST', payment, { paymentMethod: method }, open.body.link.token);
    expect(kind(refused)).toBe('unknown-payment-method');
    expect(kind(await choose(other, method))).toBe('unknown-payment-method');
    expect((await remove(other, method)).status).toBe(404);
  });

  test("another customer's methods are neither seen nor changed; support sees and removes them", async () => {
    const { buyer, method } = await returning();
    const { token } = await newCustomer();
    const thief = { id: buyer.id, token };
    const tries = [
      await api.ask('GET', walletPath(thief), undefined, token),
      await api.ask('POST', walletPath(thief), undefined, token),
      await choose(thief, method),
      await remove(thief, method),
      await api.ask('PUT', `${walletPath(thief)}/default`, { nonsense: true }, token),
    ];
    expect(tries.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
    expect(await saved(buyer, 1)).toEqual([method]);

    const support = await createToken(world.mongo, 'support');
    expect((await api.ask('GET', walletPath(buyer), undefined, support.token)).body).toEqual(await walletOf(buyer));
    expect((await api.ask('POST', walletPath(buyer), undefined, support.token)).status).toBe(403);
    const { body } = await place(buyer, { paymentMethod: 'pm_card_visa' });
    expect((await api.ask('GET', walletPath(buyer), undefined, body.link.token)).status).toBe(403);
    expect((await remove({ ...buyer, token: support.token }, method)).status).toBe(200);
    expect(await saved(buyer, 0)).toEqual([]);
  });

  test('guests save nothing, and have no default method', async () => {
    for (const how of [{ paymentMethod: 'pm_card_visa', savePaymentMethod: true }, { useDefaultPaymentMethod: true }])
      expect(await place(undefined, how)).toMatchObject({ status: 401 });
    const both = { paymentMethod: 'pm_card_visa', useDefaultPaymentMethod: true };
    expect(await place(await newCustomer(), both)).toMatchObject({ status: 400 });
  });
});

describe('in the account page', () => {
  test('a method is saved with a client secret, which is kept in no history and under no key', async () => {
    const buyer = await newCustomer();
    const headers = { 'idempotency-key': randomUUID(), authorization: `Bearer ${buyer.token}` };
    const open = async () => {
      const response = await fetch(`${api.url}${walletPath(buyer)}`, { method: 'POST', headers });
      return { status: response.status, body: (await response.json()) as { id: string; clientSecret: string } };
    };
    const [first, ...repeats] = await Promise.all([open(), open(), open()]);
    expect(first).toMatchObject({ status: 201, body: { clientSecret: expect.stringMatching(/^seti_/) } });
    for (const repeat of [...repeats, await open()]) expect(repeat).toEqual(first);
    expect(await stripeCustomersOf(buyer)).toHaveLength(1);

    const { id, clientSecret } = first!.body;
    const asked = workflowIds.walletAsk({ step: 'openMethodSetup', customerId: buyer.id, about: id });
    const history = textOf(await world.client.workflow.getHandle(asked).fetchHistory());
    const kept = JSON.stringify(await world.mongo.models.requests.find({ resourceId: id }).lean());
    expect(history).toContain(id);
    expect(kept).toContain(id);
    expect(history + kept).not.toContain(clientSecret);

    await saveInAccount(buyer, 'pm_card_amex');
    expect((await walletOf(buyer)).customerId).toBe(buyer.id);
    await saved(buyer, 1);
    expect((await walletOf(buyer)).paymentMethods).toMatchObject([{ brand: 'amex', last4: '0005' }]);
  });

  test('what is changed at Stripe itself is heard of', async () => {
    const { buyer, method } = await returning();
    await saveInAccount(buyer, 'pm_card_mastercard');
    const other = (await saved(buyer, 2)).find((id) => id !== method)!;
    const { providerId } = await world.mongo.models.customers.findById(buyer.id).lean().orFail();
    await world.payments.setDefaultMethod(providerId!, other);
    await until(async () => (await walletOf(buyer)).defaultPaymentMethod === other, 'the default one is known');
    await world.payments.detachMethod(providerId!, other);
    expect(await saved(buyer, 1)).toEqual([method]);
    expect(await walletOf(buyer)).not.toHaveProperty('defaultPaymentMethod');
    // Asked for before it is heard of, as in another tab.
    expect(kind(await choose(buyer, other))).toBe('unknown-payment-method');
  });

  test('of two looks at once none undoes what the other one has seen', async () => {
    const buyer = await newCustomer();
    await saveInAccount(buyer, 'pm_card_visa');
    await saved(buyer, 1);
    await world.inboxIsEmpty();
    await world.client.workflow.getHandle(workflowIds.wallet(buyer.id)).result();
    let looks = 0;
    const late: typeof world.payments = {
      ...world.payments,
      // Between its first look and its writing another card is saved, and seen.
      async readWallet(providerId) {
        const wallet = await world.payments.readWallet(providerId);
        looks += 1;
        if (looks > 1) return wallet;
        await saveInAccount(buyer, 'pm_card_amex');
        await saved(buyer, 2);
        return wallet;
      },
    };
    await readMethods(world.mongo, late, { customerId: buyer.id });
    expect(looks).toBeGreaterThan(1);
    await saved(buyer, 2);
  });

  test('a customer who was deleted at Stripe gets another one there, with the next method that is saved', async () => {
    const { buyer } = await returning();
    const [gone] = await stripeCustomersOf(buyer);
    const authorization = `Bearer ${world.childEnvironment.STRIPE_SECRET_KEY}`;
    await fetch(`${world.stripe.url}/v1/customers/${gone!.id}`, { method: 'DELETE', headers: { authorization } });
    await saved(buyer, 0);
    const { body } = await place(buyer, { paymentMethod: 'pm_card_amex', savePaymentMethod: true });
    expect(body.order.status).toBe('confirmed');
    await saved(buyer, 1);
    expect((await intentOf(body.order.id)).customer).not.toBe(gone!.id);
  });

  test('a change of the customer leaves their methods alone', async () => {
    const { buyer, method } = await returning();
    const { models } = world.mongo;
    await models.customers.updateOne({ _id: buyer.id }, { $set: { taxExempt: { reason: 'school' } } });
    const { token } = await createToken(world.mongo, 'support');
    const changed = { email: `new-${buyer.id.toLowerCase()}@example.com`, name: 'Ada Byron' };
    const answer = await api.ask('PUT', `/v1/customers/${buyer.id}`, changed, token);
    expect(answer).toMatchObject({ status: 200, body: changed });
    expect(answer.body).not.toHaveProperty('taxExempt');
    expect((await api.ask('GET', `/v1/customers/${buyer.id}`, undefined, token)).body).toEqual(answer.body);
    expect(await saved(buyer, 1)).toEqual([method]);
  });
});

describe('an order for goods that come later', () => {
  test('saves its method for the customer, which stays until the order does not need it any more', async () => {
    const buyer = await newCustomer();
    const sku = await world.newSku({}, { backorder: { limit: 10, leadDays: 5 } });
    const later = { items: [{ sku, quantity: 1 }], acceptBackorder: true };
    const card = { paymentMethod: 'pm_card_authenticationRequiredOnSetup', savePaymentMethod: true };
    const { body } = await place(buyer, { ...later, ...card });
    await world.browserSaves(body.order.id, 'authenticate', { outcome: 'succeed' });
    await world.reaches(body.order.id, 'confirmed');
    const [method] = await saved(buyer, 1);
    expect(await stripeCustomersOf(buyer)).toHaveLength(1);
    const needed = await remove(buyer, method!);
    expect(needed).toMatchObject({ status: 409, body: { orders: [body.order.id] } });

    await world.receive(sku, 'wh_east', 1);
    await until(async () => (await world.stateOf(body.order.id)).payment.attempt === 'authorized', 'it is charged');
    expect(await intentOf(body.order.id)).toMatchObject({ setup_future_usage: null });
    await world.deliver(body.order.id);
    expect(await remove(buyer, method!)).toMatchObject({ status: 200, body: { paymentMethods: [] } });
  }, 60_000);

  test('can wait by a saved method, which is free once the order is cancelled', async () => {
    const { buyer, method } = await returning();
    const sku = await world.newSku({}, { backorder: { limit: 10, leadDays: 5 } });
    const later = { items: [{ sku, quantity: 1 }], acceptBackorder: true };
    const { body } = await place(buyer, { ...later, paymentMethod: method });
    expect(body.order.status).toBe('confirmed');
    expect((await remove(buyer, method)).status).toBe(409);
    await world.cancel(body.order.id);
    await world.orderHandle(body.order.id).result();
    expect((await remove(buyer, method)).status).toBe(200);
  });
});

describe('when Stripe fails', () => {
  test('a removal is refused with nothing changed, and done once it is asked for again', async () => {
    const { buyer, method } = await returning();
    await world.fault('stripe', { operation: 'payment_methods.detach', kind: 'fail_before', times: 1_000 });
    const response = await fetch(`${api.url}${walletPath(buyer)}/${method}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${buyer.token}` },
    });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await saved(buyer, 1)).toEqual([method]);
    await world.control(world.stripe.url, 'DELETE', '/_sandbox/faults');
    expect((await remove(buyer, method)).status).toBe(200);
  }, 30_000);

  test('nothing is opened or chosen, and it is once it is asked for again', async () => {
    const { buyer, method } = await returning();
    await world.fault('stripe', { operation: '*', kind: 'drop', times: 1_000 });
    const headers = { 'idempotency-key': randomUUID(), authorization: `Bearer ${buyer.token}` };
    const open = async () => (await fetch(`${api.url}${walletPath(buyer)}`, { method: 'POST', headers })).status;
    const [opened, chosen] = await Promise.all([open(), choose(buyer, method)]);
    expect([opened, chosen.status]).toEqual([503, 503]);
    expect(await world.mongo.models.methodSetups.countDocuments({ customerId: buyer.id })).toBe(0);
    expect(await walletOf(buyer)).not.toHaveProperty('defaultPaymentMethod');
    await world.control(world.stripe.url, 'DELETE', '/_sandbox/faults');
    expect([await open(), (await choose(buyer, method)).status]).toEqual([201, 200]);
  }, 40_000);

  test('a removal whose reply is lost is one', async () => {
    const { buyer, method } = await returning();
    const lost = await world.fault('stripe', { operation: 'payment_methods.detach', kind: 'fail_after' });
    const answers = await Promise.all([remove(buyer, method), remove(buyer, method)]);
    expect(await lost()).toBe(true);
    for (const answer of answers) expect([200, 404]).toContain(answer.status);
    expect(answers.map(({ status }) => status)).toContain(200);
    expect(await walletOf(buyer)).toEqual({ customerId: buyer.id, paymentMethods: [] });
  });

  test.each(['lose_reply', 'fail_after', 'fail_before', 'drop'])(
    '%s at the making of a customer makes one customer',
    async (fault) => {
      const fired = await world.fault('stripe', { operation: 'customers.create', kind: fault });
      const { buyer } = await returning();
      expect(await fired()).toBe(true);
      expect(await stripeCustomersOf(buyer)).toHaveLength(1);
    },
  );

  test('two orders of a new customer at once make one customer', async () => {
    const buyer = await newCustomer();
    const how = { paymentMethod: 'pm_card_visa', savePaymentMethod: true };
    const both = await Promise.all([place(buyer, how), place(buyer, how)]);
    for (const { body } of both) expect(body.order.status).toBe('confirmed');
    await saved(buyer, 2);
    const [customer, ...others] = await stripeCustomersOf(buyer);
    expect(others).toEqual([]);
    for (const { body } of both) expect((await intentOf(body.order.id)).customer).toBe(customer!.id);
  });
});

test('the auditor finds nothing', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});
