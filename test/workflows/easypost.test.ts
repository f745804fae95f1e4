/** Orders that EasyPost's carriers bring: their labels, how they are followed, and labels that are given back. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { makeSchedules } from '../../activities/starts.ts';
import type { PackedParcel } from '../../models/shipment.ts';
import { poll } from '../support/poll.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld({ easypost: true });
  await makeSchedules(world.client);
});
afterAll(async () => {
  await world.stop();
});

async function parcelOf(shipmentId: string): Promise<PackedParcel> {
  const { parcels } = await world.mongo.models.shipments.findById(shipmentId).lean().orFail();
  return parcels![0]!;
}

async function madeReady(order: Parameters<World['place']>[0] = {}) {
  const { orderId } = await world.place(order);
  const [shipment] = await world.shipmentsOf(orderId);
  await world.makeReady(orderId, shipment!.id);
  return { orderId, shipmentId: shipment!.id, label: (await parcelOf(shipment!.id)).label! };
}

test('an order goes to the door by the cheapest service, followed by webhook and by asking', async () => {
  const { orderId, shipmentId, label } = await madeReady();
  const { trackingNumber } = label;
  expect(label).toMatchObject({
    ...{ carrier: 'easypost', service: 'USPS/GroundAdvantage', cost: 680, currency: 'USD' },
    trackingUrl: expect.stringContaining(trackingNumber),
  });
  await world.handOver(orderId, shipmentId);
  const scanned = (scan: object) =>
    world.control(world.carrier.url, 'POST', `/_sandbox/trackers/${trackingNumber}`, scan);
  expect(await scanned({ status: 'in_transit', est_delivery_date: '2030-01-02' })).toMatchObject({ answered: 200 });
  await world.shipmentReaches(orderId, shipmentId, 'in_transit');
  await until(async () => (await parcelOf(shipmentId)).expectedOn === '2030-01-02');

  await scanned({ status: 'delivered', signed_by: 'Ann Canary', silent: true });
  await world.mongo.models.shipments.updateOne({ _id: shipmentId }, { $set: { checkAt: new Date() } });
  await poll(world, 'poll-easypost');
  await world.reaches(orderId, 'completed');
  expect(await parcelOf(shipmentId)).toMatchObject({ deliveredAt: expect.any(Date), proof: { signed: true } });
  const events = await world.mongo.models.inbox.find({ source: 'carrier' }).sort({ 'payload.at': 1 }).lean();
  expect(events.map(({ payload }) => payload.status)).toEqual(['in_transit', 'delivered']);
  expect(JSON.stringify(events)).not.toMatch(/canary/i);
});

test('the label of a cancelled order is given back: EasyPost decides later, and what it cost stays in the books', async () => {
  const { orderId, shipmentId, label } = await madeReady();
  expect(await world.cancel(orderId)).toBe('cancelled');
  await until(async () => (await parcelOf(shipmentId)).label!.voided !== undefined, 'the label is given back');
  expect((await parcelOf(shipmentId)).label).toEqual({
    ...label,
    voided: { at: expect.any(Date), outcome: 'pending' },
  });
  const { shipments } = (await world.control(world.carrier.url, 'GET', '/_sandbox/state')) as {
    shipments: { id: string; refund_status: string }[];
  };
  expect(shipments.find(({ id }) => id === label.id)).toMatchObject({ refund_status: 'submitted' });
});

test('an order in a currency that nobody sells labels in gets one in another', async () => {
  const sku = await world.newSku({ wh_east: 1 });
  await world.mongo.models.products.updateOne({ _id: sku }, { $set: { 'prices.KWD': 1_230 } });
  const { label } = await madeReady({ currency: 'KWD', items: [{ sku, quantity: 1 }] });
  expect(label).toMatchObject({ service: 'USPS/GroundAdvantage', cost: 680, currency: 'USD' });
});

test('every workflow replays', async () => {
  expect(await world.replayFailures()).toEqual([]);
});

test('the auditor finds nothing', async () => {
  expect(await world.violations()).toEqual([]);
});
