/**
 * What the bank is told about a disputed payment: which of our facts, by the reason of the dispute.
 * https://docs.stripe.com/disputes/reason-codes-defense-requirements
 */
import { formatMoney } from './money.ts';

export const evidenceFields = [
  'customer_name',
  'customer_email_address',
  'product_description',
  'receipt',
  'shipping_address',
  'shipping_carrier',
  'shipping_date',
  'shipping_tracking_number',
  'refund_policy_disclosure',
  'refund_refusal_explanation',
  'duplicate_charge_explanation',
  'uncategorized_text',
] as const;

export type EvidenceField = (typeof evidenceFields)[number];
export type Evidence = Partial<Record<EvidenceField, string>>;

/** Everything of an order that can be told. Times are ISO 8601. */
export interface CaseFacts {
  reason: string;
  orderId: string;
  currency: string;
  total: number;
  orderedAt: string;
  customer: { name: string; email: string };
  /** The address in lines. */
  shipTo: string[];
  goods: { name: string; quantity: number; total: number }[];
  carrier: string | undefined;
  parcels: {
    trackingNumber: string | undefined;
    shippedAt: string | undefined;
    deliveredAt: string | undefined;
  }[];
  refunds: { amount: number; at: string }[];
  returns: { at: string; status: string }[];
  refundPolicy: string | undefined;
  /** Others of the same customer, which a charge that looks like a duplicate may be taken for. */
  otherOrders: { orderId: string; at: string; total: number; goods: { name: string; quantity: number }[] }[];
  /** The provider's id of the invoice as a file. */
  receipt: string | undefined;
  /** What support adds. */
  words: string | undefined;
}

const always: EvidenceField[] = [
  ...(['customer_name', 'customer_email_address', 'product_description', 'receipt', 'uncategorized_text'] as const),
];
const shipping: EvidenceField[] = [
  ...(['shipping_address', 'shipping_carrier', 'shipping_date', 'shipping_tracking_number'] as const),
];
const refunds: EvidenceField[] = ['refund_policy_disclosure', 'refund_refusal_explanation'];

const byReason: Record<string, EvidenceField[]> = {
  product_not_received: [...always, ...shipping],
  fraudulent: [...always, ...shipping],
  unrecognized: [...always, ...shipping],
  product_unacceptable: [...always, ...shipping, ...refunds],
  credit_not_processed: [...always, ...refunds],
  duplicate: [...always, ...shipping, 'duplicate_charge_explanation'],
};

/** Of any other reason, such as `general`, the bank gets all that there is. */
export function evidenceFor(facts: CaseFacts, leftOut: readonly string[] = []): Evidence {
  const wanted = byReason[facts.reason] ?? [...always, ...shipping, ...refunds];
  const all = allEvidence(facts);
  const chosen = wanted.flatMap((field) => {
    const text = all[field];
    return text === undefined || text === '' || leftOut.includes(field) ? [] : [[field, text.slice(0, longest)]];
  });
  return Object.fromEntries(chosen);
}

/** The provider's, of one field. */
const longest = 20_000;

/** Every parcel that was sent has arrived, and there was one. */
export function isDelivered({ parcels }: Pick<CaseFacts, 'parcels'>): boolean {
  return parcels.length > 0 && parcels.every(({ deliveredAt }) => deliveredAt !== undefined);
}

function allEvidence(facts: CaseFacts): Evidence {
  const { customer, goods, parcels, carrier, shipTo, refundPolicy, receipt, currency } = facts;
  const sent = parcels.filter(({ shippedAt }) => shippedAt !== undefined);
  const list = (texts: (string | undefined)[]) => [...new Set(texts.filter((text) => text !== undefined))].join(', ');
  return {
    customer_name: customer.name,
    customer_email_address: customer.email,
    product_description: goods
      .map(({ name, quantity, total }) => `${quantity} x ${name} (${formatMoney(total, currency)})`)
      .join('\n'),
    ...(receipt !== undefined && { receipt }),
    ...(sent.length > 0 && {
      shipping_address: shipTo.join('\n'),
      ...(carrier !== undefined && { shipping_carrier: carrier }),
      shipping_date: list(sent.map(({ shippedAt }) => day(shippedAt!))),
      shipping_tracking_number: list(sent.map(({ trackingNumber }) => trackingNumber)),
    }),
    ...(refundPolicy !== undefined && { refund_policy_disclosure: refundPolicy }),
    refund_refusal_explanation: refusal(facts),
    duplicate_charge_explanation: noDuplicate(facts),
    uncategorized_text: story(facts),
  };
}

function story(facts: CaseFacts): string {
  const { orderId, orderedAt, total, currency, parcels, words } = facts;
  const parcelLines = parcels.flatMap(({ trackingNumber, shippedAt, deliveredAt }) => {
    const parcel = trackingNumber === undefined ? 'A parcel' : `Parcel ${trackingNumber}`;
    if (shippedAt === undefined) return [];
    return [
      `${parcel} was handed to the carrier on ${day(shippedAt)}.`,
      ...(deliveredAt === undefined
        ? []
        : [`${parcel} was delivered to this address on ${moment(deliveredAt)}, as the carrier reports.`]),
    ];
  });
  const nothingSent = parcelLines.length === 0 ? ['Nothing of it has been sent yet.'] : [];
  return [
    `Order ${orderId} over ${formatMoney(total, currency)} was placed on ${moment(orderedAt)}.`,
    ...parcelLines,
    ...nothingSent,
    ...refundLines(facts),
    ...returnLines(facts),
    ...(words === undefined ? [] : [words]),
  ].join('\n');
}

function refundLines({ refunds, currency }: CaseFacts): string[] {
  return refunds.map(({ amount, at }) => `${formatMoney(amount, currency)} was refunded on ${day(at)}.`);
}

function returnLines({ returns }: CaseFacts): string[] {
  return returns.map(({ at, status }) => `A return was asked for on ${day(at)}: it is ${status.replaceAll('_', ' ')}.`);
}

function refusal(facts: CaseFacts): string {
  const done = [...refundLines(facts), ...returnLines(facts)];
  if (facts.returns.length === 0) done.push('The customer has not asked us for a return of the goods.');
  return done.join('\n');
}

function noDuplicate({ orderId, otherOrders, currency }: CaseFacts): string {
  if (otherOrders.length === 0) return `The customer paid once for order ${orderId}, and has no other order with us.`;
  const others = otherOrders.map(
    (other) =>
      `Order ${other.orderId} of ${day(other.at)} over ${formatMoney(other.total, currency)} is another one: ` +
      other.goods.map(({ name, quantity }) => `${quantity} x ${name}`).join(', '),
  );
  return [`Order ${orderId} was paid once, for goods of its own.`, ...others].join('\n');
}

function day(at: string): string {
  return at.slice(0, 10);
}

function moment(at: string): string {
  return `${at.slice(0, 10)} ${at.slice(11, 16)} UTC`;
}
