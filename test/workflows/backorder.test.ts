/** Orders for goods that come later: accepted, served in line, paid when they are there. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { announceDelivery, receiveDelivery } from '../../activities/stock/deliveries.ts';
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
import { cancelOrderLines, holdOrder, tryToHold, tryToRelease } from '../../workflows/messages.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const rule = { limit: 10, leadDays: 5 };
const expectedAt = new Date(Date.now() + 5 * 86_400_000);

function waiting(sku: string, quantity = 1, more: Partial<Order> = {}) {
  return world.place({ items: [{ sku, quantity }], acceptsBackorder: true, expectedAt, ...more });
}

const backlogOf = async (sku: string) => (await world.mongo.models.backlogs.findById(sku).lean())?.units ?? 0;

/** Every order of the SKU is told of what it got, and says what it is then. */
async function isPaid(orderId: string): Promise<void> {
  await until(async () => (await world.stateOf(orderId)).payment.attempt === 'authorized', `${orderId} is paid`);
  await until(async () => (await world.shipmentsOf(orderId))[0]?.status === 'picking', `${orderId} is picked`);
}

describe('an order for goods that are not there', () => {
  test('is held, released and asked for its payment also where a part of it was cancelled', async () => {
    const [sku, there] = [await world.newSku({}, { backorder: rule }), await world.newSku({ wh_west: 1 })];
    const both = [sku, there].map((each) => ({ sku: each, quantity: 1 }));
    const { orderId } = await waiting(sku, 1, { items: both, paymentMethod: 'pm_card_chargeCustomerFail' });
    const handle = world.orderHandle(orderId);
    const by = { actor: 'test', reason: 'note_1' };
    const lines = [{ lineId: 'line_2', quantity: 1 }];
    await handle.executeUpdate(cancelOrderLines, { args: [{ ...by, lines }] });
    await handle.executeUpdate(tryToHold, { args: [by] });
    await handle.executeUpdate(tryToRelease, { args: [by] });
    await world.reaches(orderId, 'confirmed');
    await world.receive(sku, 'wh_east', 1);
    await world.reaches(orderId, 'awaiting_payment');
    expect(await world.pay(orderId, 'pm_card_visa')).toBe('confirmed');
    await isPaid(orderId);
    const [shipment] = await world.shipmentsOf(orderId);
    await world.ship(orderId, shipment!.id);
    await world.carrierSays(shipment!.id, 'delivered');
    await world.reaches(orderId, 'completed');
  });

  test('waits without being charged, and is charged, sent and delivered when they come', async () => {
    const sku = await world.newSku({}, { backorder: rule });
    const { orderId, status } = await waiting(sku, 2);
    expect(status).toBe('confirmed');
    expect(await world.stateOf(orderId)).toMatchObject({
      paymentStatus: 'not_paid',
      fulfillmentStatus: 'unfulfilled',
      shipments: [{ status: 'backordered', warehouseId: '' }],
      waitingFor: { event: 'stock' },
    });
    expect(await world.atStripe(orderId)).toMatchObject({ authorizations: 0, held: 0 });
    expect(await backlogOf(sku)).toBe(2);

    await world.receive(sku, 'wh_east', 5);
    expect(await backlogOf(sku)).toBe(0);
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ onHand: 5, reserved: 2 });
    await isPaid(orderId);
    expect(await world.atStripe(orderId)).toMatchObject({ authorizations: 1, held: 1 });
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ onHand: 5, reserved: 0, committed: 2 });
    await world.deliver(orderId);
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [2 * price], refunds: [] });
    const mails = await world.mailsOf(orderId);
    expect(mails).toEqual(['order_backordered', 'order_confirmed', 'shipped', 'delivered']);
  });

  test('is sent together with what is there, which is held for it', async () => {
    const later = await world.newSku({}, { backorder: rule });
    const there = await world.newSku({ wh_east: 3 });
    const items = [
      { sku: there, quantity: 1 },
      { sku: later, quantity: 1 },
    ];
    const { orderId } = await world.place({ items, acceptsBackorder: true, expectedAt });
    expect(await world.stock(there, 'wh_east')).toMatchObject({ reserved: 1 });
    await world.receive(later, 'wh_east', 1);
    await isPaid(orderId);
    expect(await world.shipmentsOf(orderId)).toHaveLength(1);
    await world.deliver(orderId);
  });

  test('without the consent to wait it is out of stock; so it is beyond the limit', async () => {
    const sku = await world.newSku({}, { backorder: { ...rule, limit: 3 } });
    expect((await world.place({ items: [{ sku, quantity: 1 }] })).status).toBe('rejected');
    await waiting(sku, 2);
    const { orderId, status } = await waiting(sku, 2);
    expect(status).toBe('rejected');
    expect((await world.readOrder(orderId)).shortages).toEqual([{ sku, requested: 2, available: 1 }]);
    expect((await waiting(sku, 1)).status).toBe('confirmed');
    expect(await backlogOf(sku)).toBe(3);
  });

  test('is waited for also where it was there a moment ago, when it was placed', async () => {
    const sku = await world.newSku({ wh_east: 1 }, { backorder: rule });
    const both = await Promise.all(
      [1, 1].map((quantity) => world.place({ items: [{ sku, quantity }], acceptsBackorder: true })),
    );
    expect(both.map(({ status }) => status)).toEqual(['confirmed', 'confirmed']);
    const orders = await Promise.all(both.map(({ orderId }) => world.readOrder(orderId)));
    const [late] = orders.filter(({ backordered }) => backordered);
    expect(late!.expectedAt!.getTime()).toBeGreaterThan(Date.now() + 4 * 86_400_000);
    expect(orders.filter((order) => order.expectedAt)).toHaveLength(1);
    await world.receive(sku, 'wh_east', 1);
    for (const { orderId } of both) await isPaid(orderId);
  });

  test('first come, first served, in part as well; only who got something is told', async () => {
    const sku = await world.newSku({}, { backorder: rule });
    const placed: string[] = [];
    for (const quantity of [2, 2, 1]) placed.push((await waiting(sku, quantity)).orderId);
    await world.receive(sku, 'wh_east', 3);
    await isPaid(placed[0]!);
    expect(await backlogOf(sku)).toBe(2);
    expect((await world.readOrder(placed[1]!)).lines[0]!.allocations).toMatchObject([
      { quantity: 1, state: 'backordered' },
      { quantity: 1, state: 'reserved' },
    ]);
    const { models } = world.mongo;
    const told = await models.inbox.find({ source: 'stock', 'payload.orderId': { $in: placed } }).lean();
    expect(told.map(({ payload }) => payload.orderId).sort()).toEqual(placed.slice(0, 2).sort());
    // A newcomer does not overtake who waits.
    expect((await world.place({ items: [{ sku, quantity: 1 }] })).status).toBe('rejected');
    await world.receive(sku, 'wh_west', 2);
    for (const orderId of placed.slice(1)) await isPaid(orderId);
    expect(await backlogOf(sku)).toBe(0);
  });

  test('what comes in parts is picked, and leaves the stock, as one line', async () => {
    const sku = await world.newSku({}, { backorder: rule });
    const { orderId } = await waiting(sku, 4);
    for (const units of [1, 1, 2]) await world.receive(sku, 'wh_east', units);
    await isPaid(orderId);
    expect((await world.readOrder(orderId)).lines[0]!.allocations).toMatchObject([{ quantity: 4, state: 'committed' }]);
    const [shipment] = await world.shipmentsOf(orderId);
    const pickList = await world.mongo.models.shipments.findById(shipment!.id).lean().orFail();
    expect(pickList.lines).toMatchObject([{ lineId: 'line_1', quantity: 4 }]);
    await world.ship(orderId, shipment!.id);
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ onHand: 0, reserved: 0, committed: 0 });
  });

  test('what came in parts and is picked short is not paid', async () => {
    const sku = await world.newSku({}, { backorder: rule });
    const { orderId } = await waiting(sku, 4);
    for (const units of [1, 1, 2]) await world.receive(sku, 'wh_east', units);
    await isPaid(orderId);
    const [shipment] = await world.shipmentsOf(orderId);
    await world.pickShort(shipment!.id, 1);
    await until(async () => (await world.stateOf(orderId)).amountDue === price, `${orderId} costs what was picked`);
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ committed: 1 });
  });

  test('what a cancelled order held goes to the next in line', async () => {
    const sku = await world.newSku({ wh_east: 1 }, { backorder: rule });
    const first = await world.place({ items: [{ sku, quantity: 1 }] });
    const { orderId } = await waiting(sku);
    await world.cancel(first.orderId);
    await isPaid(orderId);
  });

  test('its customer may cancel it at any time: nothing was charged, and nothing is waited for', async () => {
    const sku = await world.newSku({}, { backorder: rule });
    const { orderId } = await waiting(sku);
    expect(await world.cancel(orderId)).toBe('cancelled');
    expect(await backlogOf(sku)).toBe(0);
    expect(await world.atStripe(orderId)).toMatchObject({ authorizations: 0, refunds: [] });
    expect(await world.stateOf(orderId)).toMatchObject({ fulfillmentStatus: 'cancelled' });
    await world.receive(sku, 'wh_east', 1);
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ reserved: 0, committed: 0 });
  });

  test('a delivery of more than one transaction serves everybody in the line', async () => {
    const sku = await world.newSku({}, { backorder: { limit: 1_000, leadDays: 1 } });
    const orders = await Promise.all(Array.from({ length: 60 }, () => world.write({ items: [{ sku, quantity: 1 }] })));
    const { models } = world.mongo;
    const ids = orders.map(({ orderId }) => orderId);
    const lines = await models.orders.findById(ids[0]).lean().orFail();
    await models.orders.updateMany(
      { _id: { $in: ids } },
      {
        $set: {
          acceptsBackorder: true,
          expectedAt,
          lines: lines.lines.map((line) => ({ ...line, backorder: rule60 })),
        },
      },
    );
    for (const order of orders) await world.start(order);
    await until(async () => (await backlogOf(sku)) === 60, 'all wait');
    await world.receive(sku, 'wh_south', 61);
    await until(async () => (await backlogOf(sku)) === 0, 'nobody waits');
    for (const orderId of ids) await isPaid(orderId);
    expect(await world.stock(sku, 'wh_south')).toMatchObject({ onHand: 61, reserved: 0, committed: 60 });
  });
});

