/** The dispatcher of what happened outside, and its figures. */
import type { Client } from '@temporalio/client';
import { Counter } from 'prom-client';
import { deliverDue, inboxBatch } from '../activities/inbox.ts';
import type { Mongo } from '../platform/mongo.ts';
import type { Loop, WorkerProcess } from './process.ts';

export function createInboxLoop(
  mongo: Mongo,
  temporal: Client,
  { log, metrics }: Pick<WorkerProcess, 'log' | 'metrics'>,
): Loop {
  const delivered = new Counter({
    name: 'waybill_inbox_delivered_total',
    help: 'Events delivered, by where they come from and what became of them',
    labelNames: ['source', 'outcome'] as const,
    registers: [metrics],
  });
  const failures = new Counter({
    name: 'waybill_inbox_failures_total',
    help: 'Deliveries that failed, by where the events come from',
    labelNames: ['source'] as const,
    registers: [metrics],
  });
  return {
    name: 'inbox',
    pauseMs: 100,
    batch: inboxBatch,
    once: () =>
      deliverDue(mongo, temporal, {
        delivered: ({ source }, { outcome }) => delivered.inc({ source, outcome }),
        failed({ _id, source, tries }, error) {
          failures.inc({ source });
          log.warn({ event: _id, tries, error: String(error) }, 'an event was not delivered; it is tried again');
        },
      }),
  };
}
