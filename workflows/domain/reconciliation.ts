/**
 * Our ledger of money beside the provider's: what moved there on a day is looked for in ours, and what ours booked on that
 * day is looked for there. Amounts are compared in the currency that the customer pays in; the provider's balance may be in
 * another.
 */
import { formatMoney } from './money.ts';
import type { RefundStatus } from './states.ts';

const day = 86_400_000;
/** How many days without a reconciliation are caught up with, the oldest first. Older ones are left. */
const daysToCatchUp = 30;

/** What a movement of the provider's balance is. */
export type Movement =
  | 'charge'
  /** Of a charge that had succeeded, as a bank takes a debit back. */
  | 'reversal'
  | 'refund'
  | 'refund_failure'
  | 'dispute'
  | 'payout'
  | 'fee'
  | 'other';

/** https://docs.stripe.com/reports/balance-transaction-types */
const movements: Readonly<Record<string, Movement>> = {
  charge: 'charge',
  payment: 'charge',
  payment_failure_refund: 'reversal',
  payment_reversal: 'reversal',
  refund: 'refund',
  payment_refund: 'refund',
  refund_failure: 'refund_failure',
  payout: 'payout',
  payout_cancel: 'payout',
  payout_failure: 'payout',
  stripe_fee: 'fee',
  stripe_fx_fee: 'fee',
  tax_fee: 'fee',
};

/** `category` tells apart what is an adjustment by its type: a dispute's is one. */
export function movementOf(type: string, category: string): Movement {
  if (category === 'dispute' || category === 'dispute_reversal') return 'dispute';
  return movements[type] ?? 'other';
}

/** A movement of the provider's balance, with what it says of the object that moved. */
export interface Line {
  id: string;
  movement: Movement;
  /** The provider's id of the charge, refund, dispute or payout. */
  sourceId?: string | undefined;
  intentId?: string | undefined;
  /** What the object is over, in its own currency; of a charge, all that was captured of it so far. */
  own?: { amount: number; currency: string } | undefined;
  /** The order and the refund of ours that its metadata names. */
  orderId?: string | undefined;
  refundId?: string | undefined;
  refundStatus?: RefundStatus | undefined;
  /** In the provider's words. */
  dispute?: { status: string; reason: string } | undefined;
}

/** What we know of one order's money. */
export interface Books {
  orderId: string;
  currency: string;
  /** The last is the one that it is paid by. */
  intents: readonly string[];
  ledger: readonly { key: string; kind: string; providerId: string; amount: number; at: Date }[];
  /** `sent`: what of it goes by the provider. `providerId` is that of its last sending. */
  refunds: readonly { id: string; providerId?: string | undefined; sent: number; status: string }[];
  disputes: readonly { id: string; amount: number }[];
}

export const differenceKinds = [
  /** Captured at the provider, and not in our ledger, or less of it. */
  'not_booked',
  /** In our ledger, and not at the provider. */
  'not_at_provider',
  'amount',
  /** It names an order of ours, which knows nothing of it. */
  'unknown_payment',
  'taken_back',
  /** What we were not told of, or not how it ended: taken over at once. */
  'refund_unheard',
  'dispute_unheard',
] as const;
export type DifferenceKind = (typeof differenceKinds)[number];

export interface Difference {
  kind: DifferenceKind;
  orderId: string;
  /** The provider's id of the intent, the refund or the dispute. */
  sourceId: string;
  currency: string;
  /** Minor units. */
  theirs: number;
  ours: number;
}

/** One difference of a source and a kind is one, however often it is seen. */
export function keyOf({ kind, sourceId }: Pick<Difference, 'kind' | 'sourceId'>): string {
  return `${kind}:${sourceId}`;
}

/** Those that nobody has to decide about: the provider's word is followed, as if its webhook had come. */
export function isTakenOver(kind: DifferenceKind): boolean {
  return kind === 'refund_unheard' || kind === 'dispute_unheard';
}

