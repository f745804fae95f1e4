/** What each failure of Stripe means, as the official library tells of real answers. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import Stripe from 'stripe';
import {
  orAsItIs,
  ProviderError,
  ruleFor,
  rules,
  told,
  withMethod,
} from '../../../activities/providers/stripe-failures.ts';
import { failures } from '../../../workflows/domain/failures.ts';

interface Failure {
  what: string;
  status?: number;
  error?: { type?: string; code?: string; param?: string; decline_code?: string };
  /** Instead of an answer. */
  answer?: RequestListener;
  ofMethod?: true;
  means: (typeof rules)[number]['means'];
}

const type = 'invalid_request_error';
const cases: Failure[] = [
  {
    what: 'a declined card',
    status: 402,
    error: { type: 'card_error', code: 'card_declined', decline_code: 'insufficient_funds' },
    means: 'declined',
  },
  {
    what: 'no such method',
    status: 400,
    error: { type, code: 'resource_missing', param: 'payment_method' },
    ofMethod: true,
    means: 'another method',
  },
  {
    what: 'no such method, where none was given',
    status: 400,
    error: { type, code: 'resource_missing', param: 'payment_method' },
    means: 'refused',
  },
  {
    what: 'a token that was used',
    status: 400,
    error: { type, param: 'confirmation_token' },
    ofMethod: true,
    means: 'another method',
  },
  {
    what: 'the method of a customer for an intent of nobody',
    status: 400,
    error: { type, param: 'source' },
    ofMethod: true,
    means: 'another method',
  },
  {
    what: 'a debit without a mandate',
    status: 400,
    error: { type, code: 'payment_intent_mandate_invalid' },
    ofMethod: true,
    means: 'another method',
  },
  ...[
    'setup_intent_mandate_invalid',
    'payment_intent_incompatible_payment_method',
    'amount_too_small',
    'amount_too_large',
  ].map(
    (code): Failure => ({
      what: `a method that does not do: ${code}`,
      ...{ status: 400, error: { type, code }, ofMethod: true, means: 'another method' },
    }),
  ),
  ...['currency', 'amount', 'capture_method'].map(
    (param): Failure => ({
      what: `a method that does not take the ${param}`,
      ...{ status: 400, error: { type, param }, ofMethod: true, means: 'another method' },
    }),
  ),
  {
    what: 'a method that was detached',
    status: 400,
    error: { type, code: 'payment_method_unexpected_state' },
    ofMethod: true,
    means: 'another method',
  },
  {
    what: 'an intent that was captured already',
    status: 400,
    error: { type, code: 'payment_intent_unexpected_state' },
    means: 'read again',
  },
  {
    what: 'a setup that was cancelled',
    status: 400,
    error: { type, code: 'setup_intent_unexpected_state' },
    ofMethod: true,
    means: 'read again',
  },
  { what: 'an amount too large', status: 400, error: { type, code: 'amount_too_large' }, means: 'refused' },
  { what: 'a charge refunded before', status: 400, error: { type, code: 'charge_already_refunded' }, means: 'refused' },
  { what: 'a disputed charge', status: 400, error: { type, code: 'charge_disputed' }, means: 'refused' },
  {
    what: 'a key used for something else',
    status: 400,
    error: { type: 'idempotency_error' },
    ofMethod: true,
    means: 'refused',
  },
  { what: 'a wrong secret', status: 401, error: { type }, means: 'refused' },
  { what: 'a secret without the permission', status: 403, error: { type }, means: 'refused' },
  { what: 'an unknown object', status: 404, error: { type, code: 'resource_missing', param: 'id' }, means: 'refused' },
  {
    what: 'a key in use',
    status: 409,
    error: { type: 'idempotency_error', code: 'idempotency_key_in_use' },
    means: 'try again',
  },
  { what: 'a locked object', status: 409, error: { type, code: 'lock_timeout' }, means: 'try again' },
  { what: 'a locked object, as 429', status: 429, error: { type, code: 'lock_timeout' }, means: 'try again' },
  { what: 'too many requests', status: 429, error: { type, code: 'rate_limit' }, means: 'try again' },
  { what: 'too many requests, as 400', status: 400, error: { type, code: 'rate_limit' }, means: 'try again' },
  { what: 'an error of theirs', status: 500, error: { type: 'api_error' }, means: 'try again with a new key' },
  { what: 'no service', status: 503, error: { type: 'api_error' }, means: 'try again with a new key' },
  { what: 'a connection that is cut', answer: (request) => request.socket.destroy(), means: 'try again' },
  { what: 'no answer in time', answer: () => {}, means: 'try again' },
  {
    what: 'an answer that breaks off',
    answer: (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"id":', () => response.destroy());
    },
    means: 'try again',
  },
  {
    what: "a gateway's page",
    answer: (_request, response) => void response.writeHead(502).end('<html>Bad gateway</html>'),
    means: 'try again',
  },
  { what: 'a status of no meaning', status: 418, error: { type: 'api_error' }, means: 'try again' },
];

