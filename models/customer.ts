/** A customer with an account, their saved payment methods and their store credit. */
import { type Connection, Schema } from 'mongoose';

export interface Customer {
  _id: string;
  email: string;
  name: string;
  /** BCP 47: what mails are written in, where an order does not say another. */
  language?: string;
  /** Pays no taxes: why, and the number that proves it. */
  taxExempt?: { reason: string; taxId?: string };
  createdAt: Date;
  /** The payment provider's customer, made when it is first needed. It knows nothing personal. */
  providerId?: string;
  /** Counts the provider's own errors (5xx), as a payment does. */
  providerErrors?: number;
  /** What the provider has saved for them, as it was read last, and how often it was. */
  paymentMethods?: SavedMethod[];
  defaultPaymentMethod?: string;
  walletRev?: number;
}

/** As much of a saved payment method as its customer needs to know it again. */
export interface SavedMethod {
  /** The provider's. */
  id: string;
  type: string;
  brand?: string;
  last4?: string;
  expMonth?: number;
  expYear?: number;
  addedAt: Date;
}

/** What a customer is saving in their account page. */
export interface MethodSetup {
  _id: string;
  customerId: string;
  /** The provider's. */
  providerId: string;
  /** For the customer's browser only. Never in a workflow or a log. */
  clientSecret: string;
  createdAt: Date;
}

/** What a customer has in one currency. Its balance is the sum of its entries, and never below zero. */
export interface CreditAccount {
  /** `customer:currency`. */
  _id: string;
  customerId: string;
  currency: string;
  /** Minor units. */
  balance: number;
  /** How many entries there are. */
  seq: number;
}

export function creditAccountId(customerId: string, currency: string): string {
  return `${customerId}:${currency}`;
}

/** One change of a balance. Never changed, never removed. */
export interface CreditEntry {
  /** What it was for: the same key is the same entry. */
  _id: string;
  accountId: string;
  seq: number;
  kind: 'grant' | 'spend' | 'give_back' | 'refund';
  /** Minor units: below zero where it was spent. */
  amount: number;
  balanceAfter: number;
  orderId?: string;
  reason: string;
  actor: string;
  at: Date;
}

export function customerModel(connection: Connection) {
  const schema = new Schema<Customer>({
    _id: { type: String, required: true },
    email: { type: String, required: true },
    name: { type: String, required: true },
    language: String,
    taxExempt: Schema.Types.Mixed,
    createdAt: { type: Date, required: true },
    providerId: String,
    providerErrors: Number,
    paymentMethods: { type: [Schema.Types.Mixed] as never, default: undefined },
    defaultPaymentMethod: String,
    walletRev: Number,
  });
  schema.index({ email: 1 }, { unique: true });
  schema.index({ providerId: 1 }, { unique: true, sparse: true });
  schema.index({ 'paymentMethods.id': 1 }, { sparse: true });
  return connection.model('Customer', schema, 'customers');
}

export function methodSetupModel(connection: Connection) {
  const schema = new Schema<MethodSetup>({
    _id: { type: String, required: true },
    customerId: { type: String, required: true },
    providerId: { type: String, required: true },
    clientSecret: { type: String, required: true },
    createdAt: { type: Date, required: true },
  });
  schema.index({ providerId: 1 });
  // Longer than the request that opened it can be repeated.
  schema.index({ createdAt: 1 }, { expireAfterSeconds: 8 * 86_400 });
  return connection.model('MethodSetup', schema, 'method_setups');
}

export function creditAccountModel(connection: Connection) {
  const schema = new Schema<CreditAccount>({
    _id: { type: String, required: true },
    customerId: { type: String, required: true },
    currency: { type: String, required: true },
    balance: { type: Number, required: true },
    seq: { type: Number, required: true },
  });
  schema.index({ customerId: 1 });
  return connection.model('CreditAccount', schema, 'credit_accounts');
}

export function creditEntryModel(connection: Connection) {
  const schema = new Schema<CreditEntry>({
    _id: { type: String, required: true },
    accountId: { type: String, required: true },
    seq: { type: Number, required: true },
    kind: { type: String, required: true },
    amount: { type: Number, required: true },
    balanceAfter: { type: Number, required: true },
    orderId: String,
    reason: { type: String, required: true },
    actor: { type: String, required: true },
    at: { type: Date, required: true },
  });
  schema.index({ accountId: 1, seq: 1 }, { unique: true });
  schema.index({ orderId: 1 }, { sparse: true });
  return connection.model('CreditEntry', schema, 'credit_entries');
}
