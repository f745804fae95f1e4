/** When and how what was ordered may be changed, before anybody picks it. */
import type { Shortage } from './allocation.ts';
import type { PricedLine, PricedShipping } from './pricing.ts';
import { type Change, changesBetween, type Told } from './quotes.ts';
import { keptUnits, type SoldLine } from './sales.ts';
import type { AttemptStatus, SetupStatus } from './states.ts';
import { unitsBySku } from './units.ts';

/** Why an edit was refused. Nothing has changed then. */
export type EditRefusal =
  /** It was previewed too long ago. */
  | 'expired'
  /** The order is not what it was when the edit was previewed. */
  | 'changed'
  /** Nothing of the order is reserved yet. */
  | 'not_yet'
  | 'ended'
  /** Somebody has begun to pick, or more than that. */
  | 'begun'
  /** Money was taken or paid back. */
  | 'taken'
  /** The bank, or the customer, is about to pay. */
  | 'paying'
  | 'disputed'
  /** It waits for goods, and there is no method of payment that could be charged when they are there. */
  | 'no_method'
  /** Another edit waits for its customer's payment. */
  | 'busy'
  | 'too_many'
  | 'out_of_stock'
  | 'promotion_gone'
  | 'declined'
  /** The payment provider did not answer. */
  | 'not_reached';

export interface RefusedEdit {
  outcome: 'refused';
  why: EditRefusal;
  shortages?: Shortage[] | undefined;
}

/** What of a payment says how an edit is paid. Amounts in minor units, by card. */
export interface PaidSoFar {
  status: AttemptStatus | 'none';
  amountDue: number;
  captured: number;
  creditReturned: number;
  refundedAsCredit: number;
  captures: readonly unknown[];
  sale?: unknown;
  intentId?: string | undefined;
  renewal?: unknown;
  setup?: { status: SetupStatus } | undefined;
  closedAt?: Date | undefined;
}

/**
 * How the money follows an edit: `keep` what is held, as it is enough; `amend` what will be charged later; `withdraw` what the
 * customer could pay, and ask for another amount; or `authorize` the whole amount anew.
 */
export type EditMoney = 'keep' | 'amend' | 'withdraw' | 'authorize';

/**
 * @param byCard minor units that a card is to pay after the edit
 * @param isCommitted the order's goods are owed, that is: it was paid
 */
export function moneyOf(
  payment: PaidSoFar,
  byCard: number,
  isCommitted: boolean,
): { way: EditMoney } | { why: EditRefusal } {
  const { status, amountDue, intentId, setup, renewal } = payment;
  if (payment.closedAt) return { why: 'ended' };
  if (payment.captured > 0 || payment.captures.length > 0 || payment.sale) return { why: 'taken' };
  if (payment.creditReturned > 0 || payment.refundedAsCredit > 0) return { why: 'taken' };
  if (status === 'authorized') {
    if (byCard <= amountDue) return { way: 'keep' };
    return renewal ? { why: 'paying' } : { way: 'authorize' };
  }
  if (status === 'processing') return { why: 'paying' };
  if (intentId === undefined) {
    if (setup?.status === 'saved') return { way: 'amend' };
    // Store credit has paid for all of it.
    if (amountDue === 0 && byCard === 0) return { way: 'amend' };
    if (amountDue === 0) return isCommitted ? { way: 'authorize' } : { why: 'no_method' };
  }
  // What the bank has let go of is authorized anew first.
  return isCommitted ? { why: 'paying' } : { way: 'withdraw' };
}

interface ShipmentFacts {
  begunAt?: unknown;
  pickedAt?: unknown;
  labelRequestedAt?: unknown;
  handedOverAt?: unknown;
  cancelledAt?: unknown;
}

export function hasBegun(shipments: readonly ShipmentFacts[]): boolean {
  const live = shipments.filter(({ cancelledAt }) => cancelledAt == null);
  return live.some((each) => (each.begunAt ?? each.pickedAt ?? each.labelRequestedAt ?? each.handedOverAt) != null);
}

type Item = { sku: string; quantity: number };
type KeptLine = SoldLine & { sku: string; bundle?: { sku: string } | undefined };

