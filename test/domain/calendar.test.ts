import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  arrivalDate,
  dateIn,
  defaultCalendar,
  dispatchBy,
  latestZoneIn,
  nextCutOff,
  opensEveryYear,
  punctuality,
  type WarehouseCalendar,
} from '../../workflows/domain/calendar.ts';

const calendar = (changes: Partial<WarehouseCalendar> = {}): WarehouseCalendar => ({ ...defaultCalendar, ...changes });
const inZone = (timeZone: string, changes: Partial<WarehouseCalendar> = {}) => calendar({ timeZone, ...changes });
const everyDay = [1, 2, 3, 4, 5, 6, 7];
const leaves = (warehouse: WarehouseCalendar, readyAt: string) =>
  dispatchBy(warehouse, new Date(readyAt)).toISOString().replace(':00.000Z', 'Z');

describe('goods leave', () => {
  // 2026-11-24 is a Tuesday.
  test.each([
    ['on a working day before the cut-off', '2026-11-24T14:59:59.999Z', {}, '2026-11-24T15:00Z'],
    ['at the cut-off: too late', '2026-11-24T15:00:00Z', {}, '2026-11-25T15:00Z'],
    ['on a Friday after the cut-off', '2026-11-27T15:00:01Z', {}, '2026-11-30T15:00Z'],
    ['on a Saturday', '2026-11-28T09:00:00Z', {}, '2026-11-30T15:00Z'],
    ['on a Saturday that is a workday', '2026-11-28T09:00:00Z', { workdays: everyDay }, '2026-11-28T15:00Z'],
    ['before a holiday', '2026-11-24T16:00:00Z', { holidays: ['2026-11-25'] }, '2026-11-26T15:00Z'],
    ['on a holiday', '2026-11-24T09:00:00Z', { holidays: ['2026-11-24'] }, '2026-11-25T15:00Z'],
    ['with a day of work on them', '2026-11-24T09:00:00Z', { handlingDays: 1 }, '2026-11-25T15:00Z'],
    ['with two, over a weekend', '2026-11-27T16:00:00Z', { handlingDays: 2 }, '2026-12-02T15:00Z'],
    [
      'with two, over a holiday',
      '2026-11-24T09:00:00Z',
      { handlingDays: 2, holidays: ['2026-11-25'] },
      '2026-11-27T15:00Z',
    ],
    ['over the end of a year', '2026-12-31T16:00:00Z', { holidays: ['2027-01-01'] }, '2027-01-04T15:00Z'],
  ])('that are ready %s (%s): %j %s', (_, readyAt, changes, expected) => {
    expect(leaves(calendar(changes), readyAt)).toBe(expected);
  });

  test.each([
    ['Berlin in winter', 'Europe/Berlin', '2026-11-24T13:59:00Z', '2026-11-24T14:00Z'],
    ['Berlin in summer', 'Europe/Berlin', '2026-07-14T13:01:00Z', '2026-07-15T13:00Z'],
    ['Kathmandu', 'Asia/Kathmandu', '2026-11-24T09:14:00Z', '2026-11-24T09:15Z'],
    // There it is Wednesday already, or Monday still.
    ['Auckland', 'Pacific/Auckland', '2026-11-24T12:00:00Z', '2026-11-25T02:00Z'],
    ['Honolulu', 'Pacific/Honolulu', '2026-11-24T00:30:00Z', '2026-11-24T01:00Z'],
    // Friday to Monday, over the night in which the clocks change.
    ['Berlin into summer', 'Europe/Berlin', '2026-03-27T16:00:00Z', '2026-03-30T13:00Z'],
    ['New York into winter', 'America/New_York', '2026-10-30T20:00:00Z', '2026-11-02T20:00Z'],
    ['Lord Howe, by half an hour', 'Australia/Lord_Howe', '2026-04-03T05:00:00Z', '2026-04-06T04:30Z'],
  ])('by the clocks of %s', (_, timeZone, readyAt, expected) => {
    expect(leaves(inZone(timeZone), readyAt)).toBe(expected);
  });

  test.each([
    // Skipped: 02:00 to 03:00 on a Sunday; an hour before.
    ['Europe/Berlin', '02:30', '2026-03-29T00:00:00Z', '2026-03-29T00:30Z'],
    ['America/New_York', '02:30', '2026-03-08T06:00:00Z', '2026-03-08T06:30Z'],
    // Skipped: 02:00 to 02:30.
    ['Australia/Lord_Howe', '02:15', '2026-10-03T15:00:00Z', '2026-10-03T15:15Z'],
    // Skipped: 00:00 to 01:00; an hour before would be the day before.
    ['Africa/Cairo', '00:30', '2026-04-23T21:00:00Z', '2026-04-23T22:30Z'],
    // Skipped: the last hour of a day.
    ['America/Nuuk', '23:30', '2026-03-29T00:00:00Z', '2026-03-29T00:30Z'],
    // Twice: the first time.
    ['Europe/Berlin', '02:30', '2026-10-25T00:00:00Z', '2026-10-25T00:30Z'],
    ['America/New_York', '01:30', '2026-11-01T05:00:00Z', '2026-11-01T05:30Z'],
    ['Australia/Lord_Howe', '01:45', '2026-04-04T14:00:00Z', '2026-04-04T14:45Z'],
  ])('in %s by a cut-off at %s, which the clocks skip or show twice', (timeZone, cutOff, readyAt, expected) => {
    expect(leaves(inZone(timeZone, { cutOff, workdays: everyDay }), readyAt)).toBe(expected);
  });

  test('not at the second of two cut-offs', () => {
    const warehouse = inZone('Europe/Berlin', { cutOff: '02:30', workdays: everyDay });
    expect(leaves(warehouse, '2026-10-25T00:45:00Z')).toBe('2026-10-26T01:30Z');
  });

  test('on no date that there was not: Samoa had no 2011-12-30, a Friday', () => {
    const samoa = inZone('Pacific/Apia');
    expect(leaves(samoa, '2011-12-30T00:59:00Z')).toBe('2011-12-30T01:00Z');
    expect(dateIn('Pacific/Apia', new Date('2011-12-30T00:59:00Z'))).toBe('2011-12-29');
    expect(leaves(samoa, '2011-12-30T01:00:00Z')).toBe('2012-01-02T01:00Z');
    expect(leaves({ ...samoa, workdays: everyDay }, '2011-12-30T01:00:00Z')).toBe('2011-12-31T01:00Z');
  });
});

