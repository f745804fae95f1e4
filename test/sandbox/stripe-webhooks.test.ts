import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Stripe } from 'stripe';
import { type StripeSandbox, startStripeSandbox } from '../../sandbox/stripe/server.ts';

const SECRETS = ['whsec_old', 'whsec_new'];
const SERVER = new URL('../../sandbox/stripe/server.ts', import.meta.url).href;

let cleanUps: (() => unknown)[];
beforeEach(() => {
  cleanUps = [];
});
afterEach(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});

/** An endpoint that takes events; `refuse` of them get 500 first. */
async function endpoint() {
  const verifier = new Stripe('sk_test_verifier');
  const received: { event: Stripe.Event; signature: string; body: string }[] = [];
  const state = { refuse: 0, url: '', received, types: () => received.map(({ event }) => event.type as string) };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += String(part);
    if (state.refuse > 0) {
      state.refuse -= 1;
      response.writeHead(500).end();
      return;
    }
    const signature = String(request.headers['stripe-signature']);
    // Either secret is enough, as in a rotation of secrets.
    for (const secret of SECRETS) verifier.webhooks.constructEvent(body, signature, secret);
    received.push({ event: JSON.parse(body), signature, body });
    response.writeHead(200).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/stripe`;
  cleanUps.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return state;
}

async function start(options: Parameters<typeof startStripeSandbox>[0]): Promise<StripeSandbox> {
  const sandbox = await startStripeSandbox(options);
  cleanUps.push(() => sandbox.stop());
  return sandbox;
}

const client = (port: number) =>
  new Stripe('sk_test_x', { host: '127.0.0.1', port, protocol: 'http', maxNetworkRetries: 0, telemetry: false });

const control = (port: number, path: string, body: object) =>
  fetch(`http://127.0.0.1:${port}/_sandbox/${path}`, { method: 'POST', body: JSON.stringify(body) });

const order = (payment_method = 'pm_card_visa') => ({
  amount: 5000,
  currency: 'usd',
  capture_method: 'manual' as const,
  confirm: true,
  payment_method,
  allowed_payment_method_types: ['card'],
});

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function newJournal(): string {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-stripe-'));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'stripe.jsonl');
}

const LIFE = [
  'payment_intent.amount_capturable_updated',
  'payment_intent.succeeded',
  'charge.refunded',
  'refund.created',
];
async function liveThrough(stripe: Stripe): Promise<void> {
  const { id } = await stripe.paymentIntents.create(order());
  await stripe.paymentIntents.capture(id);
  await stripe.refunds.create({ payment_intent: id, amount: 100 });
}

describe('webhooks', () => {
  test('are signed by each secret, in order, and show the object as it was', async () => {
    const hook = await endpoint();
    const { port } = await start({ webhook: { url: hook.url, secrets: SECRETS } });
    await liveThrough(client(port));
    await until(() => hook.received.length === 4, 'four events');
    expect(hook.types()).toEqual(LIFE);
    expect(hook.received[0]!.signature).toMatch(/^t=\d+,v1=[0-9a-f]{64},v1=[0-9a-f]{64}$/);
    expect(hook.received[0]!.event.data.object).toMatchObject({ status: 'requires_capture', amount_received: 0 });
    const listed = await client(port).events.list();
    expect(listed.data.map(({ id }) => id).reverse()).toEqual(hook.received.map(({ event }) => event.id));
  });

  test('tell of declines, 3-D Secure, disputes and failed refunds', async () => {
    const hook = await endpoint();
    const { port } = await start({ webhook: { url: hook.url, secrets: SECRETS } });
    const stripe = client(port);
    await stripe.paymentIntents.create(order('pm_card_chargeDeclined')).catch(() => undefined);
    const waiting = await stripe.paymentIntents.create(order('pm_card_threeDSecure2Required'));
    await stripe.paymentIntents.cancel(waiting.id);
    const disputed = await stripe.paymentIntents.create({
      ...order('pm_card_createDispute'),
      capture_method: 'automatic',
    });
    const dispute = (await stripe.disputes.list({ payment_intent: disputed.id })).data[0]!;
    await stripe.disputes.update(dispute.id, { evidence: { uncategorized_text: 'winning_evidence' } });
    const returned = await stripe.paymentIntents.create({
      ...order('pm_card_refundFail'),
      capture_method: 'automatic',
    });
    const refund = await stripe.refunds.create({ payment_intent: returned.id });
    await control(port, `refunds/${refund.id}/settle`, { outcome: 'failed' });

    await until(() => hook.received.length === 14, 'fourteen events');
    const about = (id: string) =>
      hook.received
        .filter(({ event }) => JSON.stringify(event.data.object).includes(id))
        .map(({ event }) => event.type as string);
    expect(hook.types()).toContain('payment_intent.payment_failed');
    expect(about(waiting.id)).toEqual(['payment_intent.requires_action', 'payment_intent.canceled']);
    expect(about(disputed.id)).toEqual([
      'payment_intent.succeeded',
      'charge.dispute.created',
      'charge.dispute.funds_withdrawn',
      'charge.dispute.updated',
      'charge.dispute.funds_reinstated',
      'charge.dispute.closed',
    ]);
    expect(about(returned.id)).toEqual([
      'payment_intent.succeeded',
      'charge.refunded',
      'refund.created',
      'refund.updated',
      'refund.failed',
    ]);
  });

  test('are sent again until they are taken, and never hold up the API', async () => {
    const hook = await endpoint();
    hook.refuse = 3;
    const { port } = await start({ webhook: { url: hook.url, secrets: SECRETS } });
    await liveThrough(client(port));
    await until(() => hook.received.length === 4, 'four events in spite of three refusals');
    expect(hook.types().sort()).toEqual([...LIFE].sort());
  });

  test('come twice, shuffled, or not until they are turned on again', async () => {
    const hook = await endpoint();
    const { port } = await start({ webhook: { url: hook.url, secrets: SECRETS } });
    const stripe = client(port);

    await control(port, 'webhooks', { mode: 'duplicate' });
    await liveThrough(stripe);
    await until(() => hook.received.length === 8, 'eight deliveries');
    expect(new Set(hook.received.map(({ body }) => body)).size).toBe(4);

    hook.received.length = 0;
    await control(port, 'webhooks', { mode: 'off' });
    await liveThrough(stripe);
    const state = await (await fetch(`http://127.0.0.1:${port}/_sandbox/state`)).json();
    expect((state as { undelivered_events: string[] }).undelivered_events).toHaveLength(4);
    expect(hook.received).toHaveLength(0);
    await control(port, 'webhooks', { mode: 'shuffle' });
    await until(() => hook.received.length === 4, 'four shuffled events');
    expect(hook.types()).not.toEqual(LIFE);
    expect(hook.types().sort()).toEqual([...LIFE].sort());
    expect((await control(port, 'webhooks', { mode: 'loud' })).status).toBe(400);
  });
});

describe('killed and started again', () => {
  test('nothing that was answered is lost: intents, refunds, keys, and events not yet taken', async () => {
    const hook = await endpoint();
    hook.refuse = Number.POSITIVE_INFINITY;
    const journalFile = newJournal();
    const options = { journalFile, webhook: { url: hook.url, secrets: SECRETS } };

    const program = `import { startStripeSandbox } from ${JSON.stringify(SERVER)};
      console.log((await startStripeSandbox(${JSON.stringify(options)})).port);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    cleanUps.push(() => child.kill('SIGKILL'));
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const before = client(Number(line));
    const key = { idempotencyKey: 'authorize-ord_1' };
    const intent = await before.paymentIntents.create(order('pm_card_pendingRefund'), key);
    await before.paymentIntents.capture(intent.id);
    const refund = await before.refunds.create({ payment_intent: intent.id, amount: 700 });
    child.kill('SIGKILL');
    await once(child, 'exit');

    hook.refuse = 0;
    const sandbox = await start(options);
    const after = client(sandbox.port);
    const again = await after.paymentIntents.create(order('pm_card_pendingRefund'), key);
    expect(again).toEqual(intent);
    expect((await after.paymentIntents.retrieve(intent.id)).status).toBe('succeeded');
    expect(await after.refunds.retrieve(refund.id)).toEqual(refund);
    expect((await after.charges.list()).data).toHaveLength(1);
    await until(() => hook.received.length === 4, 'the four events that nobody had taken');
    expect(hook.types().sort()).toEqual([...LIFE].sort());

    // What was taken is not sent again.
    await sandbox.stop();
    const { url } = await start(options);
    expect(await (await fetch(`${url}/_sandbox/state`)).json()).toMatchObject({ undelivered_events: [] });
  });
});
