/** One process of the bench `warehouse`: the API as it is, or an Express route with one transaction on two documents. */
import express from 'express';
import { inTransaction } from '../platform/mongo.ts';
import { serve } from './serve.ts';
import { type Scan, yardstick } from './warehouse-seed.ts';

await serve((mongo) => {
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
}, 'info');
