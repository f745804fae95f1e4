/** What was ordered is changed before it is picked: all of it or nothing, and the money with it. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { bookCredit } from '../../activities/payments/credit.ts';
import { authorizeEdit } from '../../activities/payments/edits.ts';
import { withdrawPayment } from '../../activities/payments/reissue.ts';
import { applyEdit } from '../../activities/stock/edits.ts';
import { newId } from '../../models/id.ts';
import { createEditor } from '../support/edits.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let editor: Awaited<ReturnType<typeof createEditor>>;
beforeAll(async () => {
  world = await startWorld();
  const { models } = world.mongo;
  await models.taxRates.create([
    { _id: 'de', name: 'VAT', country: 'DE', taxClass: 'standard', ppm: 190_000, onShipping: true },
    {
      _id: 'ca',
      name: 'Sales tax',
      country: 'US',
      region: 'CA',
      taxClass: 'standard',
      ppm: 100_000,
      onShipping: false,
    },
  ]);
  const free = { countries: ['US'], regions: ['NY'], prices: { USD: [{ price: 0 }] }, minDays: 1, maxDays: 3 };
  const paid = { countries: ['*'], prices: { USD: [{ price: 500 }] }, minDays: 2, maxDays: 4 };
  const fast = { countries: ['US'], prices: { USD: [{ price: 1_000 }] }, minDays: 1, maxDays: 1 };
  await models.deliveryMethods.create([
    { _id: 'post', name: 'Post', active: true, position: 1, zones: [free, paid] },
    { _id: 'express', name: 'Express', active: true, position: 2, zones: [fast] },
  ]);
  editor = await createEditor(world);
});
afterEach(async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});
afterAll(async () => {
  expect(await world.replayFailures()).toEqual([]);
  await editor.api.stop();
  await world.stop();
});

const units = (sku: string, quantity: number) => ({ items: [{ sku, quantity }] });
const mugs = (quantity: number) => units('MUG', quantity);
const by = (paymentMethod: string) => ({ paymentMethod });
const visa = by('pm_card_visa');
const california = {
  ...{ name: 'Buyer', line1: 'Road 2', city: 'Los Angeles', region: 'CA', postalCode: '90001', country: 'US' },
};
const berlin = { name: 'Buyer', line1: 'Straße 1', city: 'Berlin', postalCode: '10115', country: 'DE' };

/** Everything that is still meant to be is delivered, and was paid for by card with this. */
async function isSent(orderId: string, total: number, refunds: number[] = []): Promise<void> {
  await until(async () => (await live(orderId)).every(({ status }) => status === 'picking'), 'it can be picked');
  for (const { id } of await live(orderId)) {
    await world.ship(orderId, id);
    await world.carrierSays(id, 'delivered');
  }
  await world.reaches(orderId, 'completed');
  const { captured, ...rest } = await world.atStripe(orderId);
  expect({ ...rest, captured: captured.reduce((sum, each) => sum + each, 0) }).toMatchObject({
    ...{ held: 0, captured: total, refunds },
  });
}

async function live(orderId: string) {
  return (await world.shipmentsOf(orderId)).filter(({ status }) => status !== 'cancelled');
}

/** And told of, and paid for by one authorization. */
async function isApplied(orderId: string, editId: string): Promise<void> {
  await until(async () => (await editor.look(orderId, editId)).body.status === 'applied', 'it is applied');
  await until(async () => (await world.mailsOf(orderId)).includes('order_changed'), 'it is told');
  await until(async () => (await world.atStripe(orderId)).held === 1, 'one authorization is left');
}

/** What an edit that is refused leaves as it was. */
async function standing(orderId: string) {
  const { items, lines, total, shipTo, shipping, pricing } = await world.readOrder(orderId);
  const { intentId, amountDue, edit, status } = await world.paymentOf(orderId);
  const { held } = await world.atStripe(orderId);
  const shipments = await live(orderId);
  return { items, lines, total, shipTo, shipping, pricing, intentId, amountDue, edit, status, held, shipments };
}

