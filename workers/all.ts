/** Both task queues in one process, for one machine. */
import { readConfig } from '../platform/config.ts';
import { main } from '../platform/main.ts';
import { connectMongo, requireIndexes } from '../platform/mongo.ts';
import { connectTemporal } from '../platform/temporal.ts';
import { createOrdersWorker } from './orders-worker.ts';
import { createWorkerProcess } from './process.ts';
import { createProvidersWorker } from './providers-worker.ts';

await main(async () => {
  const config = readConfig('common', 'worker', 'payments', 'providers');
  const process = createWorkerProcess(config, 'worker');
  const mongo = await connectMongo(config.MONGODB_URI);
  await requireIndexes(mongo);
  const temporal = await connectTemporal();
  const orders = await createOrdersWorker(mongo, temporal, process);
  const providers = await createProvidersWorker(config, mongo, temporal, process);
  await process.run({
    workers: [orders.worker, providers.worker],
    loops: [...orders.loops, ...providers.loops],
    close: async () => {
      providers.close();
      await temporal.close();
      await mongo.close();
    },
  });
});
