import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { releaseStock, reserveStock } from '../../activities/stock/reservations.ts';
import { activeWarehouses } from '../../activities/stock/warehouses.ts';
import type { Saved } from '../../workflows/activities.ts';
import type { OrderState } from '../../workflows/messages.ts';
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

const one = (sku: string) => ({ items: [{ sku, quantity: 1 }] });
const idle = { damaged: 0, reserved: 0, committed: 0 };

/** The labels that the carrier sold for a shipment, by their status. */
async function labelsOf(shipmentId: string): Promise<string[]> {
  const state = await world.control(world.carrier.url, 'GET', '/_sandbox/state');
  const { labels } = state as { labels: { reference: string; status: string }[] };
  const { parcels = [] } = await world.mongo.models.shipments.findById(shipmentId).lean().orFail();
  return labels.filter(({ reference }) => parcels.some(({ id }) => id === reference)).map(({ status }) => status);
}

describe('a warehouse that is switched off before the order is paid', () => {
  const isActive = async (id: string) => (await activeWarehouses(world.mongo)).some(({ _id }) => _id === id);
  async function switchTo(active: boolean): Promise<void> {
    await world.mongo.models.warehouses.updateOne({ _id: 'wh_east' }, { $set: { active } });
    await until(async () => (await isActive('wh_east')) === active, 'the workers know of it');
  }
  afterEach(() => switchTo(true));

  test('its shipment is sent by another one', async () => {
    const sku = await world.newSku({ wh_east: 3, wh_west: 3 });
    const { orderId } = await world.place({ ...one(sku), paymentMethod: undefined });
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ reserved: 1 });
    await switchTo(false);
    expect(await world.pay(orderId, 'pm_card_visa')).toBe('confirmed');

    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 3 });
    expect(await world.stock(sku, 'wh_west')).toEqual({ ...idle, onHand: 3, committed: 1 });
    await until(async () => (await world.shipmentsOf(orderId))[0]!.warehouseId === 'wh_west');
    await world.deliver(orderId);
    expect(await world.stock(sku, 'wh_west')).toEqual({ ...idle, onHand: 2 });
  });

  test('what nobody else has stays with it', async () => {
    const sku = await world.newSku({ wh_east: 3 });
    const { orderId } = await world.place({ ...one(sku), paymentMethod: undefined });
    await switchTo(false);
    expect(await world.pay(orderId, 'pm_card_visa')).toBe('confirmed');
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 3, committed: 1 });
    await world.deliver(orderId);
  });
});

describe('reserving', () => {
  test('the last unit is sold once, however many want it at once', async () => {
    const sku = await world.newSku({ wh_east: 1 });
    const placed = await Promise.all(Array.from({ length: 10 }, () => world.place(one(sku))));
    const statuses = placed.map(({ status }) => status).sort();
    expect(statuses).toEqual(['confirmed', ...Array.from({ length: 9 }, () => 'rejected')]);
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 1, committed: 1 });
    const rejected = placed.find(({ status }) => status === 'rejected')!;
    expect(await world.readOrder(rejected.orderId)).toMatchObject({
      shortages: [{ sku, requested: 1, available: 0 }],
      lines: [{ allocations: [] }],
    });
  });

  test('two lines of one order on the same stock count together', async () => {
    const sku = await world.newSku({ wh_east: 5 });
    const lines = (first: number, second: number) => ({
      items: [
        { sku, quantity: first },
        { sku, quantity: second },
      ],
    });
    expect((await world.place(lines(3, 3))).status).toBe('rejected');
    const { orderId, status } = await world.place(lines(3, 2));
    expect(status).toBe('confirmed');
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 5, committed: 5 });
    expect(await world.cancel(orderId)).toBe('cancelled');
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 5 });
  });

  test('an undo that comes first leaves a tombstone: the reservation does nothing', async () => {
    const sku = await world.newSku({ wh_east: 5 });
    const { orderId } = await world.write(one(sku));
    await releaseStock(world.mongo, { orderId });
    expect(await reserveStock(world.mongo, unsaved(orderId))).toEqual({ outcome: 'undone' });
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 5 });
    expect(await world.mongo.models.payments.exists({ orderId })).toBeNull();
  });

  test('reserving and releasing again and again has one effect', async () => {
    const sku = await world.newSku({ wh_east: 5 });
    const { orderId } = await world.write(one(sku));
    await Promise.all(Array.from({ length: 5 }, () => reserveStock(world.mongo, unsaved(orderId))));
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 5, reserved: 1 });
    await Promise.all(Array.from({ length: 5 }, () => releaseStock(world.mongo, { orderId })));
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 5 });
    await world.mongo.models.orders.deleteOne({ _id: orderId });
  });
});

