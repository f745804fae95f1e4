/**
 * The words and the layout of mails, from the files in mails/: read, checked and compiled once. A file of words looks like
 * a mail: a few headers, an empty line, paragraphs. All of it is plain text; only the layout makes HTML, and escapes.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Liquid, type Template } from 'liquidjs';
import type { MailTemplate } from '../workflows/activities.ts';

/** What stands below the words of a mail. Whatever is not here has no mail. */
export const shownIn: Readonly<Record<MailTemplate, 'prices' | 'parcels' | 'arrived parcels' | 'nothing'>> = {
  order_confirmed: 'prices',
  order_backordered: 'prices',
  backorder_late: 'nothing',
  goods_missing: 'nothing',
  backorder_payment_needed: 'nothing',
  payment_needed: 'nothing',
  payment_processing: 'nothing',
  renewal_needed: 'nothing',
  order_changed: 'prices',
  edit_payment_needed: 'nothing',
  shipped: 'parcels',
  out_for_delivery: 'parcels',
  delivered: 'arrived parcels',
  delayed: 'parcels',
  order_cancelled: 'nothing',
  items_cancelled: 'nothing',
  order_expired: 'nothing',
  return_approved: 'nothing',
  return_rejected: 'nothing',
  claim_received: 'nothing',
  claim_approved: 'nothing',
  claim_rejected: 'nothing',
  exchange_confirmed: 'prices',
  exchange_payment_needed: 'prices',
  exchange_failed: 'nothing',
  return_expiring: 'nothing',
  return_received: 'nothing',
  refunded: 'nothing',
};

/** What every mail may name. */
export const mailVariables = [
  'customer.name',
  'order.id',
  'order.placedOn',
  'order.expectedOn',
  'parcels.count',
  'parcels.expectedOn',
  'refund.sent',
  'refund.credited',
  'return.label',
  'return.fee',
  'return.until',
  'return.address',
  'store.name',
  'link',
] as const;
/** Null for what is not known, or has nothing to do with the mail. */
export type Variables = Record<(typeof mailVariables)[number], string | number | null>;

/** The headers of words.liquid, which all mails of a language share, and what each may name. */
const wordVariables = {
  greeting: ['customer.name'],
  regards: [],
  store: [],
  units: ['quantity', 'name'],
  delivery: ['name', 'date'],
  tax: ['name', 'percent'],
  includedTax: ['name', 'percent'],
  total: [],
  storeCredit: [],
  returnedGoods: [],
  parcel: ['number', 'count'],
  trackingNumber: [],
  expectedOn: [],
} as const;
type WordName = keyof typeof wordVariables;

/** What a language says, as functions of what is to be named. */
export interface Language {
  say<N extends WordName>(
    name: N,
    ...values: (typeof wordVariables)[N] extends readonly []
      ? []
      : [Record<(typeof wordVariables)[N][number], string | number | null>]
  ): string;
  mail(template: MailTemplate, values: Variables): { subject: string; title: string; button: string; body: string[] };
}

export interface MailTexts {
  /** By their tags, such as `en`. */
  languages: ReadonlyMap<string, Language>;
  layout(values: object): { html: string; text: string };
}

const strict = { strictVariables: true, strictFilters: true, ownPropertyOnly: true, templates: {} };
const words = new Liquid(strict);
const markup = new Liquid({ ...strict, outputEscape: 'escape' });

const mailsFolder = fileURLToPath(new URL('./mails/', import.meta.url));
/** What is sent where nothing else is known or there. */
const lastResort = 'en';

/** The languages that there are mails in. */
export function mailLanguages(folder = mailsFolder): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() && isShown(entry.name) ? entry.name : [],
  );
}

/** Desktops put hidden files of their own into folders. */
function isShown(name: string): boolean {
  return !name.startsWith('.');
}

/** @throws with everything that is wrong in the files: a mail that is missing, a header, a variable that nobody gives */
export function readMailTexts(folder = mailsFolder): MailTexts {
  const wrong: string[] = [];
  const languages = new Map(mailLanguages(folder).map((tag) => [tag, readLanguage(join(folder, tag), wrong)]));
  if (!languages.has(lastResort)) wrong.push(`${folder}: there has to be a folder ${lastResort}`);
  if (wrong.length > 0) throw new Error(`The texts of mails cannot be used:\n${wrong.join('\n')}`);
  const html = compile(markup, join(folder, 'layout.html.liquid'));
  const text = compile(words, join(folder, 'layout.text.liquid'));
  return {
    languages,
    layout: (values) => ({ html: markup.renderSync(html, values), text: words.renderSync(text, values) }),
  };
}

