import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Stripe } from 'stripe';
import { type StripeSandbox, startStripeSandbox } from '../../sandbox/stripe/server.ts';

let sandbox: StripeSandbox;
let stripe: Stripe;

const client = (key = 'sk_test_waybill') =>
  new Stripe(key, { host: '127.0.0.1', port: sandbox.port, protocol: 'http', maxNetworkRetries: 0, telemetry: false });

async function control(method: string, path: string, body?: object): Promise<{ status: number; body: never }> {
  const answer = await fetch(`${sandbox.url}/_sandbox/${path}`, { method, body: body && JSON.stringify(body) });
  return { status: answer.status, body: (await answer.json()) as never };
}

/** What the API refused, as stripe-node throws it. */
async function refusal(promise: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  return promise.then(
    () => Promise.reject(new Error('was not refused')),
    (error: Stripe.errors.StripeError) => error,
  );
}

const toAuthorize = (payment_method: string, more: Partial<Stripe.PaymentIntentCreateParams> = {}) => ({
  amount: 4200,
  currency: 'eur',
  capture_method: 'manual' as const,
  confirm: true,
  payment_method,
  allowed_payment_method_types: ['card'],
  ...more,
});
const authorize = (payment_method = 'pm_card_visa', more: Partial<Stripe.PaymentIntentCreateParams> = {}) =>
  stripe.paymentIntents.create(toAuthorize(payment_method, more));
async function captured(payment_method = 'pm_card_visa'): Promise<Stripe.PaymentIntent> {
  return stripe.paymentIntents.capture((await authorize(payment_method)).id);
}

beforeAll(async () => {
  sandbox = await startStripeSandbox({});
  stripe = client();
});
afterAll(() => sandbox.stop());
beforeEach(async () => {
  await control('DELETE', 'faults');
});

