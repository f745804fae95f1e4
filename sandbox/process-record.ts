/**
 * `processes.json` in a data folder: which processes run for it, and who started them. When that one was killed, the next
 * to use the folder finds there what was left running, and ends it first.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ServerUnavailable } from './servers/unavailable.ts';

/** A pid is given again to others; together with the time of its start it is one process only. */
export interface ProcessIdentity {
  pid: number;
  started: string;
}
interface Entry extends ProcessIdentity {
  name: string;
  command: string;
  owner: ProcessIdentity;
}

export function recordProcess(
  dataDir: string,
  { name, pid, command }: { name: string; pid: number; command: string },
): void {
  const started = startOf(pid);
  // Ended within the moment: nothing to remember.
  if (started === undefined) return;
  write(dataDir, [...read(dataDir), { name, pid, started, command, owner: ourselves() }]);
}

export function forgetProcess(dataDir: string, pid: number): void {
  const left = read(dataDir);
  if (left.some((entry) => entry.pid === pid))
    write(
      dataDir,
      left.filter((entry) => entry.pid !== pid),
    );
}

/**
 * Ends what an earlier owner of the folder left running.
 * @throws ServerUnavailable where that owner still runs
 */
export async function endOrphans(dataDir: string, say: (line: string) => void): Promise<void> {
  const others = read(dataDir).filter((entry) => entry.owner.pid !== process.pid && isRunning(entry));
  const owned = others.find((entry) => isRunning(entry.owner));
  if (owned) throw inUse(dataDir, owned.owner.pid);
  await Promise.all(others.map((orphan) => endOrphan(orphan, say)));
  for (const orphan of others) forgetProcess(dataDir, orphan.pid);
}

export function inUse(dataDir: string, pid: number): ServerUnavailable {
  return new ServerUnavailable(
    `${dataDir} is in use by the process ${pid}. Remedy: stop that one first, or set WAYBILL_HOME to another folder.`,
  );
}

async function endOrphan(orphan: Entry, say: (line: string) => void): Promise<void> {
  say(`Ending ${orphan.name} (pid ${orphan.pid}), left behind by an earlier run`);
  signal(orphan.pid, 'SIGTERM');
  signal(orphan.pid, 'SIGCONT');
  const patience = Date.now() + 10_000;
  while (isRunning(orphan)) {
    if (Date.now() > patience) signal(orphan.pid, 'SIGKILL');
    await delay(50);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export function ourselves(): ProcessIdentity {
  return { pid: process.pid, started: startOf(process.pid)! };
}

export function isRunning({ pid, started }: ProcessIdentity): boolean {
  return startOf(pid) === started;
}

/** When a process was started, as the system writes it; undefined for one that is gone, or dead and not yet buried. */
export function startOf(pid: number): string | undefined {
  return process.platform === 'linux' ? startOnLinux(pid) : startElsewhere(pid);
}

function startOnLinux(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold blanks; the fields that count come after it: the state first, the start as 20th.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${fields[19]}`;
  } catch {
    return undefined;
  }
}

function startElsewhere(pid: number): string | undefined {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined;
  } catch {
    return undefined;
  }
}

const fileOf = (dataDir: string) => join(dataDir, 'processes.json');

function read(dataDir: string): Entry[] {
  try {
    return JSON.parse(readFileSync(fileOf(dataDir), 'utf8')) as Entry[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function write(dataDir: string, entries: Entry[]): void {
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(`${fileOf(dataDir)}.new`, JSON.stringify(entries, null, 2));
  renameSync(`${fileOf(dataDir)}.new`, fileOf(dataDir));
}
