import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { createInterface } from 'node:readline';
import { expect, test } from '@jest/globals';
import { newDatabaseUri, sharedServers } from '../support/servers.ts';
import { config } from './support.ts';

const repository = `${import.meta.dirname}/../..`;

function start(environment: Record<string, string>) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'api/server.ts'], {
    cwd: repository,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (data) => {
    errors += data;
  });
  return { child, ended: once(child, 'exit'), errors: () => errors };
}

const complete = () => ({
  MONGODB_URI: newDatabaseUri(),
  TEMPORAL_ADDRESS: sharedServers().temporalAddress,
  PORT: '0',
  WAYBILL_SECRET: config.WAYBILL_SECRET,
  STRIPE_WEBHOOK_SECRETS: 'whsec_one_test, whsec_two_test',
  CARRIER_WEBHOOK_SECRETS: 'carrier_one_test',
});

test('the process says where it listens, and ends in good order at SIGTERM', async () => {
  const { child, ended } = start(complete());
  try {
    const lines: Record<string, unknown>[] = [];
    for await (const line of createInterface(child.stdout)) {
      lines.push(JSON.parse(line));
      if (lines.at(-1)!.msg !== 'ready') continue;
      const { url } = lines.at(-1)! as { url: string };
      const answer = await fetch(`${url}/v1/products?limit=1`, { headers: { authorization: 'Bearer wb_canary' } });
      expect(await answer.json()).toEqual({ products: [], next: null });
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
      child.kill('SIGTERM');
    }
    expect(await ended).toEqual([0, null]);
    expect(lines.map(({ msg }) => msg)).toEqual(['ready', 'request completed', 'draining', 'stopped']);
    expect(lines[1]).toMatchObject({ req: { id: expect.any(String), method: 'GET', url: '/v1/products' } });
    expect(JSON.stringify(lines)).not.toMatch(/canary|limit=1/);
  } finally {
    child.kill('SIGKILL');
  }
});

test('it ends in good order behind connections that are kept and never idle', async () => {
  const { child, ended } = start(complete());
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  try {
    const url = await new Promise<string>((resolve) => {
      createInterface(child.stdout).on('line', (line) => {
        const { msg, url } = JSON.parse(line);
        if (msg === 'ready') resolve(url);
      });
    });
    const broken: string[] = [];
    let answered = 0;
    const busy = Array.from({ length: 4 }, async () => {
      for (;;) {
        const outcome = await ask(`${url}/livez`, agent);
        if (outcome === 200) answered += 1;
        else if (outcome === 'ECONNREFUSED') return;
        else broken.push(String(outcome));
      }
    });
    while (answered < 50) await new Promise((resolve) => setImmediate(resolve));
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    await Promise.all(busy);
    // A request that was on its way to a connection that closed at that moment may meet its end, as at any server: once
    // for each of the four that are kept, and once for one that the kernel had taken on in its place.
    expect(broken.filter((why) => why !== 'ECONNRESET')).toEqual([]);
    expect(broken.length).toBeLessThanOrEqual(8);
  } finally {
    agent.destroy();
    child.kill('SIGKILL');
  }
}, 30_000);

/** The status, or the code of what went wrong. */
function ask(url: string, agent: Agent): Promise<number | string> {
  return new Promise((resolve) => {
    get(url, { agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    }).on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

test('a wrong environment stops the start with a line a setting', async () => {
  const { ended, errors } = start({ MONGODB_URI: 'localhost', PORT: 'x', WAYBILL_SECRET: 'short' });
  expect((await ended)[0]).not.toBe(0);
  for (const setting of ['MONGODB_URI', 'PORT', 'WAYBILL_SECRET', 'STRIPE_WEBHOOK_SECRETS']) {
    expect(errors()).toContain(`  ${setting}: `);
  }
});
