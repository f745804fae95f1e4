/** Orders that send goods of another order again, at no charge. */
import { sourceOf } from '../../activities/payments/reships.ts';
import type { Order } from '../../models/order.ts';
import type { Mongo } from '../../platform/mongo.ts';
import type { OrderStatus } from '../../workflows/domain/states.ts';

export interface OrderLink {
  kind: 'sent_again_by' | 'sends_again';
  orderId: string;
  status: OrderStatus;
  /** The parcel, or the claim, that it is for. */
  source: string;
}

type Reship = Pick<Order, '_id' | 'status'> & { reshipOf: string };

/**
 * Each with the order that it is a link `of`.
 *
 * @param sources the parcels and claims of these orders
 */
export async function readLinks(
  { models }: Pick<Mongo, 'models'>,
  orderIds: string[],
  sources: readonly { orderId: string; source: string }[],
): Promise<(OrderLink & { of: string })[]> {
  const ids = sources.map(({ source }) => source);
  const fields = { status: 1, reshipOf: 1 };
  const [later, these] = await Promise.all([
    ids.length > 0 ? models.orders.find({ reshipOf: { $in: ids } }, fields).lean<Reship[]>() : [],
    models.orders.find({ _id: { $in: orderIds }, reshipOf: { $exists: true } }, fields).lean<Reship[]>(),
  ]);
  const again = later.map(({ _id: orderId, status, reshipOf: source }) => {
    const of = sources.find((each) => each.source === source)!.orderId;
    return { kind: 'sent_again_by' as const, orderId, status, source, of };
  });
  const first = await Promise.all(
    these.map(async ({ _id: of, reshipOf: source }) => {
      const orderId = await sourceOf({ models }, source);
      const { status } = await models.orders.findById(orderId, { status: 1 }).lean().orFail();
      return { kind: 'sends_again' as const, orderId, status, source, of };
    }),
  );
  return [...first, ...again];
}
