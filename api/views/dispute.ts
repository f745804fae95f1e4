import type { z } from 'zod';
import type { Dispute } from '../../models/payment.ts';
import type { Evidence, EvidenceField } from '../../workflows/domain/evidence.ts';
import type { disputeCase, disputePage } from '../schemas/disputes.ts';

export function viewDispute(dispute: Dispute): z.input<typeof disputePage>['disputes'][number] {
  const { _id: id, kind, orderId, amount, currency, reason, status, dueBy, withdrawn, reinstated, createdAt } = dispute;
  return {
    ...{ id, kind, orderId, amount, currency, reason, status },
    ...(dueBy && { dueBy: dueBy.toISOString() }),
    withheld: withdrawn - reinstated,
    createdAt: createdAt.toISOString(),
  };
}

/** `fields` is what the bank would be told now; what it was told is in the record. */
export function viewCase(dispute: Dispute, fields: Evidence): z.input<typeof disputeCase> {
  const { kind, fee, words, leftOut = [], evidence, state } = dispute;
  return {
    ...viewDispute(dispute),
    ...(fee && { fee }),
    ...(kind !== 'fraud_warning' && {
      evidence: {
        ...(words !== undefined && { text: words }),
        leaveOut: leftOut as EvidenceField[],
        fields: evidence?.fields ?? fields,
        ...(evidence?.sentAt && { sentAt: evidence.sentAt.toISOString() }),
      },
    }),
    incidents: state?.incidents ?? [],
    timeline: state?.timeline ?? [],
  };
}
