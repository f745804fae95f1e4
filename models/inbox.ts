import { type Connection, Schema } from 'mongoose';

/** What became of an event when it was delivered. */
export const inboxOutcomes = [
  'signalled',
  'recorded',
  'nothing new',
  'workflow has ended',
  'late payment returned',
  'nothing to return',
  'return opened',
  'does not fit',
  'unknown payment',
  'unknown customer',
  'unknown parcel',
  'not ours and not settled',
  'not of interest',
] as const;

export interface Heard {
  outcome: (typeof inboxOutcomes)[number];
  /** The order that it is about, where there is one. */
  orderId?: string;
}

export const inboxSources = ['stripe', 'carrier', 'picking', 'stock', 'wallet'] as const;

/** Something that happened outside a workflow and that one has to hear of: a webhook, a closed pick list. */
export interface InboxEvent {
  /** `stripe:evt_...`, `carrier:evt_...`, `picking:shp_...`, `stock:evt_...`, `wallet:pi_...`: the same event is one document. */
  _id: string;
  source: (typeof inboxSources)[number];
  type: string;
  payload: Record<string, unknown>;
  receivedAt: Date;
  /** Null until a workflow has heard of it, or nothing needs to. */
  deliveredAt: Date | null;
  outcome?: Heard['outcome'];
  orderId?: string;
  tries: number;
  /** The dispatcher run that works on it. */
  claimedBy?: string;
  /** Not before this; set ahead while a dispatcher works on it. */
  nextTryAt: Date;
}

export function inboxModel(connection: Connection) {
  const schema = new Schema<InboxEvent>({
    _id: { type: String, required: true },
    source: { type: String, required: true },
    type: { type: String, required: true },
    payload: { type: Schema.Types.Mixed, required: true },
    receivedAt: { type: Date, required: true },
    deliveredAt: { type: Date, default: null },
    outcome: String,
    orderId: String,
    claimedBy: String,
    tries: { type: Number, default: 0 },
    nextTryAt: { type: Date, required: true },
  });
  schema.index({ nextTryAt: 1, receivedAt: 1 }, { partialFilterExpression: { deliveredAt: null } });
  schema.index({ receivedAt: -1, _id: -1 });
  schema.index({ orderId: 1, receivedAt: -1, _id: -1 }, { partialFilterExpression: { orderId: { $exists: true } } });
  schema.index({ deliveredAt: 1 }, { expireAfterSeconds: 30 * 86_400 });
  return connection.model('InboxEvent', schema, 'inbox');
}

/** A mail that is due. Written together with the state that calls for it, sent by a worker. */
export interface OutgoingMail {
  /** One mail a key, ever. */
  _id: string;
  /** What it is about: an order, whose customer gets it, or the stock of a SKU, whose warehouse does. */
  orderId?: string;
  stockId?: string;
  template: string;
  createdAt: Date;
  sentAt: Date | null;
  claimedBy?: string;
  tries: number;
  nextTryAt: Date;
  failure?: string;
}

export function outgoingMailModel(connection: Connection) {
  const schema = new Schema<OutgoingMail>({
    _id: { type: String, required: true },
    orderId: String,
    stockId: String,
    template: { type: String, required: true },
    createdAt: { type: Date, required: true },
    sentAt: { type: Date, default: null },
    claimedBy: String,
    tries: { type: Number, default: 0 },
    nextTryAt: { type: Date, required: true },
    failure: String,
  });
  schema.index({ nextTryAt: 1 }, { partialFilterExpression: { sentAt: null } });
  return connection.model('OutgoingMail', schema, 'outgoing_mails');
}
