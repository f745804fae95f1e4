import type { z } from 'zod';
import type { Invoice } from '../../models/invoice.ts';
import type { invoice as invoiceSchema } from '../schemas/invoices.ts';

export function viewInvoice(invoice: Invoice): z.input<typeof invoiceSchema> {
  const { _id: id, kind, number, orderId, issuedAt, currency, content } = invoice;
  const { net, tax, gross: total } = content;
  const href = `/v1/orders/${orderId}/invoices/${id}/pdf`;
  return { id, kind, number, issuedAt: issuedAt.toISOString(), currency, net, tax, total, href };
}
