import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Shipment } from '../../models/shipment.ts';
import { newShipment } from '../support/shipments.ts';
import { startApi, type TestApi } from './support.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

const report = (query = '') => api.ask('GET', `/v1/reports/delivery${query}`, { token: api.tokens.support });

const at = (time: string) => new Date(time);
const none = { onTime: 0, late: 0, overdue: 0 };

describe('the report of delivery', () => {
  beforeAll(async () => {
    // Their dispatch is due in a year that nobody asks for.
    const promised = (promisedBy: string, rest: Partial<Shipment> = {}) =>
      newShipment({ promisedBy, dispatchBy: at('2001-01-01T00:00:00Z'), ...rest });
    const delivered = (promisedBy: string, onTime: boolean, rest: Partial<Shipment> = {}) =>
      promised(promisedBy, { deliveredAt: at('2026-11-11T12:00:00Z'), onTime, ...rest });
    const dispatched = (dispatchBy: string, handedOverAt?: string, rest: Partial<Shipment> = {}) =>
      newShipment({ dispatchBy: at(dispatchBy), ...(handedOverAt && { handedOverAt: at(handedOverAt) }), ...rest });
    await api.mongo.models.shipments.create([
      delivered('2026-11-01', true),
      delivered('2026-11-05', true),
      delivered('2026-11-10', false),
      delivered('2026-11-30', true, { warehouseId: 'bonn' }),
      // Due outside November, cancelled, on its way still, and without a promise.
      delivered('2026-10-31', false),
      delivered('2026-12-01', false),
      promised('2026-11-05', { cancelledAt: at('2026-11-02T12:00:00Z') }),
      promised('2126-11-05'),
      newShipment({ dispatchBy: at('2001-01-01T00:00:00Z'), deliveredAt: at('2026-11-05T12:00:00Z') }),
      // Lost.
      promised('2020-02-05', { handedOverAt: at('2020-02-01T12:00:00Z') }),

      dispatched('2026-11-01T00:00:00Z', '2026-11-01T00:00:00Z'),
      dispatched('2026-11-30T23:59:59Z', '2026-12-01T00:00:00Z', { warehouseId: 'bonn' }),
      dispatched('2026-12-01T00:00:00Z', '2026-12-02T00:00:00Z'),
      dispatched('2020-02-01T00:00:00Z'),
      dispatched('2020-02-01T00:00:00Z', undefined, { cancelledAt: at('2020-01-31T00:00:00Z') }),
      dispatched('2126-02-01T00:00:00Z'),
      dispatched('2126-02-01T00:00:00Z', '2126-01-31T00:00:00Z'),
    ]);
  });

  test('counts what was due in the days that are asked for, by warehouse', async () => {
    const { status, body } = await report('?from=2026-11-01&to=2026-11-30');
    expect(status).toBe(200);
    expect(body).toEqual({
      ...{ from: '2026-11-01', to: '2026-11-30' },
      total: {
        delivered: { onTime: 3, late: 1, overdue: 0, share: 0.75 },
        dispatched: { onTime: 1, late: 1, overdue: 0, share: 0.5 },
      },
      warehouses: [
        {
          warehouseId: 'berlin',
          delivered: { onTime: 2, late: 1, overdue: 0, share: 2 / 3 },
          dispatched: { onTime: 1, late: 0, overdue: 0, share: 1 },
        },
        {
          warehouseId: 'bonn',
          delivered: { onTime: 1, late: 0, overdue: 0, share: 1 },
          dispatched: { onTime: 0, late: 1, overdue: 0, share: 0 },
        },
      ],
    });
  });

  test('of one warehouse', async () => {
    const { body } = await report('?from=2026-11-01&to=2026-11-30&warehouseId=bonn');
    expect(body.total.delivered).toEqual({ onTime: 1, late: 0, overdue: 0, share: 1 });
    expect(body.warehouses).toMatchObject([{ warehouseId: 'bonn' }]);
  });

  test('counts what never came, or never left, against it', async () => {
    const { body } = await report('?from=2020-02-01&to=2020-02-29');
    expect(body.total).toEqual({
      delivered: { onTime: 0, late: 0, overdue: 1, share: 0 },
      dispatched: { onTime: 0, late: 0, overdue: 1, share: 0 },
    });
  });

  test('counts what is done before it is due, and nothing that may still be in time', async () => {
    const { body } = await report('?from=2126-01-01&to=2126-12-31');
    expect(body.total).toEqual({ delivered: none, dispatched: { onTime: 1, late: 0, overdue: 0, share: 1 } });
  });

  test('is of the last 30 days where none are named', async () => {
    const { body } = await report();
    expect((Date.parse(body.to) - Date.parse(body.from)) / 86_400_000).toBe(29);
    expect(Math.abs(Date.parse(body.to) - Date.now())).toBeLessThan(2 * 86_400_000);
  });

  test.each([
    ['?from=2026-11-02&to=2026-11-01', 'From 2026-11-02 to 2026-11-01 are 0 days: ask for 1 to 366'],
    ['?from=2025-01-01&to=2026-01-02', 'are 367 days'],
    ['?from=2026-02-30', 'Not a date'],
    ['?warehouseId=a%20b', 'warehouse id'],
    ['?month=11', 'month'],
  ])('refuses %s', async (query, says) => {
    const { status, body } = await report(query);
    expect({ status, type: body.type }).toEqual({
      ...{ status: 400, type: 'https://waybill.dev/problems/invalid-request' },
    });
    expect(body.errors[0].message).toContain(says);
  });
});
