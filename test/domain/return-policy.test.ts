import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  decideReturn,
  defaultReturnPolicy,
  mostInVain,
  policyOf,
  type ReturnableLine,
  type ReturnCase,
  type ReturnPolicies,
  type ReturnReason,
} from '../../workflows/domain/return-policy.ts';

const deliveredAt = new Date('2026-03-02T12:00:00Z');
const day = 86_400_000;
const { windowDays } = defaultReturnPolicy;

function line(rest: Partial<ReturnableLine> = {}): ReturnableLine {
  return { lineId: 'line_1', delivered: 3, alreadyReturning: 0, ...rest };
}

interface Given extends Partial<ReturnCase> {
  asked?: [lineId: string, quantity: number, reason?: ReturnReason][];
  msAfter?: number;
  policies?: ReturnPolicies;
}

function decide({ asked = [['line_1', 1]], msAfter = 0, policies = {}, ...about }: Given = {}) {
  const now = new Date(deliveredAt.getTime() + msAfter);
  const lines = asked.map(([lineId, quantity, reason = 'does_not_fit' as const]) => ({ lineId, quantity, reason }));
  const known: ReturnCase = {
    ...{ lines: [line()], currency: 'EUR', country: 'US', deliveredAt, now, by: 'customer', ...about },
  };
  return decideReturn(lines, known, policies);
}

const toClass = (returnClass: string) => ({ lines: [line({ returnClass })] });
const classes: ReturnPolicies = {
  clearance: { ...defaultReturnPolicy, finalSale: true },
  hygiene: { ...defaultReturnPolicy, finalSale: true, noWithdrawal: true },
  short: { ...defaultReturnPolicy, windowDays: 7, restockingPpm: 100_000, refundShipping: 'with_whole_order' },
  looked_at: { ...defaultReturnPolicy, approval: 'person' },
  own_cost: { ...defaultReturnPolicy, returnShipping: 'customer' },
  fee: { ...defaultReturnPolicy, returnShipping: 'customer', labelFee: { EUR: 490 } },
  dear: { ...defaultReturnPolicy, returnShipping: 'customer', labelFee: { EUR: 990 } },
};

