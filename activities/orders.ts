/** The order as its workflow knows it, and what its workflow asks to be written beside it. */
import type { Order } from '../models/order.ts';
import { writeOne } from '../platform/documents.ts';
import type { Mongo } from '../platform/mongo.ts';
import type { CaseKind, LocalSteps, Mail, Saved } from '../workflows/activities.ts';
import type { CaseState } from '../workflows/messages.ts';

/** A stored `rev` that is as high or higher wins: nothing older ever overwrites something newer. */
export async function saveOrder({ models }: Mongo, { state, mails }: Saved): Promise<void> {
  await queueMails({ models }, state.orderId, mails);
  const { rev, status } = state;
  const filter = { _id: state.orderId, rev: { $lt: rev } };
  await writeOne(models.orders, { updateOne: { filter, update: { $set: { rev, status, state } } } });
}

/** The same for a step that writes the order in its own transaction, and has read it there. */
export function fieldsToSave(order: Pick<Order, 'rev'>, { state }: Saved): Partial<Order> {
  return order.rev < state.rev ? { rev: state.rev, status: state.status, state } : {};
}

export async function saveCase(
  { models }: Mongo,
  { kind, state, mails }: { kind: CaseKind; state: CaseState; mails: Mail[] },
): Promise<void> {
  await queueMails({ models }, state.orderId, mails);
  const newer = { _id: state.id, $or: [{ 'state.rev': { $lt: state.rev } }, { state: null }] };
  if (kind === 'refund') await models.refunds.updateOne(newer, { $set: { state } });
  else if (kind === 'reconciliation') await models.reconciliations.updateOne(newer, { $set: { state } });
  else await models.disputes.updateOne(newer, { $set: { state, status: state.status } });
}

/** A mail is one document under its key: asking for it again changes nothing. */
export function mailOperation(
  key: string,
  template: string,
  about: { orderId: string } | { stockId: string },
  createdAt = new Date(),
) {
  const mail = { ...about, template, createdAt, sentAt: null, tries: 0, nextTryAt: createdAt };
  return { updateOne: { filter: { _id: key }, update: { $setOnInsert: mail }, upsert: true } };
}

/** A millisecond apart, because they are sent in the order of their times. */
export function mailOperations(orderId: string, mails: readonly Mail[]) {
  const first = Date.now() - mails.length;
  return mails.map(({ key, template }, index) => mailOperation(key, template, { orderId }, new Date(first + index)));
}

export async function queueMails(
  { models }: Pick<Mongo, 'models'>,
  orderId: string,
  mails: readonly Mail[],
): Promise<void> {
  await Promise.all(mailOperations(orderId, mails).map((operation) => writeOne(models.mails, operation)));
}

export async function loadCase(
  { models }: Mongo,
  { kind, id }: { kind: CaseKind; id: string },
): ReturnType<LocalSteps['loadCase']> {
  if (kind === 'reconciliation') {
    const reconciliation = await models.reconciliations.findById(id).lean();
    return { orderId: '', status: '', rev: reconciliation?.state?.rev ?? 0 };
  }
  const { orderId, status, state } =
    kind === 'refund'
      ? await models.refunds.findById(id).lean().orFail()
      : await models.disputes.findById(id).lean().orFail();
  return { orderId, status, rev: state?.rev ?? 0 };
}
