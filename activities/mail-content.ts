/** What a mail says: its words in the customer's language, and below them prices or parcels. */
import type { Order } from '../models/order.ts';
import type { Refund } from '../models/payment.ts';
import type { Return } from '../models/return.ts';
import type { Shipment } from '../models/shipment.ts';
import type { StoreSettings } from '../models/store.ts';
import type { MailTemplate } from '../workflows/activities.ts';
import { minorDigits } from '../workflows/domain/money.ts';
import type { TaxPart } from '../workflows/domain/taxes.ts';
import { type Language, type MailTexts, negotiate, shownIn } from './mail-texts.ts';
import { sentOf } from './payments/refunds.ts';

export interface MailFacts {
  template: MailTemplate;
  order: Order;
  /** The order's page in the storefront, with its token. */
  link: string;
  /** What it is about, where it is about one of them. */
  refund?: Refund | undefined;
  returned?: Return | undefined;
  parcels: readonly MailParcel[];
  store: Pick<StoreSettings, 'mail' | 'seller'>;
}

export interface MailParcel {
  goods: { name: string; quantity: number }[];
  trackingNumber?: string | undefined;
  /** The carrier's page about it. */
  trackingUrl?: string | undefined;
  /** A date, `2026-12-24`. */
  expectedOn?: string | undefined;
}

interface ComposedMail {
  subject: string;
  text: string;
  html: string;
  /** BCP 47. */
  language: string;
}

export function composeMail(texts: MailTexts, facts: MailFacts): ComposedMail {
  const { template, order, link, refund, store } = facts;
  const { tag, locale, language } = negotiate(order.customer.language, texts, store.mail?.defaultLanguage);
  const format = formats(locale, store.seller?.timeZone);
  const storeName = store.mail?.storeName ?? store.seller?.name ?? language.say('store');
  const customerName = nameOf(order.customer.name);
  const parcels = shownParcels(facts);
  const expectedAt = order.expectedAt ?? order.notBefore;
  const arrival = parcels.map(({ expectedOn }) => expectedOn ?? '').sort();
  const { subject, title, button, body } = language.mail(template, {
    'customer.name': customerName,
    'order.id': order._id,
    'order.placedOn': format.day(order.createdAt),
    'order.expectedOn': expectedAt ? format.day(expectedAt) : null,
    'parcels.count': parcels.length,
    'parcels.expectedOn': arrival.at(-1) ? format.date(arrival.at(-1)!) : null,
    'refund.sent': refund ? amountOf(sentOf(refund), refund.currency, format) : null,
    'refund.credited': refund ? amountOf(refund.credited, refund.currency, format) : null,
    ...returnVariables(facts, format),
    'store.name': storeName,
    link,
  });
  const { html, text } = texts.layout({
    ...{ language: tag, storeName, subject, title, body, button, link },
    greeting: language.say('greeting', { 'customer.name': customerName }),
    regards: language.say('regards'),
    prices: shownIn[template] === 'prices' ? pricesOf(order, language, format) : [],
    parcels: parcels.map((parcel, index) => viewParcel(parcel, index + 1, parcels.length, language, format)),
    footer: store.mail?.footer ?? null,
  });
  return { subject, text, html, language: tag };
}

/** How, where to and until when goods are to be sent back. */
function returnVariables({ returned, order }: MailFacts, format: Formats) {
  const { label, sending, sendTo, state } = returned ?? {};
  const until = state?.waitingFor?.event === 'return_arrival' ? state.waitingFor.deadline : undefined;
  const { name, line1, line2, postalCode, city, region, country } = sendTo ?? {};
  const address = [name, line1, line2, `${postalCode} ${city}`, region, country].filter((line) => line !== undefined);
  return {
    'return.label': webPage(label?.url),
    'return.fee': label && sending ? amountOf(sending.fee, order.currency, format) : null,
    'return.until': until === undefined ? null : format.day(new Date(until)),
    'return.address': sendTo && !label ? address.join(', ') : null,
  };
}

function shownParcels({ template, parcels }: MailFacts): readonly MailParcel[] {
  if (shownIn[template] === 'parcels') return parcels;
  // When it was expected is of no interest any more.
  if (shownIn[template] === 'arrived parcels') return parcels.map(({ expectedOn: _, ...parcel }) => parcel);
  return [];
}

/**
 * The parcels of a shipment that a mail is about: all of them, one, or none.
 * @param aboutId `shp_...` or `pcl_...`
 */
