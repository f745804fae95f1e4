/**
 * When goods leave a warehouse and when they arrive: cut-off, working days and holidays, by the warehouse's own clock.
 *
 * Not to be asked in a workflow: the rules of time zones come with Node and change with it, so a replay could see others.
 */

export interface WarehouseCalendar {
  /** IANA. */
  timeZone: string;
  /** As ISO 8601 numbers them: 1 is Monday. */
  workdays: readonly number[];
  /** Local, `15:00`: what is ready before it leaves on the same day. */
  cutOff: string;
  /** Local dates on which nothing leaves, `2026-12-25`. */
  holidays: readonly string[];
  /** Whole working days that goods need before they can leave. */
  handlingDays: number;
}

export const defaultCalendar: WarehouseCalendar = {
  timeZone: 'UTC',
  workdays: [1, 2, 3, 4, 5],
  cutOff: '15:00',
  holidays: [],
  handlingDays: 0,
};

const minuteMs = 60_000;
const dayMs = 86_400_000;
const yearDays = 366;

/**
 * The cut-off of the day on which goods leave that are ready then; at the cut-off it is too late for the day.
 * @throws RangeError where a year has no working day: see `opensEveryYear`
 */
export function dispatchBy(calendar: WarehouseCalendar, readyAt: Date): Date {
  let leaves = cutOffFrom(calendar, dayIn(calendar.timeZone, readyAt.getTime()));
  if (leaves.at <= readyAt) leaves = cutOffFrom(calendar, leaves.day + 1);
  for (let left = calendar.handlingDays; left > 0; left -= 1) leaves = cutOffFrom(calendar, leaves.day + 1);
  return leaves.at;
}

/** The next cut-off: until then, and no longer, `dispatchBy` stays what it is. */
export function nextCutOff(calendar: WarehouseCalendar, after: Date): Date {
  return dispatchBy({ ...calendar, handlingDays: 0 }, after);
}

/**
 * The date after so many days of the carrier, which are Monday to Friday: a warehouse's holidays are not its carrier's,
 * and those of the destination are not known.
 */
export function arrivalDate(
  dispatchedAt: Date,
  { timeZone }: Pick<WarehouseCalendar, 'timeZone'>,
  transitDays: number,
): string {
  let day = dayIn(timeZone, dispatchedAt.getTime());
  for (let left = transitDays; left > 0; ) {
    day += 1;
    if (weekdayOf(day) <= 5) left -= 1;
  }
  return dateOf(day);
}

/** In time is until the end of the promised date by the clocks of the zone: see `latestZoneIn`. */
export function punctuality(promisedBy: string, deliveredAt: Date, timeZone: string): 'on_time' | 'late' {
  return dateIn(timeZone, deliveredAt) <= promisedBy ? 'on_time' : 'late';
}

/**
 * The zone of a country where dates end last: an address does not say its zone, and nobody is called late who was not.
 * @param country ISO 3166-1 alpha-2; of one without known zones, the last zone of all
 */
export function latestZoneIn(country: string, at: Date): string {
  const zones = zonesOf(country);
  const offsets = new Map(zones.map((zone) => [zone, offsetMs(zone, at.getTime())]));
  return zones.reduce((latest, zone) => (offsets.get(zone)! < offsets.get(latest)! ? zone : latest));
}

/** The local date, `2026-12-24`. */
export function dateIn(timeZone: string, at: Date): string {
  return dateOf(dayIn(timeZone, at.getTime()));
}

/** Whether goods always find a working day within a year: else nothing could be promised. */
export function opensEveryYear({ workdays, holidays }: Pick<WarehouseCalendar, 'workdays' | 'holidays'>): boolean {
  const closed = holidays.map(dayOf);
  const closedDays = new Set(closed);
  const isOpen = (day: number) => workdays.includes(weekdayOf(day)) && !closedDays.has(day);
  // Up to six days that are no workdays may come before the first holiday.
  return workdays.length > 0 && closed.every((day) => firstDay(day, yearDays - 6, isOpen) !== undefined);
}

