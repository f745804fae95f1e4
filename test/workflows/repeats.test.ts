/** Steps that are repeated, frozen, or woken together: each has one effect. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { sendRefund } from '../../activities/payments/refund-sending.ts';
import { openRefund } from '../../activities/payments/refunds.ts';
import { recordInspection, recordReception } from '../../activities/returns/arrivals.ts';
import { openParcelReturn } from '../../activities/returns/brought-back.ts';
import { openReturn } from '../../activities/returns/opening.ts';
import { settleReturn } from '../../activities/returns/settlement.ts';
import { startForgotten } from '../../activities/starts.ts';
import { settleShortPick } from '../../activities/stock/short-picks.ts';
import { activeWarehouses } from '../../activities/stock/warehouses.ts';
import { newId } from '../../models/id.ts';
import { answerSignal, workflowIds } from '../../workflows/messages.ts';
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

const actor = 'test';
const idle = { damaged: 0, reserved: 0, committed: 0 };
const sum = (amounts: readonly number[]) => amounts.reduce((total, each) => total + each, 0);

async function switchWarehouses(ids: string[], active: boolean): Promise<void> {
  const { modifiedCount } = await world.mongo.models.warehouses.updateMany(
    { _id: { $in: ids }, active: !active },
    { $set: { active } },
  );
  const isOn = async (id: string) => (await activeWarehouses(world.mongo)).some(({ _id }) => _id === id);
  expect(modifiedCount).toBe(ids.length);
  for (const id of ids) await until(async () => (await isOn(id)) === active, `${id} is known to be switched`);
}

test('two shipments of warehouses that went off do not take the same units of a third', async () => {
  const sku = await world.newSku({ wh_east: 2, wh_south: 2 });
  const { orderId } = await world.place({ items: [{ sku, quantity: 4 }], paymentMethod: undefined });
  await world.receive(sku, 'wh_west', 3);
  await switchWarehouses(['wh_east', 'wh_south'], false);
  try {
    expect(await world.pay(orderId, 'pm_card_visa')).toBe('confirmed');
    const west = await world.stock(sku, 'wh_west');
    expect(west).toEqual({ ...idle, onHand: 3, committed: 2 });
  } finally {
    await switchWarehouses(['wh_east', 'wh_south'], true);
  }
});

test('a short pick that is settled twice at once moves its units once', async () => {
  const sku = await world.newSku({ wh_east: 3 });
  const { orderId } = await world.place({ items: [{ sku, quantity: 3 }] });
  await world.receive(sku, 'wh_west', 9);
  const shipmentId = (await world.shipmentsOf(orderId))[0]!.id;
  // As the list stands when one of three was picked; written past the inbox, so that only this test settles it.
  const picked = { 'lines.0.picked': 1, 'lines.0.state': 'short', pickedAt: new Date() };
  await world.mongo.models.shipments.updateOne({ _id: shipmentId }, { $set: picked });
  const settle = () => settleShortPick(world.mongo, { orderId, shipmentId });
  const [one, other] = await Promise.all([settle(), settle()]);
  expect(other).toEqual(one);
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 3, damaged: 2, committed: 1 });
  expect(await world.stock(sku, 'wh_west')).toEqual({ ...idle, onHand: 9, committed: 2 });
  await world.cancel(orderId);
});

test('of parcels that are lost together each is refunded, also when one refund is slow', async () => {
  const skus = await Promise.all(['wh_east', 'wh_west', 'wh_south'].map((id) => world.newSku({ [id]: 2 })));
  const items = skus.map((sku) => ({ sku, quantity: 1 }));
  const { orderId } = await world.place({ items });
  const shipments = await world.shipmentsOf(orderId);
  for (const { id } of shipments) await world.ship(orderId, id);
  for (const { id } of shipments) await world.carrierSays(id, 'lost');
  await until(async () => (await world.stateOf(orderId)).incidents.length === 3, 'all of them are asked about');
  const fired = await world.fault('stripe', { operation: 'refunds.create', kind: 'slow', times: 1, ms: 1500 });
  for (const { id } of (await world.stateOf(orderId)).incidents) {
    await world.orderHandle(orderId).signal(answerSignal, { incidentId: id, answer: 'refund', actor });
  }
  await world.reaches(orderId, 'completed');
  expect(await fired()).toBe(true);
  expect(sum((await world.atStripe(orderId)).refunds)).toBe(3 * price);
  expect((await world.stateOf(orderId)).payment).toMatchObject({ captured: 3 * price, refunded: 3 * price });
});

test('what is heard of a first refund after a second one has gone out changes nothing', async () => {
  const orderId = await world.delivered({ paymentMethod: 'pm_card_refundFail' });
  const opened = await openRefund(world.mongo, { key: newId('req'), orderId, amount: 500, reason: 'goodwill', actor });
  const { refundId } = opened as { refundId: string };
  const stored = () => world.mongo.models.refunds.findById(refundId).lean().orFail();
  const payment = () => world.paymentOf(orderId);
  await sendRefund(world.mongo, world.payments, { refundId, attempt: 1 });
  const first = (await stored()).providerId!;
  await world.control(world.stripe.url, 'POST', `/_sandbox/refunds/${first}/settle`, { outcome: 'failed' });

  let thaw = () => {};
  const frozen = new Promise<void>((resolve) => {
    thaw = resolve;
  });
  const slow = {
    ...world.payments,
    async readRefund(id: string) {
      const read = await world.payments.readRefund(id);
      await frozen;
      return read;
    },
  };
  const thawing = sendRefund(world.mongo, slow, { refundId, attempt: 1 });
  expect(await sendRefund(world.mongo, world.payments, { refundId, attempt: 1 })).toMatchObject({ status: 'failed' });
  expect(await sendRefund(world.mongo, world.payments, { refundId, attempt: 2 })).toMatchObject({
    status: 'succeeded',
  });
  const before = await payment();
  thaw();
  await thawing;
  expect(await payment()).toEqual(before);
  expect(await stored()).toMatchObject({ status: 'succeeded', attempt: 2 });
  await world.inboxIsEmpty();
});

test('a reception that is written late leaves the inspection as it is', async () => {
  const orderId = await world.delivered();
  const returnId = newId('ret');
  const line = { lineId: 'line_1', quantity: 2 };
  await openReturn(world.mongo, { returnId, orderId, lines: [{ ...line, reason: 'does_not_fit' }], by: 'customer' });
  const reception = { returnId, number: 1, actor, lines: [{ ...line, reception: 'received' as const }] };
  await recordReception(world.mongo, reception);
  const inspection = { returnId, actor, lines: [{ ...line, disposition: 'restock' as const }] };
  await recordInspection(world.mongo, inspection);
  const settled = await settleReturn(world.mongo, { returnId, actor });
  await recordReception(world.mongo, reception);
  await recordInspection(world.mongo, inspection);
  expect(await settleReturn(world.mongo, { returnId, actor })).toEqual(settled);
  const { lines } = await world.mongo.models.returns.findById(returnId).lean().orFail();
  expect(lines[0]!.dispositions).toEqual([{ disposition: 'restock', quantity: 2 }]);
  await world.follow('return', returnId);
});

test('each parcel of a return is written down once', async () => {
  const orderId = await world.delivered();
  const returnId = newId('ret');
  const line = { lineId: 'line_1', quantity: 1 };
  await openReturn(world.mongo, { returnId, orderId, lines: [{ ...line, reason: 'other' }], by: 'customer' });
  const parcel = { returnId, actor, lines: [{ ...line, reception: 'received' as const }], more: true };
  const written = await Promise.all([1, 1, 1].map((number) => recordReception(world.mongo, { ...parcel, number })));
  expect(written).toEqual([{ units: 1 }, { units: 1 }, { units: 1 }]);
  expect(await recordReception(world.mongo, { ...parcel, number: 2, more: false })).toEqual({ units: 2 });
  const { arrivals, lines } = await world.mongo.models.returns.findById(returnId).lean().orFail();
  expect(arrivals.map(({ number }) => number)).toEqual([1, 2]);
  expect(lines).toMatchObject([{ quantity: 1, received: 2, reception: 'received' }]);
  await world.follow('return', returnId);
});

test('a parcel that is brought back is one return, however often that is said', async () => {
  const { orderId } = await world.place();
  const [shipment] = await world.shipmentsOf(orderId);
  await world.ship(orderId, shipment!.id);
  const { parcels } = await world.mongo.models.shipments.findById(shipment!.id).lean().orFail();
  const ids = { orderId, shipmentId: shipment!.id, parcelId: parcels![0]!.id };
  const opened = await Promise.all([1, 2, 3, 4].map(() => openParcelReturn(world.mongo, ids)));
  const { returnId } = opened[0] as { returnId: string };
  expect(opened).toEqual(opened.map(() => ({ returnId })));
  await world.carrierSays(shipment!.id, 'returned_to_sender');
  await world.reaches(orderId, 'completed');
  expect(await world.mongo.models.returns.find({ orderId }).lean()).toMatchObject([{ _id: returnId }]);
});

test('units of another product are neither stock nor paid for', async () => {
  const sku = await world.newSku({ wh_east: 3 });
  const orderId = await world.delivered({ items: [{ sku, quantity: 3 }] });
  const returnId = newId('ret');
  const line = { lineId: 'line_1', quantity: 1 };
  await openReturn(world.mongo, { returnId, orderId, lines: [{ ...line, reason: 'does_not_fit' }], by: 'customer' });
  await recordReception(world.mongo, { returnId, number: 1, actor, lines: [{ ...line, reception: 'wrong_item' }] });
  const inspection = { returnId, actor, lines: [{ ...line, disposition: 'restock' as const }] };
  await recordInspection(world.mongo, inspection);
  expect(await settleReturn(world.mongo, { returnId, actor })).toEqual({ refundId: null });
  expect(await world.stock(sku, 'wh_east')).toEqual({ ...idle, onHand: 0 });
});

test('refunds that others follow do not keep a forgotten one from being started', async () => {
  const orderId = await world.delivered();
  const { models } = world.mongo;
  const { _id: paymentId } = await models.payments.findOne({ orderId }).lean().orFail();
  const createdAt = new Date(Date.now() - 60_000);
  const followed = { orderId, paymentId, amount: 1, currency: 'USD', reason: 'test', actor, createdAt };
  await models.refunds.create(
    Array.from({ length: 60 }, (_, index) => ({
      ...followed,
      ...{ _id: `ref_0${index}`, key: `followed-${index}`, status: 'pending' as const, workflowId: 'order-ord_other' },
    })),
  );
  const opened = await openRefund(world.mongo, { key: newId('req'), orderId, amount: 100, reason: 'goodwill', actor });
  const { refundId } = opened as { refundId: string };
  await models.refunds.updateOne({ _id: refundId }, { $set: { createdAt } });
  expect(await startForgotten(world.mongo, world.client)).toBe(1);
  await world.client.workflow.getHandle(workflowIds.refund(refundId)).result();
  await models.refunds.deleteMany({ workflowId: 'order-ord_other' });
});

test('a stock record that somebody keeps locked holds up its own orders only', async () => {
  const locked = await world.newSku({ wh_east: 5 });
  const free = await world.newSku({ wh_west: 5 });
  const session = await world.mongo.connection.startSession();
  session.startTransaction();
  await world.mongo.models.stock.updateOne({ _id: `${locked}@wh_east` }, { $inc: { safetyStock: 1 } }, { session });
  const held = await world.write({ items: [{ sku: locked, quantity: 1 }] });
  try {
    await world.start(held);
    const other = await world.write({ items: [{ sku: free, quantity: 1 }] });
    await world.start(other);
    await world.reaches(other.orderId, 'confirmed');
    expect((await world.readOrder(held.orderId)).status).toBe('pending');
  } finally {
    await session.abortTransaction();
    await session.endSession();
  }
  await world.reaches(held.orderId, 'confirmed');
});

test('a method of payment that is none is a decline, and another one may follow', async () => {
  const { orderId, status } = await world.place({ paymentMethod: 'pm_unknown_to_stripe' });
  expect(status).toBe('awaiting_payment');
  expect(await world.pay(orderId, 'pm_unknown_as_well')).toBe('awaiting_payment');
  expect((await world.stateOf(orderId)).incidents).toEqual([]);
  expect(await world.pay(orderId, 'pm_card_visa')).toBe('confirmed');
});

test('every workflow replays', async () => {
  expect(await world.replayFailures()).toEqual([]);
});
