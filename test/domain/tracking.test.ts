import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hasEnded, mayGo, type ParcelStatus, parcelStates, shipmentStates } from '../../workflows/domain/states.ts';
import { isNews, needsHelp, statusOfParcels, type TrackedParcel } from '../../workflows/domain/tracking.ts';

const statuses = Object.keys(parcelStates) as ParcelStatus[];
const parcels = (...some: (ParcelStatus | 'given up')[]): TrackedParcel[] =>
  some.map((status) => (status === 'given up' ? { status: 'lost', resolved: 'refunded' } : { status }));

describe('where a shipment stands', () => {
  test.each([
    [['shipped'], 'shipped'],
    [['shipped', 'in_transit'], 'in_transit'],
    [['out_for_delivery', 'shipped'], 'in_transit'],
    [['out_for_delivery', 'out_for_delivery'], 'out_for_delivery'],
    [['delivered', 'out_for_delivery'], 'out_for_delivery'],
    [['delivered', 'shipped'], 'in_transit'],
    [['delivered', 'exception'], 'exception'],
    [['in_transit', 'lost'], 'exception'],
    [['delivered', 'delivered'], 'delivered'],
    [['delivered', 'given up'], 'delivered'],
    [['given up', 'given up'], 'lost'],
    [['returned_to_sender', 'given up'], 'returned_to_sender'],
    [['given up', 'in_transit'], 'in_transit'],
  ] as const)('with parcels %j it is %s', (some, status) => {
    expect(statusOfParcels(parcels(...some))).toBe(status);
  });
});

test('whatever its parcels do, a shipment goes only where its table lets it', () => {
  const moves = fc.array(fc.record({ parcel: fc.nat(2), to: fc.constantFrom(...statuses), giveUp: fc.boolean() }), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), moves, (count, some) => {
      const all: TrackedParcel[] = Array.from({ length: count }, () => ({ status: 'shipped' }));
      let before = statusOfParcels(all);
      for (const { parcel, to, giveUp } of some) {
        const one = all[parcel % count]!;
        if (one.resolved !== undefined) continue;
        if (giveUp && ['exception', 'lost', 'returned_to_sender'].includes(one.status)) one.resolved = 'refunded';
        else if (mayGo(parcelStates, one.status, to)) one.status = to;
        const now = statusOfParcels(all);
        if (now === before) continue;
        expect({ before, now, may: mayGo(shipmentStates, before, now) }).toMatchObject({ may: true });
        before = now;
      }
    }),
  );
});

describe('what is news', () => {
  const heard = { status: 'in_transit' as const, heardAt: '2026-11-25T12:00:00.000Z' };
  test('is newer, or an end', () => {
    expect(isNews(heard, { status: 'exception', at: '2026-11-25T11:00:00.000Z' })).toBe(false);
    expect(isNews(heard, { status: 'exception', at: '2026-11-25T12:00:00.000Z' })).toBe(true);
    expect(isNews(heard, { status: 'delivered', at: '2026-11-25T11:00:00.000Z' })).toBe(true);
    expect(isNews(heard, { status: 'accepted', at: '2026-11-25T13:00:00.000Z' })).toBe(false);
    // From depot to depot, days later.
    expect(isNews(heard, { status: 'in_transit', at: '2026-11-26T12:00:00.000Z' })).toBe(false);
    expect(isNews(heard, { status: 'in_transit', at: '2026-11-27T12:00:00.000Z' })).toBe(true);
    expect(isNews({ ...heard, status: 'delivered' }, { status: 'lost', at: '2026-11-26T00:00:00.000Z' })).toBe(false);
  });

  test('is the same in the end, in whatever order it comes and how often', () => {
    const event = fc.record({
      status: fc.constantFrom(...statuses.filter((each) => each !== 'shipped')),
      hour: fc.nat(9),
    });
    // Two ends of one parcel contradict each other: then the first that is heard counts.
    const lives = fc
      .uniqueArray(event, { selector: ({ hour }) => hour, maxLength: 8 })
      .filter((life) => life.filter(({ status }) => hasEnded(parcelStates, status)).length <= 1);
    fc.assert(
      fc.property(lives, fc.infiniteStream(fc.nat()), (life, random) => {
        const shuffled = [...life, ...life].sort(() => (random.next().value! % 3) - 1);
        const end = (events: typeof life) => {
          let parcel: { status: ParcelStatus; heardAt?: string } = { status: 'shipped' };
          for (const { status, hour } of events) {
            const at = `2026-11-25T0${hour}:00:00.000Z`;
            if (isNews(parcel, { status, at })) parcel = { status, heardAt: at };
          }
          return parcel.status;
        };
        const ordered = [...life].sort((a, b) => a.hour - b.hour);
        const isOver = life.some(({ status }) => hasEnded(parcelStates, status));
        if (isOver) expect(hasEnded(parcelStates, end(shuffled))).toBe(true);
        if (isOver) expect(end(shuffled)).toBe(end(ordered));
      }),
    );
  });

  test('needs help, unless nobody was at home', () => {
    expect(needsHelp('not_home')).toBe(false);
    expect(needsHelp('damaged')).toBe(true);
    expect(needsHelp(undefined)).toBe(true);
  });
});
