/** What the carrier sells: services, zones, limits. Amounts are euro cents, times of day UTC. */
import { Refusal } from '../refusal.ts';

interface Place {
  country: string;
  postalCode?: string | undefined;
}

interface Parcel {
  weightGrams: number;
  lengthMm: number;
  widthMm: number;
  heightMm: number;
}

type Zone = 'domestic' | 'continent' | 'world';

interface Service {
  name: string;
  /** Hundredths of the price of `standard`. */
  percent: number;
  /** Working days on the way. It goes to no other zones. */
  days: Partial<Record<Zone, number>>;
  /** The hour; what is handed in later counts from the next working day. */
  cutOff: number;
  maxWeightGrams: number;
  maxLengthMm: number;
  /** Once lengthwise and once around. */
  maxGirthMm: number;
}

const large = { maxWeightGrams: 30_000, maxLengthMm: 1750, maxGirthMm: 3600 };

export const services: readonly Service[] = [
  {
    name: 'economy',
    percent: 80,
    days: { domestic: 4, continent: 8, world: 21 },
    cutOff: 18,
    maxWeightGrams: 20_000,
    maxLengthMm: 1200,
    maxGirthMm: 3000,
  },
  { name: 'standard', percent: 100, days: { domestic: 2, continent: 5, world: 12 }, cutOff: 18, ...large },
  { name: 'express', percent: 200, days: { domestic: 1, continent: 2, world: 4 }, cutOff: 17, ...large },
  {
    name: 'overnight',
    percent: 320,
    days: { domestic: 1 },
    cutOff: 15,
    maxWeightGrams: 10_000,
    maxLengthMm: 1000,
    maxGirthMm: 2000,
  },
];

/** For the parcel, and for each kilogram begun. */
const prices: Record<Zone, { parcel: number; kilogram: number }> = {
  domestic: { parcel: 490, kilogram: 60 },
  continent: { parcel: 990, kilogram: 150 },
  world: { parcel: 1990, kilogram: 450 },
};

const continents = [
  'AD AL AT BA BE BG BY CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS SE SI SK SM UA VA',
  'CA MX US',
  'CN HK ID IN JP KR MY PH SG TH TW VN',
  'AR BO BR CL CO EC PE PY UY VE',
  'AU NZ',
].map((codes) => new Set(codes.split(' ')));

export function zoneOf(from: Place, to: Place): Zone {
  if (from.country === to.country) return 'domestic';
  return continents.some((codes) => codes.has(from.country) && codes.has(to.country)) ? 'continent' : 'world';
}

export function priceOf({ percent }: Service, zone: Zone, weightGrams: number): number {
  const { parcel, kilogram } = prices[zone];
  return ((parcel + kilogram * Math.ceil(weightGrams / 1000)) * percent) / 100;
}

/** What a parcel of this size can be sent with. */
export function fits({ maxLengthMm, maxGirthMm }: Service, { lengthMm, widthMm, heightMm }: Parcel): boolean {
  const [longest, ...others] = [lengthMm, widthMm, heightMm].sort((a, b) => b - a) as [number, number, number];
  return longest <= maxLengthMm && longest + 2 * others.reduce((sum, side) => sum + side, 0) <= maxGirthMm;
}

export function refuseUnserved(ends: { from: Place; to: Place }): void {
  for (const end of ['from', 'to'] as const) {
    if (ends[end].postalCode === '00000' || ends[end].country === 'XX') {
      throw new Refusal(422, 'address_not_serviceable', `the carrier does not serve the address in "${end}"`);
    }
  }
}

/** The service by its name, where it carries such a parcel between such places. */
export function serviceFor(name: string, ends: { from: Place; to: Place; parcel: Parcel }): Service {
  refuseUnserved(ends);
  const service = services.find((one) => one.name === name);
  if (!service) throw new Refusal(422, 'service_unknown', `the services are ${services.map((one) => one.name)}`);
  if (service.days[zoneOf(ends.from, ends.to)] === undefined) {
    throw new Refusal(422, 'service_not_available', `${name} does not go there`);
  }
  if (ends.parcel.weightGrams > service.maxWeightGrams) {
    throw new Refusal(422, 'parcel_too_heavy', `a parcel weighs at most ${service.maxWeightGrams} g`);
  }
  if (!fits(service, ends.parcel)) {
    const { maxLengthMm, maxGirthMm } = service;
    throw new Refusal(422, 'parcel_too_large', `at most ${maxLengthMm} mm long, ${maxGirthMm} mm with its girth`);
  }
  return service;
}

/** The date, such as `2026-12-24`, that a parcel handed in now is expected to arrive on. */
export function expectedOn({ cutOff, days }: Service, zone: Zone, now: Date): string {
  const day = new Date(now);
  // Handed in on a weekend, it starts as on Monday morning.
  const late = isWorkingDay(day) && day.getUTCHours() >= cutOff;
  for (let left = (days[zone] ?? 0) + (late ? 1 : 0); left > 0; ) {
    day.setUTCDate(day.getUTCDate() + 1);
    if (isWorkingDay(day)) left -= 1;
  }
  return day.toISOString().slice(0, 10);
}

const isWorkingDay = (day: Date) => day.getUTCDay() !== 0 && day.getUTCDay() !== 6;
