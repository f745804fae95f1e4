import { type Connection, Schema } from 'mongoose';
import type { ClaimedParcel } from '../workflows/domain/claims.ts';
import type { ClaimKind, CustomerClaimStatus } from '../workflows/domain/states.ts';
import type { ClaimState } from '../workflows/messages.ts';

/** What a customer claims of goods that did not come, or not as they should: they do not send them back. */
export interface Claim {
  _id: string;
  orderId: string;
  /** The order that was paid: itself, or the one that this order sends again. */
  paidOrderId: string;
  createdAt: Date;
  openedBy: string;
  kind: ClaimKind;
  lines: { lineId: string; quantity: number }[];
  /** The same units, by the parcels that they were in, or are taken to have been in. */
  parcels: ClaimedParcel[];
  wants: 'refund' | 'reship';
  /** Where money goes: back as it was paid, or to the store credit. */
  refundTo?: 'original' | 'store_credit';
  /** The customer's own words. */
  description: string;
  evidence: Evidence[];
  /** Minor units: what the units were sold for. */
  worth: number;
  currency: string;
  /** Written once, with the refund or the order that it says. */
  settlement?: Settlement;
  rev: number;
  status: CustomerClaimStatus;
  state?: ClaimState;
}

export interface Evidence {
  /** Where the picture or paper is: https. */
  url: string;
  note?: string;
  at: Date;
  actor: string;
}

export interface Settlement {
  how: 'refund' | 'reship';
  at: Date;
  /** Absent where nothing was left to pay back. */
  refundId?: string;
  /** Minor units that go back. */
  amount?: number;
  reshipOrderId?: string;
}

export function claimModel(connection: Connection) {
  const schema = new Schema<Claim>({
    _id: { type: String, required: true },
    orderId: { type: String, required: true },
    paidOrderId: { type: String, required: true },
    createdAt: { type: Date, required: true },
    openedBy: { type: String, required: true },
    kind: { type: String, required: true },
    lines: { type: [Schema.Types.Mixed] as never, required: true },
    parcels: { type: [Schema.Types.Mixed] as never, required: true },
    wants: { type: String, required: true },
    refundTo: String,
    description: { type: String, required: true },
    evidence: { type: [Schema.Types.Mixed] as never, default: [] },
    worth: { type: Number, required: true },
    currency: { type: String, required: true },
    settlement: Schema.Types.Mixed,
    rev: { type: Number, required: true },
    status: { type: String, required: true },
    state: Schema.Types.Mixed,
  });
  schema.index({ orderId: 1 });
  schema.index({ paidOrderId: 1 });
  schema.index({ createdAt: -1, _id: -1 });
  schema.index({ status: 1, createdAt: -1, _id: -1 });
  schema.index({ 'state.incidents.cause': 1 });
  return connection.model('Claim', schema, 'claims');
}
