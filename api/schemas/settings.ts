import { z } from 'zod';
import { mailLanguages } from '../../activities/mail-texts.ts';
import { exchangeRules } from '../../workflows/domain/return-policy.ts';
import { address, amount, amounts, currency, email, language, percent, slug, text, timeZone } from './common.ts';

const seller = z
  .strictObject({
    name: text(200),
    address,
    taxIds: z
      .array(z.strictObject({ name: text(50), value: text(50) }))
      .max(10)
      .meta({ description: 'Whatever the law asks for', example: [{ name: 'VAT ID', value: 'DE123456789' }] }),
    email,
    timeZone: timeZone.meta({ description: 'Its date is the date of an invoice', example: 'Europe/Berlin' }),
    footer: text(1_000).optional().meta({ description: 'Printed at the foot: register, bank, managing directors' }),
  })
  .meta({ description: 'Who sells, as invoices have to say. Without it nothing is invoiced' });

const payments = z
  .strictObject({
    multicapture: z.boolean().meta({
      description:
        'Each parcel takes its share, where the Stripe account and the card can do that. Else the first takes all',
    }),
    refundShipping: z.enum(['with_last_goods', 'never']).meta({
      description: 'Whether shipping is paid back with the last of the goods, unless somebody says otherwise',
    }),
    risk: z
      .strictObject({
        scoreFrom: z.int().min(0).max(100).optional().meta({ description: "Stripe's score from which on it counts" }),
        declinesFrom: z
          .int()
          .min(1)
          .max(20)
          .optional()
          .meta({ description: 'Declined methods before one was accepted' }),
        amountFrom: z.record(currency, amount).optional().meta({ description: 'Minor units by currency' }),
        foreignCard: z
          .boolean()
          .optional()
          .meta({ description: 'The card is of another country than the one that the goods go to' }),
        cancelAfterHours: z.int().min(1).max(720).optional().meta({
          description: 'So long it waits for a person, and is cancelled then. Without it, it waits on',
        }),
      })
      .meta({ description: 'What puts an order on hold, beside what Stripe itself calls an elevated risk' }),
  })
  .meta({ description: 'How money is taken and given back' });

const fulfilment = z
  .strictObject({
    shortPick: z.enum(['cancel', 'backorder', 'ask']).meta({
      description:
        'What becomes of units that a picker did not find and no other warehouse has: given up, waited for, or a person is asked',
    }),
    checkAddresses: z.boolean().default(false).meta({
      description: 'Carriers are asked whether they find the address, before an order is packed: some charge for it',
    }),
  })
  .meta({ description: 'How the warehouses work' });

const orders = z
  .strictObject({
    customersCancelUntil: z.enum(['picked', 'handed_over']).meta({
      description: 'Until then customers cancel by themselves, the order or lines of it; afterwards they ask support',
    }),
  })
  .meta({ description: 'What customers may do with their orders' });
const claims = z
  .strictObject({
    autoApproveUpTo: z.record(currency, amount).optional().meta({
      description: 'Minor units by currency: up to here the claims of an order are approved without a person',
    }),
    evidenceNeededFrom: z.record(currency, amount).optional().meta({
      description: 'Minor units by currency: from here on they are so with evidence only',
    }),
  })
  .meta({ description: "Customers' claims. Without it a person decides about each" });
const returnPolicy = z
  .strictObject({
    windowDays: z.int().min(0).max(3_650).meta({
      description: 'From the delivery of the last parcel. In the EEA at least the 14 days of the law',
    }),
    finalSale: z
      .boolean()
      .optional()
      .meta({ description: "It stays sold, unless it is withdrawn from or the store's fault" }),
    returnShipping: z.enum(['store', 'customer']).meta({ description: 'Who pays for the way back' }),
    labelFee: amounts.optional().meta({
      description:
        'Minor units by currency, where the customer pays: a label is bought, and this is kept of the refund. Without one none is bought',
      example: { EUR: 490 },
    }),
    refundShipping: z.enum(['never', 'with_whole_order']).meta({
      description:
        "Whether the order's shipping is paid back once all of it is back. By law it is, where the whole order is withdrawn",
    }),
    restockingPercent: percent.optional().meta({ description: 'Kept of what the goods cost' }),
    exchange: z.enum(exchangeRules).optional().meta({
      description:
        'Whether it can be exchanged, and when the other goods are sent: once the return is approved, or its goods are accepted. Without it on receipt',
    }),
    approval: z.enum(['rule', 'person']).meta({ description: 'Who approves what is asked for in time' }),
    noWithdrawal: z.boolean().optional().meta({
      description: 'Goods that the law excepts from withdrawal: article 16 of Directive 2011/83/EU',
    }),
  })
  .refine(({ returnShipping, labelFee }) => returnShipping === 'customer' || labelFee === undefined, {
    path: ['labelFee'],
    error: 'Only where the customer pays for the way back',
  });

const returns = z
  .strictObject({
    policies: z
      .record(slug, returnPolicy)
      .refine((policies) => Object.keys(policies).length <= 100, 'At most 100 classes'),
  })
  .meta({ description: 'What is taken back, by the `returnClass` of products. `standard` is for all others' });

const mail = z
  .strictObject({
    storeName: text(100).optional().meta({ description: "Without it the seller's" }),
    replyTo: email.optional().meta({ description: 'Where answers go. Without it to the address that mails come from' }),
    footer: text(1_000).optional().meta({ description: 'Below every mail: what the law asks for in business letters' }),
    defaultLanguage: language
      .refine((tag) => mailLanguages().includes(tag), {
        error: () => `There are mails in these languages: ${mailLanguages().join(', ')}`,
      })
      .optional()
      .meta({ description: 'For customers of whom no language is known, or one that there are no mails in' }),
  })
  .meta({ description: "What is the store's own in mails to customers" });

export const settings = z
  .strictObject({
    seller: seller.optional(),
    payments: payments.optional(),
    fulfilment: fulfilment.optional(),
    orders: orders.optional(),
    claims: claims.optional(),
    returns: returns.optional(),
    taxes: z.strictObject({
      inclusiveIn: z
        .array(currency)
        .max(200)
        .refine((currencies) => new Set(currencies).size === currencies.length, 'A currency is named twice')
        .meta({ description: 'Currencies whose prices have the tax in them' }),
      rounding: z.enum(['line', 'total']),
      shippingClass: slug
        .optional()
        .meta({ description: 'The tax class of shipping. Without one it is taxed as the goods are, by their shares' }),
      source: z.enum(['table', 'stripe']).meta({ description: 'The table of rates, or Stripe Tax' }),
    }),
    refundPolicy: text(20_000).optional().meta({
      description: 'What customers are told of returns and refunds before they buy: banks that dispute ask for it',
    }),
    mail: mail.optional(),
  })
  .meta({ id: 'Settings' });
