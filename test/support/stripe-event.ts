/** What Stripe would send: an event about an object, signed now or at another time. */
import { createHmac, randomUUID } from 'node:crypto';
import { config } from '../api/support.ts';

export function stripeEvent(type: string, object: object, id = `evt_${randomUUID()}`): string {
  return JSON.stringify({ id, object: 'event', type, data: { object } });
}

export const nowInSeconds = () => Math.floor(Date.now() / 1000);

export function signature(raw: string, secrets = config.STRIPE_WEBHOOK_SECRETS.slice(0, 1), time = nowInSeconds()) {
  const macs = secrets.map((secret) => `v1=${createHmac('sha256', secret).update(`${time}.${raw}`).digest('hex')}`);
  return [`t=${time}`, ...macs].join(',');
}

export async function sendToApi(url: string, raw: string): Promise<number> {
  const headers = { 'stripe-signature': signature(raw), 'content-type': 'application/json' };
  return (await fetch(`${url}/v1/webhooks/stripe`, { method: 'POST', headers, body: raw })).status;
}
