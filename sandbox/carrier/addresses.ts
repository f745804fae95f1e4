import { z } from 'zod';
import { address } from './parcels.ts';

export const verifyRequest = z.strictObject({ address });

type Address = z.infer<typeof address>;
type Check =
  | { outcome: 'verified' | 'unknown' }
  | { outcome: 'corrected'; address: Address }
  | { outcome: 'undeliverable'; why: string };

/** What postal codes look like, in the countries whose addresses the carrier knows. */
const postalCodes = new Map<string, RegExp>(
  (
    [
      ['AT AU BE BG CH CY DK HU LI LU NO NZ SI', /^\d{4}$/],
      ['DE EE ES FI FR HR IT KR LT MC MX RS SM UA', /^\d{5}$/],
      ['CN IN RO SG VN', /^\d{6}$/],
      ['CZ GR SE SK', /^\d{3} ?\d{2}$/],
      ['CA', /^[A-Z]\d[A-Z] ?\d[A-Z]\d$/],
      ['GB', /^[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}$/],
      ['IE', /^[A-Z\d]{3} ?[A-Z\d]{4}$/],
      ['JP', /^\d{3}-?\d{4}$/],
      ['LV', /^LV-\d{4}$/],
      ['NL', /^\d{4}( ?[A-Z]{2})?$/],
      ['PL', /^\d{2}-\d{3}$/],
      ['PT', /^\d{4}-\d{3}$/],
      ['US', /^\d{5}(-\d{4})?$/],
    ] as const
  ).flatMap(([countries, pattern]) => countries.split(' ').map((code): [string, RegExp] => [code, pattern])),
);

export function verify(given: Address): Check {
  const pattern = postalCodes.get(given.country);
  if (!pattern) return { outcome: 'unknown' };
  if (!pattern.test(given.postalCode)) return { outcome: 'undeliverable', why: 'postal_code_invalid' };
  if (given.line1 === 'Nowhere 1') return { outcome: 'undeliverable', why: 'street_not_found' };
  const city = written(given.city);
  return city === given.city ? { outcome: 'verified' } : { outcome: 'corrected', address: { ...given, city } };
}

/** NEW YORK is written New York. */
function written(city: string): string {
  if (city !== city.toUpperCase() || city === city.toLowerCase()) return city;
  return city.toLowerCase().replace(/(^|[\s-])\p{L}/gu, (start) => start.toUpperCase());
}
