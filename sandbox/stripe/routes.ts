import type { Collection } from '../journal.ts';
import { usePaymentMethod } from './cards.ts';
import type { AutomaticPaymentMethods } from './confirmation.ts';
import { attachByHand, createCustomer, givenCustomer } from './customers.ts';
import { decideDispute, evidenceFields, updateDispute } from './disputes.ts';
import { invalidRequest, noSuch } from './errors.ts';
import { cancelIntent, captureIntent, confirmIntent, createIntent, intentOf } from './intents.ts';
import { createdFilter, metadataQuery, page, paging } from './lists.ts';
import {
  bool,
  integer,
  map,
  metadata,
  oneOf,
  type Params,
  type Reader,
  required,
  type Spec,
  text,
  textList,
} from './params.ts';
import { createRefund } from './refunds.ts';
import { cancelSetupIntent, confirmSetupIntent, createSetupIntent, setupIntentOf } from './setup-intents.ts';
import type { Intent, SetupIntent, Store } from './store.ts';
import { createFromCalculation, createReversal, showTransaction, transactionOf } from './tax-transactions.ts';
import { calculationOf, calculationSpec, createCalculation, listLineItems, showCalculation } from './taxes.ts';

/** One call of Stripe's API. Its parameters are checked by `spec` before `run` is called. */
export interface Route {
  /** The name that faults and counts use: `payment_intents.create`. */
  operation: string;
  /** The kind of object that it answers with, or `kind[]` where it lists them: what `expand` is checked against. */
  kind: string;
  spec: Spec;
  run(store: Store, params: never, id: string): object;
}

const positive = integer({ min: 1 });
const routes: Record<string, Route> = {};

/** Adds a route. `path` has `:id` where the object's id stands. */
function route<S extends Spec>(
  path: string,
  operation: string,
  kind: string,
  spec: S,
  run: (store: Store, params: Params<S>, id: string) => object,
): void {
  routes[path] = { operation, kind, spec: { ...spec, expand: textList }, run };
}

/** Adds the routes that retrieve and list a kind of object; a list can be filtered by the named fields. */
function readable(
  kind: string,
  collection: (store: Store) => Collection<{ id: string; object: string; created: number }>,
  filters: string[],
): void {
  const resource = `${kind}s`;
  route(`GET ${resource}/:id`, `${resource}.retrieve`, kind, {}, (store, _, id) => find(collection(store), kind, id));
  const spec: Spec = Object.fromEntries(filters.map((field) => [field, text]));
  route(
    `GET ${resource}`,
    `${resource}.list`,
    `${kind}[]`,
    { ...spec, ...paging, created: createdFilter },
    (store, params) => {
      const given: Record<string, unknown> = params;
      const wanted = filters.filter((field) => given[field] !== undefined);
      const matches = (item: { created: number; [field: string]: unknown }) =>
        (params.created?.(item.created) ?? true) && wanted.every((field) => item[field] === given[field]);
      return page([...collection(store).values()].filter(matches), `/v1/${resource}`, params);
    },
  );
}

readable('customer', (store) => store.customers, ['email']);
readable('setup_intent', (store) => store.setupIntents, ['customer', 'payment_method']);
readable('payment_intent', (store) => store.intents, ['customer']);
readable('charge', (store) => store.charges, ['payment_intent']);
readable('refund', (store) => store.refunds, ['charge', 'payment_intent']);
readable('dispute', (store) => store.disputes, ['charge', 'payment_intent']);
readable('balance_transaction', (store) => store.balanceTransactions, ['currency', 'source', 'type']);
readable('event', (store) => store.events, ['type']);

const offSession: Reader<boolean> = (value, param) =>
  value === 'one_off' || value === 'recurring' ? true : bool(value, param);

/** Stripe took this parameter away in API version 2026-09-30, and refuses it by this code. */
const noLongerSupported: Reader<undefined> = (_, param) => {
  throw invalidRequest(
    `The ${param} parameter is no longer supported. Use allowed_payment_method_types or automatic_payment_methods.`,
    { code: 'payment_method_types_no_longer_supported', param },
  );
};

