/** What the store takes back: which goods, how long, and at whose cost. By classes of goods. */
import { unitsByLine } from './units.ts';
import { mayWithdraw } from './withdrawal.ts';

/** Why a customer sends something back. */
export const returnReasons = [
  'changed_mind',
  'does_not_fit',
  'damaged',
  'defective',
  'wrong_item',
  'not_as_described',
  'arrived_late',
  'other',
] as const;
export type ReturnReason = (typeof returnReasons)[number];

/** What nobody asked for: a parcel that the carrier brings back, or goods that lay in one. */
export const unaskedReasons = ['returned_to_sender', 'never_asked_for'] as const;

const storesFault: readonly ReturnReason[] = ['damaged', 'defective', 'wrong_item', 'not_as_described'];

/** When goods in exchange leave: as soon as the return is approved, or once its goods are accepted. */
export type ExchangeRelease = 'at_once' | 'on_receipt';
/** The strictest first: of several classes it is the one that counts. */
export const exchangeRules = ['none', 'on_receipt', 'at_once'] as const;
export type ExchangeRule = (typeof exchangeRules)[number];

/** What holds for a class of goods. */
export interface ReturnPolicy {
  /** From the delivery of the last parcel. */
  windowDays: number;
  /** It stays sold, unless the law or the store's own fault says otherwise. */
  finalSale?: boolean | undefined;
  returnShipping: 'store' | 'customer';
  /**
   * Minor units by currency, where the customer pays: a label is bought, and this is kept of the refund. In a currency
   * without one none is bought, and the customer sends it as they like.
   */
  labelFee?: Readonly<Record<string, number>> | undefined;
  /** Whether the shipping of the order is paid back once all of it is back. */
  refundShipping: 'never' | 'with_whole_order';
  /** Parts per million of what a line cost. */
  restockingPpm?: number | undefined;
  /** Whether it can be exchanged, and when the other goods leave. Where it is not said, on receipt. */
  exchange?: ExchangeRule | undefined;
  /** Who approves what is asked for in time. */
  approval: 'rule' | 'person';
  /** The law lets nobody withdraw from it, as with sealed goods of hygiene: article 16 of Directive 2011/83/EU. */
  noWithdrawal?: boolean | undefined;
}

export type ReturnPolicies = Readonly<Record<string, ReturnPolicy>>;

export const defaultReturnPolicy: ReturnPolicy = {
  ...{ windowDays: 30, returnShipping: 'store', refundShipping: 'never', approval: 'rule' },
};

/** Of a class that has none of its own, the one of `standard`. */
export function policyOf(policies: ReturnPolicies, returnClass = 'standard'): ReturnPolicy {
  const own = Object.hasOwn(policies, returnClass) ? policies[returnClass] : undefined;
  return own ?? policies.standard ?? defaultReturnPolicy;
}

/** So many returns may come to nothing before a person looks at the next. */
export const mostInVain = 3;

export interface ReturnableLine {
  lineId: string;
  returnClass?: string | undefined;
  delivered: number;
  /** Units in earlier returns that were not rejected, cancelled or expired. */
  alreadyReturning: number;
}

/** What a return is decided by. */
export interface ReturnCase {
  lines: readonly ReturnableLine[];
  currency: string;
  /** Where the goods went. */
  country: string;
  /** The last parcel's delivery. */
  deliveredAt?: Date | undefined;
  now: Date;
  /** Returns of the order that were withdrawn or never came: each has cost a label. */
  inVain?: number | undefined;
  /** Customers who are too late are refused; where staff ask for it, a person decides. */
  by: 'customer' | 'support' | 'warehouse';
}

/** On which terms a line comes back, as they were when it was asked for. */
export interface LineTerms {
  /** By law, and not by the store's own policy. */
  withdrawal: boolean;
  restockingPpm: number;
  /** The order's shipping comes back with the last of the goods, by the policy. */
  refundsShipping: boolean;
}

/** How the goods get here. */
export interface Sending {
  /** A label is bought. */
  label: boolean;
  /** Minor units that are kept for it. */
  fee: number;
}

export type ReturnDecision =
  | { decision: 'refuse'; because: string }
  /** `terms` are in the order of the lines that were asked for. */
  | { decision: 'approve' | 'ask'; because: string; terms: LineTerms[]; sending: Sending };

const dayMs = 86_400_000;

