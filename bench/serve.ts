/** One process of a bench: the API as it is, or a bare Express route to compare it with. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Client, Connection } from '@temporalio/client';
import type { Express } from 'express';
import { createApp } from '../api/app.ts';
import { createLog } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import { connectMongo, type Mongo } from '../platform/mongo.ts';
import { environment } from '../sandbox/settings.ts';

export interface Serving {
  uri: string;
  port: number;
  what: 'api' | 'bare';
  /** The API's own, and that of Stripe's webhooks. */
  secret?: string;
}

export async function serve(bare: (mongo: Mongo) => Express, level: 'info' | 'warn'): Promise<void> {
  const { uri, port, what, secret } = JSON.parse(environment().BENCH_TASK!) as Serving;
  const mongo = await connectMongo(uri);
  const server = createServer(what === 'api' ? api(mongo, level, secret) : bare(mongo)).listen(port, '127.0.0.1');
  await once(server, 'listening');
  console.log('{"msg":"ready"}');
}

function api(mongo: Mongo, level: 'info' | 'warn', secret: string | undefined): Express {
  // What is asked of it needs no workflow, so that no connection is made.
  const temporal = new Client({ connection: Connection.lazy() });
  const STRIPE_WEBHOOK_SECRETS = secret === undefined ? [] : [secret];
  const config = { WAYBILL_SECRET: secret ?? 'x'.repeat(32), STRIPE_WEBHOOK_SECRETS, CARRIER_WEBHOOK_SECRETS: [] };
  return createApp({ mongo, temporal, config, log: createLog('api', level), metrics: createMetrics() });
}
