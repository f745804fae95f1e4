import { book } from './balance.ts';
import { invalidRequest } from './errors.ts';
import type { FormMap, FormValue } from './form.ts';
import { map, type Reader } from './params.ts';
import { type Charge, type Dispute, newId, type Store } from './store.ts';

const DISPUTE_FEE = 1500;
const RESPONSE_SECONDS = 9 * 86_400;
const EVIDENCE = [
  ...['access_activity_log', 'billing_address', 'cancellation_policy', 'cancellation_policy_disclosure'],
  ...['cancellation_rebuttal', 'customer_communication', 'customer_email_address', 'customer_name'],
  ...['customer_purchase_ip', 'customer_signature', 'duplicate_charge_documentation', 'duplicate_charge_explanation'],
  ...['duplicate_charge_id', 'product_description', 'receipt', 'refund_policy', 'refund_policy_disclosure'],
  ...['refund_refusal_explanation', 'service_date', 'service_documentation', 'shipping_address', 'shipping_carrier'],
  ...[
    'shipping_date',
    'shipping_documentation',
    'shipping_tracking_number',
    'uncategorized_file',
    'uncategorized_text',
  ],
];

export const evidenceFields: Reader<Record<string, string | null>> = (value, param) => {
  const given: FormMap = map(value, param);
  for (const [name, item] of Object.entries<FormValue>(given)) {
    const here = `${param}[${name}]`;
    if (!EVIDENCE.includes(name)) {
      throw invalidRequest(`Received unknown parameter: ${here}`, { code: 'parameter_unknown', param: here });
    }
    if (typeof item !== 'string') throw invalidRequest('Invalid string', { param: here });
  }
  return Object.fromEntries(Object.entries(given).map(([name, item]) => [name, item === '' ? null : (item as string)]));
};

/** The cardholder's bank takes the money back. An inquiry only asks, and moves none. */
export function openDispute(store: Store, charge: Charge, about: { reason: string; inquiry: boolean }): Charge {
  const id = newId('du');
  const disputed = store.charges.put(charge.id, { ...charge, disputed: true });
  const withdrawn = about.inquiry
    ? []
    : [
        book(store, {
          type: 'adjustment',
          amount: -charge.amount_captured,
          fee: DISPUTE_FEE,
          currency: charge.currency,
          source: id,
          description: `Chargeback withdrawal for ${charge.id}`,
        }),
      ];
  const dispute: Dispute = {
    id,
    object: 'dispute',
    amount: charge.amount_captured,
    balance_transactions: withdrawn,
    charge: charge.id,
    created: store.now(),
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: Object.fromEntries([...EVIDENCE.map((name) => [name, null]), ['enhanced_evidence', {}]]),
    evidence_details: {
      due_by: store.now() + RESPONSE_SECONDS,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: 'not_submitted',
    },
    intended_submission_method: 'manual',
    is_charge_refundable: about.inquiry,
    livemode: false,
    metadata: {},
    network_reason_code: '10.4',
    payment_intent: charge.payment_intent,
    payment_method_details: {
      type: 'card',
      card: {
        brand: charge.payment_method_details?.card?.brand ?? 'visa',
        case_type: about.inquiry ? 'inquiry' : 'chargeback',
        network: charge.payment_method_details?.card?.network ?? 'visa',
        network_reason_code: '10.4',
      },
    },
    reason: about.reason,
    status: about.inquiry ? 'warning_needs_response' : 'needs_response',
  };
  store.disputes.put(id, dispute);
  store.emit('charge.dispute.created', dispute);
  if (!about.inquiry) store.emit('charge.dispute.funds_withdrawn', dispute);
  return disputed;
}

export function updateDispute(
  store: Store,
  dispute: Dispute,
  change: { evidence?: Record<string, string | null>; submit?: boolean; metadata?: Record<string, string> },
): Dispute {
  refuseIfClosed(dispute);
  const submitted = change.evidence !== undefined && change.submit !== false;
  if (submitted && dispute.evidence_details.submission_count > 0) {
    throw invalidRequest('Evidence for this dispute has already been submitted.', { param: 'evidence' });
  }
  const updated = store.disputes.put(dispute.id, {
    ...dispute,
    metadata: { ...dispute.metadata, ...change.metadata },
    evidence: { ...dispute.evidence, ...change.evidence },
    evidence_details: {
      ...dispute.evidence_details,
      has_evidence: dispute.evidence_details.has_evidence || change.evidence !== undefined,
      submission_count: dispute.evidence_details.submission_count + (submitted ? 1 : 0),
    },
    status: submitted ? (isInquiry(dispute) ? 'warning_under_review' : 'under_review') : dispute.status,
  });
  store.emit('charge.dispute.updated', updated);
  // Stripe's test mode decides at once on these two words.
  const verdict = submitted ? change.evidence?.uncategorized_text : undefined;
  if (verdict === 'winning_evidence') return decideDispute(store, updated, 'won');
  if (verdict === 'losing_evidence') return decideDispute(store, updated, 'lost');
  return updated;
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
