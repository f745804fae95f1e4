import { type Connection, Schema } from 'mongoose';

/** What became of one scanned parcel. `waits`: it is noted, and other parcels of its shipment are still to come. */
export type HandOverOutcome =
  | 'handed_over'
  | 'waits'
  | 'not_ready'
  | 'on_hold'
  | 'cancelled'
  | 'already'
  | 'elsewhere'
  | 'unknown';

/** Parcels that were scanned together as they left, each with its own outcome. */
export interface HandOver {
  _id: string;
  warehouseId: string;
  createdAt: Date;
  actor: string;
  parcels: {
    barcode: string;
    parcelId?: string;
    shipmentId?: string;
    outcome: HandOverOutcome;
    detail?: string;
  }[];
  /** Whether carriers are asked for a paper; and what they answered. */
  wantsManifest: boolean;
  manifests?: { carrier: string; driver: string; id: string; url: string }[];
  /** When all of them had answered. */
  papersAt?: Date;
  /** Why one made none. */
  refusals?: string[];
}

export function handOverModel(connection: Connection) {
  const schema = new Schema<HandOver>({
    _id: { type: String, required: true },
    warehouseId: { type: String, required: true },
    createdAt: { type: Date, required: true },
    actor: { type: String, required: true },
    parcels: { type: [Schema.Types.Mixed] as never, required: true },
    wantsManifest: { type: Boolean, required: true },
    manifests: { type: [Schema.Types.Mixed] as never, default: undefined },
    papersAt: Date,
    refusals: { type: [String], default: undefined },
  });
  schema.index({ createdAt: -1, _id: -1 });
  return connection.model('HandOver', schema, 'hand_overs');
}
