import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import Stripe from 'stripe';
import { openLineRefund } from '../../activities/payments/line-refunds.ts';
import { sendRefund } from '../../activities/payments/refund-sending.ts';
import { openRefund } from '../../activities/payments/refunds.ts';
import { openReturn } from '../../activities/returns/opening.ts';
import { startForgotten } from '../../activities/starts.ts';
import { newId } from '../../models/id.ts';
import type { Disposition } from '../../workflows/domain/states.ts';
import {
  answerIncident,
  cancelReturn,
  decideReturn,
  inspectReturn,
  receiveReturn,
  returnState,
} from '../../workflows/messages.ts';
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

const actor = 'warehouse:test';
const line = 'line_1';
const buy = (sku: string, quantity: number, paymentMethod = 'pm_card_visa') => ({
  items: [{ sku, quantity }],
  paymentMethod,
});

describe('a return', () => {
  const receive = (returnId: string, quantity: number) =>
    world.returnHandle(returnId).executeUpdate(receiveReturn, {
      args: [{ lines: [{ lineId: line, quantity, reception: 'received' }], actor }],
    });
  const inspect = (returnId: string, fates: [Disposition, number][]) =>
    world.returnHandle(returnId).executeUpdate(inspectReturn, {
      args: [{ lines: fates.map(([disposition, quantity]) => ({ lineId: line, disposition, quantity })), actor }],
    });

  test('of units that support has paid back already pays for the others only', async () => {
    const sku = await world.newSku({ wh_east: 2 });
    const orderId = await world.delivered({
      items: [
        { sku, quantity: 2 },
        { sku: 'MUG', quantity: 1 },
      ],
    });
    const refundId = newId('ref');
    const lines = [{ lineId: line, quantity: 1 }];
    await openLineRefund(world.mongo, { key: refundId, refundId, orderId, lines, reason: 'broken', actor });
    await world.follow('refund', refundId);
    expect(await world.refundHandle(refundId).result()).toBe('succeeded');
    const returnId = await world.sendBack(orderId, [{ lineId: line, quantity: 2 }]);
    await world.returnReaches(returnId, 'approved');
    await receive(returnId, 2);
    await inspect(returnId, [['restock', 2]]);
    expect(await world.returnHandle(returnId).result()).toBe('completed');
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [3 * price], refunds: [price, price] });
  });

  test('within the policy is approved, received in part, and paid back for what was accepted', async () => {
    const sku = await world.newSku({ wh_east: 6 });
    const orderId = await world.delivered(buy(sku, 6));
    const returnId = await world.sendBack(orderId, [{ lineId: line, quantity: 6 }]);
    await world.returnReaches(returnId, 'approved');
    await until(async () => (await world.mongo.models.returns.findById(returnId).lean())?.label !== undefined);
    expect(await receive(returnId, 5)).toEqual({ status: 'received' });
    await inspect(returnId, [
      ['restock', 2],
      ['quarantine', 1],
      ['scrap', 1],
      ['return_to_customer', 1],
    ]);
    expect(await world.returnHandle(returnId).result()).toBe('completed');
    expect(await world.atStripe(orderId)).toMatchObject({ captured: [6 * price], refunds: [4 * price] });
    expect(await world.stock(sku, 'wh_east')).toEqual({ onHand: 3, damaged: 1, reserved: 0, committed: 0 });
    const found = await world.mongo.models.returns.findById(returnId).lean().orFail();
    expect(found.lines).toMatchObject([{ quantity: 6, received: 5, reception: 'received' }]);
  });

  test('cannot take a unit back twice, however many ask at once', async () => {
    const sku = await world.newSku({ wh_east: 3 });
    const orderId = await world.delivered(buy(sku, 3));
    const returnIds = Array.from({ length: 5 }, () => newId('ret'));
    const lines = [{ lineId: line, quantity: 2, reason: 'does_not_fit' as const }];
    const opened = await Promise.all(
      returnIds.map((returnId) => openReturn(world.mongo, { returnId, orderId, lines, by: 'customer' })),
    );
    expect(opened.filter(({ ok }) => ok)).toHaveLength(1);
    await world.follow('return', returnIds[opened.findIndex(({ ok }) => ok)]!);
  });

  test('after the window is for a person to decide; cancelled or rejected, nothing is paid', async () => {
    const orderId = await world.delivered();
    const longAgo = new Date(Date.now() - 40 * 86_400_000).toISOString();
    await world.mongo.models.orders.updateOne({ _id: orderId }, { $set: { 'state.shipments.0.deliveredAt': longAgo } });
    const [rejected, cancelled, approved] = await Promise.all(
      [1, 1, 0].map(async (quantity) => {
        if (quantity === 0) return world.sendBack(await world.delivered(), [{ lineId: line, quantity: 1 }]);
        return world.sendBack(orderId, [{ lineId: line, quantity }]);
      }),
    );
    await until(async () => {
      const { waitingFor } = await world.returnHandle(rejected!).query(returnState);
      return waitingFor?.event === 'approval';
    });
    const decision = { approve: false, actor: 'support:test', reason: 'Delivered 40 days ago' };
    await world.returnHandle(rejected!).executeUpdate(decideReturn, { args: [decision] });
    expect(await world.returnHandle(rejected!).result()).toBe('rejected');

    const mind = { actor: 'customer', reason: 'kept after all' };
    for (const returnId of [cancelled!, approved!]) {
      await world.returnHandle(returnId).executeUpdate(cancelReturn, { args: [mind] });
      expect(await world.returnHandle(returnId).result()).toBe('cancelled');
    }
    // Labels cost money and would still carry something: what is not sent back gives its own back.
    const carrier = await world.control(world.carrier.url, 'GET', '/_sandbox/state');
    const labels = (carrier as { labels: { reference: string; status: string }[] }).labels.filter(({ reference }) =>
      [cancelled, approved].includes(reference),
    );
    expect(labels.map(({ status }) => status)).toEqual(labels.map(() => 'voided'));
    expect(labels.length).toBeGreaterThan(0);
    expect(await world.atStripe(orderId)).toMatchObject({ refunds: [] });
  });

  test('of two that share a line never brings back more than was paid', async () => {
    const sku = await world.newSku({ wh_east: 3 });
    const orderId = await world.delivered(buy(sku, 3));
    const goodwill = await world.refund(orderId, 2 * price);
    await world.refundHandle(goodwill).result();
    for (const quantity of [1, 2]) {
      const returnId = await world.sendBack(orderId, [{ lineId: line, quantity }]);
      await world.returnReaches(returnId, 'approved');
      await receive(returnId, quantity);
      await inspect(returnId, [['restock', quantity]]);
      expect(await world.returnHandle(returnId).result()).toBe('completed');
    }
    const { captured, refunds } = await world.atStripe(orderId);
    expect({ captured, refunds: refunds.reduce((sum, one) => sum + one, 0) }).toEqual({
      captured: [3 * price],
      refunds: 3 * price,
    });
  });
});

