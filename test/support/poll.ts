import { ScheduleOverlapPolicy } from '@temporalio/client';
import type { schedules } from '../../activities/starts.ts';
import type { World } from './world.ts';

/** Runs a schedule now, and answers with the time that its next run goes on from. */
export async function poll({ client }: World, id: keyof typeof schedules): Promise<string> {
  const schedule = client.schedule.getHandle(id);
  const before = (await schedule.describe()).info.numActionsTaken;
  await schedule.trigger(ScheduleOverlapPolicy.BUFFER_ONE);
  for (;;) {
    const { numActionsTaken, recentActions, runningActions } = (await schedule.describe()).info;
    const latest = recentActions.at(-1);
    if (numActionsTaken > before && runningActions.length === 0 && latest) {
      const { workflow } = latest.action;
      return client.workflow.getHandle(workflow.workflowId, workflow.firstExecutionRunId).result();
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
