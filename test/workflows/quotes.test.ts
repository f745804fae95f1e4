/** What a customer is told is what they pay: quotes, limited promotions and store credit, over the real API and workers. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import Stripe from 'stripe';
import { bookCredit } from '../../activities/payments/credit.ts';
import { openRefund } from '../../activities/payments/refunds.ts';
import { load } from '../../bench/load.ts';
import { newId } from '../../models/id.ts';
import type { Promotion } from '../../models/pricing.ts';
import { linkToken } from '../../platform/link-token.ts';
import { inspectReturn, receiveReturn } from '../../workflows/messages.ts';
import { config } from '../api/support.ts';
import { seller } from '../support/invoices.ts';
import { type Answered, serve } from '../support/serve.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let api: Awaited<ReturnType<typeof serve>>;

beforeAll(async () => {
  world = await startWorld();
  await world.mongo.models.settings.create([
    { _id: 'store', seller, taxes: { inclusiveIn: ['EUR'], rounding: 'total', source: 'table' } },
  ]);
  await world.mongo.models.taxRates.create([
    { _id: 'de', name: 'VAT', country: 'DE', taxClass: 'standard', ppm: 190_000, onShipping: true },
    { _id: 'ca', name: 'Sales tax', country: 'US', region: 'CA', taxClass: 'standard', ppm: 72_500, onShipping: false },
  ]);
  const free = { countries: ['US'], regions: ['NY'], prices: { USD: [{ price: 0 }] }, minDays: 1, maxDays: 3 };
  const paid = { countries: ['*'], prices: { USD: [{ price: 590 }], EUR: [{ price: 490 }] }, minDays: 2, maxDays: 4 };
  await world.mongo.models.deliveryMethods.create([
    { _id: 'post', name: 'Post', active: true, position: 1, zones: [free, paid] },
  ]);
  api = await serve(world);
});
afterEach(async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});
afterAll(async () => {
  expect(await world.replayFailures()).toEqual([]);
  await api.stop();
  await world.stop();
});

const shippingAddress = {
  ...{ name: 'Ada', line1: '1 Road', city: 'New York', region: 'NY', postalCode: '10013', country: 'US' },
};
const destination = { country: 'US', region: 'NY', postalCode: '10013', city: 'New York' };
const goods = { currency: 'USD', items: [{ sku: 'MUG', quantity: 2 }] };

let addresses = 0;
function buyer() {
  addresses += 1;
  return {
    customer: { email: `ada${addresses}@example.com`, name: 'Ada' },
    shippingAddress,
    paymentMethod: 'pm_card_visa',
  };
}

const quote = (more: object = {}, token?: string) =>
  api.ask('POST', '/v1/quotes', { ...goods, destination, ...more }, token);
const place = (body: object, token?: string) => api.ask('POST', '/v1/orders', { ...buyer(), ...body }, token);

async function promotion(fields: Partial<Promotion> = {}): Promise<string> {
  const code = newId('req').toUpperCase();
  await world.mongo.models.promotions.create([
    {
      ...{ _id: code.toLowerCase(), name: 'Ten off', active: true, code, priority: 100, stacking: 'with_others' },
      ...{ on: { what: 'order' }, discount: { kind: 'percent', ppm: 100_000 } },
      ...fields,
    },
  ]);
  return code;
}

const usesOf = async (code: string) =>
  (await world.mongo.models.promotionCounts.findById(code.toLowerCase()).lean())?.used ?? 0;

function expectChanged({ status, body }: Answered, ...what: string[]): void {
  expect({ status, type: body.type }).toEqual({ status: 409, type: 'https://waybill.dev/problems/price-changed' });
  expect(body.changes.map((change: { what: string }) => change.what)).toEqual(what);
}

describe('a quote', () => {
  test('is what the order costs, line by line', async () => {
    const code = await promotion();
    const { status, body: told } = await quote({ codes: [code.toLowerCase(), 'NONSENSE'] });
    expect(status).toBe(201);
    expect(told).toMatchObject({
      ...{ subtotal: 2 * price, discount: 400, total: 2 * price - 400, due: 2 * price - 400 },
      promotions: [{ code, amount: 400 }],
      refusedCodes: [{ code: 'NONSENSE', why: 'unknown', detail: expect.any(String) }],
      lines: [{ sku: 'MUG', unitPrice: price, discounts: [{ amount: 400 }] }],
      availability: [{ sku: 'MUG', requested: 2, availability: 'in_stock' }],
    });
    const { body } = await place({ quoteId: told.id });
    const { lines, shipping, total } = told;
    expect(body.order).toMatchObject({ status: 'confirmed', total, lines, shipping });
    expect(shipping).toMatchObject({ dispatchBy: expect.any(String), promisedBy: expect.any(String) });
    expect(await world.atStripe(body.order.id)).toMatchObject({ held: 1 });
    await world.deliver(body.order.id);
    expect(await world.atStripe(body.order.id)).toMatchObject({ captured: [told.total] });
  });

  test('of a price that has changed is answered with what changed and a new quote, and nothing is charged', async () => {
    const sku = await world.newSku({ wh_east: 5 });
    const items = [{ sku, quantity: 1 }];
    const { body: told } = await quote({ items });
    await world.mongo.models.products.updateOne({ _id: sku }, { $set: { 'prices.USD': price + 500 } });
    const before = await world.mongo.models.orders.countDocuments();
    const refused = await place({ quoteId: told.id });
    expectChanged(refused, 'price', 'total');
    expect(refused.body.changes[0]).toEqual({ what: 'price', id: sku, before: price, after: price + 500 });
    expect(await world.mongo.models.orders.countDocuments()).toBe(before);
    const { body } = await place({ quoteId: refused.body.quote.id });
    expect(body.order).toMatchObject({ status: 'confirmed', total: price + 500 });
  });

  test('ends, and belongs to who asked for it', async () => {
    const { body: told } = await quote();
    await world.mongo.models.quotes.updateOne({ _id: told.id }, { $set: { expiresAt: new Date() } });
    const refused = await place({ quoteId: told.id });
    expectChanged(refused, 'expired');
    const [one, other] = await Promise.all([newCustomer(), newCustomer()]);
    const { body: hers } = await quote({}, api.signedIn(one));
    expect(await place({ quoteId: hers.id }, api.signedIn(other))).toMatchObject({ status: 422 });
    expect(await place({ quoteId: hers.id })).toMatchObject({ status: 422 });
  });

  test('placed twice under one key is one order, also where it would cost something else by then', async () => {
    const code = await promotion({ totalLimit: 1 });
    const { body: told } = await quote({ codes: [code] });
    const body = JSON.stringify({ ...buyer(), quoteId: told.id });
    const headers = { 'content-type': 'application/json', 'idempotency-key': newId('req') };
    const answers: object[] = [];
    for (let time = 0; time < 2; time += 1) {
      const response = await fetch(`${api.url}/v1/orders`, { method: 'POST', headers, body });
      const { order } = (await response.json()) as { order: { id: string } };
      answers.push({ status: response.status, id: order.id });
    }
    expect(answers[1]).toEqual(answers[0]);
    expect(await usesOf(code)).toBe(1);
  });

  test('is placed once, however many tabs place it', async () => {
    const { body: told } = await quote();
    const answers = await Promise.all(Array.from({ length: 4 }, () => place({ quoteId: told.id })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const { status, body } of answers.filter((answer) => answer.status !== 201))
      expect({ status, type: body.type }).toEqual({ status: 409, type: 'https://waybill.dev/problems/quote-placed' });
  });
});

describe('taxes and documents', () => {
  const berlin = { country: 'DE', postalCode: '10115', city: 'Berlin' };
  const sacramento = { country: 'US', region: 'CA', postalCode: '95814', city: 'Sacramento' };

  test('euros have the tax in them: the invoice says what of it is net, the credit note what comes back', async () => {
    const code = await promotion({ discount: { kind: 'amount', amounts: { EUR: 500 } } });
    const asked = { currency: 'EUR', destination: berlin, codes: [code] };
    const { body: told } = await quote(asked);
    expect(told).toMatchObject({
      ...{ taxInclusive: true, subtotal: 2 * 1899 + 490, discount: 500, total: 2 * 1899 + 490 - 500 },
      taxes: [{ name: 'VAT', percent: 19, base: 3183, amount: 605 }],
      shipping: { total: 490, promisedBy: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) },
    });
    const { body } = await place({
      quoteId: told.id,
      shippingAddress: { ...shippingAddress, ...berlin, region: undefined },
    });
    const { id } = body.order;
    expect(await documentsOf(id)).toEqual([]);
    await world.deliver(id);
    const [invoice] = await documentsOf(id);
    expect(invoice).toMatchObject({
      ...{ kind: 'invoice', orderId: id },
      content: { gross: 3788, net: 3183, tax: 605, paid: { card: 3788, credit: 0 } },
    });
    await sendBack(id, 1);
    // One of two mugs, with its half of the promotion; the delivery stays paid.
    expect(await world.atStripe(id)).toMatchObject({ refunds: [1649] });
    expect((await documentsOf(id))[1]).toMatchObject({ kind: 'credit_note', content: { gross: 1649 } });
    await world.refund(id);
    await until(async () => (await documentsOf(id)).length === 3, 'the rest is credited');
    const notes = (await documentsOf(id)).slice(1);
    const sum = (of: 'net' | 'tax' | 'gross') => notes.reduce((total, { content }) => total + content[of], 0);
    expect({ net: sum('net'), tax: sum('tax'), gross: sum('gross') }).toEqual({ net: 3183, tax: 605, gross: 3788 });
  });

  test('dinars are paid in multiples of ten: price, tax, capture and every refund', async () => {
    const sku = await world.newSku({ wh_east: 5 });
    await world.mongo.models.products.updateOne({ _id: sku }, { $set: { 'prices.KWD': 1_230 } });
    const inKuwait = { country: 'KW', postalCode: '13001', city: 'Kuwait' };
    await world.mongo.models.taxRates.create([
      { _id: 'kw', name: 'VAT', country: 'KW', taxClass: 'standard', ppm: 51_000, onShipping: true },
    ]);
    await world.mongo.models.deliveryMethods.updateOne(
      { _id: 'post' },
      { $set: { 'zones.1.prices.KWD': [{ price: 500 }] } },
    );
    // The rules are read once a second.
    const asked = { items: [{ sku, quantity: 3 }], currency: 'KWD', destination: inKuwait };
    await until(async () => (await quote(asked)).body.tax > 0, 'the rate is known');
    const { body: told } = await quote(asked);
    // 5.1 % of 4.190 are 0.213 69, and 0.21 in steps of a hundredth.
    expect(told).toMatchObject({ net: 4_190, tax: 210, total: 4_400 });
    const { body } = await place({
      quoteId: told.id,
      shippingAddress: { ...shippingAddress, ...inKuwait, region: undefined },
    });
    const { id } = body.order;
    await world.deliver(id);
    expect(await world.atStripe(id)).toMatchObject({ captured: [4_400] });
    for (const _unit of [1, 2, 3]) await sendBack(id, 1);
    const { refunds } = await world.atStripe(id);
    expect(refunds).toHaveLength(3);
    for (const amount of refunds) expect(amount % 10).toBe(0);
    expect(refunds.reduce((sum, amount) => sum + amount)).toBe(told.lines[0].total);
  });

  test('of parcels that are lost one after the other, each credit note names its own goods', async () => {
    const items = [
      { sku: 'MUG', quantity: 1 },
      { sku: 'LAMP', quantity: 1 },
    ];
    const { id } = (await place({ currency: 'USD', items, expectedTotal: 2 * price })).body.order;
    const shipments = await world.shipmentsOf(id);
    expect(shipments).toHaveLength(2);
    for (const shipment of shipments) await world.ship(id, shipment.id);
    for (const shipment of shipments) {
      await world.carrierSays(shipment.id, 'lost');
      const { id: incidentId } = await world.incident(id, 'lost');
      await world.answer(id, incidentId, 'refund');
      await until(
        async () => (await world.shipmentsOf(id)).length === 2 && (await world.stateOf(id)).incidents.length === 0,
      );
    }
    await world.reaches(id, 'completed');
    const notes = (await documentsOf(id)).slice(1);
    const named = notes.map(({ content }) => content.lines.map(({ sku, total }) => ({ sku, total })));
    expect(named.flat().sort((a, b) => (a.sku! < b.sku! ? -1 : 1))).toEqual([
      { sku: 'LAMP', total: price },
      { sku: 'MUG', total: price },
    ]);
  });

  test('what is refunded in the provider’s dashboard is credited as well', async () => {
    const { id } = (await place({ ...goods, expectedTotal: 2 * price })).body.order;
    await world.deliver(id);
    const dashboard = new Stripe('sk_test_world', { host: '127.0.0.1', port: world.stripe.port, protocol: 'http' });
    await dashboard.refunds.create({ payment_intent: await world.intentOf(id), amount: 700 });
    await until(async () => (await documentsOf(id)).length === 2, 'it is credited');
    expect((await documentsOf(id))[1]).toMatchObject({ kind: 'credit_note', content: { gross: 700 } });
  });

  test('no parcel waits for the refund of another', async () => {
    const items = [
      { sku: 'MUG', quantity: 1 },
      { sku: 'LAMP', quantity: 1 },
    ];
    const body = { currency: 'USD', items, expectedTotal: 2 * price, paymentMethod: 'pm_card_pendingRefund' };
    const { id } = (await place(body)).body.order;
    const [first, second] = await world.shipmentsOf(id);
    await world.ship(id, first!.id);
    await world.carrierSays(first!.id, 'lost');
    await world.answer(id, (await world.incident(id, 'lost')).id, 'refund');
    const sent = async () => world.mongo.models.refunds.findOne({ orderId: id, providerId: { $ne: null } }).lean();
    await until(async () => (await sent()) !== null, 'the refund is on its way');
    await world.ship(id, second!.id);
    expect((await sent())!.status).toBe('pending');
    await world.control(world.stripe.url, 'POST', `/_sandbox/refunds/${(await sent())!.providerId}/settle`, {
      outcome: 'succeeded',
    });
    await world.carrierSays(second!.id, 'delivered');
    await world.reaches(id, 'completed');
  });

  test('dollars have none, and where it is sent to says whether the delivery is taxed', async () => {
    const { body: told } = await quote({ destination: sacramento });
    // 7.25 % of 39.98 are 2.90; California does not tax the delivery.
    expect(told).toMatchObject({ taxInclusive: false, net: 2 * price + 590, tax: 290, total: 2 * price + 590 + 290 });
    expect(told.shipping).toMatchObject({ total: 590, taxes: [] });
    const other = await place({ quoteId: told.id });
    expectChanged(other, 'shipping', 'tax', 'total');
  });

  test('whoever is exempt pays the net, and nobody delivers where nobody does', async () => {
    const customerId = await newCustomer();
    await world.mongo.models.customers.updateOne({ _id: customerId }, { $set: { taxExempt: { reason: 'School' } } });
    const { body } = await quote({ currency: 'EUR', destination: berlin }, api.signedIn(customerId));
    expect(body).toMatchObject({ tax: 0, taxes: [], total: 3603 });
    const nowhere = await quote({ deliveryMethod: 'drone' });
    expect(nowhere).toMatchObject({ status: 422, body: { deliveryOptions: [{ method: 'post' }] } });
    // As long as an admin may name one.
    expect(await quote({ deliveryMethod: 'd'.repeat(64) })).toMatchObject({ status: 422 });
  });
});

describe('without a quote', () => {
  test('another total than the customer saw is refused the same way', async () => {
    const refused = await place({ ...goods, expectedTotal: 2 * price - 1 });
    expectChanged(refused, 'total');
    const { body } = await place({ quoteId: refused.body.quote.id });
    expect(body.order).toMatchObject({ status: 'confirmed', total: 2 * price });
  });
});

test('mails are in the language of the order, or in that of the customer who has signed in', async () => {
  const customerId = await newCustomer();
  await world.mongo.models.customers.updateOne({ _id: customerId }, { $set: { language: 'de' } });
  const languageOf = async (language?: string, token?: string) => {
    const { customer, ...how } = buyer();
    const body = { ...goods, ...how, customer: { ...customer, language }, expectedTotal: 2 * price };
    return (await place(body, token)).body.order.customer.language;
  };
  expect(await languageOf('de-at')).toBe('de-AT');
  expect(await languageOf()).toBeUndefined();
  expect(await languageOf(undefined, api.signedIn(customerId))).toBe('de');
  expect(await languageOf('en', api.signedIn(customerId))).toBe('en');
});

describe('a limited promotion', () => {
  test('of ten uses, raced by a thousand, is used exactly ten times', async () => {
    const sku = await world.newSku({ wh_east: 1_000 });
    const code = await promotion({ totalLimit: 10 });
    const items = [{ sku, quantity: 1 }];
    const expectedTotal = price - 200;
    const answers: Answered[] = [];
    await load(1_000, 64, async () => {
      answers.push(await place({ currency: 'USD', items, codes: [code], expectedTotal }));
    });
    const placed = answers.filter(({ status }) => status === 201);
    expect(placed).toHaveLength(10);
    for (const { body } of placed) expect(body.order).toMatchObject({ total: expectedTotal });
    for (const answer of answers.filter(({ status }) => status !== 201)) {
      expect(answer).toMatchObject({
        status: 409,
        body: { quote: { total: price, refusedCodes: [{ why: 'used_up' }] } },
      });
    }
    expect(await usesOf(code)).toBe(10);
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ reserved: 0, committed: 10 });
  }, 90_000);

  test('is given back by a cancelled order, and taken by the next', async () => {
    const code = await promotion({ totalLimit: 1 });
    const body = { ...goods, codes: [code], expectedTotal: 2 * price - 400 };
    const first = await place(body);
    expectChanged(await place(body), 'total');
    await world.cancel(first.body.order.id);
    expect(await usesOf(code)).toBe(0);
    expect(await place(body)).toMatchObject({ status: 201 });
    expect(await usesOf(code)).toBe(1);
  });

  test('is not used by who finds nothing left in stock, nor by a declined card that gives up', async () => {
    const code = await promotion({ totalLimit: 1 });
    const sku = await world.newSku({ wh_east: 1 });
    const gone = await place({ currency: 'USD', items: [{ sku, quantity: 2 }], codes: [code], expectedTotal: 3598 });
    expect(gone.body.type).toContain('out-of-stock');
    expect(await usesOf(code)).toBe(0);
    const declined = await place({
      ...goods,
      ...{ codes: [code], expectedTotal: 2 * price - 400, paymentMethod: 'pm_card_visa_chargeDeclined' },
    });
    expect(declined.body.order.status).toBe('awaiting_payment');
    expect(await usesOf(code)).toBe(1);
    await world.cancel(declined.body.order.id);
    expect(await usesOf(code)).toBe(0);
  });

  test('once a customer is once for their account and for their address, whoever asks first', async () => {
    const code = await promotion({ oncePerCustomer: true });
    const customer = { email: 'once@example.com', name: 'Once' };
    const body = { ...goods, codes: [code], expectedTotal: 2 * price - 400, customer };
    const answers = await Promise.all(Array.from({ length: 6 }, () => place(body)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const { status, body: refusal } of answers.filter((answer) => answer.status !== 201)) {
      expect(status).toBe(409);
      expect(refusal.quote.refusedCodes).toEqual([expect.objectContaining({ why: 'used_by_customer' })]);
    }
    const account = api.signedIn(await newCustomer());
    const other = { ...body, customer: { email: 'other@example.com', name: 'Other' } };
    expect(await place(other, account)).toMatchObject({ status: 201 });
    expect(await place({ ...body, customer: { email: 'third@example.com', name: 'Third' } }, account)).toMatchObject({
      status: 409,
    });
  });
});

describe('store credit', () => {
  test('pays first, and the card the rest; both come back by a return, the card first', async () => {
    const customerId = await newCustomer(1_500);
    const token = api.signedIn(customerId);
    const { body: told } = await quote({ useStoreCredit: true }, token);
    expect(told).toMatchObject({ storeCredit: { balance: 1_500, spent: 1_500 }, due: 2 * price - 1_500 });
    const { body } = await place({ quoteId: told.id }, token);
    const { id } = body.order;
    expect(body.order.payment).toMatchObject({ credit: 1_500, amountDue: 2 * price - 1_500 });
    expect(await balance(customerId)).toBe(0);
    await world.deliver(id);
    expect(await world.atStripe(id)).toMatchObject({ captured: [2 * price - 1_500] });
    await sendBack(id, 1);
    expect(await world.atStripe(id)).toMatchObject({ refunds: [price] });
    expect(await balance(customerId)).toBe(0);
    await sendBack(id, 1);
    expect((await world.atStripe(id)).refunds.reduce((sum, amount) => sum + amount)).toBe(2 * price - 1_500);
    expect(await balance(customerId)).toBe(1_500);
    expect(await viewed(id)).toMatchObject({ paymentStatus: 'refunded', payment: { refunded: 2 * price } });
  });

  test('pays alone, without a card, and comes back when the order is cancelled', async () => {
    const customerId = await newCustomer(10_000);
    const token = api.signedIn(customerId);
    const { body: told } = await quote({ useStoreCredit: true }, token);
    const { body } = await place({ quoteId: told.id, paymentMethod: undefined }, token);
    expect(body.order).toMatchObject({ status: 'confirmed', paymentStatus: 'captured' });
    expect(await balance(customerId)).toBe(10_000 - 2 * price);
    expect(await world.cancel(body.order.id)).toBe('cancelled');
    expect(await balance(customerId)).toBe(10_000);
    const delivered = await place({ quoteId: (await quote({ useStoreCredit: true }, token)).body.id }, token);
    await world.deliver(delivered.body.order.id);
    expect(await world.atStripe(delivered.body.order.id)).toMatchObject({ authorizations: 0 });
    expect(await balance(customerId)).toBe(10_000 - 2 * price);
  });

  test('leaves a card what it can be charged at the least', async () => {
    const customerId = await newCustomer(2 * price - 10);
    const { body: told } = await quote({ useStoreCredit: true }, api.signedIn(customerId));
    expect(told).toMatchObject({ due: 50, storeCredit: { spent: 2 * price - 50 } });
  });

  test('of one order, wanted by many at once, is spent once and never below zero', async () => {
    const customerId = await newCustomer(2 * price);
    const token = api.signedIn(customerId);
    const quotes = await Promise.all(Array.from({ length: 8 }, () => quote({ useStoreCredit: true }, token)));
    const answers = await Promise.all(quotes.map(({ body }) => place({ quoteId: body.id }, token)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 201)) expectChanged(answer, 'store_credit');
    expect(await balance(customerId)).toBe(0);
  });

  test('is what is left of it where only a part was sent', async () => {
    const sku = await world.newSku({ wh_east: 2 });
    const customerId = await newCustomer(price + 1_000);
    const token = api.signedIn(customerId);
    const items = [{ sku, quantity: 2 }];
    const { body } = await place({ quoteId: (await quote({ items, useStoreCredit: true }, token)).body.id }, token);
    const { id } = body.order;
    const shipmentId = (await world.shipmentsOf(id))[0]!.id;
    await world.pickShort(shipmentId, 1);
    await world.shipmentReaches(id, shipmentId, 'picked');
    await world.pack(id, shipmentId);
    await world.handOver(id, shipmentId);
    await world.carrierSays(shipmentId, 'delivered');
    await world.reaches(id, 'completed');
    // One unit is paid by the credit alone: nothing is captured, the rest of the credit is back.
    expect(await world.atStripe(id)).toMatchObject({ captured: [], held: 0 });
    expect(await balance(customerId)).toBe(1_000);
    expect(await viewed(id)).toMatchObject({ paymentStatus: 'partially_refunded' });
    // What came back was for nothing that was sold, so it credits nothing of the invoice.
    expect(await documentsOf(id)).toMatchObject([{ kind: 'invoice', content: { gross: price } }]);
  });

  test('takes a refund at the customer’s wish, also of what a card had paid', async () => {
    const customerId = await newCustomer();
    const token = api.signedIn(customerId);
    const { body } = await place({ ...goods, expectedTotal: 2 * price }, token);
    const { id } = body.order;
    await world.deliver(id);
    const refundId = newId('ref');
    const request = { key: refundId, refundId, orderId: id, amount: 500, reason: 'goodwill', actor: 'support:tok_1' };
    expect(await openRefund(world.mongo, { ...request, to: 'store_credit' })).toEqual({ refundId, amount: 500 });
    await world.follow('refund', refundId);
    expect(await balance(customerId)).toBe(500);
    expect(await world.atStripe(id)).toMatchObject({ refunds: [] });
    const rest = await world.refund(id);
    expect(await world.mongo.models.refunds.findById(rest).lean()).toMatchObject({
      amount: 2 * price - 500,
      credited: 0,
    });
    await until(async () => (await world.atStripe(id)).refunds[0] === 2 * price - 500, 'the rest is refunded');
  });

  test('is what a return is paid back with, where it was asked for so', async () => {
    const customerId = await newCustomer();
    const { body } = await place({ ...goods, expectedTotal: 2 * price }, api.signedIn(customerId));
    const { id } = body.order;
    await world.deliver(id);
    const lines = [{ lineId: 'line_1', quantity: 1, reason: 'does_not_fit' }];
    const asked = await api.ask('POST', `/v1/orders/${id}/returns`, { lines, refundTo: 'store_credit' }, ownerOf(id));
    expect(asked.status).toBe(201);
    await receiveAndInspect(asked.body.id, 1);
    expect(await balance(customerId)).toBe(price);
    expect(await world.atStripe(id)).toMatchObject({ refunds: [] });
    expect(await viewed(id)).toMatchObject({ paymentStatus: 'partially_refunded' });
  });

  test('also beside a refund in the dashboard of what was paid back as credit before, is no more than is left', async () => {
    const customerId = await newCustomer(1_500);
    const token = api.signedIn(customerId);
    const { body } = await place({ quoteId: (await quote({ useStoreCredit: true }, token)).body.id }, token);
    const { id } = body.order;
    await world.deliver(id);
    const byCard = 2 * price - 1_500;
    const request = { orderId: id, reason: 'goodwill', actor: 'support:tok_1' };
    await openRefund(world.mongo, { ...request, key: newId('ref'), amount: byCard, to: 'store_credit' });
    const { payments } = world.mongo.models;
    await payments.updateOne({ orderId: id }, { $inc: { refunded: 1_000 } });
    expect(await openRefund(world.mongo, { ...request, key: newId('ref') })).toMatchObject({ amount: 500 });
    expect(await payments.findOne({ orderId: id }).lean()).toMatchObject({ creditReturned: 500, refundPending: 0 });
    expect(await balance(customerId)).toBe(byCard + 500);
    // The auditor tells of what went back twice: taken back here, as it was made up.
    await payments.updateOne({ orderId: id }, { $inc: { refunded: -1_000 } });
  });

  test('that came back before the goods were packed is credited from the invoice', async () => {
    const token = api.signedIn(await newCustomer(2 * price));
    const { body } = await place({ ...goods, expectedTotal: 2 * price, useStoreCredit: true }, token);
    const { id } = body.order;
    await world.refund(id, 500);
    await world.deliver(id);
    const documents = await world.mongo.models.invoices.find({ orderId: id }, { pdf: 0 }).sort({ issuedAt: 1 }).lean();
    expect(documents).toMatchObject([
      { kind: 'invoice', content: { gross: 2 * price } },
      { kind: 'credit_note', content: { gross: 500 } },
    ]);
  });

  test('of a guest there is none', async () => {
    const { body } = await place({ ...goods, expectedTotal: 2 * price });
    await world.deliver(body.order.id);
    const request = { key: 'guest', orderId: body.order.id, amount: 500, reason: 'goodwill', actor: 'support:tok_1' };
    expect(await openRefund(world.mongo, { ...request, to: 'store_credit' })).toMatchObject({ refused: 'no_account' });
    const lines = [{ lineId: 'line_1', quantity: 1, reason: 'does_not_fit' }];
    const path = `/v1/orders/${body.order.id}/returns`;
    const refused = await api.ask('POST', path, { lines, refundTo: 'store_credit' }, ownerOf(body.order.id));
    expect(refused).toMatchObject({ status: 409, body: { type: expect.stringContaining('return-refused') } });
  });
});

// ---- What the tests above share ----

function documentsOf(orderId: string) {
  return world.mongo.models.invoices.find({ orderId }, { pdf: 0 }).sort({ issuedAt: 1 }).lean();
}

async function newCustomer(credit = 0): Promise<string> {
  const _id = newId('cus');
  await world.mongo.models.customers.create([{ _id, email: `${_id}@example.com`, name: 'Ada', createdAt: new Date() }]);
  const grant = {
    key: newId('crd'),
    currency: 'USD',
    kind: 'grant' as const,
    reason: 'welcome',
    actor: 'support:tok_1',
  };
  if (credit > 0) await bookCredit(world.mongo, { ...grant, customerId: _id, amount: credit });
  return _id;
}

async function balance(customerId: string): Promise<number> {
  return (await world.mongo.models.creditAccounts.findById(`${customerId}:USD`).lean())?.balance ?? 0;
}

const ownerOf = (orderId: string) => linkToken(config.WAYBILL_SECRET, orderId);

async function viewed(orderId: string) {
  return (await api.ask('GET', `/v1/orders/${orderId}`, undefined, ownerOf(orderId))).body;
}

async function sendBack(orderId: string, quantity: number): Promise<void> {
  await receiveAndInspect(await world.sendBack(orderId, [{ lineId: 'line_1', quantity }]), quantity);
}

async function receiveAndInspect(returnId: string, quantity: number): Promise<void> {
  await world.returnReaches(returnId, 'approved');
  const handle = world.returnHandle(returnId);
  const actor = 'warehouse:tok_1';
  await handle.executeUpdate(receiveReturn, {
    args: [{ lines: [{ lineId: 'line_1', quantity, reception: 'received' }], actor }],
  });
  await handle.executeUpdate(inspectReturn, {
    args: [{ lines: [{ lineId: 'line_1', quantity, disposition: 'restock' }], actor }],
  });
  await world.returnReaches(returnId, 'completed');
}
