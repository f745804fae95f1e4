/** Other goods in place of a return's money: what of it is worth how much, and the order that sends them. */
import type { ClientSession } from 'mongoose';
import { newId } from '../../models/id.ts';
import type { Order } from '../../models/order.ts';
import type { Payment } from '../../models/payment.ts';
import type { Exchange, Return } from '../../models/return.ts';
import { inTransaction, type Mongo } from '../../platform/mongo.ts';
import type { LocalSteps } from '../../workflows/activities.ts';
import { creditFor, type ExchangeRefused, exchangeRuleOf, paidByReturn } from '../../workflows/domain/exchanges.ts';
import { deadlines } from '../../workflows/domain/limits.ts';
import { payableUnit } from '../../workflows/domain/money.ts';
import type { ReturnPolicies } from '../../workflows/domain/return-policy.ts';
import { hasEnded, orderStates } from '../../workflows/domain/states.ts';
import { broken } from '../failure.ts';
import { leftOf, refundable } from '../payments/refunds.ts';
import { paidOrderOf } from '../payments/reships.ts';
import { readOrder } from '../payments/sales.ts';
import { orderStartOf } from '../reships.ts';
import { readReturn } from './records.ts';
import { sumsOf } from './worth.ts';

/** Goods as they were priced when they were asked for. */
export type ExchangeAsked = Omit<Exchange, 'credit' | 'release' | 'orderId'>;

/**
 * What of the exchange the returned goods pay, if all of them come as they are to: without the shipping, which only comes
 * back with the last of an order.
 */
export async function exchangeOf(
  mongo: Mongo,
  session: ClientSession,
  { order, found, asked, policies }: { order: Order; found: Return; asked: ExchangeAsked; policies: ReturnPolicies },
): Promise<Exchange | ExchangeRefused> {
  const classOf = (lineId: string) => order.lines.find((line) => line.lineId === lineId)?.returnClass;
  const rule = exchangeRuleOf(
    policies,
    found.lines.map(({ lineId }) => classOf(lineId)),
  );
  const paid = await paidOrderOf(mongo, order);
  const lines = found.lines.map((line) => {
    return { ...line, dispositions: [{ disposition: 'restock' as const, quantity: line.quantity }] };
  });
  const { sums } = await sumsOf(mongo, session, paid, { ...found, lines }, found.sending.label);
  const left = await refundable(mongo, session, paid._id);
  const worth = sums.total - sums.shipping;
  const terms = creditFor(asked.total, { rule, worth, left, currency: order.currency });
  return 'refused' in terms ? terms : { ...asked, ...terms };
}

/** One a return, whoever asks. It is the workflow's own step, and no request's. */
export async function openExchange(
  mongo: Mongo,
  { returnId }: { returnId: string },
): ReturnType<LocalSteps['openExchange']> {
  const { models } = mongo;
  return inTransaction(mongo, async (session) => {
    const known = await models.orders.findOne({ 'exchangeOf.returnId': returnId }).session(session).lean<Order>();
    if (known) return orderStartOf(known);
    const { exchange, orderId } = await readReturn(mongo, returnId, session);
    if (!exchange) throw broken(`Nothing is wanted in exchange for ${returnId}`);
    const order = await readOrder(mongo, orderId, session);
    const paid = await paidOrderOf(mongo, order);
    const payment = await models.payments.findOne({ orderId: paid._id }, { _id: 1 }).session(session).lean();
    if (!payment) throw broken(`There is no payment of ${paid._id}`);
    const opened = orderInExchange(order, exchange, {
      ...{ returnId, paidOrderId: paid._id, paymentId: payment._id, release: exchange.release },
    });
    await models.orders.create([opened], { session });
    await models.returns.updateOne({ _id: returnId }, { $set: { 'exchange.orderId': opened._id } }, { session });
    return orderStartOf(opened);
  });
}

function orderInExchange(
  { customer, customerId, shipTo, currency }: Order,
  { items, lines, pricing, total, redemptions, credit, paymentMethod }: Exchange,
  source: NonNullable<Order['exchangeOf']>,
): Order {
  const now = new Date();
  return {
    _id: newId('ord'),
    createdAt: now,
    // Nobody waits for its answer, and it is promised: a backlog does not make it stale.
    placeBefore: new Date(now.getTime() + deadlines.delivery),
    ...{ customer, shipTo, currency, items, lines, pricing, total },
    ...(customerId !== undefined && { customerId }),
    ...(redemptions && { redemptions }),
    ...(paymentMethod !== undefined && { paymentMethod }),
    credit: Math.min(credit, total),
    exchangeOf: source,
    rev: 0,
    status: 'pending',
  };
}

export async function readExchanges(
  { models }: Mongo,
  { orderId }: { orderId: string },
): ReturnType<LocalSteps['readExchanges']> {
  const found: Order[] = [];
  for (let paidBy = [orderId]; paidBy.length > 0; ) {
    const next = await models.orders.find({ 'exchangeOf.paidOrderId': { $in: paidBy } }, { status: 1 }).lean<Order[]>();
    found.push(...next);
    paidBy = next.map(({ _id }) => _id);
  }
  return { orderIds: found.filter(({ status }) => !hasEnded(orderStates, status)).map(({ _id }) => _id) };
}

/** What pays for the order in exchange at this moment, and did not go back. */
export async function transferredBy(
  { models }: Mongo,
  session: ClientSession | undefined,
  returnId: string,
): Promise<number> {
  const payment = await models.payments
    .findOne({ 'transfer.returnId': returnId }, { credit: 1, creditReturned: 1 })
    .session(session ?? null)
    .lean();
  return payment ? payment.credit - payment.creditReturned : 0;
}

export async function weighExchange(
  mongo: Mongo,
  { returnId }: { returnId: string },
): ReturnType<LocalSteps['weighExchange']> {
  const paid = await paidOrderOf(mongo, await readOrder(mongo, (await readReturn(mongo, returnId)).orderId));
  return inTransaction(mongo, async (session) => {
    const found = await readReturn(mongo, returnId, session);
    const { sums } = await sumsOf(mongo, session, paid, found);
    const transferred = await transferredBy(mongo, session, returnId);
    const { isShort } = await paidBy(mongo, session, paid, { worth: sums.total, transferred });
    return { transferred, isShort };
  });
}

/** What a return that is worth so much pays of what the order has left. */
export async function paidBy(
  { models }: Mongo,
  session: ClientSession,
  { _id: orderId, lines, currency }: Order,
  { worth, transferred }: { worth: number; transferred: number },
): Promise<ReturnType<typeof paidByReturn>> {
  const payment = await models.payments.findOne({ orderId }).session(session).lean<Payment>();
  const rounding = lines.length * payableUnit(currency);
  return paidByReturn({ worth, transferred, left: leftOf(payment), withheld: payment?.withheld ?? 0, rounding });
}
