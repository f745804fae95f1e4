import { book, cardFee, debitFee } from './balance.ts';
import { detailsOf } from './charge-details.ts';
import { openDispute } from './disputes.ts';
import { warnOfFraud } from './fraud-warnings.ts';
import type { TestMethod } from './payment-methods.ts';
import { type Charge, type Intent, newId, type Store } from './store.ts';

/** One attempt to charge the intent's method: authorized and not yet captured, declined, or on its way to a bank. */
export function attemptCharge(store: Store, intent: Intent, method: TestMethod, authenticated: boolean): Charge {
  const card = method.type === 'card' ? method : undefined;
  const decline = card?.decline;
  const charge: Charge = {
    id: newId(card ? 'ch' : 'py'),
    object: 'charge',
    amount: intent.amount,
    amount_captured: 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: { address: null, email: null, name: null, phone: null, tax_id: null },
    calculated_statement_descriptor: 'WAYBILL SANDBOX',
    captured: false,
    created: store.now(),
    currency: intent.currency,
    customer: intent.customer,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: decline?.code ?? null,
    failure_message: decline?.message ?? null,
    fraud_details: {},
    livemode: false,
    metadata: intent.metadata,
    on_behalf_of: null,
    outcome: {
      advice_code: decline?.advice_code ?? null,
      network_advice_code: null,
      network_decline_code: null,
      network_status: decline ? 'declined_by_network' : 'approved_by_network',
      reason: decline?.decline_code ?? (card?.risk ? 'elevated_risk_level' : null),
      risk_level: card?.risk?.level ?? 'normal',
      risk_score: card?.risk?.score ?? 12,
      seller_message: decline ? decline.message : 'Payment complete.',
      type: decline ? 'issuer_declined' : 'authorized',
    },
    paid: card !== undefined && !decline,
    payment_intent: intent.id,
    payment_method: intent.payment_method,
    payment_method_details: detailsOf(store, intent, method, authenticated),
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: decline ? 'failed' : card ? 'succeeded' : 'pending',
    transfer_data: null,
    transfer_group: null,
  };
  return store.charges.put(charge.id, charge);
}

export const isMulticapture = (charge: Charge): boolean =>
  charge.payment_method_details?.card?.multicapture?.status === 'available';

/** Takes money of a charge. What is not taken is released where this is `final`; a card that disputes does so then. */
export function captureCharge(
  store: Store,
  charge: Charge,
  { amount, final }: { amount: number; final: boolean },
  method: TestMethod,
): Charge {
  const { currency, id } = charge;
  const money =
    method.type === 'card'
      ? ({ type: 'charge', fee: cardFee(amount) } as const)
      : ({ type: 'payment', fee: debitFee(amount) } as const);
  const transaction = amount > 0 ? book(store, { ...money, amount, currency, source: id }) : undefined;
  const amount_captured = charge.amount_captured + amount;
  const captured = store.charges.put(id, {
    ...charge,
    captured: final,
    paid: true,
    status: 'succeeded',
    amount_captured,
    balance_transaction: charge.balance_transaction ?? transaction?.id ?? null,
    refunded: final && charge.amount_refunded === amount_captured,
  });
  if (final && method.type === 'card' && method.fraudWarning) warnOfFraud(store, captured);
  if (final && method.dispute) openDispute(store, captured, method.dispute);
  return captured;
}

export const failCharge = (store: Store, charge: Charge, failure: { code: string; message: string }): Charge =>
  store.charges.put(charge.id, {
    ...charge,
    status: 'failed',
    paid: false,
    failure_code: failure.code,
    failure_message: failure.message,
  });
