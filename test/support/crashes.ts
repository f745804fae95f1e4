/** Attempts of steps that die as their worker would at that moment: Temporal tries them again. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Carrier } from '../../activities/providers/carrier.ts';
import type { Payments } from '../../activities/providers/stripe.ts';
import type { LocalSteps, ProviderSteps } from '../../workflows/activities.ts';

export type Moment = 'before its work' | 'before the call' | 'after the call' | 'after its record';
export type Step = keyof ProviderSteps | keyof LocalSteps;
export type Call = keyof Payments | keyof Carrier;
export interface StepInput {
  orderId?: string;
  refundId?: string;
  disputeId?: string;
  claimId?: string;
  returnId?: string;
  /** A shipment or a return. */
  reference?: string;
  handOverId?: string;
  state?: { orderId?: string; claimId?: string; returnId?: string };
}

interface Crash {
  step: Step;
  /** What the moment is about; not said of a step that calls nobody. */
  call?: Call | undefined;
  moment: Moment;
  /** Of calls like this the first so many pass. */
  passing?: number | undefined;
  isMine(input: StepInput): Promise<boolean>;
  /** What happens to the key of its call before the next attempt. */
  meanwhile?: ((key: string) => Promise<unknown>) | undefined;
}

export type Crashes = ReturnType<typeof createCrashes>;

export function createCrashes() {
  const running = new AsyncLocalStorage<{ step: string; input: StepInput }>();
  const armed: (Crash & { fired: number; passing: number })[] = [];

  async function mayDie(moment: Moment, call?: Call, key = '') {
    const { step, input } = running.getStore()!;
    for (const crash of armed) {
      if (crash.moment !== moment || crash.step !== step || crash.call !== (call ?? crash.call)) continue;
      if (!(await crash.isMine(input)) || crash.fired > 0 || crash.passing-- > 0) continue;
      crash.fired += 1;
      await crash.meanwhile?.(key);
      throw new Error(`The worker died ${[moment, crash.call].filter(Boolean).join(' ')} of ${step}`);
    }
  }

  return {
    /** One attempt of the step dies. The answer tells how often that was. */
    arm(crash: Crash): () => number {
      const mine = { ...crash, fired: 0, passing: crash.passing ?? 0 };
      armed.push(mine);
      return () => mine.fired;
    },
    steps: <T extends Partial<ProviderSteps & LocalSteps>>(steps: T): T =>
      around(steps, (step, run, input) =>
        running.run({ step, input: input as StepInput }, async () => {
          await mayDie('before its work');
          const done = await run();
          await mayDie('after its record');
          return done;
        }),
      ),
    calls: <P extends Payments | Carrier>(provider: P): P =>
      around(provider, async (call, run, ...given) => {
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
    typeof each === 'function' ? (...given: unknown[]) => wrap(name, () => each(...given), ...given) : each,
  ]);
  return Object.fromEntries(wrapped) as T;
}
