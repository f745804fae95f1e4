import { book } from './balance.ts';
import { invalidRequest } from './errors.ts';
import { type Evidence, noEvidence, refuseEvidence } from './evidence.ts';
import { closeWarnings } from './fraud-warnings.ts';
import { type Charge, type Dispute, newId, type Store } from './store.ts';

const DISPUTE_FEE = 1500;
const RESPONSE_SECONDS = 9 * 86_400;

/** The cardholder's bank takes the money back, all that was captured or a part. An inquiry only asks, and moves none. */
export function openDispute(
  store: Store,
  charge: Charge,
  about: { reason: string; inquiry: boolean; amount?: number },
): Dispute {
  const id = newId('du');
  const { reason, inquiry, amount = charge.amount_captured } = about;
  const { currency } = charge;
  const withdrawn = inquiry ? [] : [withdraw(store, { id, amount, currency, charge: charge.id })];
  const { type = 'card', card } = charge.payment_method_details ?? {};
  const dispute: Dispute = {
    id,
    object: 'dispute',
    amount,
    balance_transactions: withdrawn,
    charge: charge.id,
    created: store.now(),
    currency,
    enhanced_eligibility_types: [],
    evidence: noEvidence() as unknown as Dispute['evidence'],
    evidence_details: {
      due_by: store.now() + RESPONSE_SECONDS,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: 'not_submitted',
    },
    intended_submission_method: 'manual',
    is_charge_refundable: inquiry,
    livemode: false,
    metadata: {},
    network_reason_code: '10.4',
    payment_intent: charge.payment_intent,
    payment_method_details: {
      type,
      ...(card && {
        card: {
          brand: card.brand ?? 'visa',
          case_type: inquiry ? 'inquiry' : 'chargeback',
          network: card.network ?? 'visa',
          network_reason_code: '10.4',
        },
      }),
    },
    reason,
    status: inquiry ? 'warning_needs_response' : 'needs_response',
  };
  store.disputes.put(id, dispute);
  store.emit('charge.dispute.created', dispute);
  if (!inquiry) store.emit('charge.dispute.funds_withdrawn', dispute);
  closeWarnings(store, store.charges.put(charge.id, { ...charge, disputed: true }));
  return dispute;
}

/** The bank was not content with the answer to its inquiry, or got none. */
export function escalateInquiry(store: Store, dispute: Dispute): Dispute {
  if (!isInquiry(dispute)) throw invalidRequest('This dispute is no inquiry.');
  const escalated = store.disputes.put(dispute.id, {
    ...dispute,
    balance_transactions: [withdraw(store, dispute)],
    is_charge_refundable: false,
    status: 'needs_response',
  });
  store.emit('charge.dispute.updated', escalated);
  store.emit('charge.dispute.funds_withdrawn', escalated);
  return escalated;
}

function withdraw(
  store: Store,
  { id, amount, currency, charge }: Pick<Dispute, 'id' | 'amount' | 'currency' | 'charge'>,
) {
  const description = `Chargeback withdrawal for ${charge}`;
  return book(store, { type: 'adjustment', amount: -amount, fee: DISPUTE_FEE, currency, source: id, description });
}

/** Evidence is staged where `submit` is false, and goes to the bank otherwise, together with what was staged. */
export function updateDispute(
  store: Store,
  dispute: Dispute,
  change: { evidence?: Evidence; submit?: boolean; metadata?: Record<string, string> },
): Dispute {
  refuseIfClosed(dispute);
  const evidence = { ...dispute.evidence, ...change.evidence } as Dispute['evidence'];
  refuseEvidence(store, evidence as unknown as Evidence);
  const submitted = change.submit ?? change.evidence !== undefined;
  const before = dispute.evidence_details;
  if ((submitted || change.evidence) && !dispute.status.endsWith('needs_response')) {
    throw invalidRequest('Evidence for this dispute has already been submitted.', { param: 'evidence' });
  }
  const updated = store.disputes.put(dispute.id, {
    ...dispute,
    metadata: { ...dispute.metadata, ...change.metadata },
    evidence,
    evidence_details: {
      ...before,
      has_evidence: before.has_evidence || change.evidence !== undefined,
      ...(submitted ? { submission_count: before.submission_count + 1, submission_method: 'manual' as const } : {}),
    },
    status: submitted ? (isInquiry(dispute) ? 'warning_under_review' : 'under_review') : dispute.status,
  });
  store.emit('charge.dispute.updated', updated);
  // Stripe's test mode decides at once on these two words.
  const verdict = submitted ? evidence.uncategorized_text : undefined;
  if (verdict === 'winning_evidence') return decideDispute(store, updated, 'won');
  if (verdict === 'losing_evidence') return decideDispute(store, updated, 'lost');
  return updated;
}

/** A chargeback that nobody has answered in time is lost. An inquiry stays open, and may become a chargeback. */
export function closeOverdueDisputes(store: Store): void {
  for (const dispute of [...store.disputes.values()]) {
    const { due_by, past_due } = dispute.evidence_details;
    const open = dispute.status.endsWith('needs_response');
    if (!open || past_due || due_by === null || due_by > store.now()) continue;
    const overdue = store.disputes.put(dispute.id, {
      ...dispute,
      evidence_details: { ...dispute.evidence_details, past_due: true },
    });
    if (isInquiry(overdue)) store.emit('charge.dispute.updated', overdue);
    else decideDispute(store, overdue, 'lost');
  }
}

/** The bank's decision. A won dispute gives the money back, not the fee. */
export function decideDispute(store: Store, dispute: Dispute, outcome: 'won' | 'lost'): Dispute {
  refuseIfClosed(dispute);
  const inquiry = isInquiry(dispute);
  const reinstated =
    outcome === 'won' && !inquiry
      ? [
          book(store, {
            type: 'adjustment',
            amount: dispute.amount,
            fee: 0,
            currency: dispute.currency,
            source: dispute.id,
            description: `Chargeback reversal for ${dispute.charge}`,
          }),
        ]
      : [];
  const decided = store.disputes.put(dispute.id, {
    ...dispute,
    balance_transactions: [...dispute.balance_transactions, ...reinstated],
    status: inquiry ? 'warning_closed' : outcome,
    is_charge_refundable: outcome === 'won',
  });
  if (reinstated.length > 0) store.emit('charge.dispute.funds_reinstated', decided);
  store.emit('charge.dispute.closed', decided);
  return decided;
}

const isInquiry = (dispute: Dispute): boolean => dispute.status.startsWith('warning_');

function refuseIfClosed(dispute: Dispute): void {
  if (['won', 'lost', 'warning_closed'].includes(dispute.status)) {
    throw invalidRequest(`This dispute is already closed with status ${dispute.status}.`);
  }
}
