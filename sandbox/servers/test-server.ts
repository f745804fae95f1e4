import { TestWorkflowEnvironment } from '@temporalio/testing';
import { resolveServer, type Say } from './resolve.ts';

/** The server that skips time, for long timers; it lacks much of the real one. `teardown()` stops it. */
export async function startTimeSkipping({ say }: { say: Say }): Promise<TestWorkflowEnvironment> {
  const { path } = await resolveServer('temporal-test-server', { say });
  return TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path } } });
}
