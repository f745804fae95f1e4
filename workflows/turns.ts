/** What must not be done twice at once within an order. */
import { condition } from '@temporalio/workflow';

/** Runs what it is given one at a time for each owner, in no promised order. */
export function createTurns<O extends object>() {
  const busy = new WeakSet<O>();
  return async <T>(owner: O, run: () => Promise<T>): Promise<T> => {
    // All who wait are woken together: only the first of them may go.
    while (busy.has(owner)) await condition(() => !busy.has(owner));
    busy.add(owner);
    try {
      return await run();
    } finally {
      busy.delete(owner);
    }
  };
}
