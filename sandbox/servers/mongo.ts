/** mongod as a replica set of one node, so that transactions work, as a process of ours on loopback. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import mongoose from 'mongoose';
import { callersOrTemporaryFolder } from '../data-folder.ts';
import { freePorts, requireFreePort } from '../ports.ts';
import { type OwnedProcess, spawnOwned, waitUntilReady } from '../processes.ts';
import { environment, portSettings } from '../settings.ts';
import { resolveServer, type Say } from './resolve.ts';

type Client = InstanceType<typeof mongoose.mongo.MongoClient>;

const replicaSet = 'waybill';
const notYetInitialized = 94;

export interface RunningMongo {
  uri: string;
  /** None where the server is somebody else's. */
  child?: OwnedProcess;
  stop(): Promise<void>;
}

/**
 * Where MONGODB_URI names a server, that one is taken as it is, and nothing is started; `ours` starts one all the same.
 * Without a data folder its data ends with it. Kept data may be started on another port than before.
 */
export async function startMongo(options: {
  dataDir?: string;
  port?: number;
  ours?: boolean;
  say: Say;
}): Promise<RunningMongo> {
  const { say } = options;
  const given = environment().MONGODB_URI;
  if (given && !options.ours) {
    say('mongod: the one that MONGODB_URI names');
    return { uri: given, stop: async () => {} };
  }

  const folder = await callersOrTemporaryFolder(options.dataDir, say);
  if (options.port) await requireFreePort(options.port, 'MongoDB', portSettings.mongod.variable);
  const port = options.port ?? (await freePorts(1))[0]!;
  const { path: command } = await resolveServer('mongod', { say });

  const dbPath = join(folder.path, 'mongod');
  mkdirSync(dbPath, { recursive: true });
  const child = spawnOwned({
    name: 'mongod',
    command,
    args: [
      ...['--dbpath', dbPath, '--bind_ip', '127.0.0.1', '--port', String(port), '--nounixsocket', '--quiet'],
      ...['--replSet', replicaSet, '--oplogSize', '256', '--wiredTigerCacheSizeGB', '0.5'],
      ...['--setParameter', 'diagnosticDataCollectionEnabled=false'],
    ],
    dataDir: folder.path,
  });
  const client = new mongoose.mongo.MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: 500,
  });
  try {
    await waitUntilReady(child, () => becomePrimary(client, `127.0.0.1:${port}`));
  } finally {
    await client.close();
  }

  return {
    uri: `mongodb://127.0.0.1:${port}/waybill?replicaSet=${replicaSet}&retryWrites=true&w=majority`,
    child,
    async stop() {
      await child.stop();
      await folder.release();
    },
  };
}

interface ReplicaSetConfig {
  version: number;
  members: [{ host: string }];
}

/**
 * Throws until it listens and has read its data; undefined until it is the primary of its set. The set is a new one, or
 * the one in the data, where this node may have had another address.
 */
async function becomePrimary(client: Client, host: string): Promise<true | undefined> {
  // A client that has failed to connect stays closed until told to connect again.
  await client.connect();
  const admin = client.db('admin');
  const config = await replicaSetConfig(client);
  if (config === undefined) {
    await admin.command({ replSetInitiate: { _id: replicaSet, members: [{ _id: 0, host }] } });
  } else if (config.members[0].host !== host) {
    const moved = { ...config, version: config.version + 1, members: [{ ...config.members[0], host }] };
    await admin.command({ replSetReconfig: moved, force: true });
  }
  const { isWritablePrimary } = await admin.command({ hello: 1 });
  return isWritablePrimary || undefined;
}

async function replicaSetConfig(client: Client): Promise<ReplicaSetConfig | undefined> {
  try {
    return (await client.db('admin').command({ replSetGetConfig: 1 })).config as ReplicaSetConfig;
  } catch (error) {
    if (error instanceof mongoose.mongo.MongoServerError && error.code === notYetInitialized) return undefined;
    throw error;
  }
}
