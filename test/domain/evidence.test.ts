import { expect, test } from '@jest/globals';
import { type CaseFacts, evidenceFields, evidenceFor, isDelivered } from '../../workflows/domain/evidence.ts';

const facts: CaseFacts = {
  reason: 'general',
  orderId: 'ord_1',
  currency: 'USD',
  total: 3998,
  orderedAt: '2026-03-01T10:20:30.000Z',
  customer: { name: 'Ada', email: 'ada@example.com' },
  shipTo: ['Ada', 'Street 1', '10001 New York', 'US'],
  goods: [{ name: 'Mug', quantity: 2, total: 3998 }],
  carrier: 'Standard',
  parcels: [
    { trackingNumber: 'T1', shippedAt: '2026-03-02T08:00:00.000Z', deliveredAt: '2026-03-04T09:30:00.000Z' },
    { trackingNumber: 'T2', shippedAt: '2026-03-03T08:00:00.000Z', deliveredAt: undefined },
  ],
  refunds: [],
  returns: [{ at: '2026-03-05T08:00:00.000Z', status: 'in_transit' }],
  refundPolicy: 'Within 30 days.',
  otherOrders: [
    { orderId: 'ord_2', at: '2026-03-01T10:25:00.000Z', total: 500, goods: [{ name: 'Lamp', quantity: 1 }] },
  ],
  receipt: 'file_1',
  words: undefined,
};

test('several parcels are told together, each with its dates', () => {
  expect(evidenceFor(facts)).toMatchObject({
    shipping_address: 'Ada\nStreet 1\n10001 New York\nUS',
    shipping_carrier: 'Standard',
    shipping_date: '2026-03-02, 2026-03-03',
    shipping_tracking_number: 'T1, T2',
    uncategorized_text: [
      'Order ord_1 over 39.98 USD was placed on 2026-03-01 10:20 UTC.',
      'Parcel T1 was handed to the carrier on 2026-03-02.',
      'Parcel T1 was delivered to this address on 2026-03-04 09:30 UTC, as the carrier reports.',
      'Parcel T2 was handed to the carrier on 2026-03-03.',
      'A return was asked for on 2026-03-05: it is in transit.',
    ].join('\n'),
  });
  expect(isDelivered(facts)).toBe(false);
  expect(isDelivered({ parcels: facts.parcels.slice(0, 1) })).toBe(true);
  expect(isDelivered({ parcels: [] })).toBe(false);
});

test('of goods that were not sent nothing is said of a parcel', () => {
  const evidence = evidenceFor({ ...facts, parcels: [], reason: 'product_not_received' });
  expect(Object.keys(evidence).filter((field) => field.startsWith('shipping'))).toEqual([]);
  expect(evidence.uncategorized_text).toContain('Nothing of it has been sent yet.');
});

test('a charge that looks like a duplicate is told apart from the other orders', () => {
  const told = evidenceFor({ ...facts, reason: 'duplicate' }).duplicate_charge_explanation;
  expect(told).toBe(
    'Order ord_1 was paid once, for goods of its own.\nOrder ord_2 of 2026-03-01 over 5.00 USD is another one: 1 x Lamp',
  );
});

test.each(['product_not_received', 'fraudulent', 'duplicate', 'credit_not_processed', 'a_new_reason'])(
  'for %s nothing that is left out is told, and no field is longer than Stripe takes',
  (reason) => {
    const long = { ...facts, reason, words: 'x'.repeat(30_000), refundPolicy: 'y'.repeat(30_000) };
    for (const field of evidenceFields) expect(evidenceFor(long, [field])).not.toHaveProperty(field);
    for (const text of Object.values(evidenceFor(long))) expect(text.length).toBeLessThanOrEqual(20_000);
  },
);
