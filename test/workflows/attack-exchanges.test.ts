/** Customers who want goods for nothing: exchanges, and parcels that come back, beside all that moves the same money and goods. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { openCustomerClaim } from '../../activities/claims.ts';
import { openReturn } from '../../activities/returns/opening.ts';
import { startClaim } from '../../activities/starts.ts';
import { priceExchange } from '../../api/exchanges.ts';
import { newId } from '../../models/id.ts';
import * as messages from '../../workflows/messages.ts';
import { createBank } from '../support/disputes.ts';
import { createExchanges } from '../support/exchanges.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { createWarehouse } from '../support/warehouse.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let exchanges: ReturnType<typeof createExchanges>;
let bank: ReturnType<typeof createBank>;
let warehouse: ReturnType<typeof createWarehouse>;
beforeAll(async () => {
  world = await startWorld();
  exchanges = createExchanges(world);
  bank = createBank(world);
  warehouse = createWarehouse(world);
  await exchanges.setPolicies();
});
afterEach(async () => {
  expect(await world.violations()).toEqual([]);
});
afterAll(async () => {
  expect(await world.replayFailures()).toEqual([]);
  await world.stop();
});

const worth = 2 * price;
const actor = 'support:test';
const past = -40 * 86_400_000;

/** Minor units that are back at the card of the first order, once nothing moves any more. */
async function paidBack(orderId: string): Promise<number> {
  await world.inboxIsEmpty();
  await until(async () => (await world.running()).length === 0, 'nothing is open');
  return (await world.atStripe(orderId)).refunds.reduce((sum, amount) => sum + amount, 0);
}

async function answers(returnId: string, cause: string, given: messages.Answer): Promise<void> {
  await exchanges.returns.answer(returnId, await exchanges.returns.incident(returnId, cause), given);
}

/** Nothing has come until its time is up. */
async function nothingComes(returnId: string): Promise<void> {
  await exchanges.returns.awaits(returnId, 'return_arrival');
  await exchanges.returns.move(returnId, 'return_arrival', past);
}

async function withdraws(returnId: string): Promise<unknown> {
  await exchanges.returns.awaits(returnId, 'return_arrival');
  return world.returnHandle(returnId).executeUpdate(messages.cancelReturn, { args: [{ actor, reason: 'note_1' }] });
}

async function broughtBack(orderId: string): Promise<string> {
  const [shipment] = await world.shipmentsOf(orderId);
  await world.carrierSays(shipment!.id, 'returned_to_sender');
  const find = () => world.mongo.models.returns.findOne({ orderId, by: 'carrier' }).lean();
  await until(async () => (await find())?.state !== undefined, 'it comes back');
  return (await find())!._id;
}

/** One unit is to be exchanged for one of another product. */
async function oneExchanged(orderId: string, sku: string, paymentMethod?: string): Promise<string> {
  const api = { mongo: world.mongo } as Parameters<typeof priceExchange>[0];
  const items = [{ sku, quantity: 1 }];
  const exchange = await priceExchange(api, await world.readOrder(orderId), { items, paymentMethod });
  const returnId = newId('ret');
  const lines = [{ lineId: 'line_1', quantity: 1, reason: 'does_not_fit' as const }];
  expect(await openReturn(world.mongo, { returnId, orderId, lines, by: 'customer', exchange })).toEqual({ ok: true });
  await world.follow('return', returnId);
  return returnId;
}

