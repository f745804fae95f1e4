/** Events that do not fit change nothing of an order, and its timeline says so; what was heard can be delivered anew. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { deliveredEvents } from '../../activities/providers/stripe-events.ts';
import { createToken } from '../../activities/staff-tokens.ts';
import { linkToken } from '../../platform/link-token.ts';
import { config } from '../api/support.ts';
import { serve } from '../support/serve.ts';
import { price } from '../support/shop.ts';
import { sendToApi, stripeEvent } from '../support/stripe-event.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let api: Awaited<ReturnType<typeof serve>>;
let staff: { id: string; token: string };

beforeAll(async () => {
  world = await startWorld();
  api = await serve(world);
  staff = await createToken(world.mongo, 'support');
});
afterAll(async () => {
  await api.stop();
  await world.stop();
});

const due = 2 * price;
const usd = { amount: due, currency: 'usd' };
const ask = (method: string, path: string, body?: unknown) => api.ask(method, path, body, staff.token);
const timelineOf = async (orderId: string): Promise<{ at: string; what: string; actor: string }[]> =>
  (await ask('GET', `/v1/orders/${orderId}`)).body.timeline;
const lastOf = async (orderId: string) => (await timelineOf(orderId)).at(-1);
const eventOf = (id: string) => world.mongo.models.inbox.findById(`stripe:${id}`).lean().orFail();

async function isDelivered(id: string): Promise<string | undefined> {
  await until(async () => (await eventOf(id)).deliveredAt !== null, `${id} is delivered`);
  return (await eventOf(id)).outcome;
}

/** What became of an event that Stripe sends. */
async function heard(type: string, object: object): Promise<string | undefined> {
  const id = `evt_${randomUUID()}`;
  expect(await sendToApi(api.url, stripeEvent(type, object, id))).toBe(200);
  return isDelivered(id);
}

/** All that money or a late webhook could change of an order. */
async function factsOf(orderId: string) {
  await world.inboxIsEmpty();
  const { refusals: _, ...order } = await world.readOrder(orderId);
  const payment = await world.mongo.models.payments.findOne({ orderId }).lean();
  return { order, payment, refunds: await world.mongo.models.refunds.countDocuments({ orderId }) };
}

