import { describe, expect, test } from '@jest/globals';
import { renderPackingSlip } from '../../../activities/papers/packing-slip.ts';
import { packingSlip, readPaper } from '../../support/papers.ts';

describe.each(['a4', '4x6'] as const)('a packing slip on %s', (paper) => {
  const read = async (changes: Parameters<typeof packingSlip>[0]) => {
    const { words, barcodes } = await readPaper(await renderPackingSlip(packingSlip(changes), paper), paper);
    return { pages: words, text: words.flat(), barcodes: barcodes.flat() };
  };

  test('says what is in the parcel and what comes separately, for whom, and of which order', async () => {
    const slip = packingSlip();
    const { text, barcodes } = await read({
      later: [{ sku: 'TEE', name: 'T-shirt', quantity: 2 }],
      seller: { name: 'Mugs & More', email: 'shop@example.com' },
      note: 'Happy birthday!',
    });
    expect(barcodes).toEqual([slip.parcelId]);
    for (const words of [
      'Parcel 1 of 2',
      'Ada Lovelace',
      'Mugs & More',
      'Happy birthday!',
      'Questions: shop@example.com',
    ])
      expect(text).toContain(words);
    expect(text).toContain(`Order: ${slip.orderId}`);
    expect(text).toContain('Ordered on: 2026-03-01');
    const [here, later] = [text.indexOf('In this parcel'), text.indexOf('Sent separately')];
    expect(text.slice(here, later)).toEqual(['In this parcel', 'Units', 'Mug, blue', 'MUG-BLUE', '3']);
    expect(text.slice(later + 2, later + 5)).toEqual(['T-shirt', 'TEE', '2']);
  });

  test('says nothing of other parcels where there are none', async () => {
    const { text } = await read({ parcels: 1 });
    expect(text).toContain('Parcel 1 of 1');
    expect(text).not.toContain('Sent separately');
  });

  test('of 100 lines has all of them, and the names of the columns on each page', async () => {
    const lines = Array.from({ length: 100 }, (_, index) => ({
      sku: `SKU-${index}`,
      name: 'Mug',
      quantity: index + 1,
    }));
    const { pages, text } = await read({ lines });
    expect(text.filter((words) => /^SKU-\d+$/.test(words))).toEqual(lines.map(({ sku }) => sku));
    for (const [index, page] of pages.entries()) {
      expect(page).toContain(`${index + 1} / ${pages.length}`);
      expect(page.filter((words) => words === 'In this parcel')).toHaveLength(1);
    }
  });

  test.each([
    ['de-AT', 'Lieferschein', 'Paket 1 von 2'],
    ['fr', 'Bon de livraison', 'Colis 1 sur 2'],
    ['es', 'Albarán', 'Paquete 1 de 2'],
    ['pl', 'Packing slip', 'Parcel 1 of 2'],
    ['constructor', 'Packing slip', 'Parcel 1 of 2'],
  ])('in %s is a %s', async (language, ...words) => {
    expect((await read({ language })).text).toEqual(expect.arrayContaining(words));
  });

  test.each(['Κούπα μπλε', 'Кружка синяя', '马克杯', '😀', 'x'.repeat(200)])(
    'with %s in it can be read',
    async (name) => {
      const address = {
        ...packingSlip().shipTo,
        name: name.slice(0, 100),
        line1: name.slice(0, 100),
        line2: name.slice(0, 100),
      };
      const changes = {
        shipTo: address,
        note: name.repeat(5),
        lines: [{ sku: 'W'.repeat(64), name, quantity: 10_000 }],
      };
      const { text, barcodes } = await read({ ...changes, seller: { name: name.slice(0, 100), email: name } });
      expect(barcodes).toEqual([packingSlip().parcelId]);
      expect(text.join('')).toContain('W'.repeat(64));
      const slip = packingSlip(changes);
      expect((await renderPackingSlip(slip, paper)).equals(await renderPackingSlip(slip, paper))).toBe(true);
    },
  );
});
