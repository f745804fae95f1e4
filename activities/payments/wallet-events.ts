/** What Stripe tells of saved methods of payment. Each is a hint: a workflow reads what the customer has saved by now. */
import type { Client } from '@temporalio/client';
import type { Heard, InboxEvent } from '../../models/inbox.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { taskQueues, walletChanged, workflowIds } from '../../workflows/messages.ts';
import { workflowTypes } from '../starts.ts';

/** Events of a customer, and of their methods. One that is detached does not say from whom; our copy does. */
export async function walletMoved(mongo: Mongo, temporal: Client, { type, payload }: InboxEvent): Promise<Heard> {
  const { id, customer } = payload as { id: string; customer?: string | null };
  const ofCustomer = type === 'customer.updated' || type === 'customer.deleted';
  if (!ofCustomer && !type.startsWith('payment_method.')) return { outcome: 'not of interest' };
  const providerId = ofCustomer ? id : customer;
  const owner = await mongo.models.customers
    .findOne(providerId ? { providerId } : { 'paymentMethods.id': id }, { paymentMethods: 1 })
    .lean();
  if (!owner) return { outcome: 'unknown customer' };
  const isKnown = owner.paymentMethods?.some((method) => method.id === id);
  if (type === 'payment_method.attached' && isKnown) return { outcome: 'nothing new' };
  return readWallet(temporal, owner._id);
}

/** A setup that is no order's: the customer's own, in their account page. */
export async function methodAdded(
  { models }: Mongo,
  temporal: Client,
  { id, status }: InboxEvent['payload'],
): Promise<Heard> {
  const setup = await models.methodSetups.findOne({ providerId: String(id) }, { customerId: 1 }).lean();
  if (!setup) return { outcome: 'unknown payment' };
  return status === 'succeeded' ? readWallet(temporal, setup.customerId) : { outcome: 'nothing new' };
}

export async function readWallet(temporal: Client, customerId: string): Promise<Heard> {
  await temporal.workflow.signalWithStart(workflowTypes.readWallet, {
    workflowId: workflowIds.wallet(customerId),
    taskQueue: taskQueues.orders,
    args: [{ customerId }],
    signal: walletChanged,
    staticSummary: `Saved methods of ${customerId}`,
  });
  return { outcome: 'signalled' };
}
