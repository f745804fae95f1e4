/**
 * Every step of money, with each of its outcomes, dies at each moment around its call of Stripe. Whatever is tried again
 * then, everything ends as if nothing had died.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { bookCredit } from '../../activities/payments/credit.ts';
import { renewPayment } from '../../activities/payments/renewals.ts';
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
import { type OwnedProcess, startNode } from '../../sandbox/processes.ts';
import { answerIncident, placeOrder } from '../../workflows/messages.ts';
import { type Call, createCrashes, type Step, type StepInput } from '../support/crashes.ts';
import { createBank } from '../support/disputes.ts';
import { price } from '../support/shop.ts';
import { until } from '../support/until.ts';
import { startWorld, type World } from '../support/world.ts';

const crashes = createCrashes();
const children: OwnedProcess[] = [];
let world: World;
let bank: ReturnType<typeof createBank>;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'waybill-crashes-'));
  world = await startWorld({ workers: false, crashes });
  bank = createBank(world);
});
afterAll(async () => {
  for (const child of children) await child.stop(0);
  await world.stop();
  rmSync(folder, { recursive: true });
});

// ---- The table ----

/** What is left of an order, at our place and at Stripe: amounts in minor units. */
interface Ends {
  order: Order['status'];
  /** Intents that hold money. */
  held: number;
  /** Every capture that Stripe ever booked, and every refund that did not fail. */
  captured: number[];
  refunds: number[];
  /** How often the bank got evidence, and Stripe Tax a record. */
  answers: number;
  taxes: number;
  /** Stripe's customers for our one. */
  customers: number;
  /** Store credit that the customer has. */
  credit: number;
  ledger: string[];
  mails: string[];
}

/** An order that has come to where the step is next, and what makes that step run. */
interface Ready {
  orderId: string;
  act(): Promise<unknown>;
}

type Row = [what: string, step: Step, call: Call, ready: () => Promise<Ready>, ends: Partial<Ends>];

const visa = 'pm_card_visa';
const debit = 'pm_usBankAccount_processing';
const strong = 'pm_card_threeDSecure2Required';
const refused = 'pm_card_chargeDeclined';

const authorize = `authorize ${price}`;
const capture = `capture ${price}`;
const disputedAmount = `dispute -${price}`;
const mailed = ['order_confirmed', 'shipped', 'delivered'];

const unpaid: Partial<Ends> = { order: 'awaiting_payment' };
const asked: Partial<Ends> = { ...unpaid, mails: ['payment_needed'] };
const underWay: Partial<Ends> = { ...unpaid, mails: ['payment_processing'] };
const held: Partial<Ends> = { order: 'confirmed', held: 1, ledger: [authorize], mails: ['order_confirmed'] };
const heldLate: Partial<Ends> = { ...held, mails: ['order_backordered', 'order_confirmed'] };
const heldSafely: Partial<Ends> = { ...held, mails: ['payment_needed', 'order_confirmed'] };
const heldAnew: Partial<Ends> = {
  ...held,
  ...{ ledger: [authorize, 'void 0', authorize], mails: ['order_confirmed', 'renewal_needed'] },
};
const debited: Partial<Ends> = {
  ...{ order: 'confirmed', captured: [price] },
  ...{ ledger: [capture], mails: ['payment_processing', 'order_confirmed'] },
};
const waits: Partial<Ends> = { order: 'confirmed', mails: ['order_backordered'] };
const ready: Partial<Ends> = { ...held, order: 'processing', held: 0, captured: [price], ledger: [authorize, capture] };
const sent: Partial<Ends> = { ...ready, order: 'completed', mails: mailed };
const sentAnew: Partial<Ends> = { ...sent, ledger: [authorize, 'void 0', authorize, capture], customers: 1 };
const sentInTime: Partial<Ends> = { ...sent, ledger: [authorize, authorize, capture], customers: 1 };
const refunded: Partial<Ends> = {
  ...{ ...sent, refunds: [price] },
  ...{ ledger: [authorize, capture, `refund ${price}`], mails: [...mailed, 'refunded'] },
};
const voided: Partial<Ends> = {
  ...{ order: 'cancelled', ledger: [authorize, 'void 0'] },
  mails: ['order_confirmed', 'order_cancelled'],
};
const paidBack: Partial<Ends> = {
  ...{ ...refunded, order: 'cancelled' },
  mails: ['order_confirmed', 'refunded', 'order_cancelled'],
};
const partly = price - 500;
const spilled: Partial<Ends> = {
  ...{ ...refunded, captured: [partly], refunds: [partly], credit: 200 },
  ledger: [`authorize ${partly}`, `capture ${partly}`, `refund ${partly}`],
};
const won: Partial<Ends> = { ...sent, answers: 1, ledger: [authorize, capture, disputedAmount, `dispute ${price}`] };
const lost: Partial<Ends> = { ...sent, ledger: [authorize, capture, disputedAmount] };

