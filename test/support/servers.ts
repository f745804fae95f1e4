/** One mongod and one Temporal for a whole test run. Each test file takes its own database and its own task queues. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stopOnSignal } from '../../sandbox/processes.ts';
import { startMongo } from '../../sandbox/servers/mongo.ts';
import { startTemporal } from '../../sandbox/servers/temporal.ts';
import { makeBundle } from '../../workers/bundle.ts';
import { searchAttributes } from '../../workflows/messages.ts';

export interface SharedServers {
  mongodbUri: string;
  temporalAddress: string;
  /** The file with the workflows' code, made once for all workers of the run. */
  workflowBundle: string;
  stop(): Promise<void>;
}

/** Called once, before the first test file. */
export async function startSharedServers(): Promise<SharedServers> {
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const folder = await mkdtemp(join(tmpdir(), 'waybill-test-'));
  const starting = [
    startMongo({ say }),
    startTemporal({ say, searchAttributes: Object.values(searchAttributes) }),
  ] as const;
  const stop = async () => {
    const started = await Promise.allSettled(starting);
    await Promise.all(started.map((server) => server.status === 'fulfilled' && server.value.stop()));
    await rm(folder, { recursive: true });
  };
  const forgetSignals = stopOnSignal(stop);
  try {
    const workflowBundle = await bundleWorkflows(folder);
    const [mongo, temporal] = await Promise.all(starting);
    return {
      mongodbUri: mongo.uri,
      temporalAddress: temporal.address,
      workflowBundle,
      async stop() {
        forgetSignals();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function bundleWorkflows(folder: string): Promise<string> {
  const { code } = await makeBundle();
  const file = join(folder, 'workflow-bundle.js');
  await writeFile(file, code);
  return file;
}

/** What the global setup has started. */
export function sharedServers(): Omit<SharedServers, 'stop'> {
  const {
    TEST_MONGODB_URI: mongodbUri,
    TEST_TEMPORAL_ADDRESS: temporalAddress,
    TEST_WORKFLOW_BUNDLE: workflowBundle,
  } = process.env;
  if (!mongodbUri || !temporalAddress || !workflowBundle) {
    throw new Error('The shared servers are not up. Does jest.config.js list this test file among those with servers?');
  }
  return { mongodbUri, temporalAddress, workflowBundle };
}

/** The address of a database that nobody else uses, on the shared mongod. */
export function newDatabaseUri(): string {
  const uri = new URL(sharedServers().mongodbUri);
  uri.pathname = `/test_${randomBytes(6).toString('hex')}`;
  return uri.href;
}

/** For the names of task queues: `uniqueName('orders')`. */
export function uniqueName(name: string): string {
  return `${name}-${randomBytes(6).toString('hex')}`;
}
