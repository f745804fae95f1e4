import { createHmac } from 'node:crypto';
import { createChaos } from '../chaos.ts';
import { Refusal } from '../refusal.ts';
import type { ParcelEvent } from './parcels.ts';

const maxInFlight = 8;
const timeoutMs = 10_000;
const shuffleWindowMs = 1_000;

/**
 * - `normal`: in order for each parcel, unless one has to be retried.
 * - `duplicate`: every event twice, at the same moment.
 * - `shuffle`: what happens within a second is sent last first.
 * - `chaos`: late, twice or never, as a seed decides.
 * - `off`: nothing is sent; what happens meanwhile never will be, what was due before waits.
 * A restart goes back to `normal`.
 */
export const webhookModes = ['normal', 'duplicate', 'shuffle', 'chaos', 'off'] as const;
export type WebhookMode = (typeof webhookModes)[number];

interface Delivery {
  event: ParcelEvent;
  attempts: number;
  dueAt: number;
}

export type WebhookSender = ReturnType<typeof createWebhookSender>;

/** Posts events, signed, and again with growing pauses until each was answered 2xx; then calls `delivered`. */
export function createWebhookSender(options: { url: string; secret: string; delivered(eventId: string): void }) {
  let mode: WebhookMode = 'normal';
  let chaos: (() => number[]) | undefined;
  const waiting = new Set<Delivery>();
  const sending = new Map<string, Promise<void>>(); // by tracking number
  const held: ParcelEvent[] = [];
  const stopping = new AbortController();
  let wakeUp: NodeJS.Timeout | undefined;
  let endOfWindow: NodeJS.Timeout | undefined;

  function pump(): void {
    clearTimeout(wakeUp);
    if (stopping.signal.aborted || mode === 'off') return;
    const now = Date.now();
    let next = Number.POSITIVE_INFINITY;
    for (const delivery of waiting) {
      if (sending.size >= maxInFlight) return; // The end of each sending pumps again.
      const { trackingNumber } = delivery.event;
      if (delivery.dueAt > now) {
        next = Math.min(next, delivery.dueAt);
      } else if (!sending.has(trackingNumber)) {
        waiting.delete(delivery);
        const sent = send(delivery).finally(() => {
          sending.delete(trackingNumber);
          pump();
        });
        sending.set(trackingNumber, sent);
      }
    }
    if (next < Number.POSITIVE_INFINITY) wakeUp = setTimeout(pump, next - now);
  }

  async function send(delivery: Delivery): Promise<void> {
    const posts = mode === 'duplicate' ? [post(delivery.event), post(delivery.event)] : [post(delivery.event)];
    const answers = await Promise.all(posts);
    if (stopping.signal.aborted) return; // It stays due in the journal.
    if (answers.every((good) => good)) {
      options.delivered(delivery.event.id);
    } else {
      const attempts = delivery.attempts + 1;
      const pauseMs = Math.min(15_000, 125 * 2 ** attempts);
      waiting.add({ event: delivery.event, attempts, dueAt: Date.now() + pauseMs });
    }
  }

  async function post({ webhook: _, ...event }: ParcelEvent): Promise<boolean> {
    const body = JSON.stringify({ type: 'tracking', ...event });
    const time = Math.floor(Date.now() / 1000);
    const mac = createHmac('sha256', options.secret).update(`${time}.${body}`).digest('hex');
    try {
      const response = await fetch(options.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'carrier-signature': `t=${time},v1=${mac}` },
        body,
        signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(timeoutMs)]),
      });
      await response.arrayBuffer(); // Read to its end, so that the connection can be used again.
      return response.ok;
    } catch {
      return false; // Nobody there, or no answer in time: the same as an answer that is not 2xx.
    }
  }

  function enqueue(event: ParcelEvent, delays = [0]): void {
    for (const ms of delays) waiting.add({ event, attempts: 0, dueAt: Date.now() + ms });
    pump();
  }

  return {
    /** How long each copy of the next event is on its way, in milliseconds; none where nobody will hear of it. */
    delays(): number[] {
      if (mode === 'off') return [];
      return chaos?.() ?? [0];
    },
    send(event: ParcelEvent, delays?: number[]): void {
      if (mode !== 'shuffle') {
        enqueue(event, delays);
        return;
      }
      held.push(event);
      if (held.length > 1) return;
      endOfWindow = setTimeout(() => {
        for (const late of held.splice(0).reverse()) enqueue(late);
      }, shuffleWindowMs);
    },
    get mode() {
      return mode;
    },
    setMode(wanted: WebhookMode, seed?: number): void {
      if (wanted === 'chaos' && seed === undefined) throw new Refusal(400, 'invalid_request', 'chaos needs a "seed"');
      chaos = wanted === 'chaos' ? createChaos(seed!) : undefined;
      mode = wanted;
      pump();
    },
    async stop(): Promise<void> {
      stopping.abort();
      clearTimeout(wakeUp);
      clearTimeout(endOfWindow);
      await Promise.all(sending.values());
    },
  };
}
