import { readConfig } from '../platform/config.ts';
import { main } from '../platform/main.ts';
import { connectMongo, requireIndexes } from '../platform/mongo.ts';
import { connectTemporal } from '../platform/temporal.ts';
import { createOrdersWorker } from './orders-worker.ts';
import { createWorkerProcess } from './process.ts';

await main(async () => {
  const config = readConfig('common', 'worker');
  const process = createWorkerProcess(config, 'worker-orders');
  const mongo = await connectMongo(config.MONGODB_URI);
  await requireIndexes(mongo);
  const temporal = await connectTemporal();
  const { worker, loops } = await createOrdersWorker(mongo, temporal, process);
  await process.run({
    workers: [worker],
    loops,
    close: async () => {
      await temporal.close();
      await mongo.close();
    },
  });
});
