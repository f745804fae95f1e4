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

/** What histories and the like say, with their payloads decoded: to search in. */
export function textOf(told: unknown): string {
  return JSON.stringify(told, (key, value) =>
    key === 'data' && typeof value === 'string' ? Buffer.from(value, 'base64').toString() : value,
  );
}
