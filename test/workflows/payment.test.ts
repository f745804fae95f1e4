import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { paymentChanged, releaseOrder } from '../../workflows/messages.ts';
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

const total = 2 * price;
const authorizedOnce = { authorizations: 1, held: 1, captured: [], refunds: [] };
const nothingTaken = { held: 0, captured: [], refunds: [] };
const threeDSecure = { paymentMethod: 'pm_card_threeDSecure2Required' };

describe('a payment that takes more than one step', () => {
  test('a declined card is followed by another, in the time of the same hold', async () => {
    const { orderId, status } = await world.place({ paymentMethod: 'pm_card_chargeDeclinedInsufficientFunds' });
    expect(status).toBe('awaiting_payment');
    expect((await world.stateOf(orderId)).waitingFor).toMatchObject({ event: 'payment' });
    expect(await world.pay(orderId, 'pm_card_chargeDeclined')).toBe('awaiting_payment');
    expect(await world.pay(orderId, 'pm_card_mastercard')).toBe('confirmed');
    expect(await world.atStripe(orderId)).toEqual(authorizedOnce);
    const { attempts } = await world.paymentOf(orderId);
    expect(attempts).toMatchObject([
      { attempt: 1, status: 'declined', declineCode: 'insufficient_funds' },
      { attempt: 2, status: 'declined', declineCode: 'generic_decline' },
      { attempt: 3, status: 'authorized' },
    ]);
  });

  test('3-D Secure is heard of by the webhook alone', async () => {
    const { orderId, status } = await world.place(threeDSecure);
    expect(status).toBe('awaiting_payment');
    expect(await world.stateOf(orderId)).toMatchObject({ paymentStatus: 'requires_action' });
    await world.browser(orderId, 'authenticate', { outcome: 'succeed' });
    await world.reaches(orderId, 'confirmed');
    expect(await world.atStripe(orderId)).toEqual(authorizedOnce);
  });

  test('3-D Secure that fails leaves room for another card', async () => {
    const { orderId } = await world.place(threeDSecure);
    await world.browser(orderId, 'authenticate', { outcome: 'fail' });
    await until(async () => (await world.stateOf(orderId)).payment.attempt === 'declined');
    expect(await world.pay(orderId, 'pm_card_visa')).toBe('confirmed');
    expect(await world.atStripe(orderId)).toEqual(authorizedOnce);
  });

  test('3-D Secure is heard of by the customer’s own return, and by both at once', async () => {
    const byReturn = await world.place(threeDSecure);
    await world.webhooks('stripe', 'off');
    await world.browser(byReturn.orderId, 'authenticate', { outcome: 'succeed' });
    await world.orderHandle(byReturn.orderId).signal(paymentChanged);
    await world.reaches(byReturn.orderId, 'confirmed');
    await world.webhooks('stripe', 'normal');
    expect(await world.atStripe(byReturn.orderId)).toEqual(authorizedOnce);

    const byBoth = await world.place(threeDSecure);
    const handle = world.orderHandle(byBoth.orderId);
    await Promise.all([
      world.browser(byBoth.orderId, 'authenticate', { outcome: 'succeed' }),
      ...Array.from({ length: 5 }, () => handle.signal(paymentChanged)),
    ]);
    await world.reaches(byBoth.orderId, 'confirmed');
    expect(await world.atStripe(byBoth.orderId)).toEqual(authorizedOnce);
  });

  test('without a method the customer confirms in the browser', async () => {
    const { orderId, status } = await world.place({ paymentMethod: undefined });
    expect(status).toBe('awaiting_payment');
    await world.browser(orderId, 'confirm', { payment_method: 'pm_card_visa' });
    await world.reaches(orderId, 'confirmed');
    expect(await world.atStripe(orderId)).toEqual(authorizedOnce);
  });

  test('of two payments at once one is refused', async () => {
    const { orderId } = await world.place({ paymentMethod: 'pm_card_chargeDeclined' });
    const both = await Promise.allSettled([world.pay(orderId, 'pm_card_visa'), world.pay(orderId, 'pm_card_amex')]);
    expect(both.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected']);
    await world.reaches(orderId, 'confirmed');
    expect(await world.atStripe(orderId)).toEqual(authorizedOnce);
  });

  test('cancelled while it awaits the payment: the stock is back, and the card is refused from then on', async () => {
    const sku = await world.newSku({ wh_east: 3 });
    const { orderId } = await world.place({ ...threeDSecure, items: [{ sku, quantity: 3 }] });
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ reserved: 3 });
    expect(await world.cancel(orderId)).toBe('cancelled');
    expect(await world.stock(sku, 'wh_east')).toMatchObject({ onHand: 3, reserved: 0, committed: 0 });
    await expect(world.browser(orderId, 'authenticate', { outcome: 'succeed' })).rejects.toThrow('400');
    await expect(world.browser(orderId, 'confirm', { payment_method: 'pm_card_visa' })).rejects.toThrow('400');
    expect(await world.atStripe(orderId)).toMatchObject({ ...nothingTaken, authorizations: 0 });
  });
});

