/** Mails to customers: queued with the state that calls for them, sent here, each once as far as SMTP allows. */
import { randomUUID } from 'node:crypto';
import type { OutgoingMail } from '../models/inbox.ts';
import type { Order } from '../models/order.ts';
import type { Refund } from '../models/payment.ts';
import type { Stock } from '../models/stock.ts';
import { linkToken } from '../platform/link-token.ts';
import type { Mongo } from '../platform/mongo.ts';
import type { MailTemplate } from '../workflows/activities.ts';
import { formatMoney, formatPercent } from '../workflows/domain/money.ts';
import { isLow, salable, suggestedOrder } from '../workflows/domain/stock.ts';
import type { TaxPart } from '../workflows/domain/taxes.ts';
import type { Mailer } from './providers/mail.ts';

export interface MailOptions {
  /** The storefront: its page /orders/ID gets the token behind the hash, which no server log sees. */
  publicUrl: string;
  secret: string;
}

const claimMs = 60_000;
export const mailBatch = 20;

/** Sends what is due, and answers how many it took. A mail that is refused is tried again, for ever more rarely. */
export async function sendDueMails(
  { models }: Mongo,
  mailer: Mailer,
  options: MailOptions,
  failed: (mail: OutgoingMail, why: string) => void,
): Promise<number> {
  const mails = await claim({ models });
  if (mails.length === 0) return 0;
  const orders = await models.orders
    .find({ _id: { $in: mails.flatMap(({ orderId }) => orderId ?? []) } })
    .lean<Order[]>();
  const refunds = await models.refunds.find({ _id: { $in: mails.flatMap(refundOf) } }).lean();
  // Those of one order one after the other, oldest first: the last word has to come last.
  const lanes = new Map<string, OutgoingMail[]>();
  for (const mail of mails) {
    const lane = mail.orderId ?? mail._id;
    lanes.set(lane, [...(lanes.get(lane) ?? []), mail]);
  }
  const results: { filter: { _id: string }; update: object }[] = [];
  await Promise.all(
    [...lanes].map(async ([orderId, lane]) => {
      const order = orders.find(({ _id }) => _id === orderId);
      for (const mail of lane) results.push({ filter: { _id: mail._id }, update: await send(mail, order) });
    }),
  );
  await models.mails.bulkWrite(results.map((updateOne) => ({ updateOne })));
  return mails.length;

  async function send(mail: OutgoingMail, order: Order | undefined): Promise<object> {
    try {
      if (mail.stockId !== undefined) {
        const letter = await lowStock(models, mail.stockId);
        if (letter) await mailer.send({ ...letter, messageId: mail._id });
        return { $set: { sentAt: new Date() }, $unset: { failure: 1 } };
      }
      if (!order) throw new Error(`There is no order ${mail.orderId}`);
      const link = `${options.publicUrl}/orders/${order._id}#${linkToken(options.secret, order._id)}`;
      const { subject, text } = compose[mail.template as MailTemplate](
        order,
        link,
        refunds.find(({ _id }) => refundOf(mail).includes(_id)),
      );
      await mailer.send({ to: order.customer.email, subject, text, messageId: mail._id });
      return { $set: { sentAt: new Date() }, $unset: { failure: 1 } };
    } catch (error) {
      const failure = whyNotSent(error);
      failed(mail, failure);
      const backoff = Math.min(3_600_000, 5_000 * 2 ** mail.tries);
      return { $set: { nextTryAt: new Date(Date.now() + backoff), failure } };
    }
  }
}

/** The refund that a mail tells of is the last part of its key. */
function refundOf({ template, _id }: OutgoingMail): string[] {
  return template === 'refunded' ? [_id.slice(_id.lastIndexOf(':') + 1)] : [];
}

/** Servers repeat the address in what they say, so only their codes are kept. */
function whyNotSent(error: unknown): string {
  const { code, responseCode, command, name } = error as Record<string, unknown>;
  return [code ?? name, command, responseCode].filter((part) => part !== undefined).join(' ');
}

async function claim({ models }: Pick<Mongo, 'models'>): Promise<OutgoingMail[]> {
  const now = new Date();
  const due = await models.mails
    .find({ sentAt: null, nextTryAt: { $lte: now } }, { _id: 1 })
    .sort({ nextTryAt: 1 })
    .limit(mailBatch)
    .lean();
  if (due.length === 0) return [];
  const claimedBy = randomUUID();
  const ids = due.map(({ _id }) => _id);
  await models.mails.updateMany(
    { _id: { $in: ids }, sentAt: null, nextTryAt: { $lte: now } },
    { $set: { nextTryAt: new Date(now.getTime() + claimMs), claimedBy }, $inc: { tries: 1 } },
  );
  return models.mails
    .find({ _id: { $in: ids }, claimedBy })
    .sort({ createdAt: 1 })
    .lean();
}

/** To the warehouse. None where it wants no mails, or where there is enough again. */
async function lowStock(
  models: Mongo['models'],
  stockId: string,
): Promise<{ to: string; subject: string; text: string } | undefined> {
  const stock = await models.stock.findById(stockId).lean<Stock>();
  const warehouse = stock && (await models.warehouses.findById(stock.warehouseId).lean());
  if (!stock || !warehouse?.email || !isLow(stock)) return undefined;
  const { sku, onHand, incoming, reorderPoint } = stock;
  const product = await models.products.findById(sku, { name: 1 }).lean();
  const text = [
    `${product?.name ?? sku} (${sku}) in ${warehouse.name}:`,
    `${onHand} on hand, ${salable(stock)} not promised, ${incoming} on their way.`,
    `The reorder point is ${reorderPoint}. Suggested order: ${suggestedOrder(stock)}.`,
  ];
  return { to: warehouse.email, subject: `Time to order ${sku}`, text: `${text.join('\n')}\n` };
}