const rule60 = { limit: 1_000, leadDays: 1 };

describe('the method of payment', () => {
  test('is saved with the customer, where the bank asks for them', async () => {
    const sku = await world.newSku({}, { backorder: rule });
    const { orderId, status } = await waiting(sku, 1, { paymentMethod: 'pm_card_authenticationRequiredOnSetup' });
    expect(status).toBe('awaiting_payment');
    await world.browserSaves(orderId, 'authenticate', { outcome: 'succeed' });
    await world.reaches(orderId, 'confirmed');
    await world.receive(sku, 'wh_east', 1);
    await isPaid(orderId);
  });

  test('that is declined can be followed by another, before goods are waited for', async () => {
    const sku = await world.newSku({}, { backorder: rule });
    const { orderId, status } = await waiting(sku, 1, { paymentMethod: 'pm_card_chargeDeclined' });
    expect(status).toBe('awaiting_payment');
    expect(await world.pay(orderId, 'pm_card_visa')).toBe('confirmed');
    const { setup } = await world.paymentOf(orderId);
    expect(setup).toMatchObject({ status: 'saved' });
    expect(setup).not.toHaveProperty('declineCode');
    await world.receive(sku, 'wh_east', 1);
    await isPaid(orderId);
  });

  test('that needs its customer when the goods come: they are asked by mail, support by an incident', async () => {
    const sku = await world.newSku({}, { backorder: rule });
    const { orderId } = await waiting(sku, 1, { paymentMethod: 'pm_card_authenticationRequired' });
    await world.browserSaves(orderId, 'authenticate', { outcome: 'succeed' });
    await world.reaches(orderId, 'confirmed');
    await world.receive(sku, 'wh_east', 1);
    await world.incident(orderId, 'backorder_payment');
    expect(await world.stateOf(orderId)).toMatchObject({
      status: 'awaiting_payment',
      waitingFor: { event: 'payment' },
    });
    expect(await world.mailsOf(orderId)).toContain('backorder_payment_needed');
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ reserved: 1 });
    expect(await world.pay(orderId, 'pm_card_visa')).toBe('confirmed');
    expect((await world.stateOf(orderId)).incidents).toEqual([]);
    await world.deliver(orderId);
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [price] });
  });

  test('that is declined while support holds the order is asked for like any other', async () => {
    const sku = await world.newSku({}, { backorder: rule });
    const { orderId } = await waiting(sku, 1, { paymentMethod: 'pm_card_chargeCustomerFail' });
    const slow = { operation: 'payment_intents.create', kind: 'slow', times: 1, ms: 2_000 };
    const fired = await world.fault('stripe', slow);
    await world.receive(sku, 'wh_east', 1);
    await until(fired, 'the payment is under way');
    await world.orderHandle(orderId).signal(holdOrder, { reason: 'to be looked at', actor: 'support' });
    await world.reaches(orderId, 'on_hold');
    await world.reaches(orderId, 'awaiting_payment');
    expect(await world.pay(orderId, 'pm_card_visa')).toBe('on_hold');
    await world.answer(orderId, (await world.incident(orderId, 'hold')).id, 'release');
    await isPaid(orderId);
  });

  test('that is declined then is charged once more by support, or given up with the order', async () => {
    const sku = await world.newSku({}, { backorder: rule });
    const { orderId } = await waiting(sku, 1, { paymentMethod: 'pm_card_chargeCustomerFail' });
    await world.receive(sku, 'wh_east', 1);
    const first = await world.incident(orderId, 'backorder_payment');
    await world.answer(orderId, first.id, 'retry');
    await until(async () => {
      const open = (await world.stateOf(orderId)).incidents;
      return open.some(({ cause, id }) => cause === 'backorder_payment' && id !== first.id);
    }, 'support is asked again');
    await world.answer(orderId, (await world.incident(orderId, 'backorder_payment')).id, 'cancel');
    await world.reaches(orderId, 'cancelled');
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ onHand: 1, reserved: 0, committed: 0 });
  });
});

