/** Taxes on what is sold: which rates a destination has, and what they come to, in prices with the tax in them or without. */
import { portion, proportion, split } from './money.ts';

export interface Destination {
  /** ISO 3166-1 alpha-2. */
  country: string;
  region?: string | undefined;
  postalCode?: string | undefined;
  city?: string | undefined;
}

/** A rate of the table. Of two with one name, that of the region replaces that of the country; those of different names add up. */
export interface TaxRate {
  id: string;
  /** As it stands on the invoice. */
  name: string;
  country: string;
  region?: string | undefined;
  taxClass: string;
  /** Parts per million: 8.875 % are 88_750. */
  ppm: number;
  /** Whether it is levied on shipping as well. */
  onShipping: boolean;
  /** ISO 8601, UTC. From then on, and until just before. */
  validFrom?: string | undefined;
  validUntil?: string | undefined;
}

export const standardClass = 'standard';

/** A part of a price, before taxes are known. */
export interface Piece {
  /** Minor units, or the steps in which the currency can be paid: with the tax in it where prices are inclusive. */
  amount: number;
  rates: readonly AppliedRate[];
}

export interface AppliedRate {
  name: string;
  ppm: number;
}

export interface Levied extends AppliedRate {
  amount: number;
}

/** A tax, and the net amount that it was levied on. */
export interface TaxPart extends Levied {
  base: number;
}

export type Rounding = 'line' | 'total';

/** The rates of the table that a thing of this class has at its destination. */
export function ratesFor(
  table: readonly TaxRate[],
  thing: { taxClass: string; to: Destination; at: string; shipping: boolean },
): AppliedRate[] {
  const { taxClass, to, at, shipping } = thing;
  const found = table.filter(
    (rate) =>
      rate.country === to.country &&
      (rate.region === undefined || rate.region === to.region) &&
      rate.taxClass === taxClass &&
      isValid(rate, at),
  );
  return found
    .filter((rate) => rate.region !== undefined || !found.some((other) => other.name === rate.name && other.region))
    .filter((rate) => rate.ppm > 0 && (rate.onShipping || !shipping))
    .map(({ name, ppm }) => ({ name, ppm }))
    .sort((a, b) => (a.name === b.name ? a.ppm - b.ppm : a.name < b.name ? -1 : 1));
}

export function isValid(
  { validFrom, validUntil }: { validFrom?: string | undefined; validUntil?: string | undefined },
  at: string,
): boolean {
  return (
    (validFrom === undefined || !isBefore(at, validFrom)) && (validUntil === undefined || isBefore(at, validUntil))
  );
}

/** ISO 8601, UTC. As strings they are in order only where they are equally precise: `12:00:00.5Z` stands before `12:00:00Z`. */
export function isBefore(a: string, b: string): boolean {
  return a.length === b.length ? a < b : Date.parse(a) < Date.parse(b);
}

/** True where both hold at some moment. */
export function overlap(
  a: { validFrom?: string | undefined; validUntil?: string | undefined },
  b: { validFrom?: string | undefined; validUntil?: string | undefined },
): boolean {
  const before = (until: string | undefined, from: string | undefined) =>
    until !== undefined && from !== undefined && !isBefore(from, until);
  return !before(a.validUntil, b.validFrom) && !before(b.validUntil, a.validFrom);
}

/**
 * The taxes of each piece. `line` rounds for each piece and rate; `total` rounds once for all pieces of the same rates, and
 * gives every piece its share of that. Half a minor unit is rounded up.
 */
export function taxesOf(pieces: readonly Piece[], inclusive: boolean, rounding: Rounding): Levied[][] {
  const taxes: Levied[][] = pieces.map(() => []);
  const groups = rounding === 'line' ? pieces.map((_piece, index) => [index]) : groupsOf(pieces);
  for (const group of groups) {
    const { rates } = pieces[group[0]!]!;
    if (rates.length === 0) continue;
    const amounts = group.map((index) => pieces[index]!.amount);
    const sum = amounts.reduce((all, amount) => all + amount, 0);
    const shares = inclusive ? withinPrice(sum, amounts, rates) : onTop(sum, amounts, rates);
    for (const [place, index] of group.entries()) {
      taxes[index] = rates.map((rate, which) => ({ ...rate, amount: shares[place]![which]! }));
    }
  }
  return taxes;
}

/** Rates of one key are one rate. */
export function rateKey({ name, ppm }: AppliedRate): string {
  return `${name}:${ppm}`;
}

function groupsOf(pieces: readonly Piece[]): number[][] {
  const groups = new Map<string, number[]>();
  for (const [index, { rates }] of pieces.entries()) {
    const key = rates.map(rateKey).join('|');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [index]);
    else group.push(index);
  }
  return [...groups.values()];
}

/** Every rate is levied, and rounded, by itself. For each piece the amount of each rate. */
function onTop(sum: number, amounts: readonly number[], rates: readonly AppliedRate[]): number[][] {
  const byRate = rates.map(({ ppm }) => split(portion(sum, ppm), amounts));
  return amounts.map((_amount, place) => byRate.map((shares) => shares[place]!));
}

/** What is in the price is found for all rates together, and then shared by them, so that no net falls below zero. */
function withinPrice(sum: number, amounts: readonly number[], rates: readonly AppliedRate[]): number[][] {
  const weights = rates.map(({ ppm }) => ppm);
  const ppm = weights.reduce((all, weight) => all + weight, 0);
  return split(proportion(sum, ppm, 1_000_000 + ppm), amounts).map((share) => split(share, weights));
}
