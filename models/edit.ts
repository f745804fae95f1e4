import { type Connection, Schema } from 'mongoose';
import type { EditChange, RefusedEdit } from '../workflows/domain/edits.ts';
import type { PricedLine } from '../workflows/domain/pricing.ts';
import type { Order } from './order.ts';

/** A change of an order, as it was previewed. Removed an hour after its end, unless it was made. */
export interface Edit {
  _id: string;
  orderId: string;
  createdAt: Date;
  /** Its price holds so long. */
  expiresAt: Date;
  removeAt?: Date;
  /** What the order was when it was previewed, see `basisOf`: another order needs another preview. */
  basis: string;
  currency: string;
  /** Minor units: what the goods that were still meant to be sent cost. */
  before: number;
  after: number;
  changes: EditChange[];
  /** What the order becomes. It holds an address, so it is gone once that is decided. */
  becomes?: Becomes;
  appliedAt?: Date;
  /** It was to be made, and could not be. */
  refused?: RefusedEdit;
}

export type Becomes = Pick<
  Order,
  'items' | 'shipTo' | 'shipping' | 'pricing' | 'total' | 'redemptions' | 'taxCalculation' | 'expectedAt' | 'notBefore'
> & { lines: PricedLine[] };

export function editModel(connection: Connection) {
  const schema = new Schema<Edit>({
    _id: { type: String, required: true },
    orderId: { type: String, required: true },
    createdAt: { type: Date, required: true },
    expiresAt: { type: Date, required: true },
    removeAt: Date,
    basis: { type: String, required: true },
    currency: { type: String, required: true },
    before: { type: Number, required: true },
    after: { type: Number, required: true },
    changes: { type: [Schema.Types.Mixed] as never, required: true },
    becomes: Schema.Types.Mixed,
    appliedAt: Date,
    refused: Schema.Types.Mixed,
  });
  schema.index({ orderId: 1 });
  schema.index({ removeAt: 1 }, { expireAfterSeconds: 0 });
  return connection.model('Edit', schema, 'edits');
}