describe('the local date', () => {
  test.each([
    ['UTC', '2026-11-24T23:59:59.999Z', '2026-11-24'],
    ['Europe/Berlin', '2026-11-24T23:00:00Z', '2026-11-25'],
    ['America/New_York', '2026-11-25T04:59:59Z', '2026-11-24'],
    ['Asia/Kathmandu', '2026-11-24T18:15:00Z', '2026-11-25'],
    ['Etc/GMT+12', '2026-11-25T11:59:00Z', '2026-11-24'],
    ['Pacific/Apia', '2011-12-30T10:00:00Z', '2011-12-31'],
  ])('in %s at %s is %s', (timeZone, at, expected) => {
    expect(dateIn(timeZone, new Date(at))).toBe(expected);
  });

  test('is none in a zone that there is not', () => {
    expect(() => dateIn('Europe/Atlantis', new Date())).toThrow('Europe/Atlantis');
  });
});

describe('goods arrive', () => {
  test.each([
    ['Tuesday', '2026-11-24T12:00:00Z', 1, '2026-11-25'],
    ['Friday', '2026-11-27T12:00:00Z', 1, '2026-11-30'],
    ['Friday', '2026-11-27T12:00:00Z', 6, '2026-12-07'],
    ['Saturday', '2026-11-28T12:00:00Z', 1, '2026-11-30'],
    ['Sunday', '2026-11-29T23:59:59Z', 2, '2026-12-01'],
    ['Thursday', '2026-12-31T12:00:00Z', 1, '2027-01-01'],
    ['the same day', '2026-11-24T12:00:00Z', 0, '2026-11-24'],
  ])('from %s %s, %d working days later: %s', (_, from, days, expected) => {
    expect(arrivalDate(new Date(from), defaultCalendar, days)).toBe(expected);
  });

  test('counted from the local date on which they left', () => {
    const at = new Date('2026-11-24T23:30:00Z');
    expect(['UTC', 'Europe/Berlin'].map((timeZone) => arrivalDate(at, { timeZone }, 1))).toEqual([
      '2026-11-25',
      '2026-11-26',
    ]);
  });

  test('also while the warehouse has a holiday', () => {
    const warehouse = calendar({ holidays: ['2026-11-25'] });
    expect(arrivalDate(new Date('2026-11-24T15:00:00Z'), warehouse, 1)).toBe('2026-11-25');
  });
});

