import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { binRanks, compareBins, walkingOrder } from '../../workflows/domain/walking.ts';

/** Near enough to each other that they are often equal but for case, zeros and separators. */
const anyBin = fc.option(
  fc.oneof(
    fc.string({ unit: fc.constantFrom('a', 'A', 'b', '0', '1', '2', '-', '.', ' ', 'ß', 'é'), maxLength: 6 }),
    fc.string({ unit: 'binary', maxLength: 6 }),
    fc
      .tuple(fc.constantFrom('A', 'B', 'c', 'AA'), fc.nat(12), fc.nat(3))
      .map(([aisle, bay, level]) => `${aisle}-${bay}-${level}`),
  ),
  { nil: undefined },
);

describe('compareBins', () => {
  test.each([
    [
      ['A-10', 'A-2', 'A-1'],
      ['A-1', 'A-2', 'A-10'],
    ],
    [
      ['B-1', 'AA-1', 'a-2', 'A-1'],
      ['A-1', 'a-2', 'AA-1', 'B-1'],
    ],
    [
      ['A-1-2', 'A-1-10', 'A-1'],
      ['A-1', 'A-1-2', 'A-1-10'],
    ],
    [
      ['A-02', 'A-2', 'A-1'],
      ['A-1', 'A-02', 'A-2'],
    ],
    [
      ['A10', 'A9', '12', '2'],
      ['2', '12', 'A9', 'A10'],
    ],
    [
      ['90071992547409931', '90071992547409930'],
      ['90071992547409930', '90071992547409931'],
    ],
    [
      [undefined, 'Z-99', '', 'A-1'],
      ['A-1', 'Z-99', undefined, ''],
    ],
  ])('%j are sorted %j', (bins, sorted) => {
    // Array.sort puts undefined last by itself, so it has to be wrapped.
    const wrapped = bins.map((bin) => ({ bin })).sort((a, b) => compareBins(a.bin, b.bin));
    expect(wrapped.map(({ bin }) => bin)).toEqual(sorted);
  });

  test('is a total order', () => {
    fc.assert(
      fc.property(anyBin, anyBin, anyBin, (a, b, c) => {
        expect(compareBins(a, a)).toBe(0);
        expect(Math.sign(compareBins(a, b))).toBe(-Math.sign(compareBins(b, a)) + 0);
        if (compareBins(a, b) === 0) expect(a ?? '').toBe(b ?? '');
        if (compareBins(a, b) <= 0 && compareBins(b, c) <= 0) expect(compareBins(a, c)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 5_000 },
    );
  });
});

test('ranks of bins order them as compareBins does', () => {
  fc.assert(
    fc.property(
      fc.array(
        anyBin.map((bin) => bin ?? ''),
        { maxLength: 20 },
      ),
      (bins) => {
        const ranks = binRanks(bins);
        for (const a of bins)
          for (const b of bins) expect(Math.sign(ranks.get(a)! - ranks.get(b)!)).toBe(Math.sign(compareBins(a, b)));
      },
    ),
  );
});

describe('walkingOrder', () => {
  const walk = (bins: (string | undefined)[]) => walkingOrder(bins, (bin) => bin);

  test('goes up one aisle and down the next, the levels of each bay upwards', () => {
    const bins = ['B-1-1', 'A-1-1', 'C-1-1', 'A-3-1', 'C-10-1', 'B-2-2', 'A-2-1', 'B-2-1', 'B-10-1', 'C-2-1'];
    expect(walk(bins)).toEqual(
      ['A-1-1', 'A-2-1', 'A-3-1', 'B-10-1', 'B-2-1', 'B-2-2', 'B-1-1', 'C-1-1', 'C-2-1', 'C-10-1'], //
    );
  });

  test('an aisle where nothing is fetched does not turn the walk', () => {
    expect(walk(['A-1-1', 'A-2-1', 'C-1-1', 'C-2-1'])).toEqual(['A-1-1', 'A-2-1', 'C-2-1', 'C-1-1']);
  });

  test('aisles of other names are walked in their order, and do not turn the walk', () => {
    const bins = ['A-1-1', 'B-1-1', 'B-2-1', 'SHELF', 'AB-2', 'AB-10', undefined, 'FLOOR 2'];
    expect(walk(bins)).toEqual(['A-1-1', 'AB-2', 'AB-10', 'B-2-1', 'B-1-1', 'FLOOR 2', 'SHELF', undefined]);
  });

  test('an aisle that is written in two ways is one', () => {
    expect(walk(['01-1-1', '2-1-1', '1-2-1', '02-2-1'])).toEqual(['01-1-1', '1-2-1', '02-2-1', '2-1-1']);
  });

  test('no line is lost or doubled, those of one bin stay in their order, and each aisle and bay is gone to once', () => {
    const lines = fc.array(anyBin, { maxLength: 30 }).map((bins) => bins.map((bin, index) => ({ bin, index })));
    fc.assert(
      fc.property(lines, (given) => {
        const walked = walkingOrder(given, ({ bin }) => bin);
        expect(walked.map(({ index }) => index).sort((a, b) => a - b)).toEqual(given.map(({ index }) => index));
        for (const bin of new Set(given.map((line) => line.bin))) {
          const inBin = walked.filter((line) => line.bin === bin).map(({ index }) => index);
          expect(inBin).toEqual([...inBin].sort((a, b) => a - b));
        }
      }),
      { numRuns: 1_000 },
    );
    const shaped = fc.tuple(fc.constantFrom('A', 'B', 'C'), fc.integer({ min: 1, max: 12 }), fc.nat(2));
    fc.assert(
      fc.property(fc.array(shaped, { maxLength: 30 }), (given) => {
        const walked = walkingOrder(given, ([aisle, bay, level]) => `${aisle}-${bay}-${level}`);
        const bays = walked
          .map(([aisle, bay]) => `${aisle}-${bay}`)
          .filter((bay, index, all) => bay !== all[index - 1]);
        expect(bays).toHaveLength(new Set(bays).size);
        const aisles = walked.map(([aisle]) => aisle).filter((aisle, index, all) => aisle !== all[index - 1]);
        expect(aisles).toEqual([...new Set(aisles)].sort());
      }),
      { numRuns: 1_000 },
    );
  });

  test('what it was given stays as it is', () => {
    const bins = ['B', 'A'];
    walk(bins);
    expect(bins).toEqual(['B', 'A']);
  });
});
