/** One run of the carrier's schedule: fetches the tracking events that its webhooks may have missed. */
import { workflowInfo } from '@temporalio/workflow';
import { callProvider } from './activities.ts';
import { deadlines } from './domain/limits.ts';

/** Answers with the time, ISO 8601 in UTC, that the next run goes on from. */
export function pollCarrier(): Promise<string> {
  const { lastResult } = workflowInfo();
  const since = typeof lastResult === 'string' ? lastResult : new Date(Date.now() - deadlines.delivery).toISOString();
  return callProvider('pollTracking', { summary: `Tracking events since ${since}` }, { since });
}
