import { type ErrorBody, invalidRequest, noSuch } from './errors.ts';
import { newId, type PaymentMethod, type Store } from './store.ts';
import { TEST_CARDS, type TestCard } from './test-cards.ts';
import { TEST_DEBITS, type TestDebit } from './test-debits.ts';

export type TestMethod = ({ type: 'card' } & TestCard) | TestDebit;

/** The payment method a request names: a test method becomes a new one, as at Stripe; one made before is found again. */
export function usePaymentMethod(store: Store, id: string): PaymentMethod {
  const known = store.paymentMethods.get(id);
  if (store.usedUp.get(id)) {
    throw invalidRequest(
      'This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, and may not be used again.',
      { code: 'payment_method_unexpected_state', param: 'payment_method' },
    );
  }
  if (known) return known;
  const name = id.replace(/^pm_card_visa_charge/, 'pm_card_charge').replace(/^(pm_sepaDebit_[a-z]+)_[a-z]{2}$/, '$1');
  const method = testMethod(name);
  if (!method) throw noSuch('PaymentMethod', id, 'payment_method');
  const made = paymentMethodOf(store, method);
  store.testMethods.put(made.id, name);
  return store.paymentMethods.put(made.id, made);
}

/** How a payment method, made by `usePaymentMethod`, behaves. */
export function methodOf(store: Store, paymentMethodId: string | null): TestMethod {
  const method = testMethod(store.testMethods.get(paymentMethodId ?? '') ?? '');
  if (!method) throw new Error(`payment method ${paymentMethodId} is no test method`);
  return method;
}

function testMethod(name: string): TestMethod | undefined {
  if (Object.hasOwn(TEST_CARDS, name)) return { type: 'card', ...TEST_CARDS[name]! };
  return Object.hasOwn(TEST_DEBITS, name) ? TEST_DEBITS[name] : undefined;
}

/** Why the method cannot be saved, if so. */
export function declineWhenSaved(store: Store, paymentMethodId: string): ErrorBody | undefined {
  const method = methodOf(store, paymentMethodId);
  if (method.type !== 'card' || method.canBeSaved || !method.decline) return undefined;
  return { type: 'card_error', ...method.decline };
}

/** Whether the customer has to be there. A card that was set up spares only a customer who is away. */
export function needsAuthentication(store: Store, paymentMethodId: string, offSession: boolean): boolean {
  const method = methodOf(store, paymentMethodId);
  if (method.type !== 'card' || !method.authentication) return false;
  if (method.authentication === 'always' || !offSession) return true;
  return store.setUp.get(paymentMethodId) === undefined;
}

const paymentMethodOf = (store: Store, method: TestMethod): PaymentMethod => ({
  id: newId('pm'),
  object: 'payment_method',
  allow_redisplay: 'unspecified',
  billing_details: { address: null, email: null, name: null, phone: null, tax_id: null },
  created: store.now(),
  customer: null,
  customer_account: null,
  livemode: false,
  metadata: {},
  ...detailsOf(method),
});

function detailsOf(method: TestMethod): Pick<PaymentMethod, 'type' | 'card' | 'us_bank_account' | 'sepa_debit'> {
  if (method.type === 'card') return { type: 'card', card: cardDetails(method) };
  if (method.type === 'us_bank_account') {
    return {
      type: 'us_bank_account',
      us_bank_account: {
        account_holder_type: 'individual',
        account_type: 'checking',
        bank_name: 'STRIPE TEST BANK',
        financial_connections_account: null,
        fingerprint: null,
        last4: method.last4,
        networks: { preferred: 'ach', supported: ['ach'] },
        routing_number: '110000000',
        status_details: null,
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
      generated_from: null,
      last4: method.last4,
    },
  };
}

const cardDetails = ({ brand, last4 }: TestCard): NonNullable<PaymentMethod['card']> => ({
  brand,
  checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
  country: 'US',
  display_brand: brand,
  exp_month: 12,
  exp_year: new Date().getFullYear() + 3,
  fingerprint: null,
  funding: 'credit',
  generated_from: null,
  last4,
  networks: { available: [brand], preferred: null },
  regulated_status: 'unregulated',
  three_d_secure_usage: { supported: true },
  wallet: null,
});
