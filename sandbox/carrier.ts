import { openManifests } from './carrier/manifests.ts';
import { openParcels } from './carrier/parcels.ts';
import { carrierRoutes } from './carrier/routes.ts';
import { createWebhookSender } from './carrier/webhooks.ts';
import { openJournal } from './journal.ts';
import { type Rest, startRest } from './rest.ts';

/**
 * A carrier on loopback: quotes rates, checks addresses, sells labels, prints them and manifests, plays the movements it is
 * told to, and announces them by webhook. It keeps its books in the journal file, and fails on demand. Without a webhook
 * its events are only there to be polled.
 */
export async function startCarrierSandbox(options: {
  port?: number;
  journalFile?: string;
  apiKey: string;
  webhook?: { url: string; secret: string };
}): Promise<Rest> {
  const journal = openJournal(options.journalFile);
  const parcels = openParcels(journal);
  const manifests = openManifests(journal, parcels);
  const webhooks = options.webhook && createWebhookSender({ ...options.webhook, delivered: parcels.delivered });
  const rest = await startRest({
    port: options.port ?? 0,
    name: 'carrier sandbox',
    isAllowed: ({ authorization }) => authorization === `Bearer ${options.apiKey}`,
    refused: ({ code, message }) => ({ error: { code, message } }),
    routes: (url, faults) => carrierRoutes({ url, parcels, manifests, webhooks, faults }),
  });
  for (const event of parcels.due()) webhooks?.send(event);
  return {
    ...rest,
    async stop() {
      await webhooks?.stop();
      await rest.stop();
      journal.close();
    },
  };
}
