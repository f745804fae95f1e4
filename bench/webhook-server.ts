/** One process of the bench `payments`: the API as it is, or an Express route that inserts one document for each body. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Client, Connection } from '@temporalio/client';
import express from 'express';
import { createApp } from '../api/app.ts';
import { createLog } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import { connectMongo } from '../platform/mongo.ts';
import { environment } from '../sandbox/settings.ts';

export interface Receiving {
  uri: string;
  port: number;
  what: 'api' | 'bare';
  secret: string;
}

const { uri, port, what, secret } = JSON.parse(environment().BENCH_TASK!) as Receiving;
const mongo = await connectMongo(uri);
const server = createServer(what === 'api' ? api() : bare()).listen(port, '127.0.0.1');
await once(server, 'listening');
console.log('{"msg":"ready"}');

function api() {
  // To take a webhook needs no workflow, so that no connection is made.
  const temporal = new Client({ connection: Connection.lazy() });
  const config = { WAYBILL_SECRET: secret, STRIPE_WEBHOOK_SECRETS: [secret], CARRIER_WEBHOOK_SECRETS: [] };
  return createApp({ mongo, temporal, config, log: createLog('api', 'info'), metrics: createMetrics() });
}

/** Majority and journal, as the connection says. */
function bare() {
  return express().post('/', express.json(), async (request, response) => {
    await mongo.connection.collection('bare').insertOne(request.body);
    response.json({ received: true });
  });
}
