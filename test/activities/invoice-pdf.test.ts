import { expect, test } from '@jest/globals';
import { renderInvoice } from '../../activities/invoice-pdf.ts';
import type { Invoice } from '../../models/invoice.ts';
import { invoiceOf } from '../../workflows/domain/invoices.ts';
import { seller, textOf } from '../support/invoices.ts';

function invoice(name: string, products: readonly string[]): Invoice {
  const taxes = [{ name: 'VAT', ppm: 190_000, base: 1000, amount: 190 }];
  const lines = products.map((product, index) => {
    const about = { lineId: `line_${index + 1}`, sku: `SKU-${index + 1}`, name: product, quantity: 1 };
    return { ...about, total: 1190, taxes, sold: 1 };
  });
  const content = invoiceOf({ currency: 'EUR', lines }, { card: 1190 * products.length, credit: 0 });
  const buyer = { name, address: { name, line1: 'Street 1', city: 'Town', postalCode: '1000', country: 'GR' } };
  return {
    ...{ _id: 'inv_1', kind: 'invoice', number: 'INV-2026-000001', year: 2026, seq: 1, key: 'invoice:ord_1' },
    ...{ orderId: 'ord_1', issuedAt: new Date('2026-03-01T12:00:00Z'), currency: 'EUR' },
    content: { ...content, seller, buyer, issuedOn: '2026-03-01', suppliedOn: '2026-03-01' },
  };
}

test('a long list goes on on further pages, each with its number, and nothing of it is lost', async () => {
  const names = Array.from(
    { length: 100 },
    (_, index) => `Mug ${index + 1}${index % 7 ? '' : ' of a long name'.repeat(12)}`,
  );
  const pdf = await renderInvoice(invoice('Ada', names));
  const text = textOf(pdf);
  expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
  for (let line = 1; line <= 100; line += 1) expect(text).toMatch(new RegExp(`^SKU-${line}$`, 'm'));
  const pages = text.match(/page \d+ of \d+/g)!;
  expect(pages.length).toBeGreaterThan(3);
  expect(pages).toEqual(pages.map((_, index) => `page ${index + 1} of ${pages.length}`));
  expect(text.match(/Description/g)).toHaveLength(pages.length);
  expect(text).toContain('1190.00 EUR');
});

test.each(['Łukasz Żółć', 'Ελένη', 'Борис', '山田太郎', 'مريم', '😀', 'x'.repeat(300)])(
  '%s can be drawn',
  async (name) => {
    const pdf = await renderInvoice(invoice(name, [name]));
    expect(pdf.toString('latin1')).toContain('(INV-2026-000001)');
    expect(pdf.toString('latin1').includes('DejaVu')).toBe(!/^\w+$/.test(name));
    expect((await renderInvoice(invoice(name, [name]))).equals(pdf)).toBe(true);
  },
);
