import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type Allocation,
  allocate,
  type Demand,
  nearest,
  reserveOrWait,
  type Supply,
} from '../../workflows/domain/allocation.ts';

const skus = ['MUG', 'TEE', 'CAP'];
const here = { country: 'DE', region: 'BE' };

function supply(warehouseId: string, offered: Record<string, number>, rest: Partial<Supply> = {}): Supply {
  return { warehouseId, country: 'DE', region: 'BE', priority: 1, offered, ...rest };
}

function order(...quantities: [sku: string, quantity: number][]): Demand[] {
  return quantities.map(([sku, quantity], index) => ({ lineId: `line_${index + 1}`, sku, quantity }));
}

function allocated(demand: readonly Demand[], supplies: readonly Supply[]): Allocation[] {
  const result = allocate(demand, supplies, here);
  if (!result.ok) throw new Error(`Not allocated: ${JSON.stringify(result.shortages)}`);
  return result.allocations;
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

test('a SKU that is called like what every object has is there where it was received', () => {
  for (const sku of ['constructor', 'toString', 'valueOf']) {
    const demand = [{ lineId: 'line_1', sku, quantity: 2, backorder: { limit: 5, leadDays: 1 } }];
    const supplies = [supply('berlin', {}), supply('bonn', { [sku]: 1 })];
    expect(allocate(demand, supplies, here)).toEqual({ ok: false, shortages: [{ sku, requested: 2, available: 1 }] });
    expect(reserveOrWait(demand, supplies, here, {})).toEqual({
      ok: true,
      allocations: [{ lineId: 'line_1', sku, warehouseId: 'bonn', quantity: 1 }],
      waiting: [{ lineId: 'line_1', sku, quantity: 1 }],
    });
  }
});

const anyDemand = fc
  .array(fc.tuple(fc.constantFrom(...skus), fc.integer({ min: 1, max: 6 })), { minLength: 1, maxLength: 5 })
  .map((lines) => order(...lines));

const anySupplies = fc.uniqueArray(
  fc.record({
    warehouseId: fc.constantFrom('berlin', 'hamburg', 'paris', 'lyon', 'oslo'),
    country: fc.constantFrom('DE', 'FR'),
    region: fc.constantFrom('BE', 'HH', undefined),
    priority: fc.integer({ min: 1, max: 2 }),
    offered: fc.dictionary(fc.constantFrom(...skus), fc.integer({ min: 0, max: 8 })),
  }),
  { selector: ({ warehouseId }) => warehouseId, maxLength: 5 },
);

describe('allocate, whatever is asked and offered', () => {
  test('allocates exactly what each line asks and never more than is offered, or names exactly what is short', () => {
    fc.assert(
      fc.property(anyDemand, anySupplies, (demand, supplies) => {
        const result = allocate(demand, supplies, here);
        const short = skus
          .map((sku) => ({
            sku,
            requested: sum(demand, (line) => (line.sku === sku ? line.quantity : 0)),
            available: sum(supplies, ({ offered }) => offered[sku] ?? 0),
          }))
          .filter(({ requested, available }) => requested > available);
        if (!result.ok) {
          expect(result.shortages).toHaveLength(short.length);
          expect(result.shortages).toEqual(expect.arrayContaining(short));
          return;
        }
        expect(short).toEqual([]);
        for (const line of demand) {
          const ofLine = result.allocations.filter(({ lineId }) => lineId === line.lineId);
          expect(ofLine.every(({ sku }) => sku === line.sku)).toBe(true);
          expect(sum(ofLine, ({ quantity }) => quantity)).toBe(line.quantity);
        }
        for (const { warehouseId, offered } of supplies) {
          for (const sku of skus) {
            const taken = result.allocations.filter((part) => part.warehouseId === warehouseId && part.sku === sku);
            expect(taken.every(({ quantity }) => Number.isInteger(quantity) && quantity > 0)).toBe(true);
            expect(sum(taken, ({ quantity }) => quantity)).toBeLessThanOrEqual(offered[sku] ?? 0);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test('sends from one warehouse when one has everything', () => {
    fc.assert(
      fc.property(anyDemand, anySupplies, (demand, supplies) => {
        const all: Record<string, number> = {};
        for (const { sku, quantity } of demand) all[sku] = (all[sku] ?? 0) + quantity;
        const withOneThatCan = [...supplies, supply('has-it-all', all, { country: 'US', priority: 9 })];
        expect(new Set(allocated(demand, withOneThatCan).map(({ warehouseId }) => warehouseId)).size).toBe(1);
      }),
      { numRuns: 500 },
    );
  });

  test('never sends more parcels than some smaller set of warehouses could', () => {
    fc.assert(
      fc.property(anyDemand, anySupplies, (demand, supplies) => {
        const result = allocate(demand, supplies, here);
        if (!result.ok) return;
        const parcels = new Set(result.allocations.map(({ warehouseId }) => warehouseId)).size;
        for (let members = 0; members < 2 ** supplies.length; members++) {
          const set = supplies.filter((_, index) => (members >> index) & 1);
          if (set.length < parcels) expect(allocate(demand, set, here).ok).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('does not depend on the order in which the warehouses are given', () => {
    const suppliesTwice = anySupplies.chain((supplies) =>
      fc.tuple(
        fc.constant(supplies),
        fc.shuffledSubarray(supplies, { minLength: supplies.length, maxLength: supplies.length }),
      ),
    );
    fc.assert(
      fc.property(anyDemand, suppliesTwice, (demand, [supplies, shuffled]) => {
        const result = allocate(demand, supplies, here);
        const again = allocate(demand, shuffled, here);
        expect(again).toEqual(result);
      }),
      { numRuns: 500 },
    );
  });

  test('leaves what it was given as it was', () => {
    const demand = order(['MUG', 2]);
    const supplies = [supply('berlin', { MUG: 3 })];
    allocate(demand, supplies, here);
    expect(demand).toEqual(order(['MUG', 2]));
    expect(supplies).toEqual([supply('berlin', { MUG: 3 })]);
  });
});

describe('allocate, by example', () => {
  test('two lines of one SKU count together', () => {
    expect(allocate(order(['MUG', 2], ['MUG', 2]), [supply('berlin', { MUG: 3 })], here)).toEqual({
      ok: false,
      shortages: [{ sku: 'MUG', requested: 4, available: 3 }],
    });
    expect(allocated(order(['MUG', 2], ['MUG', 2]), [supply('berlin', { MUG: 4 })])).toEqual([
      { lineId: 'line_1', sku: 'MUG', warehouseId: 'berlin', quantity: 2 },
      { lineId: 'line_2', sku: 'MUG', warehouseId: 'berlin', quantity: 2 },
    ]);
  });

  test('one line is split over warehouses when none has enough', () => {
    const parts = allocated(order(['MUG', 5]), [supply('berlin', { MUG: 2 }), supply('hamburg', { MUG: 3 })]);
    expect(parts.map(({ warehouseId, quantity }) => [warehouseId, quantity])).toEqual([
      ['hamburg', 3],
      ['berlin', 2],
    ]);
  });

  test('with no warehouse at all, everything is short', () => {
    expect(allocate(order(['MUG', 1]), [], here)).toEqual({
      ok: false,
      shortages: [{ sku: 'MUG', requested: 1, available: 0 }],
    });
  });

  // Each list runs from the preferred to the last: whichever is taken away, the first that is left must win.
  test.each([
    [
      'the nearest: region, country, elsewhere',
      [
        supply('same-region', { MUG: 1 }, { priority: 9 }),
        supply('same-country', { MUG: 5 }, { region: 'HH' }),
        supply('abroad', { MUG: 9 }, { country: 'FR' }),
      ],
    ],
    [
      'of the equally near, the lower priority number, then the most stock, then the first by name',
      [
        supply('preferred', { MUG: 1 }, { priority: 0 }),
        supply('most-stock', { MUG: 9 }),
        supply('first', { MUG: 5 }),
        supply('second', { MUG: 5 }),
      ],
    ],
  ])('prefers %s', (_, ranked) => {
    for (let first = 0; first < ranked.length; first++) {
      const left = ranked.slice(first).reverse();
      expect(allocated(order(['MUG', 1]), left)[0]?.warehouseId).toBe(ranked[first]?.warehouseId);
    }
  });

  test('two warehouses that have everything together beat the one that has most of it', () => {
    const parts = allocated(order(['MUG', 2], ['TEE', 2], ['CAP', 2]), [
      supply('most', { MUG: 2, TEE: 1, CAP: 1 }),
      supply('mugs-and-a-tee', { MUG: 2, TEE: 2 }),
      supply('caps', { CAP: 2 }),
    ]);
    expect(new Set(parts.map(({ warehouseId }) => warehouseId))).toEqual(new Set(['caps', 'mugs-and-a-tee']));
  });

  test('a warehouse abroad that has everything beats two near ones: fewer parcels come before distance', () => {
    const parts = allocated(order(['MUG', 1], ['TEE', 1]), [
      supply('near-mugs', { MUG: 9 }),
      supply('near-tees', { TEE: 9 }),
      supply('abroad', { MUG: 1, TEE: 1 }, { country: 'FR' }),
    ]);
    expect(parts.map(({ warehouseId }) => warehouseId)).toEqual(['abroad', 'abroad']);
  });
});

describe('what is not there', () => {
  const rule = { limit: 5, leadDays: 7 };
  const wait = (demand: Demand[]) => demand.map((line) => ({ ...line, backorder: rule }));

  test('is waited for where its rule lets it, and what is there is taken', () => {
    const result = reserveOrWait(wait(order(['MUG', 4], ['TEE', 1])), [supply('berlin', { MUG: 1, TEE: 1 })], here, {});
    expect(result).toEqual({
      ok: true,
      allocations: [
        { lineId: 'line_1', sku: 'MUG', warehouseId: 'berlin', quantity: 1 },
        { lineId: 'line_2', sku: 'TEE', warehouseId: 'berlin', quantity: 1 },
      ],
      waiting: [{ lineId: 'line_1', sku: 'MUG', quantity: 3 }],
    });
  });

  test('is refused as a whole beyond the limit, or without a rule', () => {
    const supplies = [supply('berlin', { MUG: 1 })];
    expect(reserveOrWait(wait(order(['MUG', 7])), supplies, here, {})).toEqual({
      ok: false,
      shortages: [{ sku: 'MUG', requested: 7, available: 6 }],
    });
    expect(reserveOrWait(order(['MUG', 2]), supplies, here, {})).toMatchObject({ ok: false });
  });

  test('a newcomer gets nothing before those who wait', () => {
    const supplies = [supply('berlin', { MUG: 9 })];
    expect(reserveOrWait(order(['MUG', 1]), supplies, here, { MUG: 2 })).toMatchObject({ ok: false });
    expect(reserveOrWait(wait(order(['MUG', 1])), supplies, here, { MUG: 2 })).toMatchObject({
      ok: true,
      allocations: [],
    });
  });

  test('whatever is asked for, all of it is allocated or waited for, or none of it', () => {
    fc.assert(
      fc.property(anyDemand, anySupplies, fc.boolean(), (demand, supplies, mayWait) => {
        const result = reserveOrWait(mayWait ? wait(demand) : demand, supplies, here, {});
        if (!result.ok) return expect(result.shortages.length).toBeGreaterThan(0);
        for (const { lineId, quantity } of demand) {
          const parts = [...result.allocations, ...result.waiting].filter((each) => each.lineId === lineId);
          expect(sum(parts, (each) => each.quantity)).toBe(quantity);
        }
        for (const sku of skus) {
          const waits = sum(
            result.waiting.filter((each) => each.sku === sku),
            (each) => each.quantity,
          );
          const taken = sum(
            result.allocations.filter((each) => each.sku === sku),
            (each) => each.quantity,
          );
          const there = sum(supplies, (each) => each.offered[sku] ?? 0);
          expect(taken).toBeLessThanOrEqual(there);
          expect(waits).toBeLessThanOrEqual(rule.limit);
          // Nothing is waited for that is there.
          if (waits > 0) expect(taken).toBe(there);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

test('the nearest warehouse is the one that sends where each has everything', () => {
  const anySender = fc.record({
    warehouseId: fc.constantFrom('a', 'b', 'c', 'd'),
    country: fc.constantFrom('DE', 'US'),
    region: fc.constantFrom(undefined, 'BE', 'NY'),
    priority: fc.integer({ min: 0, max: 2 }),
  });
  const anySenders = fc.uniqueArray(anySender, { selector: ({ warehouseId }) => warehouseId, minLength: 1 });
  fc.assert(
    fc.property(anySenders, (senders) => {
      const supplies = senders.map((sender) => ({ ...sender, offered: { MUG: 5 } }));
      const [{ warehouseId }] = allocated(order(['MUG', 2]), supplies) as [Allocation];
      expect(nearest(senders, here)?.warehouseId).toBe(warehouseId);
    }),
  );
  expect(nearest([], here)).toBeUndefined();
});

describe('what is held for an order already', () => {
  const own = [{ sku: 'MUG', warehouseId: 'berlin', quantity: 2 }];
  const berlin = supply('berlin', { MUG: 5 });

  test('stays its own, also where others wait for it, and no more than that', () => {
    expect(reserveOrWait(order(['MUG', 2]), [berlin], here, { MUG: 9 }, own)).toMatchObject({
      ok: true,
      allocations: [{ warehouseId: 'berlin', quantity: 2 }],
    });
    expect(reserveOrWait(order(['MUG', 3]), [berlin], here, { MUG: 9 }, own)).toEqual({
      ok: false,
      shortages: [{ sku: 'MUG', requested: 3, available: 2 }],
    });
  });

  test('is there also where nothing is offered, as of a safety stock that has grown', () => {
    expect(reserveOrWait(order(['MUG', 2]), [supply('berlin', { MUG: 0 })], here, {}, own).ok).toBe(true);
  });

  test('is not there where the warehouse is switched off', () => {
    expect(reserveOrWait(order(['MUG', 2]), [supply('bonn', { MUG: 1 })], here, {}, own).ok).toBe(false);
  });
});
