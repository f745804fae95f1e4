/** Orders that send goods of another order again, at no charge, or others in exchange for them. */
import { sourceOf } from '../../activities/payments/reships.ts';
import type { Order } from '../../models/order.ts';
import type { Return } from '../../models/return.ts';
import type { Mongo } from '../../platform/mongo.ts';
import type { OrderStatus } from '../../workflows/domain/states.ts';

export interface OrderLink {
  kind: 'sent_again_by' | 'sends_again' | 'exchanged_by' | 'exchanges';
  orderId: string;
  status: OrderStatus;
  /** The parcel, the claim or the return that it is for. */
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
  return [...first, ...again, ...(await readExchanges({ models }, orderIds))];
}

async function readExchanges(
  { models }: Pick<Mongo, 'models'>,
  orderIds: string[],
): Promise<(OrderLink & { of: string })[]> {
  const returns = await models.returns
    .find({ $or: [{ orderId: { $in: orderIds } }, { 'exchange.orderId': { $in: orderIds } }], exchange: { $ne: null } })
    .lean<Return[]>();
  const pairs = returns.flatMap(({ _id: source, orderId: first, exchange }) =>
    exchange?.orderId === undefined ? [] : [{ source, first, second: exchange.orderId }],
  );
  const ids = pairs.flatMap(({ first, second }) => [first, second]);
  const orders = ids.length > 0 ? await models.orders.find({ _id: { $in: ids } }, { status: 1 }).lean<Order[]>() : [];
  const statusOf = (orderId: string) => orders.find(({ _id }) => _id === orderId)!.status;
  return pairs.flatMap(({ source, first, second }) => [
    { kind: 'exchanged_by' as const, orderId: second, status: statusOf(second), source, of: first },
    { kind: 'exchanges' as const, orderId: first, status: statusOf(first), source, of: second },
  ]);
}