/**
 * What of the items is still meant to be sent. Undefined where parts of a bundle were cancelled and others not: then they are
 * no items any more.
 */
export function itemsLeft(items: readonly Item[], lines: readonly KeptLine[]): Item[] | undefined {
  const left: Item[] = [];
  let next = 0;
  for (const { sku, quantity } of items) {
    const isPart = (line: KeptLine | undefined) => line?.bundle?.sku === sku;
    const first = next;
    next += 1;
    // Each part is a line of its own, and an equal bundle that follows begins with the first part again.
    if (isPart(lines[first]))
      while (isPart(lines[next]) && !lines.slice(first, next).some((line) => line.sku === lines[next]!.sku)) next += 1;
    const shares = lines.slice(first, next).map((line) => (keptUnits(line) * quantity) / line.quantity);
    if (shares.some((share) => share !== shares[0] || !Number.isInteger(share))) return undefined;
    if (shares[0]! > 0) left.push({ sku, quantity: shares[0]! });
  }
  return left;
}

export interface EditChange extends Omit<Change, 'what'> {
  what: Change['what'] | 'quantity' | 'address' | 'delivery_method';
}

interface EditedOrder extends Told {
  lines: PricedLine[];
  shipping?: PricedShipping | undefined;
  items: readonly Item[];
  /** As text, to be compared only. */
  address: string;
}

/** In words of ours: an address is different, and not which. */
export function editChanges(before: EditedOrder, after: EditedOrder): EditChange[] {
  const [units, unitsNow] = [unitsBySku(before.items), unitsBySku(after.items)];
  const quantities = [...new Set([...units.keys(), ...unitsNow.keys()])].map((sku): EditChange => {
    return { what: 'quantity', id: sku, before: units.get(sku) ?? 0, after: unitsNow.get(sku) ?? 0 };
  });
  const [method, methodNow] = [before.shipping?.method, after.shipping?.method];
  const changes = [
    ...quantities.filter((change) => change.before !== change.after),
    ...(before.address === after.address ? [] : [{ what: 'address' } as const]),
    ...(method === methodNow ? [] : [{ what: 'delivery_method', before: method, after: methodNow } as const]),
    ...changesBetween(bySku(before), bySku(after)),
  ];
  // They are stored, where a field that is undefined would become null.
  return changes.map((each) => {
    const said = Object.entries(each).filter(([, value]) => value !== undefined);
    return Object.fromEntries(said) as unknown as EditChange;
  });
}

/**
 * A line that stays keeps its id, whatever its number would be now, and a new one gets one that no other ever had: whoever
 * means a line by its id means the same goods after an edit.
 */
export function withLineIds(
  before: readonly Pick<PricedLine, 'lineId' | 'sku' | 'bundle'>[],
  after: readonly PricedLine[],
  newId: () => string,
): PricedLine[] {
  const left = [...before];
  return after.map((line) => {
    const index = left.findIndex((each) => each.sku === line.sku && each.bundle?.sku === line.bundle?.sku);
    const [known] = index === -1 ? [] : left.splice(index, 1);
    return { ...line, lineId: known?.lineId ?? newId() };
  });
}

/** For the timeline, without amounts: which units, and what else. */
export function inShort(changes: readonly EditChange[]): string {
  const asked = changes.flatMap(({ what, id, before, after }) => {
    if (what === 'quantity') return `${id} ${before} → ${after}`;
    if (what === 'delivery_method') return `delivery ${before ?? 'none'} → ${after ?? 'none'}`;
    return what === 'address' ? 'address' : [];
  });
  return asked.length > 0 ? asked.join(', ') : 'priced anew';
}

/** Lines are numbered anew with every edit: what they are about stays. */
function bySku(told: Told): Told {
  const lines = new Map<string, PricedLine>();
  for (const line of told.lines) {
    const known = lines.get(line.sku);
    lines.set(line.sku, { ...line, lineId: line.sku, subtotal: line.subtotal + (known?.subtotal ?? 0) });
  }
  return { ...told, lines: [...lines.values()] };
}
