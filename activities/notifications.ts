/** Mails to customers: queued with the state that calls for them, sent here, each once as far as SMTP allows. */
import { randomUUID } from 'node:crypto';
import type { OutgoingMail } from '../models/inbox.ts';
import type { Order } from '../models/order.ts';
import type { Return } from '../models/return.ts';
import type { Stock } from '../models/stock.ts';
import { linkToken } from '../platform/link-token.ts';
import type { Mongo } from '../platform/mongo.ts';
import type { MailTemplate } from '../workflows/activities.ts';
import { isLow, salable, suggestedOrder } from '../workflows/domain/stock.ts';
import { composeMail, type ParcelFacts, parcelsOf } from './mail-content.ts';
import { type MailTexts, shownIn } from './mail-texts.ts';
import type { Mailer } from './providers/mail.ts';
import { storeSettings } from './store-settings.ts';

export interface MailOptions {
  /** The storefront: its page /orders/ID gets the token behind the hash, which no server log sees. */
  publicUrl: string;
  secret: string;
  texts: MailTexts;
}

const claimMs = 60_000;
export const mailBatch = 20;

/** Sends what is due, and answers how many it took. A mail that is refused is tried again, for ever more rarely. */
export async function sendDueMails(
  mongo: Mongo,
  mailer: Mailer,
  options: MailOptions,
  failed: (mail: OutgoingMail, why: string) => void,
): Promise<number> {
  const { models } = mongo;
  const mails = await claim({ models });
  if (mails.length === 0) return 0;
  const orderIds = (of: OutgoingMail[]) => of.flatMap(({ orderId }) => orderId ?? []);
  const [orders, refunds, returns, shipments, store] = await Promise.all([
    models.orders.find({ _id: { $in: orderIds(mails) } }).lean<Order[]>(),
    models.refunds.find({ _id: { $in: mails.filter(isAboutRefund).map(aboutOf) } }).lean(),
    models.returns.find({ _id: { $in: mails.map(writerOf) } }).lean<Return[]>(),
    models.shipments.find({ orderId: { $in: orderIds(mails.filter(isAboutParcels)) } }).lean<ParcelFacts[]>(),
    storeSettings(mongo),
  ]);
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
      const about = aboutOf(mail);
      const content = composeMail(options.texts, {
        template: mail.template as MailTemplate,
        order,
        link,
        refund: refunds.find(({ _id }) => _id === about),
        returned: returns.find(({ _id }) => _id === writerOf(mail)),
        parcels: shipments.flatMap((shipment) => parcelsOf(shipment, about)),
        store,
      });
      await mailer.send({
        ...content,
        to: order.customer.email,
        messageId: mail._id,
        replyTo: store.mail?.replyTo,
      });
      return { $set: { sentAt: new Date() }, $unset: { failure: 1 } };
    } catch (error) {
      const failure = whyNotSent(error);
      failed(mail, failure);
      const backoff = Math.min(3_600_000, 5_000 * 2 ** mail.tries);
      return { $set: { nextTryAt: new Date(Date.now() + backoff), failure } };
    }
  }
}

/** What a mail is about besides its order is the last part of its key: a refund, a shipment or one of its parcels. */
function aboutOf({ _id }: OutgoingMail): string {
  return _id.slice(_id.lastIndexOf(':') + 1);
}

/** Which order or return it is from is the first part of its key. */
function writerOf({ _id }: OutgoingMail): string {
  return _id.slice(0, _id.indexOf(':'));
}

function isAboutRefund({ template }: OutgoingMail): boolean {
  return template === 'refunded';
}

function isAboutParcels({ template }: OutgoingMail): boolean {
  return shownIn[template as MailTemplate]?.includes('parcels') ?? false;
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
