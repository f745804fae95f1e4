/** The fields that several resources share. Strings are trimmed and bounded, and hold no control characters. */
import { Readable } from 'node:stream';
import { z } from 'zod';
import { limits } from '../../workflows/domain/limits.ts';
import { isCurrency, payableUnit } from '../../workflows/domain/money.ts';
import { maxAmount } from '../../workflows/domain/pricing.ts';
import { countries } from './countries.ts';

export const text = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^\P{Cc}*$/u, 'Control characters are not allowed');

export const sku = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'A SKU is 1 to 64 letters, digits, dots, dashes or underscores')
  .meta({ example: 'MUG-BLUE' });

export const warehouseId = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, 'A warehouse id is 1 to 32 letters, digits, dashes or underscores')
  .meta({ example: 'berlin' });

export const idOf = (prefix: string) => z.string().regex(new RegExp(`^${prefix}_[A-Za-z0-9-]{1,64}$`));
export const orderId = idOf('ord');
export const shipmentId = idOf('shp');
export const returnId = idOf('ret');
export const refundId = idOf('ref');
export const incidentId = idOf('inc');
export const deliveryId = idOf('dlv');
export const transferId = idOf('trf');
export const countId = idOf('cnt');
export const quoteId = idOf('quo');
export const customerId = idOf('cus');
export const invoiceId = idOf('inv');
export const lineId = idOf('line').meta({ example: 'line_1' });
/** The payment provider's; never card data. */
export const paymentMethod = z
  .string()
  .regex(/^pm_[A-Za-z0-9_]{1,250}$/, 'Not the id of a payment method (pm_...)')
  .meta({ description: "The payment provider's id of a payment method; never card data", example: 'pm_card_visa' });
/** Made by the scanner, new for each scan: a scan sent twice counts once. */
export const scanId = z
  .string()
  .trim()
  .regex(/^[\x21-\x7e]{1,64}$/, 'A scan id is 1 to 64 visible characters');

/** Whatever a scanner reads. */
export const scanned = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^[\p{Cc}\x20-\x7e]+$/u, 'A barcode is visible ASCII, with what the scanner frames it by')
  .meta({ example: '4006381333931' });
export const bin = text(32)
  .regex(/^[^|]*$/, 'A bin has no | in its name: files of stock have it between bins')
  .meta({ example: 'A-03-2' });

export const quantity = z.int().min(1).max(limits.quantity);
export const amount = z.int().min(1).max(maxAmount).meta({ description: 'Minor units of the currency' });
export const refundTo = z.enum(['original', 'store_credit']).default('original').meta({
  description: 'Back as it was paid, the card first; or all of it as store credit, for a customer with an account',
});
/** Amounts that we answer with: zero is one of them. */
export const money = z.int().meta({ description: 'Minor units of the currency' });
/** Amounts that we answer with, by their currencies. */
export const byCurrency = z
  .record(z.string(), z.int())
  .meta({ description: 'Minor units by currency', example: { EUR: 88 } });
export const currency = z
  .string()
  .refine(isCurrency, { error: 'Not an ISO 4217 currency code, in capitals', abort: true })
  .meta({ example: 'EUR' });
export const country = z
  .string()
  .refine((code) => countries.has(code), 'Not an ISO 3166-1 alpha-2 country code, in capitals')
  .meta({ example: 'DE' });
export const time = z.iso.datetime().meta({ description: 'UTC' });
export const timeZone = z
  .string()
  .trim()
  .max(64)
  .refine(isTimeZone, 'Not an IANA time zone')
  .meta({ example: 'Europe/Berlin' });
function isTimeZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }) !== undefined;
  } catch {
    return false;
  }
}
/** A calendar's day, of whichever place. */
export const date = z.iso.date('Not a date, such as 2026-12-24').meta({ example: '2026-12-24' });
/** All in one form, so that they can be compared as they are. */
const moment = z.iso
  .datetime({ abort: true })
  .overwrite((text) => new Date(text).toISOString())
  .meta({ description: 'UTC' });
export const validity = { validFrom: moment.optional(), validUntil: moment.optional() };
interface Validity {
  validFrom?: string | undefined;
  validUntil?: string | undefined;
}
/** For `refine` of what has a validity. */
export const isSpan = ({ validFrom, validUntil }: Validity) =>
  validFrom === undefined || validUntil === undefined || validFrom < validUntil;
