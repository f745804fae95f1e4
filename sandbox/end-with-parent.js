/**
 * Loaded before a Node child of the stack: when the process that started it is gone, it stops too. It is JavaScript, since
 * Temporal's worker threads load it as well, and these read no TypeScript.
 */
import { isMainThread } from 'node:worker_threads';

const gracePeriodMs = 15_000;

if (isMainThread) {
  process.once('disconnect', () => {
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => process.exit(1), gracePeriodMs).unref();
  });
  // Listening would keep a command that is done from ending.
  process.channel?.unref();
}
