/** The API on a real port, over the shared servers and a database of its own. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, Connection, type WorkflowClientInterceptor } from '@temporalio/client';
import { createToken } from '../../activities/staff-tokens.ts';
import { createApp } from '../../api/app.ts';
import { roles } from '../../models/access.ts';
import { linkToken } from '../../platform/link-token.ts';
import { createLog } from '../../platform/log.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { connectMongo } from '../../platform/mongo.ts';
import { newDatabaseUri, sharedServers } from '../support/servers.ts';

export const config = {
  WAYBILL_SECRET: 'a secret of at least 32 characters',
  STRIPE_WEBHOOK_SECRETS: ['whsec_api_test'],
  CARRIER_WEBHOOK_SECRETS: ['carrier_api_test'],
  EASYPOST_WEBHOOK_SECRETS: ['easypost_api_test'] as string[] | undefined,
};

export interface Answered {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into answers of every form
  body: any;
}

interface Ask {
  token?: string;
  body?: unknown;
  /** Sent as it is. */
  raw?: string | Buffer;
  headers?: Record<string, string>;
}

export async function startApi({ temporalAddress = sharedServers().temporalAddress } = {}) {
  const mongo = await connectMongo(newDatabaseUri());
  for (const model of Object.values(mongo.models)) {
    await model.createCollection();
    await model.createIndexes();
  }
  // What is sent to workflows is seen on its way out, so that "nothing was started" is a fact and not a race.
  const sent: string[] = [];
  const noted = <I, R>(what: string, input: I, next: (input: I) => R): R => {
    sent.push(what);
    return next(input);
  };
  const watch: WorkflowClientInterceptor = {
    startWithDetails: (input, next) => noted(`start ${input.workflowType}`, input, next),
    startUpdateWithStart: (input, next) => noted(`start ${input.workflowType}`, input, next),
    startUpdate: (input, next) => noted(`update ${input.updateName}`, input, next),
    signal: (input, next) => noted(`signal ${input.signalName}`, input, next),
  };
  const connection = await Connection.connect({ address: temporalAddress });
  const client = new Client({ connection, interceptors: { workflow: [watch] } });

  const tokens: Record<string, string> = {};
  for (const role of roles) tokens[role] = (await createToken(mongo, role)).token;

  const app = createApp({
    mongo,
    temporal: client,
    config,
    log: createLog('api', 'silent'),
    metrics: createMetrics(),
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  // On a busy machine more time than by default lies between two requests of a test.
  server.keepAliveTimeout = 60_000;
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    mongo,
    client,
    url,
    sent,
    tokens: tokens as Record<(typeof roles)[number], string>,
    linkTokenOf: (orderId: string) => linkToken(config.WAYBILL_SECRET, orderId),

    async ask(method: string, path: string, { token, body, raw, headers }: Ask = {}): Promise<Answered> {
      const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          ...(payload !== undefined && { 'content-type': 'application/json' }),
          ...(token && { authorization: `Bearer ${token}` }),
          ...headers,
        },
        body: payload as RequestInit['body'],
      });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json');
      return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
    },

    /** How many documents there are of each kind, tokens aside. */
    async counts(): Promise<Record<string, number>> {
      const { staffTokens: _, ...models } = mongo.models;
      const counted = await Promise.all(
        Object.entries(models).map(async ([name, model]) => [
          name,
          await (model as typeof mongo.models.orders).countDocuments(),
        ]),
      );
      return Object.fromEntries(counted);
    },

    async stop() {
      server.close();
      server.closeAllConnections();
      await connection.close();
      await mongo.connection.dropDatabase();
      await mongo.close();
    },
  };
}

export type TestApi = Awaited<ReturnType<typeof startApi>>;

export const newKey = () => ({ 'idempotency-key': randomUUID() });

const address = { name: 'Ada', line1: 'Street 1', city: 'Berlin', postalCode: '10115', country: 'DE' };

/** One warehouse and some products: MUG for money, FLYER for nothing. */
export async function seedShop({ mongo, ask, tokens }: TestApi): Promise<void> {
  await ask('PUT', '/v1/warehouses/berlin', {
    token: tokens.admin,
    body: { name: 'Berlin', address, priority: 1, active: true },
  });
  for (const [sku, price] of [
    ['MUG', 1490],
    ['FLYER', 0],
  ] as const) {
    await ask('PUT', `/v1/products/${sku}`, {
      token: tokens.admin,
      body: { name: sku, weightGrams: 300, prices: { EUR: price }, active: true },
    });
    await ask('POST', '/v1/stock/receipts', {
      token: tokens.warehouse,
      headers: newKey(),
      body: { sku, warehouseId: 'berlin', quantity: 100, reference: 'seed' },
    });
  }
  await mongo.models.requests.deleteMany({});
}

/** What the tests' products cost that are not named here. */
const prices: Record<string, number> = { MUG: 1490, FLYER: 0 };

export function orderBody(changes: { items?: { sku: string; quantity: number }[] } & Record<string, unknown> = {}) {
  const { items = [{ sku: 'MUG', quantity: 1 }] } = changes;
  return {
    currency: 'EUR',
    items,
    expectedTotal: items.reduce((total, { sku, quantity }) => total + quantity * (prices[sku] ?? 1000), 0),
    customer: { email: 'ada@example.com', name: 'Ada' },
    shippingAddress: address,
    paymentMethod: 'pm_card_visa',
    ...changes,
  };
}
