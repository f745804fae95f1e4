import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { adjustEvidence, submitEvidence } from '../../activities/payments/disputes.ts';
import { receiveEvent } from '../../activities/receive.ts';
import type { Order } from '../../models/order.ts';
import { answerSignal, evidenceChanged, holdOrder, inspectReturn, receiveReturn } from '../../workflows/messages.ts';
import { createBank } from '../support/disputes.ts';
import { seller, setSeller } from '../support/invoices.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let bank: ReturnType<typeof createBank>;
beforeAll(async () => {
  world = await startWorld();
  bank = createBank(world);
});
// A test that fails half-way takes no other with it.
afterEach(() => world.webhooks('stripe', 'normal'));
afterAll(async () => {
  await world.stop();
});

const fraudulent = 'pm_card_createDispute';

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
    expect(await world.paymentOf(orderId)).toMatchObject({ captured: price, withheld: price });
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
    const { withheld, ledger } = await world.paymentOf(orderId);
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
    expect(await world.paymentOf(orderId)).toMatchObject({ refunded: 0, refundPending: 0, withheld: price });
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
    expect(await world.paymentOf(orderId)).toMatchObject({ refunded: price, withheld: 0, refundPending: 0 });
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

describe('the evidence', () => {
  test.each([
    ['product_not_received', ['shipping_tracking_number'], ['refund_refusal_explanation']],
    ['fraudulent', ['shipping_address'], ['refund_refusal_explanation']],
    [
      'product_unacceptable',
      ['refund_policy_disclosure', 'refund_refusal_explanation'],
      ['duplicate_charge_explanation'],
    ],
    ['credit_not_processed', ['refund_refusal_explanation'], ['shipping_tracking_number']],
    ['duplicate', ['duplicate_charge_explanation'], ['refund_policy_disclosure']],
    ['general', ['shipping_tracking_number', 'refund_policy_disclosure'], ['duplicate_charge_explanation']],
  ])('for %s tells what is asked for, from our facts', async (reason, told, untold) => {
    await setSeller(world.mongo, seller);
    await world.mongo.models.settings.updateOne({ _id: 'store' }, { $set: { refundPolicy: 'Within 30 days.' } });
    const email = `${reason}@example.com`;
    const orderId = await world.delivered({ customer: { email, name: 'Ada Buyer' } });
    await world.refundHandle(await world.refund(orderId, 500)).result();
    const disputeId = await bank.open(orderId, { reason });
    if (reason !== 'product_not_received') {
      await bank.isStaged(disputeId);
      expect(await bank.atStripe(disputeId)).toMatchObject({ status: 'needs_response' });
      await bank.answer(disputeId, 'submit');
    }
    await bank.isSent(disputeId);
    const evidence = await bank.evidenceAt(disputeId);
    expect(evidence).toMatchObject({
      customer_name: 'Ada Buyer',
      customer_email_address: email,
      product_description: '2 x MUG (39.98 USD)',
      receipt: expect.stringMatching(/^file_/),
      uncategorized_text: expect.stringMatching(/delivered to this address on .*\n5\.00 USD was refunded/),
    });
    expect(Object.keys(evidence)).toEqual(expect.arrayContaining(told));
    for (const field of untold) expect(evidence).not.toHaveProperty(field);
    if (told.includes('shipping_address')) expect(evidence.shipping_address).toContain('Street 1\n10001 Town');
    await world.mongo.models.settings.deleteOne({ _id: 'store' });
    await bank.decide(disputeId, 'won');
    expect(await bank.result(disputeId)).toBe('won');
    // Nothing of the customer is in the history, which everybody in operations reads.
    const history = JSON.stringify(await bank.handle(disputeId).fetchHistory());
    for (const secret of [email, 'Ada Buyer', 'Street 1']) {
      expect(history).not.toContain(secret);
      expect(history).not.toContain(Buffer.from(secret).toString('base64').slice(0, -4));
    }
  });

  test('is shown anew when the parcel arrives, and then sent at once where it proves what is asked for', async () => {
    const { orderId } = await world.place();
    const [shipment] = await world.shipmentsOf(orderId);
    await world.ship(orderId, shipment!.id);
    const disputeId = await bank.open(orderId, { reason: 'product_not_received' });
    await bank.isStaged(disputeId);
    const other = await bank.open(orderId, { reason: 'general', amount: 100 });
    await bank.isStaged(other);
    expect((await bank.evidenceAt(disputeId)).uncategorized_text).not.toContain('delivered');
    await world.carrierSays(shipment!.id, 'delivered');
    await bank.isSent(disputeId);
    expect((await bank.evidenceAt(disputeId)).uncategorized_text).toContain('delivered to this address');
    await until(async () => (await bank.evidenceAt(other)).uncategorized_text!.includes('delivered to this address'));
    expect((await bank.atStripe(other)).status).toBe('needs_response');
    for (const id of [disputeId, other]) await bank.decide(id, 'lost');
    for (const id of [disputeId, other]) expect(await bank.result(id)).toBe('lost');
  });

  test('is what support makes of it', async () => {
    const disputeId = await bank.open(await world.delivered(), { reason: 'general' });
    await bank.isStaged(disputeId);
    expect(await bank.evidenceAt(disputeId)).toHaveProperty('customer_name');
    await adjustEvidence(world.mongo, disputeId, { words: 'She wrote to us.', leftOut: ['customer_name'] });
    await bank.handle(disputeId).signal(evidenceChanged);
    await until(async () => (await bank.evidenceAt(disputeId)).uncategorized_text!.endsWith('She wrote to us.'));
    expect(await bank.evidenceAt(disputeId)).not.toHaveProperty('customer_name');
    await bank.answer(disputeId, 'submit');
    await bank.isSent(disputeId);
    expect(await bank.evidenceAt(disputeId)).not.toHaveProperty('customer_name');
    await until(
      async () => (await bank.readDispute(disputeId)).evidence?.sentAt !== undefined,
      'we know that it was sent',
    );
    expect(await adjustEvidence(world.mongo, disputeId, { words: 'Too late.' })).toBeUndefined();
    await bank.decide(disputeId, 'lost');
    expect(await bank.result(disputeId)).toBe('lost');
  });

  test.each(['lose_reply', 'fail_after', 'drop', 'fail_before'])(
    'is sent once where the call ends by %s',
    async (kind) => {
      const disputeId = await bank.open(await world.delivered());
      await bank.isStaged(disputeId);
      const struck = await world.fault('stripe', { operation: 'disputes.update', kind, times: 3 });
      await bank.answer(disputeId, 'submit');
      await bank.isSent(disputeId);
      await until(
        async () => (await bank.readDispute(disputeId)).evidence?.sentAt !== undefined,
        'we know that it was sent',
      );
      if (kind !== 'fail_after' && kind !== 'lose_reply') expect(await struck()).toBe(true);
      await world.control(world.stripe.url, 'DELETE', '/_sandbox/faults');
      expect((await bank.atStripe(disputeId)).evidence_details.submission_count).toBe(1);
      const { evidence } = await bank.readDispute(disputeId);
      expect(await bank.evidenceAt(disputeId)).toEqual(evidence!.fields);
      await bank.decide(disputeId, 'won');
      expect(await bank.result(disputeId)).toBe('won');
    },
  );
});

