import { isCapturedByHand, isRequested } from './payment-method-options.ts';
import type { TestMethod } from './payment-methods.ts';
import type { Charge, Intent, Store } from './store.ts';
import type { TestCard } from './test-cards.ts';

type Details = NonNullable<Charge['payment_method_details']>;

const DAY = 86_400;
const AUTHORIZATION_SECONDS = 7 * DAY;
const EXTENDED_AUTHORIZATION_SECONDS = 30 * DAY;
const FLEXIBLE_BRANDS = ['visa', 'mastercard', 'amex', 'discover'];

/** What the charge tells of how it was paid. */
export function detailsOf(store: Store, intent: Intent, method: TestMethod, authenticated: boolean): Details {
  if (method.type === 'card') return { type: 'card', card: cardDetails(store, intent, method, authenticated) };
  if (method.type === 'us_bank_account') {
    return {
      type: 'us_bank_account',
      us_bank_account: {
        account_holder_type: 'individual',
        account_type: 'checking',
        bank_name: 'STRIPE TEST BANK',
        fingerprint: null,
        last4: method.last4,
        payment_reference: null,
        routing_number: '110000000',
      },
    };
  }
  return {
    type: 'sepa_debit',
    sepa_debit: {
      bank_code: '19043',
      branch_code: '',
      country: 'AT',
      fingerprint: null,
      last4: method.last4,
      mandate: null,
    },
  };
}

function cardDetails(
  store: Store,
  intent: Intent,
  card: TestCard,
  authenticated: boolean,
): NonNullable<Details['card']> {
  const held = isCapturedByHand(intent, 'card') && !card.decline;
  const flexible = held && !card.plain && FLEXIBLE_BRANDS.includes(card.brand);
  const extended = flexible && isRequested(intent, 'extended_authorization');
  const multicapture =
    flexible && isRequested(intent, 'multicapture') && (store.settings.get('multicapture') ?? true) === true;
  const holds = extended ? EXTENDED_AUTHORIZATION_SECONDS : AUTHORIZATION_SECONDS;
  return {
    amount_authorized: card.decline ? null : intent.amount,
    authorization_code: null,
    brand: card.brand,
    ...(held ? { capture_before: store.now() + holds } : {}),
    checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
    country: 'US',
    electronic_commerce_indicator: null,
    exp_month: 12,
    exp_year: new Date().getFullYear() + 3,
    extended_authorization: { status: extended ? 'enabled' : 'disabled' },
    funding: 'credit',
    installments: null,
    last4: card.last4,
    mandate: null,
    multicapture: { status: multicapture ? 'available' : 'unavailable' },
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
  };
}
