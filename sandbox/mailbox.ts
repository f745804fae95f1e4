import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { SMTPServer } from 'smtp-server';
import { z } from 'zod';
import { openJournal } from './journal.ts';
import { readMail } from './mailbox/mime.ts';

const maxShown = 200;

/**
 * - `refuse`: a 451 instead of taking the mail.
 * - `slow`: the mail is taken at once, and that is said `ms` later: too late, for a sender with less patience.
 */
const faultRequest = z.strictObject({
  kind: z.enum(['refuse', 'slow']),
  times: z.int().positive().default(1),
  ms: z.int().nonnegative().max(120_000).default(2_000),
});

interface Message {
  messageId: string;
  from: string;
  to: string[];
  subject: string;
  text: string;
  html?: string;
  headers: Record<string, string>;
  receivedAt: string;
  /** How often it arrived. A reader with the same Message-ID twice shows it once. */
  copies: number;
}

/** A mail server on loopback that takes every mail, delivers none, and shows them on a page and as JSON. */
export async function startMailbox(options: {
  smtpPort?: number;
  httpPort?: number;
  journalFile?: string;
}): Promise<{ smtpUrl: string; url: string; stop(): Promise<void> }> {
  const journal = openJournal(options.journalFile);
  const messages = journal.collection<Message>('messages');
  let faults: (z.infer<typeof faultRequest> & { fired: number })[] = [];
  const stopping = new AbortController();

  const smtp = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 100,
    onData(stream, { envelope }, done) {
      const from = envelope.mailFrom ? envelope.mailFrom.address : '';
      const to = envelope.rcptTo.map((recipient) => recipient.address);
      receive(stream, from, to).then(() => done(), done);
    },
  });
  smtp.on('error', (error) => {
    if (!stopping.signal.aborted) console.error('mailbox:', error);
  });
  const smtpListener = smtp.listen(options.smtpPort ?? 0, '127.0.0.1');
  await once(smtpListener, 'listening');

  const server = createServer((request, response) => {
    serve(request, response).catch((error) => {
      console.error('mailbox:', error);
      response.destroy();
    });
  });
  server.listen(options.httpPort ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function receive(stream: NodeJS.ReadableStream, from: string, to: string[]): Promise<void> {
    const raw = await buffer(stream);
    const fault = faults.find((one) => one.fired < one.times);
    if (fault) fault.fired += 1;
    if (fault?.kind === 'refuse') {
      throw Object.assign(new Error('4.3.0 refused, as a fault was ordered'), { responseCode: 451 });
    }
    const { messageId = `<${randomUUID()}@without.id>`, ...content } = readMail(raw);
    const known = messages.get(messageId);
    messages.put(
      messageId,
      known
        ? { ...known, copies: known.copies + 1 }
        : { messageId, from, to, ...content, receivedAt: new Date().toISOString(), copies: 1 },
    );
    if (fault?.kind === 'slow') await delay(fault.ms, undefined, { signal: stopping.signal });
  }

  function messagesTo(recipient: string | null): Message[] {
    const wanted = recipient?.toLowerCase();
    return [...messages.values()].filter(
      (one) => !wanted || one.to.some((address) => address.toLowerCase() === wanted),
    );
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', url);
    const to = searchParams.get('to');
    switch (`${request.method} ${pathname}`) {
      case 'GET /':
        response.writeHead(200, {
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
        });
        response.end(page(messagesTo(to)));
        return;
      case 'GET /html': {
        const found = messages.get(searchParams.get('id') ?? '');
        if (found?.html === undefined) {
          sendJson(response, 404, { error: { code: 'not_found', message: 'there is no such mail with HTML' } });
          return;
        }
        response.writeHead(200, {
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-popups",
        });
        response.end(found.html);
        return;
      }
      case 'GET /messages':
        sendJson(response, 200, messagesTo(to));
        return;
      case 'GET /_sandbox/faults':
        sendJson(response, 200, { faults });
        return;
      case 'DELETE /_sandbox/faults':
        faults = [];
        response.writeHead(204).end();
        return;
      case 'POST /_sandbox/faults': {
        const wanted = readFault(await text(request));
        if (wanted.success) faults.push({ ...wanted.data, fired: 0 });
        if (wanted.success) sendJson(response, 201, faults.at(-1));
        else sendJson(response, 400, { error: { code: 'invalid_request', message: z.prettifyError(wanted.error) } });
        return;
      }
      default:
        sendJson(response, 404, { error: { code: 'not_found', message: `there is no ${request.method} ${pathname}` } });
    }
  }

  return {
    smtpUrl: `smtp://127.0.0.1:${(smtpListener.address() as AddressInfo).port}`,
    url,
    async stop() {
      stopping.abort();
      await new Promise<void>((resolve) => smtp.close(() => resolve()));
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      journal.close();
    },
  };
}

function readFault(body: string) {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    value = undefined; // The schema then says that an object was expected.
  }
  return faultRequest.safeParse(value);
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function page(messages: Message[]): string {
  const newestFirst = messages.slice(-maxShown).reverse();
  const articles = newestFirst.map(
    ({ messageId, subject, from, to, receivedAt, copies, text, html }) => `<article>
<h2>${escapeHtml(subject || '(no subject)')}</h2>
<p>To ${escapeHtml(to.join(', '))}, from ${escapeHtml(from)}, ${escapeHtml(receivedAt)}${
      copies > 1 ? `, arrived ${copies} times` : ''
    }${html === undefined ? '' : `, <a href="/html?id=${encodeURIComponent(messageId)}">as HTML</a>`}</p>
<pre>${escapeHtml(text)}</pre>
</article>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="5">
<title>Mailbox (${messages.length})</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }
article { border-top: 1px solid #ccc; }
h2 { font-size: 1.1rem; margin: 1rem 0 0; }
p { color: #555; margin: 0; }
pre { white-space: pre-wrap; font: inherit; }
</style>
<h1>Mailbox</h1>
<p>${messages.length} mails, newest first${messages.length > maxShown ? `, the last ${maxShown} of them` : ''}.</p>
${articles.join('\n')}
</html>`;
}

function escapeHtml(value: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return value.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
