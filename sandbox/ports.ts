import { once } from 'node:events';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { ServerUnavailable } from './servers/unavailable.ts';

// Below the range that the system gives to outgoing connections: a server that is stopped for a moment finds its port
// free again. The ranges that are asked for lie above the single ports, so that no port is given twice.
const singlePorts = { from: 15_000, to: 27_000 };
const portRanges = { from: 27_000, to: 32_000 };

/** Ports that nobody listens on. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = randomPort(singlePorts);
    if (await isFree(port)) found.add(port);
  }
  return [...found];
}

/** The first of so many ports in a row that nobody listens on. */
export async function freePortRange(count: number): Promise<number> {
  for (;;) {
    const first = randomPort(portRanges);
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(first + index)));
    if (free.every(Boolean)) return first;
  }
}

function randomPort({ from, to }: { from: number; to: number }): number {
  return from + Math.floor(Math.random() * (to - from));
}

/** @throws ServerUnavailable that names the port, what wants it, who holds it, and the setting that changes it. */
export async function requireFreePort(port: number, what: string, setting: string): Promise<void> {
  if (await isFree(port)) return;
  const holder = await holderOf(port);
  throw new ServerUnavailable(
    `Port ${port} (${what}) is taken${holder === undefined ? '' : ` by ${holder}`}. Remedy: stop that program, or choose another port with ${setting}.`,
  );
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen({ port, host: '127.0.0.1', exclusive: true });
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE' || code === 'EACCES') return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}

/** Linux tells which socket listens, and whose it is. Elsewhere, or where the process is another user's: unknown. */
async function holderOf(port: number): Promise<string | undefined> {
  const inode = (await listeningInode('/proc/net/tcp', port)) ?? (await listeningInode('/proc/net/tcp6', port));
  if (inode === undefined) return undefined;
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const file of files) {
      const target = await readlink(`/proc/${pid}/fd/${file}`).catch(() => '');
      if (target === `socket:[${inode}]`) {
        return `${(await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'process')).trim()} (pid ${pid})`;
      }
    }
  }
  return undefined;
}

async function listeningInode(table: string, port: number): Promise<string | undefined> {
  const lines = (await readFile(table, 'utf8').catch(() => '')).split('\n').slice(1);
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  for (const line of lines) {
    const fields = line.trim().split(/\s+/);
    const listening = fields[3] === '0A';
    if (listening && fields[1]?.endsWith(`:${hexPort}`)) return fields[9];
  }
  return undefined;
}
