/** One run of a schedule that fetches what a provider's webhooks may have missed. */
import { workflowInfo } from '@temporalio/workflow';
import { callProvider } from './activities.ts';
import { deadlines, limits } from './domain/limits.ts';

/** Answers, as the next, with the time that the next run goes on from: ISO 8601 in UTC. */
export function pollCarrier(): Promise<string> {
  return poll('pollTracking', 'Tracking events', { first: deadlines.delivery, again: 0 });
}

/** An event may come late into Stripe's list, behind younger ones: the last minutes are asked for once more. */
export function pollStripe(): Promise<string> {
  return poll('pollEvents', "Stripe's events", { first: deadlines.eventsKept, again: deadlines.eventsListed });
}

/** How far back the first run looks, and how much of what the run before has seen is looked at again. */
async function poll(
  step: 'pollTracking' | 'pollEvents',
  what: string,
  back: { first: number; again: number },
): Promise<string> {
  const { lastResult } = workflowInfo();
  const reached = typeof lastResult === 'string' ? Date.parse(lastResult) : Date.now() - back.first;
  let through = reached - back.again;
  for (let calls = 0; calls < limits.pollCalls; calls += 1) {
    const since = new Date(through).toISOString();
    const polled = await callProvider(step, { summary: `${what} since ${since}` }, { since });
    through = Date.parse(polled.through);
    if (!polled.more) break;
  }
  return new Date(Math.max(reached, through)).toISOString();
}
