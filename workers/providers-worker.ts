/** The activities on Stripe, the carriers and mail: the only processes that hold their secrets. */
import { Worker } from '@temporalio/worker';
import { createProviderActivities } from '../activities/index.ts';
import { readMailTexts } from '../activities/mail-texts.ts';
import { mailBatch, sendDueMails } from '../activities/notifications.ts';
import type { Carrier, CarrierId } from '../activities/providers/carrier.ts';
import { createEasyPost } from '../activities/providers/easypost.ts';
import { createMailer } from '../activities/providers/mail.ts';
import { createSandboxCarrier } from '../activities/providers/sandbox-carrier.ts';
import { createPayments } from '../activities/providers/stripe.ts';
import type { Carriers } from '../activities/shipping/labels.ts';
import type { readConfig } from '../platform/config.ts';
import type { Log } from '../platform/log.ts';
import type { Mongo } from '../platform/mongo.ts';
import type { TemporalConnections } from '../platform/temporal.ts';
import { taskQueues } from '../workflows/messages.ts';
import { type Loop, shutdownGraceMs, type WorkerProcess } from './process.ts';

type Config = ReturnType<typeof readConfig<'payments' | 'providers'>>;

export async function createProvidersWorker(
  config: Config,
  mongo: Mongo,
  temporal: TemporalConnections,
  { log }: WorkerProcess,
): Promise<{ worker: Worker; loops: Loop[]; close: () => void }> {
  const payments = createPayments({
    secretKey: config.STRIPE_SECRET_KEY,
    apiBase: config.STRIPE_API_BASE,
    publicUrl: config.PUBLIC_URL,
  });
  const texts = readMailTexts();
  const mailer = createMailer({ smtpUrl: config.SMTP_URL, from: config.MAIL_FROM });
  const worker = await Worker.create({
    connection: temporal.native,
    namespace: temporal.namespace,
    taskQueue: taskQueues.providers,
    activities: createProviderActivities({ mongo, payments, carriers: createCarriers(config, log) }),
    maxConcurrentActivityTaskExecutions: 50,
    shutdownGraceTime: shutdownGraceMs,
  });
  const mail = { publicUrl: config.PUBLIC_URL, secret: config.WAYBILL_SECRET, texts };
  return {
    worker,
    loops: [
      {
        name: 'mail',
        pauseMs: 500,
        batch: mailBatch,
        once: () =>
          sendDueMails(mongo, mailer, mail, ({ _id, tries }, why) => {
            log.warn({ mail: _id, tries, why }, 'a mail was not sent; it is tried again');
          }),
      },
    ],
    // Its kept connections would keep the process.
    close: () => mailer.close(),
  };
}

/** Each that is set up. All of them sell labels, and each is asked about its own. */
function createCarriers({ CARRIER_URL: url, CARRIER_API_KEY, EASYPOST_API_KEY }: Config, log: Log): Carriers {
  const carriers: Carrier[] = [];
  const unknownAt = (carrier: CarrierId) => (status: string) =>
    log.warn({ carrier, status }, 'a parcel has a status that is not known here');
  if (url !== undefined && CARRIER_API_KEY !== undefined)
    carriers.push(createSandboxCarrier({ url, apiKey: CARRIER_API_KEY, unknown: unknownAt('sandbox') }));
  if (EASYPOST_API_KEY !== undefined)
    carriers.push(createEasyPost({ apiKey: EASYPOST_API_KEY, unknown: unknownAt('easypost') }));
  return new Map(carriers.map((carrier) => [carrier.id, carrier]));
}