describe('an order that is paid', () => {
  test('more of it is authorized as a whole, and one authorization is left', async () => {
    const { orderId } = await world.place();
    const made = await editor.preview(orderId, mugs(3));
    expect(made.body).toMatchObject({
      ...{ status: 'open', before: 2 * price, after: 3 * price, difference: price, paymentNeeded: true },
      changes: expect.arrayContaining([{ what: 'quantity', id: 'MUG', before: 2, after: 3 }]),
    });
    const done = await editor.confirm(orderId, made.body.id, { ...visa, reason: 'one more, please' });
    expect(done).toMatchObject({ status: 200, body: { status: 'applied', difference: price } });
    expect(await world.atStripe(orderId)).toMatchObject({ authorizations: 2, held: 1 });
    expect((await world.readOrder(orderId)).total).toBe(3 * price);
    const { body } = await editor.api.ask('GET', `/v1/orders/${orderId}`, undefined, editor.support);
    expect(body.timeline).toContainEqual(
      expect.objectContaining({
        ...{ what: 'Edited: MUG 2 → 3', why: 'one more, please' },
        ...{ before: '39.98 USD', after: '59.97 USD', actor: expect.stringMatching(/^support:/) },
      }),
    );
    expect(await world.mailsOf(orderId)).toEqual(['order_confirmed', 'order_changed']);
    await isSent(orderId, 3 * price);
  });

  test('less of it is captured in part', async () => {
    const { orderId } = await world.place();
    const done = await editor.edit(orderId, mugs(1));
    expect(done).toMatchObject({ status: 200, body: { status: 'applied', difference: -price } });
    expect(await world.atStripe(orderId)).toMatchObject({ authorizations: 1, held: 1 });
    await isSent(orderId, price);
  });

  test('less, and then as much as before: what is held is enough', async () => {
    const { orderId } = await world.place();
    await editor.edit(orderId, mugs(1));
    const again = await editor.preview(orderId, mugs(2));
    expect(again.body).toMatchObject({ difference: price, paymentNeeded: false });
    expect((await editor.confirm(orderId, again.body.id)).status).toBe(200);
    expect(await world.atStripe(orderId)).toMatchObject({ authorizations: 1, held: 1 });
    await isSent(orderId, 2 * price);
  });

  test('other goods come and go, each from its warehouse', async () => {
    const { orderId } = await world.place();
    const both = { items: [...mugs(1).items, ...units('LAMP', 1).items] };
    expect((await editor.edit(orderId, both)).status).toBe(200);
    const { lineId } = (await world.readOrder(orderId)).lines[1]!;
    const from = async () => (await live(orderId)).map(({ warehouseId }) => warehouseId).toSorted();
    await until(async () => (await from()).length === 2, 'there are two shipments');
    expect(await from()).toEqual(['wh_east', 'wh_west']);
    expect((await editor.edit(orderId, units('LAMP', 1))).status).toBe(200);
    await until(async () => (await from()).length === 1, 'there is one shipment');
    expect(await world.readOrder(orderId)).toMatchObject({ lines: [{ lineId, sku: 'LAMP' }] });
    await isSent(orderId, price);
  });

  test('as urgent as it was', async () => {
    const { orderId } = await world.place();
    const [before] = await live(orderId);
    await world.mongo.models.shipments.updateOne({ _id: before!.id }, { $set: { priority: 7 } });
    await editor.edit(orderId, mugs(1));
    const [after] = await live(orderId);
    expect(after!.id).not.toBe(before!.id);
    expect(await world.mongo.models.shipments.findById(after!.id).lean()).toMatchObject({ priority: 7 });
    await isSent(orderId, price);
  });

  test('to another region: other taxes, another price of delivery, from another warehouse', async () => {
    const sku = await world.newSku({ wh_east: 5, wh_west: 5 });
    const { orderId } = await world.place(units(sku, 2));
    const made = await editor.preview(orderId, { shippingAddress: california });
    const total = 2 * price + 400 + 500;
    expect(made.body).toMatchObject({ after: total, becomes: { tax: 400, shipping: { method: 'post', total: 500 } } });
    expect(made.body.changes).toContainEqual({ what: 'address' });
    expect((await editor.confirm(orderId, made.body.id, visa)).status).toBe(200);
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ committed: 0 });
    expect(await world.stock(sku, 'wh_west')).toMatchObject({ committed: 2 });
    const [shipment] = await live(orderId);
    const facts = await world.mongo.models.shipments.findById(shipment!.id).lean();
    expect(facts).toMatchObject({ warehouseId: 'wh_west', to: { country: 'US', region: 'CA' } });
    await isSent(orderId, total);
  });

  test('to a country where its way of delivery does not go: by the cheapest that does', async () => {
    const { orderId } = await world.place();
    await editor.edit(orderId, { deliveryMethod: 'express' }, visa);
    expect(await world.readOrder(orderId)).toMatchObject({ total: 2 * price + 1_000 });
    const made = await editor.preview(orderId, { shippingAddress: berlin });
    const total = Math.round((2 * price + 500) * 1.19);
    expect(made.body).toMatchObject({ after: total, becomes: { shipping: { method: 'post' } } });
    expect(made.body.changes).toContainEqual({ what: 'delivery_method', before: 'express', after: 'post' });
    const named = await editor.preview(orderId, { shippingAddress: berlin, deliveryMethod: 'express' });
    expect(named).toMatchObject({ status: 422, body: { type: expect.stringMatching(/not-deliverable$/) } });
    expect((await editor.confirm(orderId, made.body.id, visa)).status).toBe(200);
    await isSent(orderId, total);
  });

  test('a bundle is one item, and a line for each of its parts', async () => {
    const [cup, plate] = [await world.newSku({ wh_east: 9 }), await world.newSku({ wh_east: 9 })];
    const bundle = [cup, plate].map((sku) => ({ sku, quantity: 1 }));
    const set = await world.newSku({}, { bundle });
    const { orderId } = await world.place({ items: [{ sku: set, quantity: 1 }, ...mugs(1).items] });
    expect((await editor.edit(orderId, { deliveryMethod: 'express' }, visa)).status).toBe(200);
    expect(await world.readOrder(orderId)).toMatchObject({
      items: [{ sku: set, quantity: 1 }, ...mugs(1).items],
      lines: [{ sku: cup }, { sku: plate }, { sku: 'MUG' }],
    });
    expect((await editor.edit(orderId, units(set, 2), visa)).status).toBe(200);
    expect(await world.stock(plate, 'wh_east')).toMatchObject({ committed: 2 });
    await isSent(orderId, 2 * price + 1_000);
  });
});