describe('authorizing', () => {
  test('a good card is held, with the charge expandable and seven days to capture', async () => {
    const intent = await authorize('pm_card_visa', { expand: ['latest_charge'], metadata: { orderId: 'ord_1' } });
    expect(intent).toMatchObject({ status: 'requires_capture', amount_capturable: 4200, amount_received: 0 });
    const charge = intent.latest_charge as Stripe.Charge;
    expect(charge).toMatchObject({ captured: false, paid: true, outcome: { risk_level: 'normal' } });
    expect(charge.payment_method_details?.card?.capture_before).toBe(charge.created + 7 * 86_400);
    expect(intent.lastResponse.requestId).toMatch(/^req_/);

    const again = await stripe.paymentIntents.retrieve(intent.id);
    expect(again.latest_charge).toBe(charge.id);
    const found = await stripe.paymentIntents.search({ query: "metadata['orderId']:'ord_1'" });
    expect(found.data.map(({ id }) => id)).toEqual([intent.id]);
  });

  test.each([
    ['pm_card_visa_chargeDeclined', 'card_declined', 'generic_decline', 'try_again_later'],
    ['pm_card_visa_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds', 'try_again_later'],
    ['pm_card_visa_chargeDeclinedLostCard', 'card_declined', 'lost_card', 'do_not_try_again'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card', 'expired_card', 'confirm_card_data'],
  ])('%s is declined with 402, and another card may follow', async (card, code, decline_code, advice_code) => {
    const error = await refusal(authorize(card));
    expect(error).toBeInstanceOf(Stripe.errors.StripeCardError);
    expect(error).toMatchObject({ statusCode: 402, code, decline_code, advice_code });
    const intent = error.payment_intent!;
    expect(intent.status).toBe('requires_payment_method');
    expect(intent.last_payment_error).toMatchObject({ code, decline_code, type: 'card_error' });

    const second = await stripe.paymentIntents.confirm(intent.id, { payment_method: 'pm_card_mastercard' });
    expect(second).toMatchObject({ status: 'requires_capture', last_payment_error: null });
    const charges = await stripe.charges.list({ payment_intent: intent.id });
    expect(charges.data.map(({ status }) => status)).toEqual(['succeeded', 'failed']);
  });

  test('3-D Secure: waits, then the customer succeeds; or fails and starts again; off session it is a decline', async () => {
    const waiting = await authorize('pm_card_authenticationRequired');
    expect(waiting).toMatchObject({ status: 'requires_action', next_action: { type: 'use_stripe_sdk' } });
    const refused = await refusal(stripe.paymentIntents.capture(waiting.id));
    expect(refused.payment_intent?.status).toBe('requires_action');
    await control('POST', `payment_intents/${waiting.id}/authenticate`, { outcome: 'succeed' });
    expect((await stripe.paymentIntents.retrieve(waiting.id)).status).toBe('requires_capture');

    const other = await authorize('pm_card_threeDSecure2Required');
    await control('POST', `payment_intents/${other.id}/authenticate`, { outcome: 'fail' });
    const failed = await stripe.paymentIntents.retrieve(other.id);
    expect(failed.status).toBe('requires_payment_method');
    expect(failed.last_payment_error?.code).toBe('payment_intent_authentication_failure');
    expect((await control('POST', `payment_intents/${other.id}/authenticate`, { outcome: 'fail' })).status).toBe(400);

    const offSession = await refusal(authorize('pm_card_authenticationRequired', { off_session: true }));
    expect(offSession).toMatchObject({ statusCode: 402, code: 'authentication_required' });
  });

  test('the browser confirms with the client secret the API handed out', async () => {
    const created = await stripe.paymentIntents.create({ amount: 1000, currency: 'usd' });
    expect(created).toMatchObject({ status: 'requires_payment_method', payment_method: null });
    expect(created.client_secret).toContain(`${created.id}_secret_`);
    await stripe.paymentIntents.retrieve(created.id, { client_secret: created.client_secret! });
    await refusal(stripe.paymentIntents.retrieve(created.id, { client_secret: 'guessed' }));
    await control('POST', `payment_intents/${created.id}/confirm`, { payment_method: 'pm_card_visa' });
    const paid = await stripe.paymentIntents.retrieve(created.id, {
      expand: ['latest_charge.balance_transaction', 'payment_method'],
    });
    expect(paid).toMatchObject({ status: 'succeeded', amount_received: 1000, payment_method: { type: 'card' } });
    expect(paid.latest_charge).toMatchObject({ captured: true, balance_transaction: { amount: 1000, type: 'charge' } });
  });

  test('an elevated risk is told on the charge', async () => {
    const intent = await authorize('pm_card_riskLevelElevated', { expand: ['latest_charge'] });
    expect((intent.latest_charge as Stripe.Charge).outcome?.risk_level).toBe('elevated');
  });
});

describe('refusing what Stripe refuses', () => {
  const create = (params: object) => refusal(stripe.paymentIntents.create(params as Stripe.PaymentIntentCreateParams));

  test.each([
    [{ currency: 'eur' }, 'parameter_missing', 'amount'],
    [{ amount: 1000, currency: 'eur', colour: 'red' }, 'parameter_unknown', 'colour'],
    [{ amount: 10.5, currency: 'eur' }, 'parameter_invalid_integer', 'amount'],
    [{ amount: 0, currency: 'eur' }, 'parameter_invalid_integer', 'amount'],
    [{ amount: 49, currency: 'eur' }, 'amount_too_small', 'amount'],
    [{ amount: 100_000_000, currency: 'eur' }, 'amount_too_large', 'amount'],
    [{ amount: 1000, currency: 'xx1' }, undefined, 'currency'],
    [{ amount: 1001, currency: 'kwd' }, undefined, 'amount'],
    [{ amount: 1050, currency: 'isk' }, 'invalid_charge_amount_no_decimal_compatible', 'amount'],
    [{ amount: 1000, currency: 'eur', capture_method: 'later' }, undefined, 'capture_method'],
    [{ amount: 1000, currency: 'eur', payment_method: 'pm_nobody' }, 'resource_missing', 'payment_method'],
    [{ amount: 1000, currency: 'eur', confirm: true }, 'payment_intent_unexpected_state', undefined],
    [{ amount: 1000, currency: 'eur', confirm: true, payment_method: 'pm_card_visa' }, undefined, 'return_url'],
    [{ amount: 1000, currency: 'eur', expand: ['colour'] }, undefined, 'expand'],
    [
      { amount: 1000, currency: 'eur', payment_method_types: ['card'] },
      'payment_method_types_no_longer_supported',
      'payment_method_types',
    ],
  ])('%j', async (params, code, param) => {
    const error = await create(params);
    expect(error).toBeInstanceOf(Stripe.errors.StripeInvalidRequestError);
    expect([error.statusCode, error.code, error.param]).toEqual([400, code, param]);
  });

  test('an unknown object is 404, a missing or foreign key 401', async () => {
    const missing = await refusal(stripe.paymentIntents.retrieve('pi_nobody'));
    expect(missing).toMatchObject({ statusCode: 404, code: 'resource_missing' });
    const foreign = await refusal(client('sk_live_oops').paymentIntents.list());
    expect(foreign).toBeInstanceOf(Stripe.errors.StripeAuthenticationError);
    expect((await fetch(`${sandbox.url}/v1/payment_intents`)).status).toBe(401);
  });

  test('nonsense never stops it', async () => {
    const auth = { authorization: 'Bearer sk_test_x' };
    const post = (path: string, body: string) =>
      fetch(`${sandbox.url}${path}`, { method: 'POST', headers: auth, body });
    const answers = await Promise.all([
      post('/v1/payment_intents', 'amount[a][b]=1&amount=2&__proto__[x]=1&%ZZ'),
      post('/v1/payment_intents', `a${'[b]'.repeat(500)}=1`),
      post('/v1/payment_intents/constructor/__proto__', ''),
      post('/_sandbox/faults', '{not json'),
      post('/_sandbox/faults', '{"operation":"payment_intents.craete","kind":"drop"}'),
      post('/_sandbox/nothing', '{}'),
      post('/v1/payment_intents', 'x'.repeat(1_100_000)).catch(() => ({ status: 413 })),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 404, 400, 400, 404, 413]);
    expect((await authorize()).status).toBe('requires_capture');
  });
});

describe('capturing and cancelling', () => {
  test('a part is captured and the rest released; a second capture is refused with the intent', async () => {
    const { id } = await authorize();
    const tooMuch = await refusal(stripe.paymentIntents.capture(id, { amount_to_capture: 4201 }));
    expect(tooMuch).toMatchObject({ statusCode: 400, param: 'amount_to_capture' });
    const intent = await stripe.paymentIntents.capture(id, { amount_to_capture: 4000 });
    expect(intent).toMatchObject({ status: 'succeeded', amount: 4200, amount_received: 4000, amount_capturable: 0 });
    const charge = await stripe.charges.retrieve(intent.latest_charge as string);
    expect(charge).toMatchObject({ captured: true, amount_captured: 4000, amount_refunded: 0 });
    for (const late of [stripe.paymentIntents.capture(id), stripe.paymentIntents.cancel(id)]) {
      const error = await refusal(late);
      expect(error.code).toBe('payment_intent_unexpected_state');
      expect(error.payment_intent).toMatchObject({ id, status: 'succeeded' });
    }
  });

  test('a cancelled intent is neither captured, confirmed nor refunded; an expired one is cancelled by Stripe', async () => {
    const { id } = await authorize();
    const canceled = await stripe.paymentIntents.cancel(id, { cancellation_reason: 'abandoned' });
    expect(canceled).toMatchObject({ status: 'canceled', cancellation_reason: 'abandoned', amount_capturable: 0 });
    await refusal(stripe.paymentIntents.capture(id));
    await refusal(stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa' }));
    await refusal(stripe.refunds.create({ payment_intent: id }));

    const lapsed = await authorize();
    await control('POST', `payment_intents/${lapsed.id}/expire`);
    expect(await stripe.paymentIntents.retrieve(lapsed.id)).toMatchObject({
      status: 'canceled',
      cancellation_reason: 'expired',
    });
  });
});

describe('refunding', () => {
  test('never more than was captured', async () => {
    const intent = await captured();
    const first = await stripe.refunds.create({ payment_intent: intent.id, amount: 1200, metadata: { line: '1' } });
    expect(first).toMatchObject({ status: 'succeeded', amount: 1200, metadata: { line: '1' } });
    const tooMuch = await refusal(stripe.refunds.create({ payment_intent: intent.id, amount: 3001 }));
    expect(tooMuch).toMatchObject({ statusCode: 400, param: 'amount' });
    expect((await stripe.refunds.create({ charge: intent.latest_charge as string })).amount).toBe(3000);
    const done = await refusal(stripe.refunds.create({ payment_intent: intent.id }));
    expect(done.code).toBe('charge_already_refunded');
    expect(await stripe.charges.retrieve(intent.latest_charge as string)).toMatchObject({
      amount_refunded: 4200,
      refunded: true,
    });
  });

  test('lists by payment, page by page, newest first, and books each movement', async () => {
    const intent = await captured();
    const made: string[] = [];
    for (const amount of [100, 200, 300]) {
      made.unshift((await stripe.refunds.create({ payment_intent: intent.id, amount })).id);
    }
    const first = await stripe.refunds.list({ payment_intent: intent.id, limit: 2 });
    expect([first.has_more, first.data.length]).toEqual([true, 2]);
    const all: string[] = [];
    for await (const refund of stripe.refunds.list({ payment_intent: intent.id, limit: 2 })) all.push(refund.id);
    expect(all).toEqual(made);
    const booked = await stripe.balanceTransactions.list({ source: made[0]! });
    expect(booked.data).toMatchObject([{ type: 'refund', amount: -300 }]);
  });

  test('one stays pending until the bank has settled it, one fails after it had succeeded', async () => {
    const slow = await captured('pm_card_pendingRefund');
    const pending = await stripe.refunds.create({ payment_intent: slow.id });
    expect(pending).toMatchObject({ status: 'pending', pending_reason: 'processing' });
    await control('POST', `refunds/${pending.id}/settle`, { outcome: 'succeeded' });
    expect((await stripe.refunds.retrieve(pending.id)).status).toBe('succeeded');

    const failing = await captured('pm_card_refundFail');
    const refund = await stripe.refunds.create({ payment_intent: failing.id });
    expect(refund.status).toBe('succeeded');
    await control('POST', `refunds/${refund.id}/settle`, { outcome: 'failed' });
    expect(await stripe.refunds.retrieve(refund.id)).toMatchObject({
      status: 'failed',
      failure_reason: 'expired_or_canceled_card',
    });
    expect(await stripe.charges.retrieve(failing.latest_charge as string)).toMatchObject({ amount_refunded: 0 });
  });
});

describe('disputes', () => {
  const disputeOf = async (card: string): Promise<Stripe.Dispute> => {
    const intent = await captured(card);
    const { data } = await stripe.disputes.list({ payment_intent: intent.id });
    return data[0]!;
  };

  test('the money goes, evidence is submitted once, a won dispute brings it back', async () => {
    const dispute = await disputeOf('pm_card_createDispute');
    expect(dispute).toMatchObject({ status: 'needs_response', reason: 'fraudulent', amount: 4200 });
    const refused = await refusal(stripe.refunds.create({ charge: dispute.charge as string }));
    expect(refused.code).toBe('charge_disputed');
    const evidence = { shipping_tracking_number: '1Z999', uncategorized_text: 'It was delivered.' };
    const draft = await stripe.disputes.update(dispute.id, { evidence, submit: false });
    expect(draft).toMatchObject({ status: 'needs_response', evidence });
    expect(await stripe.disputes.update(dispute.id, { evidence })).toMatchObject({
      status: 'under_review',
      evidence_details: { submission_count: 1 },
    });
    await refusal(stripe.disputes.update(dispute.id, { evidence }));
    await control('POST', `disputes/${dispute.id}/decide`, { outcome: 'won' });
    const won = await stripe.disputes.retrieve(dispute.id);
    expect(won.status).toBe('won');
    expect(won.balance_transactions.map(({ amount }) => amount)).toEqual([-4200, 4200]);
    expect((await control('POST', `disputes/${dispute.id}/decide`, { outcome: 'lost' })).status).toBe(400);
  });

  test('closing is losing; an inquiry takes no money', async () => {
    const dispute = await disputeOf('pm_card_createDispute');
    expect((await stripe.disputes.close(dispute.id)).status).toBe('lost');
    const inquiry = await disputeOf('pm_card_createDisputeInquiry');
    expect(inquiry).toMatchObject({ status: 'warning_needs_response', balance_transactions: [] });
  });
});

describe('idempotency keys', () => {
  const intentsOf = async (orderId: string) =>
    (await stripe.paymentIntents.search({ query: `metadata['orderId']:'${orderId}'` })).data;

  test('the first answer is replayed, errors included; validation errors leave no trace', async () => {
    const params = toAuthorize('pm_card_visa', { metadata: { orderId: 'ord_replay' } });
    const first = await stripe.paymentIntents.create(params, { idempotencyKey: 'k-replay' });
    const second = await stripe.paymentIntents.create(params, { idempotencyKey: 'k-replay' });
    expect(second).toEqual(first);
    expect(second.lastResponse.headers['idempotent-replayed']).toBe('true');
    expect(await intentsOf('ord_replay')).toHaveLength(1);

    const declined = toAuthorize('pm_card_visa_chargeDeclined');
    const [once, twice] = [
      await refusal(stripe.paymentIntents.create(declined, { idempotencyKey: 'k-declined' })),
      await refusal(stripe.paymentIntents.create(declined, { idempotencyKey: 'k-declined' })),
    ];
    expect(twice.payment_intent?.id).toBe(once.payment_intent?.id);

    await refusal(stripe.paymentIntents.create({ ...params, amount: 1.5 }, { idempotencyKey: 'k-invalid' }));
    await stripe.paymentIntents.create(params, { idempotencyKey: 'k-invalid' });
  });

  test('another body or another path under one key is our bug', async () => {
    const key = { idempotencyKey: 'k-mismatch' };
    const { id } = await stripe.paymentIntents.create(toAuthorize('pm_card_visa'), key);
    const body = await refusal(stripe.paymentIntents.create(toAuthorize('pm_card_mastercard'), key));
    const path = await refusal(stripe.paymentIntents.capture(id, {}, key));
    for (const error of [body, path]) {
      expect(error).toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
      expect(error.statusCode).toBe(400);
    }
    expect((await stripe.paymentIntents.retrieve(id)).status).toBe('requires_capture');
  });

  test('a second request while the first is under way gets 409', async () => {
    await control('POST', 'faults', { operation: 'payment_intents.create', kind: 'slow', ms: 300 });
    const params = toAuthorize('pm_card_visa', { metadata: { orderId: 'ord_twice' } });
    const both = await Promise.allSettled(
      [1, 2].map(() => stripe.paymentIntents.create(params, { idempotencyKey: 'k-twice' })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const refused = both.find((one) => one.status === 'rejected')!;
    expect(refused.reason).toMatchObject({ statusCode: 409, code: 'idempotency_key_in_use' });
    expect(await intentsOf('ord_twice')).toHaveLength(1);
  });

  test('that are forgotten, as after a day, execute anew', async () => {
    const params = toAuthorize('pm_card_visa', { metadata: { orderId: 'ord_forgotten' } });
    const create = () => stripe.paymentIntents.create(params, { idempotencyKey: 'k-forgotten' });
    const { id } = await create();
    await control('DELETE', 'idempotency_keys');
    expect((await create()).id).not.toBe(id);
    expect((await create()).lastResponse.headers['idempotent-replayed']).toBe('true');
    expect(await intentsOf('ord_forgotten')).toHaveLength(2);
  });
});

describe('faults', () => {
  const strike = (kind: string, operation = 'payment_intents.create', more = {}) =>
    control('POST', 'faults', { operation, kind, ...more });
  const order = (orderId: string) => toAuthorize('pm_card_visa', { metadata: { orderId } });
  const intentsOf = async (orderId: string) =>
    (await stripe.paymentIntents.search({ query: `metadata['orderId']:'${orderId}'` })).data.length;
  const place = (orderId: string) => stripe.paymentIntents.create(order(orderId), { idempotencyKey: `k-${orderId}` });

  test('fail_before and rate_limit do nothing, and the same key succeeds afterwards', async () => {
    await strike('fail_before');
    expect(await refusal(place('ord_fb'))).toMatchObject({ statusCode: 500 });
    await strike('rate_limit');
    expect(await refusal(place('ord_fb'))).toBeInstanceOf(Stripe.errors.StripeRateLimitError);
    expect(await intentsOf('ord_fb')).toBe(0);
    expect((await place('ord_fb')).status).toBe('requires_capture');
    const { body } = await control('GET', 'faults');
    expect(body).toMatchObject({ faults: [{ fired: 1 }, { fired: 1 }] });
  });

  test('fail_after has done the work, and its 500 is what the key replays', async () => {
    await strike('fail_after');
    expect((await refusal(place('ord_fa'))).statusCode).toBe(500);
    expect((await refusal(place('ord_fa'))).statusCode).toBe(500);
    expect(await intentsOf('ord_fa')).toBe(1);
  });

  test('drop breaks the connection before, lose_reply after the work; the same key makes one charge', async () => {
    // stripe-node itself repeats a request whose connection was reset once, so each strikes twice.
    await strike('drop', '*', { times: 2 });
    expect(await refusal(place('ord_drop'))).toBeInstanceOf(Stripe.errors.StripeConnectionError);
    expect(await intentsOf('ord_drop')).toBe(0);
    await strike('lose_reply', 'payment_intents.create', { times: 2 });
    expect(await refusal(place('ord_lost'))).toBeInstanceOf(Stripe.errors.StripeConnectionError);
    expect(await intentsOf('ord_lost')).toBe(1);
    const intent = await place('ord_lost');
    expect(intent.lastResponse.headers['idempotent-replayed']).toBe('true');
    expect((await stripe.charges.list({ payment_intent: intent.id })).data).toHaveLength(1);
  });

  test('calls are counted per operation, and the state shows everything', async () => {
    const { body: before } = await control('GET', 'calls');
    await stripe.refunds.create({ payment_intent: (await captured()).id });
    const { body: after } = await control('GET', 'calls');
    const count = (body: { calls: Record<string, number> }) => body.calls['refunds.create'] ?? 0;
    expect(count(after) - count(before)).toBe(1);
    const { body: state } = await control('GET', 'state');
    expect(Object.keys(state)).toEqual(expect.arrayContaining(['payment_intents', 'charges', 'refunds', 'events']));
  });
});