describe('cancelling', () => {
  const stages = {
    'before the picking': async () => {},
    'once it is picked': async (orderId: string, shipmentId: string) => {
      await world.pickAll(shipmentId);
      await world.shipmentReaches(orderId, shipmentId, 'picked');
    },
    'once it is packed and paid': (orderId: string, shipmentId: string) => world.makeReady(orderId, shipmentId),
  };
  test.each(Object.entries(stages))('%s gives back stock, label and money', async (stage, prepare) => {
    const sku = await world.newSku({ wh_east: 5 });
    const { orderId } = await world.place(one(sku));
    const [shipment] = await world.shipmentsOf(orderId);
    await prepare(orderId, shipment!.id);
    const paid = stage === 'once it is packed and paid';

    // Asked for three times at once, it is done once.
    const asked = await Promise.allSettled([world.cancel(orderId), world.cancel(orderId), world.cancel(orderId)]);
    const answers = asked.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    expect(new Set(answers)).toEqual(new Set(['cancelled']));
    await expect(world.cancel(orderId)).rejects.toThrow();

    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 5 });
    expect(await labelsOf(shipment!.id)).toEqual(paid ? ['voided'] : []);
    expect(await world.atStripe(orderId)).toEqual({
      authorizations: 1,
      held: 0,
      captured: paid ? [price] : [],
      refunds: paid ? [price] : [],
    });
    expect(await world.stateOf(orderId)).toMatchObject({
      status: 'cancelled',
      fulfillmentStatus: 'cancelled',
      paymentStatus: paid ? 'refunded' : 'voided',
    });
    await expect(world.pickAll(shipment!.id)).rejects.toThrow(/cancelled|or over/);
  });

  test('a cancellation and the hand-over at once: exactly one of them happens', async () => {
    const ends = await Promise.all(
      Array.from({ length: 6 }, async (_, index) => {
        const sku = await world.newSku({ wh_east: 1 });
        const { orderId } = await world.place(one(sku));
        const [shipment] = await world.shipmentsOf(orderId);
        await world.makeReady(orderId, shipment!.id);
        const both = [() => world.cancel(orderId), () => world.handOver(orderId, shipment!.id)];
        if (index % 2 === 0) both.reverse();
        await Promise.allSettled(both.map((ask) => ask()));
        const left = (await world.shipmentsOf(orderId))[0]!.status;
        if (left === 'shipped') {
          expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 0 });
          expect(await labelsOf(shipment!.id)).toEqual(['created']);
          await world.carrierSays(shipment!.id, 'delivered');
          await world.reaches(orderId, 'completed');
        } else {
          expect(left).toBe('cancelled');
          await world.reaches(orderId, 'cancelled');
          expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 1 });
          expect(await labelsOf(shipment!.id)).toEqual(['voided']);
        }
        const { captured, refunds } = await world.atStripe(orderId);
        expect({ captured, refunds }).toEqual({ captured: [price], refunds: left === 'shipped' ? [] : [price] });
        return left;
      }),
    );
    expect(ends).toHaveLength(6);
  });

  test('of an order with one parcel gone only the rest is cancelled and refunded', async () => {
    const east = await world.newSku({ wh_east: 2 });
    const west = await world.newSku({ wh_west: 3 });
    const items = [
      { sku: east, quantity: 2 },
      { sku: west, quantity: 3 },
    ];
    const { orderId } = await world.place({ items });
    const shipments = await world.shipmentsOf(orderId);
    const gone = shipments.find(({ warehouseId }) => warehouseId === 'wh_east')!;
    await world.ship(orderId, gone.id);
    expect(await world.cancel(orderId)).toBe('processing');
    expect(await world.stock(west, 'wh_west')).toEqual({ ...idle, onHand: 3 });
    await expect(world.cancel(orderId)).rejects.toThrow();
    await world.carrierSays(gone.id, 'delivered');
    await world.reaches(orderId, 'completed');
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [5 * price], refunds: [3 * price] });
    expect(await world.stateOf(orderId)).toMatchObject({
      amountDue: 2 * price,
      paymentStatus: 'partially_refunded',
      fulfillmentStatus: 'delivered',
    });
  });
});

