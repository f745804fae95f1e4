/** What is different between what a customer was told and what it is now. */
import type { Pricing } from './pricing.ts';

export interface Change {
  what: 'expired' | 'price' | 'promotion' | 'shipping' | 'promised_date' | 'tax' | 'store_credit' | 'total';
  /** The line's SKU, or the promotion's id. */
  id?: string | undefined;
  before?: number | string | undefined;
  after?: number | string | undefined;
}

/** What a customer was told of a price. */
export type Told = Pick<Pricing, 'lines' | 'promotions' | 'shipping' | 'tax' | 'total'>;

/** Nothing where the customer pays and gets what they were told. An earlier date is no change. */
export function changesBetween(before: Told, after: Told): Change[] {
  const changes: Change[] = [];
  const compare = (change: Change) => change.before !== change.after && changes.push(change);
  for (const lineId of new Set([...before.lines, ...after.lines].map((line) => line.lineId))) {
    const old = before.lines.find((line) => line.lineId === lineId);
    const now = after.lines.find((line) => line.lineId === lineId);
    compare({ what: 'price', id: (now ?? old)!.sku, before: old?.subtotal, after: now?.subtotal });
  }
  for (const id of new Set([...before.promotions, ...after.promotions].map((promotion) => promotion.id))) {
    const amountIn = ({ promotions }: Told) => promotions.find((promotion) => promotion.id === id)?.amount;
    compare({ what: 'promotion', id, before: amountIn(before), after: amountIn(after) });
  }
  compare({ what: 'shipping', before: before.shipping?.subtotal, after: after.shipping?.subtotal });
  const [promised, promisedNow] = [before.shipping?.promisedBy, after.shipping?.promisedBy];
  if (promised !== undefined && promisedNow !== undefined && promisedNow > promised)
    changes.push({ what: 'promised_date', before: promised, after: promisedNow });
  compare({ what: 'tax', before: before.tax, after: after.tax });
  compare({ what: 'total', before: before.total, after: after.total });
  return changes;
}