export const noSpan = { path: ['validUntil'], error: '`validUntil` has to be after `validFrom`' };

/** What an admin calls what prices depend on. */
export const ruleId = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'An id is 1 to 64 letters, digits, dashes or underscores')
  .meta({ example: 'summer-2026' });
export const slug = z
  .string()
  .trim()
  .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'A slug is 1 to 64 small letters, digits, dashes or underscores')
  .meta({ example: 'mugs' });

export const promotionCode = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9_-]{3,40}$/, 'A code is 3 to 40 letters, digits, dashes or underscores')
  .toUpperCase()
  .meta({ example: 'SUMMER10' });

/** For `superRefine`: nobody could pay what lies between the steps of a currency. */
export function checkPayable(
  { currency, amount }: { currency: string; amount: number },
  path: PropertyKey[],
  { addIssue }: z.RefinementCtx,
): void {
  const unit = payableUnit(currency);
  if (amount % unit !== 0)
    addIssue({ code: 'custom', path, message: `In ${currency} it has to be a multiple of ${unit}` });
}
export const amounts = z
  .record(currency, z.int().min(0).max(maxAmount))
  .superRefine((amounts, context) => {
    for (const [currency, amount] of Object.entries(amounts)) checkPayable({ currency, amount }, [currency], context);
  })
  .meta({ description: 'Minor units per currency', example: { EUR: 1490, USD: 1590 } });

export const percent = z
  .number()
  .min(0)
  .max(100)
  .refine((percent) => percentOf(ppmOf(percent)) === percent, 'It has at most 4 decimals')
  .meta({ example: 8.875 });
/** People write 8.875 %, which is kept as 88_750 parts per million. */
export function ppmOf(percent: number): number {
  return Math.round(percent * 10_000);
}
export function percentOf(ppm: number): number {
  return ppm / 10_000;
}

/** Without what is no language, such as `-u-nu-arab`. */
export const language = z
  .string()
  .trim()
  .max(35)
  .refine(isLanguage, { error: 'Not a BCP 47 language tag', abort: true })
  .overwrite((tag) => new Intl.Locale(tag).baseName)
  .meta({ description: 'BCP 47', example: 'de-AT' });

function isLanguage(tag: string): boolean {
  try {
    return new Intl.Locale(tag) !== undefined;
  } catch {
    return false;
  }
}

export const phone = z
  .string()
  .trim()
  .regex(/^\+?[0-9 ()./-]{3,30}$/, 'Not a telephone number');
export const email = z
  .string()
  .trim()
  .max(254)
  .toLowerCase()
  .regex(z.regexes.email, 'Not an e-mail address')
  .meta({ format: 'email', example: 'ada@example.com' });

/** Countries whose regions have taxes of their own. */
const codedRegions = ['US', 'CA'];

export const address = z
  .strictObject({
    name: text(100),
    line1: text(100),
    line2: text(100).optional(),
    city: text(100),
    region: text(100).optional(),
    postalCode: text(20),
    country,
    phone: phone.optional(),
  })
  .refine(({ country: where, region }) => !codedRegions.includes(where) || /^[A-Z]{2}$/.test(region ?? ''), {
    path: ['region'],
    error: 'In this country the region is needed, by its code of two capitals: taxes go by it',
  })
  .meta({ id: 'Address' });

export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().max(300).optional().meta({ description: '`next` of the page before' }),
};

/** A body that goes by in pieces, in or out, and is never there as a whole. */
export const csvFile = z.instanceof(Readable).meta({ override: { type: 'string' }, description: 'CSV in UTF-8' });

export const pdfFile = z.instanceof(Buffer).meta({ override: { type: 'string', format: 'binary' } });

export const next = z.string().nullable().meta({ description: 'The cursor of the next page; null on the last' });

/** Who did what, when and why, and what was before and after it. */
export const timeline = z.array(
  z.strictObject({
    ...{ at: z.string(), what: z.string(), actor: z.string() },
    ...{ why: z.string().optional(), before: z.string().optional(), after: z.string().optional() },
  }),
);

export const deadlineBody = z.strictObject({
  event: text(100).meta({ description: 'What is waited for, as `waitingFor` says', example: 'payment' }),
  deadline: time.meta({ description: 'UTC. A time that has passed is now' }),
  reason: text(500),
});
