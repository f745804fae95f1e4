/** How many empty workflows a second the same Temporal server carries, with a worker and a client in this process. */
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { load } from './load.ts';

const taskQueue = 'bench-yardstick';

export async function startYardstick(address: string, client: Client) {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const connection = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowsPath: fileURLToPath(new URL('./empty-workflow.ts', import.meta.url)),
    maxConcurrentWorkflowTaskExecutions: 100,
  });
  const running = worker.run();
  let run = 0;
  return {
    async perSecond(count: number, atATime: number): Promise<number> {
      run += 1;
      const { perSecond } = await load(count, atATime, async (index) => {
        await client.workflow.execute('empty', { taskQueue, workflowId: `empty-${run}-${index}` });
      });
      return perSecond;
    },
    async stop(): Promise<void> {
      worker.shutdown();
      await running;
      await connection.close();
    },
  };
}
