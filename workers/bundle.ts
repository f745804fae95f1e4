/**
 * The workflow code as one file. `npm run build` makes it ahead, for production; without it, as in development, it is
 * made at each start, which takes a second or two.
 */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type WorkerOptions } from '@temporalio/worker';

const builtBundle = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));

export async function workflowBundle(): Promise<NonNullable<WorkerOptions['workflowBundle']>> {
  return existsSync(builtBundle) ? { codePath: builtBundle } : makeBundle();
}

export async function makeBundle(): Promise<{ code: string }> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const workflow = (name: string) => fileURLToPath(new URL(`../workflows/${name}.${extension}`, import.meta.url));
  return bundleWorkflowCode({
    workflowsPath: workflow('index'),
    preloadModules: [workflow('short-stacks')],
    logger: new DefaultLogger('WARN'),
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { code } = await makeBundle();
  await writeFile(builtBundle, code);
  console.log(`${builtBundle}: ${Math.round(code.length / 1024)} KiB`);
}