// biome-ignore format: it is read as a table
const steps: Row[] = [
  ['an intent for the browser',                   'authorizePayment',  'createIntent',   confirmedByBrowser,      held],
  ['an intent that is looked at',                 'authorizePayment',  'readIntent',     confirmedByBrowser,      held],
  ['a customer at Stripe',                        'authorizePayment',  'ensureCustomer', placedAndSaved,          { ...held, customers: 1 }],
  ['authorized',                                  'authorizePayment',  'confirmIntent',  placed(visa),            held],
  ['authorized by a token',                       'authorizePayment',  'confirmIntent',  placedByToken(visa),     held],
  ['authorized when goods came',                  'authorizePayment',  'confirmIntent',  goodsCame,               heldLate],
  ['declined',                                    'authorizePayment',  'confirmIntent',  placed(refused),         asked],
  ['asked for 3-D Secure',                        'authorizePayment',  'confirmIntent',  placed(strong),          asked],
  ['asked for 3-D Secure by a token',             'authorizePayment',  'confirmIntent',  placedByToken(strong),   asked],
  ['a bank debit on its way',                     'authorizePayment',  'confirmIntent',  placedByToken(debit),    underWay],
  ['a bank debit that was settled',               'readPayment',       'readIntent',     settled,                 debited],
  ['authorized after 3-D Secure',                 'readPayment',       'readIntent',     authenticated,           heldSafely],
  ['a setup',                                     'savePaymentMethod', 'createSetup',    waiting(visa),           waits],
  ['a method that is saved',                      'savePaymentMethod', 'confirmSetup',   waiting(visa),           waits],
  ['a method that is declined',                   'savePaymentMethod', 'confirmSetup',   waiting(refused),        asked],
  ['captured',                                    'capturePayment',    'captureIntent',  packed,                  ready],
  ['voided',                                      'voidPayment',       'cancelIntent',   cancelled,               voided],
  ['captured elsewhere and not voided',           'voidPayment',       'cancelIntent',   cancelledTooLate,        paidBack],
  ['a renewal',                                   'renewPayment',      'createIntent',   renewed,                 sentAnew],
  ['renewed by the saved method',                 'renewPayment',      'confirmIntent',  renewed,                 sentAnew],
  ['renewed, and the old one is let go',          'renewPayment',      'cancelIntent',   renewedInTime,           sentInTime],
  ['a renewal that needs its customer',           'renewPayment',      'createIntent',   renewedByCustomer,       heldAnew],
  ['renewed by its customer',                     'renewPayment',      'confirmIntent',  renewedByCustomer,       heldAnew],
  ['refunded',                                    'sendRefund',        'createRefund',   refundedAtOnce,          refunded],
  ['a pending refund',                            'sendRefund',        'createRefund',   refundSettled,           refunded],
  ['a pending refund that arrived',               'sendRefund',        'readRefund',     refundSettled,           refunded],
  ['a refund that failed and is sent anew',       'sendRefund',        'createRefund',   refundFailed,            refunded],
  ['refunded, and the rest as store credit',      'sendRefund',        'createRefund',   refundSpilled,           spilled],
  ['evidence that is shown',                      'stageEvidence',     'stageEvidence',  evidenceSubmitted,       won],
  ['evidence that is sent',                       'submitEvidence',    'submitEvidence', evidenceSubmitted,       won],
  ['a dispute that is accepted',                  'acceptDispute',     'closeDispute',   disputeAccepted,         lost],
  ['taxes that are recorded',                     'recordTaxes',       'recordTaxes',    taxesRecorded,           { ...sent, taxes: 1 }],
  ['taxes that are taken back',                   'reverseTaxes',      'reverseTaxes',   taxesReversed,           { ...refunded, taxes: 2 }],
];

