/** The documents of a sale: an invoice of what was paid, a credit note of what was paid back. Issued once, never changed. */
import type { ClientSession } from 'mongoose';
import { newId } from '../models/id.ts';
import { type Invoice, type InvoiceKind, invoiceCounterId } from '../models/invoice.ts';
import type { Order } from '../models/order.ts';
import type { Refund } from '../models/payment.ts';
import type { Seller } from '../models/store.ts';
import { batched } from '../platform/batch.ts';
import { inTransaction, type Mongo } from '../platform/mongo.ts';
import { creditNoteOf, invoiceOf, type Paid } from '../workflows/domain/invoices.ts';
import { broken } from './failure.ts';
import { renderInvoice } from './invoice-pdf.ts';

export interface Issued {
  invoiceId: string;
  number: string;
}

/** Undefined where there is nothing to invoice, or nobody who sells. Asked again, it answers with the same. */
export async function issueInvoice(mongo: Mongo, asked: { orderId: string; paid: Paid }): Promise<Issued | undefined> {
  return draw(mongo, await issueInvoices(mongo, asked));
}

/** Undefined also where the order has no invoice, or nothing of it is left. */
export async function issueCreditNote(mongo: Mongo, asked: { refundId: string }): Promise<Issued | undefined> {
  return draw(mongo, await issueCreditNotes(mongo, asked));
}

/** Drawn where it is not there yet: whoever should have done it did not come to it. */
export async function readInvoicePdf({ models }: Mongo, invoiceId: string): Promise<Buffer> {
  const invoice = await models.invoices.findById(invoiceId).lean<Invoice>();
  if (!invoice) throw broken(`There is no invoice ${invoiceId}`);
  if (invoice.pdf) return Buffer.from(invoice.pdf.buffer);
  const pdf = await renderInvoice(invoice);
  const stored = await models.invoices.updateOne({ _id: invoiceId, pdf: null }, { $set: { pdf } });
  return stored.modifiedCount === 1 ? pdf : readInvoicePdf({ models } as Mongo, invoiceId);
}

async function draw(mongo: Mongo, invoice: Invoice | undefined): Promise<Issued | undefined> {
  if (!invoice) return undefined;
  // It is issued: what cannot be drawn now is drawn by whoever reads it, and no sale waits for that.
  await readInvoicePdf(mongo, invoice._id).catch(() => undefined);
  return { invoiceId: invoice._id, number: invoice.number };
}

/** So many are numbered in one transaction at most: all who number meet at one counter. */
const largestBatch = 100;

const issueInvoices = issuing('invoice', ({ orderId }: { orderId: string; paid: Paid }) => orderId, draftInvoices);
const issueCreditNotes = issuing('credit_note', ({ refundId }: { refundId: string }) => refundId, draftCreditNotes);

type Outcome<T> = PromiseSettledResult<T | undefined>;

/** A document without its number. */
type Draft = Pick<Invoice, 'orderId' | 'refundId' | 'invoiceId' | 'currency' | 'content'>;

interface Work {
  mongo: Mongo;
  session: ClientSession;
  seller: Seller;
  issuedOn: string;
}

/** Of all that is to be issued, by what it is about. What fails, fails alone. */
type Drafting<Asked> = (work: Work, asked: ReadonlyMap<string, Asked>) => Promise<Map<string, Outcome<Draft>>>;

function issuing<Asked>(kind: InvoiceKind, aboutOf: (asked: Asked) => string, draft: Drafting<Asked>) {
  return batched(largestBatch, async (mongo: Mongo, asked: Asked[]) => {
    const outcomes = await issue(mongo, kind, new Map(asked.map((each) => [aboutOf(each), each])), draft);
    return asked.map((each) => outcomes.get(aboutOf(each))!);
  });
}

/** Documents and numbers in one transaction: what is not issued in the end took no number. */
async function issue<Asked>(
  mongo: Mongo,
  kind: InvoiceKind,
  asked: ReadonlyMap<string, Asked>,
  draft: Drafting<Asked>,
): Promise<Map<string, Outcome<Invoice>>> {
  const { models } = mongo;
  const seller = (await models.settings.findById('store').lean())?.seller;
  if (!seller) return new Map([...asked.keys()].map((about) => [about, fulfilled(undefined)]));
  const keyOf = (about: string) => `${kind}:${about}`;
  return inTransaction(mongo, async (session) => {
    const keys = [...asked.keys()].map(keyOf);
    const known = await models.invoices
      .find({ key: { $in: keys } }, { pdf: 0 })
      .session(session)
      .lean<Invoice[]>();
    const issued = new Map(known.map((each) => [each.key, each]));
    const missing = new Map([...asked].filter(([about]) => !issued.has(keyOf(about))));
    const issuedAt = new Date();
    const issuedOn = dateAt(issuedAt, seller);
    const drafts = await draft({ mongo, session, seller, issuedOn }, missing);
    const documents = [...drafts].flatMap(([about, outcome]) =>
      outcome.status === 'fulfilled' && outcome.value ? [{ ...outcome.value, kind, key: keyOf(about), issuedAt }] : [],
    );
    for (const each of await write(mongo, session, kind, Number(issuedOn.slice(0, 4)), documents))
      issued.set(each.key, each);
    return new Map(
      [...asked.keys()].map((about) => {
        const outcome = drafts.get(about);
        return [about, outcome?.status === 'rejected' ? outcome : fulfilled(issued.get(keyOf(about)))];
      }),
    );
  });
}

