/** Which of the carriers' services is bought for a delivery. */

export const rateRules = ['cheapest', 'fastest', 'cheapest_in_time'] as const;
export type RateRule = (typeof rateRules)[number];

/** What may be bought for a way of delivery. */
export interface LabelRule {
  rule: RateRule;
  /** By the carriers' own names, such as `UPS/Ground`. Without them every service. */
  services?: readonly string[] | undefined;
}

/** Of a way of delivery that says nothing. */
export const defaultLabelRule: LabelRule = { rule: 'cheapest_in_time' };

interface Offered {
  carrier: string;
  service: string;
  /** Minor units, of one currency for all. */
  amount: number;
  /** Working days on the way. One that promises none is as slow as it gets. */
  days?: number | undefined;
}

/**
 * The same for the same rates, whatever their order; undefined where none of the services is offered. Where nothing is in
 * time, `cheapest_in_time` is the fastest.
 */
export function chooseRate<R extends Offered>(
  rates: readonly R[],
  { rule, services, isInTime }: LabelRule & { isInTime: (days: number) => boolean },
): R | undefined {
  const wanted = rates.filter(({ service }) => services === undefined || services.includes(service));
  if (rule === 'cheapest') return wanted.sort(cheapestFirst)[0];
  const inTime = wanted.filter(({ days }) => days !== undefined && isInTime(days));
  if (rule === 'fastest' || inTime.length === 0) return wanted.sort(fastestFirst)[0];
  return inTime.sort(cheapestFirst)[0];
}

function cheapestFirst(a: Offered, b: Offered): number {
  return a.amount - b.amount || bySpeed(a, b) || byName(a, b);
}

function fastestFirst(a: Offered, b: Offered): number {
  return bySpeed(a, b) || a.amount - b.amount || byName(a, b);
}

function bySpeed({ days: a }: Offered, { days: b }: Offered): number {
  // Infinity less itself is no number.
  return a === b ? 0 : (a ?? Number.POSITIVE_INFINITY) - (b ?? Number.POSITIVE_INFINITY);
}

function byName(a: Offered, b: Offered): number {
  if (a.carrier !== b.carrier) return a.carrier < b.carrier ? -1 : 1;
  return a.service < b.service ? -1 : 1;
}