const authorizeBoth = `authorize ${2 * price}`;
const inPart: Partial<Ends> = { ...ready, held: 1, ledger: [authorizeBoth, capture] };
const inFull: Partial<Ends> = { ...ready, captured: [price, price], ledger: [authorizeBoth, capture, capture] };
const firstOnly: Partial<Ends> = { ...sent, ledger: [authorizeBoth, capture] };

// biome-ignore format: it is read as a table
const parcels: Row[] = [
  ['the first parcel',                            'capturePayment',    'captureIntent',  firstParcel,             inPart],
  ['the last parcel',                             'capturePayment',    'captureIntent',  lastParcel,              inFull],
  ['what no parcel needs',                        'voidPayment',       'cancelIntent',   lastParcelCancelled,     firstOnly],
];

const moments = ['before the call', 'after the call', 'after its record'] as const;
const forgotten = 'after the call, whose key Stripe forgets';
/** What only reads or shows has no key; and taxes are known by it alone: once it is forgotten, a person looks. */
const withoutKey: Call[] = ['readIntent', 'readRefund', 'stageEvidence', 'recordTaxes', 'reverseTaxes'];

// ---- The cells ----

/** Their steps are tried again after 45 s, while the cells are played. */
const killed: { orderId: string; ends: Partial<Ends>; done: Promise<unknown> }[] = [];

test('workers are killed between Stripe’s answers and their records', async () => {
  await world.startWorker('orders');
  const stopProviders = await world.startWorker('providers');
  const toCapture = await packed();
  const toRefund = await refundedAtOnce();
  await stopProviders();
  const toAuthorize = await placed(visa)();
  for (const [call, { orderId, act }, ends] of [
    ['confirmIntent', toAuthorize, held],
    ['captureIntent', toCapture, ready],
    ['createRefund', toRefund, refunded],
  ] as const) {
    const kill = await startDoomed(call);
    killed.push({ orderId, ends, done: act() });
    await kill();
  }
  await world.startWorker('providers');
}, 90_000);

cells(steps);

describe('where the card can be captured more than once', () => {
  beforeAll(() => world.setPayments({ multicapture: true }));
  afterAll(() => world.setPayments({}));
  cells(parcels);
});

test('what killed workers have left is done once', async () => {
  expect(killed).toHaveLength(3);
  for (const { orderId, ends, done } of killed) {
    await done;
    await expectEnds(orderId, ends);
  }
}, 90_000);

test('every workflow replays', async () => {
  expect(await world.replayFailures()).toEqual([]);
});

test('the auditor finds nothing', async () => {
  await world.inboxIsEmpty();
  expect(await world.violations()).toEqual([]);
});

