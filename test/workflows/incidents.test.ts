import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { answerSignal, trackingChanged } from '../../workflows/messages.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(async () => {
  await world.stop();
});

const idle = { damaged: 0, reserved: 0, committed: 0 };
const nowhere = { name: 'Buyer', line1: 'Street 1', city: 'Town', postalCode: '00000', country: 'US' };

/** An order whose label the carrier has refused. */
async function refused(sku = 'MUG') {
  const { orderId } = await world.place({ items: [{ sku, quantity: 1 }], shipTo: nowhere });
  const [shipment] = await world.shipmentsOf(orderId);
  await world.pickAll(shipment!.id);
  expect(await world.pack(orderId, shipment!.id)).toBe('packed');
  return { orderId, shipmentId: shipment!.id, incident: await world.incident(orderId, 'buy_label') };
}

describe('a step that cannot succeed by itself', () => {
  test('is shown to ops, and goes on with retry', async () => {
    const { orderId } = await world.place();
    const [shipment] = await world.shipmentsOf(orderId);
    await world.pickAll(shipment!.id);
    const fired = await world.fault('carrier', { operation: 'labels.create', kind: 'refuse' });
    expect(await world.pack(orderId, shipment!.id)).toBe('packed');
    expect(await fired()).toBe(true);

    const incident = await world.incident(orderId, 'buy_label');
    expect(incident).toMatchObject({ shipmentId: shipment!.id, answers: ['retry', 'amend', 'cancel'] });
    expect(incident.why).toMatch(/carrier_account_blocked/);
    const { searchAttributes } = await world.orderHandle(orderId).describe();
    expect(searchAttributes).toMatchObject({ NeedsAttention: [true], OrderStatus: ['processing'] });
    await until(async () => {
      for await (const { workflowId } of world.client.workflow.list({ query: 'NeedsAttention = true' })) {
        if (workflowId === `order-${orderId}`) return true;
      }
      return false;
    }, 'the list of what needs attention shows the order');

    expect(await world.answer(orderId, incident.id, 'retry')).toBe(true);
    await world.shipmentReaches(orderId, shipment!.id, 'ready');
    expect((await world.stateOf(orderId)).incidents).toEqual([]);
    // MongoDB is written in the middle of the workflow's task, the attributes at its end.
    const shown = async () => (await world.orderHandle(orderId).describe()).searchAttributes.NeedsAttention;
    await until(async () => (await shown())?.[0] === false, 'ops see that it goes on');
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [2 * price] });
  });

  test('goes on with amend once its cause was changed', async () => {
    const { orderId, shipmentId, incident } = await refused();
    await world.mongo.models.orders.updateOne({ _id: orderId }, { $set: { 'shipTo.postalCode': '10001' } });
    // As from the Temporal UI.
    const given = { incidentId: incident.id, answer: 'amend' as const, actor: 'support:test' };
    await world.orderHandle(orderId).signal(answerSignal, given);
    await world.shipmentReaches(orderId, shipmentId, 'ready');
  });

  test('is given up with cancel, and undone', async () => {
    const sku = await world.newSku({ wh_east: 2 });
    const { orderId, incident } = await refused(sku);
    expect(await world.answer(orderId, incident.id, 'cancel')).toBe(true);
    await world.reaches(orderId, 'cancelled');
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 2 });
    expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [] });
  });

  test('is answered once: a repeat, another order’s answer and one that is not offered do nothing', async () => {
    const { orderId, shipmentId, incident } = await refused();
    expect(await world.answer(orderId, 'inc_unknown', 'retry')).toBe(false);
    expect(await world.answer(orderId, incident.id, 'skip')).toBe(false);
    const twice = await Promise.all([
      world.answer(orderId, incident.id, 'retry'),
      world.answer(orderId, incident.id, 'cancel'),
    ]);
    expect(twice.filter((applied) => applied)).toHaveLength(1);
    if (twice[0]) {
      // Refused again: another incident, which the old answer does not touch.
      await until(async () => (await world.incident(orderId, 'buy_label')).id !== incident.id);
      expect(await world.answer(orderId, incident.id, 'cancel')).toBe(false);
      expect(await world.shipmentsOf(orderId)).toMatchObject([{ id: shipmentId, status: 'packed' }]);
      await world.answer(orderId, (await world.incident(orderId, 'buy_label')).id, 'cancel');
    }
    await world.reaches(orderId, 'cancelled');
  });

  test('money that the bank has let go parks its parcel until it is held anew', async () => {
    const { orderId } = await world.place();
    const [shipment] = await world.shipmentsOf(orderId);
    await world.pickAll(shipment!.id);
    await world.browser(orderId, 'expire');
    expect(await world.pack(orderId, shipment!.id)).toBe('packed');
    const { id } = await world.incident(orderId, 'payment_renewal');
    expect(await world.answer(orderId, id, 'cancel')).toBe(true);
    await world.reaches(orderId, 'cancelled');
    expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [] });
  });
});

