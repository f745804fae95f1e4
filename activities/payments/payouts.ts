/** What the provider pays out to the bank, as its reconciliation and its webhooks tell of it, in any order. */
import type { Payout } from '../../models/balance.ts';
import { isDuplicateKey, type Mongo } from '../../platform/mongo.ts';

/** https://docs.stripe.com/api/payouts/object#payout_object-status. One that was paid can still fail, for five days. */
const order = ['pending', 'in_transit', 'canceled', 'paid', 'failed'];
export const openPayout: readonly string[] = ['pending', 'in_transit'];

/** An older word never replaces a newer one. */
export async function recordPayout({ models }: Mongo, { _id, ...payout }: Payout): Promise<void> {
  const older = order.slice(0, order.indexOf(payout.status) + 1);
  try {
    await models.payouts.updateOne({ _id, status: { $in: older } }, { $set: payout }, { upsert: true });
  } catch (error) {
    // It is there, with a newer word.
    if (!isDuplicateKey(error)) throw error;
  }
}

/** Of a webhook. */
export async function receivePayout(
  mongo: Mongo,
  payload: Record<string, unknown>,
): Promise<'recorded' | 'not of interest'> {
  const { id, amount, currency, status, arrival_date, created } = payload as Partial<{
    id: string;
    amount: number;
    currency: string;
    status: string;
    arrival_date: number;
    created: number;
  }>;
  if (!id || !amount || !currency || !status || !arrival_date || !created) return 'not of interest';
  await recordPayout(mongo, {
    ...{ _id: id, amount, currency: currency.toUpperCase(), status },
    ...{ arrivalDate: new Date(arrival_date * 1000), createdAt: new Date(created * 1000) },
  });
  return 'recorded';
}
