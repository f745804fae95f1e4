/** How many empty workflows a second a Temporal server carries, and how many bare orders: with nothing behind them. */
import { fileURLToPath } from 'node:url';
import { type Client, WithStartWorkflowOperation } from '@temporalio/client';
import { WorkflowIdConflictPolicy } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { searchAttributes } from '../workflows/messages.ts';
import { arrive, handOver, pack, place, providersQueue } from './engine-workflows.ts';
import { load } from './load.ts';

const taskQueue = 'bench-yardstick';

export async function startYardstick(address: string, client: Client) {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const connection = await NativeConnection.connect({ address });
  const activities = { nothing: async () => {} };
  const workers = await Promise.all([
    Worker.create({
      connection,
      taskQueue,
      workflowsPath: fileURLToPath(new URL('./engine-workflows.ts', import.meta.url)),
      activities,
      maxConcurrentWorkflowTaskExecutions: 100,
    }),
    Worker.create({ connection, taskQueue: providersQueue, activities }),
  ]);
  const running = Promise.all(workers.map((worker) => worker.run()));
  let run = 0;
  const perSecond = async (count: number, atATime: number, task: (workflowId: string) => Promise<void>) => {
    run += 1;
    return (await load(count, atATime, (index) => task(`bench-${run}-${index}`))).perSecond;
  };

  async function placeBare(workflowId: string): Promise<void> {
    const startWorkflowOperation = new WithStartWorkflowOperation('bareOrder', {
      taskQueue,
      workflowId,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
      typedSearchAttributes: [{ key: searchAttributes.orderStatus, value: 'pending' }],
    });
    await client.workflow.executeUpdateWithStart(place, { startWorkflowOperation });
  }

  return {
    perSecond: (count: number, atATime: number) =>
      perSecond(count, atATime, async (workflowId) => {
        await client.workflow.execute('empty', { taskQueue, workflowId });
      }),
    barePlacedPerSecond: (count: number, atATime: number) => perSecond(count, atATime, placeBare),
    bareDeliveredPerSecond: (count: number, atATime: number) =>
      perSecond(count, atATime, async (workflowId) => {
        await placeBare(workflowId);
        const handle = client.workflow.getHandle(workflowId);
        await handle.executeUpdate(pack);
        await handle.executeUpdate(handOver);
        await handle.signal(arrive);
      }),
    async stop(): Promise<void> {
      for (const worker of workers) worker.shutdown();
      await running;
      await connection.close();
    },
  };
}
