/**
 * What an order takes of limited promotions, and of store credit or what a return brings: all of it in the transaction that reserves its stock, or
 * nothing. So a code that is limited to ten is used ten times, and no credit is spent twice, whoever else is placing.
 */
import { createHash } from 'node:crypto';
import { creditAccountId } from '../../models/customer.ts';
import type { Order } from '../../models/order.ts';
import { isLimited, type Promotion } from '../../workflows/domain/promotions.ts';
import { leftOf } from '../payments/refunds.ts';
import type { Needs, Work } from '../stock/work.ts';

/** Whoever may have a promotion once is known by their account and by their address: either was used, it is used. */
export interface Redeemer {
  customerId?: string | undefined;
  email?: string | undefined;
}

/** What an order claims of a limited promotion. */
export interface Redemption {
  promotionId: string;
  totalLimit?: number;
  /** One for each thing that the customer is known by, where each customer may have it once. */
  useIds: string[];
}

export function redemptionsOf(promotions: readonly Promotion[], redeemer: Redeemer): Redemption[] {
  return promotions.filter(isLimited).map(({ id, totalLimit, oncePerCustomer }) => ({
    promotionId: id,
    ...(totalLimit !== undefined && { totalLimit }),
    useIds: oncePerCustomer ? useIdsOf(id, redeemer) : [],
  }));
}

/** Hashed: addresses are kept with the orders alone. */
export function useIdsOf(promotionId: string, { customerId, email }: Redeemer): string[] {
  const known = [customerId, email].filter((each) => each !== undefined);
  return known.map((each) => createHash('sha256').update(`${promotionId}\n${each}`).digest('base64url'));
}

/** What `redeem` and `giveUsesBack` have to see of an order. */
export function redemptionDocuments(order: Order): Needs['documents'] {
  const { redemptions = [], credit, customerId, currency, exchangeOf } = order;
  const uses = redemptions.flatMap(({ promotionId, useIds }) => [
    ['promotionCounts', promotionId] as const,
    ...useIds.map((id) => ['promotionUses', id] as const),
  ]);
  if (!credit) return uses;
  if (exchangeOf) return [...uses, ['payments', exchangeOf.paymentId]];
  return [...uses, ['creditAccounts', creditAccountId(customerId!, currency)]];
}

/** Takes everything, or says what is not there any more, and takes nothing. */
export function redeem(work: Work, order: Order): 'promotion' | 'credit' | undefined {
  const { _id: orderId, redemptions = [], credit = 0, customerId, currency, exchangeOf } = order;
  for (const { promotionId, totalLimit, useIds } of redemptions) {
    const used = work.document('promotionCounts', promotionId)?.used ?? 0;
    if (totalLimit !== undefined && used >= totalLimit) return 'promotion';
    if (useIds.some((id) => work.document('promotionUses', id))) return 'promotion';
  }
  const accountId = creditAccountId(customerId ?? '', currency);
  const account = credit > 0 && !exchangeOf ? work.document('creditAccounts', accountId) : undefined;
  const paid = exchangeOf && work.document('payments', exchangeOf.paymentId);
  if (credit > (exchangeOf ? leftOf(paid ?? null) : (account?.balance ?? 0))) return 'credit';

  for (const { promotionId, useIds } of redemptions) {
    const used = work.document('promotionCounts', promotionId)?.used ?? 0;
    work.put('promotionCounts', { _id: promotionId, used: used + 1 });
    for (const _id of useIds) work.put('promotionUses', { _id, promotionId, orderId });
  }
  if (paid) work.put('payments', { ...paid, transferredOut: paid.transferredOut + credit });
  if (account) {
    const after = { ...account, balance: account.balance - credit, seq: account.seq + 1 };
    work.put('creditAccounts', after);
    const entry = { accountId, seq: after.seq, amount: -credit, balanceAfter: after.balance, orderId, at: new Date() };
    const document = {
      _id: `spend:${orderId}`,
      kind: 'spend' as const,
      reason: 'Paid with',
      actor: 'customer',
      ...entry,
    };
    work.also('creditEntries', { insertOne: { document } });
  }
  return undefined;
}

/** Of an order that comes to nothing. Its store credit goes back as its other money does: by a refund. */
export function giveUsesBack(work: Work, { redemptions = [] }: Order): void {
  for (const { promotionId, useIds } of redemptions) {
    const count = work.document('promotionCounts', promotionId);
    if (count) work.put('promotionCounts', { ...count, used: Math.max(0, count.used - 1) });
    for (const _id of useIds) work.remove('promotionUses', _id);
  }
}