describe('a parcel that is lost', () => {
  async function lost(sku: string) {
    const items = [
      { sku, quantity: 1 },
      { sku: 'LAMP', quantity: 1 },
    ];
    const { orderId } = await world.place({ items });
    const shipments = await world.shipmentsOf(orderId);
    for (const { id } of shipments) await world.ship(orderId, id);
    const [gone, safe] = shipments.sort((a, b) => a.warehouseId.localeCompare(b.warehouseId));
    await world.carrierSays(safe!.id, 'delivered');
    await world.carrierSays(gone!.id, 'lost');
    return { orderId, gone: gone!, incident: await world.incident(orderId, 'lost') };
  }

  test('is refunded', async () => {
    const sku = await world.newSku({ wh_east: 1 });
    const { orderId, incident } = await lost(sku);
    expect(await world.answer(orderId, incident.id, 'refund')).toBe(true);
    await world.reaches(orderId, 'completed');
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [2 * price], refunds: [price] });
    expect(await world.stateOf(orderId)).toMatchObject({ amountDue: price, paymentStatus: 'partially_refunded' });
  });

  test('is sent again by an order at no charge', async () => {
    const sku = await world.newSku({ wh_east: 1 });
    const { orderId, gone, incident } = await lost(sku);
    expect(await world.answer(orderId, incident.id, 'reship')).toBe(true);
    await world.reaches(orderId, 'completed');
    const again = await world.reshipOf(gone.id);

    // The goods are not there: nobody is told that they come and then that they do not.
    const short = await world.incident(again._id, 'reserve_stock');
    expect(short.why).toMatch(`1 of ${sku}, 0 are there`);
    await world.receive(sku, 'wh_east', 1);
    expect(await world.answer(again._id, short.id, 'retry')).toBe(true);
    await world.reaches(again._id, 'confirmed');
    await world.deliver(again._id);
    expect(await world.readOrder(again._id)).toMatchObject({ total: 0, state: { fulfillmentStatus: 'delivered' } });
    expect(await world.atStripe(again._id)).toMatchObject({ authorizations: 0 });
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [2 * price], refunds: [] });
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 0 });
  });

  test('and cannot be sent again is paid back as far as there is something left', async () => {
    const sku = await world.newSku({ wh_east: 2 });
    const { orderId } = await world.place({ items: [{ sku, quantity: 2 }] });
    const [shipment] = await world.shipmentsOf(orderId);
    await world.ship(orderId, shipment!.id);
    expect(await world.refundHandle(await world.refund(orderId, 300)).result()).toBe('succeeded');
    await world.carrierSays(shipment!.id, 'lost');
    await world.answer(orderId, (await world.incident(orderId, 'lost')).id, 'reship');
    const again = await world.reshipOf(shipment!.id);
    await world.answer(again._id, (await world.incident(again._id, 'reserve_stock')).id, 'cancel');
    await world.reaches(again._id, 'cancelled');
    const { refunds } = world.mongo.models;
    const opened = await refunds
      .findOne({ orderId, key: `reship:${again._id}` })
      .lean()
      .orFail();
    expect(await world.refundHandle(opened._id).result()).toBe('succeeded');
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [2 * price], refunds: [300, 2 * price - 300] });
  });

  test('events that come twice, late and in the wrong order do not bring it back', async () => {
    const { orderId } = await world.place();
    const [shipment] = await world.shipmentsOf(orderId);
    await world.ship(orderId, shipment!.id);
    const parcelId = (await world.shipmentsOf(orderId))[0]!.parcels![0]!.id;
    const say = (status: 'out_for_delivery' | 'in_transit' | 'accepted' | 'returned_to_sender') =>
      world
        .orderHandle(orderId)
        .signal(trackingChanged, { shipmentId: shipment!.id, parcelId, status, at: '2026-01-01T00:00:00Z' });
    for (const status of [
      'out_for_delivery',
      'accepted',
      'out_for_delivery',
      'returned_to_sender',
      'in_transit',
    ] as const) {
      await say(status);
    }
    await world.reaches(orderId, 'completed');
    expect(await world.shipmentsOf(orderId)).toMatchObject([{ status: 'returned_to_sender' }]);
    expect(await world.mongo.models.returns.find({ orderId }).lean()).toMatchObject([{ by: 'carrier' }]);
    expect(await world.atStripe(orderId)).toMatchObject({ refunds: [] });
  });
});

test('money that cannot be returned is asked about once, and skipped', async () => {
  const { orderId } = await world.place({ paymentMethod: 'pm_card_refundFail' });
  const [shipment] = await world.shipmentsOf(orderId);
  await world.makeReady(orderId, shipment!.id);
  const gone = world.cancel(orderId);
  // This card's refund succeeds at first, and bounces later: the order has ended by then.
  expect(await gone).toBe('cancelled');
  const refund = await world.mongo.models.refunds.findOne({ orderId }).lean().orFail();
  await world.control(world.stripe.url, 'POST', `/_sandbox/refunds/${refund.providerId}/settle`, { outcome: 'failed' });
  const bounced = async () =>
    (await world.mongo.models.refunds.findById(refund._id).lean().orFail()).state?.incidents[0];
  await until(async () => (await bounced())?.cause === 'refund_failed', 'the refund has an incident');
  const answer = { incidentId: (await bounced())!.id, answer: 'skip' as const, actor: 'support:test' };
  await world.refundHandle(refund._id).signal(answerSignal, answer);
  expect(await world.refundHandle(refund._id).result()).toBe('failed');
  const payment = await world.paymentOf(orderId);
  expect(payment).toMatchObject({ captured: 2 * price, refunded: 0, refundPending: 0 });
});

test('every workflow replays', async () => {
  expect(await world.replayFailures()).toEqual([]);
});

test('the auditor finds nothing', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});