/** The cells of a row are played side by side. */
function cells(rows: Row[]): void {
  describe.each(rows)('%s', (_what, step, call, ready, ends) => {
    const columns = withoutKey.includes(call) ? moments : [...moments, forgotten];
    const played = new Map<string, PromiseSettledResult<void>>();
    const play = async (column: string) => {
      const { orderId, act } = await ready();
      const fired = crashes.arm({
        step,
        call,
        moment: moments.find((moment) => column === moment) ?? 'after the call',
        isMine: async (input) => (await orderOf(input)) === orderId,
        meanwhile: column === forgotten ? forgetKey : undefined,
      });
      await inTime(act());
      await expectEnds(orderId, ends);
      expect(fired()).toBe(1);
    };
    beforeAll(async () => {
      const results = await Promise.allSettled(columns.map(play));
      for (const [index, column] of columns.entries()) played.set(column, results[index]!);
    });
    test.each(columns)('dies %s', (column) => {
      const result = played.get(column)!;
      if (result.status === 'rejected') throw result.reason;
    });
  });
}

/** What hangs is a fault of its cell, not of its row. */
function inTime<T>(acting: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error('It has not ended within 30 s')), 30_000).unref();
  });
  return Promise.race([acting, late]);
}

async function orderOf({ orderId, refundId, disputeId }: StepInput): Promise<string | undefined> {
  const { refunds, disputes } = world.mongo.models;
  if (refundId !== undefined) return (await refunds.findById(refundId).lean())?.orderId;
  if (disputeId !== undefined) return (await disputes.findById(disputeId).lean())?.orderId;
  return orderId;
}

async function forgetKey(key: string): Promise<void> {
  if (key === '') throw new Error('The call has no key that could be forgotten');
  await world.control(world.stripe.url, 'DELETE', `/_sandbox/idempotency_keys/${key}`);
}

/** Once Stripe has told everything. */
async function expectEnds(orderId: string, ends: Partial<Ends>): Promise<void> {
  const nothing = { held: 0, captured: [], refunds: [], answers: 0, taxes: 0, customers: 0, credit: 0 };
  const expected = { ...nothing, ledger: [], mails: [], ...ends };
  await world.inboxIsEmpty();
  const agrees = async () => expect(await endsOf(orderId)).toEqual(expected);
  const ended = () =>
    agrees()
      .then(() => true)
      .catch(() => false);
  await until(ended, 'it has ended', 5_000).catch(() => {});
  await agrees();
}

async function endsOf(orderId: string): Promise<Ends> {
  const { models } = world.mongo;
  const { status, customerId } = await world.readOrder(orderId);
  const { ledger } = await world.paymentOf(orderId);
  const atStripe = (await world.stripeState()) as unknown as Record<string, AtStripe[]>;
  const { payment_intents, charges, refunds, balance_transactions, disputes, tax_transactions, customers } = atStripe;
  const intents = payment_intents!.filter(({ metadata }) => metadata?.orderId === orderId);
  const ours = ({ payment_intent }: AtStripe) => intents.some(({ id }) => id === payment_intent);
  const charged = charges!.filter(ours).map(({ id }) => id);
  const taxed = tax_transactions!.find(({ reference }) => reference === orderId)?.id;
  const account = await models.creditAccounts.findOne({ customerId: customerId ?? null }).lean();
  return {
    order: status,
    held: intents.filter((intent) => intent.status === 'requires_capture').length,
    captured: balance_transactions!
      .filter(isCapture)
      .filter(({ source }) => charged.includes(source))
      .map(amount),
    refunds: refunds!
      .filter(ours)
      .filter((each) => each.status !== 'failed')
      .map(amount),
    answers: disputes!.filter(ours).reduce((sum, each) => sum + each.evidence_details.submission_count, 0),
    taxes: tax_transactions!.filter((each) => [each.id, each.reversal?.original_transaction].includes(taxed ?? ''))
      .length,
    customers: customers!.filter(({ metadata }) => customerId && metadata?.customerId === customerId).length,
    credit: account?.balance ?? 0,
    ledger: ledger.map((entry) => `${entry.kind} ${entry.amount}`),
    mails: await world.mailsOf(orderId),
  };
}

