/**
 * What customers have saved at the payment provider, to pay by it again. MongoDB has a copy that tells whose a method is;
 * what counts is read from the provider.
 */
import type { Customer } from '../../models/customer.ts';
import type { Payment } from '../../models/payment.ts';
import { findOneBy } from '../../platform/documents.ts';
import type { Mongo } from '../../platform/mongo.ts';
import type { ProviderSteps } from '../../workflows/activities.ts';
import { broken } from '../failure.ts';
import type { Payments } from '../providers/stripe.ts';
import { receiveEvent } from '../receive.ts';
import { onProviderError } from './records.ts';

/** The provider's customer, made when one of ours first needs it. Of several that are made at once, one counts. */
export async function ensureCustomer(mongo: Mongo, payments: Payments, customerId: string): Promise<string> {
  const { models } = mongo;
  const { providerId: known, providerErrors = 0 } = await readCustomer(mongo, customerId);
  if (known !== undefined) return known;
  const key = `${customerId}:customer:${providerErrors}`;
  const providerId = await countingErrors(mongo, customerId, () => payments.ensureCustomer({ customerId, key }));
  await models.customers.updateOne({ _id: customerId, providerId: null }, { $set: { providerId } });
  return (await readCustomer(mongo, customerId)).providerId!;
}

/** The provider's customer whose saved methods may pay. Whoever saves nothing gets none for an order alone. */
export async function payerOf(mongo: Mongo, payments: Payments, payment: Payment): Promise<string | undefined> {
  const { customerId, saveMethod } = payment;
  if (customerId === undefined) return undefined;
  if (saveMethod) return ensureCustomer(mongo, payments, customerId);
  return (await findOneBy(mongo.models.customers, '_id', customerId))?.providerId;
}

/** Called with every news of a payment: what it has saved is read once, and no order waits for that. */
export async function noteSaved(mongo: Mongo, payment: Payment): Promise<Payment> {
  const { customerId } = payment;
  const id = savedBy(payment);
  if (customerId !== undefined && id !== undefined)
    await receiveEvent(mongo, { id, source: 'wallet', type: 'saved', payload: { customerId } });
  return payment;
}

function savedBy({ saveMethod, status, intentId, setup }: Payment): string | undefined {
  if (setup) return setup.status === 'saved' ? setup.id : undefined;
  return saveMethod && (status === 'authorized' || status === 'captured') ? intentId : undefined;
}

/** Copies what the provider has saved for a customer. */
export async function readMethods(
  mongo: Mongo,
  payments: Payments,
  { customerId }: { customerId: string },
): ReturnType<ProviderSteps['readMethods']> {
  const { providerId, walletRev, paymentMethods: before = [] } = await readCustomer(mongo, customerId);
  if (providerId === undefined) return;
  const wallet = await payments.readWallet(providerId);
  if (wallet === undefined) return forget(mongo, customerId, providerId);
  const { methods, defaultMethod } = wallet;
  const addedAt = new Map(before.map((method) => [method.id, method.addedAt]));
  const now = new Date();
  const paymentMethods = methods.map((method) => ({ ...method, addedAt: addedAt.get(method.id) ?? now }));
  const written = await mongo.models.customers.updateOne(
    { _id: customerId, walletRev: walletRev ?? null },
    {
      $set: {
        paymentMethods,
        walletRev: (walletRev ?? 0) + 1,
        ...(defaultMethod !== undefined && { defaultPaymentMethod: defaultMethod }),
      },
      ...(defaultMethod === undefined && { $unset: { defaultPaymentMethod: 1 } }),
    },
  );
  // Somebody has copied it meanwhile, and may have seen more: only a look that began after that may replace theirs.
  if (written.matchedCount === 0) await readMethods(mongo, payments, { customerId });
}

/** The provider's customer is gone, with all that was saved. The next one is made under a key of its own. */
async function forget({ models }: Mongo, customerId: string, providerId: string): Promise<void> {
  await models.customers.updateOne(
    { _id: customerId, providerId },
    {
      $unset: { providerId: 1, paymentMethods: 1, defaultPaymentMethod: 1 },
      $inc: { walletRev: 1, providerErrors: 1 },
    },
  );
}

/** Opens the saving of a method in the browser. The first setup that is recorded counts; another is inert. */
export async function openMethodSetup(
  mongo: Mongo,
  payments: Payments,
  { customerId, setupId }: { customerId: string; setupId: string },
): ReturnType<ProviderSteps['openMethodSetup']> {
  const { methodSetups } = mongo.models;
  if (await methodSetups.findById(setupId).lean()) return;
  const providerId = await ensureCustomer(mongo, payments, customerId);
  const { providerErrors = 0 } = await readCustomer(mongo, customerId);
  const key = `${setupId}:setup:${providerErrors}`;
  const { id, clientSecret } = await countingErrors(mongo, customerId, () =>
    payments.openSetup({ customerId: providerId, setupId, key }),
  );
  const setup = { customerId, providerId: id, clientSecret: clientSecret!, createdAt: new Date() };
  await methodSetups.updateOne({ _id: setupId }, { $setOnInsert: setup }, { upsert: true });
}

export async function setDefaultMethod(
  mongo: Mongo,
  payments: Payments,
  { customerId, paymentMethod }: { customerId: string; paymentMethod: string },
): ReturnType<ProviderSteps['setDefaultMethod']> {
  const { providerId } = await readCustomer(mongo, customerId);
  if (providerId === undefined) return;
  const wallet = await payments.readWallet(providerId);
  if (wallet?.methods.some(({ id }) => id === paymentMethod))
    await payments.setDefaultMethod(providerId, paymentMethod);
  await readMethods(mongo, payments, { customerId });
}

export async function removeMethod(
  mongo: Mongo,
  payments: Payments,
  { customerId, paymentMethod }: { customerId: string; paymentMethod: string },
): ReturnType<ProviderSteps['removeMethod']> {
  const { providerId } = await readCustomer(mongo, customerId);
  if (providerId === undefined) return;
  await payments.detachMethod(providerId, paymentMethod);
  await readMethods(mongo, payments, { customerId });
}

/** Whose saved method it is; undefined for one that nobody has saved, as far as we know. */
export async function ownerOf({ models }: Mongo, paymentMethod: string): Promise<string | undefined> {
  return (await models.customers.findOne({ 'paymentMethods.id': paymentMethod }, { _id: 1 }).lean())?._id;
}

/** The open orders that are still to be charged by a method, or whose money is held by it. */
export async function ordersInNeedOf({ models }: Mongo, customerId: string, method: string): Promise<string[]> {
  const open = { customerId, captured: 0, closedAt: null };
  const needs = [
    { 'setup.method': method, 'setup.status': 'saved' as const },
    { method, status: 'authorized' as const },
  ];
  const payments = await models.payments.find({ ...open, $or: needs }, { orderId: 1 }).lean();
  return payments.map(({ orderId }) => orderId);
}

/** As of a payment: each error of the provider's own makes new keys. */
function countingErrors<T>({ models }: Mongo, customerId: string, call: () => Promise<T>): Promise<T> {
  const count = () => models.customers.updateOne({ _id: customerId }, { $inc: { providerErrors: 1 } });
  return onProviderError(count, call);
}

async function readCustomer({ models }: Mongo, customerId: string): Promise<Customer> {
  const customer = await models.customers.findById(customerId).lean<Customer>();
  if (!customer) throw broken(`There is no customer ${customerId}`);
  return customer;
}
