/**
 * Parcels that a carrier was to bring back, over months. Each test has a world of its own: the server that skips the time
 * stops doing so once a workflow has ended that another one had begun and left behind.
 */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { deadlines } from '../../workflows/domain/limits.ts';
import { createReturns } from '../support/returns.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let returns: ReturnType<typeof createReturns>;
beforeEach(async () => {
  world = await startWorld({ timeSkipping: true });
  returns = createReturns(world);
});
afterEach(async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
  await world.stop();
});

const minute = 60_000;

async function broughtBack(): Promise<{ orderId: string; returnId: string }> {
  const orderId = await returns.begin();
  const [shipment] = await world.shipmentsOf(orderId);
  await world.ship(orderId, shipment!.id);
  await world.carrierSays(shipment!.id, 'returned_to_sender');
  await world.reaches(orderId, 'completed');
  const { _id } = await world.mongo.models.returns.findOne({ orderId }).lean().orFail();
  await returns.awaits(_id, 'return_arrival');
  return { orderId, returnId: _id };
}

test('one that does not arrive: it is waited for, then given up and paid back', async () => {
  const { orderId, returnId } = await broughtBack();
  await world.pass(deadlines.returnArrival + minute);
  const first = await returns.incident(returnId, 'overdue_return_arrival');
  await returns.answer(returnId, first, 'wait');
  await returns.awaits(returnId, 'return_arrival');
  await world.pass(deadlines.returnArrival + minute);
  await returns.answer(returnId, await returns.incident(returnId, 'overdue_return_arrival'), 'refund');
  await world.returnReaches(returnId, 'expired');
  expect(await world.atStripe(orderId)).toMatchObject({ captured: [2 * price], refunds: [2 * price] });
});

test('one that comes while somebody is asked', async () => {
  const { orderId, returnId } = await broughtBack();
  await world.pass(deadlines.returnArrival + minute);
  await returns.incident(returnId, 'overdue_return_arrival');
  await returns.receive(returnId, 2);
  expect((await returns.stored(returnId)).state?.incidents).toEqual([]);
  await returns.restock(returnId, 2);
  await world.returnReaches(returnId, 'completed');
  expect(await world.atStripe(orderId)).toMatchObject({ refunds: [2 * price] });
});

test('one that does not arrive, and is sent again', async () => {
  const { orderId, returnId } = await broughtBack();
  await world.pass(deadlines.returnArrival + minute);
  await returns.answer(returnId, await returns.incident(returnId, 'overdue_return_arrival'), 'reship');
  await world.returnReaches(returnId, 'expired');
  const { state } = await returns.stored(returnId);
  const { parcel } = await returns.stored(returnId);
  expect(await world.readOrder(state!.reshipOrderId!)).toMatchObject({ reshipOf: parcel!.parcelId, total: 0 });
  // By the server's clock, which is ahead, it is stale before it begins: so it is paid back.
  await world.reaches(state!.reshipOrderId!, 'expired');
  await until(async () => (await world.atStripe(orderId)).refunds.length > 0, 'it is paid back');
  expect(await world.atStripe(orderId)).toMatchObject({ refunds: [2 * price] });
});
