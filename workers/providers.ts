import { readConfig } from '../platform/config.ts';
import { main } from '../platform/main.ts';
import { connectMongo, requireIndexes } from '../platform/mongo.ts';
import { connectTemporal } from '../platform/temporal.ts';
import { createWorkerProcess } from './process.ts';
import { createProvidersWorker } from './providers-worker.ts';

await main(async () => {
  const config = readConfig('common', 'worker', 'payments', 'providers');
  const process = createWorkerProcess(config, 'worker-providers');
  const mongo = await connectMongo(config.MONGODB_URI);
  await requireIndexes(mongo);
  const temporal = await connectTemporal();
  const { worker, loops, close } = await createProvidersWorker(config, mongo, temporal, process);
  await process.run({
    workers: [worker],
    loops,
    close: async () => {
      close();
      await temporal.close();
      await mongo.close();
    },
  });
});
