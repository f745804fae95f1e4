import type { z } from 'zod';
import type { Refund } from '../../models/payment.ts';
import type { refund as refundSchema } from '../schemas/refunds.ts';

export function viewRefund(refund: Refund): z.input<typeof refundSchema> {
  const { _id: id, orderId, amount, currency, reason, status, createdAt } = refund;
  return { id, orderId, amount, currency, reason, status, createdAt: createdAt.toISOString() };
}