/** The first cut-off of a day or one after it. */
function cutOffFrom(calendar: WarehouseCalendar, from: number): { day: number; at: Date } {
  const { timeZone, workdays, holidays, cutOff } = calendar;
  const isOpen = (day: number) => workdays.includes(weekdayOf(day)) && !holidays.includes(dateOf(day));
  const day = firstDay(from, yearDays, isOpen);
  if (day === undefined) throw new RangeError(`The calendar has no working day within a year from ${dateOf(from)}`);
  const at = instantOf(timeZone, day, cutOff);
  return at === undefined ? cutOffFrom(calendar, day + 1) : { day, at };
}

function firstDay(from: number, within: number, isOpen: (day: number) => boolean): number | undefined {
  for (let day = from; day < from + within; day += 1) if (isOpen(day)) return day;
  return undefined;
}

/**
 * When clocks show a time of a date: the first time, where they are put back and show it twice; where they are put forward
 * and skip it, as much before as they jump, so that it errs to the early side. Undefined where they skip the whole date.
 */
function instantOf(timeZone: string, day: number, time: string): Date | undefined {
  const [hours, minutes] = time.split(':').map(Number) as [number, number];
  const wall = day * dayMs + (hours * 60 + minutes) * minuteMs;
  const [before, after] = [offsetMs(timeZone, wall - dayMs), offsetMs(timeZone, wall + dayMs)];
  if (before === after) return new Date(wall - before);
  const candidates = [wall - Math.max(before, after), wall - Math.min(before, after)];
  const at =
    candidates.find((each) => wallMs(timeZone, each) === wall) ??
    candidates.find((each) => dayIn(timeZone, each) === day);
  return at === undefined ? undefined : new Date(at);
}

/** Days are counted from 1970-01-01. */
function dayIn(timeZone: string, at: number): number {
  return Math.floor(wallMs(timeZone, at) / dayMs);
}

/** What clocks show, as if it were UTC. */
function wallMs(timeZone: string, at: number): number {
  return at + offsetMs(timeZone, at);
}

/** Clocks are changed on whole minutes. */
function offsetMs(timeZone: string, at: number): number {
  const { formatter, offsets } = clockOf(timeZone);
  const minute = Math.floor(at / minuteMs);
  const known = offsets.get(minute);
  if (known !== undefined) return known;
  const offset = readOffset(formatter.format(minute * minuteMs));
  if (offsets.size >= mostMinutes) offsets.clear();
  offsets.set(minute, offset);
  return offset;
}

function readOffset(shown: string): number {
  const [, sign, hours, minutes, seconds = '0'] = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(shown)!;
  if (sign === undefined) return 0;
  const offset = (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)) * 1_000;
  return sign === '-' ? -offset : offset;
}

/** Every quote asks for the same few minutes: this one, and those around the next cut-offs. */
interface Clock {
  formatter: Intl.DateTimeFormat;
  /** By minutes since 1970. */
  offsets: Map<number, number>;
}

const mostMinutes = 1_000;
const clocks = new Map<string, Clock>();

function clockOf(timeZone: string): Clock {
  const known = clocks.get(timeZone);
  if (known !== undefined) return known;
  const formatter = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  const clock = { formatter, offsets: new Map<number, number>() };
  clocks.set(timeZone, clock);
  return clock;
}

function zonesOf(country: string): readonly string[] {
  // A function, or a property in older versions of Node.
  const locale = new Intl.Locale(`und-${country}`) as { timeZones?: string[]; getTimeZones?(): string[] };
  const zones = locale.getTimeZones?.() ?? locale.timeZones ?? [];
  return zones.length > 0 ? zones : ['Etc/GMT+12'];
}

function dayOf(date: string): number {
  return Date.parse(date) / dayMs;
}

function dateOf(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10);
}

/** 1970-01-01 was a Thursday. */
function weekdayOf(day: number): number {
  return ((((day + 3) % 7) + 7) % 7) + 1;
}
