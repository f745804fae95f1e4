import { buffer } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { barcode } from '../../../activities/papers/barcode.ts';
import { place } from '../../../activities/papers/blocks.ts';
import { papers, startSheets } from '../../../activities/papers/sheet.ts';
import { readBarcodes, renderPages, wordsOf } from '../../support/pdf.ts';

const visible = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 64,
});

/** Across the whole paper, one a page. */
async function print(texts: string[], paper: 'a4' | '4x6'): Promise<Buffer> {
  const { width, dpi } = papers[paper];
  const height = 60;
  const about = { title: 'Barcodes', author: 'Waybill', createdAt: new Date(0), text: '' };
  const sheet = startSheets({ width, height, margin: 0, ...about });
  for (const [index, text] of texts.entries()) {
    if (index > 0) sheet.addPage();
    place(sheet, height, barcode(sheet, text, width, { height: 30, size: 9, dpi }));
  }
  sheet.end();
  return buffer(sheet);
}

test('any text of visible ASCII up to 64 characters is read back from A4', async () => {
  const texts = fc.sample(visible, 60);
  const pages = await renderPages(await print(texts, 'a4'), 203);
  const read = await Promise.all(pages.map(readBarcodes));
  expect(read.map((found) => found.map(({ text }) => text))).toEqual(texts.map((text) => [text]));
});

test.each(['a4', '4x6'] as const)('on %s bars are 0.25 to 0.5 mm wide, or there are none', async (paper) => {
  const lengths = [1, 2, 5, 10, 15, 20, 25, 30, 31, 32, 40, 64];
  const pdf = await print(
    lengths.map((length) => 'x'.repeat(length)),
    paper,
  );
  const pages = await renderPages(pdf, 600);
  for (const [index, page] of pages.entries()) {
    const length = lengths[index]!;
    const [found] = await readBarcodes(page);
    expect(found !== undefined).toBe(paper === 'a4' || length <= 31);
    if (!found) continue;
    // Start, check and stop, and 11 modules a letter.
    const module = (((found.box.right - found.box.left) / 600) * 25.4) / (35 + 11 * length);
    expect(module).toBeGreaterThan(0.249);
    expect(module).toBeLessThan(0.505);
  }
  const words = (await wordsOf(pdf)).map((page) => page.map(({ text }) => text).join(''));
  expect(words).toEqual(lengths.map((length) => 'x'.repeat(length)));
});

test.each(['Käse', 'Кружка', '马克杯', 'a\nb', '😀'])('%j is its text alone', async (text) => {
  const pdf = await print([text], 'a4');
  const [page] = await renderPages(pdf, 203);
  expect(await readBarcodes(page!)).toEqual([]);
});
