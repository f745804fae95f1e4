/** One process of the bench `pricing`: the API as it is, or an Express route that reads one document and answers with it. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Client, Connection } from '@temporalio/client';
import express from 'express';
import { createApp } from '../api/app.ts';
import { createLog } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import { connectMongo } from '../platform/mongo.ts';
import { environment } from '../sandbox/settings.ts';

export interface Serving {
  uri: string;
  port: number;
  what: 'api' | 'bare';
}

const { uri, port, what } = JSON.parse(environment().BENCH_TASK!) as Serving;
const mongo = await connectMongo(uri);
const server = createServer(what === 'api' ? api() : bare()).listen(port, '127.0.0.1');
await once(server, 'listening');
console.log('{"msg":"ready"}');

function api() {
  // These quotes need no workflow, so that no connection is made.
  const temporal = new Client({ connection: Connection.lazy() });
  const config = { WAYBILL_SECRET: 'x'.repeat(32), STRIPE_WEBHOOK_SECRETS: [], CARRIER_WEBHOOK_SECRETS: [] };
  return createApp({ mongo, temporal, config, log: createLog('api', 'warn'), metrics: createMetrics() });
}

function bare() {
  return express().get('/:sku', async (request, response) => {
    response.json(await mongo.models.products.findById(request.params.sku).lean());
  });
}
