/** Code 128 as bars that stay sharp at any size. Lengths are points. */
import bwipjs from 'bwip-js';
import { type Block, beside, paragraph, space, stack } from './blocks.ts';
import type { Sheet } from './sheet.ts';

const millimetre = 72 / 25.4;

/** Of one module, the narrowest bar. Hand scanners read 0.25 mm well; wider than 0.5 mm only needs more room. */
const module = { least: 0.25 * millimetre, most: 0.5 * millimetre };

/** That much has to be white on either side, in modules: ISO/IEC 15417. */
const quietZone = 10;

interface Bars {
  /** Of the bars alone. */
  height: number;
  /** Of the letters below. */
  size: number;
  /** Of the printer: a module is a whole number of its dots wide, or the bars come out unequal. */
  dpi: number;
}

/** The least width that the bars and their quiet zones need; undefined: Code 128 has no such letters. */
export function leastWidth(text: string, dpi: number): number | undefined {
  const widths = widthsOf(text);
  return widths && modulesOf(widths) * leastDots(dpi) * (72 / dpi);
}

/**
 * Bars in the middle of the width, as wide as fits, and the text below. Where no scanner could read the bars that fit, or
 * the text has other letters than ASCII, it is the text alone.
 */
export function barcode(sheet: Sheet, text: string, width: number, { height, size, dpi }: Bars): Block {
  const inset = quietZone * module.least;
  const words = (font: 'regular' | 'bold') =>
    beside([inset, paragraph(sheet, text, width - 2 * inset, { font, size, align: 'center' })]);
  const widths = widthsOf(text);
  const dot = 72 / dpi;
  const dots = widths && Math.floor(Math.min(module.most, width / modulesOf(widths)) / dot + tolerance);
  if (!widths || dots === undefined || dots < leastDots(dpi)) return words('bold');
  const drawn = modulesOf(widths) * dots * dot;
  const bars = {
    height,
    draw: (x: number, y: number) => {
      // Begins where a dot of the printer begins.
      const left = Math.round((x + (width - drawn) / 2) / dot) * dot + quietZone * dots * dot;
      drawBars(sheet, widths, left, y, dots * dot, height);
    },
  };
  return stack(bars, space(2), words('regular'));
}

/** Widths are rounded: 2 dots at 203 dpi are 0.2502 mm, 3 at 300 dpi 0.254. */
const tolerance = 1e-6;

function leastDots(dpi: number): number {
  return Math.ceil(module.least / (72 / dpi) - tolerance);
}

/** Of a bar, the space after it, the next bar and so on, in modules. */
function widthsOf(text: string): number[] | undefined {
  if (!/^[\x20-\x7e]+$/.test(text)) return undefined;
  const [symbol] = bwipjs.raw({ bcid: 'code128', text });
  if (!symbol || !('sbs' in symbol)) throw new Error(`bwip-js has drawn ${text} as something else than bars`);
  return symbol.sbs;
}

function modulesOf(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 2 * quietZone);
}

function drawBars(sheet: Sheet, widths: readonly number[], x: number, y: number, unit: number, height: number): void {
  let left = x;
  for (const [index, width] of widths.entries()) {
    if (index % 2 === 0) sheet.rect(left, y, width * unit, height);
    left += width * unit;
  }
  sheet.fill('black');
}
