import { z } from 'zod';
import * as common from './common.ts';

export const customerParams = z.strictObject({ id: common.customerId });

export const customerBody = z.strictObject({
  email: common.email,
  name: common.text(100),
  language: common.language.optional().meta({ description: 'What mails are written in, where there are such' }),
  taxExempt: z
    .strictObject({
      reason: common.text(200),
      taxId: common.text(50).optional(),
    })
    .optional()
    .meta({ description: 'Pays no taxes' }),
});
export const customer = customerBody.extend({ id: z.string(), createdAt: common.time }).meta({ id: 'Customer' });

export const customersQuery = z.strictObject({ email: common.email });
export const customerList = z.strictObject({ customers: z.array(customer) });

export const token = z.strictObject({
  token: z.string().meta({ description: "For the customer's browser: send it as Authorization: Bearer" }),
  expiresAt: common.time,
});

export const paymentMethodParams = customerParams.extend({ paymentMethodId: common.paymentMethod });
export const defaultBody = z.strictObject({ paymentMethod: common.paymentMethod });
export const wallet = z
  .strictObject({
    customerId: z.string(),
    paymentMethods: z.array(
      z.strictObject({
        id: z.string(),
        type: z.string().meta({ example: 'card' }),
        brand: z.string().optional().meta({ example: 'visa' }),
        last4: z.string().optional(),
        expMonth: z.int().optional(),
        expYear: z.int().optional(),
        addedAt: common.time,
      }),
    ),
    defaultPaymentMethod: z.string().optional(),
  })
  .meta({ id: 'Wallet' });
export const methodSetup = z.strictObject({
  id: z.string(),
  clientSecret: z.string().meta({ description: "For the customer's browser, which saves the method with it" }),
});

export const creditParams = customerParams.extend({ currency: common.currency });
export const creditQuery = z.strictObject(common.pageQuery);
export const creditBody = z.strictObject({
  amount: z
    .int()
    .min(-99_999_999)
    .max(99_999_999)
    .refine((amount) => amount !== 0, 'An amount that is not 0')
    .meta({ description: 'Minor units. Below zero it takes back what was granted by mistake' }),
  reason: common.text(200),
});

const entry = z.strictObject({
  id: z.string(),
  seq: z.int(),
  kind: z.enum(['grant', 'spend', 'give_back', 'refund']),
  amount: common.money,
  balanceAfter: common.money,
  orderId: z.string().optional(),
  reason: z.string(),
  actor: z.string().optional().meta({ description: 'For staff' }),
  at: common.time,
});
export const credit = z
  .strictObject({
    customerId: z.string(),
    currency: z.string(),
    balance: common.money,
    entries: z.array(entry).meta({ description: 'The newest first' }),
    next: common.next,
  })
  .meta({ id: 'StoreCredit' });
