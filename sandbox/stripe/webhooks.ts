import { createHmac } from 'node:crypto';
import { Agent, request } from 'node:http';
import { createChaos } from '../chaos.ts';
import { BadControl } from './errors.ts';
import type { SandboxEvent, Store } from './store.ts';

const MODES = ['normal', 'duplicate', 'shuffle', 'chaos', 'off'] as const;
type Mode = (typeof MODES)[number];

export interface Webhooks {
  /** Takes an event for delivery; returns at once. */
  add(event: SandboxEvent): void;
  /** Sends an event again, in whatever mode: as from the dashboard. */
  send(event: SandboxEvent): void;
  /** Changes how events are sent. Throws BadControl where the request is wrong. */
  set(change: unknown): { mode: Mode; delayMs: number; waiting: number };
  waiting(): string[];
  stop(): void;
}

interface Delivery {
  event: SandboxEvent;
  due: number;
  attempts: number;
  /** What is under way in a lane holds up the others of it; one without a lane waits for none. */
  lane: string | undefined;
}

/** Deliveries at the same time; events about one payment never overlap, so that `normal` keeps their order. */
const AT_ONCE = 4;
const AT_ONCE_IN_CHAOS = 8;
const ANSWER_WITHIN_MS = 10_000;
const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 10_000;
/** How long `shuffle` collects events before it mixes them. */
const SHUFFLE_MS = 300;

/** Sends events to the endpoint until it answers 2xx, as Stripe does, and plays what Stripe does not promise about it. */
export function createWebhooks(endpoint: { url: string; secrets: string[] }, store: Store): Webhooks {
  const agent = new Agent({ keepAlive: true });
  const busy = new Set<string>();
  let underWay = 0;
  let chaos: (() => number[]) | undefined;
  let queue: Delivery[] = [];
  let shuffling: Delivery[] = [];
  let mode: Mode = 'normal';
  let delayMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const isFree = ({ lane }: Delivery): boolean => lane === undefined || !busy.has(lane);

  /** Sends what is due, and sleeps until something else is. */
  const pump = (): void => {
    clearTimeout(timer);
    if (stopped || mode === 'off') return;
    const most = mode === 'chaos' ? AT_ONCE_IN_CHAOS : AT_ONCE;
    while (underWay < most) {
      const index = queue.findIndex((delivery) => delivery.due <= Date.now() && isFree(delivery));
      if (index === -1) break;
      const [delivery] = queue.splice(index, 1);
      void deliver(delivery!);
    }
    const dues = queue.filter(isFree).map(({ due }) => due);
    if (dues.length > 0 && underWay < most) {
      timer = setTimeout(pump, Math.max(0, Math.min(...dues) - Date.now()));
    }
  };

  const deliver = async (delivery: Delivery): Promise<void> => {
    const { event, lane } = delivery;
    underWay += 1;
    if (lane !== undefined) busy.add(lane);
    const body = JSON.stringify(event);
    const copies = mode === 'duplicate' ? 2 : 1;
    const taken = await Promise.all(Array.from({ length: copies }, () => post(endpoint, agent, body)));
    underWay -= 1;
    if (lane !== undefined) busy.delete(lane);
    if (stopped) return;
    if (taken.every(Boolean)) store.delivered.put(event.id, true);
    else {
      const wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** delivery.attempts);
      queue.push({ ...delivery, due: Date.now() + wait, attempts: delivery.attempts + 1 });
    }
    pump();
  };

  const mix = (): void => {
    const inOrder = shuffling;
    shuffling = [];
    const mixed = inOrder
      .map((delivery) => ({ delivery, place: Math.random() }))
      .sort((a, b) => a.place - b.place)
      .map(({ delivery }) => delivery);
    // By luck a shuffle may keep the order, and then it would show nothing.
    queue.push(...(mixed.every((delivery, index) => delivery === inOrder[index]) ? inOrder.reverse() : mixed));
    pump();
  };

  return {
    add(event) {
      const delivery: Delivery = { event, due: Date.now() + delayMs, attempts: 0, lane: subject(event) };
      if (chaos) {
        const delays = chaos();
        if (delays.length === 0) store.lost.put(event.id, true);
        queue.push(...delays.map((ms) => ({ event, due: Date.now() + ms, attempts: 0, lane: undefined })));
      } else if (mode !== 'shuffle') queue.push(delivery);
      else if (shuffling.push(delivery) === 1) setTimeout(mix, delayMs || SHUFFLE_MS).unref();
      // Not now: the API's own answer goes first.
      setImmediate(pump);
    },
    send(event) {
      queue.push({ event, due: Date.now(), attempts: 0, lane: undefined });
      setImmediate(pump);
    },
    set(change) {
      const { mode: next, delayMs: delay = 0, seed } = change as { mode?: Mode; delayMs?: number; seed?: number };
      if (!MODES.includes(next!)) throw new BadControl(`mode must be one of ${MODES.join(', ')}`);
      if (!Number.isInteger(delay) || delay < 0) throw new BadControl('delayMs must be a whole number of milliseconds');
      if (next === 'chaos' && !Number.isInteger(seed)) throw new BadControl('chaos needs a seed, a whole number');
      chaos = next === 'chaos' ? createChaos(seed!) : undefined;
      if (next === 'shuffle') {
        shuffling.push(...queue);
        queue = [];
      }
      mode = next!;
      delayMs = delay;
      if (mode === 'shuffle') mix();
      else pump();
      return { mode, delayMs, waiting: queue.length + shuffling.length };
    },
    waiting: () => [...queue, ...shuffling].map(({ event }) => event.id),
    stop() {
      stopped = true;
      clearTimeout(timer);
      agent.destroy();
    },
  };
}

/** The payment an event is about. */
function subject(event: SandboxEvent): string {
  const { id, payment_intent } = event.data.object as { id: string; payment_intent?: string | null };
  return payment_intent ?? id;
}

/** Whether the endpoint answered 2xx. Each attempt is signed anew, once per secret, as during Stripe's rotation of secrets. */
function post(endpoint: { url: string; secrets: string[] }, agent: Agent, body: string): Promise<boolean> {
  const time = Math.floor(Date.now() / 1000);
  const signatures = endpoint.secrets.map(
    (secret) => `v1=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`,
  );
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'stripe-signature': [`t=${time}`, ...signatures].join(','),
    'user-agent': 'Stripe/1.0 (sandbox)',
  };
  return new Promise((resolve) => {
    const sent = request(endpoint.url, { method: 'POST', agent, headers, timeout: ANSWER_WITHIN_MS }, (answer) => {
      answer.resume();
      answer.on('error', () => resolve(false));
      answer.on('end', () => resolve(Math.floor((answer.statusCode ?? 0) / 100) === 2));
    });
    sent.on('timeout', () => sent.destroy());
    // No answer is the same as a refusal: it is tried again.
    sent.on('error', () => resolve(false));
    sent.on('close', () => resolve(false));
    sent.end(body);
  });
}
