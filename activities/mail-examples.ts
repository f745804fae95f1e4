/** Every mail with every kind of content that it can have, to look at and to test its texts with. */
import type { Order } from '../models/order.ts';
import type { Refund } from '../models/payment.ts';
import type { Return } from '../models/return.ts';
import type { StoreSettings } from '../models/store.ts';
import type { MailTemplate } from '../workflows/activities.ts';
import { free } from '../workflows/domain/pricing.ts';
import type { MailFacts, MailParcel } from './mail-content.ts';
import { shownIn } from './mail-texts.ts';

export interface MailExample {
  /** The mail, and what is special about this one. */
  name: string;
  facts: MailFacts;
}

/** @param language BCP 47, the customer's */
export function mailExamples(
  language: string,
  mail: StoreSettings['mail'] = { storeName: 'Hudson Goods' },
): MailExample[] {
  const order = exampleOrder(language);
  const example = (template: MailTemplate, special = '', more: Partial<MailFacts> = {}): MailExample => ({
    name: special === '' ? template : `${template}, ${special}`,
    facts: {
      ...{ template, order, parcels: shownIn[template].includes('parcels') ? [parcels[0]!] : [] },
      link: `https://shop.example/orders/${order._id}#ot_3q2XhVc0dT`,
      store: { mail },
      ...more,
    },
  });
  const late = new Date('2026-12-14T09:00:00Z');
  return [
    ...(Object.keys(shownIn) as MailTemplate[]).map((template) => example(template)),
    example('order_confirmed', 'tax included, store credit', { order: withCredit(order) }),
    example('exchange_confirmed', 'paid by what came back', { order: { ...order, exchangeOf, credit: 5_000 } }),
    example('order_backordered', 'with a date', { order: { ...order, expectedAt: late } }),
    example('shipped', 'two parcels', { parcels }),
    example('shipped', 'untracked', { parcels: [{ goods: parcels[0]!.goods }] }),
    example('out_for_delivery', 'two parcels', { parcels }),
    example('delivered', 'two parcels', { parcels }),
    example('delayed', 'two parcels', { parcels }),
    example('delayed', 'no date', { parcels: [{ ...parcels[0]!, expectedOn: undefined }] }),
    example('return_approved', 'with a label', { returned: returnOf(order, { label: true, fee: 0 }) }),
    example('return_approved', 'with a label to be paid', { returned: returnOf(order, { label: true, fee: 490 }) }),
    example('return_approved', 'without a label', { returned: returnOf(order, { label: false, fee: 0 }) }),
    example('return_expiring', 'with a label', { returned: returnOf(order, { label: true, fee: 0 }) }),
    example('return_expiring', 'without a label', { returned: returnOf(order, { label: false, fee: 0 }) }),
    example('refunded', 'to the card', { refund: refundOf(order, 4_990, 0) }),
    example('refunded', 'to the store credit', { refund: refundOf(order, 1_490, 1_490) }),
    example('refunded', 'to both', { refund: refundOf(order, 4_990, 1_490) }),
  ];
}

const exchangeOf = {
  ...{ returnId: 'ret_1', paidOrderId: 'ord_1', paymentId: 'pay_1', release: 'on_receipt' as const },
};

const parcels: MailParcel[] = [
  {
    goods: [
      { name: 'Mug “Brooklyn”, 330 ml', quantity: 2 },
      { name: 'Tea towel & apron <linen>', quantity: 1 },
    ],
    trackingNumber: '1Z999AA10123456784',
    trackingUrl: 'https://carrier.example/track/1Z999AA10123456784?from=shop&lang=en',
    expectedOn: '2026-12-04',
  },
  {
    goods: [{ name: 'Lamp', quantity: 1 }],
    trackingNumber: '1Z999AA10123456785',
    trackingUrl: undefined,
    expectedOn: '2026-12-05',
  },
];

