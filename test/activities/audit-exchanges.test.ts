/** Planted bugs in the books of exchanges: the auditor sees each of them, and nothing in a world without. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { audit } from '../../activities/audit.ts';
import { createExchanges } from '../support/exchanges.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let exchanges: ReturnType<typeof createExchanges>;
/** The order that was paid, its return that is settled, and the order in exchange, which waits to be picked. */
let orderId: string;
let returnId: string;
let exchangeId: string;
beforeAll(async () => {
  world = await startWorld();
  exchanges = createExchanges(world);
  await exchanges.setPolicies();
  ({ orderId, returnId, exchangeId } = await exchanges.agreed({ release: 'on_receipt' }));
  await exchanges.takenBack(returnId);
  await exchanges.completed(returnId);
  await world.reaches(exchangeId, 'confirmed');
});
afterAll(() => world.stop());

const findings = async () =>
  (await audit({ mongo: world.mongo, payments: world.payments, temporal: world.client })).violations;
const set = (of: string, change: object) =>
  world.mongo.connection.collection('payments').updateOne({ orderId: of }, { $set: change });

test.each<[string, string, () => Promise<unknown>]>([
  ['G4', '3997 pays for exchanges, they have 3998', () => set(orderId, { transferredOut: 3_997 })],
  ['G4', '0 pays for exchanges, they have 3998', () => set(orderId, { transferredOut: 0 })],
  ['G4', '3998 pays for exchanges, they have 3997', () => set(exchangeId, { creditReturned: 1 })],
  ['G4', '3999 went back or into exchanges, 3998 was paid', () => set(orderId, { refundPending: 1 })],
  ['G4', 'which is not its return', () => set(exchangeId, { 'transfer.returnId': 'ret_other' })],
  ['G6', 'has ended unsettled, and 3998 of it', () => set(exchangeId, { 'transfer.settled': false })],
  [
    'G6',
    'it is cancelled, and has 3998',
    () => world.mongo.models.orders.updateOne({ _id: exchangeId }, { $set: { status: 'cancelled' } }),
  ],
])('%s: %s', async (guarantee, what, meddle) => {
  expect(await findings()).toEqual([]);
  const payments = await world.mongo.connection.collection('payments').find().toArray();
  await meddle();
  expect(await findings()).toContainEqual({
    ...{ guarantee, where: expect.any(String), what: expect.stringContaining(what) },
  });
  for (const payment of payments)
    await world.mongo.connection.collection('payments').replaceOne({ _id: payment._id }, payment);
  await world.mongo.models.orders.updateOne({ _id: exchangeId }, { $set: { status: 'confirmed' } });
});
