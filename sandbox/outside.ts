/**
 * The outside world in one process: Stripe, a carrier and a mailbox. It is told what to start in WAYBILL_OUTSIDE, and keeps
 * what they know in the folder given there.
 */
import { join } from 'node:path';
import { startCarrierSandbox } from './carrier.ts';
import { startMailbox } from './mailbox.ts';
import { environment } from './settings.ts';
import { startStripeSandbox } from './stripe/server.ts';

export interface Outside {
  folder: string;
  apiUrl: string;
  /** Absent where the real Stripe is used. */
  stripe?: { port: number; webhookSecrets: string[] };
  carrier: { port: number; apiKey: string; webhookSecret: string };
  mailbox: { httpPort: number; smtpPort: number };
}

const { folder, apiUrl, stripe, carrier, mailbox } = JSON.parse(environment().WAYBILL_OUTSIDE ?? '') as Outside;

const servers = await Promise.all([
  stripe &&
    startStripeSandbox({
      port: stripe.port,
      journalFile: join(folder, 'stripe.jsonl'),
      webhook: { url: `${apiUrl}/v1/webhooks/stripe`, secrets: stripe.webhookSecrets },
    }),
  startCarrierSandbox({
    port: carrier.port,
    journalFile: join(folder, 'carrier.jsonl'),
    apiKey: carrier.apiKey,
    webhook: { url: `${apiUrl}/v1/webhooks/carrier`, secret: carrier.webhookSecret },
  }),
  startMailbox({ ...mailbox, journalFile: join(folder, 'mailbox.jsonl') }),
]);
console.log(JSON.stringify({ msg: 'ready' }));

process.once('SIGTERM', async () => {
  await Promise.all(servers.map((server) => server?.stop()));
  process.exit(0);
});
