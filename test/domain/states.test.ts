import { describe, expect, test } from '@jest/globals';
import * as states from '../../workflows/domain/states.ts';
import {
  checkTable,
  checkTables,
  hasEnded,
  mayGo,
  shipmentInWarehouse,
  type Table,
} from '../../workflows/domain/states.ts';

const tables = Object.entries(states).filter(([name]) => name.endsWith('States')) as [string, Table][];

describe('every state table', () => {
  test('is found here', () => {
    expect(tables.length).toBeGreaterThanOrEqual(7);
    expect(checkTables).not.toThrow();
  });

  test.each(tables)('%s: every state is known and reached, and none is without a way to an end', (name, table) => {
    expect(() => checkTable(name, table)).not.toThrow();
    const canEnd = new Set(Object.keys(table).filter((state) => hasEnded(table, state)));
    for (let before = -1; before < canEnd.size; ) {
      before = canEnd.size;
      for (const [state, next] of Object.entries(table)) if (next.some((to) => canEnd.has(to))) canEnd.add(state);
    }
    expect(Object.keys(table).filter((state) => !canEnd.has(state))).toEqual([]);
  });

  test.each(tables)('%s: no state leads to itself, and none is named twice', (_, table) => {
    for (const [state, next] of Object.entries(table)) {
      expect(next).not.toContain(state);
      expect(new Set(next).size).toBe(next.length);
    }
  });
});

describe('checkTable', () => {
  test('refuses a state that is not defined', () => {
    expect(() => checkTable('lamp', { off: ['on'], on: ['broken'] })).toThrow(
      'State table lamp: on leads to the unknown state broken',
    );
  });

  test('refuses a state that no path reaches', () => {
    expect(() => checkTable('lamp', { off: ['on'], on: [], spare: ['worn'], worn: ['spare'] })).toThrow(
      'State table lamp: nothing leads to spare, worn',
    );
  });
});

test('mayGo and hasEnded know nothing of states that are not in the table', () => {
  expect(mayGo(states.orderStates, 'pending', 'confirmed')).toBe(true);
  expect(mayGo(states.orderStates, 'completed', 'cancelled')).toBe(false);
  expect(mayGo(states.orderStates, 'no-such-state', 'pending')).toBe(false);
  expect(hasEnded(states.orderStates, 'completed')).toBe(true);
  expect(hasEnded(states.orderStates, 'no-such-state')).toBe(false);
});

test('a shipment can be cancelled exactly as long as it is in the warehouse', () => {
  const canBeCancelled = Object.keys(states.shipmentStates).filter((state) =>
    mayGo(states.shipmentStates, state, 'cancelled'),
  );
  expect(canBeCancelled.sort()).toEqual([...shipmentInWarehouse].sort());
});
