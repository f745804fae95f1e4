/** The real API in front of a world's workers, on a connection to MongoDB of its own. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, type WorkflowClientInterceptor } from '@temporalio/client';
import { createApp } from '../../api/app.ts';
import { customerToken } from '../../platform/customer-token.ts';
import { linkToken } from '../../platform/link-token.ts';
import { createLog } from '../../platform/log.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { connectMongo } from '../../platform/mongo.ts';
import { config } from '../api/support.ts';
import type { World } from './world.ts';

export interface Answered {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into answers of every form
  body: any;
}

export async function serve(world: World) {
  /** What the API sent to Temporal. */
  const sent: string[] = [];
  const watch: WorkflowClientInterceptor = {
    startUpdateWithStart: (input, next) => {
      sent.push(input.workflowType);
      return next(input);
    },
  };
  const temporal = new Client({ connection: world.client.connection, interceptors: { workflow: [watch] } });
  const mongo = await connectMongo(`${world.childEnvironment.MONGODB_URI}&appName=api`);
  const app = createApp({ mongo, temporal, config, log: createLog('api', 'silent'), metrics: createMetrics() });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url,
    mongo,
    sent,
    /** Every request has a key of its own, unless it is another's repeat. */
    async ask(
      method: string,
      path: string,
      body?: unknown,
      token?: string,
      key: string = randomUUID(),
    ): Promise<Answered> {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          'idempotency-key': key,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: await response.json() };
    },
    ownerOf: (orderId: string) => linkToken(config.WAYBILL_SECRET, orderId),
    signedIn: (customerId: string) => customerToken(config.WAYBILL_SECRET, customerId).token,
    async stop() {
      server.close();
      server.closeAllConnections();
      await mongo.close();
    },
  };
}
