import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chooseRate, rateRules } from '../../workflows/domain/rates.ts';

const rate = (service: string, amount: number, days?: number, carrier = 'sandbox') => ({
  ...{ carrier, service, amount },
  ...(days !== undefined && { days }),
});
const rates = [rate('ground', 400, 5), rate('saver', 300), rate('air', 900, 2), rate('overnight', 2_500, 1)];
const within = (most: number) => (days: number) => days <= most;

describe('of the services', () => {
  test.each([
    ['the cheapest', 'cheapest', 5, 'saver'],
    ['the fastest', 'fastest', 5, 'overnight'],
    ['the cheapest of those in time', 'cheapest_in_time', 5, 'ground'],
    ['a dearer one where a cheaper one is late', 'cheapest_in_time', 4, 'air'],
    ['the fastest where none is in time', 'cheapest_in_time', 0, 'overnight'],
  ] as const)('%s is bought', (_, rule, most, expected) => {
    expect(chooseRate(rates, { rule, isInTime: within(most) })?.service).toBe(expected);
  });

  test('only those that are named may be bought', () => {
    const asked = { services: ['saver', 'ground'], isInTime: within(2) };
    const bought = rateRules.map((rule) => chooseRate(rates, { rule, ...asked })?.service);
    expect(bought).toEqual(['saver', 'ground', 'ground']);
    expect(chooseRate(rates, { rule: 'cheapest', ...asked, services: ['pigeon'] })).toBeUndefined();
  });

  test('one that promises no days is not in time, and bought where there is no other', () => {
    const asked = { rule: 'cheapest_in_time', isInTime: () => true } as const;
    expect(chooseRate([rate('saver', 300), rate('ground', 400, 90)], asked)?.service).toBe('ground');
    expect(chooseRate([rate('saver', 300), rate('post', 200)], asked)?.service).toBe('post');
  });

  test('of equally fast ones the cheapest, of equally cheap ones the fastest, then by name', () => {
    const equal = [rate('b', 500, 2), rate('a', 500, 2, 'zebra'), rate('a', 500, 2), rate('c', 500), rate('d', 600, 2)];
    for (const rule of rateRules)
      expect(chooseRate(equal, { rule, isInTime: within(2) })).toMatchObject({ carrier: 'sandbox', service: 'a' });
  });
});

const anyRate = fc.record({
  carrier: fc.constantFrom('easypost', 'sandbox'),
  service: fc.constantFrom('ground', 'air', 'saver'),
  amount: fc.integer({ min: 0, max: 5 }),
  days: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
});
const anyRates = fc.uniqueArray(anyRate, { selector: ({ carrier, service }) => `${carrier} ${service}` });
const anyWanted = fc.record({
  rule: fc.constantFrom(...rateRules),
  services: fc.option(fc.subarray(['ground', 'air', 'saver'], { minLength: 1 }), { nil: undefined }),
  isInTime: fc.integer({ min: -1, max: 5 }).map(within),
});

test('whatever is offered, none is better by the rule, and the order changes nothing', () => {
  fc.assert(
    fc.property(anyRates, anyWanted, (offered, wanted) => {
      const before = structuredClone(offered);
      const chosen = chooseRate(offered, wanted);
      expect(chooseRate([...offered].reverse(), wanted)).toEqual(chosen);
      expect(offered).toEqual(before);
      const allowed = offered.filter(({ service }) => wanted.services?.includes(service) ?? true);
      if (chosen === undefined) return expect(allowed).toEqual([]);
      expect(allowed).toContain(chosen);
      const isInTime = ({ days }: (typeof offered)[number]) => days !== undefined && wanted.isInTime(days);
      const inTime = allowed.filter(isInTime);
      const slowness = ({ days }: (typeof offered)[number]) => days ?? Number.POSITIVE_INFINITY;
      const fastest = Math.min(...allowed.map(slowness));
      const rivals = {
        cheapest: allowed,
        fastest: allowed.filter((each) => slowness(each) === fastest),
        cheapest_in_time: inTime.length > 0 ? inTime : allowed.filter((each) => slowness(each) === fastest),
      }[wanted.rule];
      expect(rivals).toContain(chosen);
      expect(chosen.amount).toBe(Math.min(...rivals.map(({ amount }) => amount)));
    }),
    { numRuns: 1_000 },
  );
});
