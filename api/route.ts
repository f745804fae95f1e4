/** Puts one row of the route table into Express: who, what, and then the handler; in this order. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import type { z } from 'zod';
import { authorize, notFound, type Permission, permissions, scopeOf } from './auth.ts';
import type { Api, Caller, Endpoint, Idempotency } from './endpoint.ts';
import { Problem } from './problem.ts';
import { withAllowedActions } from './refused.ts';
import { csvFile } from './schemas/common.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface Route {
  method: Method;
  path: string;
  permission: Permission;
  endpoint: Endpoint;
}

export function route(method: Method, path: string, permission: Permission, endpoint: Endpoint): Route {
  return { method, path, permission, endpoint };
}

const readJson = express.json({ limit: '256kb', type: 'application/json' });
/** The largest file: about a million rows. */
const csvLimit = 100 * 2 ** 20;
const readBytes = express.raw({ limit: '1mb', type: () => true });

/** @throws where the route could let somebody in by mistake. */
export function register(app: Express, api: Api, { method, path, permission, endpoint }: Route): void {
  const audience: readonly string[] | undefined = permissions[permission];
  if (audience === undefined) throw new Error(`${method} ${path}: there is no permission ${permission}`);
  if (audience.includes('owner') && endpoint.orderOf === undefined)
    throw new Error(`${method} ${path} lets owners in, but does not say of which order (orderOf)`);
  if (audience.includes('customer') && !audience.includes('public') && endpoint.customerOf === undefined)
    throw new Error(`${method} ${path} lets customers in, but does not say which (customerOf)`);

  const handler: RequestHandler = async (request, response) => {
    const params = readParams(endpoint, request);
    const caller = await authorize(api, permission, request.get('authorization'), async () =>
      endpoint.orderOf?.(api, params),
    );
    if (caller.kind === 'customer' && (endpoint.customerOf?.(params) ?? caller.customerId) !== caller.customerId)
      throw notFound();
    const query = check('query', endpoint.query, request.query);
    const body = await readBody(endpoint, request, response);
    const asked = {
      params,
      query,
      body,
      rawBody: endpoint.raw && Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
      header: (name: string) => request.get(name),
      caller,
      idempotency: readKey(endpoint, request, caller, body),
      requestId: String(request.id),
      log: request.log,
    };
    const answer = await endpoint.handle(api, asked).catch(async (error) => {
      throw await withAllowedActions(api.mongo, { path, params: request.params, body, caller }, error);
    });
    if (endpoint.etag !== undefined) return sendCacheable(request, response, endpoint.etag, answer.body);
    if (answer.body instanceof Readable) return sendCsv(response, { ...answer, body: answer.body });
    response.status(answer.status).set({ 'cache-control': 'no-store', ...answer.headers });
    if (Buffer.isBuffer(answer.body)) response.type('pdf').send(answer.body);
    else response.json(answer.body);
  };
  app[method.toLowerCase() as 'get' | 'post' | 'put' | 'delete'](path, handler);
}

