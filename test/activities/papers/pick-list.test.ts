import { describe, expect, test } from '@jest/globals';
import { renderPickList } from '../../../activities/papers/pick-list.ts';
import { pickLine, pickList, readPaper } from '../../support/papers.ts';
import { wordsOf } from '../../support/pdf.ts';

describe.each(['a4', '4x6'] as const)('a pick list on %s', (paper) => {
  test('has its own barcode and one for each line, in the order of the walk, and scanners read them all', async () => {
    const codes = [
      '4006381333931',
      '012345678905',
      '96385074',
      '10614141000415',
      'own code/7',
      ']C1x',
      '^FNC1(01)~d001',
    ];
    const skus = ['A', 'TEE-BLACK-XL-ORGANIC', 'LONG-31-ABCDEFGHIJKLMNOPQRSTUVW', 'mug.blue_2'];
    const lines = [
      ...codes.map((barcode, index) => pickLine({ sku: `SKU-${index}`, barcode })),
      ...skus.map((sku) => pickLine({ sku })),
    ];
    const list = pickList(lines);
    const { barcodes } = await readPaper(await renderPickList(list, paper), paper);
    expect(barcodes.flat()).toEqual([list.id, ...codes, ...skus]);
  });

  test('of 200 lines has all of them, and each page its number, the id of the list and the names of the columns', async () => {
    const names = (index: number) => `Mug ${index}${index % 7 === 0 ? ' with a long name'.repeat(11) : ''}`;
    const lines = Array.from({ length: 200 }, (_, index) => pickLine({ sku: `SKU-${index}`, name: names(index) }));
    const list = pickList(lines);
    const pages = await wordsOf(await renderPickList(list, paper));
    const words = pages.map((page) => page.map(({ text }) => text));
    // Once beside its name, and once below its bars.
    for (const { sku } of lines) expect(words.flat().filter((text) => text === sku)).toHaveLength(2);
    for (const [index, page] of words.entries()) {
      expect(page).toContain(`${index + 1} / ${words.length}`);
      expect(page).toContain(list.id);
      // There may be no room for a line below the head of the list.
      if (index === 0) continue;
      expect(page.filter((text) => text === 'Bin')).toHaveLength(1);
      expect(page.filter((text) => text === 'A-01-2').length).toBeGreaterThan(0);
    }
  });

  test('says when and where, what is still to be picked, and which units go into which box', async () => {
    const shared = [1, 4].map((slot) => ({ slot, quantity: slot === 1 ? 2 : 1 }));
    const lines = [
      pickLine({ quantity: 3, slots: shared }),
      pickLine({
        sku: 'TEE',
        bin: 'Mezzanine north, shelf 17, below',
        quantity: 12,
        picked: 5,
        slots: [{ slot: 2, quantity: 12 }],
      }),
      pickLine({ sku: 'CAP', bin: '', quantity: 4, picked: 4 }),
    ];
    const dispatchBy = new Date('2026-07-01T15:30:00Z');
    const list = pickList(lines, { assignee: 'Grace', dispatchBy });
    const text = (await readPaper(await renderPickList(list, paper), paper)).words.flat();
    for (const words of ['Warehouse: Main', 'Picker: Grace', 'Made: 2026-03-01 13:00', 'Dispatch by 2026-07-01 17:30'])
      expect(text).toContain(words);
    expect(text).toContain('19 units in 3 lines, 2 shipments');
    expect(text).toEqual(
      expect.arrayContaining(['Box 1', list.shipments[0]!.orderId, list.shipments[0]!.id, '3 units']),
    );
    expect(text).toEqual(
      expect.arrayContaining(['3', '3: 2 into 1, 1 into 4', '7', 'of 12', '12 into 2', '0', 'of 4']),
    );
    expect(text).toContain('no bin');
  });

  test('of one shipment has no boxes', async () => {
    const { shipments } = pickList([]);
    const list = pickList([pickLine()], { kind: 'single', shipments: shipments.slice(0, 1) });
    const text = (await readPaper(await renderPickList(list, paper), paper)).words.flat().join('\n');
    expect(text).toContain(`Order: ${shipments[0]!.orderId}`);
    expect(text).toContain('1 unit in 1 line, 1 shipment');
    expect(text).not.toMatch(/Box|into/);
  });

  test('of goods for a hundred boxes names them all', async () => {
    const slots = Array.from({ length: 100 }, (_, index) => ({ slot: index + 1, quantity: 100 }));
    const list = pickList([pickLine({ name: 'Mug '.repeat(50), quantity: 10_000, slots })]);
    const { words, barcodes } = await readPaper(await renderPickList(list, paper), paper);
    const text = words.flat().join(' ');
    for (const { slot } of slots) expect(text).toContain(`100 into ${slot}`);
    expect(barcodes.flat()).toEqual([list.id, 'MUG-BLUE']);
  });

  test.each([
    'Κούπα μπλε',
    'Кружка синяя',
    '马克杯',
    'كوب',
    '😀',
    'x'.repeat(200),
    '马'.repeat(200),
    'Kupa\n\tniebieska',
  ])('with %s in it can be read', async (name) => {
    const bin = name.slice(0, 32);
    const list = pickList([pickLine({ name, bin }), pickLine({ barcode: name.slice(0, 64) })], {
      ...{ warehouse: name.slice(0, 100), assignee: name.slice(0, 100) },
    });
    const pdf = await renderPickList(list, paper);
    const { barcodes } = await readPaper(pdf, paper);
    // What a scanner cannot be sent, or does not fit, is no barcode, but the rest is read all the same.
    expect(barcodes.flat().slice(0, 2)).toEqual([list.id, 'MUG-BLUE']);
    expect((await renderPickList(list, paper)).equals(pdf)).toBe(true);
  });
});

test('a barcode of 64 characters is one on A4, and its text alone where only a narrower one would fit', async () => {
  const list = pickList([pickLine({ barcode: 'W'.repeat(64) }), pickLine({ barcode: '12'.repeat(31) })]);
  const [a4, label] = await Promise.all(
    (['a4', '4x6'] as const).map(async (paper) => readPaper(await renderPickList(list, paper), paper)),
  );
  expect(a4!.barcodes.flat()).toEqual([list.id, 'W'.repeat(64), '12'.repeat(31)]);
  expect(label!.barcodes.flat()).toEqual([list.id, '12'.repeat(31)]);
  expect(label!.words.flat().join('')).toContain('W'.repeat(64));
});
