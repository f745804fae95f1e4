import { type Connection, Schema } from 'mongoose';
import type { ClaimStatus } from '../workflows/domain/states.ts';

/** What a carrier owes for a parcel that it lost or damaged. One a parcel. */
export interface CarrierClaim {
  _id: string;
  orderId: string;
  shipmentId: string;
  parcelId: string;
  carrier: string;
  trackingNumber: string;
  /** The incident's cause. */
  why: string;
  /** Minor units: what the goods in it were sold for, or those of them that customers claim. */
  amount: number;
  currency: string;
  /** The customers' claims that it is for. */
  claimIds?: string[];
  status: ClaimStatus;
  /** What the carrier paid, once it has decided. */
  paid?: number;
  /** The carrier's number of the claim. */
  reference?: string;
  createdAt: Date;
  decidedAt?: Date;
  decidedBy?: string;
}

export function carrierClaimModel(connection: Connection) {
  const schema = new Schema<CarrierClaim>({
    _id: { type: String, required: true },
    orderId: { type: String, required: true },
    shipmentId: { type: String, required: true },
    parcelId: { type: String, required: true },
    carrier: { type: String, required: true },
    trackingNumber: { type: String, required: true },
    why: { type: String, required: true },
    amount: { type: Number, required: true },
    currency: { type: String, required: true },
    claimIds: { type: [String], default: undefined },
    status: { type: String, required: true },
    paid: Number,
    reference: String,
    createdAt: { type: Date, required: true },
    decidedAt: Date,
    decidedBy: String,
  });
  schema.index({ parcelId: 1 }, { unique: true });
  schema.index({ orderId: 1 });
  schema.index({ createdAt: -1, _id: -1 });
  return connection.model('CarrierClaim', schema, 'carrier_claims');
}