/** What Stripe has, with the fields of all its kinds that count here. */
interface AtStripe {
  id: string;
  status: string;
  type: string;
  amount: number;
  payment_intent: string;
  source: string;
  metadata?: { orderId?: string; customerId?: string };
  evidence_details: { submission_count: number };
  reference: string;
  reversal?: { original_transaction: string };
}

const amount = (each: AtStripe) => each.amount;
const isCapture = ({ type }: AtStripe) => type === 'charge' || type === 'payment';

// ---- Killed processes ----

/** A worker that freezes when Stripe has answered, and is killed then. */
async function startDoomed(call: Call): Promise<() => Promise<void>> {
  const at = `${call}:after`;
  const env = { ...process.env, ...world.childEnvironment, TASK_QUEUE: 'providers', FREEZE_AT: at };
  const child = await startNode({ name: call, file: 'test/support/child-worker.ts', env, dataDir: folder });
  children.push(child);
  return async () => {
    const frozen = JSON.stringify({ msg: 'frozen', step: at });
    await until(async () => readFileSync(child.logFile, 'utf8').includes(frozen), `${call} is frozen`);
    child.kill('SIGKILL');
  };
}

// ---- The orders ----

async function write(order: Partial<Order>): Promise<Ready> {
  const written = await world.write({ items: [{ sku: 'MUG', quantity: 1 }], ...order });
  const { orderId } = written;
  const act = async () => {
    await world.start(written);
    await world.orderHandle(orderId).executeUpdate(placeOrder);
  };
  return { orderId, act };
}

function placed(paymentMethod: string) {
  return () => write({ paymentMethod });
}

/** What Stripe.js makes of a method in the browser. */
async function token(payment_method: string): Promise<string> {
  const made = await world.control(world.stripe.url, 'POST', '/_sandbox/confirmation_tokens', { payment_method });
  return (made as { id: string }).id;
}

function placedByToken(method: string) {
  return async () => write({ paymentMethod: await token(method) });
}

async function placedAndSaved(): Promise<Ready> {
  return write({ customerId: await newCustomer(), savePaymentMethod: true });
}

async function confirmedByBrowser(): Promise<Ready> {
  const { orderId, act } = await write({ paymentMethod: undefined });
  return {
    orderId,
    async act() {
      await act();
      await world.browser(orderId, 'confirm', { payment_method: visa });
      await world.reaches(orderId, 'confirmed');
    },
  };
}

async function settled(): Promise<Ready> {
  const { orderId, act } = await placedByToken(debit)();
  await act();
  return {
    orderId,
    async act() {
      await control(`payment_intents/${await world.intentOf(orderId)}/settle`, { outcome: 'succeeded' });
      await world.reaches(orderId, 'confirmed');
    },
  };
}

async function authenticated(): Promise<Ready> {
  const { orderId, act } = await placed(strong)();
  await act();
  return {
    orderId,
    async act() {
      await world.browser(orderId, 'authenticate', { outcome: 'succeed' });
      await world.reaches(orderId, 'confirmed');
    },
  };
}

async function backordered(paymentMethod: string): Promise<Ready & { sku: string }> {
  const sku = await world.newSku({}, { backorder: { limit: 10, leadDays: 5 } });
  const expectedAt = new Date(Date.now() + 5 * 86_400_000);
  const order = await write({ items: [{ sku, quantity: 1 }], acceptsBackorder: true, expectedAt, paymentMethod });
  return { ...order, sku };
}

function waiting(paymentMethod: string) {
  return () => backordered(paymentMethod);
}

async function goodsCame(): Promise<Ready> {
  const { orderId, act, sku } = await backordered(visa);
  await act();
  return {
    orderId,
    async act() {
      await world.receive(sku, 'wh_east', 1);
      await until(async () => (await world.shipmentsOf(orderId))[0]?.status === 'picking', 'it is paid');
    },
  };
}

