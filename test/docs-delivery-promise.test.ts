import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { WarehouseCalendar } from '../workflows/domain/calendar.ts';
import { priceOf } from './support/pricing.ts';

interface Example {
  heading: string;
  calendar?: Partial<WarehouseCalendar>;
  orderedAt: string;
  readyAt?: string;
  expect: object;
}

const doc = readFileSync(join(import.meta.dirname, '..', 'docs/delivery-promise.md'), 'utf8');
const worked = doc.slice(doc.indexOf('## Worked examples'));
const examples: Example[] = [...worked.matchAll(/^### (.+?)$.+?^```json$(.+?)^```$/gms)].map(([, heading, json]) => ({
  heading: heading!,
  ...JSON.parse(json!),
}));

test('docs/delivery-promise.md has its examples, each heading one', () => {
  expect(examples.length).toBeGreaterThan(5);
  expect(examples.map(({ heading }) => heading)).toEqual(
    [...worked.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading),
  );
});

test.each(examples)('$heading', ({ calendar, orderedAt, readyAt, expect: expected }) => {
  const { shipping, orderBy } = priceOf(
    { currency: 'EUR', items: [{ sku: 'MUG' }], at: orderedAt, readyAt },
    {
      products: [{ sku: 'MUG', prices: { EUR: 1490 } }],
      deliveryMethods: [{ id: 'post', zones: [{ prices: { EUR: [{ price: 490 }] } }] }],
      calendar: { timeZone: 'Europe/Berlin', cutOff: '14:00', ...calendar },
    },
  );
  const { dispatchBy, earliest, promisedBy } = shipping!;
  expect({ orderBy, dispatchBy, earliest, promisedBy }).toMatchObject(expected);
  expect(orderBy === undefined).toBe(readyAt !== undefined);
});
