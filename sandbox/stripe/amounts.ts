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
const ZERO_DECIMALS = new Set('bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' '));
const THREE_DECIMALS = new Set(['bhd', 'jod', 'kwd', 'omr', 'tnd']);
/** Sent with two decimals, of which both have to be 0. */
const NO_FRACTIONS = new Set(['isk', 'ugx']);
const CURRENCIES = new Set(Intl.supportedValuesOf('currency').map((code) => code.toLowerCase()));

/** Gives the currency as Stripe stores it: lower case. */
export function checkCurrency(given: string): string {
  const currency = given.toLowerCase();
  if (!CURRENCIES.has(currency)) throw invalidRequest(`Invalid currency: ${given}`, { param: 'currency' });
  return currency;
}

/** Checks a charge's amount as Stripe does, and gives the currency as Stripe stores it. */
export function checkAmount(amount: number, givenCurrency: string): string {
  const currency = checkCurrency(givenCurrency);
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
  checkFraction(amount, currency, 'amount');
  return currency;
}

/** Refuses what the card networks cannot move: https://docs.stripe.com/currencies#special-cases. */
export function checkFraction(amount: number, currency: string, param: string): void {
  if (THREE_DECIMALS.has(currency) && amount % 10 !== 0) {
    throw invalidRequest(`Invalid amount: the last digit of an amount in ${currency} must be 0`, { param });
  }
  if (NO_FRACTIONS.has(currency) && amount % 100 !== 0) {
    throw invalidRequest(
      `Invalid amount. Currency ${currency.toUpperCase()} has become effectively zero-decimal and charged amounts must be evenly divisible by 100. See https://stripe.com/docs/currencies#special-cases for more information.`,
      { code: 'invalid_charge_amount_no_decimal_compatible', param },
    );
  }
}

export function money(amount: number, currency: string): string {
  const digits = ZERO_DECIMALS.has(currency) ? 0 : THREE_DECIMALS.has(currency) ? 3 : 2;
  const format = new Intl.NumberFormat('en-US', { style: 'currency', currency, minimumFractionDigits: digits });
  return format.format(amount / 10 ** digits);
}
