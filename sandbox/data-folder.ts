/** The folder that a run keeps its data in: its own for as long as it runs, and gone afterwards where it is temporary. */
import { linkSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endOrphans, inUse, isRunning, ourselves, type ProcessIdentity } from './process-record.ts';
import { ServerUnavailable } from './servers/unavailable.ts';

export interface DataFolder {
  path: string;
  /** Gives the folder up; a temporary one is removed. */
  release(): Promise<void>;
}

/** @throws ServerUnavailable where another process uses it */
export async function keptFolder(path: string, say: (line: string) => void): Promise<DataFolder> {
  try {
    mkdirSync(path, { recursive: true });
    requireSpace(path);
    lock(path);
  } catch (error) {
    throw folderTrouble(path, error);
  }
  await endOrphans(path, say);
  return { path, release: async () => rmSync(lockFile(path), { force: true }) };
}

/** Before it makes one, it clears away those whose owners were killed, with what still runs in them. */
export async function temporaryFolder(say: (line: string) => void): Promise<DataFolder> {
  await removeAbandoned(say);
  requireSpace(tmpdir());
  const path = await mkdtemp(join(tmpdir(), prefix));
  lock(path);
  return { path, release: () => rm(path, { recursive: true, force: true }) };
}

/** The folder that the caller keeps and answers for, or a temporary one. */
export async function callersOrTemporaryFolder(
  path: string | undefined,
  say: (line: string) => void,
): Promise<DataFolder> {
  if (path === undefined) return temporaryFolder(say);
  await endOrphans(path, say);
  return { path, release: async () => {} };
}

/** MongoDB and Temporal end with words of their own where the disk fills up, so some room is asked for beforehand. */
const roomBytes = 400_000_000;

function requireSpace(folder: string): void {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (free >= roomBytes) return;
  const megabytes = (bytes: number) => Math.round(bytes / 1_000_000);
  throw new ServerUnavailable(
    `${folder} has ${megabytes(free)} MB free, and ${megabytes(roomBytes)} are needed. Remedy: make room, or name another folder with WAYBILL_HOME (TMPDIR for the demo and the tests).`,
  );
}

function folderTrouble(path: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined || error instanceof ServerUnavailable) return error;
  return new ServerUnavailable(
    `${path} cannot be used for data: ${message}. Remedy: name another folder with WAYBILL_HOME.`,
  );
}

const prefix = 'waybill-run-';
const lockFile = (folder: string) => join(folder, 'owner.json');

function lock(folder: string): void {
  const mine = join(folder, `owner.${process.pid}.json`);
  writeFileSync(mine, JSON.stringify(ourselves()));
  try {
    const owner = ownerOf(folder);
    if (owner && isRunning(owner)) throw inUse(folder, owner.pid);
    if (owner) rmSync(lockFile(folder), { force: true });
    // A link is made whole or not at all, and only by one.
    linkSync(mine, lockFile(folder));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw inUse(folder, ownerOf(folder)?.pid ?? 0);
    throw error;
  } finally {
    rmSync(mine, { force: true });
  }
}

function ownerOf(folder: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(lockFile(folder), 'utf8')) as ProcessIdentity;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function removeAbandoned(say: (line: string) => void): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const folder = join(tmpdir(), name);
    try {
      const owner = ownerOf(folder);
      // No owner yet: it is being made this moment.
      if (owner === undefined || isRunning(owner)) continue;
      await endOrphans(folder, say);
      await rm(folder, { recursive: true, force: true });
    } catch (error) {
      say(`${folder}, left behind by an earlier run, stays: ${(error as Error).message}`);
    }
  }
}
