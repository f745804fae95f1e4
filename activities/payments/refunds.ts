/** Refunds are opened: promised against what was captured and is still left. */
import type { ClientSession } from 'mongoose';
import { newId } from '../../models/id.ts';
import type { Payment, Refund, Transfer } from '../../models/payment.ts';
import { inTransaction, isDuplicateKey, type Mongo } from '../../platform/mongo.ts';
import { unitsByLine } from '../../workflows/domain/units.ts';
import { workflowIds } from '../../workflows/messages.ts';
import { broken } from '../failure.ts';
import { bookCreditIn } from './credit.ts';
import { lessOwed, totalOwed } from './dispute-records.ts';
import { capturedBy } from './records.ts';

export interface RefundRequest {
  /** What asks for it: the same key is the same refund. */
  key: string;
  orderId: string;
  /** Minor units; everything that is left where it is not given. */
  amount?: number | undefined;
  /** Where it goes: back as it was paid, the card first, or all of it to the customer's store credit. */
  to?: 'original' | 'store_credit' | undefined;
  lines?: Refund['lines'];
  unsent?: boolean;
  /** What of the amount pays the shipping back. */
  shipping?: number;
  /** What of the amount had paid for nothing that was sold. */
  unsold?: number;
  /** What of the amount pays for an order in exchange, and does not go back. */
  exchanged?: number;
  /** What comes on top of the amount: it was sold and never captured. */
  uncaptured?: number;
  reason: string;
  actor: string;
  refundId?: string | undefined;
  /** The workflow that follows it; by default one of its own. */
  workflowId?: string | undefined;
}

export type RefundOpened =
  | { refundId: string; amount: number }
  | { refused: 'nothing_captured' | 'more_than_paid' | 'no_account'; refundable: number };

export async function openRefund(mongo: Mongo, request: RefundRequest): Promise<RefundOpened> {
  try {
    return await inTransaction(mongo, (session) => openRefundIn(mongo, session, request));
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    return openRefund(mongo, request);
  }
}

/** Every refund writes the payment that it has read, so no two can exceed what was paid: one of them is tried again. */
export async function openRefundIn(
  mongo: Mongo,
  session: ClientSession,
  request: RefundRequest,
): Promise<RefundOpened> {
  const { models } = mongo;
  const { key, orderId, to = 'original', lines, reason, actor } = request;
  const { shipping = 0, unsold = 0, uncaptured = 0, exchanged = 0 } = request;
  const known = await models.refunds.findOne({ key }).session(session).lean();
  if (known) return { refundId: known._id, amount: known.amount - known.uncaptured };
  const payment = await models.payments.findOne({ orderId }).session(session).lean();
  const left = leftOf(payment);
  const amount = request.amount ?? left;
  const back = amount - exchanged;
  if (!payment || (left <= 0 && uncaptured === 0 && exchanged === 0))
    return { refused: 'nothing_captured', refundable: 0 };
  if (back > Math.max(0, left)) return { refused: 'more_than_paid', refundable: left };

  // Below zero where the provider's dashboard paid back what we had as store credit.
  const card = Math.min(back, Math.max(0, cardLeftOf(payment)));
  // What a return has paid goes back to where that came from.
  const transferred = payment.transfer ? back - card : 0;
  const credited = to === 'store_credit' ? back - transferred : back - transferred - card;
  const sent = back - credited - transferred;
  const customerId = (await models.orders.findById(orderId, { customerId: 1 }).session(session).lean())?.customerId;
  if (customerId === undefined && (credited > 0 || to === 'store_credit'))
    return { refused: 'no_account', refundable: left };
  const $inc = { refundPending: sent, creditReturned: back - card, refundedAsCredit: card - sent };
  await models.payments.updateOne({ _id: payment._id }, { $inc }, { session });
  const refundId = request.refundId ?? newId('ref');
  const [first, ...others] = await spread(mongo, session, payment, sent);
  if (credited > 0) {
    const kind = to === 'store_credit' ? 'refund' : 'give_back';
    const booking = { key: `refund:${refundId}`, currency: payment.currency, amount: credited, orderId, reason, actor };
    await bookCreditIn(mongo, session, { ...booking, kind, customerId: customerId! });
  }
  const sequel =
    transferred > 0 ? await transferBack(mongo, session, payment.transfer!, transferred, request) : undefined;
  const common = {
    ...{ orderId, paymentId: payment._id, currency: payment.currency, reason, actor, createdAt: new Date() },
    ...(request.unsent && { unsent: true }),
  };
  const refund: Partial<Refund> = {
    ...common,
    _id: refundId,
    key,
    ...(first && { intentId: first.intentId }),
    workflowId: request.workflowId ?? workflowIds.refund(refundId),
    amount: amount + uncaptured - others.reduce((sum, other) => sum + other.amount, 0),
    ...{ credited, unsold, uncaptured, shipping, transferred: exchanged + transferred },
    ...(lines && { lines }),
    ...(sequel !== undefined && { sequel }),
    status: sent > 0 ? 'pending' : 'succeeded',
  };
  // What one intent cannot pay back alone, others do, each as a refund that is followed by itself.
  const rest = others.map((other, index): Partial<Refund> => {
    const _id = newId('ref');
    return {
      ...common,
      ...other,
      _id,
      key: `${key}:${index + 2}`,
      workflowId: workflowIds.refund(_id),
      status: 'pending',
    };
  });
  await models.refunds.create([refund, ...rest], { session, ordered: true });
  return { refundId, amount };
}

