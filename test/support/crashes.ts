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
  /** What happens before the next attempt. */
  meanwhile?: (() => Promise<unknown>) | undefined;
}

export type Crashes = ReturnType<typeof createCrashes>;

export function createCrashes() {
  const running = new AsyncLocalStorage<{ step: string; input: StepInput }>();
  let armed: (Crash & { fired: number }) | undefined;

  async function mayDie(moment: Moment, call = armed?.call) {
    const { step, input } = running.getStore() ?? {};
    const crash = armed;
    if (crash?.moment !== moment || crash.step !== step || crash.call !== call) return;
    if (!(await crash.isMine(input!)) || crash.fired > 0) return;
    crash.fired += 1;
    await crash.meanwhile?.();
    throw new Error(`The worker died ${moment} ${call} of ${step}`);
  }

  return {
    /** One attempt of the step dies. The answer tells how often that was. */
    arm(crash: Crash): () => number {
      const mine = { ...crash, fired: 0 };
      armed = mine;
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
      around(payments, async (call, run) => {
        await mayDie('before the call', call as Call);
        const done = await run();
        await mayDie('after the call', call as Call);
        return done;
      }),
  };
}

function around<T extends object>(
  functions: T,
  wrap: (name: string, run: () => unknown, input: unknown) => Promise<unknown>,
): T {
  const wrapped = Object.entries(functions).map(([name, each]) => [
    name,
    (...given: unknown[]) => wrap(name, () => each(...given), given[0]),
  ]);
  return Object.fromEntries(wrapped) as T;
}