describe('picking short', () => {
  test('what another warehouse has is sent from there', async () => {
    const sku = await world.newSku({ wh_east: 3, wh_west: 2 });
    const { orderId } = await world.place({ items: [{ sku, quantity: 3 }] });
    const [first] = await world.shipmentsOf(orderId);
    await world.pickShort(first!.id, 1);
    await world.shipmentReaches(orderId, first!.id, 'picked');
    const second = (await world.shipmentsOf(orderId))[1]!;
    expect(second.warehouseId).toBe('wh_west');
    expect(await world.stock(sku, 'wh_west')).toEqual({ ...idle, onHand: 2, committed: 2 });
    await world.pack(orderId, first!.id);
    await world.handOver(orderId, first!.id);
    await world.carrierSays(first!.id, 'delivered');
    await world.ship(orderId, second.id);
    await world.carrierSays(second.id, 'delivered');
    await world.reaches(orderId, 'completed');
    // What was not found is set aside until somebody has counted.
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 2, damaged: 2 });
    expect(await world.stock(sku, 'wh_west')).toEqual({ ...idle, onHand: 0 });
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [3 * price], refunds: [] });
  });

  test('a cancellation finds what was moved as well', async () => {
    const sku = await world.newSku({ wh_east: 3, wh_west: 2 });
    const { orderId } = await world.place({ items: [{ sku, quantity: 3 }] });
    const [first] = await world.shipmentsOf(orderId);
    await world.pickShort(first!.id, 1);
    await world.shipmentReaches(orderId, first!.id, 'picked');
    expect(await world.cancel(orderId)).toBe('cancelled');
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 3, damaged: 2 });
    expect(await world.stock(sku, 'wh_west')).toEqual({ ...idle, onHand: 2 });
  });

  test('what nobody has is cancelled, and less is captured', async () => {
    const sku = await world.newSku({ wh_east: 3 });
    const { orderId } = await world.place({ items: [{ sku, quantity: 3 }] });
    const [shipment] = await world.shipmentsOf(orderId);
    await world.pickShort(shipment!.id, 1);
    expect(await world.pack(orderId, shipment!.id)).toBe('ready');
    expect(await world.atStripe(orderId)).toMatchObject({ authorizations: 1, held: 0, captured: [price] });
    await world.handOver(orderId, shipment!.id);
    await world.carrierSays(shipment!.id, 'delivered');
    await world.reaches(orderId, 'completed');
    expect(await world.stateOf(orderId)).toMatchObject({ amountDue: price, fulfillmentStatus: 'delivered' });
    expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 2, damaged: 2 });
  });

  test('where nothing is there at all, the order is cancelled and nobody pays', async () => {
    const sku = await world.newSku({ wh_east: 3 });
    const { orderId } = await world.place({ items: [{ sku, quantity: 3 }] });
    const [shipment] = await world.shipmentsOf(orderId);
    await world.pickShort(shipment!.id, 0);
    await world.reaches(orderId, 'cancelled');
    expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [] });
    expect(await world.stateOf(orderId)).toMatchObject({ fulfillmentStatus: 'cancelled', paymentStatus: 'voided' });
  });
});

test('every workflow replays', async () => {
  expect(await world.replayFailures()).toEqual([]);
});

test('the auditor finds nothing', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});

/** What a workflow would hand over with its first step. */
function unsaved(orderId: string): Saved {
  return { state: { orderId, rev: 1, status: 'pending' } as OrderState, mails: [] };
}
