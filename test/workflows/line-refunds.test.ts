/** Lines that support pays back, and what becomes of them otherwise: no unit is paid back twice. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openLineRefund } from '../../activities/payments/line-refunds.ts';
import { newId } from '../../models/id.ts';
import { inspectReturn, receiveReturn } from '../../workflows/messages.ts';
import { createBank } from '../support/disputes.ts';
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

/** Two mugs of one warehouse and a lamp of another. */
async function ofTwoWarehouses() {
  const sku = await world.newSku({ wh_west: 1 });
  const { orderId } = await world.place({
    items: [
      { sku: 'MUG', quantity: 2 },
      { sku, quantity: 1 },
    ],
  });
  const shipments = await world.shipmentsOf(orderId);
  const of = (warehouse: string) => shipments.find(({ warehouseId }) => warehouseId === warehouse)!.id;
  const lineId = (await world.readOrder(orderId)).lines.find((line) => line.sku === sku)!.lineId;
  return { orderId, mugs: of('wh_east'), lamp: of('wh_west'), lineId };
}

async function payBack(orderId: string, lineId: string): Promise<void> {
  const lines = [{ lineId, quantity: 1 }];
  const opened = await openLineRefund(world.mongo, {
    key: newId('req'),
    orderId,
    lines,
    reason: 'late',
    actor: 'test',
  });
  if (!('refundId' in opened)) throw new Error(`The refund was refused: ${opened.refused}`);
  await world.follow('refund', opened.refundId);
  await world.refundHandle(opened.refundId).result();
}

const refundsOf = async (orderId: string) => (await world.atStripe(orderId)).refunds;

test('a line that was paid back is not paid back again where it is cancelled', async () => {
  const { orderId, mugs, lamp, lineId } = await ofTwoWarehouses();
  await world.ship(orderId, mugs);
  await payBack(orderId, lineId);
  await world.cancel(orderId);
  await world.shipmentReaches(orderId, lamp, 'cancelled');
  await world.carrierSays(mugs, 'delivered');
  await world.reaches(orderId, 'completed');
  expect(await refundsOf(orderId)).toEqual([price]);
});

describe('where each parcel is paid for when it is ready', () => {
  beforeAll(() => world.setPayments({ multicapture: true }));
  afterAll(() => world.setPayments({ multicapture: false }));

  test('a line that nothing was taken for is cancelled, and not paid back from what others have cost', async () => {
    const { orderId, mugs, lamp, lineId } = await ofTwoWarehouses();
    await world.ship(orderId, mugs);
    const refund = { key: newId('req'), orderId, lines: [{ lineId, quantity: 1 }], reason: 'late', actor: 'test' };
    expect(await openLineRefund(world.mongo, refund)).toEqual({ refused: 'not_left', lineId, left: 0 });
    await world.cancel(orderId);
    await world.shipmentReaches(orderId, lamp, 'cancelled');
    await world.carrierSays(mugs, 'delivered');
    await world.reaches(orderId, 'completed');
    expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [2 * price], refunds: [] });
  });

  test('a line is not paid back while its money is being taken', async () => {
    const { orderId, mugs, lamp, lineId } = await ofTwoWarehouses();
    await world.ship(orderId, mugs);
    await world.pickAll(lamp);
    const fired = await world.fault('stripe', { operation: 'payment_intents.capture', kind: 'slow', ms: 2_000 });
    const packing = world.pack(orderId, lamp);
    await until(fired, 'the capture is on its way');
    const refund = { key: newId('req'), orderId, lines: [{ lineId, quantity: 1 }], reason: 'late', actor: 'test' };
    expect(await openLineRefund(world.mongo, refund)).toEqual({ refused: 'not_left', lineId, left: 0 });
    expect(await packing).toBe('ready');
    await payBack(orderId, lineId);
    expect(await refundsOf(orderId)).toEqual([price]);
    await world.handOver(orderId, lamp);
    for (const shipmentId of [lamp, mugs]) await world.carrierSays(shipmentId, 'delivered');
    await world.reaches(orderId, 'completed');
  });

  test('a line is paid back once its parcel is ready', async () => {
    const { orderId, mugs, lamp, lineId } = await ofTwoWarehouses();
    await world.makeReady(orderId, lamp);
    await payBack(orderId, lineId);
    await world.handOver(orderId, lamp);
    await world.ship(orderId, mugs);
    for (const shipmentId of [lamp, mugs]) await world.carrierSays(shipmentId, 'delivered');
    await world.reaches(orderId, 'completed');
    expect(await refundsOf(orderId)).toEqual([price]);
  });
});

test('a line that was paid back is not paid back again where it is lost', async () => {
  const { orderId, mugs, lamp, lineId } = await ofTwoWarehouses();
  await world.ship(orderId, mugs);
  await world.ship(orderId, lamp);
  await payBack(orderId, lineId);
  await world.carrierSays(lamp, 'lost');
  const { id } = await world.incident(orderId, 'lost');
  await world.answer(orderId, id, 'refund');
  await world.carrierSays(mugs, 'delivered');
  await world.reaches(orderId, 'completed');
  expect(await refundsOf(orderId)).toEqual([price]);
});

test('a line that was paid back is not paid back again where it is returned', async () => {
  const { orderId, lineId } = await ofTwoWarehouses();
  await world.deliver(orderId);
  await payBack(orderId, lineId);
  await takeBack(orderId, lineId);
  expect(await refundsOf(orderId)).toEqual([price]);
});

async function takeBack(orderId: string, lineId: string): Promise<void> {
  const returnId = await world.sendBack(orderId, [{ lineId, quantity: 1 }]);
  await world.returnReaches(returnId, 'approved');
  const update = world.returnHandle(returnId);
  const received = [{ lineId, reception: 'received' as const, quantity: 1 }];
  await update.executeUpdate(receiveReturn, { args: [{ lines: received, actor: 'test' } as never] });
  const inspected = [{ lineId, disposition: 'restock' as const, quantity: 1 }];
  await update.executeUpdate(inspectReturn, { args: [{ lines: inspected, actor: 'test' } as never] });
  await world.returnReaches(returnId, 'completed');
}

test('a line that was returned is not paid back again, though its fees left nothing of it', async () => {
  await world.setReturns({ standard: { restockingPpm: 1_000_000 } });
  const { orderId, lineId } = await ofTwoWarehouses();
  await world.deliver(orderId);
  await takeBack(orderId, lineId);
  await expect(payBack(orderId, lineId)).rejects.toThrow('not_left');
  expect(await refundsOf(orderId)).toEqual([]);
  await world.setReturns({});
});

test('a line that was returned while its money was withheld is paid back once, when the dispute is won', async () => {
  const bank = createBank(world);
  const { orderId, lineId } = await ofTwoWarehouses();
  await world.deliver(orderId);
  const disputeId = await bank.open(orderId);
  await takeBack(orderId, lineId);
  await bank.decide(disputeId, 'won');
  expect(await bank.result(disputeId)).toBe('won');
  await expect(payBack(orderId, lineId)).rejects.toThrow('not_left');
  expect(await refundsOf(orderId)).toEqual([price]);
});

test('every workflow replays', async () => {
  expect(await world.replayFailures()).toEqual([]);
});

test('the auditor finds nothing', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});
