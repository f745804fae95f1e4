import type { Stripe } from 'stripe';
import { invalidRequest, noSuch, StripeFailure } from './errors.ts';
import { futureUsageOf } from './payment-method-options.ts';
import { declineWhenSaved } from './payment-methods.ts';
import { type Intent, newId, type PaymentMethod, type Store } from './store.ts';

export function createCustomer(
  store: Store,
  given: { email?: string; name?: string; metadata?: Record<string, string> },
): Stripe.Customer {
  const id = newId('cus');
  const customer: Stripe.Customer = {
    id,
    object: 'customer',
    address: null,
    balance: 0,
    created: store.now(),
    currency: null,
    default_source: null,
    delinquent: false,
    description: null,
    discount: null,
    email: given.email ?? null,
    invoice_prefix: id.slice(-8).toUpperCase(),
    invoice_settings: { custom_fields: null, default_payment_method: null, footer: null, rendering_options: null },
    livemode: false,
    metadata: given.metadata ?? {},
    name: given.name ?? null,
    next_invoice_sequence: 1,
    phone: null,
    preferred_locales: [],
    shipping: null,
    tax_exempt: 'none',
    test_clock: null,
  };
  store.customers.put(id, customer);
  store.emit('customer.created', customer);
  return customer;
}

/** The customer that a parameter names. */
export function givenCustomer(store: Store, id: string | undefined): string | null {
  if (id === undefined) return null;
  if (!store.customers.get(id)) throw noSuch('customer', id, 'customer');
  return id;
}

/** Gives the payment method to the customer for good, by hand and not by a setup: the customer's bank is not asked. */
export function attachByHand(store: Store, method: PaymentMethod, customer: string | null): PaymentMethod {
  if (method.customer !== null && method.customer !== customer) {
    throw invalidRequest('The payment method you provided has already been attached to a customer.', {
      param: 'payment_method',
    });
  }
  const decline = declineWhenSaved(store, method.id);
  if (decline) throw new StripeFailure(402, { ...decline, payment_method: method });
  return attach(store, method, customer);
}

export function attach(store: Store, method: PaymentMethod, customer: string | null): PaymentMethod {
  if (method.customer !== null || customer === null) return method;
  const attached = store.paymentMethods.put(method.id, { ...method, customer });
  store.emit('payment_method.attached', attached);
  return attached;
}

/** Keeps the method of an authorized payment for its customer, where that was asked for. */
export function keepForLater(store: Store, intent: Intent): void {
  const method = store.paymentMethods.get(intent.payment_method ?? '');
  const usage = method && futureUsageOf(intent, method.type);
  if (!usage) return;
  attach(store, method, intent.customer);
  if (usage === 'off_session') store.setUp.put(method.id, true);
}
