/** What the carriers' servers are made of: a table of routes on loopback, which fail on demand. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { createFaults } from './faults.ts';
import { Refusal } from './refusal.ts';

export interface Call {
  /** What stands in the path where its pattern has a group. */
  id: string;
  query: Record<string, string>;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Answer {
  status: number;
  body?: unknown;
  /** Where the body is a file. */
  type?: 'application/pdf';
}

export interface Route {
  method: string;
  path: RegExp;
  /** What faults call it. The control endpoints have none, and neither faults nor the key apply to them. */
  operation?: string;
  /** For whoever holds its link, so that a browser can print it. */
  open?: true;
  handle(call: Call): Answer | Promise<Answer>;
}

export interface Rest {
  url: string;
  port: number;
  stop(): Promise<void>;
}

export async function startRest(options: {
  port: number;
  name: string;
  isAllowed(headers: IncomingHttpHeaders): boolean;
  /** A refusal as this API writes it. */
  refused(refusal: Refusal): unknown;
  /** `faults`: what was ordered so far, for a look at the state as a whole. */
  routes(url: string, faults: () => unknown[]): Route[];
}): Promise<Rest> {
  const stopping = new AbortController();
  let routes: Route[] = [];
  const server = createServer((request, response) => void serve(request, response));
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const ours = options.routes(url, () => faults.list());
  const faults = createFaults([...new Set(ours.flatMap(({ operation }) => operation ?? []))]);
  routes = [...ours, ...controlOf(faults)];

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const answer = await answerTo(request);
      if (answer === 'no reply') response.destroy();
      else send(response, answer);
    } catch (error) {
      if (stopping.signal.aborted) {
        response.destroy();
      } else if (error instanceof Refusal) {
        send(response, { status: error.status, body: options.refused(error) });
      } else {
        console.error(`${options.name}:`, error);
        send(response, { status: 500, body: options.refused(new Refusal(500, 'internal', String(error))) });
      }
    }
  }

  async function answerTo(request: IncomingMessage): Promise<Answer | 'no reply'> {
    const { pathname, searchParams } = new URL(request.url ?? '/', url);
    const route = routes.find((one) => one.method === request.method && one.path.test(pathname));
    if (!route) throw new Refusal(404, 'not_found', `there is no ${request.method} ${pathname}`);
    const call: Call = {
      id: decodeURIComponent(route.path.exec(pathname)?.[1] ?? ''),
      query: Object.fromEntries(searchParams),
      headers: request.headers,
      body: await text(request),
    };
    if (!route.operation) return route.handle(call);
    if (!route.open && !options.isAllowed(request.headers)) {
      throw new Refusal(401, 'unauthorized', 'the API key is missing or wrong');
    }

    const fault = faults.take(route.operation, call.body);
    if (fault?.kind === 'slow') await delay(fault.ms, undefined, { signal: stopping.signal });
    if (fault?.kind === 'fail_before') throw new Refusal(500, 'internal', 'a fault was ordered: nothing was done');
    if (fault?.kind === 'refuse') throw new Refusal(422, 'carrier_account_blocked', 'the account is blocked');
    const answer = await route.handle(call);
    if (fault?.kind === 'fail_after') throw new Refusal(500, 'internal', 'a fault was ordered: the work was done');
    return fault?.kind === 'lose_reply' ? 'no reply' : answer;
  }

  return {
    url,
    port,
    async stop() {
      stopping.abort();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function controlOf(faults: ReturnType<typeof createFaults>): Route[] {
  const path = /^\/_sandbox\/faults$/;
  return [
    {
      method: 'POST',
      path,
      handle: ({ body }) => ({ status: 201, body: faults.add(parseBody(faults.request, body)) }),
    },
    { method: 'GET', path, handle: () => ({ status: 200, body: { faults: faults.list() } }) },
    {
      method: 'DELETE',
      path,
      handle() {
        faults.clear();
        return { status: 204 };
      },
    },
  ];
}

function send(response: ServerResponse, { status, body, type }: Answer): void {
  if (body === undefined) response.writeHead(status).end();
  else if (type) response.writeHead(status, { 'content-type': type }).end(body);
  else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function parseBody<T>(schema: z.ZodType<T>, body: string): T {
  try {
    return parse(schema, JSON.parse(body));
  } catch (error) {
    if (error instanceof SyntaxError) throw new Refusal(400, 'invalid_request', 'the body is not JSON');
    throw error;
  }
}

export function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (!result.success) throw new Refusal(400, 'invalid_request', z.prettifyError(result.error));
  return result.data;
}
