/** Orders without a workflow, for the tests of what activities do with them. */
import { newId } from '../../models/id.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { free } from '../../workflows/domain/pricing.ts';
import type { BackorderRule } from '../../workflows/domain/stock.ts';
import type { OrderState } from '../../workflows/messages.ts';

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
          ...free,
          subtotal: quantity,
          net: quantity,
          total: quantity,
          allocations: [],
          ...(backorder && { backorder }),
        },
      ],
      pricing: {
        ...{ promotions: [], taxes: [], taxInclusive: false },
        ...{ subtotal: quantity, discount: 0, net: quantity, tax: 0 },
      },
      total: quantity,
      rev: 0,
      status: 'pending',
    },
  ]);
  const payment = { attempt: 'none' as const, authorized: 0, captured: 0, credit: 0, refunded: 0, disputed: false };
  const state: OrderState = {
    ...{ orderId, rev: 1, status: 'pending', currency: '', amountDue: 0, payment, paymentStatus: 'not_paid' },
    ...{ fulfillmentStatus: 'unfulfilled', shipments: [], incidents: [], timeline: [] },
  };
  return { state, mails: [] };
}
