/** A whole small world for the tests of workflows: real servers, workers in this process, and a shop to order from. */
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { Client, Connection, WithStartWorkflowOperation } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { deliverDue, receiveEvent } from '../../activities/inbox.ts';
import { createLocalActivities, createProviderActivities } from '../../activities/index.ts';
import { moveStock } from '../../activities/inventory.ts';
import { reportShort, scanPick } from '../../activities/picking.ts';
import { orderStart } from '../../activities/placing.ts';
import { createCarrier, parseCarrierWebhook } from '../../activities/providers/carrier.ts';
import { createPayments, parseStripeWebhook } from '../../activities/providers/stripe.ts';
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
import { connectMongo } from '../../platform/mongo.ts';
import { startCarrierSandbox } from '../../sandbox/carrier.ts';
import { startTemporal } from '../../sandbox/servers/temporal.ts';
import { startStripeSandbox } from '../../sandbox/stripe/server.ts';
import { workflowBundle } from '../../workers/bundle.ts';
import * as messages from '../../workflows/messages.ts';
import { newDatabaseUri } from './servers.ts';

export type World = Awaited<ReturnType<typeof startWorld>>;

let runtime = false;

export async function startWorld(options: { maxCachedWorkflows?: number } = {}) {
  if (!runtime) Runtime.install({ logger: new DefaultLogger('ERROR') });
  runtime = true;
  const mongo = await connectMongo(newDatabaseUri());
  for (const model of Object.values(mongo.models)) await model.createIndexes();
  const temporal = await startTemporal({
    searchAttributes: Object.values(messages.searchAttributes),
    ours: true,
    say: () => {},
  });
  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection });
  const secrets = { stripe: 'whsec_world_test', carrier: 'carrier_world_test' };
  const webhooks = await startWebhookReceiver();
  const stripe = await startStripeSandbox({ webhook: { url: `${webhooks.url}/stripe`, secrets: [secrets.stripe] } });
  const carrier = await startCarrierSandbox({
    apiKey: 'key_world',
    webhook: { url: `${webhooks.url}/carrier`, secret: secrets.carrier },
  });
  const payments = createPayments({ secretKey: 'sk_test_world', apiBase: stripe.url });
  const parcels = createCarrier({ url: carrier.url, apiKey: 'key_world' });

  const native = await NativeConnection.connect({ address: temporal.address });
  const bundle = await workflowBundle();
  const workers = await Promise.all([
    Worker.create({
      connection: native,
      taskQueue: messages.taskQueues.orders,
      workflowBundle: bundle,
      activities: createLocalActivities(mongo),
      ...options,
    }),
    Worker.create({
      connection: native,
      taskQueue: messages.taskQueues.providers,
      activities: createProviderActivities({ mongo, payments, carrier: parcels }),
    }),
  ]);
  const running = Promise.all(workers.map((worker) => worker.run()));
  let stopping = false;
  const failures: string[] = [];
  const dispatching = dispatch();

  await seed();

  return {
    mongo,
    client,
    payments,
    stripe,
    carrier,
    temporalAddress: temporal.address,
    failures,
    place,
    placed,
    orderHandle: (orderId: string) => client.workflow.getHandle(messages.workflowIds.order(orderId)),
    readOrder: (orderId: string) => mongo.models.orders.findById(orderId).lean().orFail() as Promise<Order>,
    pickAll,
    short: (shipmentId: string, lineId: string, reason: 'stockout' | 'damaged' = 'stockout') =>
      reportShort(mongo, { shipmentId, scanId: newId('req'), lineId, reason }),
    pack,
    handOver,
    carrierSays,
    receive,
    cancel: (orderId: string) =>
      client.workflow
        .getHandle(messages.workflowIds.order(orderId))
        .executeUpdate(messages.cancelOrder, { args: [{ actor: 'test', reason: 'test' }] }),
    control,
    async stop() {
      stopping = true;
      await dispatching;
      for (const worker of workers) worker.shutdown();
      await running;
      await native.close();
      await connection.close();
      await Promise.all([stripe.stop(), carrier.stop()]);
      await webhooks.stop();
      await temporal.stop();
      await mongo.connection.dropDatabase();
      await mongo.close();
    },
  };

  /** As the API does: check, store, answer. */
  async function startWebhookReceiver() {
    const server = createServer(async (request, response) => {
      const raw = await buffer(request);
      if (request.url === '/stripe') {
        const event = parseStripeWebhook(raw, String(request.headers['stripe-signature']), [secrets.stripe]);
        await receiveEvent(mongo, { id: event.id, source: 'stripe', type: event.type, payload: { ...event.object } });
      } else {
        const event = parseCarrierWebhook(raw, String(request.headers['carrier-signature']), [secrets.carrier]);
        await receiveEvent(mongo, { id: event.id, source: 'carrier', type: 'tracking', payload: event });
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
      const done = await deliverDue(mongo, client, (event, error) => failures.push(`${event._id}: ${error}`));
      if (done === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async function seed(): Promise<void> {
    const address = { name: 'Waybill', line1: 'Dock 1', city: 'Town', postalCode: '10000', country: 'US' };
    for (const [id, region] of [
      ['wh_east', 'NY'],
      ['wh_west', 'CA'],
      ['wh_south', 'TX'],
    ] as const) {
      await mongo.models.warehouses.create([
        { _id: id, name: id, address: { ...address, region }, priority: 1, active: true },
      ]);
    }
    for (const sku of ['MUG', 'LAMP', 'CHAIR']) {
      await mongo.models.products.create([
        { _id: sku, name: sku, weightGrams: 400, prices: { USD: 1999, EUR: 1899 }, active: true },
      ]);
    }
    await receive('MUG', 'wh_east', 1000);
    await receive('LAMP', 'wh_west', 1000);
  }

  async function receive(sku: string, warehouseId: string, quantity: number): Promise<void> {
    const key = newId('mov');
    const change = { onHandChange: quantity, damagedChange: 0, actor: 'test', reason: 'seed', reference: key };
    await moveStock(mongo, { key, sku, warehouseId, kind: 'receive', ...change });
  }

  async function place(order: Partial<Order> = {}): Promise<{ orderId: string; status: string }> {
    const orderId = newId('ord');
    const placeBefore = order.placeBefore ?? new Date(Date.now() + 60_000);
    await mongo.models.orders.create([
      {
        _id: orderId,
        createdAt: new Date(),
        customer: { email: 'buyer@example.com', name: 'Buyer' },
        shipTo: { name: 'Buyer', line1: 'Street 1', city: 'Town', region: 'NY', postalCode: '10001', country: 'US' },
        currency: 'USD',
        items: [{ sku: 'MUG', quantity: 2 }],
        paymentMethod: 'pm_card_visa',
        rev: 0,
        status: 'pending',
        ...order,
        placeBefore,
      },
    ]);
    return placed(orderId, placeBefore);
  }

  async function placed(orderId: string, placeBefore: Date): Promise<{ orderId: string; status: string }> {
    const { workflowId, ...start } = orderStart({ orderId, placeBefore: placeBefore.toISOString() });
    const startWorkflowOperation = new WithStartWorkflowOperation('order', { workflowId, ...start });
    const outcome = await client.workflow.executeUpdateWithStart(messages.placeOrder, {
      updateId: 'place',
      startWorkflowOperation,
    });
    return { orderId, status: outcome.status };
  }

  async function pickAll(shipmentId: string): Promise<void> {
    const shipment = await mongo.models.shipments.findById(shipmentId).lean().orFail();
    for (const { sku, quantity } of shipment.lines) {
      await scanPick(mongo, { shipmentId, scanId: newId('req'), sku, quantity });
    }
  }

  /** Waits for the workflow to hear that the picking is closed, then packs. */
  async function pack(orderId: string, shipmentId: string): Promise<string> {
    const parcel = { weightGrams: 500, lengthMm: 200, widthMm: 150, heightMm: 100 };
    await mongo.models.shipments.updateOne({ _id: shipmentId }, { $set: { parcel } });
    await until(async () => (await shipmentStatus(orderId, shipmentId)) === 'picked');
    const handle = client.workflow.getHandle(messages.workflowIds.order(orderId));
    return (await handle.executeUpdate(messages.packShipment, { args: [{ shipmentId, actor: 'test' }] })).status;
  }

  async function handOver(orderId: string, shipmentId: string): Promise<string> {
    const handle = client.workflow.getHandle(messages.workflowIds.order(orderId));
    return (await handle.executeUpdate(messages.handOverShipment, { args: [{ shipmentId, actor: 'test' }] })).status;
  }

  async function shipmentStatus(orderId: string, shipmentId: string): Promise<string | undefined> {
    const order = await mongo.models.orders.findById(orderId).lean();
    return order?.state?.shipments.find(({ id }) => id === shipmentId)?.status;
  }

  async function carrierSays(shipmentId: string, status: string): Promise<void> {
    const shipment = await mongo.models.shipments.findById(shipmentId).lean().orFail();
    await control(carrier.url, 'POST', `/_sandbox/tracking/${shipment.label!.trackingNumber}`, { status });
  }

  /** Plays the outside world: faults, customers, banks. */
  async function control(url: string, method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json().catch(() => undefined);
  }
}

/** Polls until the condition holds. @throws Error after the deadline */
export async function until(condition: () => Promise<boolean>, what = String(condition), ms = 20_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
