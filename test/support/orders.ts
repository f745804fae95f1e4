/** Orders without a workflow, for the tests of what activities do with them. */
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { free, type Priced } from '../../workflows/domain/pricing.ts';
import type { BackorderRule } from '../../workflows/domain/stock.ts';
import type { OrderState } from '../../workflows/messages.ts';

/** A price without promotions, taxes and delivery, of the whole and of a line. */
export function plain(amount: number): Order['pricing'] {
  const nothing = { promotions: [], taxes: [], taxInclusive: false, discount: 0, tax: 0 };
  return { ...nothing, subtotal: amount, net: amount };
}
export function costs(amount: number): Priced {
  return { ...free, subtotal: amount, net: amount, total: amount };
}

/** An order as the API writes it, and what its workflow saves with its first steps. */
export async function writeOrder(
  mongo: Mongo,
  sku: string,
  quantity: number,
  backorder?: BackorderRule,
): Promise<{ state: OrderState; mails: [] }> {
  const orderId = newId('ord');
  const shipTo = { name: 'Buyer', line1: 'Street 1', city: 'Town', postalCode: '10001', country: 'US' };
  await mongo.models.orders.create([
    {
      _id: orderId,
      createdAt: new Date(),
      placeBefore: new Date(Date.now() + 60_000),
      customer: { email: 'buyer@example.com', name: 'Buyer' },
      shipTo,
      currency: 'USD',
      items: [{ sku, quantity }],
      lines: [
        {
          lineId: 'line_1',
          sku,
          name: sku,
          weightGrams: 400,
          quantity,
          unitPrice: 1,
          ...costs(quantity),
          allocations: [],
          ...(backorder && { backorder }),
        },
      ],
      pricing: plain(quantity),
      total: quantity,
      rev: 0,
      status: 'pending',
    },
  ]);
  const payment = {
    attempt: 'none' as const,
    authorized: 0,
    captured: 0,
    credit: 0,
    byCard: 0,
    refunded: 0,
    disputed: false,
  };
  const state: OrderState = {
    ...{ orderId, rev: 1, status: 'pending', currency: '', amountDue: 0, payment, paymentStatus: 'not_paid' },
    ...{ fulfillmentStatus: 'unfulfilled', shipments: [], incidents: [], timeline: [] },
  };
  return { state, mails: [] };
}
