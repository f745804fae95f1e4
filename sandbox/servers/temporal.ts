/** The Temporal development server, as a process of ours on loopback. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import type { SearchAttributeType } from '@temporalio/common';
import { msToNumber, msToTs, tsToMs } from '@temporalio/common/lib/time.js';
import { callersOrTemporaryFolder } from '../data-folder.ts';
import { freePorts, requireFreePort } from '../ports.ts';
import { type OwnedProcess, spawnOwned, waitUntilReady } from '../processes.ts';
import { environment, portSettings } from '../settings.ts';
import { resolveServer, type Say } from './resolve.ts';

/** How long closed workflows are kept: the server's own default is a day. */
const retention = '30 days';
/** Twice as many workflows a second as with the default pragmas. */
const pragmas = ['journal_mode=WAL', 'synchronous=NORMAL'];

interface SearchAttribute {
  name: string;
  type: SearchAttributeType;
}
export interface RunningTemporal {
  address: string;
  uiUrl?: string;
  /** None where the server is somebody else's. */
  child?: OwnedProcess;
  stop(): Promise<void>;
}

/**
 * Where TEMPORAL_ADDRESS names a server, that one is taken as it is, and nothing is started; `ours` starts one all the same.
 * Without a data folder its data ends with it; without `uiPort` it has no UI.
 */
export async function startTemporal(options: {
  dataDir?: string;
  port?: number;
  uiPort?: number;
  searchAttributes: SearchAttribute[];
  /** Events of a history after which a workflow is told to go on in a new run; the server's own figure is in the thousands. */
  longHistory?: number | undefined;
  ours?: boolean;
  say: Say;
}): Promise<RunningTemporal> {
  const { say, uiPort, longHistory } = options;
  const settings = [
    ...onePartition,
    ...(longHistory ? [`limit.historyCount.suggestContinueAsNew=${longHistory}`] : []),
  ];
  const given = environment().TEMPORAL_ADDRESS;
  if (given && !options.ours) {
    say(`temporal: the one at ${given}, as TEMPORAL_ADDRESS says`);
    return { address: given, stop: async () => {} };
  }

  const folder = await callersOrTemporaryFolder(options.dataDir, say);
  if (options.port) await requireFreePort(options.port, 'Temporal', portSettings.temporal.variable);
  if (uiPort) await requireFreePort(uiPort, 'Temporal UI', portSettings.temporalUi.variable);
  const port = options.port ?? (await freePorts(1))[0]!;
  const { path: command } = await resolveServer('temporal', { say });

  mkdirSync(folder.path, { recursive: true });
  const child = spawnOwned({
    name: 'temporal',
    command,
    args: [
      ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'error'],
      ...(uiPort ? ['--ui-port', String(uiPort), '--ui-disable-news-fetch'] : ['--headless']),
      ...settings.flatMap((value) => ['--dynamic-config-value', value]),
      ...['--db-filename', join(folder.path, 'temporal.db')],
      ...pragmas.flatMap((pragma) => ['--sqlite-pragma', pragma]),
      ...options.searchAttributes.flatMap((key) => ['--search-attribute', `${key.name}=${cliType(key.type)}`]),
    ],
    env: { ...environment(), ...memoryForSpeed },
    dataDir: folder.path,
  });
  const address = `127.0.0.1:${port}`;
  await waitUntilReady(child, () => connectAndSetRetention(address, options.searchAttributes));

  return {
    address,
    uiUrl: uiPort ? `http://127.0.0.1:${uiPort}` : undefined,
    child,
    async stop() {
      await child.stop();
      await folder.release();
    },
  };
}

/** Fewer collections of garbage, up to a bound: a tenth more workflows a second. */
const memoryForSpeed = { GOGC: '400', GOMEMLIMIT: '512MiB' };

/** Partitions of a task queue are for many servers; on one, each is a detour. */
const onePartition = ['matching.numTaskqueueReadPartitions=1', 'matching.numTaskqueueWritePartitions=1'];

/** KEYWORD_LIST is KeywordList to the command line. */
function cliType(type: SearchAttributeType): string {
  return type.toLowerCase().replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Throws until the server answers and has its namespace; undefined until it knows the search attributes. */
async function connectAndSetRetention(address: string, searchAttributes: SearchAttribute[]): Promise<true | undefined> {
  const connection = await Connection.connect({ address, connectTimeout: 1000 });
  try {
    const namespace = 'default';
    const { config } = await connection.workflowService.describeNamespace({ namespace });
    if (tsToMs(config?.workflowExecutionRetentionTtl) !== msToNumber(retention)) {
      const kept = { workflowExecutionRetentionTtl: msToTs(retention) };
      await connection.workflowService.updateNamespace({ namespace, config: kept });
    }
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return searchAttributes.every(({ name }) => customAttributes?.[name] !== undefined) || undefined;
  } finally {
    await connection.close();
  }
}
