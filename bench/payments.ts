/** Stripe's webhooks on one API process, beside a bare Express route that inserts one document, with the same bodies. */
import { createHmac } from 'node:crypto';
import { Agent } from 'node:http';
import { connectMongo } from '../platform/mongo.ts';
import { temporaryFolder } from '../sandbox/data-folder.ts';
import { freePorts } from '../sandbox/ports.ts';
import { startNode } from '../sandbox/processes.ts';
import { startMongo } from '../sandbox/servers/mongo.ts';
import { environment } from '../sandbox/settings.ts';
import { ask } from './ask.ts';
import { type Figures, load, percentile, round } from './load.ts';
import type { Serving } from './serve.ts';

const atATime = 32;
const requests = 1_500;
/** One at a time, where nothing can go to MongoDB together. */
const alone = 200;
const turns = 12;
const secret = 'whsec_'.padEnd(38, 'x');

export async function payments(): Promise<Figures> {
  const server = await startMongo({ ours: true, say: console.log });
  const folder = await temporaryFolder(console.log);
  const mongo = await connectMongo(server.uri);
  const agent = new Agent({ keepAlive: true, maxSockets: atATime });
  const [apiPort, barePort] = (await freePorts(2)) as [number, number];
  const start = (what: Serving['what'], port: number) => {
    const task: Serving = { uri: server.uri, port, what, secret };
    const env = { ...environment(), BENCH_TASK: JSON.stringify(task) };
    return startNode({ name: `bench-${what}`, file: 'bench/webhook-server.ts', env, dataDir: folder.path });
  };
  try {
    for (const model of Object.values(mongo.models)) await model.createIndexes();
    const children = await Promise.all([start('api', apiPort), start('bare', barePort)]);
    console.log('Webhooks, and bare inserts');
    let sent = 0;
    const turn = async (count: number, atOnce: number, apiFirst: boolean): Promise<Turn> => {
      const events = Array.from({ length: count }, () => signedEvent(sent++));
      const to = (port: number, path: string) => () =>
        load(count, atOnce, (index) => ask(agent, port, { path, ...events[index]! }));
      const webhooks = to(apiPort, '/v1/webhooks/stripe');
      const inserts = to(barePort, '/');
      if (apiFirst) return { webhooks: await webhooks(), inserts: await inserts() };
      const first = await inserts();
      return { webhooks: await webhooks(), inserts: first };
    };
    const many: Turn[] = [];
    const single: Turn[] = [];
    // The first is for warming up. Who goes first changes, so that what slows down over a run hits both.
    for (let number = 0; number <= turns; number++) {
      many.push(await turn(requests, atATime, number % 2 === 0));
      single.push(await turn(alone, 1, number % 2 === 0));
    }
    const stored = await mongo.models.inbox.countDocuments();
    if (stored !== sent) throw new Error(`Of ${sent} webhooks ${stored} were stored`);
    await Promise.all(children.map((child) => child.stop()));

    return {
      ratios: {
        webhooks: { value: ratioOf(many), aim: 0.5 },
        webhooksOneAtATime: { value: ratioOf(single), aim: 0.5 },
      },
      atATime,
      webhooksPerSecond: medianOf(many, ({ webhooks }) => webhooks.perSecond),
      insertsPerSecond: medianOf(many, ({ inserts }) => inserts.perSecond),
      webhookMilliseconds: spread(many.map(({ webhooks }) => webhooks)),
      insertMilliseconds: spread(many.map(({ inserts }) => inserts)),
      oneAtATime: {
        webhookMilliseconds: spread(single.map(({ webhooks }) => webhooks)),
        insertMilliseconds: spread(single.map(({ inserts }) => inserts)),
      },
    };
  } finally {
    agent.destroy();
    await mongo.close();
    await server.stop();
    await folder.release();
  }
}

type Load = Awaited<ReturnType<typeof load>>;
type Turn = Record<'webhooks' | 'inserts', Load>;

function medianOf([_warmUp, ...turns]: Turn[], figure: (turn: Turn) => number): number {
  return round(percentile(turns.map(figure), 0.5));
}

function ratioOf(turns: Turn[]): number {
  return medianOf(turns, ({ webhooks, inserts }) => webhooks.perSecond / inserts.perSecond);
}

function spread([_warmUp, ...loads]: Load[]): { p50: number; p99: number } {
  const all = loads.flatMap(({ milliseconds }) => milliseconds);
  return { p50: round(percentile(all, 0.5)), p99: round(percentile(all, 0.99)) };
}

/** As Stripe sends it, with its size. */
function signedEvent(number: number): { body: string; headers: Record<string, string> } {
  const time = Math.floor(Date.now() / 1000);
  const orderId = `ord_${number}`;
  const event = {
    id: `evt_${number}`,
    object: 'event',
    api_version: '2026-10-28.endive',
    created: time,
    data: { object: intent(`pi_${number}`, orderId, time) },
    livemode: false,
    pending_webhooks: 1,
    request: { id: `req_${number}`, idempotency_key: `${orderId}:capture:1990:0` },
    type: 'payment_intent.succeeded',
  };
  const body = JSON.stringify(event, null, 2);
  const mac = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex');
  return { body, headers: { 'stripe-signature': `t=${time},v1=${mac}` } };
}

function intent(id: string, orderId: string, created: number) {
  return {
    id,
    object: 'payment_intent',
    amount: 1990,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: 1990,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: { allow_redirects: 'always', enabled: true },
    canceled_at: null,
    cancellation_reason: null,
    capture_method: 'automatic_async',
    client_secret: `${id}_secret_${'x'.repeat(24)}`,
    confirmation_method: 'automatic',
    created,
    currency: 'eur',
    customer: null,
    description: null,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: `ch_${id}`,
    livemode: false,
    metadata: { orderId, workflowId: `order-${orderId}` },
    next_action: null,
    on_behalf_of: null,
    payment_method: `pm_${id}`,
    payment_method_configuration_details: { id: 'pmc_1', parent: null },
    payment_method_options: {
      affirm: { capture_method: 'manual' },
      card: { capture_method: 'manual', installments: null, mandate_options: null, network: null },
      klarna: { capture_method: 'manual', preferred_locale: null },
      link: { capture_method: 'manual', persistent_token: null },
    },
    payment_method_types: ['card', 'klarna', 'link', 'affirm'],
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: null,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: 'succeeded',
    transfer_data: null,
    transfer_group: null,
  };
}
