/** The sheets that are drawn on: sizes, fonts, and what stands on each page. Lengths are points, 1/72 inch. */
import { createRequire } from 'node:module';
import PDFDocument from 'pdfkit';

export type Sheet = PDFKit.PDFDocument;

/** `dpi` is of the printers that such paper is in: bars are a whole number of their dots wide. */
export interface Paper {
  width: number;
  height: number;
  margin: number;
  dpi: number;
}

export const papers = {
  a4: { width: 595.28, height: 841.89, margin: 28, dpi: 300 },
  '4x6': { width: 288, height: 432, margin: 10, dpi: 203 },
} as const satisfies Record<string, Paper>;

export type PaperName = keyof typeof papers;

interface Start {
  width: number;
  height: number;
  margin: number;
  title: string;
  author: string;
  /** Stands in the file as its time. Not the current time: the same document has to give the same bytes. */
  createdAt: Date;
  /** Everything that will be written in names and addresses. */
  text: string;
  language?: string | undefined;
}

/** The fonts are `regular` and `bold`. */
export function startSheets({ width, height, margin, title, author, createdAt, text, language }: Start): Sheet {
  const sheet = new PDFDocument({
    size: [width, height],
    margin,
    bufferPages: true,
    info: { Title: title, Author: author, CreationDate: createdAt },
    ...(language !== undefined && { lang: language }),
  });
  const isPlain = standard.test(text);
  const [regular, bold] = isPlain ? ['Helvetica', 'Helvetica-Bold'] : dejaVu;
  sheet.registerFont('regular', regular!);
  sheet.registerFont('bold', bold!);
  if (!isPlain) for (const name of ['regular', 'bold']) mendMissing(sheet, name);
  return sheet;
}

/**
 * Letters that a font lacks are drawn as boxes. pdfkit 0.20 writes the width of that box into the document in the units of
 * the font, twice what it has measured, and what is written would run into what is beside it.
 */
function mendMissing(sheet: Sheet, name: string): void {
  const { _font: font } = sheet.font(name) as unknown as { _font: EmbeddedFont };
  font.widths[0] = font.font.getGlyph(0).advanceWidth * font.scale;
}

interface EmbeddedFont {
  widths: number[];
  scale: number;
  font: { getGlyph(id: number): { advanceWidth: number } };
}

/** What the fonts that every reader of PDF has can draw: the languages of western Europe. */
const standard = /^[\x20-\x7e\xa0-\xff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]*$/;

const require = createRequire(import.meta.url);

/**
 * DejaVu has the letters of every language of the EU, Greek and Cyrillic among them. A document with it is ten times
 * larger and takes ten times longer, so it is for those that need it.
 */
const dejaVu = [
  require.resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf'),
  require.resolve('dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf'),
];

/** Once everything else is drawn, and it is known how many pages there are. Pages count from 1. */
export function onEachPage(sheet: Sheet, draw: (page: number, pages: number) => void): void {
  const { count } = sheet.bufferedPageRange();
  for (let page = 1; page <= count; page += 1) {
    sheet.switchToPage(page - 1);
    // What is written in the margin would start a new page otherwise.
    sheet.page.margins.bottom = 0;
    draw(page, count);
  }
}
