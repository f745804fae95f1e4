/** Promotions: what they take off, of which lines, and when they apply. */
import { portion, shareOfLine, split } from './money.ts';
import { isBefore, isValid } from './taxes.ts';

export interface Promotion {
  id: string;
  /** As customers and invoices read it. */
  name: string;
  active: boolean;
  /** In capitals. Without one it applies by itself. */
  code?: string | undefined;
  on: Target;
  discount: Discount;
  /** Minor units by currency that the goods must cost before any promotion. In a currency that is not named it does not apply. */
  minimumSpend?: Readonly<Record<string, number>> | undefined;
  /** ISO 8601, UTC. */
  validFrom?: string | undefined;
  validUntil?: string | undefined;
  oncePerCustomer?: boolean | undefined;
  /** Orders that may have it, all together. */
  totalLimit?: number | undefined;
  /** Lower is tried first. Of equal ones the lower id. */
  priority: number;
  /** `alone`: only where no other has applied before it, and then no other does after it. */
  stacking: 'with_others' | 'alone';
  /** Of the promotions of one group only the first applies. */
  group?: string | undefined;
}

export type Target =
  /** All goods, and not their shipping. */
  | { what: 'order' }
  | { what: 'products'; skus: readonly string[] }
  | { what: 'categories'; categories: readonly string[] }
  | { what: 'shipping' };

export type Discount =
  /** Parts per million of what is left of the price: 10 % are 100_000. */
  | { kind: 'percent'; ppm: number }
  /** Minor units by currency, off all of the target together, once an order. */
  | { kind: 'amount'; amounts: Readonly<Record<string, number>> }
  /** Of each `buy` + `get` units the `get` cheapest cost so much less; a million parts are free. */
  | { kind: 'buy_get'; buy: number; get: number; ppm: number };

/** What is limited is claimed with the order: see activities/pricing/redemptions.ts. */
export function isLimited({ totalLimit, oncePerCustomer }: Pick<Promotion, 'totalLimit' | 'oncePerCustomer'>): boolean {
  return totalLimit !== undefined || oncePerCustomer === true;
}

export type WhyNot =
  | 'unknown'
  | 'not_active'
  | 'not_yet'
  | 'over'
  | 'used_up'
  | 'used_by_customer'
  | 'not_in_currency'
  | 'below_minimum_spend'
  | 'not_for_this_cart'
  | 'excluded_by_another'
  | 'nothing_to_take';

/** Something with a price that promotions take from, and what they took. Amounts are in one unit throughout. */
export interface Discountable {
  sku: string;
  categories: readonly string[];
  quantity: number;
  unitPrice: number;
  left: number;
  discounts: { promotionId: string; amount: number }[];
}

export interface AppliedPromotion {
  id: string;
  name: string;
  code?: string | undefined;
  amount: number;
}

export interface Promoted {
  /** Those on goods, with what they took. */
  applied: AppliedPromotion[];
  /** Those on shipping, in their order. They keep their place among the others whatever the delivery costs. */
  onShipping: Promotion[];
  /** Those with a code that was given, and did not apply. */
  refused: { code: string; why: WhyNot }[];
}

export interface PromotionContext {
  currency: string;
  at: string;
  codes: ReadonlySet<string>;
  /** Limited ones that this customer cannot have. */
  usedUp: ReadonlyMap<string, 'used_up' | 'used_by_customer'>;
  /** Goods before any promotion. */
  goods: number;
  /** Divides minor units into the unit of the amounts. */
  unit: number;
}

/** Lets every promotion take what it takes, in the order of their priority. Changes the items. */
export function promote(
  promotions: readonly Promotion[],
  items: readonly Discountable[],
  context: PromotionContext,
): Promoted {
  const promoted: Promoted = { applied: [], onShipping: [], refused: [] };
  const names = new Set<string>();
  let others = 0;
  let alone = false;
  for (const promotion of inOrder(promotions)) {
    const { id, name, code, on, group, stacking } = promotion;
    if (code !== undefined && !context.codes.has(code)) continue;
    const excluded = alone || (stacking === 'alone' && others > 0) || (group !== undefined && names.has(group));
    const why = whyNot(promotion, context) ?? (excluded ? 'excluded_by_another' : undefined);
    const outcome = why ?? (on.what === 'shipping' ? 0 : takeFrom(items.filter(isOn(on)), promotion, context));
    if (typeof outcome === 'string') {
      if (code !== undefined) promoted.refused.push({ code, why: outcome });
      continue;
    }
    if (on.what === 'shipping') promoted.onShipping.push(promotion);
    else promoted.applied.push({ id, name, ...(code !== undefined && { code }), amount: outcome });
    if (group !== undefined) names.add(group);
    others += 1;
    alone = stacking === 'alone';
  }
  return promoted;
}

