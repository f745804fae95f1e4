/** Support shortens, extends or ends what a workflow waits for. */
import { setHandler } from '@temporalio/workflow';
import { commitDecision } from './activities.ts';
import type { DeadlineInput } from './messages.ts';
import { setDeadline } from './messages.ts';
import type { Record, Recorded } from './record.ts';

/** Called before a workflow's first await, as every handler. */
export function listenForDeadlines<S extends Recorded>(record: Record<S>): void {
  setHandler(
    setDeadline,
    async (input: DeadlineInput) => {
      commitDecision();
      record.setDeadline(input);
      await record.saved();
      return { status: record.state.status };
    },
    {
      validator({ event }: DeadlineInput) {
        if (record.waitsFor(event)) return;
        const { waitingFor } = record.state;
        throw new Error(`Nothing is waited for as ${event}: it waits for ${waitingFor?.event ?? 'nothing'}`);
      },
    },
  );
}
