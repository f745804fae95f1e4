/**
 * Money is an integer count of minor units (cents, yen, fils) beside its ISO 4217 currency. No fractions, no floats.
 */

const currencies = new Set(Intl.supportedValuesOf('currency'));

/** True for an ISO 4217 code that the runtime knows, in capitals. */
export function isCurrency(code: string): boolean {
  return currencies.has(code);
}

/**
 * Decimal places of a currency's minor unit, by ISO 4217: 2 for USD, 0 for JPY, 3 for KWD. The runtime's own figures are
 * for showing money, and change with its version.
 */
export function minorDigits(currency: string): number {
  return digits[currency] ?? 2;
}

const digits: Readonly<Record<string, number>> = {
  ...{ BIF: 0, CLP: 0, DJF: 0, GNF: 0, ISK: 0, JPY: 0, KMF: 0, KRW: 0, PYG: 0, RWF: 0, UGX: 0, UYI: 0, VND: 0, VUV: 0 },
  ...{ XAF: 0, XOF: 0, XPF: 0, BHD: 3, IQD: 3, JOD: 3, KWD: 3, LYD: 3, OMR: 3, TND: 3, CLF: 4, UYW: 4 },
};

/** For people: `1999 USD` minor units become `19.99 USD`. */
export function formatMoney(amount: number, currency: string): string {
  const digits = minorDigits(currency);
  return `${(amount / 10 ** digits).toFixed(digits)} ${currency}`;
}

/**
 * The smallest step in which a currency can be charged, in its minor units. Stripe takes multiples of ten where there are
 * three decimals, and whole units of MGA: https://docs.stripe.com/currencies#special-cases
 */
export function payableUnit(currency: string): number {
  if (currency === 'MGA') return 100;
  return minorDigits(currency) === 3 ? 10 : 1;
}

/** Parts per million of an amount, half a minor unit rounded up: 8.875 % of it are `portion(amount, 88_750)`. */
export function portion(amount: number, ppm: number): number {
  return proportion(amount, ppm, 1_000_000);
}

/** `amount * part / whole`, half a minor unit rounded up. */
export function proportion(amount: number, part: number, whole: number): number {
  const { whole: down, rest } = quotasFor(amount * part)(amount, part, whole);
  return 2 * rest < whole ? down : down + 1;
}

/** For people: 88_750 parts per million become `8.875 %`. */
export function formatPercent(ppm: number): string {
  return `${ppm / 10_000} %`;
}

/**
 * What `quantity` more units of a line are worth after `before` of them were already given back. Any sequence of
 * partial refunds of a line ends exactly at its total.
 * @param unit the steps in which the currency can be paid
 */
export function shareOfLine(total: number, ofUnits: number, before: number, quantity: number, unit = 1): number {
  const upTo = (units: number) => Number(((BigInt(total) / BigInt(unit)) * BigInt(units)) / BigInt(ofUnits)) * unit;
  return upTo(before + quantity) - upTo(before);
}

/**
 * Splits an amount by weights, by largest remainder: the parts always add up to the whole, and where the amount is at
 * most the sum of the weights no part exceeds its weight. Without any weight the parts are as equal as they can be.
 */
export function split(total: number, weights: readonly number[]): number[] {
  if (weights.length === 1) return [total];
  const sum = weights.reduce((all, weight) => all + weight, 0);
  if (sum === 0 && weights.length > 0)
    return split(
      total,
      weights.map(() => 1),
    );
  const quotas = quotasFor(total * Math.max(...weights));
  const parts = weights.map((weight) => quotas(total, weight, sum));
  const amounts = parts.map(({ whole }) => whole);
  const left = total - amounts.reduce((all, amount) => all + amount, 0);
  if (left === 0) return amounts;
  const byRest = parts.map((_part, index) => index).sort((a, b) => parts[b]!.rest - parts[a]!.rest || a - b);
  for (const index of byRest.slice(0, left)) amounts[index]! += 1;
  return amounts;
}

function quotasFor(largestProduct: number): typeof quotasOf {
  return largestProduct <= Number.MAX_SAFE_INTEGER ? quotasOf : bigQuotasOf;
}

function quotasOf(total: number, weight: number, sum: number): { whole: number; rest: number } {
  const product = total * weight;
  const rest = product % sum;
  return { whole: (product - rest) / sum, rest };
}

function bigQuotasOf(total: number, weight: number, sum: number): { whole: number; rest: number } {
  const product = BigInt(total) * BigInt(weight);
  return { whole: Number(product / BigInt(sum)), rest: Number(product % BigInt(sum)) };
}