describe('more money', () => {
  test('that is declined changes nothing, and another card may follow', async () => {
    const { orderId } = await world.place();
    const before = await standing(orderId);
    const editId = await editor.previewed(orderId, mugs(3));
    const refused = await editor.confirm(orderId, editId, by('pm_card_visa_chargeDeclined'), editor.ownerOf(orderId));
    expect(refused).toMatchObject({ status: 409, body: { reason: 'declined', declineCode: 'generic_decline' } });
    expect(await standing(orderId)).toEqual(before);
    expect(await editor.confirm(orderId, editId, visa)).toMatchObject({ status: 200, body: { status: 'applied' } });
    await isSent(orderId, 3 * price);
  });

  test('that its customer has to confirm waits for them, and the order is as it was until then', async () => {
    const { orderId } = await world.place();
    const before = await standing(orderId);
    const owner = editor.ownerOf(orderId);
    const editId = await editor.previewed(orderId, mugs(3), owner);
    const strong = by('pm_card_authenticationRequired');
    const asked = await editor.confirm(orderId, editId, strong, owner);
    expect(asked).toMatchObject({ status: 200, body: { status: 'waiting', clientSecret: expect.any(String) } });
    expect(await standing(orderId)).toMatchObject({ ...before, edit: { editId } });
    expect((await editor.look(orderId, editId)).body).not.toHaveProperty('clientSecret');
    const { body } = await editor.api.ask('GET', `/v1/orders/${orderId}`, undefined, owner);
    const { clientSecret } = asked.body;
    expect(body).toMatchObject({ status: 'confirmed', payment: { clientSecret, purpose: 'payment', editId } });
    await until(async () => (await world.stateOf(orderId)).waitingFor?.event === 'edit_payment', 'it waits');
    expect(await editor.confirm(orderId, editId, strong, owner)).toMatchObject({ body: { status: 'waiting' } });
    const another = await editor.edit(orderId, mugs(4), visa);
    expect(another).toMatchObject({ status: 409, body: { reason: 'busy' } });
    await confirms(orderId, 'succeed');
    await isApplied(orderId, editId);
    await isSent(orderId, 3 * price);
  });

  test('that waits for one card is paid by another, and a declined one leaves it to be confirmed anew', async () => {
    const { orderId } = await world.place();
    const before = await standing(orderId);
    const owner = editor.ownerOf(orderId);
    const editId = await editor.previewed(orderId, mugs(3), owner);
    const confirm = (paymentMethod: string) => editor.confirm(orderId, editId, by(paymentMethod), owner);
    expect((await confirm('pm_card_authenticationRequired')).body).toMatchObject({ status: 'waiting' });
    expect((await confirm('pm_card_visa_chargeDeclined')).body).toMatchObject({ reason: 'declined' });
    expect(await standing(orderId)).toEqual(before);
    expect((await confirm('pm_card_authenticationRequired')).body).toMatchObject({ status: 'waiting' });
    expect((await confirm('pm_card_mastercard')).body).toMatchObject({ status: 'applied' });
    await isApplied(orderId, editId);
    await until(async () => (await world.stateOf(orderId)).waitingFor?.event === 'picking', 'it waits no more');
    expect((await editor.edit(orderId, mugs(4), visa)).body).toMatchObject({ status: 'applied' });
    await isSent(orderId, 4 * price);
  });

  test('that comes when somebody has begun to pick is let go', async () => {
    const { orderId } = await world.place();
    const editId = await editor.previewed(orderId, mugs(3));
    await editor.confirm(orderId, editId, by('pm_card_authenticationRequired'));
    expect(await world.mailsOf(orderId)).toContain('edit_payment_needed');
    const [shipment] = await live(orderId);
    await world.scan(shipment!.id, 'MUG', 1);
    await confirms(orderId, 'succeed');
    await until(async () => (await world.paymentOf(orderId)).edit === undefined, 'it is let go');
    await until(async () => (await world.atStripe(orderId)).held === 1, 'one is held');
    await world.scan(shipment!.id, 'MUG', 1);
    expect(await world.pack(orderId, shipment!.id)).toBe('ready');
    await world.handOver(orderId, shipment!.id);
    expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [2 * price] });
  });

  test('that is waited for is let go where the order is cancelled', async () => {
    const { orderId } = await world.place();
    await editor.edit(orderId, mugs(3), by('pm_card_authenticationRequired'));
    expect(await world.cancel(orderId)).toBe('cancelled');
    expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [] });
    expect(await world.paymentOf(orderId)).not.toHaveProperty('edit');
  });

  test('that the customer pays in the browser, as no method is named', async () => {
    const { orderId } = await world.place();
    const editId = await editor.previewed(orderId, mugs(3));
    expect(await editor.confirm(orderId, editId)).toMatchObject({ status: 200, body: { status: 'waiting' } });
    const { edit } = await world.paymentOf(orderId);
    const at = `/_sandbox/payment_intents/${edit!.intentId}/confirm`;
    await world.control(world.stripe.url, 'POST', at, { payment_method: 'pm_card_mastercard' });
    await isApplied(orderId, editId);
    await isSent(orderId, 3 * price);
  });

  test('that was refused is not authorized by a worker that thaws later', async () => {
    const { orderId } = await world.place();
    const editId = await editor.previewed(orderId, mugs(3));
    await editor.confirm(orderId, editId, by('pm_card_visa_chargeDeclined'));
    const before = await standing(orderId);
    const late = { orderId, editId, attempt: 2, ...visa };
    expect(await authorizeEdit(world.mongo, world.payments, late)).toMatchObject({ attempt: 'voided' });
    expect(await standing(orderId)).toEqual(before);
    expect((await editor.confirm(orderId, editId, visa)).status).toBe(200);
    expect(await authorizeEdit(world.mongo, world.payments, { ...late, attempt: 3 })).toMatchObject({
      attempt: 'voided',
    });
    expect(await world.atStripe(orderId)).toMatchObject({ held: 1 });
    await isSent(orderId, 3 * price);
  });

  test('that a risky card has authorized puts the order on hold', async () => {
    const { orderId } = await world.place();
    expect((await editor.edit(orderId, mugs(3), by('pm_card_riskLevelElevated'))).status).toBe(200);
    const { id } = await world.incident(orderId, 'hold');
    await world.answer(orderId, id, 'release');
    await isSent(orderId, 3 * price);
  });

  test('while Stripe is down is refused in words, and nothing is changed', async () => {
    const { orderId } = await world.place();
    const before = await standing(orderId);
    const editId = await editor.previewed(orderId, mugs(3));
    const down = (is: boolean) => world.control(world.stripe.url, 'POST', '/_sandbox/down', { down: is });
    await down(true);
    const answer = await editor.confirm(orderId, editId, visa);
    expect(answer.status).toBe(202);
    await down(false);
    await until(async () => ['applied', 'open'].includes((await editor.look(orderId, editId)).body.status));
    await until(async () => (await world.atStripe(orderId)).held === 1, 'one is held');
    const { total } = await world.readOrder(orderId);
    expect([before.total, 3 * price]).toContain(total);
    await isSent(orderId, total);
  }, 60_000);

  /** The customer of an edit, at the bank. */
  async function confirms(orderId: string, outcome: 'succeed' | 'fail'): Promise<void> {
    const { edit } = await world.paymentOf(orderId);
    const at = `/_sandbox/payment_intents/${edit!.intentId}/authenticate`;
    await world.control(world.stripe.url, 'POST', at, { outcome });
  }
});

