/** A pick list and a packing slip, and what every paper of a warehouse has to be like. */
import { expect } from '@jest/globals';
import type { PrintedPackingSlip } from '../../activities/papers/packing-slip.ts';
import type { PrintedPickList } from '../../activities/papers/pick-list.ts';
import { type PaperName, papers } from '../../activities/papers/sheet.ts';
import { type Box, inkOf, readBarcodes, renderPages, wordsOf } from './pdf.ts';

const ulid = '01JABCDEFGHJKMNPQRSTVWXYZ0';
const createdAt = new Date('2026-03-01T12:00:00Z');

type Line = PrintedPickList['lines'][number];

export function pickLine(changes: Partial<Line> = {}): Line {
  const units = { quantity: 1, picked: 0, slots: [{ slot: 1, quantity: 1 }] };
  return { bin: 'A-01-2', sku: 'MUG-BLUE', name: 'Mug, blue', ...units, ...changes };
}

export function pickList(lines: Line[], changes: Partial<PrintedPickList> = {}): PrintedPickList {
  const shipments = [1, 2].map((slot) => ({
    id: `shp_${ulid.slice(0, -1)}${slot}`,
    orderId: `ord_${ulid.slice(0, -1)}${slot}`,
    slot,
    units: 3,
  }));
  const about = { id: `pkl_${ulid}`, warehouse: 'Main', kind: 'batch' as const, createdAt, timeZone: 'Europe/Berlin' };
  return { ...about, shipments, lines, ...changes };
}

export function packingSlip(changes: Partial<PrintedPackingSlip> = {}): PrintedPackingSlip {
  const address = { line1: '12 Hudson Street', city: 'New York', region: 'NY', postalCode: '10013', country: 'US' };
  return {
    ...{ shipmentId: `shp_${ulid}`, parcelId: `pcl_${ulid}`, parcel: 1, parcels: 2, orderId: `ord_${ulid}` },
    ...{ orderedAt: createdAt, shipFrom: { name: 'Main', ...address }, shipTo: { name: 'Ada Lovelace', ...address } },
    lines: [{ sku: 'MUG-BLUE', name: 'Mug, blue', quantity: 3 }],
    later: [],
    ...changes,
  };
}

/** What scanners and people read on it. */
interface Read {
  /** Of each page, from the top down. */
  barcodes: string[][];
  /** Of each page, as it stands in the lines. */
  words: string[][];
}

/**
 * Reads a paper, and fails where it has something that no printer can print (out of the page, or in colours) or nobody can
 * read (over something else, or in the white that a barcode needs beside it).
 */
export async function readPaper(pdf: Buffer, paper: PaperName): Promise<Read> {
  const { width, height, dpi } = papers[paper];
  const toPoints = 72 / dpi;
  const pages = await renderPages(pdf, dpi);
  const words = await wordsOf(pdf);
  const barcodes = await Promise.all(pages.map(readBarcodes));
  for (const [index, page] of pages.entries()) {
    const { box, isGrey } = await inkOf(page);
    expect(isGrey).toBe(true);
    const printable = { left: edge, top: edge, right: width - edge, bottom: height - edge };
    expect(isWithin(scaled(box, toPoints), printable)).toBe(true);
    const bars = barcodes[index]!.map((read) => ({
      text: `bars of ${read.text}`,
      box: withQuietZones(scaled(read.box, toPoints)),
    }));
    expect(overlapsIn([...bars, ...words[index]!])).toEqual([]);
    for (const { format } of barcodes[index]!) expect(format).toBe('Code128');
  }
  return {
    barcodes: barcodes.map((page) => page.map(({ text }) => text)),
    words: words.map((page) => page.map(({ text }) => text)),
  };
}

const millimetre = 72 / 25.4;
/** What label printers leave white. */
const edge = 2.4 * millimetre;

function scaled({ left, top, right, bottom }: Box, by: number): Box {
  return { left: left * by, top: top * by, right: right * by, bottom: bottom * by };
}

/** Those of the narrowest bars: ten of 0.25 mm. A reader knows only roughly where bars begin and end in height. */
function withQuietZones({ left, top, right, bottom }: Box): Box {
  return { left: left - 2.5 * millimetre, top: top + 2, right: right + 2.5 * millimetre, bottom: bottom - 2 };
}

function isWithin(inner: Box, outer: Box): boolean {
  return (
    inner.left >= outer.left && inner.top >= outer.top && inner.right <= outer.right && inner.bottom <= outer.bottom
  );
}

function overlapsIn(things: { text: string; box: Box }[]): string[] {
  const touching = 0.5;
  return things.flatMap(({ text, box }, index) =>
    things
      .slice(index + 1)
      .filter((other) => {
        const wide = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
        const high = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
        return wide > touching && high > touching;
      })
      .map((other) => `${text} and ${other.text}`),
  );
}
