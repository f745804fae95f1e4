import type { z } from 'zod';
import type { Refund } from '../../models/payment.ts';
import type { Caller } from '../endpoint.ts';
import type { refund as refundSchema } from '../schemas/refunds.ts';

/** Why it was given is a word among staff. */
export function viewRefund(refund: Refund, caller: Caller): z.input<typeof refundSchema> {
  const { _id: id, orderId, amount, lines, shipping, credited, currency, reason, status, createdAt } = refund;
  const forStaff = caller.kind === 'staff' && { reason };
  return {
    ...{ id, orderId, amount, shipping, credited, currency, status, createdAt: createdAt.toISOString() },
    ...(refund.transferred > 0 && { transferred: refund.transferred }),
    ...(lines && { lines }),
    ...(refund.paidOtherwiseAt && { paidOtherwiseAt: refund.paidOtherwiseAt.toISOString() }),
    ...forStaff,
  };
}