describe('an order that is not paid', () => {
  const declined = () => world.place({ paymentMethod: 'pm_card_visa_chargeDeclined' });

  test.each([
    ['more', 3],
    ['less', 1],
  ])('is asked for %s, by another intent', async (_what, quantity) => {
    const { orderId } = await declined();
    const old = await world.intentOf(orderId);
    expect((await editor.edit(orderId, mugs(quantity))).body).toMatchObject({ status: 'applied' });
    const { intentId, amountDue, pastIntents, clientSecret } = await world.paymentOf(orderId);
    expect({ amountDue, pastIntents }).toEqual({ amountDue: quantity * price, pastIntents: [old] });
    const { body } = await editor.api.ask('GET', `/v1/orders/${orderId}`, undefined, editor.ownerOf(orderId));
    expect(body).toMatchObject({ status: 'awaiting_payment', payment: { clientSecret } });
    expect(intentId).not.toBe(old);
    expect(await world.stock('MUG', 'wh_east')).toMatchObject({ reserved: quantity });
    await world.browser(orderId, 'confirm', { payment_method: 'pm_card_visa' });
    await world.reaches(orderId, 'confirmed');
    await isSent(orderId, quantity * price);
  });

  test('pays by a method that is offered after it', async () => {
    const { orderId } = await declined();
    await editor.edit(orderId, mugs(3));
    expect(await world.pay(orderId, 'pm_card_visa')).toBe('confirmed');
    await isSent(orderId, 3 * price);
  });

  test('keeps its intent, whichever withdrawal thaws later', async () => {
    const { orderId } = await declined();
    await editor.edit(orderId, mugs(3));
    const intentId = await world.intentOf(orderId);
    await withdrawPayment(world.mongo, world.payments, { orderId, withdrawal: 1 });
    expect(await world.intentOf(orderId)).toBe(intentId);
    expect(await world.pay(orderId, 'pm_card_visa')).toBe('confirmed');
    await isSent(orderId, 3 * price);
  });

  test('pays by a method that is given with it', async () => {
    const { orderId } = await declined();
    expect((await editor.edit(orderId, mugs(3), visa)).body).toMatchObject({ status: 'applied' });
    await isSent(orderId, 3 * price);
  });

  test('is paid in the moment of the edit: the money follows as of a paid one', async () => {
    const { orderId } = await world.place({ paymentMethod: undefined });
    const editId = await editor.previewed(orderId, mugs(3));
    await world.webhooks('stripe', 'off');
    await world.browser(orderId, 'confirm', { payment_method: 'pm_card_visa' });
    const done = await editor.confirm(orderId, editId, visa);
    await world.webhooks('stripe', 'normal');
    expect(done).toMatchObject({ status: 200, body: { status: 'applied' } });
    await world.reaches(orderId, 'confirmed');
    expect(await world.atStripe(orderId)).toMatchObject({ held: 1 });
    await isSent(orderId, 3 * price);
  });

  test('is paid as it is where store credit is enough then', async () => {
    const { orderId } = await world.place({
      ...(await withCredit(price)),
      paymentMethod: 'pm_card_visa_chargeDeclined',
    });
    expect((await editor.edit(orderId, mugs(1))).status).toBe(200);
    await world.reaches(orderId, 'confirmed');
    await isSent(orderId, 0);
  });

  test('whose bank has a payment on its way is refused', async () => {
    const payment_method = 'pm_usBankAccount_processing';
    const token = await world.control(world.stripe.url, 'POST', '/_sandbox/confirmation_tokens', { payment_method });
    const { orderId } = await world.place({ paymentMethod: (token as { id: string }).id });
    const refused = await editor.preview(orderId, mugs(3));
    expect(refused).toMatchObject({ status: 409, body: { reason: 'paying' } });
    const at = `/_sandbox/payment_intents/${await world.intentOf(orderId)}/settle`;
    await world.control(world.stripe.url, 'POST', at, { outcome: 'succeeded' });
    await world.reaches(orderId, 'confirmed');
    expect(await editor.preview(orderId, mugs(3))).toMatchObject({ status: 409, body: { reason: 'taken' } });
    await isSent(orderId, 2 * price);
  });
});

