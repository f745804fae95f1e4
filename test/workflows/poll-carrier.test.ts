/** What the carrier's webhooks missed is fetched by the schedule. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { carrierPoll, schedulePolling } from '../../activities/starts.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
  await schedulePolling(world.client);
});
afterAll(async () => {
  await world.stop();
});

/** Runs the schedule now, and answers with the time that the next run goes on from. */
async function poll(): Promise<string> {
  const schedule = world.client.schedule.getHandle(carrierPoll);
  const before = (await schedule.describe()).info.recentActions.length;
  await schedule.trigger();
  for (;;) {
    const { recentActions, runningActions } = (await schedule.describe()).info;
    const latest = recentActions.at(-1);
    if (recentActions.length > before && runningActions.length === 0 && latest) {
      const { workflow } = latest.action;
      return world.client.workflow.getHandle(workflow.workflowId, workflow.firstExecutionRunId).result();
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('a delivery that no webhook told of is found by the poll, once', async () => {
  const { orderId } = await world.place();
  const [shipment] = await world.shipmentsOf(orderId);
  await world.ship(orderId, shipment!.id);
  await world.webhooks('carrier', 'off');
  await world.carrierSays(shipment!.id, 'in_transit');
  await world.carrierSays(shipment!.id, 'delivered');

  const first = await poll();
  await world.reaches(orderId, 'completed');
  const events = await world.mongo.models.inbox.find({ source: 'carrier' }).sort({ 'payload.at': 1 }).lean();
  expect(events.map(({ payload }) => payload.status)).toEqual(['in_transit', 'delivered']);
  expect(first).toBe(events.at(-1)!.payload.at);

  expect(await poll()).toBe(first);
  expect(await world.mongo.models.inbox.countDocuments({ source: 'carrier' })).toBe(2);
});

test('setting up again leaves the schedule as it is', async () => {
  await schedulePolling(world.client);
  const { action, policies } = await world.client.schedule.getHandle(carrierPoll).describe();
  expect(action).toMatchObject({ workflowType: 'pollCarrier', taskQueue: 'orders' });
  expect(policies.overlap).toBe('SKIP');
});
