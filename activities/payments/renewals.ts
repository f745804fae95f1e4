/**
 * Authorizations end by themselves after some days, and goods may take longer. Before that the money is authorized anew,
 * by another intent, which takes the place of the first one; only one of the two is ever captured.
 */
import type { Payment } from '../../models/payment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import type { PaymentOutcome } from '../../workflows/activities.ts';
import { amountDue } from '../../workflows/domain/sales.ts';
import { isPaid } from '../../workflows/domain/statuses.ts';
import type { Intent, Payments } from '../providers/stripe.ts';
import { paymentRules } from '../store-settings.ts';
import { countingErrors, isOver, outcomeOf, readRecord, record, takeNewKeys } from './records.ts';
import { weigh } from './risks.ts';
import { readOrder } from './sales.ts';

/**
 * `renewal` counts an order's renewals, and `attempt` the methods that are tried for this one: without, the provider is only
 * asked how it stands. Where the saved method cannot be charged without its owner, they confirm it in the browser.
 */
export async function renewPayment(
  mongo: Mongo,
  payments: Payments,
  asked: { orderId: string; renewal: number; attempt?: number | undefined; paymentMethod?: string | undefined },
): Promise<PaymentOutcome> {
  const { orderId, attempt, paymentMethod } = asked;
  const known = await readRecord(mongo, orderId);
  if ((known.lastRenewal ?? 0) >= asked.renewal) return letGo(mongo, payments, known);
  const payment = await ensureRenewal(mongo, payments, known);
  const { renewal } = payment;
  if (renewal === undefined) return outcomeOf(payment);
  const tried = attempt === undefined ? undefined : `${asked.renewal}:${attempt}`;
  const intent = await tryOrRead(mongo, payments, payment, renewal.intentId, { tried, paymentMethod });
  if (isPaid(intent.status)) return replace(mongo, payments, payment, intent, asked.renewal);
  const { status, declineCode } = intent;
  return { ...outcomeOf(payment), attempt: status, declineCode: status === 'declined' ? declineCode : undefined };
}

/**
 * Tries a method on an intent beside the order's own; the saved one without its owner. Where nothing is `tried`, which names
 * the try, or there is no method, the provider is only asked how it stands.
 */
export function tryOrRead(
  mongo: Mongo,
  payments: Payments,
  { orderId, savedMethod, serverErrors }: Payment,
  intentId: string,
  { tried, paymentMethod }: { tried: string | undefined; paymentMethod: string | undefined },
): Promise<Intent> {
  const method = tried === undefined ? undefined : (paymentMethod ?? savedMethod);
  if (method === undefined) return payments.readIntent(intentId);
  const key = `${intentId}:confirm:${tried}:${serverErrors}`;
  const offSession = method === savedMethod;
  return countingErrors(mongo, orderId, () =>
    payments.confirmIntent(intentId, { orderId, method, key, ...(offSession && { offSession }) }),
  );
}

/** Nothing more is to be authorized. It only ever held money: what can be renewed by can be held. */
export async function dropRenewal(mongo: Mongo, payments: Payments, payment: Payment): Promise<Payment> {
  return drop(mongo, payments, payment, 'renewal');
}

/** The same for what an edit would be paid by. */
export async function dropEdit(mongo: Mongo, payments: Payments, payment: Payment): Promise<Payment> {
  return drop(mongo, payments, payment, 'edit');
}

async function drop(mongo: Mongo, payments: Payments, payment: Payment, which: 'renewal' | 'edit'): Promise<Payment> {
  const { orderId, [which]: other } = payment;
  if (other === undefined) return payment;
  await cancel(mongo, payments, payment, other.intentId);
  // The next one is made under a key of its own.
  const gone = { orderId, [`${which}.intentId`]: other.intentId };
  await mongo.models.payments.updateOne(gone, { $unset: { [which]: 1 }, $inc: { serverErrors: 1 } });
  return readRecord(mongo, orderId);
}