/** What an order of a customer has, who has so much store credit and spends it. */
async function withCredit(credit: number) {
  const customerId = newId('cus');
  const customer = { _id: customerId, email: `${customerId}@example.com`, name: 'Ada', createdAt: new Date() };
  await world.mongo.models.customers.create([customer]);
  const grant = { key: newId('req'), currency: 'USD', kind: 'grant' as const, reason: 'sorry', actor: 'test' };
  await bookCredit(world.mongo, { ...grant, customerId, amount: credit });
  return { customerId, credit };
}

const balanceOf = async (customerId: string) =>
  (await world.mongo.models.creditAccounts.findOne({ customerId }).lean())!.balance;

describe('an order that store credit has paid', () => {
  test('needs a method for more', async () => {
    const { orderId } = await world.place({ ...(await withCredit(2 * price)), paymentMethod: undefined });
    const made = await editor.preview(orderId, mugs(3));
    expect(made.body).toMatchObject({ difference: price, paymentNeeded: true });
    expect((await editor.confirm(orderId, made.body.id, visa)).body).toMatchObject({ status: 'applied' });
    expect(await world.paymentOf(orderId)).toMatchObject({ amountDue: price, status: 'authorized', pastIntents: [] });
    await isSent(orderId, price);
  });

  test('has the rest of its credit back', async () => {
    const paid = await withCredit(2 * price);
    const { orderId } = await world.place({ ...paid, paymentMethod: undefined });
    expect((await editor.edit(orderId, mugs(1))).status).toBe(200);
    await isSent(orderId, 0);
    expect(await balanceOf(paid.customerId)).toBe(price);
  });

  test('in part: the card pays less, and then nothing', async () => {
    const paid = await withCredit(price + 500);
    const { orderId } = await world.place({ ...paid, items: mugs(3).items });
    expect((await editor.edit(orderId, mugs(2))).status).toBe(200);
    expect((await editor.edit(orderId, mugs(1))).status).toBe(200);
    await isSent(orderId, 0);
    expect(await balanceOf(paid.customerId)).toBe(500);
  });

  test('is not edited so that a card is charged next to nothing', async () => {
    const { orderId } = await world.place({ ...(await withCredit(2 * price - 30)), items: mugs(3).items });
    const refused = await editor.preview(orderId, mugs(2));
    expect(refused).toMatchObject({ status: 422, body: { least: 50 } });
    await world.cancel(orderId);
  });
});

describe('a limited promotion', () => {
  async function promoted(limits: object) {
    const _id = newId('req').toLowerCase();
    await world.mongo.models.promotions.create([
      {
        ...{ _id, name: 'Half', active: true, code: _id.toUpperCase(), priority: 1, stacking: 'with_others' },
        ...{ on: { what: 'order' }, discount: { kind: 'percent', ppm: 500_000 }, ...limits },
      },
    ]);
    const placed = await editor.api.ask('POST', '/v1/orders', {
      ...{ currency: 'USD', ...mugs(2), codes: [_id], expectedTotal: price, paymentMethod: 'pm_card_visa' },
      customer: { email: `${_id}@example.com`, name: 'Ada' },
      shippingAddress: { ...california, region: 'NY', city: 'New York', postalCode: '10001' },
    });
    expect(placed.status).toBe(201);
    const uses = async () => (await world.mongo.models.promotionCounts.findById(_id).lean())?.used ?? 0;
    return { orderId: placed.body.order.id as string, id: _id, uses };
  }

  test.each([
    ['each customer may have once', { oncePerCustomer: true }],
    ['anybody may have once', { totalLimit: 1 }],
  ])('that %s stays the order’s own', async (_what, limits) => {
    const { orderId, uses } = await promoted(limits);
    expect((await editor.edit(orderId, mugs(4), visa)).status).toBe(200);
    expect(await uses()).toBe(1);
    await isSent(orderId, 2 * price);
  });

  test('that does not apply any more is given back', async () => {
    const { orderId, uses } = await promoted({ oncePerCustomer: true, minimumSpend: { USD: 2 * price } });
    const made = await editor.preview(orderId, mugs(1));
    expect(made.body).toMatchObject({ difference: 0 });
    expect((await editor.confirm(orderId, made.body.id)).status).toBe(200);
    expect(await uses()).toBe(0);
    await isSent(orderId, price);
  });
});

