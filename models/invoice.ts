/** The documents of a sale. Never changed, never removed; only the PDF is added once. */
import { type Connection, type mongo, Schema } from 'mongoose';
import type { InvoiceContent } from '../workflows/domain/invoices.ts';
import type { Address } from './address.ts';
import type { Seller } from './store.ts';

export const invoiceKinds = ['invoice', 'credit_note'] as const;
export type InvoiceKind = (typeof invoiceKinds)[number];

export interface Invoice {
  _id: string;
  kind: InvoiceKind;
  /** `INV-2026-000001` and `CN-2026-000001`: each kind counts for itself, without a gap, anew each year. */
  number: string;
  year: number;
  seq: number;
  /** What it was issued for: the same key is the same document. */
  key: string;
  orderId: string;
  /** Of a credit note. */
  refundId?: string;
  invoiceId?: string;
  issuedAt: Date;
  currency: string;
  /** All that the PDF says, as it was then. */
  content: InvoiceContent & {
    seller: Seller;
    buyer: { name: string; address: Address; taxExempt?: { reason: string; taxId?: string } };
    /** Dates, `2026-03-01`, where the seller is. */
    issuedOn: string;
    suppliedOn: string;
    /** The invoice that a credit note is about. */
    invoice?: { number: string; issuedOn: string };
  };
  pdf?: mongo.Binary;
}

/** The last number that was given, by kind and year: `invoice:2026`. */
export interface InvoiceCounter {
  _id: string;
  last: number;
}

export function invoiceCounterId(kind: InvoiceKind, year: number): string {
  return `${kind}:${year}`;
}

export function invoiceModel(connection: Connection) {
  const schema = new Schema<Invoice>({
    _id: { type: String, required: true },
    kind: { type: String, required: true },
    number: { type: String, required: true },
    year: { type: Number, required: true },
    seq: { type: Number, required: true },
    key: { type: String, required: true },
    orderId: { type: String, required: true },
    refundId: String,
    invoiceId: String,
    issuedAt: { type: Date, required: true },
    currency: { type: String, required: true },
    content: { type: Schema.Types.Mixed as never, required: true },
    pdf: Schema.Types.Buffer as never,
  });
  schema.index({ kind: 1, year: 1, seq: 1 }, { unique: true });
  schema.index({ key: 1 }, { unique: true });
  schema.index({ orderId: 1 });
  schema.index({ issuedAt: 1 });
  return connection.model('Invoice', schema, 'invoices');
}

export function invoiceCounterModel(connection: Connection) {
  const schema = new Schema<InvoiceCounter>({
    _id: { type: String, required: true },
    last: { type: Number, required: true },
  });
  return connection.model('InvoiceCounter', schema, 'invoice_counters');
}
