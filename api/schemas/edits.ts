import { z } from 'zod';
import * as common from './common.ts';
import { paymentMethod } from './orders.ts';
import * as quotes from './quotes.ts';

export const editParams = z.strictObject({ id: common.orderId, editId: common.idOf('edt') });

export const editBody = z
  .strictObject({
    items: quotes.cartFields.items.meta({ description: 'All that the order is to have, in place of what it has' }),
    shippingAddress: common.address.optional(),
    deliveryMethod: quotes.cartFields.deliveryMethod.meta({
      description: 'Without one it stays as it is where it delivers there, and is the cheapest where it does not',
    }),
  })
  .refine((body) => Object.values(body).some((value) => value !== undefined), {
    message: 'Name items, shippingAddress or deliveryMethod: what is not named stays as it is',
  });

export const confirmBody = z.strictObject({
  paymentMethod: paymentMethod.optional().meta({
    description: 'For what it costs more; without one the saved one, or the customer confirms it in the browser',
  }),
  reason: common.text(500).optional().meta({ description: 'For the timeline' }),
});

export const edit = z
  .strictObject({
    id: z.string(),
    status: z.enum(['open', 'waiting', 'applied', 'refused', 'expired']).meta({
      description: '`waiting`: the customer has to confirm the payment in the browser, and the order is as it was',
    }),
    expiresAt: common.time.meta({ description: 'So long it can be confirmed at this price' }),
    appliedAt: common.time.optional(),
    currency: z.string(),
    before: common.money.meta({ description: 'What the goods that are still meant to be sent cost' }),
    after: common.money,
    difference: common.money.meta({ description: 'Above zero to pay, below zero back' }),
    paymentNeeded: z.boolean().optional().meta({
      description:
        'The money that is held, or store credit, is not enough: a method of payment is needed to confirm it',
    }),
    changes: z.array(
      z.strictObject({
        what: z.string(),
        id: z.string().optional(),
        before: z.union([z.string(), z.number()]).optional(),
        after: z.union([z.string(), z.number()]).optional(),
      }),
    ),
    becomes: z
      .strictObject({
        items: z.array(z.strictObject({ sku: z.string(), quantity: z.int() })),
        lines: z.array(quotes.pricedLine),
        shipping: quotes.pricedShipping.optional(),
        ...quotes.sums,
        expectedAt: common.time.optional(),
      })
      .optional()
      .meta({ description: 'The order as it would be, until it is' }),
    deliveryOptions: quotes.quote.shape.deliveryOptions.optional(),
    clientSecret: z.string().optional().meta({ description: "For the owner's browser, while it waits" }),
  })
  .meta({ id: 'Edit' });