/**
 * To the order whose goods came back. Once the return is settled the customer is owed it, but for what the store has borne,
 * and gets it as they have paid; before that it waits for the return. Either way other returns may have brought money that
 * was in the exchange at that moment: it is paid now.
 *
 * @returns the refund that pays it back
 */
async function transferBack(
  mongo: Mongo,
  session: ClientSession,
  { from: orderId, returnId, settled, borne = 0 }: Transfer,
  transferred: number,
  { key, to, reason, actor }: RefundRequest,
): Promise<string | undefined> {
  const { payments } = mongo.models;
  const kept = settled ? Math.min(transferred, borne) : transferred;
  if (settled && kept > 0)
    await payments.updateOne({ 'transfer.returnId': returnId }, { $inc: { 'transfer.borne': -kept } }, { session });
  const { owed = {} } = await payments.findOne({ orderId }).session(session).lean<Payment>().orFail();
  const others = Math.min(kept, totalOwed({ owed }));
  await payments.updateOne({ orderId }, { $inc: { transferredOut: -transferred } }, { session });

  // Of goods that were exchanged there is a credit note by then.
  const theirs = transferred - kept;
  const amount = Math.min(theirs + others, await refundable(mongo, session, orderId));
  const paidToOthers = Math.max(0, amount - theirs);
  if (paidToOthers > 0)
    await payments.updateOne({ orderId }, { $set: { owed: lessOwed(owed, paidToOthers) } }, { session });
  await oweTheRest(mongo, session, { orderId, what: key.replaceAll('.', '_'), rest: theirs - (amount - paidToOthers) });
  if (amount === 0) return undefined;
  const unsold = amount - paidToOthers;
  const request = { key: `${key}:exchanged`, orderId, amount, to, unsold, reason, actor };
  const opened = await openRefundIn(mongo, session, request);
  if ('refused' in opened) throw broken(`${orderId} cannot pay ${amount} back: ${opened.refused}`);
  return opened.refundId;
}

/** By which intents an amount is paid back: by the first that took money, and what it does not have by the next. */
async function spread(
  { models }: Mongo,
  session: ClientSession,
  payment: Payment,
  amount: number,
): Promise<{ intentId: string; amount: number }[]> {
  const charges = capturedBy(payment);
  if (charges.length < 2) return charges.map(({ intentId }) => ({ intentId, amount }));
  const { orderId } = payment;
  const refunds = await models.refunds
    .find({ orderId, status: { $ne: 'failed' } })
    .session(session)
    .lean();
  const disputes = await models.disputes.find({ orderId }).session(session).lean();
  let open = amount;
  return charges.flatMap(({ intentId, amount: captured }) => {
    const back = refunds.filter((refund) => (refund.intentId ?? payment.intentId) === intentId);
    const taken = disputes.filter((dispute) => dispute.intentId === intentId);
    const withheld = taken.reduce((sum, { withdrawn, reinstated }) => sum + withdrawn - reinstated, 0);
    const left = captured - withheld - back.reduce((sum, refund) => sum + sentOf(refund), 0);
    const part = Math.min(open, Math.max(0, left));
    open -= part;
    return part > 0 ? { intentId, amount: part } : [];
  });
}

