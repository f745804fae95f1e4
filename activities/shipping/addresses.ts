/** What carriers say of an order's address. */
import type { Order } from '../../models/order.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { broken } from '../failure.ts';
import type { Carriers } from './labels.ts';

/** The first carrier that knows addresses there decides. `why` is absent where it can be delivered to. */
export async function checkAddress(
  { models }: Mongo,
  carriers: Carriers,
  { orderId }: { orderId: string },
): Promise<{ why?: string }> {
  const order = await models.orders.findById(orderId, { shipTo: 1 }).lean<Pick<Order, '_id' | 'shipTo'>>();
  if (!order) throw broken(`There is no order ${orderId}`);
  for (const carrier of carriers.values()) {
    const check = await carrier.verifyAddress(order.shipTo);
    if (check.outcome === 'unknown') continue;
    return check.outcome === 'undeliverable' ? { why: `${carrier.id}: ${check.why}` } : {};
  }
  return {};
}
