/** A seller, and orders that are paid for, for the tests of invoices. */
import { inflateSync } from 'node:zlib';
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
import type { Refund } from '../../models/payment.ts';
import type { Seller } from '../../models/store.ts';
import { defaultSettings } from '../../models/store.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { writeOrder } from './orders.ts';

const address = { name: 'Waybill GmbH', line1: 'Hafen 1', city: 'Hamburg', postalCode: '20457', country: 'DE' };
export const seller: Seller = {
  name: 'Waybill GmbH',
  address,
  taxIds: [{ name: 'VAT ID', value: 'DE123456789' }],
  email: 'shop@example.com',
  timeZone: 'Europe/Berlin',
  footer: 'Amtsgericht Hamburg, HRB 1',
};

export async function setSeller({ models }: Mongo, given: Seller | undefined): Promise<void> {
  await models.settings.replaceOne(
    { _id: 'store' },
    { ...defaultSettings, ...(given && { seller: given }) },
    { upsert: true },
  );
}

/** Two mugs for 23.80, with 19 % in it, that were handed over. */
export async function writeSold(mongo: Mongo, changes: Partial<Order> = {}): Promise<string> {
  const { orderId } = (await writeOrder(mongo, 'MUG', 2)).state;
  const taxes = [{ name: 'VAT', ppm: 190_000, base: 2000, amount: 380 }];
  const amounts = { subtotal: 2380, discounts: [], net: 2000, taxes, tax: 380, total: 2380 };
  const allocations = [{ shipmentId: 'shp_1', warehouseId: 'wh_1', quantity: 2, state: 'shipped' as const }];
  const about = { lineId: 'line_1', sku: 'MUG', name: 'Mug', weightGrams: 1, quantity: 2, unitPrice: 1190 };
  const sold = { currency: 'EUR', lines: [{ ...about, ...amounts, allocations }], total: 2380, ...changes };
  await mongo.models.orders.updateOne({ _id: orderId }, { $set: sold });
  const sale = { at: new Date(), lines: [{ lineId: 'line_1', quantity: 2 }], total: 2380 };
  const payment = { _id: newId('pay'), orderId, currency: 'EUR', amountDue: 2380, status: 'captured' as const, sale };
  await mongo.models.payments.create([payment]);
  return orderId;
}

export async function writeRefund(
  { models }: Mongo,
  orderId: string,
  amount: number,
  lines?: Refund['lines'],
): Promise<string> {
  const _id = newId('ref');
  const ids = { _id, key: _id, orderId, paymentId: 'pay_1', workflowId: _id };
  const refund = { ...ids, amount, currency: 'EUR', reason: 'r', actor: 'test', status: 'succeeded' as const };
  await models.refunds.create([{ ...refund, ...(lines && { lines }), createdAt: new Date() }]);
  return _id;
}

/** The text of a PDF with standard fonts, whose letters stand in it as they are once it is unpacked. */
export function textOf(pdf: Buffer): string {
  const raw = pdf.toString('latin1');
  const streams = [...raw.matchAll(/stream\n([\s\S]*?)\nendstream/g)].map(([, packed]) => {
    return inflateSync(Buffer.from(packed!, 'latin1')).toString('latin1');
  });
  const shown = streams.flatMap((stream) => [...stream.matchAll(/\[(.*?)\] TJ/g)].map(([, parts]) => parts!));
  return shown
    .map((parts) => [...parts.matchAll(/<([0-9a-f]*)>/g)].map(([, hex]) => Buffer.from(hex!, 'hex').toString('latin1')))
    .map((parts) => parts.join(''))
    .join('\n');
}
