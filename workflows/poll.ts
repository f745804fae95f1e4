/** One run of a schedule that fetches what a provider's webhooks may have missed. */
import { log, workflowInfo } from '@temporalio/workflow';
import { callProvider } from './activities.ts';
import { deadlines, limits } from './domain/limits.ts';

/** Asks one carrier about the parcels of which it has said nothing for a while. */
export async function pollCarrier(carrier: string): Promise<void> {
  for (let calls = 0; calls < limits.pollCalls; calls += 1) {
    const { more, unknown } = await callProvider('pollTracking', { summary: `Parcels of ${carrier}` }, { carrier });
    if (unknown.length > 0) log.warn('The carrier does not know parcels of ours', { carrier, unknown });
    if (!more) break;
  }
}

/**
 * Answers with the time that the next run goes on from: ISO 8601 in UTC. An event may come late into Stripe's list, behind
 * younger ones: the last minutes are asked for once more.
 */
export async function pollStripe(): Promise<string> {
  const { lastResult } = workflowInfo();
  const reached = typeof lastResult === 'string' ? Date.parse(lastResult) : Date.now() - deadlines.eventsKept;
  let through = reached - deadlines.eventsListed;
  for (let calls = 0; calls < limits.pollCalls; calls += 1) {
    const since = new Date(through).toISOString();
    const polled = await callProvider('pollEvents', { summary: `Stripe's events since ${since}` }, { since });
    through = Date.parse(polled.through);
    if (!polled.more) break;
  }
  return new Date(Math.max(reached, through)).toISOString();
}
