import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { creditNoteOf, type InvoiceContent, invoiceOf, type Sold } from '../../workflows/domain/invoices.ts';
import { type PricedProduct, price } from '../../workflows/domain/pricing.ts';
import type { TaxRate } from '../../workflows/domain/taxes.ts';

const paid = { card: 0, credit: 0 };
const to = { country: 'CA' };

/** Two rates upon each other, one alone, and goods that are not taxed. */
const rates: TaxRate[] = [
  { id: '1', name: 'GST', country: 'CA', taxClass: 'standard', ppm: 50_000, onShipping: true },
  { id: '2', name: 'PST', country: 'CA', taxClass: 'standard', ppm: 70_000, onShipping: true },
  { id: '3', name: 'GST', country: 'CA', taxClass: 'books', ppm: 50_000, onShipping: true },
];
const taxClasses = ['standard', 'books', 'food'];

/** An order as it is priced, of which any units were given back or lost. */
const anySold: fc.Arbitrary<Sold> = fc
  .record({
    currency: fc.constantFrom('EUR', 'JPY', 'KWD'),
    inclusive: fc.boolean(),
    rounding: fc.constantFrom('line' as const, 'total' as const),
    delivery: fc.integer({ min: 0, max: 3000 }),
    lines: fc.array(
      fc.record({
        taxClass: fc.constantFrom(...taxClasses),
        amount: fc.integer({ min: 0, max: 100_000 }),
        shares: fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.boolean()), { minLength: 1, maxLength: 4 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  })
  .map(({ currency, inclusive, rounding, delivery, lines }) => {
    const products = lines.map(({ taxClass, amount }, index): [string, PricedProduct] => {
      const sku = `SKU${index}`;
      return [sku, { sku, name: sku, weightGrams: 1, prices: { [currency]: amount }, taxClass }];
    });
    const zone = { countries: ['*'], prices: { [currency]: [{ price: delivery }] }, minDays: 1, maxDays: 2 };
    const items = lines.map(({ shares }, index) => ({
      sku: `SKU${index}`,
      quantity: shares.reduce((sum, [quantity]) => sum + quantity, 0),
    }));
    const priced = price(
      { currency, at: '2026-03-01T12:00:00Z', items, to },
      {
        products: new Map(products),
        promotions: [],
        taxes: { rates, inclusiveIn: inclusive ? [currency] : [], rounding },
        deliveryMethods: [{ id: 'post', name: 'Post', active: true, position: 1, zones: [zone] }],
        warehouses: [],
      },
    );
    const allocated = priced.lines.map((line, index) => ({
      ...line,
      sold: lines[index]!.shares.reduce((kept, [quantity, isKept]) => kept + (isKept ? quantity : 0), 0),
    }));
    return { currency, lines: allocated, shipping: priced.shipping };
  });

const anyCredits = fc.array(
  fc.record({
    part: fc.double({ min: 0, max: 1, noNaN: true }),
    lines: fc.array(
      fc.record({
        lineId: fc.constantFrom('line_1', 'line_2', 'line_3', 'line_9'),
        quantity: fc.integer({ min: 1, max: 9 }),
        amount: fc.integer({ min: 0, max: 50_000 }),
      }),
      { maxLength: 3 },
    ),
  }),
  { maxLength: 8 },
);

const sum = <T>(all: readonly T[], of: (each: T) => number) => all.reduce((total, each) => total + of(each), 0);

function expectToAddUp({ lines, rates: byRate, net, tax, gross }: InvoiceContent): void {
  expect(gross).toBe(sum(lines, ({ total }) => total));
  expect(net).toBe(sum(lines, (line) => line.net));
  expect(tax).toBe(sum(byRate, (rate) => rate.tax));
  expect(gross).toBe(net + tax);
  for (const line of lines) {
    const amounts = line.parts.flatMap((part) => [part.net, ...part.rates.map(({ amount }) => amount)]);
    expect(line.total).toBe(sum(amounts, Number));
    expect(Math.min(0, ...amounts)).toBe(0);
  }
}

describe('an invoice', () => {
  test('adds up exactly, whatever was given back, and nothing in it is negative', () => {
    fc.assert(
      fc.property(anySold, (sold) => {
        const invoice = invoiceOf(sold, paid);
        expectToAddUp(invoice);
        for (const line of invoice.lines.filter(({ lineId }) => lineId !== undefined)) {
          const { sold: units, quantity, total } = sold.lines.find(({ lineId }) => lineId === line.lineId)!;
          expect(line.quantity).toBe(units);
          if (units === quantity) expect(line.total).toBe(total);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('of everything is the price, rate for rate', () => {
    fc.assert(
      fc.property(anySold, ({ lines, ...sold }) => {
        const all = lines.map((line) => ({ ...line, sold: line.quantity }));
        const invoice = invoiceOf({ ...sold, lines: all }, paid);
        for (const { name, ppm, net, tax } of invoice.rates.filter((rate) => rate.ppm > 0)) {
          const levied = [...lines, sold.shipping!]
            .flatMap(({ taxes }) => taxes)
            .filter((each) => each.name === name && each.ppm === ppm);
          expect(tax).toBe(sum(levied, ({ amount }) => amount));
          expect(net).toBe(sum(levied, ({ base }) => base));
        }
      }),
      { numRuns: 500 },
    );
  });

  test('says what is not taxed as 0 %, and rates upon each other each with what it is levied on', () => {
    const gst = { name: 'GST', ppm: 50_000, base: 1000, amount: 50 };
    const pst = { name: 'PST', ppm: 70_000, base: 1000, amount: 70 };
    const line = { lineId: 'line_1', sku: 'MUG', name: 'Mug', quantity: 1, total: 1120, taxes: [gst, pst] };
    const food = { lineId: 'line_2', sku: 'BREAD', name: 'Bread', quantity: 1, total: 300, taxes: [] };
    const shipping = {
      name: 'Post',
      net: 500,
      taxes: [
        { ...gst, base: 400, amount: 20 },
        { ...pst, base: 300, amount: 21 },
      ],
    };
    const lines = [line, food].map((each) => ({ ...each, sold: 1 }));
    expect(invoiceOf({ currency: 'CAD', lines, shipping }, { card: 1000, credit: 961 })).toMatchObject({
      rates: [
        { name: 'PST', ppm: 70_000, net: 1300, tax: 91 },
        { name: 'GST', ppm: 50_000, net: 1400, tax: 70 },
        { name: 'No tax', ppm: 0, net: 400, tax: 0 },
      ],
      net: 1800,
      tax: 161,
      gross: 1961,
      paid: { card: 1000, credit: 961 },
    });
  });

  test('of nothing has no delivery either', () => {
    const lines = [{ lineId: 'line_1', sku: 'MUG', name: 'Mug', quantity: 1, total: 100, taxes: [], sold: 0 }];
    const shipping = { name: 'Post', net: 500, taxes: [] };
    expect(invoiceOf({ currency: 'EUR', lines, shipping }, paid)).toMatchObject({ lines: [], gross: 0 });
  });
});

describe('credit notes', () => {
  test('of any amounts and lines end exactly at the invoice, rate for rate, and never below zero', () => {
    fc.assert(
      fc.property(anySold, anyCredits, (sold, credits) => {
        const invoice = invoiceOf(sold, paid);
        const notes: InvoiceContent[] = [];
        const left = () => invoice.gross - sum(notes, ({ gross }) => gross);
        for (const { part, lines } of credits) {
          const amount = Math.round(left() * part);
          const note = creditNoteOf(invoice, notes, amount, lines);
          expectToAddUp(note);
          expect(note.gross).toBe(amount);
          notes.push(note);
        }
        notes.push(creditNoteOf(invoice, notes, Number.MAX_SAFE_INTEGER));
        expect(left()).toBe(0);
        for (const { name, ppm, net, tax } of invoice.rates) {
          const credited = notes.flatMap((note) => note.rates.filter((rate) => rate.name === name && rate.ppm === ppm));
          expect(sum(credited, (rate) => rate.net)).toBe(net);
          expect(sum(credited, (rate) => rate.tax)).toBe(tax);
        }
        expect(creditNoteOf(invoice, notes, 1)).toMatchObject({ lines: [], rates: [], gross: 0 });
      }),
      { numRuns: 500 },
    );
  });

  const vat = (ppm: number, base: number, amount: number) => [{ name: 'VAT', ppm, base, amount }];
  const invoice = invoiceOf(
    {
      currency: 'EUR',
      lines: [
        {
          ...{ lineId: 'line_1', sku: 'MUG', name: 'Mug', quantity: 2, total: 2380 },
          ...{ taxes: vat(190_000, 2000, 380), sold: 2 },
        },
        {
          ...{ lineId: 'line_2', sku: 'BOOK', name: 'Book', quantity: 1, total: 1070 },
          ...{ taxes: vat(70_000, 1000, 70), sold: 1 },
        },
      ],
    },
    paid,
  );

  test('of a line are at the rate of the line, and what goes beyond it is at the others', () => {
    const back = [{ lineId: 'line_2', quantity: 1, amount: 1070 }];
    expect(creditNoteOf(invoice, [], 1070, back)).toMatchObject({
      lines: [{ lineId: 'line_2', name: 'Book', quantity: 1, net: 1000, tax: 70, total: 1070 }],
      rates: [{ ppm: 70_000, net: 1000, tax: 70 }],
    });
    expect(creditNoteOf(invoice, [], 2260, back)).toMatchObject({
      lines: [
        { lineId: 'line_2', total: 1070 },
        { name: 'Refund', net: 1000, tax: 190, total: 1190 },
      ],
    });
    const half = creditNoteOf(invoice, [], 1725);
    expect(half.rates).toMatchObject([
      { ppm: 190_000, net: 1000, tax: 190 },
      { ppm: 70_000, net: 500, tax: 35 },
    ]);
    // Only 535 of the book are left, the other half of what it cost is the mugs'.
    expect(creditNoteOf(invoice, [half], 1070, back).rates).toMatchObject([
      { ppm: 190_000, net: 450, tax: 85 },
      { ppm: 70_000, net: 500, tax: 35 },
    ]);
  });
});
