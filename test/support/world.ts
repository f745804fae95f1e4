/** A whole small world for the tests of workflows: real servers, workers in this process, and a shop to order from. */
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { Client, Connection } from '@temporalio/client';
import { encodeSearchAttributeIndexedValueType } from '@temporalio/common/lib/search-attributes.js';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { audit, type Violation } from '../../activities/audit.ts';
import { deliverDue } from '../../activities/inbox.ts';
import { createLocalActivities, createProviderActivities } from '../../activities/index.ts';
import { createEasyPost } from '../../activities/providers/easypost.ts';
import { parseEasyPostWebhook } from '../../activities/providers/easypost-tracking.ts';
import { createSandboxCarrier, parseSandboxCarrierWebhook } from '../../activities/providers/sandbox-carrier.ts';
import { createPayments } from '../../activities/providers/stripe.ts';
import { parseStripeWebhook } from '../../activities/providers/stripe-events.ts';
import { receiveStripe } from '../../activities/receive.ts';
import { receiveTracking } from '../../activities/shipping/tracking.ts';
import { fillBackorders } from '../../activities/stock/backorders.ts';
import { emptySwitchedOff } from '../../activities/stock/displacement.ts';
import { connectMongo } from '../../platform/mongo.ts';
import { startCarrierSandbox } from '../../sandbox/carrier.ts';
import { startEasyPostSandbox } from '../../sandbox/easypost.ts';
import { startTemporal } from '../../sandbox/servers/temporal.ts';
import { startTimeSkipping } from '../../sandbox/servers/test-server.ts';
import { startStripeSandbox } from '../../sandbox/stripe/server.ts';
import { searchAttributes, taskQueues } from '../../workflows/messages.ts';
import type { Crashes } from './crashes.ts';
import { replay } from './replay.ts';
import { newDatabaseUri, sharedServers } from './servers.ts';
import { createShop } from './shop.ts';

export type World = Awaited<ReturnType<typeof startWorld>>;

const secrets = { stripe: 'whsec_world_test', carrier: 'carrier_world_test' };
const stripeKey = 'sk_test_world';
const carrierKey = 'key_world';
const say = () => {};

let runtimeInstalled = false;

