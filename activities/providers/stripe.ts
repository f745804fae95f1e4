/** Only this file and those named after it know Stripe. */
import Stripe from 'stripe';
import type { AttemptStatus, RefundStatus } from '../../workflows/domain/states.ts';
import { fromStripe, toStripe } from './stripe-amounts.ts';
import { createBalance } from './stripe-balance.ts';
import { createDisputes } from './stripe-disputes.ts';
import { createEvents } from './stripe-events.ts';
import { told } from './stripe-failures.ts';
import { createIntents, type Intent, refundedOf, toIntent } from './stripe-intents.ts';
import { createSetups } from './stripe-setups.ts';
import { createTaxes } from './stripe-taxes.ts';
import { createWallets } from './stripe-wallets.ts';

export type { ProviderDispute } from './stripe-disputes.ts';
export { ProviderError } from './stripe-failures.ts';
export type { Intent } from './stripe-intents.ts';

export interface AuditedIntent extends Intent {
  orderId: string;
  refunded: number;
}

export interface ProviderRefund {
  id: string;
  status: RefundStatus;
  amount: number;
  failure: string | undefined;
}

export type Payments = ReturnType<typeof createPayments>;

/** `publicUrl`: the storefront, which customers come back to from their bank. Whoever confirms no payment needs none. */
export function createPayments({
  secretKey,
  apiBase,
  publicUrl,
}: {
  secretKey: string;
  apiBase?: string | undefined;
  publicUrl?: string;
}) {
  const stripe = new Stripe(secretKey, {
    timeout: 15_000,
    // Temporal owns the long retries.
    maxNetworkRetries: 1,
    telemetry: false,
    ...(apiBase && location(apiBase)),
  });
  const expand = ['latest_charge'];

  return {
    ...createIntents(stripe, publicUrl),
    ...createBalance(stripe),
    ...createSetups(stripe),
    ...createTaxes(stripe),
    ...createWallets(stripe),
    ...createEvents(stripe),
    ...createDisputes(stripe),

    async createRefund(request: {
      intentId: string;
      refundId: string;
      attempt: number;
      amount: number;
      currency: string;
      key: string;
    }): Promise<ProviderRefund> {
      const { intentId, refundId, attempt, amount, currency, key } = request;
      const metadata = { refundId, attempt: String(attempt) };
      const params = { payment_intent: intentId, amount: toStripe(amount, currency), metadata };
      return toRefund(await told(() => stripe.refunds.create(params, { idempotencyKey: key })));
    },

    /** Whether a refund whose reply was lost is there after all. */
    async findRefund(intentId: string, refundId: string, attempt: number): Promise<ProviderRefund | undefined> {
      const refunds = await told(() =>
        stripe.refunds.list({ payment_intent: intentId, limit: 100 }).autoPagingToArray({ limit: 1_000 }),
      );
      const found = refunds.find(
        ({ metadata }) => metadata?.refundId === refundId && metadata.attempt === String(attempt),
      );
      return found && toRefund(found);
    },

    async readRefund(id: string): Promise<ProviderRefund> {
      return toRefund(await told(() => stripe.refunds.retrieve(id)));
    },

    /** For the auditor: what the provider holds or took, with what it gave back. */
    async intentForAudit(
      id: string,
    ): Promise<{ status: AttemptStatus; authorized: number; captured: number; refunded: number }> {
      const found = await told(() => stripe.paymentIntents.retrieve(id, { expand }));
      return { ...toIntent(found), refunded: refundedOf(found) };
    },

    /** For the auditor: the intents made since a time that are ours by their metadata, with what they hold and took. */
    async intentsSince(since: Date): Promise<AuditedIntent[]> {
      const created = { gte: Math.floor(since.getTime() / 1000) };
      const found: AuditedIntent[] = [];
      const pages = stripe.paymentIntents.list({ created, limit: 100, expand: ['data.latest_charge'] });
      for await (const intent of pages) {
        const { orderId } = intent.metadata;
        if (orderId === undefined) continue;
        found.push({ ...toIntent(intent), orderId, refunded: refundedOf(intent) });
      }
      return found;
    },
  };
}

/** https://docs.stripe.com/refunds: `requires_action` and `pending` are both on their way. */
function toRefund(refund: Stripe.Refund): ProviderRefund {
  const ended = refund.status === 'succeeded' ? 'succeeded' : 'failed';
  const open = refund.status === 'pending' || refund.status === 'requires_action';
  return {
    id: refund.id,
    status: open ? 'pending' : ended,
    amount: fromStripe(refund.amount, refund.currency),
    failure: refund.failure_reason ?? undefined,
  };
}

function location(apiBase: string): Pick<Stripe.StripeConfig, 'host' | 'port' | 'protocol'> {
  const { protocol, hostname, port } = new URL(apiBase);
  return { host: hostname, port: Number(port), protocol: protocol === 'http:' ? 'http' : 'https' };
}
