/**
 * A worker as a process of its own, for tests that freeze or kill it. It takes one task at a time, so that a frozen one
 * keeps nothing else waiting, and says on standard output what it does. Its environment comes from `World`.
 */
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createLocalActivities, createProviderActivities } from '../../activities/index.ts';
import { createSandboxCarrier } from '../../activities/providers/sandbox-carrier.ts';
import { createPayments } from '../../activities/providers/stripe.ts';
import { connectMongo } from '../../platform/mongo.ts';
import { taskQueues } from '../../workflows/messages.ts';

const { env } = process;
/**
 * `reserveStock:before` freezes the process when that step is about to do its work, `:after` when it has done it; so does
 * `captureIntent:after` with a call of Stripe, or `buyLabel:after` of the carrier, whose answer is not recorded yet.
 */
let freezeAt = env.FREEZE_AT;

Runtime.install({ logger: new DefaultLogger('ERROR') });
const mongo = await connectMongo(env.MONGODB_URI!);
const connection = await NativeConnection.connect({ address: env.TEMPORAL_ADDRESS! });
const worker =
  env.TASK_QUEUE === taskQueues.orders
    ? await Worker.create({
        connection,
        taskQueue: taskQueues.orders,
        workflowBundle: { codePath: env.WORKFLOW_BUNDLE! },
        activities: told(createLocalActivities(mongo)),
        maxConcurrentWorkflowTaskExecutions: 2,
      })
    : await Worker.create({
        connection,
        taskQueue: taskQueues.providers,
        activities: told(
          createProviderActivities({
            mongo,
            payments: told(
              createPayments({
                secretKey: env.STRIPE_SECRET_KEY!,
                apiBase: env.STRIPE_API_BASE,
                publicUrl: 'https://shop.example',
              }),
            ),
            carriers: new Map([
              ['sandbox', told(createSandboxCarrier({ url: env.CARRIER_URL!, apiKey: env.CARRIER_API_KEY! }))],
            ]),
          }),
        ),
        maxConcurrentActivityTaskExecutions: 1,
      });
process.on('SIGTERM', () => worker.shutdown());
say('ready');
await worker.run();
await connection.close();
await mongo.close();

function told<T extends object>(steps: T): T {
  const wrapped = Object.entries(steps).map(([name, step]) => [
    name,
    typeof step !== 'function'
      ? step
      : async (...input: unknown[]) => {
          say('begins', name);
          freeze(`${name}:before`);
          try {
            return await step(...input);
          } finally {
            freeze(`${name}:after`);
            say('ends', name);
          }
        },
  ]);
  return Object.fromEntries(wrapped);
}

function freeze(at: string): void {
  if (freezeAt !== at) return;
  freezeAt = undefined;
  say('frozen', at);
  process.kill(process.pid, 'SIGSTOP');
}

function say(msg: string, step?: string): void {
  console.log(JSON.stringify({ msg, step }));
}
