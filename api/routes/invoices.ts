/** The documents of an order, for whoever bought and whoever helps them. */
import { readInvoicePdf } from '../../activities/invoices.ts';
import type { Invoice } from '../../models/invoice.ts';
import { notFound } from '../auth.ts';
import { endpoint, reply } from '../endpoint.ts';
import { pdfFile } from '../schemas/common.ts';
import * as schema from '../schemas/invoices.ts';
import { orderParams } from '../schemas/orders.ts';
import { viewInvoice } from '../views/invoice.ts';
import { readOrder } from './orders.ts';

/** The order is in the address. */
const orderOf = (_api: unknown, { id }: { id: string }) => id;

export const listInvoices = endpoint({
  summary: 'The invoice of an order and its credit notes, the oldest first',
  params: orderParams,
  answers: { 200: schema.invoices },
  orderOf,
  async handle({ mongo }, { params }) {
    const { _id: orderId } = await readOrder(mongo, params.id);
    const found = await mongo.models.invoices
      .find({ orderId }, { pdf: 0 })
      .sort({ issuedAt: 1, _id: 1 })
      .lean<Invoice[]>();
    return reply(200, { invoices: found.map(viewInvoice) });
  },
});

export const getInvoicePdf = endpoint({
  summary: 'An invoice or a credit note as PDF',
  params: schema.invoiceParams,
  answers: { 200: pdfFile },
  orderOf,
  async handle({ mongo }, { params: { id: orderId, invoiceId } }) {
    const found = await mongo.models.invoices.findOne({ _id: invoiceId, orderId }, { number: 1 }).lean();
    if (!found) throw notFound();
    const headers = { 'content-disposition': `inline; filename="${found.number}.pdf"` };
    return reply(200, await readInvoicePdf(mongo, invoiceId), headers);
  },
});
