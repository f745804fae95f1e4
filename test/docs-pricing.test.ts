import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { payWith } from '../workflows/domain/credit.ts';
import { priceOf, type ShortBook, type ShortCart } from './support/pricing.ts';

interface Example {
  heading: string;
  cart: ShortCart;
  book: ShortBook;
  expect: object;
}

const doc = readFileSync(join(import.meta.dirname, '..', 'docs/pricing.md'), 'utf8');
const examples = [...doc.matchAll(/^### (.+?)$.+?^```json$(.+?)^```$/gms)].map(([, heading, json]) => ({
  heading: heading!,
  ...JSON.parse(json!),
}));
const priced: Example[] = examples.filter((example) => 'cart' in example);
const paid = examples.filter((example) => 'payWith' in example);

test('docs/pricing.md has its examples, each heading one', () => {
  expect(priced.length).toBeGreaterThanOrEqual(15);
  expect(examples.map(({ heading }) => heading)).toEqual(
    [...doc.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading),
  );
});

test.each(paid)('$heading', ({ payWith: { total, balance, currency }, expect: expected }) => {
  expect(payWith(total, balance, currency)).toEqual(expected);
});

test.each(priced)('$heading', ({ cart, book, expect: expected }) => {
  expect(priceOf(cart, book)).toMatchObject(expected);
});