async function picked(order: Partial<Order> = {}): Promise<{ orderId: string; shipmentId: string }> {
  const { orderId, act } = await write(order);
  await act();
  const [shipment] = await world.shipmentsOf(orderId);
  await world.pickAll(shipment!.id);
  return { orderId, shipmentId: shipment!.id };
}

async function packed(): Promise<Ready> {
  const { orderId, shipmentId } = await picked();
  return { orderId, act: () => world.pack(orderId, shipmentId) };
}

async function cancelled(): Promise<Ready> {
  const { orderId } = await world.place({ items: [{ sku: 'MUG', quantity: 1 }] });
  return { orderId, act: () => world.cancel(orderId) };
}

/** Somebody has captured it in Stripe's dashboard. */
async function cancelledTooLate(): Promise<Ready> {
  const { orderId, act } = await cancelled();
  const intentId = await world.intentOf(orderId);
  await world.payments.captureIntent(intentId, { amount: price, currency: 'USD', key: newId('req') });
  return { orderId, act };
}

/** The bank has let go of the money. */
async function renewed(): Promise<Ready> {
  const { orderId, act } = await placedAndSaved();
  await act();
  await world.inboxIsEmpty();
  return {
    orderId,
    async act() {
      await world.browser(orderId, 'expire');
      await until(async () => (await world.paymentOf(orderId)).pastIntents.length === 1, 'it is renewed');
      await world.deliver(orderId);
    },
  };
}

/** Days before the bank lets go, as its workflow asks then. */
async function renewedInTime(): Promise<Ready> {
  const { orderId, act } = await placedAndSaved();
  await act();
  await world.inboxIsEmpty();
  const payments = crashes.calls(world.payments);
  const steps = crashes.steps({ renewPayment: (input) => renewPayment(world.mongo, payments, input) });
  const renew = () => steps.renewPayment({ orderId, renewal: 1, attempt: 1 });
  return {
    orderId,
    async act() {
      await expect(renew()).rejects.toThrow('The worker died');
      await renew();
      await world.deliver(orderId);
    },
  };
}

async function renewedByCustomer(): Promise<Ready> {
  const { orderId, act } = await placed(visa)();
  await act();
  return {
    orderId,
    async act() {
      await world.browser(orderId, 'expire');
      await world.incident(orderId, 'payment_renewal');
      await world.pay(orderId, 'pm_card_mastercard');
      await until(async () => (await world.stateOf(orderId)).incidents.length === 0, 'nobody is needed any more');
    },
  };
}

const one = { items: [{ sku: 'MUG', quantity: 1 }] };

async function refundedAtOnce(): Promise<Ready> {
  const orderId = await world.delivered(one);
  return { orderId, act: async () => world.refundHandle(await world.refund(orderId)).result() };
}

async function refundSettled(): Promise<Ready> {
  const orderId = await world.delivered({ ...one, paymentMethod: 'pm_card_pendingRefund' });
  return {
    orderId,
    async act() {
      const refundId = await world.refund(orderId);
      await settleRefund(refundId, 'succeeded');
      await world.refundHandle(refundId).result();
    },
  };
}

async function refundFailed(): Promise<Ready> {
  const orderId = await world.delivered({ ...one, paymentMethod: 'pm_card_pendingRefund' });
  const refundId = await world.refund(orderId);
  await settleRefund(refundId, 'failed');
  const read = () => world.mongo.models.refunds.findById(refundId).lean().orFail();
  await until(async () => (await read()).state?.incidents.length === 1, 'somebody is asked');
  const { id: incidentId } = (await read()).state!.incidents[0]!;
  return {
    orderId,
    async act() {
      const answer = { incidentId, answer: 'retry' as const, actor: 'test' };
      await world.refundHandle(refundId).executeUpdate(answerIncident, { args: [answer] });
      await until(async () => (await read()).attempt === 2, 'it is sent anew');
      await settleRefund(refundId, 'succeeded');
      await world.refundHandle(refundId).result();
    },
  };
}

