/**
 * The account's balance at Stripe: what moved it, with its fees, and what was paid out to the bank. It may be in another
 * currency than the customer paid in.
 */
import Stripe from 'stripe';
import { isCurrency } from '../../workflows/domain/money.ts';
import { type Line, movementOf } from '../../workflows/domain/reconciliation.ts';
import type { RefundStatus } from '../../workflows/domain/states.ts';
import { fromStripe } from './stripe-amounts.ts';
import { told } from './stripe-failures.ts';

/** Minor units of the balance's currency. `amount` and `net` are negative where they leave the balance. */
export interface BalanceLine extends Line {
  /** Stripe's own word for it. */
  type: string;
  amount: number;
  fee: number;
  net: number;
  currency: string;
  at: Date;
  availableAt: Date;
}

export interface ProviderPayout {
  id: string;
  amount: number;
  currency: string;
  arrivalDate: Date;
  status: string;
  /** Stripe chose what is in it, and can tell. */
  automatic: boolean;
  createdAt: Date;
}

/** The most that Stripe answers with at once. */
const pageSize = 100;

export function createBalance(stripe: Stripe) {
  return {
    /** What moved in a time, the newest first, on from a line that is known. */
    async balancePage({ from, to, after }: { from: Date; to: Date; after?: string | undefined }) {
      const params: Stripe.BalanceTransactionListParams = {
        created: { gte: seconds(from), lt: seconds(to) },
        limit: pageSize,
        expand: ['data.source'],
        ...(after !== undefined && { starting_after: after }),
      };
      const { data, has_more } = await told(() => stripe.balanceTransactions.list(params));
      return { lines: data.map(toLine), last: data.at(-1)?.id, more: has_more };
    },

    async payoutPage({ from, to, after }: { from: Date; to: Date; after?: string | undefined }) {
      const params: Stripe.PayoutListParams = {
        created: { gte: seconds(from), lt: seconds(to) },
        limit: pageSize,
        ...(after !== undefined && { starting_after: after }),
      };
      const { data, has_more } = await told(() => stripe.payouts.list(params));
      return { payouts: data.map(toPayout), last: data.at(-1)?.id, more: has_more };
    },

    async readPayout(id: string): Promise<ProviderPayout> {
      return toPayout(await told(() => stripe.payouts.retrieve(id)));
    },

    /** The ids of the lines that an automatic payout is made of, a page of them. */
    async linesOfPayout({ payoutId, after }: { payoutId: string; after?: string | undefined }) {
      const params = { payout: payoutId, limit: pageSize, ...(after !== undefined && { starting_after: after }) };
      const { data, has_more } = await told(() => stripe.balanceTransactions.list(params));
      return { ids: data.map(({ id }) => id), last: data.at(-1)?.id, more: has_more };
    },

    /** What was captured of an intent so far; nothing of one that Stripe does not know. */
    async capturedOf(intentId: string): Promise<number> {
      const intent = await told(() => unlessUnknown(() => stripe.paymentIntents.retrieve(intentId)));
      return intent ? fromStripe(intent.amount_received, intent.currency) : 0;
    },

    /** Of a refund or a dispute. */
    async isThere(id: string): Promise<boolean> {
      const found = await told<object | undefined>(() =>
        unlessUnknown<object>(() => (/^d[up]_/.test(id) ? stripe.disputes.retrieve(id) : stripe.refunds.retrieve(id))),
      );
      return found !== undefined;
    },
  };
}

async function unlessUnknown<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Stripe.errors.StripeInvalidRequestError && error.code === 'resource_missing') return undefined;
    throw error;
  }
}

function toLine(transaction: Stripe.BalanceTransaction): BalanceLine {
  const { id, type, reporting_category, amount, fee, net, currency, created, available_on, source } = transaction;
  return {
    id,
    type,
    movement: movementOf(type, reporting_category),
    amount: fromStripe(amount, currency),
    fee: fromStripe(fee, currency),
    net: fromStripe(net, currency),
    currency: currency.toUpperCase(),
    at: new Date(created * 1000),
    availableAt: new Date(available_on * 1000),
    ...(source !== null && sourceOf(source)),
  };
}

/** What a line is of: https://docs.stripe.com/api/balance_transactions/object#balance_transaction_object-source */
function sourceOf(source: string | Stripe.BalanceTransactionSource): Partial<Line> {
  if (typeof source === 'string') return { sourceId: source };
  const { id: sourceId } = source;
  switch (source.object) {
    case 'charge': {
      const { payment_intent, amount_captured, currency, metadata } = source;
      return { sourceId, ...ofIntent(payment_intent), ...own(amount_captured, currency), ...named(metadata.orderId) };
    }
    case 'refund': {
      const { payment_intent, amount, currency, metadata, status } = source;
      return {
        sourceId,
        ...ofIntent(payment_intent),
        ...own(amount, currency),
        ...(metadata?.refundId !== undefined && { refundId: metadata.refundId }),
        refundStatus: refundStatusOf(status),
      };
    }
    case 'dispute': {
      const { payment_intent, amount, currency, status, reason } = source;
      return { sourceId, ...ofIntent(payment_intent), ...own(amount, currency), dispute: { status, reason } };
    }
    default:
      return { sourceId };
  }
}

function ofIntent(intent: string | { id: string } | null): Pick<Line, 'intentId'> {
  if (intent === null) return {};
  return { intentId: typeof intent === 'string' ? intent : intent.id };
}

/** The account may have to do with what is no currency of ours. */
function own(amount: number, code: string): Pick<Line, 'own'> {
  const currency = code.toUpperCase();
  return isCurrency(currency) ? { own: { amount: fromStripe(amount, currency), currency } } : {};
}

function named(orderId: string | undefined): Pick<Line, 'orderId'> {
  return orderId === undefined ? {} : { orderId };
}

function refundStatusOf(status: string | null): RefundStatus {
  if (status === 'succeeded') return 'succeeded';
  return status === 'pending' || status === 'requires_action' ? 'pending' : 'failed';
}

function toPayout({ id, amount, currency, arrival_date, status, automatic, created }: Stripe.Payout): ProviderPayout {
  return {
    id,
    amount: fromStripe(amount, currency),
    currency: currency.toUpperCase(),
    arrivalDate: new Date(arrival_date * 1000),
    status,
    automatic,
    createdAt: new Date(created * 1000),
  };
}

function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}
