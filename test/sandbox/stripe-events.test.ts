/** Events that are missed, and how they are found again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createChaos } from '../../sandbox/chaos.ts';
import { authorization, DAY, playStripe, receiveWebhooks, refusal, until } from '../support/stripe-sandbox.ts';

let cleanUps: (() => unknown)[];
beforeEach(() => {
  cleanUps = [];
});
afterEach(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});

async function play(options: Parameters<typeof playStripe>[0] = {}) {
  const played = await playStripe(options);
  cleanUps.push(() => played.stop());
  return played;
}
async function listening() {
  const endpoint = await receiveWebhooks();
  cleanUps.push(() => endpoint.close());
  return endpoint;
}
type Played = Awaited<ReturnType<typeof play>>;
const makeCustomers = async (played: Played, many: number) => {
  const made: string[] = [];
  for (let count = 0; count < many; count += 1) made.push((await played.stripe.customers.create()).id);
  return made;
};
const subjectsOf = (events: { data: { object: object } }[]) =>
  events.map(({ data }) => (data.object as { id: string }).id);

describe('the list of events', () => {
  test('is asked for by type, by several types, and by time', async () => {
    const played = await play();
    const { stripe } = played;
    const { id } = await stripe.paymentIntents.create(authorization());
    await stripe.paymentIntents.capture(id);
    await played.advance(DAY);
    await stripe.customers.create();
    const types = async (params: object) => (await stripe.events.list(params)).data.map(({ type }) => type as string);
    expect(await types({ types: ['payment_intent.succeeded', 'customer.created'] })).toEqual([
      'customer.created',
      'payment_intent.succeeded',
    ]);
    expect(await types({ type: 'payment_intent.*' })).toEqual([
      'payment_intent.succeeded',
      'payment_intent.amount_capturable_updated',
    ]);
    const anHourAgo = Math.floor((Date.now() + DAY) / 1000) - 3600;
    expect(await types({ created: { gte: anHourAgo } })).toEqual(['customer.created']);
    expect(await types({ created: { lt: anHourAgo }, type: 'customer.created' })).toEqual([]);
    expect(await refusal(types({ type: 'customer.created', types: ['customer.created'] }))).toMatchObject({
      code: 'parameters_exclusive',
    });
    expect((await refusal(types({ delivery_success: 'perhaps' }))).param).toBe('delivery_success');
  });

  test('forgets an event after thirty days', async () => {
    const played = await play();
    await played.stripe.customers.create();
    const { data } = await played.stripe.events.list();
    await played.advance(30 * DAY + 1000);
    expect((await played.stripe.events.list()).data).toEqual([]);
    expect(await refusal(played.stripe.events.retrieve(data[0]!.id))).toMatchObject({ statusCode: 404 });
  });

  test('tells which events the endpoint has not taken', async () => {
    const endpoint = await listening();
    const played = await play({ webhook: endpoint.webhook });
    const [taken] = await makeCustomers(played, 1);
    await until(() => endpoint.received.length === 1, 'the first event');
    endpoint.state.status = 500;
    const [refused] = await makeCustomers(played, 1);
    await played.control('POST', 'webhooks', { mode: 'off' });
    const [waiting] = await makeCustomers(played, 1);
    const missed = async (delivery_success: boolean) =>
      subjectsOf((await played.stripe.events.list({ delivery_success })).data);
    await until(async () => (await missed(true)).length === 1, 'the first event is known as taken');
    expect(await missed(true)).toEqual([taken]);
    expect(await missed(false)).toEqual([waiting, refused]);
  });
});

describe('chaos', () => {
  test('is the same for the same seed: half of the events are lost, the others come once or twice, late', () => {
    const [one, same, other] = [createChaos(7), createChaos(7), createChaos(8)];
    const draw = (chaos: () => number[]) => Array.from({ length: 2000 }, () => chaos());
    const drawn = draw(one);
    expect(draw(same)).toEqual(drawn);
    expect(draw(other)).not.toEqual(drawn);
    const times = (copies: number) => drawn.filter(({ length }) => length === copies).length / drawn.length;
    expect(times(0)).toBeCloseTo(0.5, 1);
    expect(times(1)).toBeCloseTo(0.25, 1);
    expect(times(2)).toBeCloseTo(0.25, 1);
    expect(Math.max(...drawn.flat())).toBeLessThanOrEqual(300);
  });

  test('loses events for good, across a restart and a return to normal, until they are sent by hand', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'waybill-stripe-'));
    cleanUps.push(() => rmSync(folder, { recursive: true }));
    const endpoint = await listening();
    const options = { journalFile: join(folder, 'stripe.jsonl'), webhook: endpoint.webhook };
    const before = await playStripe(options);
    expect((await before.control('POST', 'webhooks', { mode: 'chaos' })).status).toBe(400);
    await before.control('POST', 'webhooks', { mode: 'chaos', seed: 1 });
    const made = await makeCustomers(before, 40);
    const nothingWaits = async () =>
      (await before.control<{ undelivered_events: string[] }>('GET', 'state')).body.undelivered_events.length === 0;
    await until(nothingWaits, 'all copies are sent');
    await before.control('POST', 'webhooks', { mode: 'normal' });
    const [last] = await makeCustomers(before, 1);
    const arrived = () => subjectsOf(endpoint.received.map(({ event }) => event));
    await until(() => arrived().includes(last!), 'the event after the chaos');
    await before.stop();

    const after = await play(options);
    const { data } = await after.stripe.events.list({ delivery_success: false, limit: 100 });
    const lost = subjectsOf(data);
    expect(lost.length).toBeGreaterThan(10);
    expect(new Set([...arrived(), ...lost])).toEqual(new Set([...made, last]));
    expect(arrived().filter((id) => lost.includes(id))).toEqual([]);
    expect(arrived().length).toBeGreaterThan(new Set(arrived()).size);
    expect(arrived().filter((id, at) => arrived().indexOf(id) === at)).not.toEqual(
      made.filter((id) => arrived().includes(id)),
    );

    await after.control('POST', `events/${data[0]!.id}/send`);
    await until(() => arrived().includes(lost[0]!), 'the event that was sent by hand');
    expect(endpoint.received.at(-1)!.event.id).toBe(data[0]!.id);
    expect((await after.control('POST', 'events/evt_nobody/send')).status).toBe(404);
  });
});
