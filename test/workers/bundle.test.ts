import { createContext, runInContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { workflowBundle } from '../../workers/bundle.ts';
import * as workflows from '../../workflows/index.ts';

test('the workflow bundle builds, runs in a context of its own, and holds every workflow', async () => {
  const bundle = await workflowBundle();
  if (!('code' in bundle)) throw new Error(`${bundle.codePath} stands beside the sources; remove it: it may be stale`);
  const context = createContext({ __webpack_module_cache__: {}, TextEncoder, TextDecoder });
  runInContext(bundle.code, context);
  const bundled = runInContext('__TEMPORAL__.importWorkflows()', context);
  expect(Object.keys(bundled).sort()).toEqual(Object.keys(workflows).sort());
  expect(Object.keys(bundled)).toEqual(expect.arrayContaining(['order', 'returnGoods', 'refund', 'dispute']));
});
