import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Order } from '../../models/order.ts';
import type { Payment } from '../../models/payment.ts';
import { holdOrder } from '../../workflows/messages.ts';
import { createBank } from '../support/disputes.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let bank: ReturnType<typeof createBank>;
beforeAll(async () => {
  world = await startWorld();
  bank = createBank(world);
});
afterAll(async () => {
  await world.stop();
});

const fraudulent = 'pm_card_createDispute';

const paymentOf = (orderId: string): Promise<Payment> =>
  world.mongo.models.payments.findOne({ orderId }).lean<Payment>().orFail();

/** Packed and paid, and disputed at that moment. */
async function disputed(paymentMethod: string, order: Partial<Order> = {}) {
  const { orderId } = await world.place({ items: [{ sku: 'MUG', quantity: 1 }], paymentMethod, ...order });
  const [shipment] = await world.shipmentsOf(orderId);
  await world.makeReady(orderId, shipment!.id);
  await world.reaches(orderId, 'on_hold');
  return { orderId, shipmentId: shipment!.id, disputeId: await bank.ofOrder(orderId) };
}

const release = async (orderId: string) => world.answer(orderId, (await world.incident(orderId, 'hold')).id, 'release');

describe('a chargeback', () => {
  test('holds what has not left and withholds the money; won, the hold ends and the goods go on', async () => {
    const { orderId, shipmentId, disputeId } = await disputed(fraudulent);
    await expect(world.handOver(orderId, shipmentId)).rejects.toThrow();
    expect(await paymentOf(orderId)).toMatchObject({ captured: price, withheld: price });
    await expect(world.refund(orderId, 1)).rejects.toThrow(/nothing_captured/);
    expect(await world.stateOf(orderId)).toMatchObject({ paymentStatus: 'disputed' });

    await bank.answer(disputeId, 'submit');
    await bank.isSent(disputeId);
    await bank.decide(disputeId, 'won');
    expect(await bank.result(disputeId)).toBe('won');
    await world.reaches(orderId, 'processing');
    expect(await world.stateOf(orderId)).toMatchObject({ paymentStatus: 'captured', incidents: [] });
    expect(await world.handOver(orderId, shipmentId)).toBe('shipped');
    await world.carrierSays(shipmentId, 'delivered');
    await world.reaches(orderId, 'completed');
    const { withheld, ledger } = await paymentOf(orderId);
    expect(withheld).toBe(0);
    expect(ledger.filter(({ kind }) => kind === 'dispute').map(({ amount }) => amount)).toEqual([-price, price]);
    expect(await bank.readDispute(disputeId)).toMatchObject({ withdrawn: price, reinstated: price, status: 'won' });
  });

  test('that is lost leaves the goods here; a cancellation ends without a refund that cannot be', async () => {
    const { orderId, disputeId } = await disputed(fraudulent);
    await bank.decide(disputeId, 'lost');
    expect(await bank.result(disputeId)).toBe('lost');
    await world.answer(orderId, (await world.incident(orderId, 'hold')).id, 'cancel');
    await world.reaches(orderId, 'cancelled');
    expect(await paymentOf(orderId)).toMatchObject({ refunded: 0, refundPending: 0, withheld: price });
    expect(await world.stateOf(orderId)).toMatchObject({ paymentStatus: 'disputed', incidents: [] });
    expect((await world.atStripe(orderId)).refunds).toEqual([]);
  });

  test('that support gives in to is closed at once', async () => {
    const { orderId, disputeId } = await disputed(fraudulent);
    await bank.answer(disputeId, 'accept');
    expect(await bank.result(disputeId)).toBe('lost');
    expect((await bank.atStripe(disputeId)).evidence_details.submission_count).toBe(0);
    await world.answer(orderId, (await world.incident(orderId, 'hold')).id, 'cancel');
    await world.reaches(orderId, 'cancelled');
  });

  test('that is won after the order was cancelled pays back what was owed meanwhile', async () => {
    const { orderId, disputeId } = await disputed(fraudulent);
    await world.answer(orderId, (await world.incident(orderId, 'hold')).id, 'cancel');
    await world.reaches(orderId, 'cancelled');
    expect((await world.atStripe(orderId)).refunds).toEqual([]);
    await bank.decide(disputeId, 'won');
    expect(await bank.result(disputeId)).toBe('won');
    expect((await world.atStripe(orderId)).refunds).toEqual([price]);
    expect(await paymentOf(orderId)).toMatchObject({ refunded: price, withheld: 0, refundPending: 0 });
  });

  test('leaves the hold of a person alone when it is won', async () => {
    const { orderId, disputeId } = await disputed(fraudulent);
    await world.orderHandle(orderId).signal(holdOrder, { actor: 'support:test', reason: 'note_1' });
    await until(async () => (await world.incident(orderId, 'hold')).why.includes('note_1'));
    await bank.decide(disputeId, 'won');
    expect(await bank.result(disputeId)).toBe('won');
    await until(async () => (await world.stateOf(orderId)).paymentStatus === 'captured');
    expect(await world.stateOf(orderId)).toMatchObject({ status: 'on_hold', incidents: [{ cause: 'hold' }] });
    await release(orderId);
    await world.deliver(orderId).catch(() => {});
  });
});

test('the auditor finds nothing, and every history can be walked again', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
  expect(await world.replayFailures()).toEqual([]);
});
