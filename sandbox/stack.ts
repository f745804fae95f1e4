/** Everything at once on one machine: the servers, the outside world, the API and the workers. */
import { join } from 'node:path';
import { searchAttributes } from '../workflows/messages.ts';
import { keptFolder, temporaryFolder } from './data-folder.ts';
import type { Outside } from './outside.ts';
import { runNode, startNode, stopOnSignal } from './processes.ts';
import { keptSecrets } from './secrets.ts';
import { startMongo } from './servers/mongo.ts';
import type { Say } from './servers/resolve.ts';
import { startTemporal } from './servers/temporal.ts';
import { environment } from './settings.ts';
import { createChildren } from './stack-children.ts';
import { childEnvironment, writeOperatorsEnvironment } from './stack-environment.ts';
import { anyPorts, fixedPorts, type PortName, portsPerWorker } from './stack-ports.ts';

export interface StaffTokens {
  warehouse: string;
  support: string;
  admin: string;
}
export interface Stack {
  dataDir: string;
  /** For commands beside the stack, such as the audit: `set -a; . FILE`. */
  envFile: string;
  apiUrl: string;
  docsUrl: string;
  temporalAddress: string;
  /** Absent where Temporal is somebody else's. */
  temporalUiUrl?: string;
  mongodbUri: string;
  /** Absent where the real Stripe is used. */
  stripe?: { url: string };
  carrier: { url: string };
  mailbox: { url: string };
  /** Made at the first start on its data, and known only then. */
  tokens?: StaffTokens;
  /** What runs now: mongod, temporal, outside, api, worker-1, worker-2 ... */
  readonly processes: { name: string; pid: number }[];
  /** Stops it, where it still runs, and starts it again on the same ports and data. Resolves when it is ready. */
  restart(name: string): Promise<void>;
  /** Resolves when the signal is sent; for one that ends the process, when it is gone. */
  kill(name: string, signal: NodeJS.Signals): Promise<void>;
  /** Drains the API and the workers, then stops the rest. Nothing is left running. */
  stop(): Promise<void>;
}

/**
 * With 'fixed' ports it is `npm start`: servers named by MONGODB_URI and TEMPORAL_ADDRESS are used instead of own ones. With
 * 'free' ports everything is its own, whatever the environment says: seeding and load never reach a user's servers.
 * Without a data folder it works on a temporary one. Ctrl-C stops it, and ends this process.
 */
export async function startStack(options: {
  dataDir?: string;
  ports: 'fixed' | 'free';
  workers?: number;
  /** The exit code after Ctrl-C; 130 unless said. */
  exitCode?: number;
  say: Say;
}): Promise<Stack> {
  const { say } = options;
  const ours = options.ports === 'free';
  // Demo, load and crashes buy labels by the hundred.
  const env = ours ? { ...environment(), EASYPOST_API_KEY: '' } : environment();
  const realStripe = Boolean(env.STRIPE_SECRET_KEY);

  const folder = options.dataDir === undefined ? await temporaryFolder(say) : await keptFolder(options.dataDir, say);
  const dataDir = folder.path;
  const children = createChildren(say);
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= children.stopAll().finally(folder.release);
    return stopping;
  };
  const forgetSignals = stopOnSignal(() => {
    say('Stopping: what is under way is finished first');
    return stop();
  }, options.exitCode);

  try {
    const workers = options.workers ?? 1;
    const ports = ours ? await anyPorts(workers) : await fixedPorts(workers, unusedPorts(env, realStripe));
    const secrets = keptSecrets(dataDir);
    const url = (port: number) => `http://127.0.0.1:${port}`;
    const apiUrl = url(ports.api);

    const outside: Outside = {
      folder: join(dataDir, 'outside'),
      apiUrl,
      stripe: realStripe ? undefined : { port: ports.stripe, webhookSecrets: [secrets.stripeWebhook] },
      carrier: { port: ports.carrier, apiKey: secrets.carrierApiKey, webhookSecret: secrets.carrierWebhook },
      mailbox: { httpPort: ports.mailbox, smtpPort: ports.smtp },
    };
    say('Starting MongoDB, Temporal and the outside world');
    const [mongo, temporal] = await Promise.all([
      children.start('mongod', () => startMongo({ dataDir, port: ports.mongod, ours, say })),
      children.start('temporal', () =>
        startTemporal({
          dataDir,
          port: ports.temporal,
          uiPort: ports.temporalUi,
          searchAttributes: Object.values(searchAttributes),
          ours,
          say,
        }),
      ),
      children.start('outside', async () => ({
        child: await startNode({
          name: 'outside',
          file: 'sandbox/outside.ts',
          env: { ...env, WAYBILL_OUTSIDE: JSON.stringify(outside) },
          dataDir,
        }),
      })),
    ]);

    const childEnv = childEnvironment({ env, mongo, temporal, ports, secrets, apiUrl, dataDir, realStripe });
    const envFile = join(dataDir, 'env');
    writeOperatorsEnvironment(envFile, childEnv, realStripe);
    say('Preparing the database');
    const setUp = await runNode({ name: 'setup', file: 'workers/setup.ts', args: ['--json'], env: childEnv, dataDir });

    say('Starting the API and the workers');
    const service = (name: string, file: string, more: NodeJS.ProcessEnv = {}) =>
      children.start(name, async () => ({
        child: await startNode({ name, file, env: { ...childEnv, ...more }, dataDir }),
      }));
    await Promise.all([
      ...Array.from({ length: workers }, (_, index) =>
        service(`worker-${index + 1}`, 'workers/all.ts', {
          METRICS_PORT: String(ports.metrics + index * portsPerWorker),
        }),
      ),
      service('api', 'api/server.ts'),
    ]);

    return {
      dataDir,
      envFile,
      apiUrl,
      docsUrl: `${apiUrl}/docs`,
      temporalAddress: temporal.address,
      temporalUiUrl: temporal.uiUrl,
      mongodbUri: mongo.uri,
      stripe: realStripe ? undefined : { url: url(ports.stripe) },
      carrier: { url: url(ports.carrier) },
      mailbox: { url: url(ports.mailbox) },
      tokens: tokensOf(setUp),
      get processes() {
        return children.running();
      },
      restart: children.restart,
      kill: children.kill,
      async stop() {
        forgetSignals();
        await stop();
      },
    };
  } catch (error) {
    // Stopped while it started: what went wrong then says nothing, and the process is about to end.
    if (stopping) await stopping;
    await children.stopAll();
    forgetSignals();
    // The error names a log: it stays, and so does a temporary folder, until the next start clears it away.
    if (options.dataDir !== undefined) await folder.release();
    throw error;
  }
}

function unusedPorts(env: NodeJS.ProcessEnv, realStripe: boolean): Set<PortName> {
  const unused = new Set<PortName>();
  if (env.MONGODB_URI) unused.add('mongod');
  if (env.TEMPORAL_ADDRESS) unused.add('temporal').add('temporalUi');
  if (realStripe) unused.add('stripe');
  return unused;
}

function tokensOf(lines: string[]): StaffTokens | undefined {
  const last = lines.findLast((line) => line.startsWith('{'));
  return last === undefined ? undefined : (JSON.parse(last) as { tokens?: StaffTokens }).tokens;
}
