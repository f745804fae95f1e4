import type { z } from 'zod';
import type { Exchange, Return } from '../../models/return.ts';
import { hasEnded, returnStates } from '../../workflows/domain/states.ts';
import type { returned as returnSchema } from '../schemas/returns.ts';

import { viewLine } from './quote.ts';

export type ReturnView = z.input<typeof returnSchema>;

export function viewReturn(found: Return): ReturnView {
  const { label, sending, state, status, parcel = found.late } = found;
  return {
    id: found._id,
    orderId: found.orderId,
    warehouseId: found.warehouseId,
    status,
    createdAt: found.createdAt.toISOString(),
    openedBy: found.by,
    lines: found.lines.map(({ terms: _, ...line }) => line),
    ...(parcel && { parcelId: parcel.parcelId }),
    ...(found.late && { wasDelivered: true }),
    trackingNumber: label?.trackingNumber ?? parcel?.trackingNumber,
    labelUrl: label?.url,
    ...(label && sending.fee > 0 && { labelFee: sending.fee }),
    ...(!label && isAwaited(found) && { sendTo: found.sendTo }),
    waitingFor: state?.waitingFor,
    refundTo: found.refundTo,
    ...(found.exchange && { exchange: viewExchange(found, found.exchange) }),
    refund: found.refund,
    refundId: found.refundId,
    resolution: state?.resolution,
    reshipOrderId: state?.reshipOrderId,
  };
}

function viewExchange({ state, status }: Return, exchange: Exchange): NonNullable<ReturnView['exchange']> {
  const { items, lines, total, credit, release, orderId } = exchange;
  const isDead = hasEnded(returnStates, status) && status !== 'completed';
  return {
    ...{ items, lines: lines.map(viewLine), total, credit, difference: total - credit, release, orderId },
    status: isDead ? 'failed' : (state?.exchange?.status ?? 'asked'),
  };
}

function isAwaited({ by, state }: Return): boolean {
  return by !== 'warehouse' && by !== 'carrier' && state?.waitingFor?.event === 'return_arrival';
}
