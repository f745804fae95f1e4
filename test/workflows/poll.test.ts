/** What the webhooks of the carrier and of Stripe missed is fetched by the schedules. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { pollEvents } from '../../activities/events.ts';
import { deliveredEvents } from '../../activities/providers/stripe-events.ts';
import { makeSchedules } from '../../activities/starts.ts';
import { deadlines } from '../../workflows/domain/limits.ts';
import { poll } from '../support/poll.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
  await makeSchedules(world.client);
});
afterAll(async () => {
  await world.stop();
});

test('a delivery that no webhook told of is found by the poll, once', async () => {
  const { orderId } = await world.place();
  const [shipment] = await world.shipmentsOf(orderId);
  await world.ship(orderId, shipment!.id);
  await world.webhooks('carrier', 'off');
  await world.carrierSays(shipment!.id, 'in_transit');
  await world.carrierSays(shipment!.id, 'delivered');

  // It is asked about only once nothing was heard of it for a while.
  await poll(world, 'poll-sandbox');
  const events = () => world.mongo.models.inbox.find({ source: 'carrier' }).sort({ 'payload.at': 1 }).lean();
  expect(await events()).toEqual([]);
  const { shipments } = world.mongo.models;
  await shipments.updateOne({ _id: shipment!.id }, { $set: { checkAt: new Date() } });
  await poll(world, 'poll-sandbox');
  await world.reaches(orderId, 'completed');
  expect((await events()).map(({ payload }) => payload.status)).toEqual(['in_transit', 'delivered']);
  expect((await shipments.findById(shipment!.id).lean())?.checkAt).toBeUndefined();

  await poll(world, 'poll-sandbox');
  expect(await events()).toHaveLength(2);
  await world.webhooks('carrier', 'normal');
});

describe("Stripe's events", () => {
  afterEach(() => world.webhooks('stripe', 'normal'));
  const stored = () => world.mongo.models.inbox.find({ source: 'stripe' }).sort({ _id: 1 }).lean();

  test('that no webhook told of are found by the poll, each as the webhook would have stored it', async () => {
    await world.inboxIsEmpty();
    await world.webhooks('stripe', 'off');
    const { orderId } = await world.place({ paymentMethod: 'pm_card_authenticationRequired' });
    await world.browser(orderId, 'authenticate', { outcome: 'succeed' });
    expect((await world.readOrder(orderId)).status).toBe('awaiting_payment');

    await poll(world, 'poll-stripe');
    await world.reaches(orderId, 'confirmed');
    const polled = (await stored()).filter(({ payload }) => payload.id === undefined || isOf(payload, orderId));
    expect(polled.map(({ type }) => type)).toContain('payment_intent.amount_capturable_updated');

    await world.webhooks('stripe', 'normal');
    await world.inboxIsEmpty();
    const after = (await stored()).filter(({ payload }) => isOf(payload, orderId));
    for (const event of polled) expect(after).toContainEqual(event);
  });

  test('that came by webhook already are the same events', async () => {
    await world.delivered();
    await world.inboxIsEmpty();
    const before = await stored();
    const reached = await poll(world, 'poll-stripe');
    expect(await stored()).toEqual(before);
    expect(await poll(world, 'poll-stripe')).toBe(reached);
  });

  test('are asked for until Stripe answers, and none is skipped', async () => {
    await world.inboxIsEmpty();
    await world.webhooks('stripe', 'off');
    const { orderId } = await world.place({ paymentMethod: 'pm_card_authenticationRequired' });
    await world.browser(orderId, 'authenticate', { outcome: 'succeed' });
    const fired = await world.fault('stripe', { operation: 'events.list', kind: 'fail_before', times: 3 });
    await poll(world, 'poll-stripe');
    expect(await fired()).toBe(true);
    await world.reaches(orderId, 'confirmed');
  });

  test('that are too many for one call are taken part by part, the oldest first', async () => {
    await world.webhooks('stripe', 'off');
    for (let order = 0; order < 3; order += 1) await world.place({ paymentMethod: 'pm_card_chargeDeclined' });
    const { events } = (await world.stripeState()) as unknown as { events: { id: string; type: string }[] };
    const wanted = events.filter(({ type }) => (deliveredEvents as readonly string[]).includes(type));
    expect(wanted.length).toBeGreaterThan(10);

    let since = new Date(Math.floor((Date.now() - deadlines.eventsKept) / 1_000) * 1_000).toISOString();
    for (let more = true; more; ) {
      const polled = await pollEvents(world.mongo, world.payments, { since }, 2);
      expect(polled.more ? polled.through > since : polled.through >= since).toBe(true);
      ({ through: since, more } = polled);
    }
    expect((await stored()).map(({ _id }) => _id)).toEqual(wanted.map(({ id }) => `stripe:${id}`).sort());
  });
});

test('setting up again leaves the schedules as they are', async () => {
  await makeSchedules(world.client);
  for (const [id, workflowType] of [
    ['poll-sandbox', 'pollCarrier'],
    ['poll-easypost', 'pollCarrier'],
    ['poll-stripe', 'pollStripe'],
  ] as const) {
    const { action, policies } = await world.client.schedule.getHandle(id).describe();
    expect(action).toMatchObject({ workflowType, taskQueue: 'orders' });
    expect(policies.overlap).toBe('SKIP');
  }
});

function isOf({ metadata }: Record<string, unknown>, orderId: string): boolean {
  return (metadata as { orderId?: string } | undefined)?.orderId === orderId;
}
