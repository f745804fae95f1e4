/** Goods that are wanted in exchange: priced, and refused where they cannot be had. */
import { type ExchangeAsked, transferredBy } from '../activities/returns/exchanges.ts';
import { storeSettings } from '../activities/store-settings.ts';
import type { Order } from '../models/order.ts';
import type { Mongo } from '../platform/mongo.ts';
import { type ShipmentStatus, shipmentInWarehouse } from '../workflows/domain/states.ts';
import { priceCart } from './cart.ts';
import type { Api } from './endpoint.ts';
import { destinationOf, missing, refuseForeign } from './placing.ts';
import { Problem } from './problem.ts';

/**
 * In the currency of the order, at the prices of now, for its customer and its address: without codes, and without a
 * charge for the delivery.
 *
 * @throws Problem where they are not sold, or not there
 */
export async function priceExchange(
  api: Api,
  { currency, shipTo, customerId, customer }: Pick<Order, 'currency' | 'shipTo' | 'customerId' | 'customer'>,
  { items, paymentMethod }: Pick<ExchangeAsked, 'items'> & { paymentMethod?: string | undefined },
): Promise<ExchangeAsked> {
  // Stripe's answer is for a quote that is placed within the half hour, and not weeks later.
  if ((await storeSettings(api.mongo)).taxes.source === 'stripe')
    throw new Problem('exchange-refused', 'The store has its taxes worked out by Stripe, and exchanges nothing');
  if (paymentMethod !== undefined) await refuseForeign(api.mongo, paymentMethod, customerId);
  const cart = await priceCart(
    api,
    { ...{ items, currency, to: destinationOf(shipTo), acceptBackorder: false, useStoreCredit: false } },
    { customerId, email: customer.email },
    { goodsOnly: true },
  );
  const problem = missing(cart);
  if (problem) throw problem;
  const {
    lines,
    total,
    shipping: _,
    deliveryOptions: _options,
    orderBy: _by,
    refusedCodes: _codes,
    ...pricing
  } = cart.quote.pricing;
  return {
    items: [...cart.quote.cart.items],
    lines: lines.map(({ backorder: _backorder, ...line }) => ({ ...line, allocations: [] })),
    ...{ pricing, total },
    ...(cart.redemptions.length > 0 && { redemptions: cart.redemptions }),
    ...(paymentMethod !== undefined && { paymentMethod }),
  };
}

/** @throws Problem where the other goods have left: those that they are in exchange for have to come */
export async function refuseOnceExchanged(mongo: Mongo, returnId: string): Promise<void> {
  const order = await mongo.models.orders
    .findOne({ 'exchangeOf.returnId': returnId }, { 'state.shipments': 1 })
    .lean<Order>();
  const isHere = (status: ShipmentStatus) => status === 'cancelled' || shipmentInWarehouse.includes(status);
  if (!order?.state || order.state.shipments.every(({ status }) => isHere(status))) return;
  if ((await transferredBy(mongo, undefined, returnId)) === 0) return;
  throw new Problem('not-allowed-now', `${order._id} has left in exchange: the goods have to come back`);
}
