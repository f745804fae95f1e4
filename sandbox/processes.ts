/** Child processes that are ours: started, waited for, stopped, and never left behind. */
import { spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, readSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { forgetProcess, recordProcess } from './process-record.ts';
import { ServerUnavailable } from './servers/unavailable.ts';
import { environment, repositoryFolder } from './settings.ts';

export interface OwnedProcess {
  name: string;
  pid: number;
  logFile: string;
  /** Resolves, never rejects, with how it ended: `exit code 1`, `signal SIGKILL`. */
  ended: Promise<string>;
  isRunning(): boolean;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL when the time is over. Resolves once it is gone. */
  stop(graceMs?: number): Promise<void>;
}

const largestLog = 20_000_000;
const running = new Set<OwnedProcess>();

/**
 * Starts a child in a process group of its own: Ctrl-C reaches only us, and we stop the children in order. Its output is
 * appended to `<dataDir>/logs/NAME.log`; with `onLine`, standard output goes there instead.
 */
export function spawnOwned(options: {
  name: string;
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  dataDir: string;
  onLine?: (line: string) => void;
  /** A Node process gets a channel to us, and ends itself when that closes. */
  channel?: boolean;
}): OwnedProcess {
  const { name, command, args, dataDir, onLine } = options;
  const logFile = logFileOf(dataDir, name);
  const log = openLog(logFile, 'a');
  const child = spawn(command, args, {
    cwd: repositoryFolder(),
    env: options.env ?? environment(),
    detached: true,
    stdio: ['ignore', onLine ? 'pipe' : log, log, ...(options.channel ? ['ipc' as const] : [])],
  });
  closeSync(log);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => child.pid ?? resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
  const { pid } = child;
  if (pid === undefined) throw new ServerUnavailable(`${name} could not be started: ${command} cannot be run.`);
  if (onLine && child.stdout) createInterface(child.stdout).on('line', onLine);
  child.channel?.unref();

  const owned: OwnedProcess = {
    name,
    pid,
    logFile,
    ended,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    kill(signal) {
      child.kill(signal);
    },
    async stop(graceMs = 15_000) {
      if (!this.isRunning()) return;
      child.kill('SIGTERM');
      child.kill('SIGCONT'); // a frozen process hears nothing else
      const patience = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await ended;
      clearTimeout(patience);
    },
  };
  recordProcess(dataDir, { name, pid, command: [command, ...args].join(' ') });
  if (running.size === 0) process.once('exit', killAll);
  running.add(owned);
  void ended.then(() => {
    running.delete(owned);
    forgetProcess(dataDir, pid);
    if (running.size === 0) process.removeListener('exit', killAll);
  });
  return owned;
}

interface NodeChild {
  name: string;
  /** A TypeScript file, by its path from the root of the repository. */
  file: string;
  args?: string[];
  env: NodeJS.ProcessEnv;
  dataDir: string;
}

/** A command: resolves when it has ended well, with the lines of its standard output. */
export async function runNode(child: NodeChild): Promise<string[]> {
  const lines: string[] = [];
  const command = spawnNode(child, (line) => lines.push(line));
  const how = await command.ended;
  if (how === 'exit code 0') return lines;
  throw new ServerUnavailable(
    `${child.name} ended with ${how}. Its log, ${command.logFile}, ends: ${endOfLog(command.logFile)}`,
  );
}

/** A service: resolves when it has written the JSON line with the message `ready` to its log. */
export async function startNode(child: NodeChild): Promise<OwnedProcess> {
  const log = openLog(logFileOf(child.dataDir, child.name), 'a+');
  try {
    const before = fstatSync(log).size;
    const service = spawnNode(child);
    await waitUntilReady(service, () => {
      const written = Buffer.alloc(fstatSync(log).size - before);
      readSync(log, written, 0, written.length, before);
      return written.includes('"msg":"ready"') || undefined;
    });
    return service;
  } finally {
    closeSync(log);
  }
}

function spawnNode({ file, args = [], ...rest }: NodeChild, onLine?: (line: string) => void): OwnedProcess {
  const loaders = ['--import', 'tsx', '--import', join(import.meta.dirname, 'end-with-parent.js')];
  return spawnOwned({ ...rest, onLine, command: process.execPath, args: [...loaders, file, ...args], channel: true });
}

/**
 * Asks again and again, until the probe gives something. While the child comes up the probe may throw: the last error
 * is told when the time is over.
 * @throws ServerUnavailable with the end of the log, where the child ends first or the time is over
 */
export async function waitUntilReady<T>(
  child: OwnedProcess,
  probe: () => Promise<T | undefined> | T | undefined,
  seconds = 60,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  let lastError = '';
  while (child.isRunning() && Date.now() < deadline) {
    try {
      const result = await probe();
      if (result !== undefined) return result;
    } catch (error) {
      lastError = ` (${(error as Error).message})`;
    }
    await delay(30);
  }
  const trouble = child.isRunning()
    ? `was not ready after ${seconds} s${lastError}`
    : `ended with ${await child.ended}`;
  const lastWords = endOfLog(child.logFile);
  await child.stop(0);
  throw new ServerUnavailable(`${child.name} ${trouble}. Its log, ${child.logFile}, ends: ${lastWords}`);
}

/**
 * Runs `stop` on Ctrl-C or a request to end, then exits. A second Ctrl-C, a second later, does not wait for it.
 * @returns what takes the handlers away again
 */
export function stopOnSignal(stop: () => Promise<void>, exitCode?: number): () => void {
  const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
  let since: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const code = exitCode ?? codes[signal as keyof typeof codes];
    if (since === undefined) {
      since = Date.now();
      stop().then(
        () => process.exit(code),
        (error: unknown) => {
          console.error(error instanceof Error ? error.message : error);
          process.exit(1);
        },
      );
    } else if (Date.now() - since > 1000) {
      // npm passes on the Ctrl-C that the terminal has sent us already: that one is no second one.
      process.exit(code);
    }
  };
  for (const signal of Object.keys(codes)) process.on(signal, onSignal);
  return () => {
    for (const signal of Object.keys(codes)) process.removeListener(signal, onSignal);
  };
}

/** The last resort, when we end without having stopped them. */
function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

const logFileOf = (dataDir: string, name: string) => join(dataDir, 'logs', `${name}.log`);

function openLog(file: string, flags: 'a' | 'a+'): number {
  mkdirSync(dirname(file), { recursive: true });
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > largestLog) renameSync(file, `${file}.old`);
  return openSync(file, flags);
}

/** Its last line that tells of an error; where there is none, its last line. */
function endOfLog(file: string): string {
  const lines = readFileSync(file, 'utf8').trim().split('\n').slice(-100);
  return (
    (lines.findLast((line) => /error|cannot|refused/i.test(line)) ?? lines.at(-1))?.trim().slice(0, 500) ||
    'it said nothing'
  );
}
