import { createHash } from 'node:crypto';
import { invalidRequest, StripeFailure } from './errors.ts';
import { canonicalForm } from './form.ts';
import type { IdempotencyRecord, Store } from './store.ts';

export interface KeyedRequest {
  key: string;
  path: string;
  fingerprint: string;
}

export interface Idempotency {
  /** The answer stored under the key, or undefined where this request is now the one that executes. */
  begin(request: KeyedRequest): IdempotencyRecord | undefined;
  /** The request under this key no longer executes. */
  end(key: string): void;
}

/** What two requests under one key are compared by. */
export function keyedRequest(key: string, path: string, body: string): KeyedRequest {
  if (key.length > 255) throw invalidRequest('Idempotency keys are up to 255 characters long.');
  const fingerprint = createHash('sha256').update(canonicalForm(body)).digest('base64');
  return { key, path, fingerprint };
}

/** As after a day: those that begin so. */
export function forgetKeys(store: Store, beginning: string): void {
  for (const record of [...store.idempotency.values()]) {
    if (record.key.startsWith(beginning)) store.idempotency.put(record.key, { ...record, forgotten: true });
  }
}

/** Stripe's rules for Idempotency-Key. Keys that are in flight are forgotten with the process, answers are not. */
export function createIdempotency(store: Store): Idempotency {
  const inFlight = new Set<string>();
  return {
    begin({ key, path, fingerprint }) {
      if (inFlight.has(key)) {
        throw new StripeFailure(409, {
          type: 'idempotency_error',
          code: 'idempotency_key_in_use',
          message: `There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): ${key}. Please try again later.`,
        });
      }
      const stored = store.idempotency.get(key);
      if (!stored || stored.forgotten) {
        inFlight.add(key);
        return undefined;
      }
      if (stored.path === path && stored.fingerprint === fingerprint) return stored;
      const sameWhat =
        stored.path === path
          ? 'with the same parameters they were first used with'
          : `for the same endpoint they were first used for ('${path}' vs '${stored.path}')`;
      throw new StripeFailure(400, {
        type: 'idempotency_error',
        message: `Keys for idempotent requests can only be used ${sameWhat}. Try using a key other than '${key}' if you meant to execute a different request.`,
      });
    },
    end: (key) => {
      inFlight.delete(key);
    },
  };
}