/** What promotions take off the price of a delivery, one after the other. */
export function promoteShipping(
  price: number,
  promotions: readonly Promotion[],
  context: PromotionContext,
): Discountable {
  const item = { sku: '', categories: [], quantity: 1, unitPrice: price, left: price, discounts: [] };
  for (const promotion of promotions) takeFrom([item], promotion, context);
  return item;
}

function takeFrom(
  targets: readonly Discountable[],
  { id, discount }: Promotion,
  context: PromotionContext,
): number | WhyNot {
  if (targets.length === 0) return 'not_for_this_cart';
  const shares = takes(discount, targets, context);
  const amount = shares.reduce((sum, share) => sum + share, 0);
  if (amount === 0) return discount.kind === 'buy_get' ? 'not_for_this_cart' : 'nothing_to_take';
  for (const [index, target] of targets.entries()) {
    const share = shares[index]!;
    if (share === 0) continue;
    target.left -= share;
    target.discounts.push({ promotionId: id, amount: share });
  }
  return amount;
}

function inOrder(promotions: readonly Promotion[]): Promotion[] {
  return [...promotions].sort((a, b) => a.priority - b.priority || (a.id < b.id ? -1 : 1));
}

function whyNot(promotion: Promotion, { currency, at, usedUp, goods, unit }: PromotionContext): WhyNot | undefined {
  const { id, active, minimumSpend, discount, validUntil } = promotion;
  if (!active) return 'not_active';
  if (!isValid(promotion, at)) return validUntil !== undefined && !isBefore(at, validUntil) ? 'over' : 'not_yet';
  const used = usedUp.get(id);
  if (used !== undefined) return used;
  if (discount.kind === 'amount' && discount.amounts[currency] === undefined) return 'not_in_currency';
  if (minimumSpend === undefined) return undefined;
  const least = minimumSpend[currency];
  if (least === undefined) return 'not_in_currency';
  return goods * unit < least ? 'below_minimum_spend' : undefined;
}

function isOn(on: Target): (item: Discountable) => boolean {
  if (on.what === 'products') return ({ sku }) => on.skus.includes(sku);
  if (on.what === 'categories') return ({ categories }) => categories.some((each) => on.categories.includes(each));
  return () => true;
}

/** What a discount takes from each of its targets; never more than is left. */
function takes(
  discount: Discount,
  targets: readonly Discountable[],
  { currency, unit }: PromotionContext,
): readonly number[] {
  if (discount.kind === 'buy_get') return cheapest(discount, targets);
  const lefts = targets.map(({ left }) => left);
  const left = lefts.reduce((sum, each) => sum + each, 0);
  const amount =
    discount.kind === 'percent'
      ? portion(left, discount.ppm)
      : Math.min(left, Math.floor(discount.amounts[currency]! / unit));
  return split(amount, lefts);
}

function cheapest(
  { buy, get, ppm }: Discount & { kind: 'buy_get' },
  targets: readonly Discountable[],
): readonly number[] {
  const units = targets.reduce((sum, { quantity }) => sum + quantity, 0);
  let free = Math.floor(units / (buy + get)) * get;
  const shares = targets.map(() => 0);
  const cheapestFirst = targets.map((target, index) => ({ target, index }));
  cheapestFirst.sort((a, b) => a.target.unitPrice - b.target.unitPrice || a.index - b.index);
  for (const { target, index } of cheapestFirst) {
    const taken = Math.min(free, target.quantity);
    free -= taken;
    shares[index] = portion(shareOfLine(target.left, target.quantity, 0, taken), ppm);
  }
  return shares;
}
