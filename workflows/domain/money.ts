/**
 * Money is an integer count of minor units (cents, yen, fils) beside its ISO 4217 currency. No fractions, no floats.
 */

const currencies = new Set(Intl.supportedValuesOf('currency'));

/** True for an ISO 4217 code that the runtime knows, in capitals. */
export function isCurrency(code: string): boolean {
  return currencies.has(code);
}

/** Decimal places of a currency's minor unit: 2 for USD, 0 for JPY, 3 for KWD. */
export function minorDigits(currency: string): number {
  const known = digits.get(currency);
  if (known !== undefined) return known;
  const found =
    new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
  digits.set(currency, found);
  return found;
}

/** Asking the runtime costs a tenth of a millisecond each time. */
const digits = new Map<string, number>();

/** For people: `1999 USD` minor units become `19.99 USD`. */
export function formatMoney(amount: number, currency: string): string {
  const digits = minorDigits(currency);
  return `${(amount / 10 ** digits).toFixed(digits)} ${currency}`;
}

/**
 * What `quantity` more units of a line are worth after `before` of them were already given back. Any sequence of
 * partial refunds of a line ends exactly at its total.
 */
export function shareOfLine(total: number, ofUnits: number, before: number, quantity: number): number {
  const upTo = (units: number) => Number((BigInt(total) * BigInt(units)) / BigInt(ofUnits));
  return upTo(before + quantity) - upTo(before);
}

/**
 * Splits an amount by weights, by largest remainder: the parts always add up to the whole. Without any weight the parts
 * are as equal as they can be.
 */
export function split(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((all, weight) => all + BigInt(weight), 0n);
  if (sum === 0n && weights.length > 0)
    return split(
      total,
      weights.map(() => 1),
    );
  const parts = weights.map((weight) => Number((BigInt(total) * BigInt(weight)) / sum));
  const remainders = weights.map((weight, index) => ({ index, rest: (BigInt(total) * BigInt(weight)) % sum }));
  remainders.sort((a, b) => (a.rest === b.rest ? a.index - b.index : a.rest > b.rest ? -1 : 1));
  const left = total - parts.reduce((all, part) => all + part, 0);
  for (const { index } of remainders.slice(0, left)) parts[index]! += 1;
  return parts;
}
