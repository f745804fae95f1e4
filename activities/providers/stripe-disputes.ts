/** Disputes of the cardholder's bank: read, answered with evidence, given in to; and its warnings of fraud. */
import { ApplicationFailure } from '@temporalio/common';
import type Stripe from 'stripe';
import type { Evidence } from '../../workflows/domain/evidence.ts';
import { failures } from '../../workflows/domain/failures.ts';
import type { DisputeKind, DisputeStatus } from '../../workflows/domain/states.ts';
import { fromStripe } from './stripe-amounts.ts';
import { told } from './stripe-failures.ts';

export interface ProviderDispute {
  id: string;
  kind: DisputeKind;
  status: DisputeStatus;
  /** The bank waits for an answer, and takes one. */
  isAsked: boolean;
  /** How often it got one. */
  answers: number;
  intentId: string | undefined;
  /** Minor units; undefined where it says nothing of an amount. */
  amount: number | undefined;
  currency: string | undefined;
  reason: string;
  dueBy: Date | undefined;
  /** What it took (below zero) and gave back, by the provider's ids. */
  movements: { id: string; amount: number }[];
  fee: { amount: number; currency: string } | undefined;
}

export function createDisputes(stripe: Stripe) {
  return {
    /** A dispute, or a warning of fraud, by what its id says. */
    async readDispute(id: string): Promise<ProviderDispute> {
      return id.startsWith('issfr_') ? readFraudWarning(id) : readDispute(id);
    },

    readFraudWarning,

    /** Those of one payment: where the provider refuses a refund because of one, of which we have not heard. */
    async disputesOf(intentId: string): Promise<ProviderDispute[]> {
      const found = await told(() => stripe.disputes.list({ payment_intent: intentId, limit: 100 }));
      return found.data.map(toDispute);
    },

    /** For the auditor. */
    async disputesSince(since: Date): Promise<ProviderDispute[]> {
      const created = { gte: Math.floor(since.getTime() / 1000) };
      const found: ProviderDispute[] = [];
      for await (const dispute of stripe.disputes.list({ created, limit: 100 })) found.push(toDispute(dispute));
      return found;
    },

    /** Shows it in the provider's dashboard, and to no bank. */
    async stageEvidence(id: string, evidence: Evidence): Promise<ProviderDispute> {
      return asItIsThen(id, () => stripe.disputes.update(id, { evidence, submit: false }));
    },

    /** The bank takes it once. */
    async submitEvidence(id: string, request: { evidence: Evidence; key: string }): Promise<ProviderDispute> {
      const { evidence, key } = request;
      const params = { evidence, submit: true };
      return asItIsThen(id, () => stripe.disputes.update(id, params, { idempotencyKey: key }));
    },

    /** Gives in: it is lost then. */
    async closeDispute(id: string, { key }: { key: string }): Promise<ProviderDispute> {
      return asItIsThen(id, () => stripe.disputes.close(id, {}, { idempotencyKey: key }));
    },

    /** One that gets lost is harmless. */
    async uploadFile({ name, data }: { name: string; data: Buffer }): Promise<string> {
      const file = { name, data, type: 'application/pdf' };
      return (await told(() => stripe.files.create({ purpose: 'dispute_evidence', file }))).id;
    },
  };

  async function readDispute(id: string): Promise<ProviderDispute> {
    return toDispute(await told(() => stripe.disputes.retrieve(id)));
  }

  async function readFraudWarning(id: string): Promise<ProviderDispute> {
    const warning = await told(() => stripe.radar.earlyFraudWarnings.retrieve(id));
    return {
      id,
      kind: 'fraud_warning',
      // Refunded or disputed: there is nothing left to be warned of.
      status: warning.actionable ? 'open' : 'closed',
      isAsked: false,
      answers: 0,
      intentId: idOf(warning.payment_intent),
      amount: undefined,
      currency: undefined,
      reason: warning.fraud_type,
      dueBy: undefined,
      movements: [],
      fee: undefined,
    };
  }

  /** What is closed, or was answered before, takes no answer: how it stands says what to do. */
  async function asItIsThen(id: string, call: () => Promise<Stripe.Dispute>): Promise<ProviderDispute> {
    try {
      return toDispute(await told(call));
    } catch (error) {
      if (!(error instanceof ApplicationFailure) || error.type !== failures.paymentRefused) throw error;
      const asItIs = await readDispute(id);
      if (asItIs.status === 'open' && asItIs.isAsked) throw error;
      return asItIs;
    }
  }
}

function toDispute(dispute: Stripe.Dispute): ProviderDispute {
  const { id, status, amount, currency, reason, evidence_details, balance_transactions } = dispute;
  const inquiry = status.startsWith('warning_');
  const inMinor = fromStripe(amount, currency);
  const fees = balance_transactions.filter(({ fee }) => fee !== 0);
  return {
    id,
    kind: inquiry ? 'inquiry' : 'chargeback',
    status: statusOf(status),
    isAsked: status === 'needs_response' || status === 'warning_needs_response',
    answers: evidence_details.submission_count,
    intentId: idOf(dispute.payment_intent),
    amount: inMinor,
    currency: currency.toUpperCase(),
    reason,
    // 0 where the bank takes no answer at all.
    dueBy: evidence_details.due_by ? new Date(evidence_details.due_by * 1000) : undefined,
    movements: balance_transactions.map((moved) => ({
      id: moved.id,
      // The account may be settled in another currency than the customer paid in.
      amount: moved.currency === currency ? fromStripe(moved.amount, currency) : Math.sign(moved.amount) * inMinor,
    })),
    fee: fees[0] && {
      amount: fees.reduce((sum, { fee, currency: of }) => sum + fromStripe(fee, of), 0),
      currency: fees[0].currency.toUpperCase(),
    },
  };
}

/** https://docs.stripe.com/disputes/how-disputes-work. What is appealed is open again, and a person's to answer. */
function statusOf(status: Stripe.Dispute.Status): DisputeStatus {
  if (status === 'won') return 'won';
  if (status === 'lost') return 'lost';
  return status === 'warning_closed' || status === 'prevented' ? 'closed' : 'open';
}

function idOf(reference: string | { id: string } | null | undefined): string | undefined {
  return typeof reference === 'object' ? reference?.id : reference;
}
