/**
 * An order that is not paid yet comes to cost something else: the intent that its customer could pay by is withdrawn before,
 * and one for what it costs then is made after.
 */
import type { Mongo } from '../../platform/mongo.ts';
import type { PaymentOutcome } from '../../workflows/activities.ts';
import { isPaid } from '../../workflows/domain/statuses.ts';
import type { Payments } from '../providers/stripe.ts';
import { ensureIntent, readPayment } from './payments.ts';
import { countingErrors, outcomeOf, readRecord, record, takeNewKeys } from './records.ts';

/**
 * What was paid already, or is on its way, stays: the outcome says so. Else nothing can be paid any more. `withdrawal` counts
 * an order's withdrawals: one that thaws later takes nothing from what came after it.
 */
export async function withdrawPayment(
  mongo: Mongo,
  payments: Payments,
  { orderId, withdrawal }: { orderId: string; withdrawal: number },
): Promise<PaymentOutcome> {
  const { models } = mongo;
  const found = await readPayment(mongo, payments, { orderId });
  const payment = await readRecord(mongo, orderId);
  const { intentId, serverErrors, withdrawals = 0 } = payment;
  if (withdrawals >= withdrawal || payment.closedAt || isTaken(found)) return found;
  if (intentId === undefined) {
    await models.payments.updateOne({ orderId, intentId: null }, { $max: { withdrawals: withdrawal } });
    return found;
  }
  const key = `${intentId}:cancel:${serverErrors}`;
  const intent = await countingErrors(mongo, orderId, () => payments.cancelIntent(intentId, { key }));
  if (intent.status === 'processing' || intent.status === 'captured')
    return outcomeOf(await record(mongo, payment, intent));
  if (intent.status !== 'voided') {
    await takeNewKeys(mongo, orderId);
    throw new Error(`${intentId} is ${intent.status} and cannot be withdrawn yet`);
  }
  // The next one is made under a key of its own.
  await models.payments.updateOne(
    { orderId, intentId },
    {
      $set: { status: 'none', withdrawals: withdrawal },
      $unset: { intentId: 1, clientSecret: 1, captureBefore: 1 },
      $push: { pastIntents: intentId },
      $inc: { serverErrors: 1 },
    },
  );
  return outcomeOf(await readRecord(mongo, orderId));
}

function isTaken({ attempt }: PaymentOutcome): boolean {
  return isPaid(attempt) || attempt === 'processing';
}

/** In place of the one that was withdrawn, where there was one. Again it changes nothing. */
export async function issuePayment(
  mongo: Mongo,
  payments: Payments,
  { orderId }: { orderId: string },
): Promise<PaymentOutcome> {
  const payment = await readRecord(mongo, orderId);
  return outcomeOf(payment.pastIntents.length > 0 ? await ensureIntent(mongo, payments, payment) : payment);
}