export function parcelsOf(shipment: ParcelFacts, aboutId: string): MailParcel[] {
  const { parcels = [] } = shipment;
  const nameOf = (lineId: string) => shipment.lines.find((line) => line.lineId === lineId)?.name ?? lineId;
  return parcels
    .filter(({ id }) => aboutId === shipment._id || aboutId === id)
    .map(({ units, label, expectedOn }) => ({
      goods: units.map(({ lineId, quantity }) => ({ name: nameOf(lineId), quantity })),
      trackingNumber: label?.trackingNumber,
      trackingUrl: label?.trackingUrl,
      expectedOn,
    }));
}

export type ParcelFacts = Pick<Shipment, '_id' | 'lines' | 'parcels'>;

type Formats = ReturnType<typeof formats>;

/** @param timeZone IANA: whose days a moment belongs to */
function formats(locale: string, timeZone = 'UTC') {
  return {
    money(amount: number, currency: string): string {
      // The runtime's own number of digits changes with its version.
      const digits = minorDigits(currency);
      const style = {
        style: 'currency',
        currency,
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
      } as const;
      return new Intl.NumberFormat(locale, style).format(amount / 10 ** digits);
    },
    number: (value: number): string => new Intl.NumberFormat(locale).format(value),
    percent: (ppm: number): string =>
      new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 4 }).format(ppm / 1_000_000),
    /** Of a date, `2026-12-24`. */
    date: (date: string): string =>
      new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(date)),
    day: (at: Date): string => new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone }).format(at),
  };
}

function amountOf(amount: number, currency: string, format: Formats): string | null {
  return amount > 0 ? format.money(amount, currency) : null;
}

/**
 * The name to greet by. Whoever orders with somebody else's address chooses the name in the mail that goes there: one that
 * programs would turn into a link is left out.
 */
function nameOf(name: string): string | null {
  return /@|:\/\/|[\p{L}\d]\.\p{L}{2,}/u.test(name) ? null : name;
}

interface PriceRow {
  label: string;
  amount: string;
  isTotal: boolean;
}

/** What it costs, in the words of a receipt. */
function pricesOf(order: Order, language: Language, format: Formats): PriceRow[] {
  const { lines, shipping, pricing, total, credit, currency, exchangeOf } = order;
  const { taxInclusive, promotions, taxes } = pricing;
  const row = (label: string, amount: number, isTotal = false) => ({
    label,
    amount: format.money(amount, currency),
    isTotal,
  });
  const taxRows = (word: 'tax' | 'includedTax') =>
    taxes.map(({ name, ppm, amount }: TaxPart) =>
      row(language.say(word, { name, percent: format.percent(ppm) }), amount),
    );
  return [
    ...lines.map((line) => row(unitsOf(line, language, format), line.subtotal)),
    ...(shipping
      ? [
          row(
            language.say('delivery', { name: shipping.name, date: format.date(shipping.promisedBy) }),
            shipping.subtotal,
          ),
        ]
      : []),
    ...promotions.map(({ name, amount }) => row(name, -amount)),
    ...(taxInclusive ? [] : taxRows('tax')),
    row(language.say('total'), total, true),
    ...(taxInclusive ? taxRows('includedTax') : []),
    ...(credit ? [row(language.say(exchangeOf ? 'returnedGoods' : 'storeCredit'), credit)] : []),
  ];
}

function unitsOf({ name, quantity }: { name: string; quantity: number }, language: Language, format: Formats): string {
  return language.say('units', { name, quantity: format.number(quantity) });
}

function viewParcel(parcel: MailParcel, number: number, count: number, language: Language, format: Formats) {
  const { goods, trackingNumber, trackingUrl, expectedOn } = parcel;
  return {
    title: count > 1 ? language.say('parcel', { number, count }) : null,
    goods: goods.map((each) => unitsOf(each, language, format)),
    details: [
      ...(trackingNumber === undefined
        ? []
        : [{ label: language.say('trackingNumber'), value: trackingNumber, url: webPage(trackingUrl) }]),
      ...(expectedOn === undefined
        ? []
        : [{ label: language.say('expectedOn'), value: format.date(expectedOn), url: null }]),
    ],
  };
}

/** Carriers' words are not trusted to be links. */
function webPage(url: string | undefined): string | null {
  return url !== undefined && /^https?:\/\//i.test(url) ? url : null;
}
