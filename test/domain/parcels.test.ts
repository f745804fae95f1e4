import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkParcels, type PickedLine } from '../../workflows/domain/parcels.ts';

const lines: PickedLine[] = [
  { lineId: 'line_1', sku: 'MUG', picked: 2, weightGrams: 400, sizeMm: { length: 120, width: 90, height: 100 } },
  { lineId: 'line_2', sku: 'LAMP', picked: 1, weightGrams: 1_000 },
  { lineId: 'line_3', sku: 'PEN', picked: 0, weightGrams: 20 },
];
const box = { weightGrams: 1_950, lengthMm: 300, widthMm: 200, heightMm: 150 };
const tolerance = { percent: 2, grams: 200 };
const codeOf = (...check: Parameters<typeof checkParcels>) => {
  const result = checkParcels(...check);
  return result.ok ? 'ok' : `${result.code}: ${result.message}`;
};

describe('what is in the parcels', () => {
  test('is everything where one parcel says nothing else', () => {
    expect(checkParcels(lines, [box], tolerance)).toMatchObject({
      ok: true,
      parcels: [
        {
          units: [
            { lineId: 'line_1', quantity: 2 },
            { lineId: 'line_2', quantity: 1 },
          ],
        },
      ],
    });
  });

  test('is every picked unit, once', () => {
    const packed = (...units: [string, number][]) => ({
      ...box,
      units: units.map(([lineId, quantity]) => ({ lineId, quantity })),
    });
    expect(codeOf(lines, [packed(['line_1', 1], ['line_2', 1]), packed(['line_1', 1])], undefined)).toBe('ok');
    expect(codeOf(lines, [packed(['line_1', 1], ['line_2', 1])], undefined)).toBe(
      'units_do_not_fit: 1 of MUG (line_1) are in the parcels, 2 were picked',
    );
    expect(codeOf(lines, [packed(['line_1', 3], ['line_2', 1])], undefined)).toMatch(/3 of MUG .* 2 were picked/);
    expect(codeOf(lines, [packed(['line_1', 2], ['line_2', 1], ['line_3', 1])], undefined)).toMatch(/0 were picked/);
    expect(codeOf(lines, [packed(['line_9', 2])], undefined)).toMatch(/no line line_9/);
  });
});

describe('a parcel', () => {
  test('that weighs what is not in it is stopped', () => {
    // 1,800 g of goods: 2 % less, or 2 % and 200 g of box more.
    expect(codeOf(lines, [{ ...box, weightGrams: 1_764 }], tolerance)).toBe('ok');
    expect(codeOf(lines, [{ ...box, weightGrams: 2_036 }], tolerance)).toBe('ok');
    expect(codeOf(lines, [{ ...box, weightGrams: 1_763 }], tolerance)).toMatch(/^wrong_weight: .*1764 to 2036 g/);
    expect(codeOf(lines, [{ ...box, weightGrams: 2_037 }], tolerance)).toMatch(/^wrong_weight/);
    expect(codeOf(lines, [{ ...box, weightGrams: 50 }], undefined)).toBe('ok');
    const unknown = lines.map((line) => ({ ...line, weightGrams: 0 }));
    expect(codeOf(unknown, [{ ...box, weightGrams: 50 }], tolerance)).toBe('ok');
  });

  test('that was measured in other units is stopped', () => {
    expect(codeOf(lines, [{ ...box, lengthMm: 30, widthMm: 20, heightMm: 15 }], undefined)).toBe(
      'impossible: The parcel of 30 x 20 x 15 mm cannot weigh 1950 g: lengths are in millimetres',
    );
    expect(codeOf(lines, [{ weightGrams: 1_950, lengthMm: 12, widthMm: 8, heightMm: 6 }], undefined)).toMatch(
      /^impossible/,
    );
  });

  test('that is smaller than what should be in it is stopped, however it is turned', () => {
    expect(codeOf(lines, [{ ...box, lengthMm: 90, widthMm: 120, heightMm: 100 }], undefined)).toBe('ok');
    expect(codeOf(lines, [{ ...box, lengthMm: 300, widthMm: 300, heightMm: 80 }], undefined)).toBe(
      'too_small: MUG does not fit into a box of 300 x 300 x 80 mm',
    );
  });
});

test('however the picked units are spread over parcels, it fits; with one more or less, it does not', () => {
  const spread = fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(spread, fc.constantFrom(-1, 1), (perParcel, error) => {
      const picked = perParcel.reduce((sum, units) => sum + units, 0);
      fc.pre(picked > 1);
      const line = { lineId: 'line_1', sku: 'MUG', picked, weightGrams: 400 };
      const parcels = perParcel.map((quantity) => ({
        ...box,
        units: quantity > 0 ? [{ lineId: 'line_1', quantity }] : [],
      }));
      expect(checkParcels([line], parcels, undefined).ok).toBe(true);
      expect(checkParcels([{ ...line, picked: picked + error }], parcels, undefined).ok).toBe(false);
    }),
  );
});
