/** Customers who want their goods and their money: claims, beside returns, parcels that come back, and claims of what was sent again. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { createToken } from '../../activities/staff-tokens.ts';
import { defaultSettings } from '../../models/store.ts';
import { linkToken } from '../../platform/link-token.ts';
import { config } from '../api/support.ts';
import { createReturns } from '../support/returns.ts';
import { serve } from '../support/serve.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let api: Awaited<ReturnType<typeof serve>>;
let returns: ReturnType<typeof createReturns>;
let support: string;
beforeAll(async () => {
  world = await startWorld();
  api = await serve(world);
  returns = createReturns(world);
  support = (await createToken(world.mongo, 'support')).token;
});
afterEach(async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});
afterAll(async () => {
  await api.stop();
  await world.stop();
});

const line = 'line_1';

async function claimed(orderId: string, body: object): Promise<string> {
  const asked = { kind: 'damaged', lines: [{ lineId: line, quantity: 1 }], description: 'x', ...body };
  const owner = linkToken(config.WAYBILL_SECRET, orderId);
  const answer = await api.ask('POST', `/v1/orders/${orderId}/claims`, asked, owner);
  expect(answer).toMatchObject({ status: 201 });
  return answer.body.id;
}

const approve = (claimId: string) =>
  api.ask('POST', `/v1/claims/${claimId}/decide`, { approve: true, reason: 'Seen' }, support);
const statusOf = async (claimId: string) => (await world.mongo.models.claims.findById(claimId).lean().orFail()).status;
const claimReaches = (claimId: string, status: string) =>
  until(async () => (await statusOf(claimId)) === status, `${claimId} is ${status}`);
const reshipsOf = (source: string) => world.mongo.models.orders.find({ reshipOf: source }).lean();
const refundsOf = async (orderId: string) => (await world.atStripe(orderId)).refunds;

/** Of two units in one parcel that the carrier brings back, claimed as lost while it was on its way. */
async function claimedAndBroughtBack(wants: 'refund' | 'reship') {
  const sku = await world.newSku({ wh_east: 9 });
  const { orderId } = await world.place({ items: [{ sku, quantity: 2 }] });
  const [shipment] = await world.shipmentsOf(orderId);
  await world.ship(orderId, shipment!.id);
  const claimId = await claimed(orderId, { kind: 'lost_in_transit', lines: [{ lineId: line, quantity: 2 }], wants });
  await world.carrierSays(shipment!.id, 'returned_to_sender');
  await world.reaches(orderId, 'completed');
  const find = () => world.mongo.models.returns.findOne({ orderId, by: 'carrier' }).lean();
  await until(async () => (await find())?.state !== undefined, 'it comes back');
  return { orderId, claimId, returnId: (await find())!._id };
}

async function takenBack(returnId: string) {
  await returns.receive(returnId, 2);
  await returns.restock(returnId, 2);
  expect(await world.returnHandle(returnId).result()).toBe('completed');
}

test.each(['refund', 'reship'] as const)(
  'a parcel that comes back brings no %s by its claim, but is paid back by its return',
  async (wants) => {
    const { orderId, claimId, returnId } = await claimedAndBroughtBack(wants);
    await approve(claimId);
    await claimReaches(claimId, 'withdrawn');
    await takenBack(returnId);
    await until(async () => (await refundsOf(orderId)).length > 0, 'the money is back');
    expect({ refunds: await refundsOf(orderId), again: await reshipsOf(claimId) }).toEqual({
      refunds: [2 * price],
      again: [],
    });
  },
);

test.each(['refund', 'reship'] as const)(
  'a parcel that was paid back once it came brings no %s by its claim',
  async (wants) => {
    const { orderId, claimId, returnId } = await claimedAndBroughtBack(wants);
    await takenBack(returnId);
    await until(async () => (await refundsOf(orderId)).length > 0, 'the money is back');
    await approve(claimId);
    await claimReaches(claimId, 'withdrawn');
    expect({ refunds: await refundsOf(orderId), again: await reshipsOf(claimId) }).toEqual({
      refunds: [2 * price],
      again: [],
    });
  },
);

test('a unit that was sent again is not paid back where it lies in a return of others', async () => {
  const orderId = await world.delivered();
  const claimId = await claimed(orderId, { wants: 'reship' });
  await approve(claimId);
  await claimReaches(claimId, 'settled');
  const [again] = await reshipsOf(claimId);
  await world.reaches(again!._id, 'confirmed');
  await world.deliver(again!._id);

  const returnId = await world.sendBack(orderId, [{ lineId: line, quantity: 1 }]);
  await returns.awaits(returnId, 'return_arrival');
  await takenBack(returnId);
  expect(await refundsOf(orderId)).toEqual([price]);

  // What was sent again is paid for with the first order, and can come back by itself.
  const next = await world.sendBack(again!._id, [{ lineId: line, quantity: 1 }]);
  await returns.awaits(next, 'return_arrival');
  await returns.receive(next, 1);
  await returns.restock(next, 1);
  expect(await world.returnHandle(next).result()).toBe('completed');
  expect(await refundsOf(orderId)).toEqual([price, price]);
});

test('claims of what was sent again count for what a store approves by itself', async () => {
  const claims = { autoApproveUpTo: { USD: price } };
  await world.mongo.models.settings.replaceOne({ _id: 'store' }, { ...defaultSettings, claims }, { upsert: true });
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const orderId = await world.delivered();
  const first = await claimed(orderId, { wants: 'reship' });
  await claimReaches(first, 'settled');
  const [again] = await reshipsOf(first);
  await world.reaches(again!._id, 'confirmed');
  await world.deliver(again!._id);
  const second = await claimed(again!._id, { wants: 'reship' });
  const isDecided = async () => {
    const { status, state } = await world.mongo.models.claims.findById(second).lean().orFail();
    return status !== 'open' || state?.waitingFor?.event === 'approval';
  };
  await until(isDecided, 'somebody has decided, or is asked');
  expect(await statusOf(second)).toBe('open');
  await api.ask('POST', `/v1/claims/${second}/withdraw`, { reason: 'x' }, support);
});
