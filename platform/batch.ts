/**
 * Group commit: calls that come while a batch is under way wait, and go together as the next one. A call that comes
 * alone goes at once, so an idle process answers as fast as without; a busy one pays for a round trip once per batch.
 */

interface Waiting<In, Out> {
  call: In;
  resolve(value: Out): void;
  reject(error: unknown): void;
}

/** How a call of a batch ended, or a promise of it: the next batch does not wait for those. */
export type Outcome<Out> = PromiseSettledResult<Out> | Promise<Out>;

/**
 * Makes a function whose calls go in batches of at most `largest`, one batch at a time for each context. `run` answers
 * every call by its place; where it throws, all calls of the batch fail with that error.
 */
export function batched<Context extends object, In, Out>(
  largest: number,
  run: (context: Context, calls: In[]) => Promise<Outcome<Out>[]>,
): (context: Context, call: In) => Promise<Out> {
  const queues = new WeakMap<Context, Waiting<In, Out>[]>();

  async function drain(context: Context, waiting: Waiting<In, Out>[]): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, largest);
      try {
        const outcomes = await run(
          context,
          batch.map(({ call }) => call),
        );
        for (const [index, { resolve, reject }] of batch.entries()) {
          const outcome = outcomes[index]!;
          if (outcome instanceof Promise) outcome.then(resolve, reject);
          else if (outcome.status === 'fulfilled') resolve(outcome.value);
          else reject(outcome.reason);
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    queues.delete(context);
  }

  return (context, call) =>
    new Promise((resolve, reject) => {
      const waiting = queues.get(context);
      if (waiting) {
        waiting.push({ call, resolve, reject });
        return;
      }
      const first = [{ call, resolve, reject }];
      queues.set(context, first);
      // After a tick, so that calls of one moment go together.
      setImmediate(() => void drain(context, first));
    });
}
