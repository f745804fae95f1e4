/** Ways of delivery: what each costs to a destination, and by when it promises to be there. */
import type { Destination } from './taxes.ts';

export interface DeliveryMethod {
  id: string;
  name: string;
  active: boolean;
  /** Lower is shown first, and chosen among equally cheap ones. */
  position: number;
  /** The first that the destination is in counts. */
  zones: readonly Zone[];
  /** Cubic centimetres that count as a kilogram: light things that need much room pay for it. */
  volumetricDivisor?: number | undefined;
  /** The carrier's service whose live price is asked for. Where there is none, the zone's prices count. */
  liveService?: string | undefined;
}

export interface Zone {
  /** ISO 3166-1 alpha-2; `*` is every country. */
  countries: readonly string[];
  /** Only these regions of them. */
  regions?: readonly string[] | undefined;
  /** By currency; the first that the goods fit into counts. In a currency that is not named it does not deliver. */
  prices: Readonly<Record<string, readonly DeliveryPrice[]>>;
  /** Minor units by currency that the goods must cost, after promotions, for a free delivery. */
  freeFrom?: Readonly<Record<string, number>> | undefined;
  /** Working days (Monday to Friday) from having the goods until they are there. */
  minDays: number;
  maxDays: number;
}

export interface DeliveryPrice {
  /** Minor units. */
  price: number;
  upToGrams?: number | undefined;
  /** What the goods cost at most, after promotions. */
  upToTotal?: number | undefined;
}

export interface Shipped {
  quantity: number;
  weightGrams: number;
  /** Outer size of a unit in millimetres. */
  sizeMm?: { length: number; width: number; height: number } | undefined;
}

/** Minor units by the carrier's service, and its days on the way. */
export type LiveRates = ReadonlyMap<string, { amount: number; days: number }>;

export interface DeliveryOption {
  method: string;
  name: string;
  /** Minor units, before promotions. */
  price: number;
  /** Dates, `2026-12-24`. */
  earliest: string;
  promisedBy: string;
}

/** What can be had, the cheapest first. `readyAt`: when the goods are there to be sent. */
export function deliveryOptions(
  methods: readonly DeliveryMethod[],
  asked: {
    shipped: readonly Shipped[];
    goodsTotal: number;
    currency: string;
    to: Destination;
    readyAt: string;
    liveRates?: LiveRates | undefined;
  },
): DeliveryOption[] {
  const { shipped, goodsTotal, currency, to, readyAt, liveRates } = asked;
  return methods
    .filter(({ active }) => active)
    .flatMap((method) => {
      const zone = method.zones.find((each) => isIn(each, to));
      if (zone === undefined) return [];
      const grams = chargeableGrams(shipped, method.volumetricDivisor);
      const price = priceIn(zone, currency, grams, goodsTotal);
      const live = method.liveService === undefined ? undefined : liveRates?.get(method.liveService);
      if (price === undefined && live === undefined) return [];
      const freeFrom = zone.freeFrom?.[currency];
      const isFree = freeFrom !== undefined && goodsTotal >= freeFrom;
      const option = {
        method: method.id,
        name: method.name,
        price: isFree ? 0 : (live?.amount ?? price!),
        earliest: workingDaysAfter(readyAt, live?.days ?? zone.minDays),
        promisedBy: workingDaysAfter(readyAt, live?.days ?? zone.maxDays),
      };
      return [{ option, position: method.position }];
    })
    .sort(
      (a, b) =>
        a.option.price - b.option.price || a.position - b.position || (a.option.method < b.option.method ? -1 : 1),
    )
    .map(({ option }) => option);
}

function isIn({ countries, regions }: Zone, { country, region }: Destination): boolean {
  if (!countries.includes(country) && !countries.includes('*')) return false;
  return regions === undefined || (region !== undefined && regions.includes(region));
}

function priceIn(zone: Zone, currency: string, grams: number, goodsTotal: number): number | undefined {
  return zone.prices[currency]?.find(
    ({ upToGrams, upToTotal }) =>
      (upToGrams === undefined || grams <= upToGrams) && (upToTotal === undefined || goodsTotal <= upToTotal),
  )?.price;
}

/** What it weighs, or what its room counts as, unit by unit. */
export function chargeableGrams(shipped: readonly Shipped[], volumetricDivisor?: number): number {
  return shipped.reduce((sum, { quantity, weightGrams, sizeMm }) => {
    if (volumetricDivisor === undefined || sizeMm === undefined) return sum + quantity * weightGrams;
    // Cubic millimetres by cubic centimetres a kilogram are grams.
    const volumetric = Math.ceil((sizeMm.length * sizeMm.width * sizeMm.height) / volumetricDivisor);
    return sum + quantity * Math.max(weightGrams, volumetric);
  }, 0);
}

/** The date, in UTC, so many days from Monday to Friday later. */
export function workingDaysAfter(from: string, days: number): string {
  const date = new Date(from);
  for (let left = days; left > 0; ) {
    date.setUTCDate(date.getUTCDate() + 1);
    const weekday = date.getUTCDay();
    if (weekday !== 0 && weekday !== 6) left -= 1;
  }
  return date.toISOString().slice(0, 10);
}
