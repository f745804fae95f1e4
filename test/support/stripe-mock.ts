/**
 * Stripe's own stand-in, which checks requests against Stripe's OpenAPI and keeps no state:
 * https://github.com/stripe/stripe-mock. A Go module, built once and kept beside the binaries of the other servers.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '../../sandbox/data-folder.ts';
import { freePorts } from '../../sandbox/ports.ts';
import { spawnOwned, waitUntilReady } from '../../sandbox/processes.ts';
import { environment, waybillHome } from '../../sandbox/settings.ts';

/**
 * The newest that the module proxy has. Its OpenAPI is of 2026-08-26.dahlia, one release before the one that stripe-node
 * sends as `Stripe-Version`: it looks at that header only when asked to, and knows all that we send. What is newer than
 * it would be refused as unknown; the types of stripe-node know that.
 */
const version = '0.203.0';

const kept = join(waybillHome(), 'bin', `stripe-mock-${version}`);
const binary = join(kept, 'stripe-mock');
const say = (line: string) => process.stderr.write(`${line}\n`);

/** Builds it, where that was not done before. Answers why it cannot be had here, if it cannot. */
export async function whyNoStripeMock(): Promise<string | undefined> {
  if (existsSync(binary)) return undefined;
  await mkdir(join(kept, '..'), { recursive: true });
  // What a killed build leaves under this name is cleared away with what a killed download leaves.
  const building = await mkdtemp(join(kept, '..', `.partial-${process.pid}-`));
  try {
    say(`stripe-mock: building ${version} with Go, once; this takes half a minute or more`);
    const env = { ...environment(), GOBIN: building };
    await promisify(execFile)('go', ['install', `github.com/stripe/stripe-mock@v${version}`], {
      env,
      timeout: 600_000,
    });
    // Another run may have been faster: its copy is as good.
    await rename(building, kept).catch((error: unknown) => {
      if (!existsSync(binary)) throw error;
    });
    return undefined;
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    if (code === 'ENOENT') return 'there is no Go on PATH to build it with';
    if (noNetwork.test(message)) return 'the module proxy of Go cannot be reached';
    throw error;
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}

const noNetwork = /dial tcp|no such host|i\/o timeout|connection refused|module lookup disabled/i;

export async function startStripeMock(): Promise<{ url: string; stop(): Promise<void> }> {
  const folder = await temporaryFolder(say);
  const [http, https] = (await freePorts(2)) as [number, number];
  const url = `http://127.0.0.1:${http}`;
  const child = spawnOwned({
    name: 'stripe-mock',
    command: binary,
    // Unasked, it would listen for HTTPS too, on all addresses.
    args: ['-http-addr', `127.0.0.1:${http}`, '-https-addr', `127.0.0.1:${https}`],
    dataDir: folder.path,
  });
  await waitUntilReady(child, async () => (await fetch(url)).status);
  return {
    url,
    async stop() {
      await child.stop();
      await folder.release();
    },
  };
}
