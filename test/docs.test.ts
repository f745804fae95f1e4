import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
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
  const causes = [
    ...all(/\b(?:step|must)\(\s*'(\w+)'/g),
    ...all(/\bpayInTime\(\w+, \w+, '(\w+)'/g),
    ...all(/\bcause: '(\w+)'/g),
    ...all(/\bexpect\(\s*(?:order, shipment, )?'(\w+)'/g).map((event) => `overdue_${event}`),
    // The status of a parcel that will not arrive.
    'lost',
    'returned_to_sender',
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
