/** Puts one row of the route table into Express: who, what, and then the handler; in this order. */
import { createHash } from 'node:crypto';
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import type { z } from 'zod';
import { authorize, type Permission, permissions, scopeOf } from './auth.ts';
import type { Api, Caller, Endpoint, Idempotency } from './endpoint.ts';
import { Problem } from './problem.ts';

export type Method = 'GET' | 'POST' | 'PUT';

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
const readBytes = express.raw({ limit: '1mb', type: () => true });

/** @throws where the route could let somebody in by mistake. */
export function register(app: Express, api: Api, { method, path, permission, endpoint }: Route): void {
  const audience: readonly string[] | undefined = permissions[permission];
  if (audience === undefined) throw new Error(`${method} ${path}: there is no permission ${permission}`);
  if (audience.includes('owner') && endpoint.orderOf === undefined)
    throw new Error(`${method} ${path} lets owners in, but does not say of which order (orderOf)`);

  const handler: RequestHandler = async (request, response) => {
    const params = readParams(endpoint, request);
    const caller = await authorize(api, permission, request.get('authorization'), async () =>
      endpoint.orderOf?.(api, params),
    );
    const query = check('query', endpoint.query, request.query);
    const body = await readBody(endpoint, request, response);
    const answer = await endpoint.handle(api, {
      params,
      query,
      body,
      rawBody: endpoint.raw && Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
      header: (name) => request.get(name),
      caller,
      idempotency: readKey(endpoint, request, caller, body),
      requestId: String(request.id),
      log: request.log,
    });
    if (endpoint.etag !== undefined) return sendCacheable(request, response, endpoint.etag, answer.body);
    response
      .status(answer.status)
      .set({ 'cache-control': 'no-store', ...answer.headers })
      .json(answer.body);
  };
  app[method.toLowerCase() as 'get' | 'post' | 'put'](path, handler);
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

/** An id that cannot exist is answered like one that does not. */
function readParams(endpoint: Endpoint, request: Request): unknown {
  const parsed = endpoint.params?.safeParse(request.params);
  if (parsed?.success === false) throw new Problem('not-found', 'The address names nothing that could exist');
  return parsed?.data ?? {};
}

/** Bodies are read after the caller is known: strangers cannot make us parse. */
async function readBody(endpoint: Endpoint, request: Request, response: Response): Promise<unknown> {
  if (endpoint.raw) {
    await run(readBytes, request, response);
    return undefined;
  }
  const hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length']) > 0;
  if (hasBody) {
    if (!request.is('application/json'))
      throw new Problem(
        'unsupported-media-type',
        `Send application/json, not ${request.get('content-type') ?? 'this'}`,
      );
    await run(readJson, request, response);
  }
  if (endpoint.body === undefined) return check('body', undefined, request.body ?? {});
  if (!hasBody) throw new Problem('invalid-request', 'This request needs a JSON body');
  return check('body', endpoint.body, request.body);
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
