import { z } from 'zod';
import { limits } from '../../workflows/domain/limits.ts';
import { orderStates } from '../../workflows/domain/states.ts';
import { claim } from './claims.ts';
import * as common from './common.ts';
import { incident } from './incidents.ts';
import * as quotes from './quotes.ts';
import { refund } from './refunds.ts';
import { returned } from './returns.ts';

export const orderParams = z.strictObject({ id: common.orderId });
const orderStatus = z.enum(Object.keys(orderStates) as [keyof typeof orderStates]);
export const paymentMethod = z
  .string()
  .regex(
    /^(pm|ctoken)_[A-Za-z0-9_]{1,250}$/,
    'Not the id of a payment method (pm_...) or confirmation token (ctoken_...)',
  )
  .meta({
    description: "The payment provider's id of a payment method, or a confirmation token of it; never card data",
    example: 'pm_card_visa',
  });

const customer = z.strictObject({
  email: common.email,
  name: common.text(100),
  phone: common.phone.optional(),
  language: common.language.optional().meta({
    description: "What mails are written in, where there are such. Without one, the customer's who has signed in",
  }),
});

const placeFields = z.strictObject({
  quoteId: common.quoteId.optional().meta({ description: 'What the customer was quoted; or else name the goods' }),
  ...quotes.cartFields,
  customer,
  shippingAddress: common.address,
  paymentMethod: paymentMethod.optional(),
  useDefaultPaymentMethod: z.boolean().optional().meta({
    description: 'By the default one of the methods that the customer, who has signed in, has saved',
  }),
  savePaymentMethod: z.boolean().optional().meta({
    description: 'The customer, who has signed in, agrees that the method is saved, to pay by it again',
  }),
  acceptBackorder: z.boolean().optional().meta({
    description:
      'The customer waits for what is not there, and agrees that the method of payment is saved and charged when everything is. The order is sent as a whole: place two orders where what is there shall not wait',
  }),
  expectedTotal: z.int().min(0).optional().meta({
    description: 'The total that the customer was shown, in minor units, where there is no quote. Another is refused',
  }),
});

const ofTheQuote = [
  'currency',
  'items',
  'deliveryMethod',
  'codes',
  'useStoreCredit',
  'acceptBackorder',
  'expectedTotal',
];
export const placeBody = placeFields.superRefine((body, context) => {
  const refuse = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message });
  const given = Object.entries(body).flatMap(([field, value]) => (value === undefined ? [] : field));
  if (body.useDefaultPaymentMethod && body.paymentMethod !== undefined)
    refuse('useDefaultPaymentMethod', 'Name a method of payment, or have the default one used');
  if (body.quoteId !== undefined) {
    for (const field of ofTheQuote.filter((each) => given.includes(each))) refuse(field, 'The quote says that already');
  } else {
    for (const field of ['currency', 'items', 'expectedTotal'].filter((each) => !given.includes(each)))
      refuse(field, 'Needed where there is no quoteId');
  }
});

export const payBody = z.strictObject({ paymentMethod });
export const reasonBody = z.strictObject({ reason: common.text(500) });
export const addressBody = common.address;

const waitingFor = z.strictObject({ event: z.string(), deadline: z.string() });
export const cancelBody = z.strictObject({
  reason: common.text(500),
  lines: z
    .array(z.strictObject({ lineId: common.lineId, quantity: common.quantity }))
    .min(1)
    .max(limits.lines)
    .refine((lines) => new Set(lines.map(({ lineId }) => lineId)).size === lines.length, 'Name each line once')
    .optional()
    .meta({ description: 'Only these units of these lines; without it, all that has not been handed over' }),
});
export const cancelled = z.strictObject({
  status: orderStatus,
  amountDue: common.money.optional().meta({ description: 'Of lines: what the order costs now' }),
  currency: z.string().optional(),
});
export const holdBody = z.strictObject({
  reason: common.text(500),
  until: common.time.optional().meta({ description: 'UTC. The hold is over by itself' }),
  afterwards: z
    .enum(['release', 'cancel'])
    .default('release')
    .meta({ description: 'What becomes of the order `until` then' }),
});
const purpose = z
  .enum(['payment', 'setup'])
  .optional()
  .meta({ description: 'Beside a client secret: it confirms a payment, or saves a method that is charged later' });
const payment = z.strictObject({
  status: z.string().meta({ description: 'The last attempt' }),
  amountDue: common.money,
  authorized: common.money,
  captured: common.money,
  credit: common.money.meta({
    description:
      'Store credit that was spent, or what returned goods bring that it is in exchange for; `amountDue` is the rest',
  }),
  refunded: common.money.meta({ description: 'To the card and to the store credit' }),
  exchanged: common.money.optional().meta({ description: 'Of what was paid: it pays for orders in exchange' }),
  fees: common.byCurrency.optional().meta({
    description: "For staff: the provider's, by the currency of its balance, once the day is reconciled",
  }),
  declineCode: z.string().optional(),
  clientSecret: z.string().optional().meta({ description: "For the owner's browser, while a payment is awaited" }),
  purpose,
  editId: z.string().optional().meta({ description: 'The edit that waits for this payment' }),
  captureBefore: common.time.optional().meta({ description: 'For staff: until when the money is held' }),
});