/** What a line says that our books do not, or undefined. `books` are those of its order, where we know it. */
export function differenceOf(line: Line, books: Books | undefined): Difference | undefined {
  const { movement, sourceId, intentId, own } = line;
  if (!books || !own || sourceId === undefined) return undefined;
  const { orderId } = books;
  const found = { orderId, sourceId, currency: own.currency, theirs: own.amount };
  const isOurs = intentId !== undefined && books.intents.includes(intentId);
  switch (movement) {
    case 'charge':
      if (!isOurs) return { ...found, sourceId: intentId ?? sourceId, kind: 'unknown_payment', ours: 0 };
      return captureDifference(books, intentId, own.amount);
    case 'reversal': {
      const ours = capturedIn(books, intentId);
      // A debit that failed before it counted as paid was on its way to the balance already.
      return ours === 0 ? undefined : { ...found, kind: 'taken_back', ours };
    }
    case 'refund':
    case 'refund_failure':
      return refundDifference(line, books);
    case 'dispute': {
      const known = books.disputes.find(({ id }) => id === sourceId);
      if (!known || !isBooked(books, line)) return { ...found, kind: 'dispute_unheard', ours: known?.amount ?? 0 };
      return known.amount === own.amount ? undefined : { ...found, kind: 'amount', ours: known.amount };
    }
    default:
      return undefined;
  }
}

/** `theirs`: what the provider says was captured of the intent in all, so far. */
export function captureDifference(books: Books, intentId: string | undefined, theirs: number): Difference | undefined {
  const ours = capturedIn(books, intentId);
  if (ours === theirs || intentId === undefined) return undefined;
  // Of an earlier intent nothing is read any more: to book it might undo what is known of the one that followed.
  const isPaidBy = books.intents.at(-1) === intentId;
  const kind = theirs === 0 ? 'not_at_provider' : theirs > ours && isPaidBy ? 'not_booked' : 'amount';
  return { kind, orderId: books.orderId, sourceId: intentId, currency: books.currency, theirs, ours };
}

/** A dispute moves money more than once, so each movement is an entry of its own, by its line. */
function isBooked({ ledger }: Books, { id }: Line): boolean {
  return ledger.some(({ key }) => key === `dispute:${id}`);
}

/** Captures of one intent can be several: they count together. */
function capturedIn({ ledger }: Books, intentId: string | undefined): number {
  return sum(ledger.filter(({ kind, providerId }) => kind === 'capture' && providerId === intentId));
}

function refundDifference(line: Line, books: Books): Difference | undefined {
  const { sourceId = '', own, refundId, refundStatus } = line;
  const { orderId, refunds } = books;
  const { amount: theirs, currency } = own!;
  const found = { orderId, sourceId, currency, theirs };
  const sending = refunds.find(({ providerId }) => providerId === sourceId);
  // A refund that failed and was sent anew: this is what became of an earlier sending.
  const known = sending ?? refunds.find(({ id }) => id === refundId);
  if (!known) return refundStatus === 'failed' ? undefined : { ...found, kind: 'refund_unheard', ours: 0 };
  if (known.sent !== theirs) return { ...found, kind: 'amount', ours: known.sent };
  const heard = !sending || sending.status === refundStatus;
  return heard ? undefined : { ...found, kind: 'refund_unheard', ours: sending.status === 'failed' ? 0 : known.sent };
}

/** What of our ledger the provider's movements have to show. */
const bookedAs: Readonly<Record<string, readonly Movement[]>> = {
  capture: ['charge'],
  refund: ['refund', 'refund_failure'],
  dispute: ['dispute'],
};