describe('a delivery is in time', () => {
  test.each([
    ['the evening of the day', '2026-11-26T22:59:59Z', 'Europe/Berlin', 'on_time'],
    ['midnight', '2026-11-26T23:00:00Z', 'Europe/Berlin', 'late'],
    ['days before', '2026-11-20T12:00:00Z', 'Europe/Berlin', 'on_time'],
    ['the evening in Hawaii', '2026-11-27T09:59:59Z', latestZoneIn('US', new Date('2026-11-27')), 'on_time'],
    ['midnight in Hawaii', '2026-11-27T10:00:00Z', latestZoneIn('US', new Date('2026-11-27')), 'late'],
  ])('at %s %s in %s: %s', (_, deliveredAt, timeZone, expected) => {
    expect(punctuality('2026-11-26', new Date(deliveredAt), timeZone)).toBe(expected);
  });

  test('by the zone of its country where dates end last', () => {
    const zones = ['DE', 'AU', 'RU', 'NP'].map((country) => latestZoneIn(country, new Date('2026-07-01')));
    expect(zones).toEqual(['Europe/Berlin', 'Australia/Perth', 'Europe/Kaliningrad', expect.stringMatching(/Kat/)]);
    // Kosovo has no zone of its own.
    expect(latestZoneIn('XK', new Date())).toBe('Etc/GMT+12');
  });
});

describe('a calendar', () => {
  const from = (first: string, days: number) =>
    Array.from({ length: days }, (_, index) =>
      new Date(Date.parse(first) + index * 86_400_000).toISOString().slice(0, 10),
    );

  test('that is closed for a year cannot promise anything, and says so', () => {
    const closed = calendar({ holidays: from('2026-11-24', 400) });
    expect(opensEveryYear(closed)).toBe(false);
    expect(opensEveryYear(calendar({ workdays: [] }))).toBe(false);
    expect(() => dispatchBy(closed, new Date('2026-11-24T09:00:00Z'))).toThrow(
      new RangeError('The calendar has no working day within a year from 2026-11-24'),
    );
    expect(() => dispatchBy(calendar({ workdays: [] }), new Date('2026-11-24T09:00:00Z'))).toThrow(RangeError);
  });

  test('may be closed for months', () => {
    const season = calendar({ holidays: from('2026-11-24', 200) });
    expect(opensEveryYear(season)).toBe(true);
    expect(leaves(season, '2026-11-24T09:00:00Z')).toBe('2027-06-14T15:00Z');
  });

  test('that counts as open has a day to leave on, whenever goods are ready', () => {
    const anyDays = fc
      .tuple(fc.integer({ min: 0, max: 800 }), fc.integer({ min: 0, max: 420 }))
      .map(([start, length]) => from(new Date(Date.UTC(2026, 0, 1 + start)).toISOString().slice(0, 10), length));
    const anyClosed = fc.record({ workdays: anyWorkdays, holidays: anyDays });
    fc.assert(
      fc.property(anyClosed, fc.integer({ min: 0, max: 1_300 }), (closed, day) => {
        fc.pre(opensEveryYear(closed));
        const readyAt = new Date(Date.UTC(2026, 0, day, 12));
        expect(dispatchBy(calendar(closed), readyAt) > readyAt).toBe(true);
      }),
    );
  });
});

// ---- What holds for every calendar and moment ----

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Nuuk',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Africa/Cairo',
  'Pacific/Apia',
];
const anyWorkdays = fc.subarray(everyDay, { minLength: 1 });
/** Around the nights in which clocks change, the day among them that Samoa skipped. */
const anyMoment = fc
  .tuple(
    fc.constantFrom('2026-03-08', '2026-03-29', '2026-04-05', '2026-04-24', '2026-10-25', '2026-11-01', '2011-12-30'),
    fc.integer({ min: -8 * 24 * 60, max: 8 * 24 * 60 }),
  )
  .map(([date, minutes]) => new Date(Date.parse(date) + minutes * 60_000));