describe('what may come back', () => {
  test('is approved up to the last millisecond of the window', () => {
    expect(decide({ msAfter: windowDays * day })).toMatchObject({ decision: 'approve' });
    expect(decide({ msAfter: windowDays * day + 1 })).toEqual({
      decision: 'refuse',
      because: 'Line line_1 was delivered 30 days ago, and could be returned for 30',
    });
  });

  test('after the window staff may ask for it, and who was sent the wrong thing: then a person decides', () => {
    const msAfter = 90 * day;
    expect(decide({ msAfter, by: 'support' }).decision).toBe('ask');
    expect(decide({ msAfter, by: 'warehouse' }).decision).toBe('ask');
    expect(decide({ msAfter, asked: [['line_1', 1, 'defective']] }).decision).toBe('ask');
  });

  test('is looked at by a person once three returns of the order came to nothing', () => {
    expect(decide({ inVain: mostInVain - 1 }).decision).toBe('approve');
    expect(decide({ inVain: mostInVain })).toMatchObject({ decision: 'ask' });
  });

  test('is never more than was delivered, however late or early', () => {
    for (const msAfter of [0, 90 * day])
      expect(decide({ asked: [['line_1', 3]], lines: [line({ delivered: 2 })], msAfter })).toEqual({
        decision: 'refuse',
        because: 'Line line_1: 3 asked, 2 can be returned',
      });
  });

  test('does not count twice what is already on its way back', () => {
    const lines = [line({ alreadyReturning: 2 })];
    expect(decide({ lines }).decision).toBe('approve');
    expect(decide({ lines, asked: [['line_1', 2]] }).decision).toBe('refuse');
  });

  test('of two entries of one line counts together', () => {
    const asked: Given['asked'] = [
      ['line_1', 2],
      ['line_1', 2],
    ];
    expect(decide({ asked })).toEqual({ decision: 'refuse', because: 'Line line_1: 4 asked, 3 can be returned' });
    expect(decide({ asked, lines: [line({ delivered: 4 })] }).decision).toBe('approve');
  });

  test('is refused as a whole where one line cannot come back', () => {
    const asked: Given['asked'] = [
      ['line_1', 1],
      ['line_9', 1],
    ];
    expect(decide({ asked })).toEqual({ decision: 'refuse', because: 'The order has no line line_9' });
  });

  test('is nothing before something was delivered', () => {
    expect(decide({ deliveredAt: undefined }).decision).toBe('refuse');
  });

  test('is by no order of requests more than was delivered', () => {
    const units = fc.integer({ min: 0, max: 5 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('line_1', 'line_2'), fc.integer({ min: 1, max: 5 })), { minLength: 1 }),
        fc.tuple(units, units),
        fc.integer({ min: 0, max: 30 * day }),
        (asked, [first, second], msAfter) => {
          const lines = [line({ delivered: first }), line({ lineId: 'line_2', delivered: second })];
          const fits = lines.every(
            ({ lineId, delivered }) =>
              asked.filter(([id]) => id === lineId).reduce((sum, [, quantity]) => sum + quantity, 0) <= delivered,
          );
          expect(decide({ asked, lines, msAfter }).decision !== 'refuse').toBe(fits);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('the policy of a class', () => {
  const cases: [name: string, returnClass: string, given: Given, decision: string, because: RegExp][] = [
    ['a final sale', 'clearance', {}, 'refuse', /final sale/],
    ['a final sale that is broken', 'clearance', { asked: [['line_1', 1, 'damaged']] }, 'ask', /final sale/],
    ['a final sale in the EU', 'clearance', { country: 'DE' }, 'approve', /withdrawal/],
    ['a final sale in the EU, too late', 'clearance', { country: 'DE', msAfter: 20 * day }, 'refuse', /final sale/],
    ['sealed goods in the EU', 'hygiene', { country: 'DE' }, 'refuse', /final sale/],
    ['a short window', 'short', { msAfter: 8 * day }, 'refuse', /could be returned for 7/],
    ['a short window in the EU', 'short', { msAfter: 13 * day, country: 'FR' }, 'approve', /withdrawal/],
    ['what a person looks at', 'looked_at', {}, 'ask', /a person decides about/],
    ['what a person looks at, in the EU', 'looked_at', { country: 'NO' }, 'approve', /withdrawal/],
    ['a class without a policy', 'unheard_of', {}, 'approve', /return policy/],
    ['a class that is a word of JavaScript', 'constructor', {}, 'approve', /return policy/],
  ];
  for (const [name, returnClass, given, decision, because] of cases)
    test(`${name}: ${decision}`, () => {
      const decided = decide({ ...toClass(returnClass), policies: classes, ...given });
      expect(decided).toMatchObject({ decision, because: expect.stringMatching(because) });
    });

  test('the strictest line of a return decides', () => {
    const lines = [
      line(),
      line({ lineId: 'line_2', returnClass: 'looked_at' }),
      line({ lineId: 'line_3', returnClass: 'clearance' }),
    ];
    const asked = (count: number): Given['asked'] => lines.slice(0, count).map(({ lineId }) => [lineId, 1]);
    expect(decide({ lines, asked: asked(1), policies: classes }).decision).toBe('approve');
    expect(decide({ lines, asked: asked(2), policies: classes }).decision).toBe('ask');
    expect(decide({ lines, asked: asked(3), policies: classes }).decision).toBe('refuse');
  });

  test('the standard one is for all that have none of their own', () => {
    const standard = { ...defaultReturnPolicy, windowDays: 100 };
    expect(policyOf({ standard }, 'books')).toBe(standard);
    expect(policyOf({ standard })).toBe(standard);
    expect(policyOf({})).toBe(defaultReturnPolicy);
  });

  const ways: [name: string, returnClasses: string[], given: Given, sending: object][] = [
    ['the store', ['none'], {}, { label: true, fee: 0 }],
    ['the customer, by a label', ['fee'], {}, { label: true, fee: 490 }],
    ['the customer, in a currency without a fee', ['fee'], { currency: 'USD' }, { label: false, fee: 0 }],
    ['the customer, as they like', ['own_cost'], {}, { label: false, fee: 0 }],
    ['the store, at its own fault', ['own_cost'], { asked: [['line_1', 1, 'wrong_item']] }, { label: true, fee: 0 }],
    ['the store, where one line is at its cost', ['fee', 'none'], {}, { label: true, fee: 0 }],
    ['the customer, the lower of two fees', ['dear', 'fee'], {}, { label: true, fee: 490 }],
    ['the customer, by a label that another class has', ['own_cost', 'dear'], {}, { label: true, fee: 990 }],
    ['nobody, as it is here', ['fee'], { by: 'warehouse' }, { label: false, fee: 0 }],
  ];
  for (const [name, returnClasses, given, sending] of ways)
    test(`the way back is paid by ${name}`, () => {
      const lines = returnClasses.map((returnClass, index) => line({ lineId: `line_${index + 1}`, returnClass }));
      const asked = lines.map(({ lineId }): [string, number] => [lineId, 1]);
      expect(decide({ lines, asked, policies: classes, ...given })).toMatchObject({ sending });
    });

  test('no fee is taken of who withdraws, or was sent the wrong thing', () => {
    const terms = (given: Given) => {
      const decided = decide({ ...toClass('short'), policies: classes, ...given });
      return 'terms' in decided ? decided.terms[0] : decided;
    };
    expect(terms({})).toEqual({ withdrawal: false, restockingPpm: 100_000, refundsShipping: true });
    expect(terms({ country: 'DE' })).toEqual({ withdrawal: true, restockingPpm: 0, refundsShipping: true });
    expect(terms({ asked: [['line_1', 1, 'not_as_described']] })).toMatchObject({ restockingPpm: 0 });
  });
});
