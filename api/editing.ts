/** A preview of an edit: what the order would be, what it would cost, and how that differs from what it is. */
import type { z } from 'zod';
import { addressText, basisOf, byCard, whyNot } from '../activities/stock/edits.ts';
import type { Becomes, Edit } from '../models/edit.ts';
import { newId } from '../models/id.ts';
import type { Order } from '../models/order.ts';
import type { Payment } from '../models/payment.ts';
import type { Shortage } from '../workflows/domain/allocation.ts';
import {
  type EditRefusal,
  editChanges,
  itemsLeft,
  moneyOf,
  type RefusedEdit,
  withLineIds,
} from '../workflows/domain/edits.ts';
import { payableUnit, shareOfLine } from '../workflows/domain/money.ts';
import { amountDue, keptUnits } from '../workflows/domain/sales.ts';
import { type Buyer, type CartRequest, latest, type PricedCart, priceCart, quoteLifeMs } from './cart.ts';
import type { Api } from './endpoint.ts';
import { destinationOf, missing, outOfStock, tooSmall } from './placing.ts';
import { Problem } from './problem.ts';
import type { editBody } from './schemas/edits.ts';

interface Preview {
  edit: Edit;
  paymentNeeded: boolean;
  deliveryOptions: PricedCart['quote']['pricing']['deliveryOptions'];
}

/** So long after its end it is removed. */
const keptMs = 3_600_000;

/** @throws Problem where it cannot be had, or the order cannot be edited as it stands; the workflow decides */
export async function previewEdit(api: Api, order: Order, asked: z.output<typeof editBody>): Promise<Preview> {
  const { models } = api.mongo;
  const [payment, shipments] = await Promise.all([
    models.payments.findOne({ orderId: order._id }).lean<Payment>(),
    models.shipments.find({ orderId: order._id }).lean(),
  ]);
  if (order.reshipOf !== undefined) throw refusal('It sends goods again at no charge', 'reship');
  if (order.exchangeOf) throw refusal('It is in exchange for goods that come back', 'exchange');
  const why = whyNot(order, shipments) ?? (order.state?.payment.disputed ? 'disputed' : undefined);
  if (why !== undefined || !payment) throw editRefused({ why: why ?? 'not_yet' });

  const left = itemsLeft(order.items, order.lines);
  const items = asked.items ?? left;
  if (items === undefined)
    throw refusal('Parts of a bundle were cancelled: say which items the order is to have', 'bundle_in_part');
  const shipTo = asked.shippingAddress ?? order.shipTo;
  const mayWait = waitsForGoods(order, payment);
  const request = {
    ...{ items, currency: order.currency, codes: order.codes, to: destinationOf(shipTo) },
    ...{ acceptBackorder: mayWait, useStoreCredit: false },
  };
  const cart = await priced(api, order, request, asked.deliveryMethod);
  const {
    lines,
    shipping,
    total,
    deliveryOptions,
    orderBy: _,
    refusedCodes: _refused,
    ...pricing
  } = cart.quote.pricing;
  const money = moneyOf(payment, byCard(total, order), order.committedAt !== undefined);
  if ('why' in money) throw editRefused(money);
  const spent = { ...cart, quote: { ...cart.quote, credit: Math.min(total, order.credit ?? 0) } };
  const small = tooSmall(spent);
  if (small) throw small;
  const gone = missing(cart);
  if (gone) throw outOfStock(gone.extra.shortages as Shortage[]);

  const becomes: Becomes = {
    ...{ items: [...items], shipTo, pricing, total },
    lines: withLineIds(order.lines, lines, () => newId('line')).map(({ backorder, ...line }) => ({
      ...line,
      ...(mayWait && backorder && { backorder }),
    })),
    ...(shipping && { shipping }),
    ...(cart.redemptions.length > 0 && { redemptions: cart.redemptions }),
    ...(cart.quote.taxes && { taxCalculation: cart.quote.taxes.calculationId }),
    ...(mayWait ? expectedOf(cart) : kept(order)),
  };
  const address = addressText(order.shipTo);
  const was = { ...order, ...order.pricing, lines: linesLeft(order), items: left ?? order.items, address };
  const before = amountDue(order);
  const changes = editChanges(
    { ...was, total: before },
    { ...cart.quote.pricing, items, address: addressText(shipTo) },
  );
  const now = new Date();
  const expiresAt = new Date(now.getTime() + quoteLifeMs);
  const edit: Edit = {
    ...{ _id: newId('edt'), orderId: order._id, createdAt: now, expiresAt },
    removeAt: new Date(expiresAt.getTime() + keptMs),
    ...{ basis: basisOf(order), currency: order.currency, before, after: total, changes, becomes },
  };
  return { edit, paymentNeeded: money.way === 'authorize', deliveryOptions };
}