const prefixes: Record<InvoiceKind, string> = { invoice: 'INV', credit_note: 'CN' };

async function write(
  { models }: Mongo,
  session: ClientSession,
  kind: InvoiceKind,
  year: number,
  documents: (Draft & Pick<Invoice, 'kind' | 'key' | 'issuedAt'>)[],
): Promise<Invoice[]> {
  if (documents.length === 0) return [];
  const counter = await models.invoiceCounters
    .findOneAndUpdate(
      { _id: invoiceCounterId(kind, year) },
      { $inc: { last: documents.length } },
      { upsert: true, returnDocument: 'after', session },
    )
    .lean();
  const before = counter!.last - documents.length;
  const numbered = documents.map((document, index): Invoice => {
    const seq = before + index + 1;
    const number = `${prefixes[kind]}-${year}-${String(seq).padStart(6, '0')}`;
    return { _id: newId('inv'), number, year, seq, ...document };
  });
  await models.invoices.insertMany(numbered, { session });
  return numbered;
}

async function draftInvoices(
  { mongo: { models }, session, seller, issuedOn }: Work,
  asked: ReadonlyMap<string, { orderId: string; paid: Paid }>,
): Promise<Map<string, Outcome<Draft>>> {
  const orderIds = [...asked.keys()];
  const orders = await models.orders
    .find({ _id: { $in: orderIds } })
    .session(session)
    .lean<Order[]>();
  const payments = await models.payments
    .find({ orderId: { $in: orderIds } }, { orderId: 1, ledger: 1, sale: 1 })
    .session(session)
    .lean();
  const customerIds = orders.flatMap(({ customerId }) => customerId ?? []);
  const customers = await models.customers
    .find({ _id: { $in: customerIds } })
    .session(session)
    .lean();
  return settled(asked, ({ orderId, paid }) => {
    const order = orders.find(({ _id }) => _id === orderId);
    if (!order) throw broken(`There is no order ${orderId}`);
    const payment = payments.find((each) => each.orderId === orderId);
    if (!payment?.sale) throw broken(`Nothing of ${orderId} was sold yet`);
    const { currency, customerId, customer, shipTo, shipping } = order;
    const units = new Map(payment.sale.lines.map(({ lineId, quantity }) => [lineId, quantity]));
    const lines = order.lines.map((line) => ({ ...line, sold: units.get(line.lineId) ?? 0 }));
    const content = invoiceOf({ currency, lines, shipping }, paid);
    if (content.gross === 0) return undefined;
    const { phone: _, ...address } = shipTo;
    const captured = payment.ledger.find((entry) => entry.kind === 'capture');
    const taxExempt = customers.find(({ _id }) => _id === customerId)?.taxExempt;
    const buyer = { name: customer.name, address, ...(taxExempt && content.tax === 0 && { taxExempt }) };
    // Goods are paid when they are handed over; for what is paid before, the day of payment counts.
    const suppliedOn = captured ? dateAt(captured.at, seller) : issuedOn;
    return { orderId, currency, content: { ...content, seller, buyer, issuedOn, suppliedOn } };
  });
}

async function draftCreditNotes(
  { mongo: { models }, session, seller, issuedOn }: Work,
  asked: ReadonlyMap<string, { refundId: string }>,
): Promise<Map<string, Outcome<Draft>>> {
  const refunds = await models.refunds
    .find({ _id: { $in: [...asked.keys()] } })
    .session(session)
    .lean<Refund[]>();
  const orderIds = refunds.map(({ orderId }) => orderId);
  const before = await models.invoices
    .find({ orderId: { $in: orderIds } }, { pdf: 0 })
    .session(session)
    .lean<Invoice[]>();
  const credited = before
    .filter(({ kind }) => kind === 'credit_note')
    .map(({ orderId, content }) => ({ orderId, content }));
  return settled(asked, ({ refundId }) => {
    const refund = refunds.find(({ _id }) => _id === refundId);
    if (!refund) throw broken(`There is no refund ${refundId}`);
    const { orderId, currency, amount, unsold, lines } = refund;
    const invoice = before.find((each) => each.orderId === orderId && each.kind === 'invoice');
    if (!invoice) return undefined;
    const earlier = credited.filter((each) => each.orderId === orderId).map((each) => each.content);
    const content = creditNoteOf(invoice.content, earlier, amount - unsold, lines);
    if (content.gross === 0) return undefined;
    const { number, content: said } = invoice;
    const draft = {
      ...{ orderId, refundId, invoiceId: invoice._id, currency },
      content: {
        ...{ ...content, seller, buyer: said.buyer, issuedOn, suppliedOn: said.suppliedOn },
        invoice: { number, issuedOn: said.issuedOn },
      },
    };
    credited.push(draft);
    return draft;
  });
}

/** Swedish dates are those of ISO 8601. */
function dateAt(moment: Date, { timeZone }: Seller): string {
  return moment.toLocaleDateString('sv', { timeZone });
}

function settled<Asked, T>(asked: ReadonlyMap<string, Asked>, make: (asked: Asked) => T): Map<string, Outcome<T>> {
  const attempt = (each: Asked): Outcome<T> => {
    try {
      return fulfilled(make(each));
    } catch (reason) {
      return { status: 'rejected', reason };
    }
  };
  return new Map([...asked].map(([about, each]) => [about, attempt(each)]));
}

function fulfilled<T>(value: T): PromiseFulfilledResult<T> {
  return { status: 'fulfilled', value };
}
