import { book, cardFee } from './balance.ts';
import type { TestCard } from './cards.ts';
import { openDispute } from './disputes.ts';
import { type Charge, type Intent, newId, type Store } from './store.ts';

const AUTHORIZATION_SECONDS = 7 * 86_400;

/** One attempt to charge the intent's card: authorized, not yet captured, or declined. */
export function attemptCharge(store: Store, intent: Intent, card: TestCard, authenticated: boolean): Charge {
  const decline = card.decline;
  const created = store.now();
  const charge: Charge = {
    id: newId('ch'),
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
    created,
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
      reason: decline?.decline_code ?? (card.risk ? 'elevated_risk_level' : null),
      risk_level: card.risk?.level ?? 'normal',
      risk_score: card.risk?.score ?? 12,
      seller_message: decline ? decline.message : 'Payment complete.',
      type: decline ? 'issuer_declined' : 'authorized',
    },
    paid: !decline,
    payment_intent: intent.id,
    payment_method: intent.payment_method,
    payment_method_details: {
      type: 'card',
      card: {
        amount_authorized: decline ? null : intent.amount,
        authorization_code: null,
        brand: card.brand,
        ...(intent.capture_method === 'manual' && !decline ? { capture_before: created + AUTHORIZATION_SECONDS } : {}),
        checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
        country: 'US',
        electronic_commerce_indicator: null,
        exp_month: 12,
        exp_year: new Date().getFullYear() + 3,
        funding: 'credit',
        installments: null,
        last4: card.last4,
        mandate: null,
        network: card.brand,
        network_transaction_id: null,
        regulated_status: 'unregulated',
        three_d_secure: authenticated
          ? {
              authentication_flow: 'challenge',
              electronic_commerce_indicator: '05',
              exemption_indicator: null,
              result: 'authenticated',
              result_reason: null,
              transaction_id: null,
              version: '2.2.0',
            }
          : null,
        transaction_link_id: null,
        wallet: null,
      },
    },
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
    status: decline ? 'failed' : 'succeeded',
    transfer_data: null,
    transfer_group: null,
  };
  return store.charges.put(charge.id, charge);
}

/** Takes the money of an authorized charge. What is not taken is released; a disputing card disputes now. */
export function captureCharge(store: Store, charge: Charge, amount: number, card: TestCard): Charge {
  const transaction = book(store, {
    type: 'charge',
    amount,
    fee: cardFee(amount),
    currency: charge.currency,
    source: charge.id,
  });
  const captured = store.charges.put(charge.id, {
    ...charge,
    captured: true,
    amount_captured: amount,
    balance_transaction: transaction.id,
  });
  return card.dispute ? openDispute(store, captured, card.dispute) : captured;
}
