/** The workflows, and the activities on MongoDB. Beside them: the dispatcher of what happened outside. */
import { Worker } from '@temporalio/worker';
import { createLocalActivities } from '../activities/index.ts';
import { tellDelays } from '../activities/shipping/tracking.ts';
import { startForgotten } from '../activities/starts.ts';
import { fillBackorders } from '../activities/stock/backorders.ts';
import { emptySwitchedOff } from '../activities/stock/displacement.ts';
import type { Mongo } from '../platform/mongo.ts';
import type { TemporalConnections } from '../platform/temporal.ts';
import { checkTables } from '../workflows/domain/states.ts';
import { taskQueues } from '../workflows/messages.ts';
import { workflowBundle } from './bundle.ts';
import { createInboxLoop } from './inbox-loop.ts';
import { type Loop, shutdownGraceMs, type WorkerProcess } from './process.ts';

export async function createOrdersWorker(
  mongo: Mongo,
  temporal: TemporalConnections,
  process: WorkerProcess,
): Promise<{ worker: Worker; loops: Loop[] }> {
  checkTables();
  const worker = await Worker.create({
    connection: temporal.native,
    namespace: temporal.namespace,
    taskQueue: taskQueues.orders,
    workflowBundle: await workflowBundle(),
    activities: createLocalActivities(mongo),
    maxCachedWorkflows: 2_000,
    maxConcurrentWorkflowTaskExecutions: 100,
    maxConcurrentLocalActivityExecutions: 100,
    shutdownGraceTime: shutdownGraceMs,
  });
  return {
    worker,
    loops: [
      createInboxLoop(mongo, temporal.client, process),
      { name: 'backorders', pauseMs: 500, batch: Number.POSITIVE_INFINITY, once: () => fillBackorders(mongo) },
      { name: 'switched-off warehouses', pauseMs: 10_000, batch: 1_000, once: () => emptySwitchedOff(mongo) },
      { name: 'delays', pauseMs: 60_000, batch: 100, once: () => tellDelays(mongo) },
      { name: 'forgotten starts', pauseMs: 30_000, batch: 50, once: () => startForgotten(mongo, temporal.client) },
    ],
  };
}
