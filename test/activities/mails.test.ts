import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { composeMail, type MailFacts, type ParcelFacts, parcelsOf } from '../../activities/mail-content.ts';
import { mailExamples } from '../../activities/mail-examples.ts';
import { mailLanguages, negotiate, readMailTexts, shownIn } from '../../activities/mail-texts.ts';
import type { MailTemplate } from '../../workflows/activities.ts';

const source = join(import.meta.dirname, '../../activities/mails');
const texts = readMailTexts();
const names = Object.keys(shownIn) as MailTemplate[];

function factsOf(name: string, language = 'en'): MailFacts {
  return mailExamples(language).find((example) => example.name === name)!.facts;
}

/** The same order with another customer and other goods. */
function withNames(facts: MailFacts, name: string): MailFacts {
  const { order } = facts;
  const lines = order.lines.map((line) => ({ ...line, name }));
  const promotions = order.pricing.promotions.map((promotion) => ({ ...promotion, name }));
  const parcels = facts.parcels.map((parcel) => ({
    ...parcel,
    goods: [{ name, quantity: 1 }],
    trackingNumber: name,
    trackingUrl: name,
  }));
  return {
    ...facts,
    parcels,
    order: { ...order, lines, pricing: { ...order.pricing, promotions }, customer: { ...order.customer, name } },
    store: { mail: { storeName: name, footer: name } },
  };
}

