/** The record of a return: read by whoever works on it, written as its workflow knows it. */
import type { ClientSession } from 'mongoose';
import type { Return } from '../../models/return.ts';
import type { Mongo } from '../../platform/mongo.ts';
import type { LocalSteps, Mail } from '../../workflows/activities.ts';
import type { ReturnState } from '../../workflows/messages.ts';
import { broken } from '../failure.ts';
import { queueMails } from '../orders.ts';

export async function loadReturn(
  mongo: Mongo,
  { returnId }: { returnId: string },
): ReturnType<LocalSteps['loadReturn']> {
  const { orderId, decision, sending, by, parcel, late, exchange } = await readReturn(mongo, returnId);
  return {
    ...{ orderId, ...decision, label: sending.label },
    ...{ exchange: exchange !== undefined, late: late !== undefined },
    announced: by === 'customer' || by === 'support',
    ...(parcel && { parcel: { orderId, shipmentId: parcel.shipmentId, parcelId: parcel.parcelId } }),
  };
}

export async function saveReturn(
  { models }: Mongo,
  { state, mails }: { state: ReturnState; mails: Mail[] },
): Promise<void> {
  await queueMails({ models }, state.orderId, mails);
  const { rev, status } = state;
  await models.returns.updateOne({ _id: state.returnId, rev: { $lt: rev } }, { $set: { rev, status, state } });
}

export async function readReturn({ models }: Mongo, returnId: string, session?: ClientSession): Promise<Return> {
  const found = await models.returns
    .findById(returnId)
    .session(session ?? null)
    .lean<Return>();
  if (!found) throw broken(`There is no return ${returnId}`);
  return found;
}