/** `workers: false` leaves them to the test: child processes that it freezes or kills, or `startWorker`. */
export async function startWorld(
  options: {
    workers?: boolean;
    maxCachedWorkflows?: number;
    timeSkipping?: boolean;
    longHistory?: number;
    crashes?: Crashes;
    /** Its carriers have the parcels, and not the sandbox's own: `carrier` is its stand-in then. */
    easypost?: boolean;
  } = {},
) {
  if (!runtimeInstalled) Runtime.install({ logger: new DefaultLogger('ERROR') });
  runtimeInstalled = true;
  const mongodbUri = newDatabaseUri();
  const [mongo, temporal, webhooks] = await Promise.all([
    connectMongo(mongodbUri),
    options.timeSkipping ? connectTimeSkipping() : connectOwnTemporal(options.longHistory),
    startWebhookReceiver(),
  ]);
  const { client, native, address } = temporal;
  for (const model of Object.values(mongo.models)) await model.createIndexes();
  const stripe = await startStripeSandbox({ webhook: { url: `${webhooks.url}/stripe`, secrets: [secrets.stripe] } });
  const startCarrier = options.easypost ? startEasyPostSandbox : startCarrierSandbox;
  const carrier = await startCarrier({
    apiKey: carrierKey,
    webhook: { url: `${webhooks.url}/${options.easypost ? 'easypost' : 'carrier'}`, secret: secrets.carrier },
  });
  const payments = createPayments({ secretKey: stripeKey, apiBase: stripe.url, publicUrl: 'https://shop.example' });
  const parcels = options.easypost
    ? createEasyPost({ baseUrl: `${carrier.url}/v2/`, apiKey: carrierKey })
    : createSandboxCarrier({ url: carrier.url, apiKey: carrierKey });
  const carriers = new Map([[parcels.id, parcels]]);
  const failures: string[] = [];
  let stopping = false;
  const dispatching = dispatch();
  const shop = createShop({ mongo, client, payments, stripeUrl: stripe.url, carrierUrl: carrier.url });
  await shop.seed();
  const stopWorker: (() => Promise<void>)[] = [];
  if (options.workers !== false) await Promise.all([startWorker('orders'), startWorker('providers')]);

  return {
    ...shop,
    mongo,
    client,
    payments,
    stripe,
    carrier,
    /** What the dispatcher of the inbox could not deliver at the first try. */
    failures,
    /** What a worker in another process needs to work here: see child-worker.ts. */
    childEnvironment: {
      MONGODB_URI: mongodbUri,
      TEMPORAL_ADDRESS: address,
      STRIPE_SECRET_KEY: stripeKey,
      STRIPE_API_BASE: stripe.url,
      CARRIER_URL: carrier.url,
      CARRIER_API_KEY: carrierKey,
      WORKFLOW_BUNDLE: sharedServers().workflowBundle,
    },
    startWorker,
    pass: temporal.pass,
    /** The workflows so far whose histories the code would not walk again as it did, each with what differs. */
    async replayFailures(): Promise<string[]> {
      const histories: { workflowId: string; history: unknown }[] = [];
      for await (const { workflowId, runId } of client.workflow.list()) {
        histories.push({ workflowId, history: await client.workflow.getHandle(workflowId, runId).fetchHistory() });
      }
      if (histories.length === 0) throw new Error('There are no histories: a replay of nothing finds nothing');
      return replay(histories);
    },
    /** Workflows that have not ended. */
    async running(): Promise<string[]> {
      const open: string[] = [];
      for await (const { workflowId } of client.workflow.list({ query: 'ExecutionStatus = "Running"' }))
        open.push(workflowId);
      return open;
    },
    async violations(): Promise<Violation[]> {
      const { violations, checked } = await audit({ mongo, payments, temporal: client });
      if (checked.orders === 0) throw new Error('The auditor found no orders: an audit of nothing finds nothing');
      return violations;
    },
    async stop() {
      stopping = true;
      await dispatching;
      await Promise.all(stopWorker.map((stop) => stop()));
      await Promise.all([stripe.stop(), carrier.stop()]);
      await webhooks.stop();
      await temporal.stop();
      await mongo.connection.dropDatabase();
      await mongo.close();
    },
  };

  /** Answers with what stops it, which the end of the world does otherwise. */
  async function startWorker(queue: keyof typeof taskQueues): Promise<() => Promise<void>> {
    const { maxCachedWorkflows } = options;
    const worker = await Worker.create({
      connection: native,
      taskQueue: taskQueues[queue],
      ...(queue === 'orders'
        ? {
            workflowBundle: { codePath: sharedServers().workflowBundle },
            activities: localSteps(),
            ...(maxCachedWorkflows !== undefined && { maxCachedWorkflows }),
          }
        : { activities: providerSteps() }),
    });
    const running = worker.run();
    const stop = async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await running;
    };
    stopWorker.push(stop);
    return stop;
  }

  function localSteps() {
    const steps = createLocalActivities(mongo);
    return options.crashes?.steps(steps) ?? steps;
  }

  function providerSteps() {
    const { crashes } = options;
    if (!crashes) return createProviderActivities({ mongo, payments, carriers });
    const dying = { payments: crashes.calls(payments), carriers: new Map([[parcels.id, crashes.calls(parcels)]]) };
    return crashes.steps(createProviderActivities({ mongo, ...dying }));
  }

  /** As the API does: check, store, answer. */
  async function startWebhookReceiver() {
    const server = createServer(async (request, response) => {
      const raw = await buffer(request);
      if (request.url === '/stripe') {
        const event = parseStripeWebhook(raw, String(request.headers['stripe-signature']), [secrets.stripe]);
        await receiveStripe(mongo, event);
      } else if (request.url === '/easypost') {
        const header = (name: string) => request.headers[name]?.toString();
        const events = parseEasyPostWebhook(raw, header, [secrets.carrier], (status) =>
          failures.push(`EasyPost says ${status}`),
        );
        for (const event of events) await receiveTracking(mongo, 'easypost', event);
      } else {
        const event = parseSandboxCarrierWebhook(raw, String(request.headers['carrier-signature']), [secrets.carrier]);
        if (event) await receiveTracking(mongo, 'sandbox', event);
      }
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    return {
      url: `http://127.0.0.1:${port}`,
      stop: () => new Promise<void>((resolve) => server.close(() => resolve())),
    };
  }

  async function dispatch(): Promise<void> {
    while (!stopping) {
      const done = await deliverDue(mongo, client, {
        failed: (event, error) => failures.push(`${event._id}: ${error}`),
      });
      await fillBackorders(mongo);
      await emptySwitchedOff(mongo);
      if (done === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

interface TestTemporal {
  address: string;
  client: Client;
  native: NativeConnection;
  /** Lets milliseconds pass, or at once as far as nothing but timers is waited for. */
  pass(ms: number): Promise<void>;
  stop(): Promise<void>;
}

/** One of its own: task queues have fixed names, so that no two worlds can share a server. */
async function connectOwnTemporal(longHistory?: number): Promise<TestTemporal> {
  const attributes = Object.values(searchAttributes);
  const server = await startTemporal({ searchAttributes: attributes, longHistory, ours: true, say });
  const { address } = server;
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  return {
    address,
    client: new Client({ connection }),
    native,
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    async stop() {
      await native.close();
      await connection.close();
      await server.stop();
    },
  };
}

async function connectTimeSkipping(): Promise<TestTemporal> {
  const environment = await startTimeSkipping({ say });
  const { client, nativeConnection: native } = environment;
  await client.connection.operatorService.addSearchAttributes({
    namespace: client.options.namespace,
    searchAttributes: Object.fromEntries(
      Object.values(searchAttributes).map(({ name, type }) => [name, encodeSearchAttributeIndexedValueType(type)!]),
    ),
  });
  return {
    address: '',
    client,
    native,
    pass: (ms) => environment.sleep(ms),
    stop: () => environment.teardown(),
  };
}
