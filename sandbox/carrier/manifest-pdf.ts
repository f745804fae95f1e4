import type { Manifest } from './manifests.ts';
import { drawCode128, paper, write } from './paper.ts';
import type { Label } from './parcels.ts';

/** A4, in points. */
const size: [number, number] = [595, 842];
const margin = 42;
const inner = size[0] - 2 * margin;
const perPage = 40;
const columns = [0, 30, 150, 225, 450];

export async function printManifest({ id, at, from }: Manifest, labels: readonly Label[]): Promise<Buffer> {
  const text = [from.name, from.city, ...labels.map(({ request }) => request.reference)].join(' ');
  const grams = labels.reduce((sum, { request }) => sum + request.parcel.weightGrams, 0);
  return paper({ size, title: id, at, text }, (page) => {
    const row = (y: number, cells: string[], font?: string) =>
      cells.forEach((cell, at) => {
        write(page, cell, margin + columns[at]!, y, (columns[at + 1] ?? inner) - columns[at]! - 8, 9, font);
      });
    for (let first = 0; first < labels.length; first += perPage) {
      if (first > 0) page.addPage({ size, margin: 0 });
      const sheet = `page ${first / perPage + 1} of ${Math.ceil(labels.length / perPage)}`;
      write(page, 'Sandbox carrier: manifest', margin, 42, inner, 16, 'bold');
      write(
        page,
        `${from.name}, ${from.city}   ${at.slice(0, 16).replace('T', ' ')} UTC   ${sheet}`,
        margin,
        64,
        inner,
      );
      if (first === 0) drawCode128(page, id, { x: margin, y: 80, width: inner, height: 30 });
      row(124, ['', 'Tracking number', 'Service', 'Reference', 'Weight'], 'bold');
      labels.slice(first, first + perPage).forEach(({ trackingNumber, request }, at) => {
        const { service, reference, parcel } = request;
        const cells = [`${first + at + 1}`, trackingNumber, service, reference, `${parcel.weightGrams} g`];
        row(140 + 15 * at, cells);
      });
    }
    write(page, `${labels.length} parcels, ${grams} g`, margin, 752, inner, 10, 'bold');
    write(page, 'Taken over by: ______________________   Date: ____________', margin, 780, inner, 10);
  });
}
