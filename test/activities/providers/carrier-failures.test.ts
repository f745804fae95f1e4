import { expect, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { failureOf, meaningOf, rules } from '../../../activities/providers/carrier-failures.ts';

test.each<[string, number | undefined, string | undefined]>([
  ['key refused', 401, 'UNAUTHORIZED'],
  ['key refused', 403, undefined],
  ['used', 409, 'label_in_use'],
  ['used', 422, 'SHIPMENT.REFUND.UNAVAILABLE'],
  ['read again', 422, 'SHIPMENT.POSTAGE.EXISTS'],
  ['not served', 422, 'ADDRESS.COUNTRY.INVALID'],
  ['not checked', 422, 'ADDRESS.VERIFY.ONLY_US'],
  ['refused', 402, 'PAYMENT_REQUIRED'],
  ['refused', 422, 'SHIPMENT.POSTAGE.FAILURE'],
  ['refused', 404, undefined],
  ['try again', 422, 'SHIPMENT.POSTAGE.NO_RESPONSE'],
  ['try again', 400, 'SHIPMENT.PURCHASE.IN_PROGRESS'],
  ['try again', 422, 'ADDRESS.VERIFY.UPSTREAM_UNAVAILABLE'],
  ['try again', 409, undefined],
  ['try again', 429, 'RATE_LIMITED'],
  ['try again', 503, undefined],
  ['try again', undefined, 'ECONNRESET'],
])('%s: %s %s', (means, status, code) => {
  expect(meaningOf({ status, code })).toBe(means);
  const failure = failureOf({ asked: 'carrier: POST /labels', status, code });
  expect(failure instanceof ApplicationFailure).toBe(means !== 'try again');
  expect(failure.message).toMatch(/^carrier: POST \/labels (got no answer|answered \d|was refused: )/);
});

test('everything means something, and no rule hides behind another', () => {
  expect(rules.at(-1)).toEqual({ means: 'try again' });
  for (const rule of rules) {
    for (const status of rule.statuses ?? [418]) {
      for (const code of rule.codes ?? [undefined]) expect(meaningOf({ status, code })).toBe(rule.means);
    }
  }
});
