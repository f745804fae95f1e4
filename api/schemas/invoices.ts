import { z } from 'zod';
import { invoiceKinds } from '../../models/invoice.ts';
import * as common from './common.ts';

export const invoiceParams = z.strictObject({ id: common.orderId, invoiceId: common.invoiceId });
export const invoice = z
  .strictObject({
    id: z.string(),
    kind: z.enum(invoiceKinds),
    number: z.string(),
    issuedAt: common.time,
    currency: z.string(),
    net: common.money,
    tax: common.money,
    total: common.money,
    href: z.string().meta({ description: 'The PDF' }),
  })
  .meta({ id: 'Invoice' });
export const invoices = z.strictObject({ invoices: z.array(invoice) });
