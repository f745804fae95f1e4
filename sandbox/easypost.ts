import { easyPostRoutes } from './easypost/routes.ts';
import type { Webhook } from './easypost/webhook.ts';
import { type Rest, startRest } from './rest.ts';

/**
 * A stand-in for EasyPost on loopback, for its library with the base address `${url}/v2/`: the part of its API that we use.
 * It takes what EasyPost documents and nothing else, sells a shipment once, prints labels, plays the scans that it is told,
 * and fails on demand. It keeps nothing over a restart.
 */
export function startEasyPostSandbox(options: { apiKey: string; webhook?: Webhook }): Promise<Rest> {
  const basic = `Basic ${Buffer.from(`${options.apiKey}:`).toString('base64')}`;
  return startRest({
    port: 0,
    name: 'EasyPost sandbox',
    isAllowed: ({ authorization }) => authorization === basic,
    refused: ({ code, message }) => ({ error: { code: code.toUpperCase(), message, errors: [] } }),
    routes: (url) => easyPostRoutes(url, options.webhook),
  });
}
