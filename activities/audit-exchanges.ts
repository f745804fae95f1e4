/** The auditor's look at exchanges: what pays for an order is what another one's payment gave, and nobody has it twice. */
import type { Payment } from '../models/payment.ts';
import type { Mongo } from '../platform/mongo.ts';
import { hasEnded, orderStates, returnStates } from '../workflows/domain/states.ts';

interface Finding {
  guarantee: 'G4' | 'G6';
  where: string;
  what: string;
}

export async function* checkExchanges({ models }: Mongo): AsyncGenerator<Finding> {
  const transfers = await models.payments.find({ transfer: { $ne: null } }).lean<Payment[]>();
  const open = ({ credit, creditReturned }: Payment) => credit - creditReturned;

  // 1. What left one payment is what others have of it, and it was there.
  const givers = await models.payments
    .find({ $or: [{ transferredOut: { $ne: 0 } }, { orderId: { $in: transfers.map(fromOf) } }] })
    .lean<Payment[]>();
  for (const payment of givers) {
    const { orderId: where, transferredOut, captured, credit, refunded, refundPending } = payment;
    const theirs = transfers.filter((each) => fromOf(each) === where).reduce((sum, each) => sum + open(each), 0);
    if (theirs !== transferredOut)
      yield { guarantee: 'G4', where, what: `${transferredOut} pays for exchanges, they have ${theirs}` };
    const back = refunded + refundPending + payment.refundedAsCredit + payment.creditReturned + transferredOut;
    if (transferredOut > 0 && back > captured + credit)
      yield { guarantee: 'G4', where, what: `${back} went back or into exchanges, ${captured + credit} was paid` };
  }

  // 2. Once both have ended, what is not the customer's went back.
  for (const payment of transfers) {
    const { orderId: where, transfer } = payment;
    const { returnId, settled } = transfer!;
    const order = await models.orders.findById(where, { status: 1, exchangeOf: 1 }).lean();
    const found = await models.returns.findById(returnId, { status: 1, exchange: 1 }).lean();
    if (order?.exchangeOf?.returnId !== returnId || found?.exchange?.orderId !== where)
      yield { guarantee: 'G4', where, what: `it is paid by ${returnId}, which is not its return` };
    if (!order || !found) continue;
    const isOver = hasEnded(orderStates, order.status) && hasEnded(returnStates, found.status);
    if (isOver && !settled && open(payment) > 0)
      yield { guarantee: 'G6', where, what: `both have ended, and ${open(payment)} of ${returnId} is still with it` };
  }
}

function fromOf({ transfer }: Payment): string {
  return transfer?.from ?? '';
}
