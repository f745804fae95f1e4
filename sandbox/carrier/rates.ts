import { z } from 'zod';
import { country, line, parcel, refuseUnserved } from './parcels.ts';
import { Refusal } from './refusal.ts';

const maxWeightGrams = 70_000;

/** A quote needs no street. */
const place = z.strictObject({
  country,
  region: line.optional(),
  postalCode: line.optional(),
  city: line.optional(),
});
export const ratesRequest = z.strictObject({ from: place, to: place, parcel, currency: z.string().length(3) });

/** Minor units of a currency for one euro cent. */
const exchange = new Map([
  ['EUR', 1],
  ['USD', 1.1],
  ['GBP', 0.85],
  ['JPY', 1.6],
]);

/** Euro cents for a parcel, and for each kilogram begun; days by service. Express costs double. */
const zones = {
  domestic: { parcel: 490, kilogram: 60, days: { standard: 2, express: 1 } },
  continent: { parcel: 990, kilogram: 150, days: { standard: 5, express: 2 } },
  world: { parcel: 1990, kilogram: 450, days: { standard: 12, express: 4 } },
};
const continents = [
  'AD AL AT BA BE BG BY CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS SE SI SK SM UA VA',
  'CA MX US',
  'CN HK ID IN JP KR MY PH SG TH TW VN',
  'AR BO BR CL CO EC PE PY UY VE',
  'AU NZ',
].map((codes) => new Set(codes.split(' ')));

export function quote({ from, to, parcel: { weightGrams }, currency }: z.infer<typeof ratesRequest>) {
  refuseUnserved({ from, to });
  const rate = exchange.get(currency);
  if (rate === undefined) {
    throw new Refusal(422, 'currency_not_supported', `rates are in ${[...exchange.keys()].join(', ')}`);
  }
  if (weightGrams > maxWeightGrams) {
    throw new Refusal(422, 'too_heavy', `a parcel weighs at most ${maxWeightGrams} g`);
  }
  const { parcel: base, kilogram, days } = zones[zoneOf(from.country, to.country)];
  const standard = base + kilogram * Math.ceil(weightGrams / 1000);
  return [
    { service: 'standard', amount: Math.round(standard * rate), currency, days: days.standard },
    { service: 'express', amount: Math.round(2 * standard * rate), currency, days: days.express },
  ];
}

function zoneOf(from: string, to: string): keyof typeof zones {
  if (from === to) return 'domestic';
  return continents.some((codes) => codes.has(from) && codes.has(to)) ? 'continent' : 'world';
}
