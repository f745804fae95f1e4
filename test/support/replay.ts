import { Worker } from '@temporalio/worker';
import { sharedServers } from './servers.ts';

/** Runs each history again on the current code. Answers with what differs, one line a workflow that does not replay. */
export async function replay(histories: readonly { workflowId: string; history: unknown }[]): Promise<string[]> {
  const failures: string[] = [];
  const options = { workflowBundle: { codePath: sharedServers().workflowBundle } };
  for await (const { workflowId, error } of Worker.runReplayHistories(options, histories)) {
    if (error) failures.push(`${workflowId}: ${error.message}`);
  }
  return failures;
}
