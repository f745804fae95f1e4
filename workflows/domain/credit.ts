/** Store credit pays first, and a card the rest. */
import { payableUnit } from './money.ts';

/**
 * The least that a card is charged, in minor units; 0 for currencies that Stripe names no minimum for.
 * https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
 */
export function minimumCharge(currency: string): number {
  return minimums[currency] ?? 0;
}

const minimums: Readonly<Record<string, number>> = {
  ...{ USD: 50, AED: 200, AUD: 50, BRL: 50, CAD: 50, CHF: 50, CZK: 1_500, DKK: 250, EUR: 50, GBP: 30, HKD: 400 },
  ...{ HUF: 17_500, INR: 50, JPY: 50, MXN: 1_000, MYR: 200, NOK: 300, NZD: 50, PLN: 200, RON: 200, SEK: 300 },
  ...{ SGD: 50, THB: 1_000 },
};

/**
 * How much of a balance pays for a total, and what is left for a card. Where that would be less than a card can be
 * charged, the card takes its minimum and the credit less.
 */
export function payWith(total: number, balance: number, currency: string): { credit: number; rest: number } {
  const unit = payableUnit(currency);
  const most = Math.min(total, balance - (balance % unit));
  const rest = total - most;
  const tooLittle = rest > 0 && rest < minimumCharge(currency);
  const credit = tooLittle ? Math.max(0, total - minimumCharge(currency)) : most;
  return { credit, rest: total - credit };
}