/**
 * The units of each line, and minor units of the shipping, that were paid back, by the provider or in another way, though
 * they were, or were to be, sent: by returns, whatever they brought, and by lines. `except` is the key of a refund that does not count.
 */
export async function paidBackOf(
  { models }: Mongo,
  session: ClientSession,
  orderId: string,
  except?: string,
): Promise<{ units: ReadonlyMap<string, number>; shipping: number }> {
  const refunds = await models.refunds
    .find({ orderId, $or: [{ status: { $ne: 'failed' } }, { paidOtherwiseAt: { $exists: true } }] })
    .session(session)
    .lean();
  const counting = refunds.filter(({ key, unsent }) => !unsent && key !== except);
  // Returns that are settled without a refund: fees left nothing of it, or it is owed.
  const moneyless = await models.returns
    .find({ 'settled.orderId': orderId, refundId: null }, { settled: 1 })
    .session(session)
    .lean();
  const settled = moneyless.flatMap((each) => each.settled!.lines);
  const units = unitsByLine([...counting.flatMap(({ lines }) => lines ?? []), ...settled]);
  return { units, shipping: counting.reduce((sum, { shipping }) => sum + shipping, 0) };
}

/** Minor units of what was captured that nobody was promised back yet; none where a chargeback took what was paid back before. */
export async function refundable({ models }: Mongo, session: ClientSession, orderId: string): Promise<number> {
  return Math.max(0, leftOf(await models.payments.findOne({ orderId }).session(session).lean()));
}

/**
 * Opens a refund, where there is anything to refund, and notes what is owed beyond it.
 * @param owed minor units in all, with the refund; `what` it is owed for
 */
export async function refundAndOwe(
  mongo: Mongo,
  session: ClientSession,
  request: RefundRequest & { amount: number },
  owed: { what: string; total: number },
): Promise<{ refundId?: string; amount: number }> {
  const opened = request.amount > 0 ? await openRefundIn(mongo, session, request) : undefined;
  const refunded = opened && 'refundId' in opened ? opened : { amount: 0 };
  const { orderId, to } = request;
  await oweTheRest(mongo, session, { orderId, what: owed.what, rest: owed.total - refunded.amount, to });
  return refunded;
}

/**
 * Of what could not be refunded, what is elsewhere for now is owed. What a chargeback withholds, the bank may give back; it
 * is no store credit that was promised. What orders in exchange have comes back where they come to nothing.
 */
export async function oweTheRest(
  { models }: Mongo,
  session: ClientSession,
  { orderId, what, rest, to }: { orderId: string; what: string; rest: number; to?: RefundRequest['to'] },
): Promise<void> {
  const payment = await models.payments.findOne({ orderId }).session(session).lean<Payment>();
  if (!payment) return;
  const withheld = to === 'store_credit' ? 0 : payment.withheld;
  const amount = Math.min(rest, withheld + payment.transferredOut);
  if (amount <= 0) return;
  await models.payments.updateOne({ orderId }, { $set: { [`owed.${what}`]: amount } }, { session });
}

/** Minor units of what was paid that nobody was promised back. */
export function leftOf(payment: Payment | null): number {
  if (!payment) return 0;
  return cardLeftOf(payment) + payment.credit - payment.creditReturned - payment.transferredOut;
}

/** Below zero where a chargeback took what had been refunded before. */
export function cardLeftOf({ captured, refunded, refundPending, refundedAsCredit, withheld }: Payment): number {
  return captured - refunded - refundPending - refundedAsCredit - withheld;
}

/** What goes back by the provider. */
export function sentOf({ amount, credited, uncaptured, transferred }: Refund): number {
  return amount - credited - uncaptured - transferred;
}
