import { randomBytes } from 'node:crypto';
import type { Stripe } from 'stripe';
import { type Collection, openJournal } from '../journal.ts';

export const API_VERSION = '2026-10-28.endive';

/** Stored objects name others by id; expanding happens on the way out. */
type ById<T, K extends keyof T> = Omit<T, K> & { [P in K]: string | null };
export type Intent = ById<Stripe.PaymentIntent, 'customer' | 'latest_charge' | 'payment_method'>;
export type SetupIntent = ById<Stripe.SetupIntent, 'customer' | 'latest_attempt' | 'payment_method'>;
export type PaymentMethod = ById<Stripe.PaymentMethod, 'customer'>;
/** Names the payment method that it stands for, which nobody is told. */
export type ConfirmationToken = Stripe.ConfirmationToken & { method: string };
export type Charge = ById<Stripe.Charge, 'payment_intent' | 'balance_transaction'>;
export type Refund = ById<Stripe.Refund, 'payment_intent' | 'balance_transaction'> & { charge: string };
export type FraudWarning = Stripe.Radar.EarlyFraudWarning;
export type Dispute = ById<Stripe.Dispute, 'payment_intent'> & { charge: string };
/** All its lines; the answers have a page of them at most. */
export type TaxCalculation = Omit<Stripe.Tax.Calculation, 'line_items'> & {
  id: string;
  lines: Stripe.Tax.CalculationLineItem[];
};
export type TaxTransaction = Omit<Stripe.Tax.Transaction, 'line_items'> & { lines: Stripe.Tax.TransactionLineItem[] };
export type BalanceTransaction = Stripe.BalanceTransaction & { source: string };
/** The event as it is sent. `pending_webhooks` is 1 where an endpoint was configured when it happened. */
export interface SandboxEvent {
  id: string;
  object: 'event';
  api_version: string;
  created: number;
  data: { object: { id: string; object: string } };
  livemode: false;
  pending_webhooks: number;
  request: { id: string | null; idempotency_key: string | null };
  type: string;
}

export interface IdempotencyRecord {
  key: string;
  path: string;
  fingerprint: string;
  requestId: string;
  status: number;
  body: string;
  /** Stripe keeps keys for a day at least: the same one executes anew after that. */
  forgotten?: true;
}

/** A refund whose card makes it change by itself later. */
export interface Settlement {
  refund: string;
  outcome: 'succeeded' | 'failed';
  due: number;
  done: boolean;
}

/**
 * All that the sandbox knows. Stored objects are never changed in place: a change is a new object put under the same id, so
 * that the objects inside events stay as they were.
 */
export interface Store {
  customers: Collection<Stripe.Customer>;
  /** Ids of the customers that are no more. */
  deletedCustomers: Collection<true>;
  confirmationTokens: Collection<ConfirmationToken>;
  intents: Collection<Intent>;
  setupIntents: Collection<SetupIntent>;
  charges: Collection<Charge>;
  refunds: Collection<Refund>;
  disputes: Collection<Dispute>;
  fraudWarnings: Collection<FraudWarning>;
  files: Collection<Stripe.File>;
  paymentMethods: Collection<PaymentMethod>;
  /** The name of the test method behind each payment method. */
  testMethods: Collection<string>;
  /** Ids of the payment methods that nobody can use any more. */
  usedUp: Collection<true>;
  /** Ids of the payment methods whose customers agreed, authenticated, that they are charged while they are away. */
  setUp: Collection<true>;
  /** What tests have set otherwise than by default. */
  settings: Collection<unknown>;
  balanceTransactions: Collection<BalanceTransaction>;
  payouts: Collection<Stripe.Payout>;
  /** With which payout a balance transaction was paid out, by its id. */
  paidOut: Collection<string>;
  settlements: Collection<Settlement>;
  taxCalculations: Collection<TaxCalculation>;
  taxTransactions: Collection<TaxTransaction>;
  events: Collection<SandboxEvent>;
  /** Ids of the events that the endpoint has taken. */
  delivered: Collection<true>;
  /** Ids of the events that were lost on the way, and are not sent again by themselves. */
  lost: Collection<true>;
  idempotency: Collection<IdempotencyRecord>;
  /** The request being worked on, which its events name. Work on a request is synchronous, so there is only one. */
  request: SandboxEvent['request'];
  /** Seconds since 1970 by the sandbox's clock, as in all of Stripe's time stamps. */
  now(): number;
  /** Puts the clock forward for good. */
  advance(ms: number): void;
  emit(type: string, object: { id: string; object: string }): void;
  atomically<R>(work: () => R): R;
  close(): void;
}

export function openStore(options: {
  journalFile?: string;
  hasWebhook: boolean;
  onEvent(event: SandboxEvent): void;
}): Store {
  const journal = openJournal(options.journalFile);
  const events = journal.collection<SandboxEvent>('events');
  const clock = journal.collection<number>('clock');
  const ahead = () => clock.get('ahead') ?? 0;
  const store: Store = {
    customers: journal.collection('customers'),
    deletedCustomers: journal.collection('deletedCustomers'),
    confirmationTokens: journal.collection('confirmationTokens'),
    intents: journal.collection('intents'),
    setupIntents: journal.collection('setupIntents'),
    charges: journal.collection('charges'),
    refunds: journal.collection('refunds'),
    disputes: journal.collection('disputes'),
    fraudWarnings: journal.collection('fraudWarnings'),
    files: journal.collection('files'),
    paymentMethods: journal.collection('paymentMethods'),
    testMethods: journal.collection('testMethods'),
    usedUp: journal.collection('usedUp'),
    setUp: journal.collection('setUp'),
    settings: journal.collection('settings'),
    balanceTransactions: journal.collection('balanceTransactions'),
    payouts: journal.collection('payouts'),
    paidOut: journal.collection('paidOut'),
    settlements: journal.collection('settlements'),
    taxCalculations: journal.collection('taxCalculations'),
    taxTransactions: journal.collection('taxTransactions'),
    events,
    delivered: journal.collection('delivered'),
    lost: journal.collection('lost'),
    idempotency: journal.collection('idempotency'),
    request: { id: null, idempotency_key: null },
    now: () => Math.floor((Date.now() + ahead()) / 1000),
    advance: (ms) => {
      clock.put('ahead', ahead() + ms);
    },
    emit(type, object) {
      const event: SandboxEvent = {
        id: newId('evt'),
        object: 'event',
        api_version: API_VERSION,
        created: store.now(),
        data: { object },
        livemode: false,
        pending_webhooks: options.hasWebhook ? 1 : 0,
        request: store.request,
        type,
      };
      events.put(event.id, event);
      options.onEvent(event);
    },
    atomically: journal.atomically,
    close: journal.close,
  };
  return store;
}

export const newId = (prefix: string): string => `${prefix}_${randomBytes(12).toString('hex')}`;