describe('every mail in every language', () => {
  const examples = mailLanguages().flatMap((language) =>
    mailExamples(language).map(({ name, facts }) => [language, name, facts] as const),
  );

  test.each(examples)('%s: %s', (language, _, facts) => {
    const mail = composeMail(texts, facts);
    expect(mail.language).toBe(language);
    expect(mail.subject).toMatch(/^\P{Cc}{10,120}$/u);
    expect(mail.subject).toContain(facts.order._id);
    expect(mail.text).toContain(facts.link);
    expect(mail.html).toContain(`href="${facts.link}"`);
    expect(mail.html).toContain(`<html lang="${language}">`);
    for (const part of [mail.text, mail.html]) {
      expect(part).not.toMatch(/undefined|null|NaN|\[object|\{\{|\{%|\n{4}/);
      expect(part).toContain('Hudson Goods');
    }
    // Nothing is loaded from elsewhere, and without pictures nothing is missing.
    expect(mail.html).not.toMatch(/<img|<link|<script|url\(|src=/i);
  });

  test.each(names)('%s has words of its own', (template) => {
    const subjects = mailLanguages().map((language) => composeMail(texts, factsOf(template, language)).subject);
    expect(new Set(subjects).size).toBe(subjects.length);
  });
});

describe('what is in it', () => {
  test('prices as a receipt, as they are written in the language', () => {
    const { text } = composeMail(texts, factsOf('order_confirmed'));
    expect(text).toContain(
      [
        '2 × Mug “Brooklyn”, 330 ml: €29.80',
        '1 × Tea towel & apron <linen>: €29.00',
        '1 × Lamp: €1,199.00',
        'Post, by December 4, 2026: €4.90',
        'Winter sale: -€10.00',
        'Sales tax 8.875%: €111.18',
        'Total: €1,363.88',
      ].join('\n'),
    );
    const included = composeMail(texts, factsOf('order_confirmed, tax included, store credit', 'de')).text;
    expect(included.replaceAll(/[\u00a0\u202f]/g, ' ')).toContain(
      'Gesamtbetrag: 1.252,70 €\ndarin VAT 19 %: 200,01 €\nMit Guthaben bezahlt: 50,00 €\n',
    );
  });

  test.each([
    ['en', 'JPY', 'Total: ¥136,388'],
    ['en', 'KWD', 'Total: KWD 136.388'],
    // Of no decimals by ISO 4217, whatever the runtime shows.
    ['en', 'UGX', 'Total: UGX 136,388'],
    ['de-AT', 'EUR', 'Gesamtbetrag: € 1.363,88'],
    ['en-GB', 'EUR', 'Total: €1,363.88'],
  ])('amounts in %s and %s', (language, currency, expected) => {
    const facts = factsOf('order_confirmed', language);
    const { text } = composeMail(texts, { ...facts, order: { ...facts.order, currency } });
    expect(text.replaceAll(/[\u00a0\u202f]/g, ' ')).toContain(expected);
  });

  test('dates as they are written in the region, and a moment is of the day where the seller is', () => {
    const facts = factsOf('order_backordered, with a date', 'en-GB');
    const late = new Date('2026-12-13T23:30:00Z');
    const inBerlin = { timeZone: 'Europe/Berlin' } as NonNullable<MailFacts['store']['seller']>;
    const ofOrder = { ...facts, order: { ...facts.order, expectedAt: late } };
    expect(composeMail(texts, ofOrder).text).toContain('we expect it on 13 December 2026.');
    expect(composeMail(texts, { ...ofOrder, store: { seller: inBerlin } }).text).toContain('on 14 December 2026.');
  });

  test('each parcel with its goods, its number and a link, and when it is expected', () => {
    const { subject, text, html } = composeMail(texts, factsOf('shipped, two parcels'));
    expect(subject).toMatch(/^Parcels of your order .* are on the way$/);
    expect(text).toContain(
      'Parcel 1 of 2\n2 × Mug “Brooklyn”, 330 ml\n1 × Tea towel & apron <linen>\nTracking number: 1Z9',
    );
    expect(text).toContain('https://carrier.example/track/1Z999AA10123456784?from=shop&lang=en\n');
    expect(text).toContain('Expected on: December 4, 2026');
    expect(html).toContain('href="https://carrier.example/track/1Z999AA10123456784?from=shop&amp;lang=en"');
    expect(composeMail(texts, factsOf('shipped')).subject).toMatch(/^A parcel .* is on the way$/);
    expect(composeMail(texts, factsOf('delivered')).text).not.toContain('December 4');
  });

  test('what is late says the last of the new dates, or that there is none yet', () => {
    const say = (name: string) => composeMail(texts, factsOf(name)).text;
    expect(say('delayed, two parcels')).toContain('now expected on December 5, 2026.');
    expect(say('delayed, no date')).toContain('There is no new date yet');
  });

  test('the name of the store: the one for mails, the seller, or a word', () => {
    const facts = factsOf('shipped');
    const seller = { name: 'Hudson Goods Ltd' } as NonNullable<MailFacts['store']['seller']>;
    const end = (store: MailFacts['store']) => composeMail(texts, { ...facts, store }).text.trim();
    expect(end({ seller, mail: { storeName: 'Hudson', footer: 'Reg. 123' } })).toMatch(/Hudson\n\n-- \nReg\. 123$/);
    expect(end({ seller })).toMatch(/Kind regards,\nHudson Goods Ltd$/);
    expect(end({})).toMatch(/Kind regards,\nYour store$/);
  });

  test.each([
    ['Ada Lovelace', 'Hello Ada Lovelace,'],
    ['J. R. R. Tolkien', 'Hello J. R. R. Tolkien,'],
    ['Win at evil.example', 'Hello,'],
    ['Win at t.co', 'Hello,'],
    ['https://evil', 'Hello,'],
    ['a@b', 'Hello,'],
  ])('whoever is called "%s" is greeted with "%s"', (name, greeting) => {
    const facts = factsOf('order_cancelled');
    const customer = { ...facts.order.customer, name };
    expect(composeMail(texts, { ...facts, order: { ...facts.order, customer } }).text.split('\n')[0]).toBe(greeting);
  });
});

describe('names are text', () => {
  const hostile = fc
    .array(fc.constantFrom('<', '>', '"', "'", '&', '{{', '}}', '{%', '%}', '7*7', '|', 'javascript:', '\n', 'x', ' '))
    .map((parts) => `n${parts.join('')}n`);
  const marks = (html: string) => html.replace(/[^<>"]/g, '');

  test.each(['order_confirmed', 'shipped, two parcels'])('and nothing else, whatever they are: %s', (example) => {
    const facts = factsOf(example);
    const harmless = marks(composeMail(texts, withNames(facts, 'n')).html);
    fc.assert(
      fc.property(hostile, (name) => {
        const { html, text, subject } = composeMail(texts, withNames(facts, name));
        expect(marks(html)).toBe(harmless);
        expect(text).toContain(`1 × ${name.replace(/[\n ]+/g, ' ')}`);
        expect(subject).not.toContain('\n');
      }),
    );
  });

  test('a template in a name is not carried out', () => {
    const { html, text } = composeMail(texts, withNames(factsOf('order_confirmed'), '{{ 7 | times: 7 }}'));
    expect(text).toContain('2 × {{ 7 | times: 7 }}: €29.80');
    expect(html).toContain('2 × {{ 7 | times: 7 }}');
    expect(html + text).not.toContain('49');
  });

  test('only pages of the web are linked', () => {
    const facts = factsOf('shipped');
    const parcels = [{ ...facts.parcels[0]!, trackingUrl: 'javascript:alert(1)' }];
    const { html, text } = composeMail(texts, { ...facts, parcels });
    expect(html + text).not.toContain('javascript');
    expect(html).toContain('1Z999AA10123456784');
  });
});

test.each([
  ['de', 'de', 'de'],
  ['de-AT', 'de', 'de-AT'],
  ['de-Latn-AT', 'de', 'de-Latn-AT'],
  ['en-GB', 'en', 'en-GB'],
  ['fr-CA', 'de', 'de-CH'],
  ['d', 'de', 'de-CH'],
  [undefined, 'de', 'de-CH'],
])('a customer who reads %s gets %s, with dates and numbers of %s', (wanted, tag, locale) => {
  expect(negotiate(wanted, texts, 'de-CH')).toMatchObject({ tag, locale });
  expect(negotiate(wanted ?? 'xx', texts, 'yy').tag).toBe(wanted?.startsWith('de') ? 'de' : 'en');
});

describe('parcels of a shipment', () => {
  const line = (lineId: string, name: string, picked: number) =>
    ({ lineId, name, picked, sku: name, quantity: 2, state: 'picked' }) as ParcelFacts['lines'][number];
  const lines = [line('line_1', 'Mug', 2), line('line_2', 'Lamp', 1), line('line_3', 'Towel', 0)];
  test('with parcels: all, or the one that it is about', () => {
    const measures = { weightGrams: 900, lengthMm: 300, widthMm: 200, heightMm: 100 };
    const bought = { id: 'lbl_1', carrier: 'sandbox', service: 'standard', url: 'https://carrier.example/label.pdf' };
    const label = { ...bought, trackingNumber: 'T1', cost: 1, currency: 'USD', boughtAt: new Date() };
    const shipment: ParcelFacts = {
      ...{ _id: 'shp_1', lines },
      parcels: [
        { ...measures, id: 'pcl_1', units: [{ lineId: 'line_1', quantity: 2 }], label },
        { ...measures, id: 'pcl_2', units: [{ lineId: 'line_2', quantity: 1 }], expectedOn: '2026-12-24' },
      ],
    };
    const numbers = (aboutId: string) => parcelsOf(shipment, aboutId).map(({ trackingNumber }) => trackingNumber);
    expect(numbers('shp_1')).toEqual(['T1', undefined]);
    expect(numbers('pcl_1')).toEqual(['T1']);
    expect(numbers('shp_2')).toEqual([]);
    expect(parcelsOf(shipment, 'pcl_2')).toMatchObject([
      { goods: [{ name: 'Lamp', quantity: 1 }], expectedOn: '2026-12-24' },
    ]);
  });
});

describe('texts of a store', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'waybill-mails-'));
  });
  beforeEach(() => {
    rmSync(folder, { recursive: true });
    cpSync(source, folder, { recursive: true });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const shipped = 'subject: A parcel\ntitle: A parcel\nbutton: Look\n\nIt is on its way.\n';

  test.each([
    ['a mail that another language has', 'de/shipped.liquid', undefined, /de\/shipped\.liquid: is missing/],
    ['a file that is no mail', 'de/shiped.liquid', shipped, /de\/shiped\.liquid: is no mail's name/],
    ['a variable that nobody gives', 'en/shipped.liquid', `${shipped}{{ order.nubmer }}`, /body names order\.nubmer/],
    ['a word without its variable', 'de/words.liquid', 'greeting: {{ name }}', /greeting names name, but/],
    ['a part that is missing', 'en/shipped.liquid', shipped.replace(/title.*\n/, ''), /title is missing/],
    ['a part that is empty', 'en/shipped.liquid', shipped.replace('Look', ''), /button is missing/],
    ['no paragraph', 'en/shipped.liquid', shipped.split('\n\n')[0], /body is missing/],
    ['another header', 'en/shipped.liquid', `from: me\n${shipped}`, /"from" is none of its parts/],
    ['a tag that does not end', 'en/shipped.liquid', `${shipped}{% if link %}`, /body: tag .* not closed/],
    ['a filter that is not there', 'en/shipped.liquid', `${shipped}{{ link | shout }}`, /undefined filter: shout/],
  ])('are refused when they are read: %s', (_, file, content, message) => {
    if (content === undefined) rmSync(join(folder, file));
    else writeFileSync(join(folder, file), content);
    expect(() => readMailTexts(folder)).toThrow(message);
  });

  test('are refused without English, which is the last resort', () => {
    rmSync(join(folder, 'en'), { recursive: true });
    expect(() => readMailTexts(folder)).toThrow(/there has to be a folder en/);
  });

  test('are refused with all that is wrong at once', () => {
    rmSync(join(folder, 'de/shipped.liquid'));
    rmSync(join(folder, 'en/refunded.liquid'));
    expect(() => readMailTexts(folder)).toThrow(/de\/shipped[\s\S]*en\/refunded/);
  });

  test('take no line break from a name into a subject, where it would be a header', () => {
    writeFileSync(join(folder, 'en/shipped.liquid'), shipped.replace('A parcel', 'For {{ customer.name }}'));
    const { subject } = composeMail(readMailTexts(folder), withNames(factsOf('shipped'), 'Eve\r\nBcc: thief'));
    expect(subject).toBe('For Eve Bcc: thief');
  });

  test('are one more folder in another language', () => {
    cpSync(join(folder, 'en'), join(folder, 'pt-BR'), { recursive: true });
    const words = join(folder, 'pt-BR/words.liquid');
    writeFileSync(words, readFileSync(words, 'utf8').replace('total: Total', 'total: Soma'));
    const mail = composeMail(readMailTexts(folder), factsOf('order_confirmed', 'pt-BR'));
    expect(mail.language).toBe('pt-BR');
    expect(mail.text.replaceAll(/[\u00a0\u202f]/g, ' ')).toContain('Soma: € 1.363,88');
  });
});