describe('an event that does not fit changes nothing of the order', () => {
  test('of an intent that was replaced', async () => {
    const { orderId } = await world.place();
    await world.mongo.models.payments.updateOne({ orderId }, { $set: { pastIntents: [`pi_past_${orderId}`] } });
    const past = { id: `pi_past_${orderId}`, metadata: { orderId }, ...usd };
    const before = await factsOf(orderId);

    const silent = {
      'payment_intent.canceled': 'canceled',
      'payment_intent.payment_failed': 'requires_payment_method',
    };
    for (const [type, status] of Object.entries(silent))
      expect(await heard(type, { ...past, status })).toBe('nothing new');
    expect((await world.readOrder(orderId)).refusals).toBeUndefined();

    expect(await heard('payment_intent.succeeded', { ...past, status: 'succeeded' })).toBe('does not fit');
    expect(await lastOf(orderId)).toEqual({
      at: expect.any(String),
      actor: 'provider',
      what: expect.stringMatching(
        /^Payment pi_past_\w+ took money and is not the order's payment; nothing was changed/,
      ),
    });
    expect(await heard('payment_intent.amount_capturable_updated', { ...past, status: 'requires_capture' })).toBe(
      'does not fit',
    );
    expect(await factsOf(orderId)).toEqual(before);
  });

  test('of an intent that was replaced, whose hold we knew of, nor is it worth a word', async () => {
    const { orderId } = await world.place();
    const id = `pi_held_${orderId}`;
    const entry = { key: `${id}:authorize`, kind: 'authorize' as const, amount: due, providerId: id, at: new Date() };
    await world.mongo.models.payments.updateOne({ orderId }, { $set: { pastIntents: [id] }, $push: { ledger: entry } });
    const late = { id, status: 'requires_capture', ...usd };
    expect(await heard('payment_intent.amount_capturable_updated', late)).toBe('nothing new');
    expect((await world.readOrder(orderId)).refusals).toBeUndefined();
  });

  test('of its own intent, but older than what is known', async () => {
    const { orderId } = await world.place();
    const id = await world.intentOf(orderId);
    const before = await factsOf(orderId);
    for (const [type, status] of [
      ['payment_intent.payment_failed', 'requires_payment_method'],
      ['payment_intent.requires_action', 'requires_action'],
    ] as const)
      expect(await heard(type, { id, status, metadata: { orderId }, ...usd })).toBe('nothing new');
    expect(await factsOf(orderId)).toEqual(before);
  });

  test("of another order's intent, whatever its metadata say", async () => {
    const waiting = await world.place({ paymentMethod: 'pm_card_chargeDeclined' });
    const paid = await world.place();
    const before = await factsOf(waiting.orderId);
    const object = { id: await world.intentOf(paid.orderId), status: 'requires_capture', ...usd };
    expect(
      await heard('payment_intent.amount_capturable_updated', { ...object, metadata: { orderId: waiting.orderId } }),
    ).toBe('nothing new');
    expect(await factsOf(waiting.orderId)).toEqual(before);
    expect((await world.readOrder(waiting.orderId)).refusals).toBeUndefined();
  });

  test('of an intent that somebody else made for a waiting order: it is not paid by it', async () => {
    const { orderId } = await world.place({ paymentMethod: 'pm_card_chargeDeclined' });
    const before = await factsOf(orderId);
    const stranger = { id: `pi_stranger_${orderId}`, metadata: { orderId }, ...usd };
    expect(await heard('payment_intent.succeeded', { ...stranger, status: 'succeeded' })).toBe('does not fit');
    expect(await heard('payment_intent.canceled', { ...stranger, status: 'canceled' })).toBe('nothing new');
    expect(await factsOf(orderId)).toEqual(before);
  });

  test('of an intent that somebody else made for an ended order: nothing is returned that was not taken', async () => {
    const { orderId } = await world.place();
    await world.cancel(orderId);
    await world.reaches(orderId, 'cancelled');
    const ended = async () => (await world.orderHandle(orderId).describe()).status.name === 'COMPLETED';
    await until(ended, 'the workflow has ended');
    const before = await factsOf(orderId);
    const stranger = { id: `pi_stranger_${orderId}`, status: 'succeeded', metadata: { orderId }, ...usd };
    expect(await heard('payment_intent.succeeded', { ...stranger, amount_received: due })).toBe('does not fit');
    expect(await factsOf(orderId)).toEqual(before);
    expect((await lastOf(orderId))?.what).toContain('took money');
  });

  test('of another amount or currency than is due', async () => {
    const { orderId } = await world.place({ paymentMethod: 'pm_card_authenticationRequired' });
    const own = { id: await world.intentOf(orderId), status: 'requires_capture', metadata: { orderId } };
    const before = await factsOf(orderId);
    const type = 'payment_intent.amount_capturable_updated';
    for (const [amount, currency, why] of [
      [due - 1, 'usd', 'is not of the amount that is due'],
      [due + 1, 'usd', 'is not of the amount that is due'],
      [due, 'eur', "is not in the order's currency"],
    ] as const) {
      expect(await heard(type, { ...own, amount, currency })).toBe('does not fit');
      expect((await lastOf(orderId))?.what).toContain(why);
    }
    expect(await factsOf(orderId)).toEqual(before);
    expect(await heard(type, { ...own, ...usd })).toBe('signalled');
  });

  test('of a payment, a parcel or a kind that is not known', async () => {
    const nobody = { id: 'pi_nobody', status: 'succeeded', payment_intent: 'pi_nobody', ...usd };
    expect(await heard('payment_intent.succeeded', nobody)).toBe('unknown payment');
    expect(await heard('setup_intent.succeeded', nobody)).toBe('unknown payment');
    expect(await heard('refund.created', nobody)).toBe('unknown payment');
    expect(await heard('charge.dispute.created', nobody)).toBe('unknown payment');
    expect(await heard('customer.created', nobody)).toBe('not of interest');
    const waiting = await world.place({ paymentMethod: 'pm_card_threeDSecure2Required' });
    const strange = { id: await world.intentOf(waiting.orderId), status: 'constructor' };
    expect(await heard('payment_intent.succeeded', strange)).toBe('signalled');
    const ours = { id: await world.intentOf((await world.place()).orderId), status: 'canceled' };
    expect(await heard('payment_intent.created', ours)).toBe('not of interest');
    // Whatever is delivered has somebody who hears it.
    for (const type of deliveredEvents.filter((each) => !each.startsWith('payout.')))
      expect(await heard(type, nobody)).toMatch(/^unknown (payment|customer)$/);
  });

  test('of a refund that says it is one of ours, and pays back the payment of somebody else', async () => {
    const orderId = await world.delivered();
    const refundId = await world.refund(orderId, 500);
    await until(
      async () => (await world.mongo.models.refunds.findById(refundId).lean())?.status === 'succeeded',
      'paid',
    );
    const before = await factsOf(orderId);
    const other = { id: 're_other', payment_intent: 'pi_other', status: 'succeeded', metadata: { refundId } };
    expect(await heard('refund.created', { ...other, amount: 500, currency: 'usd' })).toBe('unknown payment');
    expect(await factsOf(orderId)).toEqual(before);
  });
});

