import { type Connection, Schema } from 'mongoose';

/** A request that creates something, and its first answer. `_id` is caller and Idempotency-Key together. */
export interface ApiRequest {
  _id: string;
  bodyHash: string;
  /** The id of what it creates, chosen before the work begins. */
  resourceId: string;
  answer?: { status: number; body: unknown };
  createdAt: Date;
}

export function apiRequestModel(connection: Connection) {
  const schema = new Schema<ApiRequest>({
    _id: { type: String, required: true },
    bodyHash: { type: String, required: true },
    resourceId: { type: String, required: true },
    answer: Schema.Types.Mixed,
    createdAt: { type: Date, required: true },
  });
  schema.index({ createdAt: 1 }, { expireAfterSeconds: 7 * 86_400 });
  return connection.model('ApiRequest', schema, 'api_requests');
}

export const roles = ['warehouse', 'support', 'admin'] as const;
export type Role = (typeof roles)[number];

/** A staff token; only its SHA-256 is kept. */
export interface StaffToken {
  _id: string;
  hash: string;
  role: Role;
  createdAt: Date;
  revokedAt?: Date;
}

export function staffTokenModel(connection: Connection) {
  const schema = new Schema<StaffToken>({
    _id: { type: String, required: true },
    hash: { type: String, required: true },
    role: { type: String, required: true },
    createdAt: { type: Date, required: true },
    revokedAt: Date,
  });
  schema.index({ hash: 1 }, { unique: true });
  return connection.model('StaffToken', schema, 'staff_tokens');
}