describe('what the store has borne never becomes money', () => {
  test('where the exchange is cancelled after less came', async () => {
    const { orderId, returnId, exchangeId } = await exchanges.agreed({ release: 'at_once' });
    await exchanges.takenBack(returnId, 1);
    await answers(returnId, 'exchange_shortfall', 'skip');
    await exchanges.completed(returnId);
    await world.cancel(exchangeId);
    expect(await paidBack(orderId)).toBe(price);
  });

  test('where half of the exchange has left, and the other half is called off', async () => {
    const orderId = await exchanges.delivered({ items: [{ sku: await exchanges.newSku('at_once'), quantity: 2 }] });
    const other = await exchanges.newSku('at_once', price, 1);
    await world.receive(other, 'wh_west', 1);
    const returnId = await exchanges.ask(orderId, other);
    await world.follow('return', returnId);
    await exchanges.reaches(returnId, 'confirmed');
    const exchangeId = await exchanges.opened(returnId);
    const [first, second] = await world.shipmentsOf(exchangeId);
    await world.ship(exchangeId, first!.id);
    await exchanges.takenBack(returnId, 1);
    const { id } = await exchanges.returns.incident(returnId, 'exchange_shortfall');
    await answers(returnId, 'exchange_shortfall', 'cancel');
    await world.shipmentReaches(exchangeId, second!.id, 'cancelled');
    const isAskedAgain = async () => (await exchanges.returns.incident(returnId, 'exchange_shortfall')).id !== id;
    await until(isAskedAgain, 'it is asked again');
    await answers(returnId, 'exchange_shortfall', 'skip');
    await exchanges.completed(returnId);
    await world.carrierSays(first!.id, 'delivered');
    // Two were paid for: one of the first is kept, and one of the others.
    expect(await paidBack(orderId)).toBe(0);
  });

  test('where nothing came, and the exchange is returned then', async () => {
    const { orderId, returnId, exchangeId } = await exchanges.agreed({ release: 'at_once' });
    await world.deliver(exchangeId);
    await nothingComes(returnId);
    await answers(returnId, 'exchange_unreturned', 'skip');
    await world.returnReaches(returnId, 'expired');
    const second = await world.sendBack(exchangeId, [exchanges.returns.line]);
    await exchanges.takenBack(second);
    expect(await paidBack(orderId)).toBe(0);
  });
});

describe('what another return brings while the money is in the exchange is paid back', () => {
  test('where both units came in the box of one, and the exchange is withdrawn', async () => {
    const orderId = await exchanges.delivered({ items: [{ sku: await exchanges.newSku('on_receipt'), quantity: 2 }] });
    const returnId = await oneExchanged(orderId, await exchanges.newSku('on_receipt'));
    await exchanges.reaches(returnId, 'accepted');
    const second = await world.sendBack(orderId, [{ lineId: 'line_1', quantity: 1 }]);
    await exchanges.takenBack(second);
    await exchanges.completed(second);
    expect((await world.atStripe(orderId)).refunds).toEqual([price]);
    await withdraws(returnId);
    expect(await paidBack(orderId)).toBe(worth);
  });

  test('where the carrier brings the parcel back whose goods are to be exchanged', async () => {
    const { orderId, returnId, exchangeId } = await exchanges.agreed({ release: 'on_receipt' });
    const late = await broughtBack(orderId);
    await exchanges.takenBack(late);
    await exchanges.completed(late);
    await nothingComes(returnId);
    await world.reaches(exchangeId, 'cancelled');
    expect(await paidBack(orderId)).toBe(worth);
    expect(await exchanges.moneyOf(orderId)).toMatchObject({ transferredOut: 0 });
  });
});

describe('a dispute of the first order', () => {
  test('that is won pays nothing back for what is exchanged, and what comes back of that then is paid', async () => {
    const orderId = await exchanges.delivered({ items: [{ sku: await exchanges.newSku('at_once'), quantity: 4 }] });
    const returnId = await exchanges.ask(orderId, await exchanges.newSku('at_once'));
    await world.follow('return', returnId);
    await exchanges.reaches(returnId, 'confirmed');
    const exchangeId = await exchanges.opened(returnId);
    await world.deliver(exchangeId);
    const disputeId = await bank.open(orderId);
    await until(async () => (await world.paymentOf(orderId)).withheld === 2 * worth, 'it is withheld');
    await exchanges.takenBack(returnId);
    await answers(returnId, 'exchange_shortfall', 'skip');
    await exchanges.completed(returnId);
    await bank.answer(disputeId, 'submit');
    await bank.isSent(disputeId);
    await bank.decide(disputeId, 'won');
    expect(await bank.result(disputeId)).toBe('won');
    expect(await paidBack(orderId)).toBe(0);
    const second = await world.sendBack(exchangeId, [exchanges.returns.line]);
    await exchanges.takenBack(second);
    expect(await paidBack(orderId)).toBe(worth);
  });

  test('holds the exchange until the bank has decided', async () => {
    const { orderId, returnId, exchangeId } = await exchanges.agreed({ release: 'at_once' });
    const disputeId = await bank.open(orderId);
    await world.reaches(exchangeId, 'on_hold');
    await bank.answer(disputeId, 'submit');
    await bank.isSent(disputeId);
    await bank.decide(disputeId, 'won');
    await world.reaches(exchangeId, 'confirmed');
    await world.deliver(exchangeId);
    await exchanges.takenBack(returnId);
    expect(await paidBack(orderId)).toBe(0);
  });

  test('that a bank warns of calls the exchange off, and the goods are paid back as they come', async () => {
    const { orderId, returnId, exchangeId } = await exchanges.agreed({ release: 'at_once' });
    const disputeId = await bank.warn(orderId);
    await bank.answer(disputeId, 'refund');
    await world.reaches(exchangeId, 'cancelled');
    await exchanges.takenBack(returnId);
    expect(await paidBack(orderId)).toBe(worth);
  });
});

