/** Attempts of provider steps that die as their worker would at that moment: Temporal tries them again. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Payments } from '../../activities/providers/stripe.ts';
import type { ProviderSteps } from '../../workflows/activities.ts';

export type Moment = 'before the call' | 'after the call' | 'after its record';
export type Step = keyof ProviderSteps;
export type Call = keyof Payments;
export interface StepInput {
  orderId?: string;
  refundId?: string;
  disputeId?: string;
}

interface Crash {
  step: Step;
  call: Call;
  moment: Moment;
  isMine(input: StepInput): Promise<boolean>;
  /** What happens to the key of its call before the next attempt. */
  meanwhile?: ((key: string) => Promise<unknown>) | undefined;
}

export type Crashes = ReturnType<typeof createCrashes>;

export function createCrashes() {
  const running = new AsyncLocalStorage<{ step: string; input: StepInput }>();
  const armed: (Crash & { fired: number })[] = [];

  async function mayDie(moment: Moment, call?: Call, key = '') {
    const { step, input } = running.getStore()!;
    for (const crash of armed) {
      if (crash.moment !== moment || crash.step !== step || crash.call !== (call ?? crash.call)) continue;
      if (!(await crash.isMine(input)) || crash.fired > 0) continue;
      crash.fired += 1;
      await crash.meanwhile?.(key);
      throw new Error(`The worker died ${moment} ${crash.call} of ${step}`);
    }
  }

  return {
    /** One attempt of the step dies. The answer tells how often that was. */
    arm(crash: Crash): () => number {
      const mine = { ...crash, fired: 0 };
      armed.push(mine);
      return () => mine.fired;
    },
    steps: <T extends Partial<ProviderSteps>>(steps: T): T =>
      around(steps, (step, run, input) =>
        running.run({ step, input: input as StepInput }, async () => {
          const done = await run();
          await mayDie('after its record');
          return done;
        }),
      ),
    calls: (payments: Payments): Payments =>
      around(payments, async (call, run, ...given) => {
        await mayDie('before the call', call as Call);
        const done = await run();
        await mayDie('after the call', call as Call, keyOf(given));
        return done;
      }),
  };
}

function keyOf(given: unknown[]): string | undefined {
  return (given.at(-1) as { key?: string } | undefined)?.key;
}

function around<T extends object>(
  functions: T,
  wrap: (name: string, run: () => unknown, ...given: unknown[]) => Promise<unknown>,
): T {
  const wrapped = Object.entries(functions).map(([name, each]) => [
    name,
    (...given: unknown[]) => wrap(name, () => each(...given), ...given),
  ]);
  return Object.fromEntries(wrapped) as T;
}
