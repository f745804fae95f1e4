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