describe('a parcel that was called delivered, and comes back', () => {
  async function claimed(orderId: string, kind: 'damaged' | 'lost_in_transit', quantity: number): Promise<string> {
    const claimId = newId('cla');
    const opened = await openCustomerClaim(world.mongo, {
      ...{ claimId, orderId, kind, lines: [{ lineId: 'line_1', quantity }], wants: 'refund', refundTo: 'original' },
      ...{ description: 'x', evidence: [], actor: 'customer' },
    });
    expect(opened).toMatchObject({ ok: true });
    await startClaim(world.client, { claimId });
    return claimId;
  }

  async function decided(claimId: string, approve: boolean): Promise<void> {
    const claim = world.client.workflow.getHandle(messages.workflowIds.claim(claimId));
    await claim.executeUpdate(messages.decideClaim, { args: [{ approve, actor, reason: 'note_1' }] });
  }

  test('is nobody’s where it was sent again', async () => {
    const sku = await exchanges.newSku('on_receipt');
    const { orderId } = await world.place({ items: [{ sku, quantity: 2 }] });
    const [shipment] = await world.shipmentsOf(orderId);
    await world.ship(orderId, shipment!.id);
    await world.carrierSays(shipment!.id, 'lost');
    await world.answer(orderId, (await world.incident(orderId, 'lost')).id, 'reship');
    await world.reaches(orderId, 'completed');
    const again = await world.reshipOf(shipment!.id);
    await world.reaches(again._id, 'confirmed');
    await world.deliver(again._id);
    await world.carrierSays(shipment!.id, 'delivered');
    await world.inboxIsEmpty();
    await world.carrierSays(shipment!.id, 'returned_to_sender');
    expect(await paidBack(orderId)).toBe(0);
    expect(await world.mongo.models.returns.countDocuments({ orderId })).toBe(0);
  });

  test.each([
    ['lost_in_transit', 2, true],
    ['damaged', 1, true],
    ['damaged', 1, false],
  ] as const)(
    'is paid back once, whatever becomes of a claim: %s, of %d, approved: %s',
    async (kind, units, approve) => {
      const { orderId } = await world.place();
      const [shipment] = await world.shipmentsOf(orderId);
      await world.ship(orderId, shipment!.id);
      if (kind === 'damaged') await world.carrierSays(shipment!.id, 'delivered');
      else await until(async () => (await world.shipmentsOf(orderId))[0]!.status === 'shipped', 'it has left');
      if (kind === 'damaged') await world.reaches(orderId, 'completed');
      const claimId = await claimed(orderId, kind, units);
      await world.carrierSays(shipment!.id, 'delivered');
      await world.reaches(orderId, 'completed');
      const late = await broughtBack(orderId);
      await exchanges.takenBack(late);
      await exchanges.completed(late);
      await decided(claimId, approve);
      expect(await paidBack(orderId)).toBe(worth);
    },
  );

  test('cannot be withdrawn, and can be claimed where it did not come after all', async () => {
    const orderId = await world.delivered();
    const late = await broughtBack(orderId);
    await expect(withdraws(late)).rejects.toThrow();
    await nothingComes(late);
    await world.returnReaches(late, 'expired');
    await decided(await claimed(orderId, 'damaged', 1), true);
    expect(await paidBack(orderId)).toBe(price);
  });
});

