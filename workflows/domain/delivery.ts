/** Ways of delivery: what each costs to a destination, and by when it promises to be there. */
import { arrivalDate, dispatchBy, type WarehouseCalendar } from './calendar.ts';
import type { LabelRule } from './rates.ts';
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
  /** Which of the carriers' services may be bought for it. Where it does not say, `defaultLabelRule` does. */
  labels?: LabelRule | undefined;
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
  /** Working days (Monday to Friday) on the way. */
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

/** Minor units by the carrier's service, and its working days on the way: without them those of the zone count. */
export type LiveRates = ReadonlyMap<string, { amount: number; days?: number | undefined }>;

export interface DeliveryOption {
  method: string;
  name: string;
  /** Minor units, before promotions. */
  price: number;
  /** When it leaves the warehouse at the latest. ISO 8601, UTC. */
  dispatchBy: string;
  /** Dates, `2026-12-24`. */
  earliest: string;
  promisedBy: string;
}

/** What can be had, the cheapest first. `readyAt`: when the goods are there to be sent; `calendar`: where they are. */
export function deliveryOptions(
  methods: readonly DeliveryMethod[],
  asked: {
    shipped: readonly Shipped[];
    goodsTotal: number;
    currency: string;
    to: Destination;
    readyAt: string;
    calendar: WarehouseCalendar;
    liveRates?: LiveRates | undefined;
  },
): DeliveryOption[] {
  const { shipped, goodsTotal, currency, to, readyAt, calendar, liveRates } = asked;
  const leavesBy = dispatchBy(calendar, new Date(readyAt));
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
        dispatchBy: leavesBy.toISOString(),
        earliest: arrivalDate(leavesBy, calendar, live?.days ?? zone.minDays),
        promisedBy: arrivalDate(leavesBy, calendar, live?.days ?? zone.maxDays),
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
