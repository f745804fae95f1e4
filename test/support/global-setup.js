/** Jest runs this file as it is, so that it brings its own reader of TypeScript. */
import { register } from 'tsx/esm/api';

export default async function globalSetup() {
  const unregister = register();
  try {
    const { startSharedServers } = await import('./servers.ts');
    const servers = await startSharedServers();
    globalThis.sharedServers = servers;
    process.env.TEST_MONGODB_URI = servers.mongodbUri;
    process.env.TEST_TEMPORAL_ADDRESS = servers.temporalAddress;
    process.env.TEST_WORKFLOW_BUNDLE = servers.workflowBundle;
  } finally {
    await unregister();
  }
}