test('goods that come while their exchange is called off are not taken by a return that ends', async () => {
  const dearer = { costs: price + 500, paymentMethod: 'pm_card_visa' };
  const { orderId, returnId, exchangeId } = await exchanges.agreed({ release: 'at_once', ...dearer });
  await world.fault('stripe', { operation: 'payment_intents.cancel', kind: 'slow', ms: 1_500 });
  const withdrawn = withdraws(returnId);
  await until(
    async () => (await world.readOrder(exchangeId)).status === 'cancelled' || isCancelling(),
    'it is called off',
  );
  const lines = [{ ...exchanges.returns.line, reception: 'received' as const }];
  const receiving = world.returnHandle(returnId).executeUpdate(messages.receiveReturn, { args: [{ lines, actor }] });
  await expect(receiving).rejects.toThrow();
  expect(await withdrawn).toEqual({ status: 'cancelled' });
  expect(await paidBack(orderId)).toBe(0);

  async function isCancelling(): Promise<boolean> {
    const { timeline } = await world.stateOf(exchangeId);
    return timeline.some(({ what }) => what === 'Cancellation asked for');
  }
});

test('a cent of rounding calls no exchange off', async () => {
  const written = await world.write({
    ...{ items: [{ sku: await exchanges.newSku('on_receipt'), quantity: 5 }], placeBefore: new Date('2999-01-01') },
  });
  const { orderId } = written;
  // As a promotion would leave it: what is over goes to the first units.
  const total = 5_002;
  const { lines } = await world.readOrder(orderId);
  await world.mongo.models.orders.updateOne(
    { _id: orderId },
    { $set: { total, lines: lines.map((line) => ({ ...line, total })) } },
  );
  await world.start(written);
  await world.orderHandle(orderId).executeUpdate(messages.placeOrder);
  await world.deliver(orderId);
  const back = async (returnId: string, quantity: number) => {
    await exchanges.returns.awaits(returnId, 'return_arrival');
    await exchanges.returns.receive(returnId, quantity);
    await exchanges.returns.restock(returnId, quantity);
    await exchanges.completed(returnId);
  };
  await back(await world.sendBack(orderId, [{ lineId: 'line_1', quantity: 2 }]), 2);
  const returnId = await oneExchanged(orderId, await exchanges.newSku('on_receipt', 1_100), 'pm_card_visa');
  await exchanges.reaches(returnId, 'accepted');
  await back(await world.sendBack(orderId, [{ lineId: 'line_1', quantity: 1 }]), 1);
  await back(returnId, 1);
  await exchanges.reaches(returnId, 'confirmed');
  await world.deliver(await exchanges.opened(returnId));
  expect(await paidBack(orderId)).toBe(3_000 + 1);
});

test('a return is withdrawn, or is told that it cannot be, while one of two parcels is with the carrier', async () => {
  const { returnId, orderId, exchangeId } = await exchanges.agreed({ release: 'at_once' });
  const [shipment] = await world.shipmentsOf(exchangeId);
  await world.pickAll(shipment!.id);
  const lineId = 'line_1';
  await warehouse.packInto(shipment!.id, [[{ lineId, quantity: 1 }], [{ lineId, quantity: 1 }]]);
  await world.carrierSays(shipment!.id, 'in_transit', { parcel: 0 });
  await world.inboxIsEmpty();
  expect(await withdraws(returnId)).toEqual({ status: 'approved' });
  await world.handOver(exchangeId, shipment!.id);
  await world.carrierSays(shipment!.id, 'delivered');
  await world.reaches(exchangeId, 'completed');
  await exchanges.takenBack(returnId);
  expect(await paidBack(orderId)).toBe(0);
});

test('what costs more than twice of what comes back is ordered by itself', async () => {
  const orderId = await exchanges.delivered({ items: [{ sku: await exchanges.newSku('on_receipt'), quantity: 2 }] });
  const other = await exchanges.newSku('on_receipt', price, 1_000);
  await expect(exchanges.ask(orderId, other, undefined, 1_000)).rejects.toThrow('more than twice');
  expect(await world.stock(other, 'wh_east')).toMatchObject({ reserved: 0 });
});