const automaticPaymentMethods: Reader<AutomaticPaymentMethods> = (value, param) => {
  const { enabled, allow_redirects = 'always' } = map(value, param);
  return {
    enabled: bool(enabled ?? '', `${param}[enabled]`),
    allow_redirects: oneOf('always', 'never')(allow_redirects, `${param}[allow_redirects]`),
  };
};

const shipping: Reader<NonNullable<Intent['shipping']>> = (value, param) =>
  map(value, param) as NonNullable<Intent['shipping']>;

/** Whoever asks with a client secret, as a browser does, has to have the right one. */
function seenWith<T extends Intent | SetupIntent>(clientSecret: string | undefined, intent: T): T {
  if (clientSecret !== undefined && clientSecret !== intent.client_secret) {
    throw invalidRequest('The client_secret provided does not belong to this intent.', { param: 'client_secret' });
  }
  return intent;
}

route('POST customers', 'customers.create', 'customer', { email: text, metadata, name: text }, createCustomer);

route(
  'POST setup_intents',
  'setup_intents.create',
  'setup_intent',
  {
    allowed_payment_method_types: textList,
    automatic_payment_methods: automaticPaymentMethods,
    confirm: bool,
    customer: text,
    metadata,
    payment_method: text,
    payment_method_types: noLongerSupported,
    return_url: text,
    usage: oneOf('off_session', 'on_session'),
    use_stripe_sdk: bool,
  },
  createSetupIntent,
);
route(
  'GET setup_intents/:id',
  'setup_intents.retrieve',
  'setup_intent',
  { client_secret: text },
  (store, { client_secret }, id) => seenWith(client_secret, setupIntentOf(store, id)),
);
route(
  'POST setup_intents/:id/confirm',
  'setup_intents.confirm',
  'setup_intent',
  { payment_method: text, payment_method_types: noLongerSupported, return_url: text, use_stripe_sdk: bool },
  (store, params, id) => confirmSetupIntent(store, setupIntentOf(store, id), params),
);
route(
  'POST setup_intents/:id/cancel',
  'setup_intents.cancel',
  'setup_intent',
  { cancellation_reason: oneOf('abandoned', 'duplicate', 'requested_by_customer') },
  (store, params, id) => cancelSetupIntent(store, setupIntentOf(store, id), params.cancellation_reason ?? null),
);

route(
  'POST payment_intents',
  'payment_intents.create',
  'payment_intent',
  {
    amount: required(positive),
    currency: required(text),
    allowed_payment_method_types: textList,
    automatic_payment_methods: automaticPaymentMethods,
    capture_method: oneOf('automatic', 'automatic_async', 'manual'),
    confirm: bool,
    customer: text,
    description: text,
    metadata,
    off_session: offSession,
    payment_method: text,
    payment_method_types: noLongerSupported,
    receipt_email: text,
    return_url: text,
    setup_future_usage: oneOf('off_session', 'on_session'),
    shipping,
    statement_descriptor: text,
    statement_descriptor_suffix: text,
    use_stripe_sdk: bool,
  },
  (store, params) => createIntent(store, params),
);
route(
  'GET payment_intents/:id',
  'payment_intents.retrieve',
  'payment_intent',
  { client_secret: text },
  (store, { client_secret }, id) => seenWith(client_secret, intentOf(store, id)),
);
route(
  'GET payment_intents/search',
  'payment_intents.search',
  'payment_intent[]',
  { query: required(metadataQuery), limit: paging.limit, page: integer({ min: 0 }) },
  (store, { query: [name, value], limit = 10, page: from = 0 }) => {
    const found = [...store.intents.values()].reverse().filter((intent) => intent.metadata[name] === value);
    const has_more = found.length > from + limit;
    return {
      object: 'search_result',
      url: '/v1/payment_intents/search',
      has_more,
      next_page: has_more ? String(from + limit) : null,
      data: found.slice(from, from + limit),
    };
  },
);
route(
  'POST payment_intents/:id/confirm',
  'payment_intents.confirm',
  'payment_intent',
  {
    off_session: offSession,
    payment_method: text,
    payment_method_types: noLongerSupported,
    return_url: text,
    use_stripe_sdk: bool,
  },
  (store, params, id) => confirmIntent(store, intentOf(store, id), params),
);
route(
  'POST payment_intents/:id/capture',
  'payment_intents.capture',
  'payment_intent',
  { amount_to_capture: positive, metadata },
  (store, params, id) => captureIntent(store, intentOf(store, id), params),
);
route(
  'POST payment_intents/:id/cancel',
  'payment_intents.cancel',
  'payment_intent',
  { cancellation_reason: oneOf('abandoned', 'duplicate', 'fraudulent', 'requested_by_customer') },
  (store, params, id) => cancelIntent(store, intentOf(store, id), params.cancellation_reason ?? null),
);