describe('support', () => {
  test('finds events by what became of them, and has one delivered anew', async () => {
    const { orderId } = await world.place();
    await world.inboxIsEmpty();
    const found = await ask('GET', `/v1/events?source=stripe&orderId=${orderId}&undelivered=false&limit=1`);
    expect(found).toMatchObject({ status: 200, body: { events: [{ orderId, source: 'stripe' }] } });
    const [event] = found.body.events;
    expect(await ask('GET', `/v1/events/${event.id}`)).toMatchObject({ status: 200, body: event });
    expect(JSON.stringify(found.body)).not.toMatch(/client_secret|secret_|email|pm_card/);

    expect((await ask('GET', `/v1/events?type=${event.type}&outcome=signalled`)).body.events).not.toContainEqual(event);
    const { events: same } = (await ask('GET', `/v1/events?type=${event.type}&outcome=${event.outcome}`)).body;
    expect(same).toContainEqual(event);
    expect((await ask('GET', '/v1/events?undelivered=true')).body.events).toEqual([]);

    const before = await factsOf(orderId);
    const replayed = await ask('POST', `/v1/events/${event.id}/replay`);
    expect(replayed).toMatchObject({ status: 202, body: { id: event.id } });
    await world.inboxIsEmpty();
    const after = (await ask('GET', `/v1/events/${event.id}`)).body;
    expect(after).toMatchObject({ outcome: event.outcome, orderId });
    expect(after.deliveredAt > event.deliveredAt).toBe(true);
    expect(await factsOf(orderId)).toEqual(before);
    expect(await lastOf(orderId)).toMatchObject({
      actor: `support:${staff.id}`,
      what: `Event ${event.id} (${event.type}) delivered anew`,
    });
  });

  test('pages through events, newest first, and is told of those that there are not', async () => {
    const all: string[] = [];
    let cursor = '';
    do {
      const { events, next } = (await ask('GET', `/v1/events?limit=7${cursor}`)).body;
      all.push(...events.map(({ receivedAt, id }: { receivedAt: string; id: string }) => `${receivedAt} ${id}`));
      cursor = next && `&cursor=${next}`;
    } while (cursor);
    expect(all).toEqual([...new Set(all)].sort().reverse());
    expect(all).toHaveLength(await world.mongo.models.inbox.countDocuments());
    for (const path of ['/v1/events/stripe:evt_none', '/v1/events/evt_none'])
      expect(await ask('GET', path)).toMatchObject({ status: 404 });
    expect(await ask('POST', '/v1/events/stripe:evt_none/replay')).toMatchObject({ status: 404 });
  });

  test('sees an event that was lost on its way to the workflow, and its replay makes it good', async () => {
    const { orderId } = await world.place({ paymentMethod: 'pm_card_authenticationRequired' });
    await world.webhooks('stripe', 'off');
    await world.browser(orderId, 'authenticate', { outcome: 'succeed' });
    const object = { id: await world.intentOf(orderId), status: 'requires_capture', ...usd };
    const id = `evt_${randomUUID()}`;
    // As if it had been delivered to a workflow that did not hear of it.
    const lost = { deliveredAt: new Date(), receivedAt: new Date(), nextTryAt: new Date(), tries: 1 };
    const event = { _id: `stripe:${id}`, source: 'stripe' as const, type: 'payment_intent.amount_capturable_updated' };
    await world.mongo.models.inbox.create([{ ...event, ...lost, payload: object, outcome: 'unknown payment' }]);
    expect((await world.readOrder(orderId)).status).toBe('awaiting_payment');
    expect((await ask('POST', `/v1/events/stripe:${id}/replay`)).status).toBe(202);
    expect(await isDelivered(id)).toBe('signalled');
    await world.reaches(orderId, 'confirmed');
    await world.webhooks('stripe', 'normal');
  });
});