function compile(engine: Liquid, file: string): Template[] {
  return engine.parse(readFileSync(file, 'utf8'), file);
}

function readLanguage(folder: string, wrong: string[]): Language {
  const templates = Object.keys(shownIn) as MailTemplate[];
  const expected = ['words', ...templates].map((name) => `${name}.liquid`);
  const found = readdirSync(folder).filter(isShown);
  for (const file of expected) if (!found.includes(file)) wrong.push(`${join(folder, file)}: is missing`);
  for (const file of found) if (!expected.includes(file)) wrong.push(`${join(folder, file)}: is no mail's name`);

  const read = (name: string, headers: Readonly<Record<string, readonly string[]>>) =>
    found.includes(`${name}.liquid`)
      ? readParts(join(folder, `${name}.liquid`), headers, wrong)
      : new Map<string, Template[]>();
  const shared = read('words', wordVariables);
  const ofMail = { subject: mailVariables, title: mailVariables, button: mailVariables, body: mailVariables };
  const mails = new Map(templates.map((name) => [name, read(name, ofMail)]));
  return {
    say: (name, ...[values = {}]) => oneLine(render(shared.get(name)!, values)),
    mail(template, values) {
      const text = (part: string) => render(mails.get(template)!.get(part)!, values);
      return {
        subject: oneLine(text('subject')),
        title: oneLine(text('title')),
        button: oneLine(text('button')),
        body: text('body')
          .split(/\n[ \t]*\n/)
          .map(oneLine)
          .filter((paragraph) => paragraph !== ''),
      };
    },
  };
}

/** The parts of one file by their names: its headers, and `body` for what follows the first empty line. */
function readParts(
  file: string,
  parts: Readonly<Record<string, readonly string[]>>,
  wrong: string[],
): Map<string, Template[]> {
  const [head, ...rest] = readFileSync(file, 'utf8').replaceAll('\r\n', '\n').trim().split(/\n\n/);
  const given = head!.split('\n').map((line) => /^(\w+): *(.*)$/.exec(line)?.slice(1) ?? [line, '']);
  if (rest.length > 0) given.push(['body', rest.join('\n\n')]);
  const compiled = new Map<string, Template[]>();
  for (const [name, source] of given as [string, string][]) {
    const allowed = Object.hasOwn(parts, name) ? parts[name]! : undefined;
    if (allowed === undefined) {
      wrong.push(`${file}: "${name}" is none of its parts, which are ${Object.keys(parts).join(', ')}`);
      continue;
    }
    try {
      const template = words.parse(source, file);
      for (const variable of words.globalFullVariablesSync(template))
        if (!allowed.includes(variable))
          wrong.push(
            `${file}: ${name} names ${variable}, but there is only ${allowed.join(', ') || 'nothing to name'}`,
          );
      compiled.set(name, template);
    } catch (error) {
      wrong.push(`${file}: ${name}: ${(error as Error).message}`);
    }
  }
  for (const name of Object.keys(parts))
    if (!given.some(([each, source]) => each === name && source !== '')) wrong.push(`${file}: ${name} is missing`);
  return compiled;
}

function render(template: Template[], values: Readonly<Record<string, unknown>>): string {
  return words.renderSync(template, nest(values));
}

/** `{ 'order.id': 'x' }` as `{ order: { id: 'x' } }`, which is how templates look for it. */
function nest(values: Readonly<Record<string, unknown>>): object {
  const scope: Record<string, unknown> = {};
  for (const [path, value] of Object.entries(values)) {
    const [first, second] = path.split('.') as [string, string?];
    if (second === undefined) scope[first] = value;
    else scope[first] = { ...(scope[first] as object), [second]: value };
  }
  return scope;
}

/** Lines are for whoever writes the texts. Spaces that do not break, as in amounts, stay. */
function oneLine(text: string): string {
  return text.replace(/[\t-\r \u0085\u2028\u2029]+/g, ' ').trim();
}

/**
 * The language for a mail, and the locale for its dates and numbers: `de-AT` gets the words of `de`, and amounts as they are
 * written in Austria.
 * @param wanted BCP 47
 */
export function negotiate(
  wanted: string | undefined,
  { languages }: Pick<MailTexts, 'languages'>,
  byDefault = lastResort,
): { tag: string; locale: string; language: Language } {
  for (const locale of [wanted, byDefault]) {
    for (let tag = locale; tag; tag = tag.slice(0, Math.max(0, tag.lastIndexOf('-')))) {
      const language = languages.get(tag);
      if (language) return { tag, locale: locale!, language };
    }
  }
  return { tag: lastResort, locale: lastResort, language: languages.get(lastResort)! };
}
