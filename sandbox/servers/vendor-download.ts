/** Run by the resolver: `vendor-download.ts KIND VERSION FOLDER` downloads a server into the folder and prints its path. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

const [kind, version, folder] = process.argv.slice(2) as [string, string, string];

try {
  console.log(kind === 'mongod' ? await mongod() : await temporal());
} catch (error) {
  console.error((error instanceof Error ? error.message : String(error)).replaceAll('\n', ' '));
  process.exit(1);
}

async function mongod(): Promise<string> {
  const { MongoBinary } = await import('mongodb-memory-server-core');
  return MongoBinary.getPath({ version, downloadDir: folder, checkMD5: true });
}

/** The SDK downloads a server only in order to start it; so start it and stop it again. */
async function temporal(): Promise<string> {
  const { TestWorkflowEnvironment } = await import('@temporalio/testing');
  const server = { executable: { type: 'cached-download', downloadDir: folder, version } } as const;
  const environment =
    kind === 'temporal'
      ? await TestWorkflowEnvironment.createLocal({ server })
      : await TestWorkflowEnvironment.createTimeSkipping({ server });
  await environment.teardown();
  const [file] = await readdir(folder);
  if (file === undefined) throw new Error('the download left no file');
  return join(folder, file);
}