/** Whoever has the same already is told so, without a body: RFC 9110, 13.1.2. */
function sendCacheable(request: Request, response: Response, cacheControl: string, body: unknown): void {
  const text = JSON.stringify(body);
  const etag = `"${createHash('sha256').update(text).digest('base64url')}"`;
  response.set({ 'cache-control': cacheControl, etag });
  const known = (request.get('if-none-match') ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (known.includes(etag)) response.status(304).end();
  else response.type('application/json').send(text);
}

/** No faster than it is taken, and no longer than somebody takes it. */
async function sendCsv(
  response: Response,
  answer: { status: number; headers?: object; body: Readable },
): Promise<void> {
  // What fails before anything is sent is answered as a problem.
  await once(answer.body, 'readable');
  response
    .status(answer.status)
    .set({ 'cache-control': 'no-store', ...answer.headers })
    .type('csv');
  await pipeline(answer.body, response).catch((error) => {
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  });
}

/** An id that cannot exist is answered like one that does not. */
function readParams(endpoint: Endpoint, request: Request): unknown {
  const parsed = endpoint.params?.safeParse(request.params);
  if (parsed?.success === false) throw new Problem('not-found', 'The address names nothing that could exist');
  return parsed?.data ?? {};
}

/** Bodies are read after the caller is known: strangers cannot make us parse. */
async function readBody(endpoint: Endpoint, request: Request, response: Response): Promise<unknown> {
  if (endpoint.raw) {
    await readWhole(readBytes, request, response);
    return undefined;
  }
  const hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length']) > 0;
  if (endpoint.body === csvFile) {
    if (!hasBody) throw new Problem('invalid-request', 'This request needs a CSV file as its body');
    return readCsv(request);
  }
  if (hasBody) {
    if (!request.is('application/json'))
      throw new Problem(
        'unsupported-media-type',
        `Send application/json, not ${request.get('content-type') ?? 'this'}`,
      );
    await readWhole(readJson, request, response);
  }
  if (endpoint.body === undefined) return check('body', undefined, request.body ?? {});
  if (!hasBody) throw new Problem('invalid-request', 'This request needs a JSON body');
  return check('body', endpoint.body, request.body);
}

async function readWhole(reader: RequestHandler, request: Request, response: Response): Promise<void> {
  try {
    await run(reader, request, response);
  } catch (error) {
    // Who is still sending listens for the answer only afterwards.
    request.resume();
    throw error;
  }
}

function readCsv(request: Request): Readable {
  const { 'content-type': type = 'no type', 'content-encoding': encoding = 'identity' } = request.headers;
  const charset = /charset="?([^";]*)/i.exec(type)?.[1] ?? 'utf-8';
  if (!request.is('text/csv') || encoding !== 'identity' || !/^utf-?8$/i.test(charset))
    throw new Problem('unsupported-media-type', `Send text/csv, in UTF-8 and not compressed; not ${type}, ${encoding}`);
  if (Number(request.headers['content-length']) > csvLimit) throw largerThanLimit();
  return Readable.from(upToLimit(request));
}

async function* upToLimit(request: Request): AsyncGenerator<Buffer> {
  let read = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      read += chunk.length;
      if (read > csvLimit) throw largerThanLimit();
      yield chunk;
    }
  } catch (error) {
    throw request.destroyed ? new Problem('invalid-request', 'The body broke off', {}, error) : error;
  } finally {
    // Who is still sending listens for the answer only afterwards.
    request.resume();
  }
}

function largerThanLimit(): Problem {
  return new Problem('too-large', `The file is larger than ${csvLimit / 2 ** 20} MB: split it`);
}

function run(middleware: RequestHandler, request: Request, response: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    void middleware(request, response, (error?: unknown) => (error ? reject(error) : resolve()));
  });
}

/** @throws Problem invalid-request, with one entry a field in `errors` */
function check(place: 'query' | 'body', schema: z.ZodType | undefined, value: unknown): unknown {
  if (schema === undefined) {
    const given = Object.keys((value as object | undefined) ?? {});
    if (given.length === 0 && !Array.isArray(value)) return {};
    const errors = given.map((field) => ({ in: place, field, message: 'Unknown field' }));
    throw new Problem('invalid-request', `This request takes no ${place}`, { errors });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.map((issue) => ({
    in: place,
    field: issue.path.join('.'),
    message: issue.message,
  }));
  const first = errors[0]!;
  throw new Problem('invalid-request', `${place} ${first.field}: ${first.message}`.replace('  ', ' '), { errors });
}

function readKey(endpoint: Endpoint, request: Request, caller: Caller, body: unknown): Idempotency | undefined {
  if (endpoint.idempotencyKey === undefined) return undefined;
  const key = request.get('idempotency-key');
  if (key === undefined) {
    if (endpoint.idempotencyKey === 'optional') return undefined;
    throw new Problem(
      'idempotency-key-missing',
      'Send an Idempotency-Key header: a new random value for each new request, the same for its repeats',
    );
  }
  // A public caller is known by the key alone, so it must not be guessable.
  if (!/^[\x21-\x7e]{16,255}$/.test(key))
    throw new Problem(
      'invalid-request',
      'The Idempotency-Key needs 16 to 255 visible ASCII characters, such as a UUID',
    );
  const bodyHash = createHash('sha256')
    .update(`${request.method} ${request.path}\n${JSON.stringify(body)}`)
    .digest('hex');
  return { caller: scopeOf(caller), key, bodyHash };
}
