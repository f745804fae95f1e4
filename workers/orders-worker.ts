/** The workflows, and the activities on MongoDB. Beside them: the dispatcher of what happened outside. */
import { Worker } from '@temporalio/worker';
import { Counter } from 'prom-client';
import { deliverDue, inboxBatch } from '../activities/inbox.ts';
import { createLocalActivities } from '../activities/index.ts';
import { startForgotten } from '../activities/starts.ts';
import { fillBackorders } from '../activities/stock/backorders.ts';
import { emptySwitchedOff } from '../activities/stock/displacement.ts';
import type { Mongo } from '../platform/mongo.ts';
import type { TemporalConnections } from '../platform/temporal.ts';
import { checkTables } from '../workflows/domain/states.ts';
import { taskQueues } from '../workflows/messages.ts';
import { workflowBundle } from './bundle.ts';
import { type Loop, shutdownGraceMs, type WorkerProcess } from './process.ts';

export async function createOrdersWorker(
  mongo: Mongo,
  temporal: TemporalConnections,
  { log, metrics }: WorkerProcess,
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
  const delivered = new Counter({
    name: 'waybill_inbox_delivered_total',
    help: 'Events delivered',
    registers: [metrics],
  });
  const failures = new Counter({
    name: 'waybill_inbox_failures_total',
    help: 'Deliveries that failed',
    registers: [metrics],
  });
  return {
    worker,
    loops: [
      {
        name: 'inbox',
        pauseMs: 100,
        batch: inboxBatch,
        async once() {
          const done = await deliverDue(mongo, temporal.client, (event, error) => {
            failures.inc();
            log.warn(
              { event: event._id, tries: event.tries, error: String(error) },
              'an event was not delivered; it is tried again',
            );
          });
          delivered.inc(done);
          return done;
        },
      },
      { name: 'backorders', pauseMs: 500, batch: Number.POSITIVE_INFINITY, once: () => fillBackorders(mongo) },
      { name: 'switched-off warehouses', pauseMs: 10_000, batch: 1_000, once: () => emptySwitchedOff(mongo) },
      { name: 'forgotten starts', pauseMs: 30_000, batch: 50, once: () => startForgotten(mongo, temporal.client) },
    ],
  };
}
