import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorBody, StripeFailure } from './errors.ts';
import { checkExpand, expand } from './expand.ts';
import type { Fault, Faults } from './faults.ts';
import { decodeForm } from './form.ts';
import { type Idempotency, type KeyedRequest, keyedRequest } from './idempotency.ts';
import { readParams } from './params.ts';
import type { Route } from './route.ts';
import { findRoute } from './routes.ts';
import { API_VERSION, type IdempotencyRecord, newId, type Store } from './store.ts';

export interface ApiRequest {
  method: string;
  path: string;
  query: string;
  body: string;
  authorization: string | undefined;
  idempotencyKey: string | undefined;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export interface Api {
  /** Answers one call of Stripe's API; `undefined` means that the connection breaks without an answer. */
  answer(request: ApiRequest): Promise<Answer | undefined>;
  /** How often each operation was called, repeats and failures included. */
  calls: Map<string, number>;
}

const OUR_FAULT = { type: 'api_error', message: 'An unknown error occurred.' } as const;

export function createApi(world: { store: Store; faults: Faults; idempotency: Idempotency; signal: AbortSignal }): Api {
  const { store, faults, idempotency, signal } = world;
  const calls = new Map<string, number>();

  async function answer(request: ApiRequest): Promise<Answer | undefined> {
    if (faults.isDown()) return undefined;
    const requestId = newId('req');
    try {
      authenticate(request.authorization);
      const found = findRoute(request.method, request.path);
      if (!found) throw unrecognized(request);
      const { operation } = found.route;
      calls.set(operation, (calls.get(operation) ?? 0) + 1);

      // Everything up to the execution can be refused without leaving a trace, also under an idempotency key.
      const params = decodeForm(request.method === 'POST' ? request.body : request.query);
      const checked = readParams(params, found.route.spec);
      const paths = (checked.expand as string[] | undefined) ?? [];
      checkExpand(paths, found.route.kind);
      const keyed =
        request.method === 'POST' && request.idempotencyKey
          ? keyedRequest(request.idempotencyKey, request.path, request.body)
          : undefined;

      const stored = keyed && idempotency.begin(keyed);
      try {
        const fault = faults.strike(operation, stored !== undefined);
        if (fault?.kind === 'drop') return undefined;
        if (fault?.kind === 'fail_before') throw new StripeFailure(500, OUR_FAULT);
        if (fault?.kind === 'rate_limit') throw rateLimited();
        if (fault?.kind === 'slow') await sleep(fault.ms, undefined, { signal });
        const done = stored
          ? replayed(stored, requestId)
          : execute({ ...found, params: checked, paths, keyed, fault, requestId });
        return fault?.kind === 'lose_reply' ? undefined : done;
      } finally {
        if (keyed && !stored) idempotency.end(keyed.key);
      }
    } catch (error) {
      return failed(error, requestId);
    }
  }

  /** Does the work, and keeps its answer under the idempotency key, all of it in one line of the journal. */
  function execute(work: {
    route: Route;
    id: string;
    params: Record<string, unknown>;
    paths: string[];
    keyed: KeyedRequest | undefined;
    fault: Fault | undefined;
    requestId: string;
  }): Answer {
    const { route, id, params, paths, keyed, fault, requestId } = work;
    return store.atomically(() => {
      store.request = { id: requestId, idempotency_key: keyed?.key ?? null };
      const result = attempt(() => expand(store, route.run(store, params as never, id), paths), requestId);
      const done = fault?.kind === 'fail_after' ? failed(new StripeFailure(500, OUR_FAULT), requestId) : result;
      if (keyed) store.idempotency.put(keyed.key, { ...keyed, requestId, status: done.status, body: done.body });
      return done;
    });
  }

  return { answer, calls };
}

function authenticate(authorization: string | undefined): void {
  const [scheme, credentials = ''] = (authorization ?? '').split(' ');
  const key = scheme === 'Basic' ? Buffer.from(credentials, 'base64').toString().split(':')[0]! : credentials;
  if (key.startsWith('sk_test_')) return;
  const message =
    key === ''
      ? "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
      : `Invalid API Key provided: ${key.slice(0, 8)}***. The sandbox takes any key that begins with sk_test_.`;
  throw new StripeFailure(401, { type: 'invalid_request_error', message });
}

const unrecognized = ({ method, path }: ApiRequest): StripeFailure =>
  new StripeFailure(404, {
    type: 'invalid_request_error',
    message: `Unrecognized request URL (${method}: ${path}). The sandbox does not play all of Stripe: see sandbox/stripe/routes.`,
  });

const rateLimited = (): StripeFailure =>
  new StripeFailure(429, {
    type: 'invalid_request_error',
    code: 'rate_limit',
    message: 'Request rate limit exceeded. Learn more about rate limits in the Stripe documentation.',
  });

function attempt(work: () => object, requestId: string): Answer {
  try {
    return json(200, work(), requestId);
  } catch (error) {
    return failed(error, requestId);
  }
}

function failed(error: unknown, requestId: string): Answer {
  if (error instanceof StripeFailure) return json(error.status, { error: error.error satisfies ErrorBody }, requestId);
  // A bug of the sandbox, or its stop in the middle of a slow answer; the caller sees what a caller of Stripe would see.
  if (!(error instanceof Error && error.name === 'AbortError')) console.error('sandbox Stripe:', error);
  return json(500, { error: OUR_FAULT }, requestId);
}

const replayed = (stored: IdempotencyRecord, requestId: string): Answer => ({
  status: stored.status,
  headers: { ...headersOf(requestId), 'idempotent-replayed': 'true', 'original-request': stored.requestId },
  body: stored.body,
});

const json = (status: number, body: object, requestId: string): Answer => ({
  status,
  headers: headersOf(requestId),
  body: JSON.stringify(body),
});

const headersOf = (requestId: string): Record<string, string> => ({
  'content-type': 'application/json',
  'request-id': requestId,
  'stripe-version': API_VERSION,
});
