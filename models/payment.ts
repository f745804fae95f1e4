import { type Connection, Schema } from 'mongoose';
import type { Evidence } from '../workflows/domain/evidence.ts';
import type {
  AttemptStatus,
  DisputeKind,
  DisputeStatus,
  RefundStatus,
  SetupStatus,
} from '../workflows/domain/states.ts';
import type { CaseState } from '../workflows/messages.ts';

/** One line of our money ledger. `_id` of the provider's object in `providerId`; amounts in minor units. */
export interface LedgerEntry {
  key: string;
  kind: 'authorize' | 'capture' | 'refund' | 'void' | 'dispute';
  amount: number;
  providerId: string;
  at: Date;
}

/** One parcel's capture, written before it is asked for. */
export interface Capture {
  shipmentId: string;
  /** Minor units by card, with all captures before it. */
  upTo: number;
  /** Nothing is captured after it: what is still held is let go. */
  final: boolean;
}

/** The payment of one order: by one intent at the provider, which another one replaces before its authorization lapses. */
export interface Payment {
  _id: string;
  orderId: string;
  currency: string;
  /** By card, that is without the store credit. */
  amountDue: number;
  /** Store credit that was spent for the order, and what of it was given back. */
  credit: number;
  creditReturned: number;
  /** Of what was captured: paid back as store credit. */
  refundedAsCredit: number;
  /** Of what was paid: it pays for orders in exchange for goods of this one. */
  transferredOut: number;
  /** Its `credit` is no store credit: it is what returned goods of another order bring. */
  transfer?: Transfer;
  /** The customer with an account who pays. */
  customerId?: string;
  /** The provider's id of the method that was given at placing. */
  method?: string;
  /** Whatever method it is paid by is saved for the customer. */
  saveMethod?: boolean;
  /** A method that is saved to be charged later, when goods have come. */
  setup?: Setup;
  intentId?: string;
  /** Those that others have replaced: cancelled, or captured in part. */
  pastIntents: string[];
  /** The one that replaces the present one, as soon as it is authorized. */
  renewal?: { intentId: string; clientSecret?: string; amount: number };
  /** The one that replaces the present one when the order is edited; `held` once it is authorized. */
  edit?: {
    editId: string;
    /** The try to pay that it was made for. */
    attempt: number;
    intentId: string;
    clientSecret?: string;
    amount: number;
    held?: { authorized: number; multicapture: boolean; captureBefore?: Date; savedMethod?: string };
  };
  /** Tries to pay for edits up to this one come too late. */
  editsClosed?: number;
  /** The number of the last withdrawal of an intent, before the order came to cost something else. */
  withdrawals?: number;
  /** The number of the last renewal that took its place. */
  lastRenewal?: number;
  /** For the customer's browser only. Never in a workflow, a log or a staff answer. */
  clientSecret?: string;
  /** Counts the provider's own errors (5xx). It replays them to the key that they answered, so each makes new keys. */
  serverErrors: number;
  attempts: { attempt: number; status: AttemptStatus; declineCode?: string; at: Date }[];
  status: AttemptStatus | 'none';
  authorized: number;
  captured: number;
  refunded: number;
  /** Refunds that were promised and did not end yet. See `leftOf` in activities/payments/refunds.ts for what may still be refunded. */
  refundPending: number;
  /** What chargebacks took and did not give back, in minor units. It is not ours to refund. */
  withheld: number;
  /**
   * What would have been paid back, were it not disputed, or in an exchange: paid when the bank has decided, or it comes back
   * from there. By what owes it: `order`, or a return's or a refund's id.
   */
  owed?: Record<string, number>;
  /** What is captured for, once that is begun. */
  sale?: Sale;
  captures: Capture[];
  /** It can be captured parcel by parcel. */
  multicapture: boolean;
  /** The provider's ids: of a method that may be charged again without its owner, and of whom it belongs to. */
  savedMethod?: string;
  providerCustomer?: string;
  /** The provider's record of the taxes, where it has worked them out. */
  taxTransaction?: string;
  captureBefore?: Date;
  /** Why a person has to look at it first; and until when, or it is cancelled. */
  risks: string[];
  lookBy?: Date;
  /** When the customer last asked to look at it. */
  refreshedAt?: Date;
  /** The undo's tombstone: no authorization after it. */
  closedAt?: Date;
  ledger: LedgerEntry[];
}