export const order = z
  .strictObject({
    id: z.string(),
    createdAt: common.time,
    status: orderStatus,
    paymentStatus: z.string(),
    fulfillmentStatus: z.string(),
    currency: z.string(),
    ...quotes.sums,
    items: z.array(z.strictObject({ sku: z.string(), quantity: z.int() })),
    lines: z.array(
      quotes.pricedLine.extend({
        cancelled: z.int().optional().meta({ description: 'Units of it that are not sent' }),
      }),
    ),
    shipping: quotes.pricedShipping.optional(),
    payment: payment.optional(),
    shipments: z.array(
      z.strictObject({
        id: z.string(),
        warehouseId: z.string().optional().meta({ description: 'Absent while it waits for goods' }),
        status: z.string(),
        promisedBy: z.string().optional().meta({ description: 'A date: when it was promised to be there' }),
        parcels: z
          .array(
            z.strictObject({
              id: z.string(),
              trackingNumber: z.string(),
              status: z.string(),
              units: z.array(z.strictObject({ lineId: z.string(), quantity: z.int() })).optional(),
              trackingUrl: z.string().optional().meta({ description: "The carrier's page, where it has one" }),
              expectedOn: z.string().optional().meta({ description: 'A date: when the carrier expects to deliver it' }),
              deliveredAt: z.string().optional(),
              proof: z.strictObject({ signed: z.boolean(), leftAt: z.string().optional() }).optional(),
            }),
          )
          .optional()
          .meta({ description: 'Once they are labelled' }),
        deliveredAt: z.string().optional(),
      }),
    ),
    returns: z.array(returned),
    claims: z.array(claim),
    refunds: z.array(refund),
    waitingFor: waitingFor.optional(),
    expectedAt: common.time.optional().meta({ description: 'When what it waited for was expected as it was placed' }),
    shortages: z.array(z.strictObject({ sku: z.string(), requested: z.int(), available: z.int() })).optional(),
    customer: z
      .strictObject({
        email: z.string(),
        name: z.string(),
        phone: z.string().optional(),
        language: z.string().optional(),
      })
      .optional()
      .meta({ description: 'For the owner and for support' }),
    shippingAddress: z.unknown().optional().meta({ description: 'For the owner and for support', type: 'object' }),
    incidents: z.array(incident).optional().meta({ description: 'For staff' }),
    timeline: common.timeline.optional().meta({ description: 'For staff' }),
    links: z
      .array(
        z.strictObject({
          kind: z.enum(['sent_again_by', 'sends_again', 'exchanged_by', 'exchanges']),
          orderId: z.string(),
          status: orderStatus,
          source: z.string().meta({ description: 'The parcel, or the claim, whose goods are sent again' }),
        }),
      )
      .optional()
      .meta({ description: 'For staff: orders at no charge that send something of it again, or that it sends again' }),
    notes: z
      .array(z.strictObject({ id: z.string(), at: common.time, actor: z.string(), text: z.string() }))
      .optional()
      .meta({ description: 'For staff: the reasons that the timeline names by their ids' }),
  })
  .meta({ id: 'Order' });

const link = z.strictObject({
  token: z.string().meta({ description: 'Opens this order: send it as Authorization: Bearer' }),
  href: z.string(),
});

export const placed = z.strictObject({
  order,
  link,
  payment: z
    .strictObject({
      status: z.string(),
      clientSecret: z.string().optional(),
      purpose,
      declineCode: z.string().optional(),
    })
    .optional(),
});

/** An answer that is still on its way: look at the order for how it goes on. */
export const accepted = z.strictObject({ status: z.string(), href: z.string() }).meta({ id: 'Accepted' });
export const placing = accepted.extend({ link }).meta({ id: 'Placing' });
export const done = z.strictObject({ status: z.string() });

export const state = z.strictObject({
  source: z.enum(['workflow', 'database']).meta({ description: 'Live, or the copy in the database' }),
  state: z
    .strictObject({
      status: orderStatus,
      rev: z.int(),
      paymentStatus: z.string(),
      fulfillmentStatus: z.string(),
      amountDue: common.money,
      currency: z.string(),
      shipments: order.shape.shipments,
      waitingFor: waitingFor.optional(),
      incidents: z.array(incident).optional(),
      timeline: common.timeline.optional(),
    })
    .meta({ id: 'OrderState' }),
});

export const listQuery = z.strictObject({
  status: orderStatus.optional(),
  email: common.email.optional(),
  needsAttention: z.enum(['true', 'false']).optional(),
  waitsFor: common.sku.optional().meta({ description: 'Orders that wait for goods of this SKU' }),
  ...common.pageQuery,
});
export const orderPage = z.strictObject({
  orders: z.array(
    z
      .strictObject({
        id: z.string(),
        createdAt: common.time,
        status: orderStatus,
        paymentStatus: z.string(),
        fulfillmentStatus: z.string(),
        currency: z.string(),
        total: common.money,
        email: z.string(),
        needsAttention: z.boolean(),
        waitingFor: waitingFor.optional(),
      })
      .meta({ id: 'OrderSummary' }),
  ),
  next: common.next,
});
