/**
 * The right to withdraw from a purchase at a distance, of Directive 2011/83/EU, which is EEA law as well:
 * https://eur-lex.europa.eu/eli/dir/2011/83/oj
 */
import { dateIn, latestZoneIn } from './calendar.ts';
import { proportion } from './money.ts';

/** The states of the EEA, by ISO 3166-1 alpha-2. */
const states = new Set(
  'AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK'.split(' '),
);

/** Article 9(1). */
const withdrawalDays = 14;

const dayMs = 86_400_000;
/** From a date's midnight in UTC until the date is over everywhere on earth. */
const endOfDateMs = 36 * 3_600_000;

/**
 * Whether the customer may still withdraw. The days are whole ones, the day of delivery does not count, and what would end
 * at a weekend ends with the Monday: article 3 of Regulation 1182/71. Public holidays are not known.
 * @param lastDelivery when the last parcel of the order arrived: article 9(2)(b)(i)
 */
export function mayWithdraw(country: string, lastDelivery: Date, now: Date): boolean {
  if (!states.has(country)) return false;
  const day = Date.parse(dateIn(latestZoneIn(country, lastDelivery), lastDelivery));
  let last = day + withdrawalDays * dayMs;
  while ([0, 6].includes(new Date(last).getUTCDay())) last += dayMs;
  return now.getTime() < last + endOfDateMs;
}

/**
 * Minor units of the shipping that come back with a whole order: not what another than the cheapest way of delivery cost
 * beyond that, by article 13(2). Where the cheapest one is not known, all of it.
 */
export function shippingOfWithdrawal(shipping: {
  total: number;
  subtotal: number;
  discounts: readonly { amount: number }[];
  cheapest?: number | undefined;
}): number {
  const { total, subtotal, discounts, cheapest } = shipping;
  const paid = subtotal - discounts.reduce((sum, { amount }) => sum + amount, 0);
  return cheapest === undefined || cheapest >= paid ? total : proportion(total, cheapest, paid);
}
