/** A sandbox Stripe with the official library in front of it, for the tests of the sandbox itself. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Stripe } from 'stripe';
import { startStripeSandbox } from '../../sandbox/stripe/server.ts';

export const DAY = 86_400_000;

export type PlayedStripe = Awaited<ReturnType<typeof playStripe>>;

export async function playStripe(options: Parameters<typeof startStripeSandbox>[0] = {}) {
  const sandbox = await startStripeSandbox(options);
  const stripe = new Stripe('sk_test_waybill', {
    host: '127.0.0.1',
    port: sandbox.port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
  });
  const control = async <T = unknown>(method: string, path: string, body?: object) => {
    const answer = await fetch(`${sandbox.url}/_sandbox/${path}`, { method, body: body && JSON.stringify(body) });
    return { status: answer.status, body: (await answer.json()) as T };
  };
  return {
    stripe,
    url: sandbox.url,
    control,
    stop: () => sandbox.stop(),
    advance: (ms: number) => control<{ now: number }>('POST', 'clock', { advanceMs: ms }),
    /** The types of the events about one object, the oldest first. */
    async eventsAbout(id: string): Promise<string[]> {
      const events = await stripe.events.list({ limit: 100 });
      return events.data
        .filter(({ data }) => (data.object as { id: string }).id === id)
        .map(({ type }) => type as string)
        .reverse();
    },
  };
}

/** A card that is held, or what else the changes say. */
export const authorization = (changes: Partial<Stripe.PaymentIntentCreateParams> = {}) => ({
  amount: 4200,
  currency: 'usd',
  capture_method: 'manual' as const,
  confirm: true,
  payment_method: 'pm_card_visa',
  automatic_payment_methods: { enabled: true, allow_redirects: 'never' as const },
  ...changes,
});

/** What the API refused, as stripe-node throws it. */
export async function refusal(promise: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  return promise.then(
    () => Promise.reject(new Error('was not refused')),
    (error: Stripe.errors.StripeError) => error,
  );
}

/** An endpoint for webhooks, which answers with the status that it is told. */
export async function receiveWebhooks() {
  const received: { event: Stripe.Event; signature: string }[] = [];
  const state = { status: 200 };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += String(part);
    const signature = String(request.headers['stripe-signature']);
    if (state.status === 200) received.push({ event: JSON.parse(body), signature });
    response.writeHead(state.status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    received,
    state,
    webhook: {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/stripe`,
      secrets: ['whsec_test'],
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