describe('a preorder', () => {
  test('is not sent before its release, also where the goods are there', async () => {
    const releaseAt = new Date(Date.now() + 3_000);
    const sku = await world.newSku({ wh_east: 2 }, { backorder: { ...rule, releaseAt: releaseAt.toISOString() } });
    const { orderId, status } = await waiting(sku, 1, { notBefore: releaseAt });
    expect(status).toBe('confirmed');
    expect(await world.stateOf(orderId)).toMatchObject({ paymentStatus: 'not_paid', waitingFor: { event: 'release' } });
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ reserved: 1 });
    await isPaid(orderId);
    expect(Date.now()).toBeGreaterThanOrEqual(releaseAt.getTime());
  });
});

test('a delivery brings part of what was announced, and then the rest', async () => {
  const sku = await world.newSku({}, { backorder: rule });
  const orders = [await waiting(sku, 2), await waiting(sku, 2)];
  const lines = [{ sku, expected: 4, received: 0 }];
  const common = { reference: 'PO-1', tolerancePercent: 0, actor: 'test', createdAt: new Date(), expectedAt };
  const _id = newId('dlv');
  await announceDelivery(world.mongo, { _id, warehouseId: 'wh_east', lines, status: 'expected', ...common });
  expect(await world.stock(sku, 'wh_east')).toMatchObject({ onHand: 0 });
  const receipt = { deliveryId: _id, last: false, acceptOver: false, actor: 'test' };
  const two = [{ sku, quantity: 2, damaged: 0 }];
  await receiveDelivery(world.mongo, { ...receipt, key: newId('req'), lines: two });
  await isPaid(orders[0]!.orderId);
  expect(await backlogOf(sku)).toBe(2);
  const rest = await receiveDelivery(world.mongo, { ...receipt, key: newId('req'), lines: two });
  expect(rest).toMatchObject({ status: 'received' });
  await isPaid(orders[1]!.orderId);
});

test('every workflow replays', async () => {
  expect(await world.replayFailures()).toEqual([]);
});

test('the auditor finds nothing', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});