/** Once the workflow waits for the bank. */
async function settleRefund(refundId: string, outcome: 'succeeded' | 'failed'): Promise<void> {
  const read = () => world.mongo.models.refunds.findById(refundId).lean().orFail();
  await until(async () => (await read()).state?.waitingFor?.event === 'refund_settled', 'the bank has it');
  await control(`refunds/${(await read()).providerId}/settle`, { outcome });
}

async function refundSpilled(): Promise<Ready> {
  const customerId = await newCustomer();
  const grant = { key: newId('crd'), kind: 'grant', currency: 'USD', amount: 500 } as const;
  await bookCredit(world.mongo, { ...grant, customerId, reason: 'welcome', actor: 'test' });
  const orderId = await world.delivered({ ...one, customerId, credit: 500 });
  return { orderId, act: async () => world.refundHandle(await world.refund(orderId, partly + 200)).result() };
}

async function evidenceSubmitted(): Promise<Ready> {
  const orderId = await world.delivered(one);
  return {
    orderId,
    async act() {
      const disputeId = await bank.open(orderId);
      await bank.isStaged(disputeId);
      await bank.answer(disputeId, 'submit');
      await bank.isSent(disputeId);
      await bank.decide(disputeId, 'won');
      await bank.result(disputeId);
    },
  };
}

async function disputeAccepted(): Promise<Ready> {
  const orderId = await world.delivered(one);
  return {
    orderId,
    async act() {
      const disputeId = await bank.open(orderId);
      await bank.answer(disputeId, 'accept');
      await bank.result(disputeId);
    },
  };
}

async function taxesRecorded(): Promise<Ready> {
  const { calculationId } = await world.payments.calculateTaxes({
    ...{ currency: 'USD', inclusive: false, exempt: false, shipping: 0 },
    lines: [{ reference: 'line_1', amount: price, quantity: 1 }],
    to: { country: 'US', region: 'NY', postalCode: '10001', city: 'New York' },
  });
  const { orderId } = await world.place({ ...one, taxCalculation: calculationId });
  return { orderId, act: () => world.deliver(orderId) };
}

async function taxesReversed(): Promise<Ready> {
  const { orderId, act } = await taxesRecorded();
  await act();
  return { orderId, act: async () => world.refundHandle(await world.refund(orderId)).result() };
}

async function inTwoParcels() {
  const { orderId } = await world.place({ items: ['MUG', 'LAMP'].map((sku) => ({ sku, quantity: 1 })) });
  const [first, last] = (await world.shipmentsOf(orderId)).map(({ id }) => id) as [string, string];
  return { orderId, first, last };
}

async function firstParcel(): Promise<Ready> {
  const { orderId, first } = await inTwoParcels();
  await world.pickAll(first);
  return { orderId, act: () => world.pack(orderId, first) };
}

async function lastParcel(): Promise<Ready> {
  const { orderId, first, last } = await inTwoParcels();
  await world.makeReady(orderId, first);
  await world.pickAll(last);
  return { orderId, act: () => world.pack(orderId, last) };
}

async function lastParcelCancelled(): Promise<Ready> {
  const { orderId, first } = await inTwoParcels();
  await world.ship(orderId, first);
  await world.cancel(orderId);
  return {
    orderId,
    async act() {
      await world.carrierSays(first, 'delivered');
      await world.reaches(orderId, 'completed');
    },
  };
}

async function newCustomer(): Promise<string> {
  const customerId = newId('cus');
  const customer = { _id: customerId, email: `${customerId}@example.com`, name: 'Buyer', createdAt: new Date() };
  await world.mongo.models.customers.create([customer]);
  return customerId;
}

function control(path: string, body: object): Promise<unknown> {
  return world.control(world.stripe.url, 'POST', `/_sandbox/${path}`, body);
}
