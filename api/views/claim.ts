import type { z } from 'zod';
import type { Claim } from '../../models/claim.ts';
import type { Order } from '../../models/order.ts';
import type { Caller } from '../endpoint.ts';
import type { claim as claimSchema } from '../schemas/claims.ts';
import { withNotes } from './notes.ts';

/** Reasons are written for colleagues: what customers see of a decision is what became of their claim. */
export function viewClaim(claim: Claim, order: Pick<Order, 'notes'>, caller: Caller): z.input<typeof claimSchema> {
  const { orderId, kind, lines, wants, description, worth, currency, settlement, status, state } = claim;
  const { decision, carrierClaimIds } = state ?? {};
  return {
    ...{ id: claim._id, orderId, createdAt: claim.createdAt.toISOString(), status, kind, lines, wants, description },
    evidence: claim.evidence.map(({ url, note, at }) => ({ url, note, at: at.toISOString() })),
    ...{ worth, currency },
    outcome: settlement && {
      ...{ how: settlement.how, refundId: settlement.refundId, amount: settlement.amount },
      reshipOrderId: settlement.reshipOrderId,
    },
    waitingFor: state?.waitingFor,
    ...(caller.kind === 'staff' && {
      parcels: claim.parcels.map(({ shipmentId, parcelId }) => ({ shipmentId, parcelId })),
      decision: decision && { ...decision, why: withNotes(decision.why, order) },
      carrierClaimIds,
    }),
  };
}