describe('a refund', () => {
  test('is never more than was captured, also when ten are asked for at once', async () => {
    const orderId = await world.delivered();
    const asked = await Promise.all(
      Array.from({ length: 10 }, () =>
        openRefund(world.mongo, { key: newId('req'), orderId, amount: 1000, reason: 'goodwill', actor }),
      ),
    );
    const opened = asked.flatMap((answer) => ('refundId' in answer ? [answer.refundId] : []));
    expect(opened).toHaveLength(3);
    await Promise.all(opened.map((id) => world.follow('refund', id)));
    expect(await Promise.all(opened.map((id) => world.refundHandle(id).result()))).toEqual(
      opened.map(() => 'succeeded'),
    );
    // All that is left, asked for without an amount.
    await world.refundHandle(await world.refund(orderId)).result();
    const { refunds } = await world.atStripe(orderId);
    expect(refunds.sort((a, b) => a - b)).toEqual([2 * price - 3000, 1000, 1000, 1000]);
    await expect(world.refund(orderId, 1)).rejects.toThrow(/nothing_captured/);
  });

  test('that is pending is followed to its end', async () => {
    const orderId = await world.delivered(buy('MUG', 1, 'pm_card_pendingRefund'));
    const refundId = await world.refund(orderId, 500);
    await until(async () => (await storedRefund(refundId)).state?.waitingFor?.event === 'refund_settled');
    await settle(refundId, 'succeeded');
    expect(await world.refundHandle(refundId).result()).toBe('succeeded');
    expect(await world.paymentOf(orderId)).toMatchObject({ refunded: 500, refundPending: 0 });
  });

  test('that fails is sent anew, or left to be settled in another way', async () => {
    const orderId = await world.delivered(buy('MUG', 1, 'pm_card_refundFail'));
    const refundId = await world.refund(orderId, 500);
    expect(await world.refundHandle(refundId).result()).toBe('succeeded');
    expect(await world.paymentOf(orderId)).toMatchObject({ refunded: 500 });
    // The bank bounces it days later.
    await settle(refundId, 'failed');
    const first = await refundIncident(refundId);
    expect(await world.paymentOf(orderId)).toMatchObject({ refunded: 0, refundPending: 0 });
    await answerRefund(refundId, first, 'retry');
    await until(async () => (await world.paymentOf(orderId)).refunded === 500, 'it was sent anew');
    await settle(refundId, 'failed');
    await answerRefund(refundId, await refundIncident(refundId), 'skip');
    await until(async () => (await storedRefund(refundId)).state?.status === 'failed');
    expect(await storedRefund(refundId)).toMatchObject({
      attempt: 2,
      status: 'failed',
      paidOtherwiseAt: expect.any(Date),
    });
    expect(await world.paymentOf(orderId)).toMatchObject({ refunded: 0, refundPending: 0 });
    // Sent once more all the same: then it was not paid in another way.
    await sendRefund(world.mongo, world.payments, { refundId, attempt: 3 });
    expect((await storedRefund(refundId)).paidOtherwiseAt).toBeUndefined();
  });

  test('of an order that was cancelled is asked about once where it fails', async () => {
    const { orderId } = await world.place(buy('MUG', 1, 'pm_card_pendingRefund'));
    const [shipment] = await world.shipmentsOf(orderId);
    await world.makeReady(orderId, shipment!.id);
    const cancelling = world.cancel(orderId);
    const refund = async () => world.mongo.models.refunds.findOne({ orderId, providerId: { $ne: null } }).lean();
    await until(async () => (await refund()) !== null);
    await settle((await refund())!._id, 'failed');
    const { id } = await world.incident(orderId, 'refund_failed');
    expect(await world.answer(orderId, id, 'skip')).toBe(true);
    expect(await cancelling).toBe('cancelled');
  });

  test('made in the dashboard is adopted, and is left out of what we give back', async () => {
    const { orderId } = await world.place(buy('MUG', 2));
    const [shipment] = await world.shipmentsOf(orderId);
    await world.makeReady(orderId, shipment!.id);
    const dashboard = new Stripe('sk_test_world', { host: '127.0.0.1', port: world.stripe.port, protocol: 'http' });
    await dashboard.refunds.create({ payment_intent: await world.intentOf(orderId), amount: 700 });
    await until(async () => (await world.paymentOf(orderId)).refunded === 700, 'it is adopted');
    await until(async () => (await world.mailsOf(orderId)).includes('refunded'), 'the customer hears of it');
    expect(await world.mongo.models.refunds.findOne({ orderId }).lean()).toMatchObject({
      amount: 700,
      status: 'succeeded',
      actor: 'provider',
    });
    expect(await world.cancel(orderId)).toBe('cancelled');
    expect((await world.atStripe(orderId)).refunds).toEqual([700, 2 * price - 700]);
  });
});

