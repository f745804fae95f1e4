/** The auditor's look at exchanges: what pays for an order is what another one's payment gave, and nobody has it twice. */
import type { Payment } from '../models/payment.ts';
import type { Mongo } from '../platform/mongo.ts';
import { hasEnded, returnStates } from '../workflows/domain/states.ts';

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

  // 2. A return that has ended has paid for the order, or has nothing in it.
  for (const payment of transfers) {
    const { orderId: where, transfer } = payment;
    const { returnId, settled } = transfer!;
    const order = await models.orders.findById(where, { status: 1, exchangeOf: 1 }).lean();
    const found = await models.returns.findById(returnId, { status: 1, exchange: 1 }).lean();
    if (order?.exchangeOf?.returnId !== returnId || found?.exchange?.orderId !== where)
      yield { guarantee: 'G4', where, what: `it is paid by ${returnId}, which is not its return` };
    if (!order || !found) continue;
    if (hasEnded(returnStates, found.status) && !settled && open(payment) > 0)
      yield {
        guarantee: 'G6',
        where,
        what: `${returnId} has ended unsettled, and ${open(payment)} of it is still here`,
      };
    if (order.status === 'cancelled' && open(payment) > 0)
      yield { guarantee: 'G6', where, what: `it is cancelled, and has ${open(payment)} of ${returnId}` };
  }
}

function fromOf({ transfer }: Payment): string {
  return transfer?.from ?? '';
}
