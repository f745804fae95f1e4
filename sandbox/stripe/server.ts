import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApi } from './api.ts';
import { createControl } from './control.ts';
import { createFaults } from './faults.ts';
import { flattenUpload } from './files.ts';
import { createIdempotency } from './idempotency.ts';
import { operations } from './routes.ts';
import { openStore } from './store.ts';
import { letTimeWork } from './time.ts';
import { createWebhooks, type Webhooks } from './webhooks.ts';

const MAX_BODY_BYTES = 1_000_000;
const MAX_UPLOAD_BYTES = 6_000_000;

export interface StripeSandbox {
  url: string;
  port: number;
  stop(): Promise<void>;
}

/**
 * Starts a stand-in for Stripe on 127.0.0.1, for the official library with `host`, `port` and `protocol: 'http'`.
 * With a journal file its whole state survives a kill: what was answered is kept, and events not yet taken go out again.
 */
export async function startStripeSandbox(options: {
  /** A free one by default. */
  port?: number;
  journalFile?: string;
  /** Where events go. Several secrets sign each event once each. */
  webhook?: { url: string; secrets: string[] };
}): Promise<StripeSandbox> {
  const { port = 0, journalFile, webhook } = options;
  let webhooks: Webhooks | undefined;
  const store = openStore({ journalFile, hasWebhook: !!webhook, onEvent: (event) => webhooks?.add(event) });
  if (webhook) {
    webhooks = createWebhooks(webhook, store);
    for (const event of store.events.values()) {
      const { id, pending_webhooks } = event;
      if (pending_webhooks > 0 && !store.delivered.get(id) && !store.lost.get(id)) webhooks.add(event);
    }
  }
  const stopping = new AbortController();
  const faults = createFaults(operations);
  const api = createApi({ store, faults, idempotency: createIdempotency(store), signal: stopping.signal });
  const control = createControl({ store, faults, webhooks, calls: api.calls });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2);
    const method = request.method ?? 'GET';
    const body = await readBody(request);
    if (body === undefined) return void response.writeHead(413, { connection: 'close' }).end();
    if (path.startsWith('/_sandbox/')) {
      const { status, body: answer } = control(method, path, body);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      return;
    }
    const answer = await api.answer({
      method,
      path,
      query,
      body,
      authorization: request.headers.authorization,
      idempotencyKey: request.headers['idempotency-key']?.toString(),
    });
    if (answer) response.writeHead(answer.status, answer.headers).end(answer.body);
    else request.socket.destroy();
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      // A caller that hangs up in the middle of its request is a normal thing in the outside world.
      if (!request.errored) console.error('sandbox Stripe:', error);
      request.socket.destroy();
    });
  });
  // Longer than any pause of a caller, so that a kept connection is not closed under a request just being sent.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const settling = setInterval(() => {
    store.request = { id: null, idempotency_key: null };
    store.atomically(() => letTimeWork(store));
  }, 1000);

  const actualPort = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${actualPort}`,
    port: actualPort,
    async stop() {
      clearInterval(settling);
      stopping.abort();
      webhooks?.stop();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      store.close();
    },
  };
}

/** The body, or undefined where it is too large. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const contentType = request.headers['content-type'] ?? '';
  const upload = contentType.startsWith('multipart/form-data');
  const most = upload ? MAX_UPLOAD_BYTES : MAX_BODY_BYTES;
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > most) return undefined;
    parts.push(part);
  }
  const body = Buffer.concat(parts);
  return upload ? flattenUpload(body, contentType) : body.toString('utf8');
}
