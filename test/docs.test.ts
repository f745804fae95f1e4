import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { mailVariables, shownIn } from '../activities/mail-texts.ts';
import { deliveredEvents } from '../activities/providers/stripe-events.ts';
import { inboxOutcomes } from '../models/inbox.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

test('every cause of an incident is in docs/incidents.md, and nothing else is', () => {
  const source = readdirSync(join(root, 'workflows'))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => read(join('workflows', file)))
    .join('\n');
  const all = (pattern: RegExp) => [...source.matchAll(pattern)].map(([, name]) => name!);
  const [whyAsked] = /^const whyAsked = \{$[^}]*/m.exec(source)!;
  const causes = [
    ...all(/\b(?:step|must)\(\s*'(\w+)'/g),
    ...all(/\bpayInTime\(\w+, \w+, '(\w+)'/g),
    ...all(/\bcause: '(\w+)'/g),
    ...all(/\bexpect\(\s*(?:order, shipment, )?'(\w+)'/g).map((event) => `overdue_${event}`),
    // What is wrong with a parcel on its way.
    ...[...whyAsked.matchAll(/^ {2}(\w+):/gm)].map(([, cause]) => cause!),
  ];
  const documented = [...read('docs/incidents.md').matchAll(/^\| (`.*?`) +\|/gm)].flatMap(([, cell]) =>
    cell!.split(', ').map((name) => name.replaceAll('`', '')),
  );
  expect(new Set(documented)).toEqual(new Set(causes));
});

test('docs/webhooks.md has the events that are delivered, and every outcome', () => {
  const page = read('docs/webhooks.md');
  expect([...page.matchAll(/^- `(.*)`$/gm)].map(([, type]) => type)).toEqual(deliveredEvents);
  const table = page.slice(page.indexOf('| outcome'), page.indexOf('## What is refused'));
  const cells = [...table.matchAll(/^\| (`.*?`) +\|/gm)].flatMap(([, cell]) => cell!.replaceAll('`', '').split(', '));
  expect(new Set(cells)).toEqual(new Set(inboxOutcomes));
});

test('docs/warehouse.md has every refusal of a scan or a parcel, and every outcome of a hand-over', () => {
  const rows = [...read('docs/warehouse.md').matchAll(/^\| (?:40\d `[\w-]+`, )?`(\w+)` +\|/gm)].map(
    ([, name]) => name!,
  );
  const union = (path: string, type: string) => {
    const [body] = new RegExp(`type ${type} =[^;]*`).exec(read(path))!;
    return [...body.matchAll(/'(\w+)'/g)].map(([, name]) => name!);
  };
  const names = [
    ...union('workflows/domain/picking.ts', 'PickRefusal'),
    ...union('workflows/domain/parcels.ts', 'ParcelRefusal'),
    ...union('models/hand-over.ts', 'HandOverOutcome'),
  ];
  expect(names.length).toBeGreaterThan(15);
  expect(rows).toEqual(expect.arrayContaining(names));
});

test('docs/mails.md has every mail with what stands below its words, and every variable', () => {
  const page = read('docs/mails.md');
  const rows = [...page.matchAll(/^\| `([\w.]+)` .*\| ([^|]*?) *\|$/gm)].map(
    ([, name, last]) => [name!, last!] as const,
  );
  const shown = { prices: 'prices', parcels: 'parcels', 'arrived parcels': 'parcels', nothing: '' };
  const mails = Object.entries(shownIn).map(([name, what]) => [name, shown[what]]);
  expect(new Map(rows.filter(([name]) => Object.hasOwn(shownIn, name)))).toEqual(new Map(mails as [string, string][]));
  const of = page.slice(page.indexOf('| variable'), page.indexOf('What is not known'));
  expect([...of.matchAll(/^\| `([\w.]+)`/gm)].map(([, name]) => name).sort()).toEqual([...mailVariables].sort());
});
