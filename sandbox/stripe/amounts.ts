import { invalidRequest } from './errors.ts';

/** Stripe's minimum charge where it is not 50 minor units. */
const MINIMUM: Record<string, number> = {
  aed: 200,
  bgn: 100,
  czk: 1500,
  dkk: 250,
  gbp: 30,
  hkd: 400,
  huf: 17_500,
  mxn: 1000,
  myr: 200,
  nok: 300,
  pln: 200,
  ron: 200,
  sek: 300,
  thb: 1000,
};
const MAXIMUM = 99_999_999;
const THREE_DECIMALS = new Set(['bhd', 'jod', 'kwd', 'omr', 'tnd']);
const CURRENCIES = new Set(Intl.supportedValuesOf('currency').map((code) => code.toLowerCase()));

/** Checks a charge's amount as Stripe does, and gives the currency as Stripe stores it: lower case. */
export function checkAmount(amount: number, givenCurrency: string): string {
  const currency = givenCurrency.toLowerCase();
  if (!CURRENCIES.has(currency)) throw invalidRequest(`Invalid currency: ${givenCurrency}`, { param: 'currency' });
  const minimum = MINIMUM[currency] ?? 50;
  if (amount < minimum) {
    throw invalidRequest(`Amount must be at least ${money(minimum, currency)}`, {
      code: 'amount_too_small',
      param: 'amount',
    });
  }
  if (amount > MAXIMUM) {
    throw invalidRequest(`Amount must be no more than ${money(MAXIMUM, currency)}`, {
      code: 'amount_too_large',
      param: 'amount',
    });
  }
  if (THREE_DECIMALS.has(currency) && amount % 10 !== 0) {
    throw invalidRequest(`Invalid amount: the last digit of an amount in ${currency} must be 0`, { param: 'amount' });
  }
  return currency;
}

export function money(amount: number, currency: string): string {
  const format = new Intl.NumberFormat('en-US', { style: 'currency', currency });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}
