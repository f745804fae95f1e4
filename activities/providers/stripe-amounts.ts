/**
 * Stripe counts some currencies in a unit of its own (https://docs.stripe.com/currencies). Outside of Stripe's files all
 * amounts are in minor units.
 */
import { ApplicationFailure } from '@temporalio/common';
import { failures } from '../../workflows/domain/failures.ts';
import { minorDigits } from '../../workflows/domain/money.ts';

const zeroDigits = new Set('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' '));
/** Payments in these must end in a zero. One that does not is refused by Stripe: what is due is never rounded here. */
const threeDigits = new Set('BHD JOD KWD OMR TND'.split(' '));

/** @throws ApplicationFailure where Stripe's unit is too large for the amount */
export function toStripe(amount: number, currency: string): number {
  const converted = shifted(amount, digitsMore(currency));
  if (Number.isInteger(converted)) return converted;
  const message = `Stripe takes no such fraction of ${currency}: ${amount} minor units`;
  throw ApplicationFailure.nonRetryable(message, failures.paymentRefused);
}

/** `currency` as Stripe or as we write it. What is smaller than our unit, such as a tax, is rounded. */
export function fromStripe(amount: number, currency: string): number {
  return Math.round(shifted(amount, -digitsMore(currency.toUpperCase())));
}

/** How many digits Stripe's amounts have more than ours: two for ISK and UGX, which it takes as if they had cents. */
function digitsMore(currency: string): number {
  const digits = zeroDigits.has(currency) ? 0 : threeDigits.has(currency) ? 3 : 2;
  return digits - minorDigits(currency);
}

function shifted(amount: number, digits: number): number {
  return digits < 0 ? amount / 10 ** -digits : amount * 10 ** digits;
}
