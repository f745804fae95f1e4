import { createHmac } from 'node:crypto';
import { newId } from './ids.ts';
import type { Tracker } from './objects.ts';

export interface Webhook {
  url: string;
  secret: string;
}

/** What EasyPost sends when a tracker has changed. */
function eventOf(tracker: Tracker) {
  return {
    ...{ id: newId('evt'), object: 'Event', mode: 'test', description: 'tracker.updated', status: 'pending' },
    ...{ created_at: new Date().toISOString(), previous_attributes: {}, pending_urls: [], completed_urls: [] },
    result: tracker,
  };
}

/** Both signatures. `time` as RFC 2822 has it. */
export function signed(body: string, { url, secret }: Webhook, time: string): Record<string, string> {
  const path = new URL(url).pathname;
  const mac = (text: string) => createHmac('sha256', secret.normalize('NFKD')).update(text).digest('hex');
  return {
    'content-type': 'application/json',
    'x-timestamp': time,
    'x-path': path,
    'x-hmac-signature': `hmac-sha256-hex=${mac(body)}`,
    'x-hmac-signature-v2': `hmac-sha256-hex=${mac(`${time}POST${path}${body}`)}`,
  };
}

export async function post(webhook: Webhook, tracker: Tracker): Promise<number> {
  const body = JSON.stringify(eventOf(tracker));
  const headers = signed(body, webhook, new Date().toUTCString().replace('GMT', '-0000'));
  return (await fetch(webhook.url, { method: 'POST', headers, body })).status;
}
