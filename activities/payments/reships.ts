/** Goods that were to be sent again and were not: they were paid with the order that sent them first. */
import type { Order } from '../../models/order.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { keptUnits } from '../../workflows/domain/sales.ts';
import { broken } from '../failure.ts';
import { openLineRefund } from './line-refunds.ts';
import { readOrder } from './sales.ts';

/** Once for an order, as it ends. There is none where all of it was sent, or was paid back otherwise. */
export async function openReshipRefund(
  mongo: Mongo,
  { orderId }: { orderId: string },
): Promise<{ refundId: string | null; amount: number }> {
  const reship = await readOrder(mongo, orderId);
  let lines = reship.lines
    .map((line) => ({ lineId: line.lineId, quantity: line.quantity - keptUnits(line) }))
    .filter(({ quantity }) => quantity > 0);
  const paid = await paidOrderOf(mongo, reship);
  while (lines.length > 0) {
    const opened = await openLineRefund(mongo, {
      ...{ key: `reship:${orderId}`, orderId: paid._id, lines, withShipping: false, actor: 'system' },
      ofReship: true,
      reason: `Not sent again (${orderId})`,
    });
    if ('refundId' in opened) return opened;
    if (opened.refused !== 'not_left') break;
    const { lineId, left } = opened;
    lines = lines
      .map((line) => (line.lineId === lineId ? { lineId, quantity: Math.min(line.quantity - 1, left) } : line))
      .filter(({ quantity }) => quantity > 0);
  }
  return { refundId: null, amount: 0 };
}

/** The order itself, or the one that paid for what it sends again, with the same ids of lines. */
export async function paidOrderOf(mongo: Mongo, order: Order): Promise<Order> {
  if (order.reshipOf === undefined) return order;
  return paidOrderOf(mongo, await readOrder(mongo, await sourceOf(mongo, order.reshipOf)));
}

/** The order that a parcel, or a claim, is of. */
export async function sourceOf({ models }: Pick<Mongo, 'models'>, reshipOf: string): Promise<string> {
  const source = reshipOf.startsWith('cla_')
    ? await models.claims.findById(reshipOf, { orderId: 1 }).lean()
    : await models.shipments.findOne({ 'parcels.id': reshipOf }, { orderId: 1 }).lean();
  if (!source) throw broken(`There is no ${reshipOf}, whose goods an order sends again`);
  return source.orderId;
}
