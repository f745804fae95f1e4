import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { byUrgency, mostUrgent, type OpenShipment, planWave, type WaveRules } from '../../workflows/domain/waves.ts';

const rules: WaveRules = { groupBy: [], shipmentsAList: 3, unitsAList: 20, gramsAList: 10_000, limit: 1_000 };
const at = (hour: number) => new Date(Date.UTC(2026, 10, 25, hour));
let ids = 0;
function open(more: Partial<OpenShipment> = {}): OpenShipment {
  ids += 1;
  return {
    ...{ id: `shp_${String(ids).padStart(4, '0')}`, units: 2, grams: 800, priority: 0, dispatchBy: at(15) },
    ...{ createdAt: at(8), to: { country: 'DE' }, ...more },
  };
}
const idsOf = (lists: OpenShipment[][]) => lists.map((list) => list.map(({ id }) => id));

describe('a wave', () => {
  test('takes the most urgent first: by priority, cut-off, promised date, then first come, first served', () => {
    const plain = open();
    const later = open({ dispatchBy: at(18) });
    const promised = open({ promisedBy: '2026-11-27' });
    const older = open({ createdAt: at(7) });
    const urgent = open({ priority: 5, dispatchBy: at(20) });
    const lists = planWave([plain, later, promised, older, urgent], { ...rules, shipmentsAList: 1 });
    expect(idsOf(lists)).toEqual([urgent, promised, older, plain, later].map(({ id }) => [id]));
    expect(idsOf(planWave([plain, later, urgent], { ...rules, limit: 1 }))).toEqual([[urgent.id]]);
  });

  test('takes only what is asked for', () => {
    const early = open({ dispatchBy: at(12) });
    const abroad = open({ to: { country: 'FR' }, deliveryMethod: 'express' });
    const single = open({ units: 1 });
    const all = [early, abroad, single];
    const wave = (more: Partial<WaveRules>) => idsOf(planWave(all, { ...rules, ...more })).flat();
    expect(wave({ dispatchBefore: at(15) })).toEqual([early.id]);
    expect(wave({ countries: ['FR', 'BE'] })).toEqual([abroad.id]);
    expect(wave({ deliveryMethods: ['express'] })).toEqual([abroad.id]);
    expect(wave({ size: 'single_unit' })).toEqual([single.id]);
    expect(wave({ size: 'several_units', countries: ['DE'] })).toEqual([early.id]);
  });

  test('keeps apart what differs in what it groups by', () => {
    const [a, b, c] = [open(), open({ to: { country: 'FR' } }), open()];
    expect(idsOf(planWave([a, b, c], { ...rules, groupBy: ['zone'] }))).toEqual([[a.id, c.id], [b.id]]);
    const late = open({ dispatchBy: at(18) });
    expect(idsOf(planWave([a, late], { ...rules, groupBy: ['deadline'] }))).toEqual([[a.id], [late.id]]);
    const single = open({ units: 1 });
    expect(idsOf(planWave([a, single], { ...rules, groupBy: ['size'] }))).toEqual([[a.id], [single.id]]);
  });

  test('cuts lists where they are full; what is too large for any has one of its own', () => {
    const some = [12, 8, 1, 50].map((units) => open({ units }));
    const lists = planWave(some, rules);
    expect(lists.map((list) => list.map(({ units }) => units))).toEqual([[12, 8], [1], [50]]);
    expect(planWave([open({ grams: 6_000 }), open({ grams: 6_000 })], rules)).toHaveLength(2);
    expect(planWave([open(), open(), open(), open()], rules).map((list) => list.length)).toEqual([3, 1]);
    expect(planWave([], rules)).toEqual([]);
  });

  test('picks equally urgent shipments that begin at the same bins together, A-2 before A-10', () => {
    const [b, a10, a2] = [open({ firstBin: 'B-01' }), open({ firstBin: 'A-10' }), open({ firstBin: 'A-2' })];
    expect(idsOf(planWave([b, a10, a2], rules))).toEqual([[a2.id, a10.id, b.id]]);
  });
});

test('whatever is open: every wanted shipment is on one list, none is on two, and lists keep their bounds', () => {
  const shipment = fc.record({
    units: fc.integer({ min: 1, max: 30 }),
    grams: fc.integer({ min: 1, max: 12_000 }),
    priority: fc.integer({ min: 0, max: 2 }),
    dispatchBy: fc.integer({ min: 8, max: 20 }).map(at),
    createdAt: fc.integer({ min: 0, max: 7 }).map(at),
    to: fc.record({ country: fc.constantFrom('DE', 'FR') }),
    firstBin: fc.constantFrom('A-01', 'A-02', 'B-01'),
  });
  const groupBy = fc.subarray<WaveRules['groupBy'][number]>(['zone', 'deadline', 'size', 'delivery_method']);
  fc.assert(
    fc.property(fc.array(shipment, { maxLength: 40 }), groupBy, fc.integer({ min: 1, max: 40 }), (some, by, limit) => {
      const all = some.map((each, index) => ({ ...each, id: `shp_${index}` }));
      const lists = planWave(all, { ...rules, groupBy: by, limit });
      const placed = lists.flat().map(({ id }) => id);
      expect(new Set(placed).size).toBe(placed.length);
      const urgent = [...all].sort(byUrgency).slice(0, limit);
      expect(placed.sort()).toEqual(urgent.map(({ id }) => id).sort());
      for (const list of lists) {
        if (list.length === 1) continue;
        expect(list.length).toBeLessThanOrEqual(rules.shipmentsAList);
        expect(list.reduce((sum, { units }) => sum + units, 0)).toBeLessThanOrEqual(rules.unitsAList);
        expect(list.reduce((sum, { grams }) => sum + grams, 0)).toBeLessThanOrEqual(rules.gramsAList);
        if (by.includes('zone')) expect(new Set(list.map(({ to }) => to.country)).size).toBe(1);
      }
      const firsts = lists.map(mostUrgent);
      for (const [index, first] of firsts.slice(1).entries()) expect(byUrgency(firsts[index]!, first)).toBeLessThan(0);
      // The same shipments in another order make the same lists.
      expect(planWave([...all].reverse(), { ...rules, groupBy: by, limit })).toEqual(lists);
    }),
  );
});
