import type { z } from 'zod';
import { newId } from './ids.ts';
import type { address } from './requests.ts';

const failed = (code: string, field: string) => ({
  success: false,
  errors: [{ code, field, message: 'Address not found', suggestion: null }],
  details: {},
});

/**
 * As EasyPost answers: in capitals and with nine digits of ZIP code where it finds the address, and as given where not.
 * "Nowhere 1" is nowhere; the town Springfeild is misspelled; of the Antarctic it knows nothing.
 */
export function toAddress(given: z.infer<typeof address>, verify: boolean) {
  const made = { id: newId('adr'), object: 'Address', mode: 'test', ...given };
  if (!verify || given.country === 'AQ') return { ...made, verifications: {} };
  if (given.street1 === 'Nowhere 1') {
    return { ...made, verifications: { delivery: failed('E.ADDRESS.NOT_FOUND', 'address') } };
  }
  if (given.country === 'US' && !/^\d{5}(-\d{4})?$/.test(given.zip ?? '')) {
    return { ...made, verifications: { delivery: failed('E.ZIP.INVALID', 'zip') } };
  }
  const capitals = (text: string | null | undefined) => text?.toUpperCase() ?? '';
  return {
    ...made,
    name: capitals(given.name),
    street1: capitals(given.street1),
    street2: capitals(given.street2),
    city: capitals(given.city).replace('SPRINGFEILD', 'SPRINGFIELD'),
    zip: given.country === 'US' && /^\d{5}$/.test(given.zip ?? '') ? `${given.zip}-2506` : given.zip,
    residential: true,
    verifications: {
      delivery: { success: true, errors: [], details: { latitude: 1, longitude: 1, time_zone: 'UTC' } },
    },
  };
}