/** What it has captured before stays. @throws where it is not let go: the next try has another key. */
export async function cancel(mongo: Mongo, payments: Payments, payment: Payment, intentId: string): Promise<void> {
  const { orderId, serverErrors } = payment;
  const key = `${intentId}:cancel:${serverErrors}`;
  const intent = await countingErrors(mongo, orderId, () => payments.cancelIntent(intentId, { key }));
  if (intent.status === 'voided' || intent.status === 'captured') return;
  await takeNewKeys(mongo, orderId);
  throw new Error(`${intentId} is ${intent.status} and cannot be let go yet`);
}

async function ensureRenewal(mongo: Mongo, payments: Payments, payment: Payment): Promise<Payment> {
  const { orderId, intentId: old, currency, credit, captured, pastIntents, serverErrors, renewal } = payment;
  if (renewal !== undefined || old === undefined || isOver(payment)) return payment;
  const amount = amountDue(await readOrder(mongo, orderId)) - credit - captured;
  if (amount <= 0) return payment;
  const { multicapture } = await paymentRules(mongo);
  const key = `${orderId}:renewal:${pastIntents.length}:${amount}:${serverErrors}`;
  const made = await countingErrors(mongo, orderId, () =>
    payments.createIntent({
      ...{ orderId, amount, currency, multicapture, heldOnly: true, key },
      customerId: payment.providerCustomer,
    }),
  );
  const { id: intentId, clientSecret } = made;
  const won = await mongo.models.payments.updateOne(
    { orderId, renewal: null, intentId: old, 'captures.final': { $ne: true }, closedAt: null },
    { $set: { renewal: { intentId, amount, ...(clientSecret !== undefined && { clientSecret }) } } },
  );
  const stored = await readRecord(mongo, orderId);
  if (won.modifiedCount === 0 && stored.renewal?.intentId !== intentId && stored.intentId !== intentId)
    await payments.cancelIntent(intentId, { key: `${intentId}:cancel` });
  return stored;
}

/**
 * The new authorization takes the old one's place, unless the old one is being captured by now, or the order has ended:
 * then it is the new one that is let go.
 */
async function replace(
  mongo: Mongo,
  payments: Payments,
  known: Payment,
  intent: Intent,
  lastRenewal: number,
): Promise<PaymentOutcome> {
  const { orderId, intentId: old, captures, renewal } = known;
  // What the old one has taken, and nobody heard of, is booked while it is still read.
  const { captured } = await record(mongo, known, await payments.readIntent(old!));
  const { id, captureBefore, multicapture, clientSecret, savedMethod, authorized: amount } = intent;
  const authorized = { key: `${id}:authorize`, kind: 'authorize', amount, providerId: id, at: new Date() } as const;
  const replaced = await mongo.models.payments
    .findOneAndUpdate(
      { orderId, intentId: old!, captured, captures: { $size: captures.length }, closedAt: null },
      {
        $set: {
          ...{ intentId: id, status: 'authorized', multicapture, authorized: captured + amount },
          ...{ amountDue: captured + renewal!.amount, lastRenewal },
          ...(clientSecret !== undefined && { clientSecret }),
          ...(captureBefore && { captureBefore }),
          ...(savedMethod !== undefined && { savedMethod }),
        },
        $unset: { renewal: 1, ...(!captureBefore && { captureBefore: 1 }) },
        $push: { pastIntents: old!, ledger: authorized },
      },
      { returnDocument: 'after' },
    )
    .lean();
  if (replaced) return letGo(mongo, payments, await weigh(mongo, await record(mongo, replaced, intent), intent));
  const now = await readRecord(mongo, orderId);
  if (now.intentId !== id) await dropRenewal(mongo, payments, now);
  return outcomeOf(now);
}

/** Of the one that was replaced. */
async function letGo(mongo: Mongo, payments: Payments, payment: Payment): Promise<PaymentOutcome> {
  await cancel(mongo, payments, payment, payment.pastIntents.at(-1)!);
  return outcomeOf(payment);
}
