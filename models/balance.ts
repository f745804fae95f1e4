/** Stripe's balance as it was read, day by day, and what was found by comparing it with our own ledger. */
import { type Connection, Schema } from 'mongoose';
import type { Difference, Movement, Totals } from '../workflows/domain/reconciliation.ts';
import type { CaseState } from '../workflows/messages.ts';

/** One movement of the provider's balance: written once, never changed but for the payout that it was part of. */
export interface BalanceEntry {
  /** The provider's id. */
  _id: string;
  /** The provider's word, and ours for it. */
  type: string;
  movement: Movement;
  /** Minor units of the balance's currency; negative where it leaves the balance. */
  amount: number;
  fee: number;
  net: number;
  currency: string;
  /** The provider's ids of what moved. */
  sourceId?: string;
  intentId?: string;
  /** What the source is over, in the currency that the customer pays in. */
  own?: { amount: number; currency: string };
  orderId?: string;
  paymentId?: string;
  refundId?: string;
  disputeId?: string;
  payoutId?: string;
  at: Date;
  availableAt: Date;
}

/** How a difference was settled. */
export interface KnownDifference extends Difference {
  key: string;
  status: 'open' | 'repaired' | 'skipped' | 'taken_over';
  at: Date;
}

/** One UTC day. */
export interface Reconciliation {
  /** Such as `2026-11-24`. */
  _id: string;
  status: ReconciliationStatus;
  /** Where the reading goes on: the last that was read, of the provider's lines, then of our payments. */
  cursor: { reads: 'lines' | 'payments' | 'payouts' | 'nothing'; after?: string };
  counts: Record<string, number>;
  totals: Record<string, Totals>;
  differences: KnownDifference[];
  startedAt: Date;
  comparedAt?: Date;
  endedAt?: Date;
  state?: CaseState;
}

/** `open`: compared, and somebody has to decide about differences. */
export type ReconciliationStatus = 'reading' | 'open' | 'done';

export interface Payout {
  /** The provider's id. */
  _id: string;
  amount: number;
  currency: string;
  arrivalDate: Date;
  status: string;
  createdAt: Date;
}

export function balanceEntryModel(connection: Connection) {
  const schema = new Schema<BalanceEntry>({
    _id: { type: String, required: true },
    type: { type: String, required: true },
    movement: { type: String, required: true },
    amount: { type: Number, required: true },
    fee: { type: Number, required: true },
    net: { type: Number, required: true },
    currency: { type: String, required: true },
    sourceId: String,
    intentId: String,
    own: Schema.Types.Mixed,
    orderId: String,
    paymentId: String,
    refundId: String,
    disputeId: String,
    payoutId: String,
    at: { type: Date, required: true },
    availableAt: { type: Date, required: true },
  });
  schema.index({ at: 1 });
  schema.index({ orderId: 1 });
  schema.index({ intentId: 1 });
  schema.index({ sourceId: 1 });
  return connection.model('BalanceEntry', schema, 'balance_entries');
}

export function reconciliationModel(connection: Connection) {
  const schema = new Schema<Reconciliation>({
    _id: { type: String, required: true },
    status: { type: String, required: true },
    cursor: { type: Schema.Types.Mixed as never, required: true },
    counts: { type: Schema.Types.Mixed as never, required: true },
    totals: { type: Schema.Types.Mixed as never, required: true },
    differences: { type: [Schema.Types.Mixed] as never, default: [] },
    startedAt: { type: Date, required: true },
    comparedAt: Date,
    endedAt: Date,
    state: Schema.Types.Mixed,
  });
  return connection.model('Reconciliation', schema, 'reconciliations');
}

export function payoutModel(connection: Connection) {
  const schema = new Schema<Payout>({
    _id: { type: String, required: true },
    amount: { type: Number, required: true },
    currency: { type: String, required: true },
    arrivalDate: { type: Date, required: true },
    status: { type: String, required: true },
    createdAt: { type: Date, required: true },
  });
  schema.index({ createdAt: -1, _id: -1 });
  return connection.model('Payout', schema, 'payouts');
}
