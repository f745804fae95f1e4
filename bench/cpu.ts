/** Where the time goes: milliseconds of CPU that each process has used so far, this one included. Linux only. */
import { readFileSync } from 'node:fs';

const clockTick = 10;

export function cpuOf(processes: readonly { name: string; pid: number }[]): Record<string, number> {
  const bench = process.cpuUsage();
  const used: Record<string, number> = { bench: (bench.user + bench.system) / 1000 };
  for (const { name, pid } of processes) {
    // After the name in brackets: utime and stime are the 12th and 13th fields, in ticks.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    used[name] = (Number(fields[11]) + Number(fields[12])) * clockTick;
  }
  return used;
}

/** Milliseconds of CPU for each of `count` tasks between two readings. */
export function perTask(before: Record<string, number>, after: Record<string, number>, count: number) {
  return Object.fromEntries(
    Object.entries(after).map(([name, used]) => [name, Math.round(((used - (before[name] ?? 0)) / count) * 10) / 10]),
  );
}