type Compose = (order: Order, link: string, refund?: Refund) => { subject: string; text: string };

const compose: Record<MailTemplate, Compose> = {
  order_confirmed: (order, link) => ({
    subject: `Your order ${order._id} is confirmed`,
    text: `Thank you.\n\n${priceOf(order)}\n\nFollow it here: ${link}\n`,
  }),
  order_backordered: (order, link) => ({
    subject: `Your order ${order._id} is accepted`,
    text: `Thank you.\n\n${priceOf(order)}\n\nNot all of it is here yet${dateOf(order)}. We charge you when it is, and send everything together. You can cancel it until then: ${link}\n`,
  }),
  backorder_late: (order, link) => ({
    subject: `Your order ${order._id} is late`,
    text: `The goods that we wait for have not come in time. We are sorry. You can go on waiting, or cancel it: ${link}\n`,
  }),
  goods_missing: (order, link) => ({
    subject: `Something of your order ${order._id} has to wait`,
    text: `Goods that we had promised you turned out not to be there. They are sent as soon as we have others; what is here goes on its way as planned. You can cancel what has not left yet: ${link}\n`,
  }),
  backorder_payment_needed: (order, link) => ({
    subject: `Your order ${order._id} is here, and needs a payment`,
    text: `The goods have come, but your saved card could not be charged without you. We hold them for four days. Please confirm the payment, or choose another card: ${link}\n`,
  }),
  payment_needed: (order, link) => ({
    subject: `Your order ${order._id} needs a payment`,
    text: `We keep your order for half an hour. Please confirm the payment, or choose another card: ${link}\n`,
  }),
  payment_processing: (order, link) => ({
    subject: `We have your order ${order._id}`,
    text: `Your bank has taken on the payment, which may take some days. We keep the goods for you and send them once it has arrived. ${link}\n`,
  }),
  renewal_needed: (order, link) => ({
    subject: `Your order ${order._id} needs you once more`,
    text: `It takes longer than your bank holds the payment for us, and we could not ask for it again without you. Nothing was charged. Please confirm it anew, or choose another card: ${link}\n`,
  }),
  shipped: (order, link) => ({
    subject: `A parcel of your order ${order._id} is on its way`,
    text: `It has left our warehouse. Follow it here: ${link}\n`,
  }),
  delivered: (order, link) => ({
    subject: `A parcel of your order ${order._id} has arrived`,
    text: `Enjoy. Something wrong with it? Return it here: ${link}\n`,
  }),
  order_cancelled: (order, link) => ({
    subject: `Your order ${order._id} is cancelled`,
    text: `Nothing will be sent. If you have paid, the money is on its way back. ${link}\n`,
  }),
  order_expired: (order, link) => ({
    subject: `Your order ${order._id} has expired`,
    text: `No payment arrived in time, so we gave the goods back. Nothing was charged. ${link}\n`,
  }),
  return_approved: (order, link) => ({
    subject: `Your return of order ${order._id}`,
    text: `It is approved. You find the label here: ${link}\n`,
  }),
  return_rejected: (order, link) => ({
    subject: `Your return of order ${order._id}`,
    text: `We cannot take these goods back. Why, and what you can do: ${link}\n`,
  }),
  refunded: (order, link, refund) => ({
    subject: `Money back for order ${order._id}`,
    text: `${refund ? paidBack(refund) : 'Your refund is on the way; your bank may need a few days.'} ${link}\n`,
  }),
};

function dateOf({ expectedAt, notBefore }: Order): string {
  const at = expectedAt ?? notBefore;
  return at ? `; we expect it on ${at.toISOString().slice(0, 10)}` : '';
}

function paidBack({ amount, credited, currency }: Refund): string {
  const sent = amount - credited;
  return [
    ...(sent > 0 ? [`${formatMoney(sent, currency)} are on the way; your bank may need a few days.`] : []),
    ...(credited > 0 ? [`${formatMoney(credited, currency)} are store credit again.`] : []),
  ].join(' ');
}

/** What it costs, in the words of a receipt. */
function priceOf({ lines, shipping, pricing, total, credit, currency }: Order): string {
  const money = (amount: number) => formatMoney(amount, currency);
  const { taxInclusive, promotions, taxes } = pricing;
  return [
    ...lines.map(({ quantity, name, subtotal }) => `${quantity} x ${name}: ${money(subtotal)}`),
    ...(shipping ? [`${shipping.name}, by ${shipping.promisedBy}: ${money(shipping.subtotal)}`] : []),
    ...promotions.map(({ name, amount }) => `${name}: -${money(amount)}`),
    ...(taxInclusive ? [] : taxes.map((tax) => taxOf(tax, currency))),
    `Total: ${money(total)}`,
    ...(taxInclusive ? taxes.map((tax) => `of which ${taxOf(tax, currency)}`) : []),
    ...(credit ? [`Paid with store credit: ${money(credit)}`] : []),
  ].join('\n');
}

function taxOf({ name, ppm, amount }: TaxPart, currency: string): string {
  return `${name} ${formatPercent(ppm)}: ${formatMoney(amount, currency)}`;
}