describe('an order that waits for goods', () => {
  const rule = { backorder: { limit: 10, leadDays: 5 } };
  async function waiting(sku: string, more: object = {}) {
    const order = { ...units(sku, 2), acceptsBackorder: true, expectedAt: new Date(Date.now() + 86_400_000), ...more };
    const { orderId } = await world.place(order);
    expect((await world.readOrder(orderId)).status).toBe('confirmed');
    return orderId;
  }

  test('is charged for what it is then', async () => {
    const sku = await world.newSku({ wh_east: 0 }, rule);
    const orderId = await waiting(sku);
    expect((await editor.edit(orderId, units(sku, 3))).status).toBe(200);
    expect(await world.atStripe(orderId)).toMatchObject({ authorizations: 0 });
    await world.receive(sku, 'wh_east', 3);
    await isSent(orderId, 3 * price);
  });

  test('and for its customer, who has to confirm the method, is charged for what it is then', async () => {
    const sku = await world.newSku({ wh_east: 0 }, rule);
    const paymentMethod = 'pm_card_authenticationRequiredOnSetup';
    const { orderId } = await world.place({ ...units(sku, 2), acceptsBackorder: true, paymentMethod });
    expect((await editor.edit(orderId, units(sku, 3))).status).toBe(200);
    await world.browserSaves(orderId, 'authenticate', { outcome: 'succeed' });
    await world.reaches(orderId, 'confirmed');
    await world.receive(sku, 'wh_east', 3);
    await isSent(orderId, 3 * price);
  });

  test('and came, and could not be charged for: its customer pays what it is then', async () => {
    const sku = await world.newSku({ wh_east: 0 }, rule);
    const paymentMethod = 'pm_card_authenticationRequired';
    const { orderId } = await world.place({ ...units(sku, 2), acceptsBackorder: true, paymentMethod });
    await world.browserSaves(orderId, 'authenticate', { outcome: 'succeed' });
    await world.reaches(orderId, 'confirmed');
    await world.receive(sku, 'wh_east', 3);
    await world.reaches(orderId, 'awaiting_payment');
    expect((await editor.edit(orderId, units(sku, 3))).status).toBe(200);
    await world.browser(orderId, 'confirm', { payment_method: 'pm_card_visa' });
    await world.reaches(orderId, 'confirmed');
    await isSent(orderId, 3 * price);
  });

  test('is charged at once where nothing of it is to come any more', async () => {
    const sku = await world.newSku({ wh_east: 0 }, rule);
    const orderId = await waiting(sku);
    expect((await editor.edit(orderId, mugs(1))).status).toBe(200);
    await isSent(orderId, price);
    expect(await world.mongo.models.backlogs.findById(sku).lean()).toMatchObject({ units: 0 });
  });

  test('keeps what came for it, whoever waits behind it', async () => {
    const sku = await world.newSku({ wh_east: 0 }, rule);
    const [first, second] = [await waiting(sku), await waiting(sku)];
    await world.receive(sku, 'wh_east', 1);
    await until(async () => (await world.stock(sku, 'wh_east')).reserved === 1, 'one came');
    expect((await editor.edit(first, { deliveryMethod: 'express' })).status).toBe(200);
    await world.receive(sku, 'wh_east', 3);
    await isSent(first, 2 * price + 1_000);
    await isSent(second, 2 * price);
  });

  test('and that credit has paid is not edited to cost more', async () => {
    const sku = await world.newSku({ wh_east: 0 }, rule);
    const orderId = await waiting(sku, { ...(await withCredit(2 * price)), paymentMethod: undefined });
    expect(await editor.preview(orderId, units(sku, 3))).toMatchObject({ status: 409, body: { reason: 'no_method' } });
    await world.cancel(orderId);
  });
});