/** What a return brings to the order in exchange. What of it is not needed goes back to the order that was paid. */
export interface Transfer {
  returnId: string;
  /** The order that was paid, whose `transferredOut` it is. */
  from: string;
  /** The return is settled: what goes back is the customer's money from now on. */
  settled?: true;
  /** Minor units for goods that did not come, or were not accepted: the store has paid them, and gets them first. */
  borne?: number;
}

/** The units that are sold, and what they cost with their shipping, in minor units. */
export interface Sale {
  at: Date;
  lines: { lineId: string; quantity: number }[];
  total: number;
}

export interface Setup {
  /** The provider's ids: of the act of saving, and of the customer that the method belongs to. */
  id: string;
  customerId: string;
  clientSecret?: string;
  status: SetupStatus;
  declineCode?: string;
  /** The saved method, once it is. */
  method?: string;
}

export interface Refund {
  _id: string;
  /** What asked for it; unique, so that asking twice is one refund. */
  key: string;
  orderId: string;
  paymentId: string;
  /** The one that it is paid back by; without, the payment's present one. */
  intentId?: string;
  /** The workflow that follows it, where the provider's hints go. */
  workflowId: string;
  amount: number;
  /** Whether it pays back what was never sent, and so is not in the order any more. */
  unsent?: boolean;
  /** The part of the amount that went to the store credit, at once. The rest goes back by the provider. */
  credited: number;
  /** The part of the amount that went to another order's payment: in exchange, or back to where that came from. */
  transferred: number;
  /** The refund that pays back what it transferred. */
  sequel?: string;
  /** The part of the amount that had paid for nothing that was sold: store credit beyond the sale. No document is about it. */
  unsold: number;
  /** The part of the amount that was sold and never captured: its document says so, and nothing goes back. */
  uncaptured: number;
  currency: string;
  /** The provider's record that its taxes are not due any more. */
  taxReversal?: string;
  /** The part of the amount that pays the shipping back. */
  shipping: number;
  /** What it pays back of the order's lines, in minor units; the credit note names them. */
  lines?: { lineId: string; quantity: number; amount: number }[];
  reason: string;
  actor: string;
  status: RefundStatus;
  /** Counts sendings: each has an idempotency key of its own. */
  attempt: number;
  serverErrors: number;
  providerId?: string;
  failure?: string;
  /** When support said of one that failed that its customer was paid in another way. */
  paidOtherwiseAt?: Date;
  createdAt: Date;
  state?: CaseState;
}

export interface Dispute {
  /** The provider's id. */
  _id: string;
  /** An inquiry can become a chargeback. */
  kind: DisputeKind;
  orderId: string;
  paymentId: string;
  /** The one that is disputed, of several that a payment may have had. */
  intentId?: string;
  amount: number;
  currency: string;
  reason: string;
  status: DisputeStatus;
  dueBy?: Date;
  /** Minor units that the bank took, and what of it came back. */
  withdrawn: number;
  reinstated: number;
  /** The provider's own, in its currency. */
  fee?: { amount: number; currency: string };
  /** How often the bank was answered while it only inquired: a chargeback may be answered once more. */
  answersToInquiry: number;
  /** What support adds to the evidence, and the fields that it leaves out. */
  words?: string;
  leftOut?: string[];
  /** The provider's id of our invoice, as a file. */
  receipt?: string;
  /** What the bank gets, fixed before it is sent. */
  evidence?: { fields: Evidence; fixedAt: Date; sentAt?: Date };
  /** As of a payment: each makes new keys. */
  serverErrors: number;
  /** When a refund last began to wait for it. Whoever decides it at this moment meets that. */
  owedAt?: Date;
  createdAt: Date;
  state?: CaseState;
}