describe('the timeline of an order', () => {
  test('has the refunds that were refused, also of two people at once, and those that were made', async () => {
    const orderId = await world.delivered();
    const refund = (amount: number) => ask('POST', `/v1/orders/${orderId}/refunds`, { amount, reason: 'goodwill' });
    expect(await refund(due + 1)).toMatchObject({ status: 409 });
    expect((await lastOf(orderId))?.what).toBe('Refund refused: Only 39.98 USD can be refunded');
    const answers = await Promise.all([refund(due), refund(due)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    const won = answers.find(({ status }) => status === 201)!.body.id;
    const isThere = async () => (await timelineOf(orderId)).some(({ what }) => what === `Refund succeeded (${won})`);
    await until(isThere, 'the refund is on the timeline');
    const timeline = await timelineOf(orderId);
    const refused = timeline.filter(({ what }) => what.startsWith('Refund refused'));
    expect(refused.map(({ what, actor }) => [what, actor])).toEqual([
      ['Refund refused: Only 39.98 USD can be refunded', `support:${staff.id}`],
      [expect.stringContaining('Refund refused: Nothing is left to refund'), `support:${staff.id}`],
    ]);
    expect(timeline.map(({ at }) => at)).toEqual(timeline.map(({ at }) => at).sort());
  });

  test('has the method of payment that was offered when none was taken, and is not for customers', async () => {
    const { orderId } = await world.place();
    const owner = linkToken(config.WAYBILL_SECRET, orderId);
    const offer = () => api.ask('POST', `/v1/orders/${orderId}/payments`, { paymentMethod: 'pm_card_visa' }, owner);
    expect(await offer()).toMatchObject({ status: 409 });
    expect(await lastOf(orderId)).toMatchObject({
      actor: 'customer',
      what: 'Method of payment refused: The order is confirmed: it takes no payment now',
    });
    const seen = JSON.stringify((await api.ask('GET', `/v1/orders/${orderId}`, undefined, owner)).body);
    expect(seen).not.toContain('Method of payment refused');
  });

  test('keeps the last fifty refusals', async () => {
    const { orderId } = await world.place({ paymentMethod: 'pm_card_chargeDeclined' });
    const refund = () => ask('POST', `/v1/orders/${orderId}/refunds`, { reason: 'goodwill' });
    for (let round = 0; round < 6; round += 1) await Promise.all(Array.from({ length: 10 }, refund));
    expect((await world.readOrder(orderId)).refusals).toHaveLength(50);
  });
});