/** What our ledger booked since a time and before another, and none of these lines tells of. */
export function missingAtProvider(
  books: Books,
  { from, to }: { from: Date; to: Date },
  lines: readonly Pick<Line, 'movement' | 'sourceId' | 'intentId'>[],
): Difference[] {
  const { orderId, currency } = books;
  const booked = books.ledger.filter(({ kind, at }) => kind in bookedAs && at >= from && at < to);
  const sources = new Map(booked.map((entry) => [entry.providerId, entry.kind]));
  return [...sources].flatMap(([providerId, kind]) => {
    const isThere = lines.some(
      ({ movement, sourceId, intentId }) =>
        bookedAs[kind]!.includes(movement) && (kind === 'capture' ? intentId : sourceId) === providerId,
    );
    const ours = sum(books.ledger.filter((entry) => entry.kind === kind && entry.providerId === providerId));
    if (isThere || ours === 0) return [];
    return [{ kind: 'not_at_provider' as const, orderId, sourceId: providerId, currency, theirs: 0, ours }];
  });
}

/** For whoever decides: both figures, and what is proposed. */
export function explain({ kind, orderId, sourceId, currency, theirs, ours }: Difference): string {
  const [there, here] = [formatMoney(theirs, currency), formatMoney(ours, currency)];
  const both = `${sourceId} of ${orderId}: ${there} at the provider, ${here} in our ledger`;
  switch (kind) {
    case 'not_booked':
      return `${both}. \`repair\` reads the payment anew and books it`;
    case 'amount':
      return `${both}. Nothing is changed by itself: find out which of them is right, then \`skip\``;
    case 'not_at_provider':
      return `${both}. Nothing is changed by itself: look for it in the dashboard, of the right account, then \`skip\``;
    case 'unknown_payment':
      return `${both}, which is paid by another. Refund it in the dashboard, or leave it there, then \`skip\``;
    case 'taken_back':
      return `${both}. The customer's bank took it back after it had been paid: ask for the money in another way, then \`skip\``;
    default:
      return `${both}. It is taken over by itself`;
  }
}

/** True where reading the provider anew can set our ledger right: we never take away what we have booked. */
export function isRepairable(kind: DifferenceKind): boolean {
  return kind === 'not_booked';
}

// ---- Days ----

/** UTC, such as `2026-11-24`. */
export function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10);
}

export function boundsOf(day: string): { from: Date; to: Date } {
  const from = new Date(`${day}T00:00:00.000Z`);
  return { from, to: dayAfter(from) };
}

function dayAfter(time: Date): Date {
  return new Date(time.getTime() + day);
}

/** The days that are over and not done, the oldest first. */
export function daysDue(now: Date, first: Date, done: ReadonlySet<string>): string[] {
  const today = boundsOf(dayOf(now)).from.getTime();
  const oldest = Math.max(boundsOf(dayOf(first)).from.getTime(), today - daysToCatchUp * day);
  const days: string[] = [];
  for (let time = oldest; time < today; time += day) days.push(dayOf(new Date(time)));
  return days.filter((each) => !done.has(each));
}

// ---- Sums ----

export interface Totals {
  charged: number;
  refunded: number;
  disputed: number;
  fees: number;
  payouts: number;
  other: number;
  /** What the balance moved by: the first, less the next four, and the other. */
  net: number;
}

/** By the currency of the balance, in its minor units. */
export function totalsOf(
  sums: readonly { movement: Movement; currency: string; amount: number; fee: number; net: number }[],
): Record<string, Totals> {
  const totals: Record<string, Totals> = {};
  for (const { movement, currency, amount, fee, net } of sums) {
    totals[currency] ??= { charged: 0, refunded: 0, disputed: 0, fees: 0, payouts: 0, other: 0, net: 0 };
    const of = totals[currency];
    of.fees += fee;
    of.net += net;
    if (movement === 'charge' || movement === 'reversal') of.charged += amount;
    else if (movement === 'refund' || movement === 'refund_failure') of.refunded -= amount;
    else if (movement === 'dispute') of.disputed -= amount;
    else if (movement === 'payout') of.payouts -= amount;
    else if (movement === 'fee') of.fees -= amount;
    else of.other += amount;
  }
  return totals;
}

function sum(entries: readonly { amount: number }[]): number {
  return entries.reduce((total, { amount }) => total + amount, 0);
}
