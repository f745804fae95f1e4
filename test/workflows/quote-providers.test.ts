/** What only providers know of a price: taxes that Stripe works out, and live rates of the carrier. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type Answered, serve } from '../support/serve.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let api: Awaited<ReturnType<typeof serve>>;

beforeAll(async () => {
  world = await startWorld();
  const { models } = world.mongo;
  const taxes = { inclusiveIn: ['EUR'], rounding: 'total' as const, source: 'stripe' as const };
  await models.settings.create([{ _id: 'store', taxes }]);
  const zone = (USD: number) => ({ countries: ['*'], prices: { USD: [{ price: USD }], EUR: [{ price: USD }] } });
  await models.deliveryMethods.create([
    { _id: 'plain', name: 'Plain', active: true, position: 1, zones: [{ ...zone(500), minDays: 1, maxDays: 3 }] },
    {
      ...{ _id: 'live', name: 'Live', active: true, position: 2, liveService: 'express' },
      zones: [{ ...zone(9_900), minDays: 1, maxDays: 1 }],
    },
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

const newYork = { country: 'US', region: 'NY', postalCode: '10013', city: 'New York' };
const customer = { email: 'ada@example.com', name: 'Ada' };
const goods = { currency: 'USD', items: [{ sku: 'MUG', quantity: 2 }] };

const quote = (more: object = {}): Promise<Answered> =>
  api.ask('POST', '/v1/quotes', { ...goods, destination: newYork, ...more });
const place = (body: object) => {
  const shippingAddress = { ...newYork, name: 'Ada', line1: '1 Road' };
  return api.ask('POST', '/v1/orders', { customer, shippingAddress, paymentMethod: 'pm_card_visa', ...body });
};

interface TaxState {
  tax_calculations: unknown[];
  tax_transactions: { reference: string; type: string }[];
}
const atStripeTax = async () => (await world.stripeState()) as unknown as TaxState;
const transactionsOf = async (orderId: string) => {
  const refunds = await world.mongo.models.refunds.find({ orderId }).lean();
  const ours = [orderId, `${orderId}-unsold`, ...refunds.map(({ _id }) => _id)];
  return (await atStripeTax()).tax_transactions.filter(({ reference }) => ours.includes(reference));
};

describe('taxes by Stripe', () => {
  test('are calculated at the quote, recorded at the capture, and taken back with a refund', async () => {
    const { body: told } = await quote();
    expect(told.taxes).toHaveLength(2);
    expect(told.total).toBe(told.net + told.tax);
    expect(told.net).toBe(2 * price + 500);
    const calculated = (await atStripeTax()).tax_calculations.length;
    const { body } = await place({ quoteId: told.id });
    const { id } = body.order;
    expect(body.order.total).toBe(told.total);
    expect((await atStripeTax()).tax_calculations).toHaveLength(calculated);
    expect(await transactionsOf(id)).toEqual([]);
    await world.deliver(id);
    expect(await world.atStripe(id)).toMatchObject({ captured: [told.total] });
    expect(await transactionsOf(id)).toMatchObject([{ reference: id, type: 'transaction' }]);
    const refundId = await world.refund(id, 1_000);
    await until(async () => (await transactionsOf(id)).length === 2, 'the tax of the refund is taken back');
    expect((await transactionsOf(id))[1]).toMatchObject({ reference: refundId, type: 'reversal' });
  });

  test('are calculated anew for an order that is edited, and recorded as they are then', async () => {
    const { order, link } = (await place({ quoteId: (await quote()).body.id })).body;
    const calculated = (await atStripeTax()).tax_calculations.length;
    const at = `/v1/orders/${order.id}/edits`;
    const losAngeles = { ...newYork, region: 'CA', postalCode: '90001', city: 'Los Angeles' };
    const asked = {
      items: [{ sku: 'MUG', quantity: 3 }],
      shippingAddress: { ...losAngeles, name: 'Ada', line1: '2 Road' },
    };
    const { status, body: made } = await api.ask('POST', at, asked, link.token);
    expect(status).toBe(201);
    expect(made.becomes).toMatchObject({ net: 3 * price + 500, total: made.after });
    expect((await atStripeTax()).tax_calculations).toHaveLength(calculated + 1);
    const by = { paymentMethod: 'pm_card_visa' };
    expect((await api.ask('POST', `${at}/${made.id}/confirm`, by, link.token)).status).toBe(200);
    for (const { id, status: now } of await world.shipmentsOf(order.id)) {
      if (now === 'cancelled') continue;
      await world.ship(order.id, id);
      await world.carrierSays(id, 'delivered');
    }
    await world.reaches(order.id, 'completed');
    expect(await world.atStripe(order.id)).toMatchObject({ held: 0, captured: [made.after] });
    expect(await transactionsOf(order.id)).toMatchObject([{ reference: order.id, type: 'transaction' }]);
  });

  test('are taken back as well where money went back before they were recorded', async () => {
    const { id } = (await place({ quoteId: (await quote()).body.id })).body.order;
    const [shipment] = await world.shipmentsOf(id);
    const armed = { operation: 'tax.transactions.create_from_calculation', kind: 'fail_before', times: 10_000 };
    await world.fault('stripe', armed);
    await world.ship(id, shipment!.id);
    const refundId = await world.refund(id, 1_000);
    await until(async () => (await world.atStripe(id)).refunds[0] === 1_000, 'it is refunded');
    await world.refundHandle(refundId).result();
    expect(await transactionsOf(id)).toEqual([]);
    await world.control(world.stripe.url, 'DELETE', '/_sandbox/faults');
    await world.carrierSays(shipment!.id, 'delivered');
    await world.reaches(id, 'completed');
    expect(await transactionsOf(id)).toMatchObject([{ reference: id }, { reference: refundId, type: 'reversal' }]);
  }, 60_000);

  test('are calculated anew where the cart is another by then', async () => {
    const sku = await world.newSku({ wh_east: 5 });
    const { body: told } = await quote({ items: [{ sku, quantity: 1 }] });
    await world.mongo.models.products.updateOne({ _id: sku }, { $set: { 'prices.USD': 2 * price } });
    const refused = await place({ quoteId: told.id });
    expect(refused).toMatchObject({ status: 409, body: { quote: { net: 2 * price + 500 } } });
    expect(refused.body.quote.tax).toBeGreaterThan(told.tax);
    expect(await place({ quoteId: refused.body.quote.id })).toMatchObject({ status: 201 });
  });

  test('are those of where it is sent to, whatever the quote was for', async () => {
    const california = { country: 'US', region: 'CA', postalCode: '95814', city: 'Sacramento' };
    const { body: told } = await quote({ destination: california });
    const refused = await place({ quoteId: told.id });
    expect(refused).toMatchObject({ status: 409, body: { quote: { tax: (await quote()).body.tax } } });
    expect(refused.body.quote.tax).not.toBe(told.tax);
  });

  test('are asked for where there is no quote, also for an address without a region', async () => {
    const destination = { country: 'DE', postalCode: '10115', city: 'Berlin' };
    const asked = { currency: 'EUR', items: goods.items, expectedTotal: 1 };
    const shippingAddress = { ...destination, name: 'Ada', line1: '1 Road' };
    const refused = await place({ ...asked, shippingAddress });
    expect(refused).toMatchObject({ status: 409, body: { quote: { tax: expect.any(Number) } } });
    expect(refused.body.quote.tax).toBeGreaterThan(0);
    const calculated = (await atStripeTax()).tax_calculations.length;
    expect(await place({ quoteId: refused.body.quote.id, shippingAddress })).toMatchObject({ status: 201 });
    expect((await atStripeTax()).tax_calculations).toHaveLength(calculated);
  });

  test('keep nobody from hearing that there is no such delivery', async () => {
    const nowhere = await quote({ deliveryMethod: 'drone' });
    expect(nowhere).toMatchObject({ status: 422, body: { type: expect.stringContaining('not-deliverable') } });
  });

  test('are calculated anew where the store says otherwise by then how taxes are worked out', async () => {
    const settings = (taxes: object) =>
      world.mongo.models.settings.updateOne({ _id: 'store' }, { $set: { taxes } }).then(() => world.pass(1_100));
    const before = { inclusiveIn: ['EUR'], rounding: 'total', source: 'stripe' };
    const { body: onTop } = await quote();
    await settings({ ...before, inclusiveIn: ['USD'] });
    const refused = await place({ quoteId: onTop.id });
    const { body: within } = await quote();
    expect(within).toMatchObject({ taxInclusive: true, total: 2 * price + 500 });
    expect(refused.body.quote).toMatchObject({ tax: within.tax, total: within.total });
    await settings({ ...before, source: 'table' });
    const { body: byTable } = await quote();
    await settings(before);
    const taxed = await place({ quoteId: byTable.id });
    expect(taxed).toMatchObject({ status: 409, body: { quote: { tax: onTop.tax, total: onTop.total } } });
  });

  test('of what is not sent are taken back at once', async () => {
    const sku = await world.newSku({ wh_east: 2 });
    const { body: told } = await quote({ items: [{ sku, quantity: 2 }] });
    const { id } = (await place({ quoteId: told.id })).body.order;
    const shipmentId = (await world.shipmentsOf(id))[0]!.id;
    await world.pickShort(shipmentId, 1);
    await world.shipmentReaches(id, shipmentId, 'picked');
    await world.pack(id, shipmentId);
    await world.handOver(id, shipmentId);
    await world.carrierSays(shipmentId, 'delivered');
    await world.reaches(id, 'completed');
    expect(await transactionsOf(id)).toMatchObject([{ reference: id }, { reference: `${id}-unsold` }]);
  });

  test('in the price: what a customer pays is what they saw', async () => {
    const destination = { country: 'DE', postalCode: '10115', city: 'Berlin' };
    const { body } = await quote({ currency: 'EUR', destination });
    expect(body).toMatchObject({ taxInclusive: true, subtotal: body.total, tax: expect.any(Number) });
    expect(body.tax).toBeGreaterThan(0);
  });

  test('of an address that Stripe cannot place are refused with a reason', async () => {
    const refused = await quote({ destination: { country: 'US' } });
    expect(refused).toMatchObject({ status: 422, body: { type: expect.stringContaining('not-taxable') } });
  });

  test('while Stripe is down nothing is sold at a guess', async () => {
    await world.fault('stripe', {
      operation: 'tax.calculations.create',
      kind: 'fail_before',
      times: 50,
    });
    const before = await world.mongo.models.orders.countDocuments();
    expect(await quote()).toMatchObject({ status: 503 });
    expect(await place({ ...goods, expectedTotal: 1 })).toMatchObject({ status: 503 });
    expect(await world.mongo.models.orders.countDocuments()).toBe(before);
  });
});

describe('live rates', () => {
  test('are the price of a delivery; where the carrier is silent, the table has one', async () => {
    await world.control(world.stripe.url, 'DELETE', '/_sandbox/faults');
    const { body } = await quote({ deliveryMethod: 'live' });
    const live = body.deliveryOptions.find(({ method }: { method: string }) => method === 'live');
    expect(live.price).not.toBe(9_900);
    expect(body.shipping).toMatchObject({ method: 'live', subtotal: live.price });
    await world.fault('carrier', { operation: 'rates', kind: 'fail_before', times: 50 });
    const silent = await quote({ deliveryMethod: 'live' });
    expect(silent.body.shipping).toMatchObject({ method: 'live', subtotal: 9_900 });
  });
});