export function decideReturn(
  asked: readonly { lineId: string; quantity: number; reason: ReturnReason }[],
  about: ReturnCase,
  policies: ReturnPolicies = {},
): ReturnDecision {
  const { lines, deliveredAt, inVain = 0 } = about;
  const tooMuch = whatIsTooMuch(asked, lines);
  if (tooMuch !== undefined) return { decision: 'refuse', because: tooMuch };
  if (deliveredAt === undefined) return { decision: 'refuse', because: 'Nothing has been delivered yet' };

  const judged = asked.map(({ lineId, reason }) => {
    const { returnClass } = lines.find((line) => line.lineId === lineId)!;
    return judge(lineId, reason, policyOf(policies, returnClass), { ...about, deliveredAt });
  });
  const refused = judged.find(({ verdict }) => verdict.decision === 'refuse');
  if (refused) return { decision: 'refuse', because: refused.verdict.because };
  const doubtful = judged.find(({ verdict }) => verdict.decision === 'ask')?.verdict;
  const common = {
    terms: judged.map(({ terms }) => terms),
    // What stands at the door needs no label.
    sending: about.by === 'warehouse' ? { label: false, fee: 0 } : sendingOf(judged.map(({ sending }) => sending)),
  };
  if (doubtful) return { decision: 'ask', because: doubtful.because, ...common };
  if (inVain >= mostInVain)
    return { decision: 'ask', because: `${inVain} returns of this order came to nothing`, ...common };
  return { decision: 'approve', because: judged[0]!.verdict.because, ...common };
}

function whatIsTooMuch(
  asked: readonly { lineId: string; quantity: number }[],
  lines: readonly ReturnableLine[],
): string | undefined {
  for (const [lineId, quantity] of unitsByLine(asked)) {
    const line = lines.find((candidate) => candidate.lineId === lineId);
    if (line === undefined) return `The order has no line ${lineId}`;
    const left = Math.max(0, line.delivered - line.alreadyReturning);
    if (quantity > left) return `Line ${lineId}: ${quantity} asked, ${left} can be returned`;
  }
  return undefined;
}

/** One line by itself. */
function judge(
  lineId: string,
  reason: ReturnReason,
  policy: ReturnPolicy,
  { currency, country, deliveredAt, now, by }: ReturnCase & { deliveredAt: Date },
) {
  const isOurFault = storesFault.includes(reason);
  const withdrawal = policy.noWithdrawal !== true && mayWithdraw(country, deliveredAt, now);
  const days = (now.getTime() - deliveredAt.getTime()) / dayMs;
  const verdict = (decision: 'approve' | 'ask' | 'refuse', because: string) => ({ decision, because });
  const decide = () => {
    if (withdrawal) return verdict('approve', 'Within the time of withdrawal');
    if (days > policy.windowDays) {
      const because = `Line ${lineId} was delivered ${Math.floor(days)} days ago, and could be returned for ${policy.windowDays}`;
      return verdict(by === 'customer' && !isOurFault ? 'refuse' : 'ask', because);
    }
    if (policy.finalSale) return verdict(isOurFault ? 'ask' : 'refuse', `Line ${lineId} is a final sale`);
    if (policy.approval === 'person') return verdict('ask', `Line ${lineId} is of goods that a person decides about`);
    return verdict('approve', 'Within the return policy');
  };
  return {
    verdict: decide(),
    terms: {
      withdrawal,
      restockingPpm: isOurFault || withdrawal ? 0 : (policy.restockingPpm ?? 0),
      refundsShipping: policy.refundShipping === 'with_whole_order',
    },
    sending: isOurFault ? storePays : ownSending(policy, currency),
  };
}

const storePays: Sending = { label: true, fee: 0 };

function ownSending({ returnShipping, labelFee = {} }: ReturnPolicy, currency: string): Sending {
  if (returnShipping === 'store') return storePays;
  const fee = labelFee[currency];
  return { label: fee !== undefined, fee: fee ?? 0 };
}

/** All of it comes in one parcel: what is best for the customer counts. */
function sendingOf(each: readonly Sending[]): Sending {
  const labelled = each.filter(({ label }) => label);
  return { label: labelled.length > 0, fee: labelled.length > 0 ? Math.min(...labelled.map(({ fee }) => fee)) : 0 };
}

/** On which terms goods are taken that came along, and that nobody has asked for. */
export function termsOfUnasked(policy: ReturnPolicy): LineTerms {
  const { restockingPpm = 0, refundShipping } = policy;
  return { withdrawal: false, restockingPpm, refundsShipping: refundShipping === 'with_whole_order' };
}
