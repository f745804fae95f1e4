import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { createFaults, faultRequest } from './carrier/faults.ts';
import { type Label, labelRequest, movement, openParcels, type ParcelEvent } from './carrier/parcels.ts';
import { quote, ratesRequest } from './carrier/rates.ts';
import { Refusal } from './carrier/refusal.ts';
import { createWebhookSender, webhookModes } from './carrier/webhooks.ts';
import { openJournal } from './journal.ts';

const labelsQuery = z.strictObject({ reference: z.string().min(1) });
const trackingQuery = z.strictObject({
  since: z.iso.datetime(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  after: z.string().optional(),
});
const webhooksRequest = z.strictObject({ mode: z.enum(webhookModes) });

interface Call {
  id: string;
  query: Record<string, string>;
  headers: IncomingHttpHeaders;
  body: string;
}
interface Answer {
  status: number;
  body?: unknown;
}
interface Route {
  method: string;
  path: RegExp;
  /** What faults call it. The control endpoints have none, and neither faults nor the key apply to them. */
  operation?: string;
  handle(call: Call): Answer;
}

/**
 * A carrier on loopback: quotes rates, sells labels, plays the movements it is told to, and announces them by webhook. It keeps its
 * books in the journal file, and fails on demand. Without a webhook its events are only there to be polled.
 */
export async function startCarrierSandbox(options: {
  port?: number;
  journalFile?: string;
  apiKey: string;
  webhook?: { url: string; secret: string };
}): Promise<{ url: string; port: number; stop(): Promise<void> }> {
  const journal = openJournal(options.journalFile);
  const parcels = openParcels(journal);
  const faults = createFaults();
  const webhooks = options.webhook && createWebhookSender({ ...options.webhook, delivered: parcels.delivered });
  const stopping = new AbortController();

  const server = createServer((request, response) => void serve(request, response));
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  for (const event of parcels.due()) webhooks?.send(event);

  const showLabel = ({ id, trackingNumber, request, costMinor, currency, status }: Label) => {
    const { reference, service, purpose } = request;
    const labelUrl = `${url}/labels/${id}/file`;
    return { id, trackingNumber, reference, service, purpose, costMinor, currency, labelUrl, status };
  };

  const routes: Route[] = [
    {
      method: 'POST',
      path: /^\/rates$/,
      operation: 'rates',
      handle: ({ body }) => ({ status: 200, body: { rates: quote(parseBody(ratesRequest, body)) } }),
    },
    {
      method: 'POST',
      path: /^\/labels$/,
      operation: 'labels.create',
      handle({ headers, body }) {
        const key = headers['idempotency-key'];
        if (typeof key !== 'string') throw new Refusal(400, 'invalid_request', 'the Idempotency-Key header is missing');
        return { status: 201, body: showLabel(parcels.buy(key, parseBody(labelRequest, body))) };
      },
    },
    {
      method: 'GET',
      path: /^\/labels$/,
      operation: 'labels.read',
      handle: ({ query }) => {
        const labels = parcels.labels(parse(labelsQuery, query).reference);
        return { status: 200, body: { labels: labels.map(showLabel) } };
      },
    },
    {
      method: 'GET',
      path: /^\/labels\/([^/]+)$/,
      operation: 'labels.read',
      handle: ({ id }) => ({ status: 200, body: showLabel(parcels.label(id)) }),
    },
    {
      method: 'POST',
      path: /^\/labels\/([^/]+)\/void$/,
      operation: 'labels.void',
      handle: ({ id }) => ({ status: 200, body: showLabel(parcels.void(id)) }),
    },
    {
      method: 'GET',
      path: /^\/labels\/([^/]+)\/file$/,
      operation: 'labels.file',
      handle: ({ id }) => ({ status: 200, body: printLabel(parcels.label(id)) }),
    },
    {
      method: 'GET',
      path: /^\/tracking$/,
      operation: 'tracking',
      handle({ query }) {
        const { since, limit, after } = parse(trackingQuery, query);
        const page = parcels.eventsSince(since, limit, after);
        return { status: 200, body: { events: page.events.map(showEvent), hasMore: page.hasMore } };
      },
    },
    {
      method: 'GET',
      path: /^\/tracking\/([^/]+)$/,
      operation: 'tracking',
      handle: ({ id }) => ({ status: 200, body: { events: parcels.eventsOf(id).map(showEvent) } }),
    },
    {
      method: 'POST',
      path: /^\/_sandbox\/tracking\/([^/]+)$/,
      handle({ id, body }) {
        const announced = webhooks !== undefined && webhooks.mode !== 'off';
        const event = parcels.move(id, parseBody(movement, body), announced ? 'due' : 'not_sent');
        if (announced) webhooks.send(event);
        return { status: 201, body: showEvent(event) };
      },
    },
    {
      method: 'POST',
      path: /^\/_sandbox\/faults$/,
      handle: ({ body }) => ({ status: 201, body: faults.add(parseBody(faultRequest, body)) }),
    },
    { method: 'GET', path: /^\/_sandbox\/faults$/, handle: () => ({ status: 200, body: { faults: faults.list() } }) },
    {
      method: 'DELETE',
      path: /^\/_sandbox\/faults$/,
      handle() {
        faults.clear();
        return { status: 204 };
      },
    },
    {
      method: 'POST',
      path: /^\/_sandbox\/webhooks$/,
      handle({ body }) {
        if (!webhooks) throw new Refusal(409, 'no_webhook', 'this carrier was started without a webhook');
        webhooks.setMode(parseBody(webhooksRequest, body).mode);
        return { status: 200, body: { mode: webhooks.mode } };
      },
    },
    {
      method: 'GET',
      path: /^\/_sandbox\/state$/,
      handle() {
        const labels = parcels.labels().map((label) => ({
          ...showLabel(label),
          key: label.key,
          movements: parcels.eventsOf(label.trackingNumber).map((event) => event.status),
        }));
        const state = { mode: webhooks?.mode ?? 'off', due: parcels.due().length };
        return { status: 200, body: { labels, webhooks: state, faults: faults.list() } };
      },
    },
  ];

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const answer = await answerTo(request);
      if (answer === 'no reply') response.destroy();
      else send(response, answer);
    } catch (error) {
      if (stopping.signal.aborted) {
        response.destroy();
      } else if (error instanceof Refusal) {
        send(response, { status: error.status, body: { error: { code: error.code, message: error.message } } });
      } else {
        console.error('carrier sandbox:', error);
        send(response, { status: 500, body: { error: { code: 'internal', message: String(error) } } });
      }
    }
  }

  async function answerTo(request: IncomingMessage): Promise<Answer | 'no reply'> {
    const { pathname, searchParams } = new URL(request.url ?? '/', url);
    const route = routes.find((one) => one.method === request.method && one.path.test(pathname));
    if (!route) throw new Refusal(404, 'not_found', `there is no ${request.method} ${pathname}`);
    const call: Call = {
      id: route.path.exec(pathname)?.[1] ?? '',
      query: Object.fromEntries(searchParams),
      headers: request.headers,
      body: await text(request),
    };
    if (!route.operation) return route.handle(call);

    // A label's file is for whoever holds its link, so that a browser can print it.
    const open = route.operation === 'labels.file';
    if (!open && request.headers.authorization !== `Bearer ${options.apiKey}`) {
      throw new Refusal(401, 'unauthorized', 'the API key is missing or wrong');
    }

    const fault = faults.take(route.operation, call.body);
    if (fault?.kind === 'slow') await delay(fault.ms, undefined, { signal: stopping.signal });
    if (fault?.kind === 'fail_before') throw new Refusal(500, 'internal', 'a fault was ordered: nothing was done');
    if (fault?.kind === 'refuse') throw new Refusal(422, 'carrier_account_blocked', 'the account is blocked');
    const answer = route.handle(call);
    if (fault?.kind === 'fail_after') throw new Refusal(500, 'internal', 'a fault was ordered: the work was done');
    return fault?.kind === 'lose_reply' ? 'no reply' : answer;
  }

  return {
    url,
    port,
    async stop() {
      stopping.abort();
      await webhooks?.stop();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      journal.close();
    },
  };
}