test('a risky payment waits for a person, who releases or cancels it', async () => {
  const risky = { paymentMethod: 'pm_card_riskLevelElevated' };
  const [released, cancelled] = await Promise.all([world.place(risky), world.place(risky)]);
  expect([released.status, cancelled.status]).toEqual(['on_hold', 'on_hold']);
  const [shipment] = await world.shipmentsOf(released.orderId);
  expect(shipment!.status).toBe('allocated');
  await world.orderHandle(released.orderId).signal(releaseOrder, { actor: 'support:test', reason: 'a known buyer' });
  await world.reaches(released.orderId, 'confirmed');
  await world.deliver(released.orderId);
  expect(await world.atStripe(released.orderId)).toMatchObject({ captured: [total] });

  const { id } = await world.incident(cancelled.orderId, 'hold');
  expect(await world.answer(cancelled.orderId, id, 'cancel')).toBe(true);
  await world.reaches(cancelled.orderId, 'cancelled');
  expect(await world.stateOf(cancelled.orderId)).toMatchObject({ incidents: [], paymentStatus: 'voided' });
  expect(await world.atStripe(cancelled.orderId)).toMatchObject(nothingTaken);
});

/** Twice where the library of Stripe tries again by itself: only then does the failure reach us. */
const faults = [
  { kind: 'fail_before', times: 2 },
  { kind: 'fail_after', times: 1 },
  { kind: 'lose_reply', times: 2 },
  { kind: 'drop', times: 2 },
  { kind: 'slow', times: 1, ms: 700 },
  { kind: 'rate_limit', times: 1 },
];
test.each(faults)('Stripe fails by $kind at every step: each is done once', async (fault) => {
  const arm = (operation: string) => world.fault('stripe', { operation, ...fault });
  const armed = await Promise.all(['create', 'confirm'].map((step) => arm(`payment_intents.${step}`)));
  const { orderId, status } = await world.place();
  expect(status).toBe('confirmed');
  expect(await world.atStripe(orderId)).toEqual(authorizedOnce);

  armed.push(await arm('payment_intents.capture'));
  const [shipment] = await world.shipmentsOf(orderId);
  await world.makeReady(orderId, shipment!.id);
  expect(await world.atStripe(orderId)).toMatchObject({ authorizations: 1, held: 0, captured: [total] });

  const unwanted = await world.place();
  armed.push(await arm('payment_intents.cancel'), await arm('refunds.create'));
  const [refundId] = await Promise.all([world.refund(orderId, 500), world.cancel(unwanted.orderId)]);
  expect(await world.refundHandle(refundId).result()).toBe('succeeded');
  expect(await world.atStripe(orderId)).toMatchObject({ captured: [total], refunds: [500] });
  expect(await world.atStripe(unwanted.orderId)).toMatchObject(nothingTaken);

  const provider = await world.payments.intentForAudit(await world.intentOf(orderId));
  expect(provider).toMatchObject({ status: 'captured', captured: total, refunded: 500 });
  expect(await Promise.all(armed.map((fired) => fired()))).toEqual([true, true, true, true, true]);
  await world.handOver(orderId, shipment!.id);
});

test('webhooks that come twice or in the wrong order lead to the same end', async () => {
  const ends = [];
  for (const mode of ['normal', 'duplicate', 'shuffle'] as const) {
    await world.webhooks('stripe', mode);
    await world.webhooks('carrier', mode);
    const { orderId } = await world.place(threeDSecure);
    await world.browser(orderId, 'authenticate', { outcome: 'succeed' });
    await world.reaches(orderId, 'confirmed');
    const [shipment] = await world.shipmentsOf(orderId);
    await world.ship(orderId, shipment!.id);
    for (const status of ['in_transit', 'out_for_delivery', 'delivered'] as const) {
      await world.carrierSays(shipment!.id, status);
    }
    await world.reaches(orderId, 'completed');
    await world.refundHandle(await world.refund(orderId, 100)).result();
    await world.inboxIsEmpty();
    const payment = await world.paymentOf(orderId);
    const { status, paymentStatus, fulfillmentStatus } = await world.stateOf(orderId);
    const { captured, refunded, refundPending } = payment;
    const ledger = payment.ledger.map(({ kind, amount }) => ({ kind, amount }));
    const provider = await world.atStripe(orderId);
    ends.push({ status, paymentStatus, fulfillmentStatus, captured, refunded, refundPending, ledger, provider });
  }
  await world.webhooks('stripe', 'normal');
  await world.webhooks('carrier', 'normal');
  expect(ends[0]).toMatchObject({ status: 'completed', captured: total, refunded: 100, refundPending: 0 });
  expect(ends[1]).toEqual(ends[0]);
  expect(ends[2]).toEqual(ends[0]);
  // They may well fail to be delivered at once, but each of them is.
  expect(await world.mongo.models.inbox.countDocuments({ deliveredAt: null })).toBe(0);
});

test('every workflow replays', async () => {
  expect(await world.replayFailures()).toEqual([]);
});

test('the auditor finds nothing', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});
