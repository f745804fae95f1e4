/**
 * More money for an order that was edited: the whole of it is authorized anew, beside what is held. The change of the order
 * and the change of its authorization are one; whichever of the two is not the order's then is let go.
 */
import type { Edit } from '../../models/edit.ts';
import type { Payment } from '../../models/payment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import type { PaymentOutcome } from '../../workflows/activities.ts';
import { deadlines } from '../../workflows/domain/limits.ts';
import { isPaid } from '../../workflows/domain/statuses.ts';
import { broken } from '../failure.ts';
import type { Intent, Payments } from '../providers/stripe.ts';
import { paymentRules } from '../store-settings.ts';
import { countingErrors, outcomeOf, readRecord } from './records.ts';
import { cancel, dropEdit, tryOrRead } from './renewals.ts';
import { weigh } from './risks.ts';
import { payerOf } from './wallet.ts';

/** Without an `attempt` the provider is only asked how it stands. The outcome is that of the new authorization. */
export async function authorizeEdit(
  mongo: Mongo,
  payments: Payments,
  asked: { orderId: string; editId: string; attempt?: number | undefined; paymentMethod?: string | undefined },
): Promise<PaymentOutcome> {
  const { orderId, attempt, paymentMethod } = asked;
  const payment = await ensureIntent(mongo, payments, asked);
  const { edit } = payment;
  if (edit?.editId !== asked.editId) return { ...outcomeOf(payment), attempt: 'voided' };
  const { intentId } = edit;
  const tried = attempt === undefined ? undefined : `${attempt}`;
  const intent = await tryOrRead(mongo, payments, payment, intentId, { tried, paymentMethod });
  const { status, declineCode } = intent;
  const answer = { ...outcomeOf(payment), attempt: status, declineCode: undefined };
  if (!isPaid(status)) return { ...answer, ...(status === 'declined' && { declineCode }) };
  await mongo.models.payments.updateOne(
    { orderId, 'edit.intentId': intentId },
    { $set: { 'edit.held': heldOf(intent) } },
  );
  const { risks } = await weigh(mongo, payment, intent);
  return { ...answer, risks };
}

function heldOf({
  authorized,
  captureBefore,
  multicapture,
  savedMethod,
}: Intent): NonNullable<Payment['edit']>['held'] {
  return { authorized, multicapture, ...(captureBefore && { captureBefore }), ...(savedMethod && { savedMethod }) };
}

async function ensureIntent(
  mongo: Mongo,
  payments: Payments,
  { orderId, editId, attempt }: { orderId: string; editId: string; attempt?: number | undefined },
): Promise<Payment> {
  const known = await readRecord(mongo, orderId);
  if (known.closedAt || attempt === undefined || attempt <= (known.editsClosed ?? 0)) return known;
  if (known.edit?.editId === editId) return known;
  // Of an edit that came to nothing.
  const payment = await dropEdit(mongo, payments, known);
  const edit = await mongo.models.edits.findOne({ _id: editId, orderId }).lean<Edit>();
  if (!edit?.becomes) throw broken(`There is no edit ${editId} to be paid for`);
  const { currency, credit, serverErrors } = payment;
  const amount = Math.max(0, edit.becomes.total - credit);
  const customerId = payment.providerCustomer ?? (await payerOf(mongo, payments, payment));
  const { multicapture } = await paymentRules(mongo);
  const key = `${editId}:intent:${serverErrors}`;
  const { id: intentId, clientSecret } = await countingErrors(mongo, orderId, () =>
    payments.createIntent({ orderId, amount, currency, customerId, multicapture, heldOnly: true, key }),
  );
  const won = await mongo.models.payments.updateOne(
    { orderId, edit: null, closedAt: null, editsClosed: { $not: { $gte: attempt } } },
    { $set: { edit: { editId, attempt, intentId, amount, ...(clientSecret !== undefined && { clientSecret }) } } },
  );
  // The customer has their time to confirm it, whatever was left of the preview's.
  await mongo.models.edits.updateOne(
    { _id: editId },
    { $set: { removeAt: new Date(Date.now() + deadlines.editKept) } },
  );
  const stored = await readRecord(mongo, orderId);
  if (won.modifiedCount === 0 && stored.edit?.intentId !== intentId)
    await payments.cancelIntent(intentId, { key: `${intentId}:cancel` });
  return stored;
}

/** The payment with the edit's authorization as its own. Undefined where that is not there. */
export function withAuthorizationOf(editId: string, payment: Payment, due: number): Payment | undefined {
  const { edit, intentId: old, captureBefore: _, clientSecret: _secret, ...kept } = payment;
  if (edit?.editId !== editId || !edit.held || edit.amount !== due) return undefined;
  const { intentId, clientSecret, amount, held } = edit;
  const { edit: _edit, ...without } = kept as Payment;
  return {
    ...{ ...without, intentId, status: 'authorized', amountDue: amount, ...held },
    ...(clientSecret !== undefined && { clientSecret }),
    pastIntents: [...payment.pastIntents, ...(old === undefined ? [] : [old])],
    ledger: [
      ...payment.ledger,
      {
        key: `${intentId}:authorize`,
        kind: 'authorize',
        amount: held.authorized,
        providerId: intentId,
        at: new Date(),
      },
    ],
  };
}

/**
 * Lets go of the authorization that is not the order's: the old one of an edit that was made, else the new one. Leaves a
 * tombstone first: a try that thaws later authorizes nothing.
 */
export async function releaseEdit(
  mongo: Mongo,
  payments: Payments,
  { orderId, editId, attempt }: { orderId: string; editId: string; attempt: number },
): Promise<void> {
  await mongo.models.payments.updateOne({ orderId }, { $max: { editsClosed: attempt } });
  const payment = await readRecord(mongo, orderId);
  const { edit } = payment;
  if (edit?.editId === editId && edit.attempt <= attempt) await dropEdit(mongo, payments, payment);
  const old = payment.pastIntents.at(-1);
  if (old !== undefined) await cancel(mongo, payments, payment, old);
}