const anyCalendar = fc.record({
  timeZone: fc.constantFrom(...zones),
  workdays: anyWorkdays,
  cutOff: fc.integer({ min: 0, max: 95 }).map((quarter) => new Date(quarter * 900_000).toISOString().slice(11, 16)),
  holidays: fc.constantFrom([], ['2026-03-30', '2026-03-31'], ['2026-11-02'], ['2011-12-29']),
  handlingDays: fc.integer({ min: 0, max: 3 }),
});

const isOpen = ({ workdays, holidays }: WarehouseCalendar, date: string) =>
  workdays.includes(new Date(date).getUTCDay() || 7) && !holidays.includes(date);

/** By another way: what clocks show, quarter of an hour by quarter. */
function shown(timeZone: string, at: Date): { date: string; time: string } {
  const [date, time] = at.toLocaleString('sv', { timeZone }).split(' ') as [string, string];
  return { date, time: time.slice(0, 5) };
}

test('goods leave after they are ready, on a day that is one', () => {
  fc.assert(
    fc.property(anyCalendar, anyMoment, (warehouse, readyAt) => {
      const at = dispatchBy(warehouse, readyAt);
      expect(at > readyAt).toBe(true);
      expect(isOpen(warehouse, dateIn(warehouse.timeZone, at))).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});

test('goods leave at the first time that the clocks show the cut-off of an open day, and none before it was ready', () => {
  const byDay = anyCalendar.map((each) => ({ ...each, cutOff: each.cutOff.replace(/^0[0-3]|^23/, '12') }));
  fc.assert(
    fc.property(byDay, anyMoment, (warehouse, readyAt) => {
      let left = warehouse.handlingDays;
      let at = Math.floor(readyAt.getTime() / 900_000) * 900_000;
      for (;;) {
        at += 900_000;
        const { date, time } = shown(warehouse.timeZone, new Date(at));
        if (time !== warehouse.cutOff || !isOpen(warehouse, date)) continue;
        if (left === 0) break;
        left -= 1;
      }
      expect(dispatchBy(warehouse, readyAt)).toEqual(new Date(at));
    }),
    { numRuns: 60 },
  );
});

test('what is ready later leaves no earlier, and a promise holds exactly until the next cut-off', () => {
  fc.assert(
    fc.property(anyCalendar, anyMoment, fc.integer({ min: 0, max: 72 * 60 }), (warehouse, readyAt, minutes) => {
      const at = dispatchBy(warehouse, readyAt);
      const until = nextCutOff(warehouse, readyAt);
      const later = new Date(readyAt.getTime() + minutes * 60_000);
      expect(dispatchBy(warehouse, later) >= at).toBe(true);
      expect(dispatchBy(warehouse, later) > at).toBe(later >= until);
      expect(dispatchBy(warehouse, new Date(until.getTime() - 1))).toEqual(at);
    }),
    { numRuns: 1_000 },
  );
});

test('the local date is what clocks show', () => {
  fc.assert(
    fc.property(fc.constantFrom(...zones), anyMoment, (timeZone, at) => {
      expect(dateIn(timeZone, at)).toBe(shown(timeZone, at).date);
    }),
  );
});

test('between leaving and arriving lie as many days from Monday to Friday as were asked for', () => {
  fc.assert(
    fc.property(fc.constantFrom(...zones), anyMoment, fc.integer({ min: 0, max: 90 }), (timeZone, at, days) => {
      const arrives = Date.parse(arrivalDate(at, { timeZone }, days));
      let weekdays = 0;
      for (let day = Date.parse(dateIn(timeZone, at)) + 86_400_000; day <= arrives; day += 86_400_000)
        if (![0, 6].includes(new Date(day).getUTCDay())) weekdays += 1;
      expect(weekdays).toBe(days);
      if (days > 0) expect([0, 6]).not.toContain(new Date(arrives).getUTCDay());
    }),
  );
});