route('GET payment_methods/:id', 'payment_methods.retrieve', 'payment_method', {}, (store, _, id) =>
  find(store.paymentMethods, 'PaymentMethod', id),
);
route(
  'POST payment_methods/:id/attach',
  'payment_methods.attach',
  'payment_method',
  { customer: required(text) },
  (store, { customer }, id) => attachByHand(store, usePaymentMethod(store, id), givenCustomer(store, customer)),
);

route(
  'POST refunds',
  'refunds.create',
  'refund',
  {
    amount: positive,
    charge: text,
    metadata,
    payment_intent: text,
    reason: oneOf('duplicate', 'fraudulent', 'requested_by_customer'),
  },
  (store, params) => createRefund(store, params),
);

route(
  'POST disputes/:id',
  'disputes.update',
  'dispute',
  { evidence: evidenceFields, metadata, submit: bool },
  (store, params, id) => updateDispute(store, find(store.disputes, 'dispute', id), params),
);
route('POST disputes/:id/close', 'disputes.close', 'dispute', {}, (store, _, id) =>
  decideDispute(store, find(store.disputes, 'dispute', id), 'lost'),
);

route(
  'POST tax/calculations',
  'tax.calculations.create',
  'tax_calculation',
  { ...calculationSpec, expand: textList },
  (store, params) => showCalculation(createCalculation(store, params), params.expand),
);
route(
  'GET tax/calculations/:id/line_items',
  'tax.calculations.list_line_items',
  'tax_line_item[]',
  { ...paging, expand: textList },
  (store, params, id) => listLineItems(calculationOf(store, id), params),
);
route(
  'POST tax/transactions/create_from_calculation',
  'tax.transactions.create_from_calculation',
  'tax_transaction',
  { calculation: required(text), reference: required(text), metadata, expand: textList },
  (store, params) => showTransaction(createFromCalculation(store, params), params.expand),
);
route(
  'POST tax/transactions/create_reversal',
  'tax.transactions.create_reversal',
  'tax_transaction',
  {
    mode: required(oneOf('full', 'partial')),
    original_transaction: required(text),
    reference: required(text),
    flat_amount: integer({ min: -99_999_999, max: -1 }),
    metadata,
    expand: textList,
  },
  (store, params) => showTransaction(createReversal(store, params), params.expand),
);
route(
  'GET tax/transactions/:id',
  'tax.transactions.retrieve',
  'tax_transaction',
  { expand: textList },
  (store, { expand }, id) => showTransaction(transactionOf(store, id), expand),
);

/** The names of all operations: what a fault can strike. */
export const operations: string[] = Object.values(routes).map(({ operation }) => operation);

/** The route of a request and the id in its path, such as `/v1/payment_intents/pi_1/capture`. */
export function findRoute(method: string, path: string): { route: Route; id: string } | undefined {
  const [, version, ...parts] = path.split('/');
  if (version !== 'v1') return undefined;
  const shapes = [{ shape: parts, id: '' }, ...parts.map((id, at) => ({ shape: parts.with(at, ':id'), id }))];
  for (const { shape, id } of shapes) {
    const key = `${method} ${shape.join('/')}`;
    if (Object.hasOwn(routes, key)) return { route: routes[key]!, id };
  }
  return undefined;
}

function find<T>(collection: Collection<T>, kind: string, id: string): T {
  const found = collection.get(id);
  if (!found) throw noSuch(kind, id);
  return found;
}