function exampleOrder(language: string): Order {
  const createdAt = new Date('2026-12-01T10:15:00Z');
  const address = { name: 'Ada Lovelace', line1: '12 Hudson Street', city: 'New York', postalCode: '10013' };
  const line = (lineId: string, name: string, quantity: number, unitPrice: number) => ({
    ...{ ...free, lineId, sku: lineId.toUpperCase(), name, weightGrams: 400, quantity, unitPrice, allocations: [] },
    ...{ subtotal: quantity * unitPrice, net: quantity * unitPrice, total: quantity * unitPrice },
  });
  return {
    _id: 'ord_01KBD5N2E8V6MZ0QYR4T7WXJ3H',
    ...{ createdAt, placeBefore: createdAt, currency: 'EUR', items: [], rev: 1, status: 'confirmed' },
    customer: { email: 'ada@example.com', name: 'Ada Lovelace', language },
    shipTo: { ...address, region: 'NY', country: 'US' },
    lines: [
      line('mug', 'Mug “Brooklyn”, 330 ml', 2, 1_490),
      line('linen', 'Tea towel & apron <linen>', 1, 2_900),
      line('lamp', 'Lamp', 1, 119_900),
    ],
    shipping: {
      ...{ ...free, method: 'post', name: 'Post', earliest: '2026-12-03', promisedBy: '2026-12-04' },
      dispatchBy: '2026-12-02T15:00:00.000Z',
      ...{ subtotal: 490, net: 490, total: 490 },
    },
    pricing: {
      ...{ taxInclusive: false, subtotal: 126_270, discount: 1_000, net: 125_270, tax: 11_118 },
      promotions: [{ id: 'winter', name: 'Winter sale', amount: 1_000 }],
      taxes: [{ name: 'Sales tax', ppm: 88_750, base: 125_270, amount: 11_118 }],
    },
    total: 136_388,
  };
}

function withCredit(order: Order): Order {
  const taxes = [{ name: 'VAT', ppm: 190_000, base: 105_269, amount: 20_001 }];
  const pricing = { ...order.pricing, taxInclusive: true, net: 105_269, tax: 20_001, taxes };
  return { ...order, pricing, total: 125_270, credit: 5_000 };
}

function returnOf({ _id: orderId, createdAt, shipTo }: Order, sending: Return['sending']): Return {
  const address = { name: 'Hudson Goods', line1: '1 Dock Road', city: 'Newark', postalCode: '07101', region: 'NJ' };
  const waitingFor = { event: 'return_arrival', deadline: '2027-01-08T12:00:00.000Z' };
  const label = {
    ...{ id: 'lbl_1', carrier: 'post', service: 'parcel', trackingNumber: '1Z999AA10123456786', cost: 490 },
    ...{ url: 'https://carrier.example/labels/lbl_1.pdf', currency: 'EUR', boughtAt: createdAt },
  };
  return {
    ...{ _id: 'ret_1', orderId, warehouseId: 'newark', createdAt, by: 'customer', lines: [], arrivals: [] },
    decision: { decision: 'approve', because: 'Within the return policy' },
    ...{ sending, sendTo: { ...address, country: shipTo.country }, rev: 1, status: 'approved' },
    ...(sending.label && { label }),
    state: {
      ...{ returnId: 'ret_1', orderId, rev: 1, status: 'approved', incidents: [], timeline: [], waitingFor },
    },
  };
}

function refundOf({ _id: orderId, currency, createdAt }: Order, amount: number, credited: number): Refund {
  return {
    ...{ _id: 'ref_1', key: 'ref_1', orderId, paymentId: 'pay_1', workflowId: 'refund-ref_1' },
    ...{
      amount,
      credited,
      transferred: 0,
      unsold: 0,
      uncaptured: 0,
      currency,
      shipping: 0,
      reason: 'goodwill',
      actor: 'support',
    },
    ...{ status: 'succeeded', attempt: 1, serverErrors: 0, createdAt },
  };
}