export function paymentModel(connection: Connection) {
  const schema = new Schema<Payment>({
    _id: { type: String, required: true },
    orderId: { type: String, required: true },
    currency: { type: String, required: true },
    amountDue: { type: Number, required: true },
    credit: { type: Number, default: 0 },
    creditReturned: { type: Number, default: 0 },
    refundedAsCredit: { type: Number, default: 0 },
    transferredOut: { type: Number, default: 0 },
    transfer: Schema.Types.Mixed,
    customerId: String,
    method: String,
    saveMethod: Boolean,
    setup: Schema.Types.Mixed,
    intentId: String,
    pastIntents: { type: [String], default: [] },
    renewal: Schema.Types.Mixed,
    edit: Schema.Types.Mixed,
    editsClosed: Number,
    withdrawals: Number,
    lastRenewal: Number,
    clientSecret: String,
    serverErrors: { type: Number, default: 0 },
    attempts: { type: [Schema.Types.Mixed] as never, default: [] },
    status: { type: String, required: true },
    authorized: { type: Number, default: 0 },
    captured: { type: Number, default: 0 },
    refunded: { type: Number, default: 0 },
    refundPending: { type: Number, default: 0 },
    withheld: { type: Number, default: 0 },
    owed: Schema.Types.Mixed,
    sale: Schema.Types.Mixed,
    captures: { type: [Schema.Types.Mixed] as never, default: [] },
    multicapture: { type: Boolean, default: false },
    savedMethod: String,
    providerCustomer: String,
    taxTransaction: String,
    captureBefore: Date,
    risks: { type: [String], default: [] },
    lookBy: Date,
    refreshedAt: Date,
    closedAt: Date,
    ledger: { type: [Schema.Types.Mixed] as never, default: [] },
  });
  schema.index({ orderId: 1 }, { unique: true });
  schema.index({ intentId: 1 }, { unique: true, sparse: true });
  schema.index({ pastIntents: 1 });
  schema.index({ 'renewal.intentId': 1 }, { unique: true, sparse: true });
  schema.index({ 'setup.id': 1 }, { unique: true, sparse: true });
  schema.index({ customerId: 1 }, { sparse: true });
  schema.index({ 'ledger.at': 1 });
  schema.index({ 'transfer.returnId': 1 }, { unique: true, sparse: true });
  return connection.model('Payment', schema, 'payments');
}

export function refundModel(connection: Connection) {
  const schema = new Schema<Refund>({
    _id: { type: String, required: true },
    key: { type: String, required: true },
    orderId: { type: String, required: true },
    paymentId: { type: String, required: true },
    intentId: String,
    workflowId: { type: String, required: true },
    amount: { type: Number, required: true },
    unsent: Boolean,
    credited: { type: Number, default: 0 },
    transferred: { type: Number, default: 0 },
    sequel: String,
    unsold: { type: Number, default: 0 },
    uncaptured: { type: Number, default: 0 },
    shipping: { type: Number, default: 0 },
    taxReversal: String,
    currency: { type: String, required: true },
    lines: { type: [Schema.Types.Mixed] as never, default: undefined },
    reason: { type: String, required: true },
    actor: { type: String, required: true },
    status: { type: String, required: true },
    attempt: { type: Number, default: 1 },
    serverErrors: { type: Number, default: 0 },
    providerId: String,
    failure: String,
    paidOtherwiseAt: Date,
    createdAt: { type: Date, required: true },
    state: Schema.Types.Mixed,
  });
  schema.index({ key: 1 }, { unique: true });
  schema.index({ orderId: 1 });
  schema.index({ providerId: 1 }, { unique: true, sparse: true });
  return connection.model('Refund', schema, 'refunds');
}

export function disputeModel(connection: Connection) {
  const schema = new Schema<Dispute>({
    _id: { type: String, required: true },
    kind: { type: String, required: true },
    orderId: { type: String, required: true },
    paymentId: { type: String, required: true },
    intentId: String,
    amount: { type: Number, required: true },
    currency: { type: String, required: true },
    reason: { type: String, required: true },
    status: { type: String, required: true },
    dueBy: Date,
    withdrawn: { type: Number, default: 0 },
    reinstated: { type: Number, default: 0 },
    fee: Schema.Types.Mixed,
    answersToInquiry: { type: Number, default: 0 },
    words: String,
    leftOut: { type: [String], default: undefined },
    receipt: String,
    evidence: Schema.Types.Mixed,
    serverErrors: { type: Number, default: 0 },
    owedAt: Date,
    createdAt: { type: Date, required: true },
    state: Schema.Types.Mixed,
  });
  schema.index({ orderId: 1 });
  schema.index({ createdAt: -1, _id: -1 });
  return connection.model('Dispute', schema, 'disputes');
}