describe('an edit is refused, and nothing changes,', () => {
  async function refuses(orderId: string, body: object, answer: object) {
    const before = await standing(orderId);
    expect(await editor.preview(orderId, body)).toMatchObject(answer);
    expect(await standing(orderId)).toEqual(before);
    await world.cancel(orderId);
  }

  test.each([
    ['that names nothing', {}, { status: 400 }],
    ['of no units', mugs(0), { status: 400 }],
    ['without items', { items: [] }, { status: 400 }],
    ['with a price of its own', { ...mugs(1), total: 1 }, { status: 400 }],
    ['with an address that is none', { shippingAddress: { country: 'US' } }, { status: 400 }],
    ['for goods that nobody knows', units('NOBODY', 1), { status: 422, body: { skus: ['NOBODY'] } }],
    ['by a way that is none', { deliveryMethod: 'balloon' }, { status: 422 }],
    ['for more than is there', units('LAMP', 9_999), { status: 409, body: { shortages: [{ sku: 'LAMP' }] } }],
  ])('%s', async (_what, body, answer) => {
    const { orderId } = await world.place();
    await refuses(orderId, body, answer);
  });

  test('after its preview is over', async () => {
    const { orderId } = await world.place();
    const editId = await editor.previewed(orderId, mugs(1));
    await world.mongo.models.edits.updateOne({ _id: editId }, { $set: { expiresAt: new Date() } });
    const before = await standing(orderId);
    expect(await editor.confirm(orderId, editId)).toMatchObject({ status: 409, body: { reason: 'expired' } });
    expect((await editor.look(orderId, editId)).body.status).toBe('expired');
    expect(await standing(orderId)).toEqual(before);
    await world.cancel(orderId);
  });

  test('after another one, or a corrected address', async () => {
    const { orderId } = await world.place();
    const [first, second, third] = [
      await editor.previewed(orderId, mugs(1)),
      await editor.previewed(orderId, mugs(2)),
      await editor.previewed(orderId, mugs(1)),
    ];
    expect((await editor.confirm(orderId, first)).status).toBe(200);
    expect(await editor.confirm(orderId, second)).toMatchObject({ status: 409, body: { reason: 'changed' } });
    const fourth = await editor.previewed(orderId, mugs(2));
    await editor.api.ask(
      'PUT',
      `/v1/orders/${orderId}/shipping-address`,
      { ...california, line1: 'Road 3' },
      editor.support,
    );
    for (const each of [third, fourth])
      expect(await editor.confirm(orderId, each, visa)).toMatchObject({ status: 409, body: { reason: 'changed' } });
    await world.cancel(orderId);
  });

  test('and stays refused, whoever thaws later and finds the goods', async () => {
    const sku = await world.newSku({ wh_east: 3 });
    const { orderId } = await world.place(units(sku, 2));
    const editId = await editor.previewed(orderId, units(sku, 3));
    const other = await world.place(units(sku, 1));
    expect((await editor.confirm(orderId, editId, visa)).body).toMatchObject({ shortages: [{ sku }] });
    const before = await standing(orderId);
    await world.receive(sku, 'wh_east', 5);
    expect(await applyEdit(world.mongo, { orderId, editId })).toMatchObject({
      outcome: 'refused',
      why: 'out_of_stock',
    });
    expect(await editor.confirm(orderId, editId, visa)).toMatchObject({ status: 409, body: { shortages: [{ sku }] } });
    expect((await editor.look(orderId, editId)).body.status).toBe('refused');
    expect(await standing(orderId)).toEqual(before);
    await isSent(orderId, 2 * price);
    await world.cancel(other.orderId);
  });

  test('of an order that is cancelled', async () => {
    const { orderId } = await world.place();
    const editId = await editor.previewed(orderId, mugs(1));
    await world.cancel(orderId);
    const ended = { status: 409, body: { type: expect.stringMatching(/order-ended$/) } };
    expect(await editor.confirm(orderId, editId)).toMatchObject(ended);
    expect(await editor.preview(orderId, mugs(1))).toMatchObject(ended);
  });

  test('once somebody has begun to pick, and after it is shipped', async () => {
    const { orderId } = await world.place();
    const editId = await editor.previewed(orderId, mugs(1));
    const [shipment] = await live(orderId);
    await world.scan(shipment!.id, 'MUG', 1);
    const begun = { status: 409, body: { reason: 'begun' } };
    expect(await editor.confirm(orderId, editId)).toMatchObject(begun);
    await world.scan(shipment!.id, 'MUG', 1);
    await world.pack(orderId, shipment!.id);
    await world.handOver(orderId, shipment!.id);
    for (const body of [mugs(1), { shippingAddress: california }, { deliveryMethod: 'express' }])
      expect(await editor.preview(orderId, body)).toMatchObject(begun);
    expect(await editor.confirm(orderId, editId)).toMatchObject(begun);
    const { body } = await editor.api.ask('GET', `/v1/orders/${orderId}`, undefined, editor.support);
    expect(body.timeline.map(({ what }: { what: string }) => what)).toContainEqual(
      expect.stringMatching(/^Edit refused/),
    );
    await world.carrierSays(shipment!.id, 'delivered');
    await world.reaches(orderId, 'completed');
  });

  test('with the token of another order, or under the id of another', async () => {
    const [mine, theirs] = [await world.place(), await world.place()];
    const editId = await editor.previewed(theirs.orderId, mugs(1));
    const owner = editor.ownerOf(mine.orderId);
    expect((await editor.preview(theirs.orderId, mugs(1), owner)).status).toBe(404);
    expect((await editor.confirm(theirs.orderId, editId, {}, owner)).status).toBe(404);
    expect((await editor.confirm(mine.orderId, editId, {}, owner)).status).toBe(404);
    expect((await editor.look(mine.orderId, editId, owner)).status).toBe(404);
    for (const { orderId } of [mine, theirs]) await world.cancel(orderId);
  });

  test('while the payment is disputed', async () => {
    const { orderId } = await world.place();
    const disputed = { disputeId: 'dp_none', kind: 'chargeback', status: 'open' } as const;
    await world.orderHandle(orderId).signal('disputed', disputed);
    await world.incident(orderId, 'hold');
    expect(await editor.preview(orderId, mugs(1))).toMatchObject({ status: 409, body: { reason: 'disputed' } });
    await world.orderHandle(orderId).signal('disputed', { ...disputed, status: 'closed' });
    await world.reaches(orderId, 'confirmed');
    await isSent(orderId, 2 * price);
  });

  test('that was asked for too often', async () => {
    const { orderId } = await world.place({ items: mugs(2).items });
    const editId = await editor.previewed(orderId, mugs(3));
    for (let tries = 0; tries < 19; tries++)
      expect((await editor.confirm(orderId, editId, by('pm_card_visa_chargeDeclined'))).body.reason).toBe('declined');
    expect((await editor.confirm(orderId, editId, visa)).body.reason).toBe('too_many');
    await isSent(orderId, 2 * price);
  }, 30_000);
});

