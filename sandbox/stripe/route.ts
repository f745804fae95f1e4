/** What all routes of the API are made of. */
import type { Collection } from '../journal.ts';
import type { AutomaticPaymentMethods } from './confirmation.ts';
import { invalidRequest, noSuch } from './errors.ts';
import { createdFilter, page, paging } from './lists.ts';
import { bool, map, oneOf, type Params, type Reader, type Spec, text, textList } from './params.ts';
import type { Intent, SetupIntent, Store } from './store.ts';

/** One call of Stripe's API. Its parameters are checked by `spec` before `run` is called. */
export interface Route {
  /** The name that faults and counts use: `payment_intents.create`. */
  operation: string;
  /** The kind of object that it answers with, or `kind[]` where it lists them: what `expand` is checked against. */
  kind: string;
  spec: Spec;
  run(store: Store, params: never, id: string): object;
}

type Entry = [path: string, route: Route];

/** `path` has `:id` where the object's id stands. */
export function route<S extends Spec>(
  path: string,
  operation: string,
  kind: string,
  spec: S,
  run: (store: Store, params: Params<S>, id: string) => object,
): Entry {
  return [path, { operation, kind, spec: { ...spec, expand: textList }, run }];
}

type Resource = { id: string; object: string; created: number };

export const retrievable = (
  kind: string,
  collection: (store: Store) => Collection<Resource>,
  resource = `${kind}s`,
): Entry =>
  route(`GET ${resource}/:id`, `${resource.replace('/', '.')}.retrieve`, kind, {}, (store, _, id) =>
    find(collection(store), kind, id),
  );

/** The routes that retrieve and list a kind of object; a list can be filtered by the named fields. */
export function readable(
  kind: string,
  collection: (store: Store) => Collection<Resource>,
  filters: string[],
  resource = `${kind}s`,
): Entry[] {
  const spec: Spec = Object.fromEntries(filters.map((field) => [field, text]));
  return [
    retrievable(kind, collection, resource),
    route(
      `GET ${resource}`,
      `${resource.replace('/', '.')}.list`,
      `${kind}[]`,
      { ...spec, ...paging, created: createdFilter },
      (store, params) => {
        const given: Record<string, unknown> = params;
        const wanted = filters.filter((field) => given[field] !== undefined);
        const matches = (item: { created: number; [field: string]: unknown }) =>
          (params.created?.(item.created) ?? true) && wanted.every((field) => item[field] === given[field]);
        return page([...collection(store).values()].filter(matches), `/v1/${resource}`, params);
      },
    ),
  ];
}

export function find<T>(collection: Collection<T>, kind: string, id: string): T {
  const found = collection.get(id);
  if (!found) throw noSuch(kind, id);
  return found;
}

/** Stripe took this parameter away in API version 2026-09-30, and refuses it by this code. */
export const noLongerSupported: Reader<undefined> = (_, param) => {
  throw invalidRequest(
    `The ${param} parameter is no longer supported. Use allowed_payment_method_types or automatic_payment_methods.`,
    { code: 'payment_method_types_no_longer_supported', param },
  );
};

export const automaticPaymentMethods: Reader<AutomaticPaymentMethods> = (value, param) => {
  const { enabled, allow_redirects = 'always' } = map(value, param);
  return {
    enabled: bool(enabled ?? '', `${param}[enabled]`),
    allow_redirects: oneOf('always', 'never')(allow_redirects, `${param}[allow_redirects]`),
  };
};

/** Whoever asks with a client secret, as a browser does, has to have the right one. */
export function seenWith<T extends Intent | SetupIntent>(clientSecret: string | undefined, intent: T): T {
  if (clientSecret !== undefined && clientSecret !== intent.client_secret) {
    throw invalidRequest('The client_secret provided does not belong to this intent.', { param: 'client_secret' });
  }
  return intent;
}
