/** Looks at PDFs as people and scanners do: their pages as pictures, the barcodes in them, and where their words stand. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createCanvas, loadImage } from '@napi-rs/canvas';
import { getDocument, type PDFDocumentProxy, type PDFPageProxy } from 'pdfjs-dist/legacy/build/pdf.mjs';
import { prepareZXingModule, readBarcodes as read } from 'zxing-wasm/reader';

/** In points, or in pixels, from the upper left. */
export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const require = createRequire(import.meta.url);
const pdfjs = dirname(require.resolve('pdfjs-dist/package.json'));

// Otherwise it would be fetched from a network.
const wasm = readFileSync(require.resolve('zxing-wasm/reader/zxing_reader.wasm'));
prepareZXingModule({ overrides: { wasmBinary: new Uint8Array(wasm).buffer } });

/** Each page as PNG. */
export async function renderPages(pdf: Buffer, dpi = 200): Promise<Buffer[]> {
  return onPages(pdf, async (page) => {
    const viewport = page.getViewport({ scale: dpi / 72 });
    const canvas = createCanvas(Math.round(viewport.width), Math.round(viewport.height));
    const canvasContext = canvas.getContext('2d');
    await page.render({ canvas: canvas as never, canvasContext: canvasContext as never, viewport }).promise;
    return canvas.toBuffer('image/png');
  });
}

/** The words of each page and their boxes from the tops of capitals to the ends of descenders, in points. */
export async function wordsOf(pdf: Buffer): Promise<{ text: string; box: Box }[][]> {
  return onPages(pdf, async (page) => {
    const { height } = page.getViewport({ scale: 1 });
    const { items } = await page.getTextContent();
    return items.flatMap((item) => {
      if (!('str' in item) || item.str.trim() === '') return [];
      const [, , , , left, baseline] = item.transform as number[];
      const line = height - baseline!;
      const box = {
        left: left!,
        top: line - 0.75 * item.height,
        right: left! + item.width,
        bottom: line + 0.2 * item.height,
      };
      return [{ text: item.str.replaceAll('\u00a0', ' '), box }];
    });
  });
}

/** What is printed on a page: the box around it, in pixels, and whether it is all shades of grey. */
export async function inkOf(png: Buffer): Promise<{ width: number; height: number; box: Box; isGrey: boolean }> {
  const image = await loadImage(png);
  const { width, height } = image;
  const context = createCanvas(width, height).getContext('2d');
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const box = { left: width, top: height, right: 0, bottom: 0 };
  let isGrey = true;
  for (let at = 0; at < data.length; at += 4) {
    const [red, green, blue] = [data[at]!, data[at + 1]!, data[at + 2]!];
    if (red !== green || green !== blue) isGrey = false;
    if (red + green + blue === 3 * 255) continue;
    const x = (at / 4) % width;
    const y = Math.floor(at / 4 / width);
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x + 1);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y + 1);
  }
  return { width, height, box, isGrey };
}

/**
 * Every barcode of bars in a picture, with its box in pixels, from the top down. Two of the same text, one below the other,
 * are taken for one.
 */
export async function readBarcodes(png: Buffer): Promise<{ format: string; text: string; box: Box }[]> {
  const found = await read(new Uint8Array(png), { formats: ['AllLinear'], maxNumberOfSymbols: 255 });
  const barcodes = found.map(({ format, text, position }) => {
    const corners = [position.topLeft, position.topRight, position.bottomRight, position.bottomLeft];
    const xs = corners.map(({ x }) => x);
    const ys = corners.map(({ y }) => y);
    const box = { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
    return { format, text, box };
  });
  return barcodes.sort((a, b) => a.box.top - b.box.top);
}

async function onPages<T>(pdf: Buffer, look: (page: PDFPageProxy) => Promise<T>): Promise<T[]> {
  const loading = getDocument({
    data: new Uint8Array(pdf),
    standardFontDataUrl: join(pdfjs, 'standard_fonts/'),
    useSystemFonts: false,
    verbosity: 0,
  });
  try {
    const document: PDFDocumentProxy = await loading.promise;
    const looked: T[] = [];
    for (let number = 1; number <= document.numPages; number += 1)
      looked.push(await look(await document.getPage(number)));
    return looked;
  } finally {
    await loading.destroy();
  }
}
