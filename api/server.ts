/** The API's process: starts, listens, and stops without dropping a request. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readConfig } from '../platform/config.ts';
import { createLog } from '../platform/log.ts';
import { main } from '../platform/main.ts';
import { createMetrics } from '../platform/metrics.ts';
import { connectMongo } from '../platform/mongo.ts';
import { connectClient } from '../platform/temporal.ts';
import { createApp } from './app.ts';

/** Longer than the longest wait for a workflow, so that no answer is cut off. */
const drainMs = 15_000;

await main(async () => {
  const config = readConfig('common', 'api');
  const log = createLog('api', config.LOG_LEVEL);
  const mongo = await connectMongo(config.MONGODB_URI);
  const temporal = await connectClient();

  let draining = false;
  const app = createApp({ mongo, temporal, config, log, metrics: createMetrics(), isDraining: () => draining });
  // Slow senders are looked for often enough that the time-out is one.
  // Kept longer than gateways keep them (a minute), so that no request meets a connection that is being closed.
  const kept = { keepAliveTimeout: 75_000, connectionsCheckingInterval: 5_000 };
  const server = createServer({ requestTimeout: 30_000, ...kept }, app);
  server.listen(config.PORT, config.HOST);
  await once(server, 'listening').catch((error) => {
    throw new Error(`The API cannot listen on ${config.HOST}:${config.PORT} (HOST, PORT): ${error.message}`);
  });
  const { address, port } = server.address() as AddressInfo;
  log.info({ url: `http://${address.includes(':') ? `[${address}]` : address}:${port}` }, 'ready');

  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  // Started by a parent over an IPC channel: without the parent there is nobody left to stop us.
  process.once('disconnect', stop);

  function stop(): void {
    if (draining) return;
    draining = true;
    log.info('draining');
    setTimeout(() => {
      log.error('Requests were still running after the time to drain; stopping all the same');
      process.exit(1);
    }, drainMs).unref();
    void drain().catch((error) => {
      log.error({ err: error }, 'could not stop in good order');
      process.exit(1);
    });
  }

  async function drain(): Promise<void> {
    // New connections are refused from here on; requests under way end first, and then their connections.
    const closed = once(server, 'close');
    server.close();
    const closing = setInterval(() => server.closeIdleConnections(), 100);
    await closed;
    clearInterval(closing);
    await temporal.connection.close();
    await mongo.close();
    log.info('stopped');
  }
});