const storedRefund = (refundId: string) => world.mongo.models.refunds.findById(refundId).lean().orFail();

async function settle(refundId: string, outcome: 'succeeded' | 'failed'): Promise<void> {
  const { providerId } = await storedRefund(refundId);
  await world.control(world.stripe.url, 'POST', `/_sandbox/refunds/${providerId}/settle`, { outcome });
}

/** The incident of a refund that failed, as MongoDB shows it. */
async function refundIncident(refundId: string): Promise<string> {
  const find = async () =>
    (await storedRefund(refundId)).state?.incidents.find(({ cause }) => cause === 'refund_failed');
  await until(async () => (await find()) !== undefined, `${refundId} has an incident`);
  return (await find())!.id;
}

async function answerRefund(refundId: string, incidentId: string, answer: 'retry' | 'skip'): Promise<void> {
  const given = { incidentId, answer, actor: 'support:test' };
  const { applied } = await world.refundHandle(refundId).executeUpdate(answerIncident, { args: [given] });
  expect(applied).toBe(true);
}

test('what was written by a process that died before it started the workflow is started later', async () => {
  const { models } = world.mongo;
  const longAgo = new Date(Date.now() - 3_600_000);
  const sku = await world.newSku({ wh_east: 2 });
  const orderId = await world.delivered(buy(sku, 1));
  const opened = await openRefund(world.mongo, { key: newId('req'), orderId, amount: 100, reason: 'goodwill', actor });
  const { refundId } = opened as { refundId: string };
  const returnId = newId('ret');
  const lines = [{ lineId: line, quantity: 1, reason: 'does_not_fit' as const }];
  await openReturn(world.mongo, { returnId, orderId, lines, by: 'customer' });
  const { orderId: unstarted } = await world.write(buy(sku, 1));
  await models.refunds.updateOne({ _id: refundId }, { $set: { createdAt: longAgo } });
  await models.returns.updateOne({ _id: returnId }, { $set: { createdAt: longAgo } });
  await models.orders.updateOne({ _id: unstarted }, { $set: { placeBefore: longAgo } });

  expect(await startForgotten(world.mongo, world.client)).toBe(3);
  await until(async () => (await models.refunds.findById(refundId).lean())?.status === 'succeeded');
  await world.returnReaches(returnId, 'approved');
  await until(async () => (await models.orders.findById(unstarted).lean())?.status === 'expired');
  expect(await startForgotten(world.mongo, world.client)).toBe(0);
});

test('every workflow replays', async () => {
  expect(await world.replayFailures()).toEqual([]);
});

test('the auditor finds nothing', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});