function send(response: ServerResponse, { status, body }: Answer): void {
  if (body === undefined) response.writeHead(status).end();
  else if (typeof body === 'string')
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(body);
  else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function parseBody<T>(schema: z.ZodType<T>, body: string): T {
  try {
    return parse(schema, JSON.parse(body));
  } catch (error) {
    if (error instanceof SyntaxError) throw new Refusal(400, 'invalid_request', 'the body is not JSON');
    throw error;
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (!result.success) throw new Refusal(400, 'invalid_request', z.prettifyError(result.error));
  return result.data;
}

function showEvent({ webhook: _, ...event }: ParcelEvent): Omit<ParcelEvent, 'webhook'> {
  return event;
}

function printLabel({
  trackingNumber,
  status,
  request: { to, from, service, purpose, parcel, reference },
}: Label): string {
  const lines = (end: typeof to) =>
    [end.name, end.line1, end.line2, `${end.postalCode} ${end.city}`, end.region, end.country]
      .filter((part) => part !== undefined)
      .map((part) => `    ${part}`);
  return [
    `SANDBOX CARRIER    ${service.toUpperCase()}${purpose === 'return' ? '    RETURN' : ''}`,
    ...(status === 'voided' ? ['*** VOID ***'] : []),
    `Tracking  ${trackingNumber}`,
    `Reference ${reference}    ${parcel.weightGrams} g`,
    'To',
    ...lines(to),
    'From',
    ...lines(from),
    '',
  ].join('\n');
}