test('evidence of an attempt whose worker died after it was sent is not sent again', async () => {
  const disputeId = await bank.open(await world.delivered(), { reason: 'general' });
  await bank.isStaged(disputeId);
  await world.webhooks('stripe', 'off');
  const attempts = await Promise.all([1, 2].map(() => submitEvidence(world.mongo, world.payments, { disputeId })));
  expect(attempts.map(({ isAsked }) => isAsked)).toEqual([false, false]);
  // The case asks until it hears of that, which can be any moment.
  for (const { id: incidentId } of (await bank.readDispute(disputeId)).state!.incidents) {
    await bank.handle(disputeId).signal(answerSignal, { incidentId, answer: 'submit', actor: 'support:test' });
  }
  await until(async () => (await bank.readDispute(disputeId)).state?.waitingFor?.event === 'dispute_closed');
  expect((await bank.atStripe(disputeId)).evidence_details.submission_count).toBe(1);
  await world.webhooks('stripe', 'normal');
  await bank.decide(disputeId, 'lost');
  expect(await bank.result(disputeId)).toBe('lost');
});

describe('an inquiry', () => {
  test('takes no money, is answered, and ends', async () => {
    const { orderId, shipmentId, disputeId } = await disputed('pm_card_createDisputeInquiry');
    expect(await bank.readDispute(disputeId)).toMatchObject({ kind: 'inquiry', withdrawn: 0 });
    expect(await world.paymentOf(orderId)).toMatchObject({ withheld: 0 });
    await bank.answer(disputeId, 'submit');
    await bank.isSent(disputeId);
    await bank.decide(disputeId, 'won');
    expect(await bank.result(disputeId)).toBe('closed');
    await world.reaches(orderId, 'processing');
    expect(await world.handOver(orderId, shipmentId)).toBe('shipped');
    await world.carrierSays(shipmentId, 'delivered');
    await world.reaches(orderId, 'completed');
  });

  test('that is refunded ends, and can become nothing else', async () => {
    const orderId = await world.delivered();
    const disputeId = await bank.open(orderId, { inquiry: true });
    await bank.answer(disputeId, 'refund');
    expect(await bank.result(disputeId)).toBe('closed');
    expect((await world.atStripe(orderId)).refunds).toEqual([2 * price]);
    expect(await bank.readDispute(disputeId)).toMatchObject({ status: 'closed', state: { incidents: [] } });
  });

  test('that becomes a chargeback withholds the money then, and is answered once more', async () => {
    const orderId = await world.delivered();
    const disputeId = await bank.open(orderId, { inquiry: true, reason: 'general' });
    await bank.answer(disputeId, 'submit');
    await bank.isSent(disputeId);
    await bank.escalate(disputeId);
    await until(async () => (await world.paymentOf(orderId)).withheld === 2 * price, 'the money is withheld');
    await until(async () => (await bank.incident(disputeId)).answers.includes('accept'), 'it is asked about anew');
    await bank.answer(disputeId, 'submit');
    await until(async () => (await bank.atStripe(disputeId)).evidence_details.submission_count === 2);
    await bank.decide(disputeId, 'won');
    expect(await bank.result(disputeId)).toBe('won');
    expect(await world.paymentOf(orderId)).toMatchObject({ withheld: 0 });
  });
});

