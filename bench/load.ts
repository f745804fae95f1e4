/** Runs a task many times, so many at a time, and measures. */
export async function load(
  count: number,
  atATime: number,
  task: (index: number) => Promise<unknown>,
): Promise<{ seconds: number; perSecond: number; milliseconds: number[] }> {
  const milliseconds: number[] = [];
  let next = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: atATime }, async () => {
      while (next < count) {
        const index = next++;
        const begun = performance.now();
        await task(index);
        milliseconds.push(performance.now() - begun);
      }
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  return { seconds, perSecond: count / seconds, milliseconds };
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** What a bench answers with. */
export interface Figures {
  /** What is claimed: each a rate divided by the yardstick's in the same run. */
  ratios: Record<string, { value: number; aim: number }>;
  [figure: string]: unknown;
}

/** To hundredths. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}
