/** Draws a document of a sale. The same document gives the same bytes, so it does not matter who draws it. */
import { createRequire } from 'node:module';
import { buffer } from 'node:stream/consumers';
import PDFDocument from 'pdfkit';
import type { Address } from '../models/address.ts';
import type { Invoice } from '../models/invoice.ts';
import type { InvoiceLine } from '../workflows/domain/invoices.ts';
import { formatMoney, formatPercent } from '../workflows/domain/money.ts';

type Page = PDFKit.PDFDocument;

const margin = 50;
/** A4, in points. */
const width = 595 - 2 * margin;
const bottom = 842 - 90;
const fontSize = 9;

export async function renderInvoice(invoice: Invoice): Promise<Buffer> {
  const { number, issuedAt, content } = invoice;
  const document = new PDFDocument({
    size: 'A4',
    margin,
    bufferPages: true,
    info: { Title: number, Author: content.seller.name, CreationDate: issuedAt },
  });
  registerFonts(document, JSON.stringify(content));
  drawHead(document, invoice);
  drawLines(document, invoice);
  drawRates(document, invoice);
  drawTotals(document, invoice);
  drawFeet(document, invoice);
  document.end();
  return buffer(document);
}

/** What the fonts that every reader of PDF has can draw: the languages of western Europe. */
const standard = /^[\x20-\x7e\xa0-\xff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]*$/;

/**
 * DejaVu has the letters of every language of the EU, Greek and Cyrillic among them. A document with it is ten times
 * larger and takes ten times longer, so it is for those that need it.
 */
function registerFonts(document: Page, text: string): void {
  const fonts = standard.test(text) ? ['Helvetica', 'Helvetica-Bold'] : dejaVu;
  document.registerFont('regular', fonts[0]!);
  document.registerFont('bold', fonts[1]!);
}

const require = createRequire(import.meta.url);
const dejaVu = [
  require.resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf'),
  require.resolve('dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf'),
];

function drawHead(document: Page, { kind, number, orderId, content }: Invoice): void {
  const { seller, buyer, issuedOn, suppliedOn, invoice } = content;
  document.font('bold').fontSize(18);
  document.text(kind === 'invoice' ? 'Invoice' : 'Credit note', margin, margin);
  document.moveDown(0.5);

  const top = document.y;
  const ids = seller.taxIds.map(({ name, value }) => `${name}: ${value}`);
  drawBlock(document, margin, top, seller.name, [...linesOf(seller.address, seller.name), ...ids, seller.email]);
  const left = document.y;
  drawBlock(document, margin + width / 2, top, number, [
    `Date of issue: ${issuedOn}`,
    ...(kind === 'invoice' ? [`Date of supply: ${suppliedOn}`] : []),
    ...(invoice ? [`For invoice ${invoice.number} of ${invoice.issuedOn}`] : []),
    `Order: ${orderId}`,
  ]);
  document.y = Math.max(left, document.y) + 15;
  const exempt =
    buyer.taxExempt && `Exempt from tax: ${[buyer.taxExempt.reason, buyer.taxExempt.taxId].join(' ').trim()}`;
  drawBlock(document, margin, document.y, buyer.name, [
    ...linesOf(buyer.address, buyer.name),
    ...(exempt ? [exempt] : []),
  ]);
  document.y += 20;
}

function drawBlock(document: Page, x: number, y: number, title: string, lines: readonly string[]): void {
  const options = { width: width / 2 - 10 };
  document.font('bold').fontSize(fontSize).text(title, x, y, options);
  document.font('regular').text(lines.join('\n'), options);
}

/** Without the name where it was said already. */
function linesOf({ name, line1, line2, postalCode, city, region, country }: Address, said: string): string[] {
  const lines = [name === said ? undefined : name, line1, line2, `${postalCode} ${city}`, region, country];
  return lines.filter((line) => line !== undefined);
}

function drawLines(document: Page, { currency, content }: Invoice): void {
  const columns = [185, 35, 80, 55, 70, 70];
  const head = ['Description', 'Units', 'Unit price, net', 'Tax', 'Net', 'Total'];
  const money = (amount: number) => formatMoney(amount, currency);
  drawRow(document, columns, head, 'bold');
  for (const line of content.lines) {
    const { name, sku, quantity, net, total } = line;
    const cells = [
      sku === undefined ? name : `${name}\n${sku}`,
      `${quantity}`,
      money(net / quantity),
      percentsOf(line),
      money(net),
      money(total),
    ];
    if (!fits(document, columns, cells)) {
      document.addPage();
      drawRow(document, columns, head, 'bold');
    }
    drawRow(document, columns, cells);
  }
  document.y += 15;
}

function percentsOf({ parts }: InvoiceLine): string {
  const percents = parts.flatMap(({ rates }) =>
    rates.length > 0 ? rates.map(({ ppm }) => formatPercent(ppm)) : ['0 %'],
  );
  return [...new Set(percents)].join(', ');
}

const sumColumns = [270, 75, 75, 75];

function drawRates(document: Page, { currency, content }: Invoice): void {
  const money = (amount: number) => formatMoney(amount, currency);
  drawRow(document, sumColumns, ['Tax', 'Rate', 'Net', 'Tax'], 'bold');
  for (const { name, ppm, net, tax } of content.rates)
    drawRow(document, sumColumns, [name, formatPercent(ppm), money(net), money(tax)]);
  document.y += 15;
}

function drawTotals(document: Page, { kind, currency, content }: Invoice): void {
  const { net, tax, gross, paid } = content;
  const row = (name: string, amount: number, font?: string) =>
    drawRow(document, [270, 125, 100], ['', name, formatMoney(amount, currency)], font);
  row('Net', net);
  row('Tax', tax);
  row(kind === 'invoice' ? 'Total' : 'Total credited', gross, 'bold');
  if (paid && paid.card > 0) row('Paid by card', paid.card);
  if (paid && paid.credit > 0) row('Paid with store credit', paid.credit);
}

/** Once it is known how many pages there are. */
function drawFeet(document: Page, { number, content }: Invoice): void {
  const { count } = document.bufferedPageRange();
  for (let page = 0; page < count; page += 1) {
    document.switchToPage(page);
    // What is written in the margin would start a new page otherwise.
    document.page.margins.bottom = 0;
    const options = { width, align: 'center' as const };
    document.font('regular').fontSize(7);
    document.text(content.seller.footer ?? '', margin, bottom + 15, { ...options, height: 40 });
    document.text(`${number}, page ${page + 1} of ${count}`, margin, bottom + 60, options);
  }
}

function drawRow(document: Page, columns: readonly number[], cells: readonly string[], font = 'regular'): void {
  document.font(font).fontSize(fontSize);
  if (!fits(document, columns, cells)) document.addPage();
  const { y } = document;
  const height = heightOf(document, columns, cells);
  let x = margin;
  for (const [index, cell] of cells.entries()) {
    const align = index === 0 ? 'left' : 'right';
    document.text(cell, x, y, { width: columns[index]! - gap, align });
    x += columns[index]!;
  }
  document.y = y + height + gap;
}

const gap = 5;

function fits(document: Page, columns: readonly number[], cells: readonly string[]): boolean {
  return document.y + heightOf(document, columns, cells) <= bottom;
}

function heightOf(document: Page, columns: readonly number[], cells: readonly string[]): number {
  return Math.max(...cells.map((cell, index) => document.heightOfString(cell, { width: columns[index]! - gap })));
}
