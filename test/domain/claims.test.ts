import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type ClaimableParcel,
  claimWindowDays,
  decideClaim,
  findClaimed,
  type Units,
} from '../../workflows/domain/claims.ts';
import { type ClaimKind, type ParcelStatus, parcelStates } from '../../workflows/domain/states.ts';

const none = { returning: new Map<string, number>(), paidBack: new Map<string, number>() };
const units = (...given: [string, number][]): Units[] => given.map(([lineId, quantity]) => ({ lineId, quantity }));

function parcel(parcelId: string, status: ParcelStatus, inside: Units[], isClaimed = false): ClaimableParcel {
  return { shipmentId: `shp_${parcelId}`, parcelId, status, units: inside, isClaimed };
}

describe('findClaimed', () => {
  const two = [parcel('a', 'delivered', units(['mug', 1], ['pen', 1])), parcel('b', 'delivered', units(['mug', 2]))];

  test('takes the units from the parcels, the first ones first', () => {
    expect(findClaimed('damaged', units(['mug', 2]), two, none)).toEqual({
      ok: true,
      parcels: [
        { shipmentId: 'shp_a', parcelId: 'a', units: units(['mug', 1]) },
        { shipmentId: 'shp_b', parcelId: 'b', units: units(['mug', 1]) },
      ],
    });
  });

  test('refuses more than was delivered, and says how many are left', () => {
    const onTheWay = [...two, parcel('c', 'in_transit', units(['mug', 5]))];
    for (const kind of ['missing', 'damaged', 'wrong_item'] as const)
      expect(findClaimed(kind, units(['mug', 4]), onTheWay, none)).toEqual({
        ok: false,
        because: 'Line mug: 4 claimed, of 3 that were delivered and are not settled otherwise',
      });
  });

  test('counts what is on its way back, and what support has paid back', () => {
    const gone = { returning: new Map([['mug', 1]]), paidBack: new Map([['mug', 1]]) };
    expect(findClaimed('damaged', units(['mug', 1]), two, gone).ok).toBe(true);
    expect(findClaimed('damaged', units(['mug', 2]), two, gone).ok).toBe(false);
  });

  test('what was paid back of a parcel that came leaves the one that did not', () => {
    const parcels = [parcel('a', 'delivered', units(['mug', 1])), parcel('b', 'lost', units(['mug', 1]))];
    const gone = { ...none, paidBack: new Map([['mug', 1]]) };
    expect(findClaimed('lost_in_transit', units(['mug', 1]), parcels, gone).ok).toBe(true);
    expect(findClaimed('lost_in_transit', units(['mug', 2]), parcels, gone).ok).toBe(false);
  });

  test('a parcel is lost as a whole, and one that the carrier has lost comes first', () => {
    const parcels = [
      parcel('moving', 'in_transit', units(['mug', 2])),
      parcel('stuck', 'exception', units(['mug', 2])),
      parcel('lost', 'lost', units(['mug', 2])),
    ];
    const found = findClaimed('lost_in_transit', units(['mug', 4]), parcels, none);
    expect(found.ok && found.parcels.map(({ parcelId }) => parcelId)).toEqual(['lost', 'stuck']);
    expect(findClaimed('lost_in_transit', units(['mug', 3]), parcels, none)).toEqual({
      ok: false,
      because:
        'A parcel is lost as a whole: claim all that is in it, of lost (2 of mug) or stuck (2 of mug) or moving (2 of mug)',
    });
  });

  test('finds, whatever is asked, exactly the units that are claimed, or nothing', () => {
    const line = fc.constantFrom('mug', 'pen');
    const some = fc.uniqueArray(fc.record({ lineId: line, quantity: fc.integer({ min: 1, max: 4 }) }), {
      selector: ({ lineId }) => lineId,
      minLength: 1,
    });
    const status = fc.constantFrom(...(Object.keys(parcelStates) as ParcelStatus[]));
    const parcels = fc.array(fc.tuple(status, some), { maxLength: 4 });
    const kind = fc.constantFrom<ClaimKind>('missing', 'damaged', 'wrong_item', 'lost_in_transit');
    fc.assert(
      fc.property(kind, some, parcels, (kind, asked, sent) => {
        const all = sent.map(([status, inside], index) => parcel(`${index}`, status, inside));
        const found = findClaimed(kind, asked, all, none);
        if (!found.ok) return;
        for (const { lineId, quantity } of asked) {
          const taken = found.parcels.flatMap((each) => each.units).filter((each) => each.lineId === lineId);
          expect(taken.reduce((sum, each) => sum + each.quantity, 0)).toBe(quantity);
        }
        for (const { parcelId, units: taken } of found.parcels) {
          const { status, units: inside } = all.find((each) => each.parcelId === parcelId)!;
          expect(status === 'delivered').toBe(kind !== 'lost_in_transit');
          for (const { lineId, quantity } of taken)
            expect(inside.find((each) => each.lineId === lineId)!.quantity).toBeGreaterThanOrEqual(quantity);
        }
      }),
    );
  });
});

describe('decideClaim', () => {
  const decide = (worth: number, evidence: number, rules: Parameters<typeof decideClaim>[1], currency = 'EUR') =>
    decideClaim({ worth, evidence, currency }, rules).decision;

  test('leaves every claim to a person where the store has no rule for its currency', () => {
    expect(decide(1, 5, {})).toBe('ask');
    expect(decide(1, 5, { autoApproveUpTo: { USD: 1_000 } })).toBe('ask');
  });

  test('approves up to the amount, and from another on with evidence only', () => {
    const rules = { autoApproveUpTo: { EUR: 1_000 }, evidenceNeededFrom: { EUR: 500 } };
    expect(decide(499, 0, rules)).toBe('approve');
    expect(decide(500, 0, rules)).toBe('ask');
    expect(decide(1_000, 1, rules)).toBe('approve');
    expect(decide(1_001, 1, rules)).toBe('ask');
  });

  test('leaves what came long ago to a person', () => {
    const of = (days: number) =>
      decideClaim({ worth: 1, evidence: 1, currency: 'EUR', days }, { autoApproveUpTo: { EUR: 1 } });
    expect(of(claimWindowDays).decision).toBe('approve');
    expect(of(claimWindowDays + 1)).toEqual({ decision: 'ask', because: 'Delivered 31 days ago' });
  });
});