describe('a warning of fraud', () => {
  test('of an order that was not sent holds it; refunded, nothing is sent and nobody has paid', async () => {
    const { orderId } = await world.place();
    const disputeId = await bank.warn(orderId);
    await world.reaches(orderId, 'on_hold');
    expect(await bank.readDispute(disputeId)).toMatchObject({ kind: 'fraud_warning', withdrawn: 0 });
    expect(await world.stateOf(orderId)).toMatchObject({ paymentStatus: 'authorized' });
    await bank.answer(disputeId, 'refund');
    expect(await bank.result(disputeId)).toBe('closed');
    await world.reaches(orderId, 'cancelled');
    expect(await world.atStripe(orderId)).toMatchObject({ held: 0, captured: [] });
  });

  test('that is skipped lets the goods go', async () => {
    const { orderId } = await world.place();
    const disputeId = await bank.warn(orderId);
    await world.reaches(orderId, 'on_hold');
    await bank.answer(disputeId, 'skip');
    expect(await bank.result(disputeId)).toBe('closed');
    await until(async () => (await world.stateOf(orderId)).incidents.length === 0, 'the hold is over');
    await world.reaches(orderId, 'confirmed');
    await world.deliver(orderId);
  });

  test('of an order that was delivered is paid back before a chargeback comes', async () => {
    const orderId = await world.delivered();
    const disputeId = await bank.warn(orderId);
    await bank.answer(disputeId, 'refund');
    expect(await bank.result(disputeId)).toBe('closed');
    expect((await world.atStripe(orderId)).refunds).toEqual([2 * price]);
  });

  test('is over when the chargeback comes', async () => {
    const orderId = await world.delivered();
    const warningId = await bank.warn(orderId);
    const disputeId = await bank.open(orderId);
    expect(await bank.result(warningId)).toBe('closed');
    await bank.answer(disputeId, 'accept');
    expect(await bank.result(disputeId)).toBe('lost');
  });
});

