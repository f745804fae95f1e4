/** One process of the bench `warehouse`: the API as it is, or an Express route with one transaction on two documents. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Client, Connection } from '@temporalio/client';
import express from 'express';
import { createApp } from '../api/app.ts';
import { createLog } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import { connectMongo, inTransaction } from '../platform/mongo.ts';
import { environment } from '../sandbox/settings.ts';
import { type Scan, yardstick } from './warehouse-seed.ts';

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
  // To scan needs no workflow, so that no connection is made.
  const temporal = new Client({ connection: Connection.lazy() });
  const config = { WAYBILL_SECRET: 'x'.repeat(32), STRIPE_WEBHOOK_SECRETS: [], CARRIER_WEBHOOK_SECRETS: [] };
  return createApp({ mongo, temporal, config, log: createLog('api', 'info'), metrics: createMetrics() });
}

function bare() {
  const scans = mongo.connection.collection(yardstick.scans);
  const shipments = mongo.connection.collection<{ _id: string }>(yardstick.shipments);
  return express().post('/', express.json(), async (request, response) => {
    const { scanId, ...scan } = request.body as Scan;
    await inTransaction(mongo, async (session) => {
      await scans.insertOne({ _id: scanId, ...scan } as never, { session });
      await shipments.updateOne({ _id: scan.shipmentId }, { $inc: { units: -scan.quantity } }, { session });
    });
    response.json({ applied: true });
  });
}
