/** What the carrier prints: PDFs with standard fonts where they have the letters, and bar codes of vectors. */
import { createRequire } from 'node:module';
import { buffer } from 'node:stream/consumers';
import bwipjs from 'bwip-js';
import PDFDocument from 'pdfkit';

export type Page = PDFKit.PDFDocument;

/** The same content of the same time gives the same bytes. `size` in points; `text`: all that will be written. */
export async function paper(
  { size, title, at, text }: { size: [number, number]; title: string; at: string; text: string },
  draw: (page: Page) => void,
): Promise<Buffer> {
  const info = { Title: title, CreationDate: new Date(at) };
  const document = new PDFDocument({ size, margin: 0, info });
  const [regular, bold] = western.test(text) ? ['Helvetica', 'Helvetica-Bold'] : dejaVu;
  document.registerFont('regular', regular!).registerFont('bold', bold!);
  draw(document);
  document.end();
  return buffer(document);
}

const western = /^[\x20-\x7e\xa0-\xff€]*$/;
const require = createRequire(import.meta.url);
const dejaVu = [
  require.resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf'),
  require.resolve('dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf'),
];

/** One line of text that is cut where it is too long. */
export function write(page: Page, text: string, x: number, y: number, width: number, size = 9, font = 'regular'): void {
  page
    .font(font)
    .fontSize(size)
    .text(text, x, y, { width, height: size * 1.3, lineBreak: false, ellipsis: true });
}

/** Code 128, in the middle of the width that is given, with ten modules free at both its ends. */
export function drawCode128(
  page: Page,
  text: string,
  area: { x: number; y: number; width: number; height: number },
): void {
  const [symbol] = bwipjs.raw({ bcid: 'code128', text }) as { sbs: number[] }[];
  const widths = symbol!.sbs;
  const modules = widths.reduce((sum, width) => sum + width, 0);
  const module = area.width / (modules + 20);
  let x = area.x + 10 * module;
  for (const [at, width] of widths.entries()) {
    if (at % 2 === 0) page.rect(x, area.y, width * module, area.height);
    x += width * module;
  }
  page.fill('black');
}
