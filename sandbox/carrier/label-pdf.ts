import { drawCode128, type Page, paper, write } from './paper.ts';
import type { Label } from './parcels.ts';

/** 4 by 6 inches, in points. */
const width = 288;
const height = 432;
const margin = 14;
const inner = width - 2 * margin;

export async function printLabel(label: Label): Promise<Buffer> {
  const { trackingNumber, boughtAt, request } = label;
  const about = { size: [width, height] as [number, number], title: trackingNumber, at: boughtAt };
  return paper({ ...about, text: textOf(request) }, (page) => draw(page, label));
}

function draw(page: Page, { trackingNumber, status, request }: Label): void {
  const { from, to, service, purpose, parcel, reference, contents } = request;
  write(page, 'SANDBOX CARRIER', margin, 14, inner, 10, 'bold');
  write(page, service.toUpperCase(), margin, 28, inner, 22, 'bold');
  if (purpose === 'return') write(page, 'RETURN', width - 90, 32, 76, 16, 'bold');
  rule(page, 56);

  write(page, 'From', margin, 62, inner, 7);
  linesOf(from).forEach((line, at) => {
    write(page, line, margin, 72 + 10 * at, inner, 8);
  });
  rule(page, 136);
  write(page, 'To', margin, 142, inner, 7);
  linesOf(to).forEach((line, at) => {
    write(page, line, margin, 153 + 16 * at, inner, 13, at === 0 ? 'bold' : 'regular');
  });
  rule(page, 254);

  drawCode128(page, trackingNumber, { x: margin, y: 264, width: inner, height: 76 });
  page.font('bold').fontSize(13).text(trackingNumber, margin, 346, { width: inner, align: 'center' });
  rule(page, 368);
  const { weightGrams, lengthMm, widthMm, heightMm } = parcel;
  write(page, `Ref ${reference}`, margin, 374, inner, 8);
  write(page, `${weightGrams} g   ${lengthMm} x ${widthMm} x ${heightMm} mm`, margin, 386, inner, 8);
  if (from.country !== to.country) {
    const goods = contents.map(({ quantity, description }) => `${quantity} x ${description}`).join(', ');
    write(page, `Customs: ${goods || 'not declared'}`, margin, 398, inner, 8);
  }
  if (status === 'voided') drawVoid(page);
}

function drawVoid(page: Page): void {
  page.save().rotate(-45, { origin: [width / 2, height / 2] });
  page.font('bold').fontSize(90).fillOpacity(0.4);
  page.text('VOID', 0, height / 2 - 45, { width, align: 'center', lineBreak: false });
  page.restore();
}

function rule(page: Page, y: number): void {
  page
    .moveTo(margin, y)
    .lineTo(width - margin, y)
    .stroke();
}

type Request = Label['request'];

function linesOf({ name, line1, line2, postalCode, city, region, country }: Request['to']): string[] {
  return [name, line1, line2, `${postalCode} ${city}`, region, country].filter((line) => line !== undefined);
}

function textOf({ from, to, reference, contents }: Request): string {
  return [...linesOf(from), ...linesOf(to), reference, ...contents.map(({ description }) => description)].join(' ');
}
