/** Draws a document of a sale. The same document gives the same bytes, so it does not matter who draws it. */
import { buffer } from 'node:stream/consumers';
import type { Invoice } from '../models/invoice.ts';
import type { InvoiceLine } from '../workflows/domain/invoices.ts';
import { formatMoney, formatPercent } from '../workflows/domain/money.ts';
import { addressLines, type Block, place, placeTable, type Style, space, stack, tableRow } from './papers/blocks.ts';
import { onEachPage, papers, type Sheet, startSheets } from './papers/sheet.ts';

const margin = 50;
/** In points. */
const width = 595 - 2 * margin;
/** Of what is not the foot, with the space below the last row. */
const bottom = 842 - 90 + 5;
const fontSize = 9;

export async function renderInvoice(invoice: Invoice): Promise<Buffer> {
  const { number, issuedAt, content } = invoice;
  const document = startSheets({
    ...papers.a4,
    margin,
    title: number,
    author: content.seller.name,
    createdAt: issuedAt,
    text: JSON.stringify(content),
  });
  drawHead(document, invoice);
  drawLines(document, invoice);
  drawRates(document, invoice);
  drawTotals(document, invoice);
  drawFeet(document, invoice);
  document.end();
  return buffer(document);
}

function drawHead(document: Sheet, { kind, number, orderId, content }: Invoice): void {
  const { seller, buyer, issuedOn, suppliedOn, invoice } = content;
  document.font('bold').fontSize(18);
  document.text(kind === 'invoice' ? 'Invoice' : 'Credit note', margin, margin);
  document.moveDown(0.5);

  const top = document.y;
  const ids = seller.taxIds.map(({ name, value }) => `${name}: ${value}`);
  drawBlock(document, margin, top, seller.name, [...addressLines(seller.address, seller.name), ...ids, seller.email]);
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
    ...addressLines(buyer.address, buyer.name),
    ...(exempt ? [exempt] : []),
  ]);
  document.y += 20;
}

function drawBlock(document: Sheet, x: number, y: number, title: string, lines: readonly string[]): void {
  const options = { width: width / 2 - 10 };
  document.font('bold').fontSize(fontSize).text(title, x, y, options);
  document.font('regular').text(lines.join('\n'), options);
}

function drawLines(document: Sheet, { currency, content }: Invoice): void {
  const columns = [185, 35, 80, 55, 70, 70];
  const head = ['Description', 'Units', 'Unit price, net', 'Tax', 'Net', 'Total'];
  const money = (amount: number) => formatMoney(amount, currency);
  const rows = content.lines.map((line) => {
    const { name, sku, quantity, net, total } = line;
    const cells = [
      sku === undefined ? name : `${name}\n${sku}`,
      `${quantity}`,
      money(net / quantity),
      percentsOf(line),
      money(net),
      money(total),
    ];
    return row(document, columns, cells);
  });
  placeTable(document, bottom, row(document, columns, head, 'bold'), rows);
  document.y += 15;
}

function percentsOf({ parts }: InvoiceLine): string {
  const percents = parts.flatMap(({ rates }) =>
    rates.length > 0 ? rates.map(({ ppm }) => formatPercent(ppm)) : ['0 %'],
  );
  return [...new Set(percents)].join(', ');
}

const sumColumns = [270, 75, 75, 75];

function drawRates(document: Sheet, { currency, content }: Invoice): void {
  const money = (amount: number) => formatMoney(amount, currency);
  const head = row(document, sumColumns, ['Tax', 'Rate', 'Net', 'Tax'], 'bold');
  const rows = content.rates.map(({ name, ppm, net, tax }) =>
    row(document, sumColumns, [name, formatPercent(ppm), money(net), money(tax)]),
  );
  placeTable(document, bottom, head, rows);
  document.y += 15;
}

function drawTotals(document: Sheet, { kind, currency, content }: Invoice): void {
  const { net, tax, gross, paid } = content;
  const sum = (name: string, amount: number, font?: Style['font']) =>
    place(document, bottom, row(document, [270, 125, 100], ['', name, formatMoney(amount, currency)], font));
  sum('Net', net);
  sum('Tax', tax);
  sum(kind === 'invoice' ? 'Total' : 'Total credited', gross, 'bold');
  if (paid && paid.card > 0) sum('Paid by card', paid.card);
  if (paid && paid.credit > 0) sum(paid.byReturn ? 'Paid with returned goods' : 'Paid with store credit', paid.credit);
}

function drawFeet(document: Sheet, { number, content }: Invoice): void {
  onEachPage(document, (page, pages) => {
    const options = { width, align: 'center' as const };
    document.font('regular').fontSize(7);
    document.text(content.seller.footer ?? '', margin, 842 - 75, { ...options, height: 40 });
    document.text(`${number}, page ${page} of ${pages}`, margin, 842 - 30, options);
  });
}

function row(
  document: Sheet,
  columns: readonly number[],
  cells: readonly string[],
  font: Style['font'] = 'regular',
): Block {
  return stack(tableRow(document, columns, cells, { font, size: fontSize }), space(5));
}