/** What is delivered now stays so where that is possible, unless another way is asked for. */
async function priced(api: Api, order: Order, request: Omit<CartRequest, 'deliveryMethod'>, asked?: string) {
  const buyer: Buyer = { customerId: order.customerId, email: order.customer.email };
  const by = (deliveryMethod?: string) => priceCart(api, { ...request, deliveryMethod }, buyer, { of: order });
  try {
    return await by(asked ?? order.shipping?.method);
  } catch (error) {
    const isOld = asked === undefined && error instanceof Problem && error.extra.deliveryOptions !== undefined;
    if (!isOld) throw error;
    return by();
  }
}

/** Who was charged, or is to be charged now, does not wait: what is not there is for another order. */
function waitsForGoods({ acceptsBackorder = false, committedAt }: Order, { intentId, setup, amountDue }: Payment) {
  return acceptsBackorder && !committedAt && intentId === undefined && (setup !== undefined || amountDue === 0);
}

function expectedOf({ goods }: PricedCart): Pick<Order, 'expectedAt' | 'notBefore'> {
  const expectedAt = latest(goods.map((each) => each.expectedAt));
  const releaseAt = latest(goods.map((each) => each.releaseAt));
  return {
    ...(expectedAt !== undefined && { expectedAt: new Date(expectedAt) }),
    ...(releaseAt !== undefined && { notBefore: new Date(releaseAt) }),
  };
}

function kept({ expectedAt, notBefore }: Order): Pick<Order, 'expectedAt' | 'notBefore'> {
  return { ...(expectedAt && { expectedAt }), ...(notBefore && { notBefore }) };
}

/** As they stand without what was cancelled. */
function linesLeft({ lines, currency }: Order): Order['lines'] {
  return lines.flatMap((line) => {
    const quantity = keptUnits(line);
    const subtotal = shareOfLine(line.subtotal, line.quantity, 0, quantity, payableUnit(currency));
    return quantity > 0 ? { ...line, quantity, subtotal } : [];
  });
}

/** @param reason for a program to tell apart */
function refusal(detail: string, reason: string, more: Record<string, unknown> = {}): Problem {
  return new Problem('edit-refused', `${detail}. Nothing was changed`, { reason, ...more });
}

export function editRefused({
  why,
  shortages,
  declineCode,
}: Omit<RefusedEdit, 'outcome'> & { declineCode?: string | undefined }): Problem {
  if (why === 'out_of_stock') return outOfStock(shortages);
  if (why === 'ended') return new Problem('order-ended', `${words.ended}. Nothing was changed`);
  if (why === 'not_reached') return new Problem('unavailable', `${words.not_reached}. Nothing was changed`);
  return refusal(words[why], why, declineCode === undefined ? {} : { declineCode });
}

const words: Record<EditRefusal, string> = {
  expired: 'The preview is too old: make another',
  changed: 'The order is not what it was when the edit was previewed: make another preview',
  not_yet: 'The order is being placed: try again in a moment',
  ended: 'The order has ended, or is being cancelled',
  begun: 'Somebody has begun to pick it, or it has left: what was not handed over yet can be cancelled',
  taken: 'Its money was taken, or a part of it was paid back',
  paying: 'A payment of it is under way: wait for what becomes of it',
  disputed: 'Its payment is disputed',
  no_method: 'It waits for goods, and there is no method of payment to be charged when they are there',
  busy: "Another edit waits for its customer's payment",
  too_many: 'It was edited, or paid for, too often',
  out_of_stock: 'Not enough in stock',
  promotion_gone: 'A promotion that it is priced with was used up: make another preview',
  declined: 'The payment was declined: confirm it with another method',
  not_reached: 'The payment provider does not answer: try again',
};
