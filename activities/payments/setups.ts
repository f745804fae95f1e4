/** Methods of payment that are saved, with the customer's consent, to be charged when goods have come. */
import type { Payment, Setup } from '../../models/payment.ts';
import type { Mongo } from '../../platform/mongo.ts';
import type { SetupOutcome } from '../../workflows/activities.ts';
import type { Payments } from '../providers/stripe.ts';
import { countingErrors, readRecord } from './records.ts';
import { ensureCustomer, noteSaved } from './wallet.ts';

/** Without a method the customer gives it in the browser, with the setup's client secret. */
export async function savePaymentMethod(
  mongo: Mongo,
  payments: Payments,
  { orderId, attempt, paymentMethod }: { orderId: string; attempt: number; paymentMethod?: string | undefined },
): Promise<SetupOutcome> {
  const { payment, setup } = await ensureSetup(mongo, payments, await readRecord(mongo, orderId));
  if (setup === undefined) return { status: 'voided' };
  const method = paymentMethod ?? (attempt === 1 ? payment.method : undefined);
  if (method === undefined || setup.status === 'saved') return readSetup(mongo, payments, { orderId });
  const key = `${orderId}:setup:${attempt}:${payment.serverErrors}`;
  const said = await countingErrors(mongo, orderId, () =>
    payments.confirmSetup(setup.id, { paymentMethod: method, key }),
  );
  return record(mongo, orderId, said);
}

export async function readSetup(
  mongo: Mongo,
  payments: Payments,
  { orderId }: { orderId: string },
): Promise<SetupOutcome> {
  const { setup } = await readRecord(mongo, orderId);
  if (setup === undefined) return { status: 'created' };
  return record(mongo, orderId, await payments.readSetup(setup.id));
}

/** The first worker that records its setup wins; one that loses saves nothing, and is cancelled. */
async function ensureSetup(
  mongo: Mongo,
  payments: Payments,
  payment: Payment,
): Promise<{ payment: Payment; setup: Setup | undefined }> {
  if (payment.setup !== undefined || payment.closedAt) return { payment, setup: payment.setup };
  const { orderId, serverErrors } = payment;
  const payer = payment.customerId && (await ensureCustomer(mongo, payments, payment.customerId));
  const made = await countingErrors(mongo, orderId, () =>
    payments.createSetup({ orderId, customerId: payer, key: `${orderId}:setup:${serverErrors}` }),
  );
  const { id, customerId, clientSecret, status } = made;
  await mongo.models.payments.updateOne(
    { orderId, setup: null, closedAt: null },
    { $set: { setup: { id, customerId, clientSecret, status } } },
  );
  const stored = await readRecord(mongo, orderId);
  if (stored.setup?.id !== id) await payments.cancelSetup(id, { key: `${id}:cancel` });
  return { payment: stored, setup: stored.setup };
}

/** What is saved stays saved, whatever an older answer says. */
async function record(
  mongo: Mongo,
  orderId: string,
  said: Awaited<ReturnType<Payments['readSetup']>>,
): Promise<SetupOutcome> {
  const { id, status, paymentMethod: method } = said;
  // A setup remembers its last decline when another method follows.
  const declineCode = status === 'declined' ? said.declineCode : undefined;
  await mongo.models.payments.updateOne(
    { orderId, 'setup.id': id, 'setup.status': { $ne: 'saved' } },
    {
      $set: {
        'setup.status': status,
        ...(declineCode !== undefined && { 'setup.declineCode': declineCode }),
        ...(method !== undefined && { 'setup.method': method }),
      },
      ...(declineCode === undefined && { $unset: { 'setup.declineCode': 1 } }),
    },
  );
  if (status === 'saved') await noteSaved(mongo, await readRecord(mongo, orderId));
  return { status, declineCode };
}
