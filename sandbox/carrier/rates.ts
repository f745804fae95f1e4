import { z } from 'zod';
import { Refusal } from '../refusal.ts';
import { country, line, parcel } from './parcels.ts';
import { fits, priceOf, refuseUnserved, services, zoneOf } from './services.ts';

/** More than one parcel may weigh: a cart that will be several is quoted as if it were one. */
const maxWeightGrams = 70_000;

/** A quote needs no street. */
const place = z.strictObject({
  country,
  region: line.optional(),
  postalCode: line.optional(),
  city: line.optional(),
});
export const ratesRequest = z.strictObject({
  ...{ from: place, to: place, parcel },
  currency: z.string().length(3).default('EUR'),
});

/** Minor units of a currency for one euro cent. */
const exchange = new Map([
  ['EUR', 1],
  ['USD', 1.1],
  ['GBP', 0.85],
  ['JPY', 1.6],
]);

export function quote({ from, to, parcel, currency }: z.infer<typeof ratesRequest>) {
  refuseUnserved({ from, to });
  const rate = exchange.get(currency);
  if (rate === undefined) {
    throw new Refusal(422, 'currency_not_supported', `rates are in ${[...exchange.keys()].join(', ')}`);
  }
  const { weightGrams } = parcel;
  if (weightGrams > maxWeightGrams) {
    throw new Refusal(422, 'too_heavy', `a parcel weighs at most ${maxWeightGrams} g`);
  }
  const zone = zoneOf(from, to);
  return services.flatMap((service) => {
    const { name, days, cutOff, maxWeightGrams: limit } = service;
    const splits = limit >= 30_000;
    if (days[zone] === undefined || !fits(service, parcel) || (weightGrams > limit && !splits)) return [];
    const amount = Math.round(priceOf(service, zone, weightGrams) * rate);
    return { service: name, amount, currency, days: days[zone], cutOff: `${cutOff}:00` };
  });
}