describe('whatever comes when', () => {
  const hear = async (intentId: string, types: string[]) => {
    const { events } = (await world.stripeState()) as unknown as {
      events: { id: string; type: string; data: { object: { payment_intent?: string } } }[];
    };
    for (const type of types) {
      const found = events.find((event) => event.type === type && event.data.object.payment_intent === intentId)!;
      const payload = { ...found.data.object };
      await receiveEvent(world.mongo, { id: found.id, source: 'stripe', type, payload });
      await world.mongo.models.inbox.updateMany({ deliveredAt: null }, { $set: { nextTryAt: new Date() } });
      await until(async () => (await world.mongo.models.inbox.countDocuments({ deliveredAt: null })) === 0);
    }
  };
  const events = ['created', 'funds_withdrawn', 'updated', 'funds_reinstated', 'closed'];
  const orders: [string, number[]][] = [
    ['closed first', [4, 3, 1, 0]],
    ['the money first', [1, 3, 0, 4]],
    ['backwards', [4, 3, 2, 1, 0]],
    ['as it was', [0, 1, 2, 3, 4]],
  ];

  test.each(orders)('%s: the same ledger', async (_, order) => {
    const orderId = await world.delivered();
    await world.inboxIsEmpty();
    await world.webhooks('stripe', 'off');
    const intentId = await world.intentOf(orderId);
    const about = { payment_intent: intentId };
    const opened = await world.control(world.stripe.url, 'POST', '/_sandbox/disputes', about);
    const { id: disputeId } = opened as { id: string };
    await world.payments.stageEvidence(disputeId, { uncategorized_text: 'Ours' });
    await bank.decide(disputeId, 'won');
    await hear(
      intentId,
      order.map((index) => `charge.dispute.${events[index]}`),
    );
    await until(async () => (await bank.readDispute(disputeId)).state?.status === 'won', 'it is won');
    const { withheld, ledger } = await world.paymentOf(orderId);
    expect(withheld).toBe(0);
    expect(ledger.filter(({ kind }) => kind === 'dispute').map(({ amount }) => amount)).toEqual([
      -2 * price,
      2 * price,
    ]);
    await world.webhooks('stripe', 'normal');
    await world.inboxIsEmpty();
    expect(await bank.result(disputeId)).toBe('won');
  });

  test('two disputes of one order are two cases; the hold lasts as long as one of them', async () => {
    const { orderId, shipmentId, disputeId } = await disputed(fraudulent);
    const second = await bank.open(orderId, { reason: 'general', amount: 500 });
    await until(async () => (await world.incident(orderId, 'hold')).why.includes(second), 'both hold it');
    await bank.decide(disputeId, 'won');
    expect(await bank.result(disputeId)).toBe('won');
    expect(await world.paymentOf(orderId)).toMatchObject({ withheld: 500 });
    await until(async () =>
      (await world.stateOf(orderId)).timeline.some(({ what }) => what.includes(`${disputeId}: won`)),
    );
    expect(await world.stateOf(orderId)).toMatchObject({ status: 'on_hold', paymentStatus: 'disputed' });
    await bank.decide(second, 'won');
    expect(await bank.result(second)).toBe('won');
    await world.reaches(orderId, 'processing');
    await world.handOver(orderId, shipmentId);
    await world.carrierSays(shipmentId, 'delivered');
    await world.reaches(orderId, 'completed');
  });

  test.each(['won', 'lost'] as const)(
    'of a part, %s after a cancellation: everybody has what is theirs',
    async (outcome) => {
      const { orderId } = await world.place({ items: [{ sku: 'MUG', quantity: 1 }] });
      const [shipment] = await world.shipmentsOf(orderId);
      await world.makeReady(orderId, shipment!.id);
      const disputeId = await bank.open(orderId, { reason: 'general', amount: 500 });
      await world.answer(orderId, (await world.incident(orderId, 'hold')).id, 'cancel');
      await world.reaches(orderId, 'cancelled');
      expect((await world.stateOf(orderId)).incidents).toEqual([]);
      await bank.decide(disputeId, outcome);
      if (outcome === 'won') {
        expect(await bank.result(disputeId)).toBe('won');
        expect((await world.atStripe(orderId)).refunds).toEqual([price]);
        return;
      }
      // Stripe refunds nothing of a charge that was charged back, not even what the bank has left: a person pays it.
      await bank.incident(disputeId, 'refund_failed');
      expect(await world.paymentOf(orderId)).toMatchObject({ withheld: 500 });
      expect(await world.violations()).toContainEqual(expect.objectContaining({ guarantee: 'G5', where: orderId }));
      await bank.answer(disputeId, 'skip', 'refund_failed');
      expect(await bank.result(disputeId)).toBe('lost');
    },
  );

  test('a return whose money is withheld is paid back when the dispute is won', async () => {
    const orderId = await world.delivered();
    const disputeId = await bank.open(orderId, { reason: 'product_unacceptable' });
    const returnId = await world.sendBack(orderId, [{ lineId: 'line_1', quantity: 1 }]);
    await world.returnReaches(returnId, 'approved');
    const back = { lineId: 'line_1', quantity: 1 };
    const actor = 'warehouse:test';
    const handle = world.returnHandle(returnId);
    await handle.executeUpdate(receiveReturn, { args: [{ lines: [{ ...back, reception: 'received' }], actor }] });
    await handle.executeUpdate(inspectReturn, { args: [{ lines: [{ ...back, disposition: 'restock' }], actor }] });
    expect(await handle.result()).toBe('completed');
    expect((await world.atStripe(orderId)).refunds).toEqual([]);
    await bank.decide(disputeId, 'won');
    expect(await bank.result(disputeId)).toBe('won');
    expect((await world.atStripe(orderId)).refunds).toEqual([price]);
  });

  test('a refund that meets a chargeback of which nobody has heard is owed, and paid when it is won', async () => {
    const { orderId } = await world.place({ items: [{ sku: 'MUG', quantity: 1 }] });
    const [shipment] = await world.shipmentsOf(orderId);
    await world.makeReady(orderId, shipment!.id);
    await world.inboxIsEmpty();
    await world.webhooks('stripe', 'off');
    const about = { payment_intent: await world.intentOf(orderId) };
    await world.control(world.stripe.url, 'POST', '/_sandbox/disputes', about);
    expect(await world.cancel(orderId)).toBe('cancelled');
    expect(await world.paymentOf(orderId)).toMatchObject({ refunded: 0, refundPending: 0, withheld: price });
    await world.webhooks('stripe', 'normal');
    const disputeId = await bank.ofOrder(orderId);
    await bank.incident(disputeId);
    await bank.decide(disputeId, 'won');
    expect(await bank.result(disputeId)).toBe('won');
    expect((await world.atStripe(orderId)).refunds).toEqual([price]);
  });
});

test('the auditor finds nothing, and every history can be walked again', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
  expect(await world.replayFailures()).toEqual([]);
});
