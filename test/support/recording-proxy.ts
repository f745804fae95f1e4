/** Stands before an HTTP server, passes everything on, and notes what was asked and answered. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface Recorded {
  method: string;
  path: string;
  /** Of the query and of a form: each by its name as it was sent, such as `metadata[orderId]`. */
  params: [name: string, value: string][];
  key: string | undefined;
  status: number;
  answer: unknown;
}

/** What to make of an answer before it is passed on, by `METHOD path`. */
export type Changes = Record<string, (answer: never) => unknown>;

export async function startRecordingProxy(target: string) {
  const requests: Recorded[] = [];
  let changes: Changes = {};
  const server = createServer(async (request, response) => {
    const { method = 'GET', url = '/' } = request;
    const body = await buffer(request);
    const answered = await fetch(target + url, {
      method,
      headers: passedOn(request),
      ...(method !== 'GET' && { body: new Uint8Array(body) }),
    });
    const { pathname, searchParams } = new URL(url, target);
    const answer = (await answered.json()) as never;
    const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded');
    requests.push({
      method,
      path: pathname,
      params: [...searchParams, ...(isForm ? new URLSearchParams(body.toString()) : [])],
      key: request.headers['idempotency-key'] as string | undefined,
      status: answered.status,
      answer,
    });
    const change = answered.ok ? changes[`${method} ${pathname}`] : undefined;
    response.writeHead(answered.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(change ? change(answer) : answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Whatever the call makes of the answers: the requests that it sent until it was done. */
    async requestsOf(call: () => Promise<unknown>, changing: Changes = {}): Promise<Recorded[]> {
      changes = changing;
      requests.length = 0;
      await call().catch(() => {});
      return [...requests];
    },
    async stop(): Promise<void> {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A connection's own headers are not for the next one. */
function passedOn({ headers }: IncomingMessage): Record<string, string> {
  const { host: _host, connection: _connection, 'content-length': _length, ...rest } = headers;
  return Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, String(value)]));
}