let server: Server;
let failing: Failure;
let stripe: Stripe;

beforeAll(async () => {
  server = createServer((request, response) => {
    if (failing.answer) return failing.answer(request, response);
    response.writeHead(failing.status!, { 'content-type': 'application/json', 'request-id': 'req_1' });
    response.end(JSON.stringify({ error: { message: 'no', ...failing.error } }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const options = { host: '127.0.0.1', port, protocol: 'http', maxNetworkRetries: 0, timeout: 300 } as const;
  stripe = new Stripe('sk_test_waybill', { ...options, telemetry: false });
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const key = { idempotencyKey: 'ours' };
const fail = () => stripe.paymentIntents.confirm('pi_1', {}, key);
const failureOf = async (call: () => Promise<unknown>): Promise<Error> =>
  call().then(
    () => Promise.reject(new Error('it was expected to fail')),
    (error) => error,
  );

/** What whoever calls comes to know. */
async function outcome({ ofMethod }: Failure): Promise<Failure['means']> {
  let reads = 0;
  const read = async () => {
    reads += 1;
    return { status: 'created', declineCode: undefined as string | undefined };
  };
  const call = async () => {
    await (ofMethod ? withMethod(stripe, { method: 'pm_card_visa', intentId: 'pi_1' }, fail) : fail());
    return read();
  };
  try {
    const { status } = await orAsItIs(call, read);
    expect(reads).toBe(1);
    if (status === 'declined') return 'another method';
    return (await failureOf(() => told(fail))) instanceof Stripe.errors.StripeCardError ? 'declined' : 'read again';
  } catch (error) {
    if (error instanceof ApplicationFailure) {
      expect(error).toMatchObject({ type: failures.paymentRefused, nonRetryable: true });
      expect(error.details).toEqual([{ code: failing.error?.code, requestId: 'req_1' }]);
      return 'refused';
    }
    if (error instanceof ProviderError) return 'try again with a new key';
    expect(error).toMatchObject({ name: 'Error', message: expect.stringMatching(/^Stripe: /) });
    return 'try again';
  }
}

describe('a failure', () => {
  const met = new Set<object>();

  test.each(cases)('$what: $means', async (failure) => {
    failing = failure;
    const error = await failureOf(fail);
    expect(error).toBeInstanceOf(Stripe.errors.StripeError);
    const rule = ruleFor(error as InstanceType<typeof Stripe.errors.StripeError>, failure);
    met.add(rule);
    expect(rule.means).toBe(failure.means);
    expect(await outcome(failure)).toBe(failure.means);
  });

  test('of every rule, and of each name in it, was met', () => {
    expect([...met]).toHaveLength(rules.length);
    const named = cases.flatMap(({ error }) => [error?.code, error?.param]);
    expect(named).toEqual(expect.arrayContaining(rules.flatMap(({ naming = [] }) => naming)));
  });
});

test('what is no failure of Stripe passes as it is', async () => {
  const ours = new TypeError('ours');
  expect(await failureOf(() => told(() => Promise.reject(ours)))).toBe(ours);
});

test('docs/failures-of-stripe.md has the rules, in their order', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/failures-of-stripe.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (.*?) \| (.*?) \| (.*?) \| .* \|$/gm)].slice(2);
  const asWritten = rules.map(({ statuses = [], naming = [], means }) => [
    statuses.join(', '),
    naming.map((name) => `\`${name}\``).join(', '),
    means,
  ]);
  expect(rows.map((row) => row.slice(1, 4).map((cell) => cell.trim()))).toEqual(asWritten);
});
