import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type AttemptStatus,
  attemptStates,
  type ShipmentStatus,
  shipmentStates,
} from '../../workflows/domain/states.ts';
import { fulfillmentStatus, type PaymentFacts, paymentStatus } from '../../workflows/domain/statuses.ts';

const attempts = ['none', ...Object.keys(attemptStates)] as (AttemptStatus | 'none')[];
const shipmentStatuses = Object.keys(shipmentStates) as ShipmentStatus[];

describe('paymentStatus', () => {
  const nothing: PaymentFacts = {
    attempt: 'none',
    authorized: 0,
    captured: 0,
    credit: 0,
    byCard: 0,
    refunded: 0,
    disputed: false,
  };

  test('is one of the named statuses for every combination of facts', () => {
    const named = [
      'not_paid',
      'requires_action',
      'authorized',
      'partially_captured',
      'captured',
      'partially_refunded',
      'refunded',
      'voided',
      'disputed',
    ];
    const seen = new Set<string>();
    for (const attempt of attempts)
      for (const authorized of [0, 50, 100])
        for (const captured of [0, 50, 100])
          for (const refunded of [0, 20, 50, 100])
            for (const disputed of [false, true])
              seen.add(paymentStatus({ ...nothing, attempt, authorized, captured, refunded, disputed }));
    expect([...seen].sort()).toEqual(named.sort());
  });

  test.each<[string, Partial<PaymentFacts>]>([
    ['not_paid', {}],
    ['not_paid', { attempt: 'declined' }],
    ['not_paid', { attempt: 'failed' }],
    ['requires_action', { attempt: 'requires_action' }],
    ['authorized', { attempt: 'authorized', authorized: 100 }],
    ['partially_captured', { attempt: 'authorized', authorized: 100, captured: 40 }],
    ['captured', { attempt: 'captured', authorized: 100, captured: 100 }],
    ['partially_refunded', { attempt: 'captured', authorized: 100, captured: 100, refunded: 99 }],
    ['refunded', { attempt: 'captured', authorized: 100, captured: 100, refunded: 100 }],
    ['captured', { credit: 100 }],
    ['refunded', { credit: 100, refunded: 100 }],
    ['not_paid', { credit: 40, byCard: 60 }],
    ['captured', { credit: 40, byCard: 60, attempt: 'voided' }],
    ['partially_refunded', { credit: 40, byCard: 60, attempt: 'voided', refunded: 10 }],
    ['authorized', { credit: 40, byCard: 60, attempt: 'authorized', authorized: 60 }],
    ['captured', { credit: 40, byCard: 60, attempt: 'captured', authorized: 60, captured: 60 }],
    ['partially_refunded', { credit: 40, byCard: 60, attempt: 'captured', authorized: 60, captured: 60, refunded: 60 }],
    ['voided', { credit: 40, byCard: 60, attempt: 'voided', refunded: 40 }],
    ['voided', { attempt: 'voided', authorized: 100 }],
    ['voided', { attempt: 'lapsed', authorized: 100 }],
    ['disputed', { attempt: 'captured', authorized: 100, captured: 100, refunded: 10, disputed: true }],
  ])('is %s for %j', (status, facts) => {
    expect(paymentStatus({ ...nothing, ...facts })).toBe(status);
  });

  test('with money captured it never says that nothing was paid', () => {
    for (const attempt of attempts)
      expect(['captured', 'partially_captured']).toContain(
        paymentStatus({ ...nothing, attempt, authorized: 100, captured: 1 }),
      );
  });
});

describe('fulfillmentStatus', () => {
  const of = (...statuses: ShipmentStatus[]) => fulfillmentStatus(statuses.map((status) => ({ status })));

  test('is one of the named statuses for every combination of up to three shipments', () => {
    const named = ['unfulfilled', 'partially_shipped', 'shipped', 'partially_delivered', 'delivered', 'cancelled'];
    const seen = new Set<string>([of()]);
    for (const first of shipmentStatuses) {
      seen.add(of(first));
      for (const second of shipmentStatuses) {
        seen.add(of(first, second));
        for (const third of shipmentStatuses) seen.add(of(first, second, third));
      }
    }
    expect([...seen].sort()).toEqual(named.sort());
  });

  test.each<[string, ShipmentStatus[]]>([
    ['unfulfilled', []],
    ['unfulfilled', ['ready', 'on_hold']],
    ['partially_shipped', ['shipped', 'picking']],
    ['partially_shipped', ['shipped', 'in_transit', 'picking']],
    ['shipped', ['shipped']],
    ['shipped', ['shipped', 'lost']],
    ['partially_delivered', ['delivered', 'allocated']],
    ['delivered', ['delivered', 'delivered']],
    ['delivered', ['delivered', 'cancelled']],
    ['cancelled', ['cancelled', 'cancelled']],
  ])('is %s for %j', (status, shipments) => {
    expect(of(...shipments)).toBe(status);
  });

  test('what came back counts against what was delivered', () => {
    const delivered = [{ status: 'delivered' as const }];
    expect(fulfillmentStatus(delivered, 0, 3)).toBe('delivered');
    expect(fulfillmentStatus(delivered, 2, 3)).toBe('partially_returned');
    expect(fulfillmentStatus(delivered, 3, 3)).toBe('returned');
  });

  test('never goes back while shipments go forward', () => {
    const way: ShipmentStatus[] = ['allocated', 'picking', 'picked', 'packed', 'ready', 'shipped', 'in_transit'];
    way.push('out_for_delivery', 'delivered');
    const rank = ['unfulfilled', 'partially_shipped', 'shipped', 'partially_delivered', 'delivered'];
    const at = (steps: readonly number[]) => rank.indexOf(of(...steps.map((step) => way[step]!)));
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: way.length - 1 }), { minLength: 1, maxLength: 5 }),
        fc.nat({ max: 4 }),
        (steps, which) => {
          const moved = steps.map((step, index) =>
            index === which % steps.length ? Math.min(step + 1, way.length - 1) : step,
          );
          expect(at(moved)).toBeGreaterThanOrEqual(at(steps));
          expect(at(steps)).toBeGreaterThanOrEqual(0);
        },
      ),
      { numRuns: 500 },
    );
  });
});