describe('at once', () => {
  test('two confirms are one', async () => {
    const { orderId } = await world.place();
    const editId = await editor.previewed(orderId, mugs(3));
    const both = await Promise.all([1, 2].map(() => editor.confirm(orderId, editId, visa)));
    expect(both.map(({ status, body }) => [status, body.status])).toEqual(Array(2).fill([200, 'applied']));
    expect(await editor.confirm(orderId, editId, visa)).toMatchObject({ status: 200, body: { status: 'applied' } });
    expect(await world.atStripe(orderId)).toMatchObject({ authorizations: 2, held: 1 });
    expect((await world.mailsOf(orderId)).filter((mail) => mail === 'order_changed')).toHaveLength(1);
    await isSent(orderId, 3 * price);
  });

  test('of two edits one is made', async () => {
    const { orderId } = await world.place();
    const ids = [await editor.previewed(orderId, mugs(3)), await editor.previewed(orderId, mugs(4))];
    const both = await Promise.all(ids.map((id) => editor.confirm(orderId, id, visa)));
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    await isSent(orderId, (both[0]!.status === 200 ? 3 : 4) * price);
  });

  test.each([1, 2, 3, 4])('an edit and the first scan: one of the two (%i)', async () => {
    const { orderId } = await world.place();
    const editId = await editor.previewed(orderId, mugs(3));
    const [shipment] = await live(orderId);
    await world.pickListOf(shipment!.id);
    const [edited, scanned] = await Promise.all([
      editor.confirm(orderId, editId, visa),
      world.scan(shipment!.id, 'MUG', 1).then(
        () => true,
        () => false,
      ),
    ]);
    expect(scanned).toBe(edited.status !== 200);
    if (!scanned) return isSent(orderId, 3 * price);
    expect(edited.body.reason).toBe('begun');
    await world.scan(shipment!.id, 'MUG', 1);
    await world.pack(orderId, shipment!.id);
    expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [2 * price] });
  });

  test.each([1, 2, 3, 4])('an edit and a cancellation: cancelled, whichever was first (%i)', async () => {
    const sku = await world.newSku({ wh_east: 5 });
    const { orderId } = await world.place(units(sku, 2));
    const editId = await editor.previewed(orderId, units(sku, 3));
    const [edited, cancelled] = await Promise.all([editor.confirm(orderId, editId, visa), world.cancel(orderId)]);
    expect([200, 409]).toContain(edited.status);
    expect(cancelled).toBe('cancelled');
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ reserved: 0, committed: 0 });
    expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [] });
  });

  test('an edit and a cancellation of an order that is not paid', async () => {
    const sku = await world.newSku({ wh_east: 5 });
    const { orderId } = await world.place({ ...units(sku, 2), paymentMethod: undefined });
    const editId = await editor.previewed(orderId, units(sku, 3));
    const [, cancelled] = await Promise.all([editor.confirm(orderId, editId), world.cancel(orderId)]);
    expect(cancelled).toBe('cancelled');
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ reserved: 0 });
  });

  test('an edit and a hold: held, and edited', async () => {
    const { orderId } = await world.place();
    const editId = await editor.previewed(orderId, mugs(3));
    const hold = { actor: 'test', reason: 'look at it' };
    const [edited] = await Promise.all([
      editor.confirm(orderId, editId, visa),
      world.orderHandle(orderId).signal('hold', hold),
    ]);
    expect(edited.status).toBe(200);
    const { id } = await world.incident(orderId, 'hold');
    expect((await editor.edit(orderId, mugs(1))).status).toBe(200);
    await world.answer(orderId, id, 'release');
    await isSent(orderId, price);
  });

  test('an edit and another order want the last unit: one has it', async () => {
    const sku = await world.newSku({ wh_east: 3 });
    const { orderId } = await world.place(units(sku, 2));
    const editId = await editor.previewed(orderId, units(sku, 3));
    const [edited, other] = await Promise.all([editor.confirm(orderId, editId, visa), world.place(units(sku, 1))]);
    const won = edited.status === 200;
    expect(other.status).toBe(won ? 'rejected' : 'confirmed');
    if (!won) expect(edited).toMatchObject({ status: 409, body: { shortages: [{ sku, requested: 3, available: 2 }] } });
    await isSent(orderId, (won ? 3 : 2) * price);
  });

  test('an edit of an unpaid order and its payment in the browser', async () => {
    const { orderId } = await world.place({ paymentMethod: undefined });
    const editId = await editor.previewed(orderId, mugs(3));
    const [edited] = await Promise.all([
      editor.confirm(orderId, editId, visa),
      world.browser(orderId, 'confirm', { payment_method: 'pm_card_visa' }).catch(() => {}),
    ]);
    expect(edited.status).toBe(200);
    if ((await world.readOrder(orderId)).status === 'awaiting_payment') {
      await world.browser(orderId, 'confirm', { payment_method: 'pm_card_visa' }).catch(() => {});
    }
    await world.reaches(orderId, 'confirmed');
    await isSent(orderId, 3 * price);
  });
});
