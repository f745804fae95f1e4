/** What goods in exchange cost beside what comes back, and what a return pays in the end. Amounts in minor units. */
import { minimumCharge } from './credit.ts';
import { formatMoney } from './money.ts';
import {
  type ExchangeRelease,
  type ExchangeRule,
  exchangeRules,
  policyOf,
  type ReturnPolicies,
} from './return-policy.ts';

/** Of goods of several classes in one return. */
export function exchangeRuleOf(policies: ReturnPolicies, returnClasses: readonly (string | undefined)[]): ExchangeRule {
  const each = new Set(returnClasses.map((returnClass) => policyOf(policies, returnClass).exchange ?? 'on_receipt'));
  return exchangeRules.find((rule) => each.has(rule)) ?? 'on_receipt';
}

export interface ExchangeRefused {
  refused: 'exchange-refused' | 'amount-too-small';
  because: string;
  /** What a card is charged at the least. */
  least?: number;
}

/**
 * @param worth of the returned goods by their terms, if all of them come as they are to
 * @param left of what was paid for their order
 */
export function creditFor(
  total: number,
  { rule, worth, left, currency }: { rule: ExchangeRule; worth: number; left: number; currency: string },
): { credit: number; release: ExchangeRelease } | ExchangeRefused {
  const refuse = (because: string): ExchangeRefused => ({ refused: 'exchange-refused', because });
  if (rule === 'none') return refuse('These goods are paid back, and not exchanged');
  const credit = Math.min(worth, left);
  if (credit <= 0) return refuse('These goods bring nothing that could pay for others');
  if (total > 2 * credit)
    return refuse('They cost more than twice what comes back: return the goods, and order the others by themselves');
  const difference = total - credit;
  const least = minimumCharge(currency);
  if (difference <= 0 || difference >= least) return { credit, release: rule };
  const because = `They cost ${formatMoney(difference, currency)} more, and a card is charged ${formatMoney(least, currency)} at the least`;
  return { refused: 'amount-too-small', because, least };
}

/**
 * What a return pays of what was accepted, no more than is left of what was paid.
 *
 * @param withheld by a bank that may give it back
 * @param rounding what its share can differ from what was agreed, as other units of its lines came back before it
 */
export function paidByReturn({
  worth,
  left,
  transferred,
  withheld,
  rounding,
}: {
  worth: number;
  left: number;
  transferred: number;
  withheld: number;
  rounding: number;
}): {
  amount: number;
  /** What of it the order in exchange has already; and what that has for goods that did not come, or were not accepted. */
  exchanged: number;
  unearned: number;
  isShort: boolean;
} {
  const amount = Math.max(0, Math.min(worth, transferred + left));
  const earned = Math.max(0, Math.min(worth, transferred + left + withheld));
  return {
    amount,
    exchanged: Math.min(transferred, amount),
    unearned: Math.max(0, transferred - earned),
    isShort: transferred - amount > rounding,
  };
}
