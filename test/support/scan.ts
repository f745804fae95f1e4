/** Looks at a PDF as a scanner does: draws it, and reads the bar codes on it. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createCanvas } from '@napi-rs/canvas';
import { getDocument } from 'pdfjs-dist/legacy/build/pdf.mjs';
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader';

const require = createRequire(import.meta.url);
const wasm = readFileSync(require.resolve('zxing-wasm/reader/zxing_reader.wasm'));
prepareZXingModule({ overrides: { wasmBinary: wasm.buffer as ArrayBuffer } });

export interface Scanned {
  /** In points. */
  width: number;
  height: number;
  text: string;
  codes: { format: string; text: string }[];
}

/** Each page by itself. 203 dots an inch is what label printers have. */
export async function scan(pdf: Buffer, dotsPerInch = 203): Promise<Scanned[]> {
  const document = await getDocument({ data: new Uint8Array(pdf), verbosity: 0 }).promise;
  const pages: Scanned[] = [];
  for (let number = 1; number <= document.numPages; number += 1) {
    const page = await document.getPage(number);
    const { items } = await page.getTextContent();
    const text = items.map((item) => ('str' in item ? item.str : '')).join('\n');
    const viewport = page.getViewport({ scale: dotsPerInch / 72 });
    const canvas = createCanvas(Math.round(viewport.width), Math.round(viewport.height));
    await page.render({ canvas: canvas as never, canvasContext: canvas.getContext('2d') as never, viewport }).promise;
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const codes = await readBarcodes(pixels as never, { formats: ['Code128'] });
    const [, , width = 0, height = 0] = page.view;
    pages.push({ width, height, text, codes: codes.map(({ format, text }) => ({ format, text })) });
  }
  await document.destroy();
  return pages;
}
