import type { Stripe } from 'stripe';
import { invalidRequest, noSuch } from './errors.ts';
import { detach, savedMethods } from './saved-methods.ts';
import { newId, type Store } from './store.ts';

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
  if (!isCustomer(store, id)) throw noSuch('customer', id, 'customer');
  return id;
}

/** The customer that the path names. */
export function customerOf(store: Store, id: string): Stripe.Customer {
  const found = isCustomer(store, id) ? store.customers.get(id) : undefined;
  if (!found) throw noSuch('customer', id);
  return found;
}

const isCustomer = (store: Store, id: string): boolean =>
  store.customers.get(id) !== undefined && store.deletedCustomers.get(id) === undefined;

export const allCustomers = (store: Store): Stripe.Customer[] =>
  [...store.customers.values()].filter(({ id }) => isCustomer(store, id));

/** An empty text takes back what was there. */
export function updateCustomer(
  store: Store,
  customer: Stripe.Customer,
  change: {
    email?: string | null;
    name?: string | null;
    metadata?: Record<string, string>;
    invoice_settings?: { default_payment_method?: string | null };
  },
): Stripe.Customer {
  const { invoice_settings, metadata, ...rest } = change;
  const fields = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const method = invoice_settings?.default_payment_method;
  if (method && store.paymentMethods.get(method)?.customer !== customer.id) {
    throw invalidRequest(
      `The customer does not have a payment method with the ID ${method}. The payment method must be attached to the customer.`,
      { code: 'resource_missing', param: 'invoice_settings[default_payment_method]' },
    );
  }
  const updated = store.customers.put(customer.id, {
    ...customer,
    ...fields,
    metadata: { ...customer.metadata, ...metadata },
    invoice_settings: {
      ...customer.invoice_settings,
      ...(method === undefined ? {} : { default_payment_method: method }),
    },
  });
  store.emit('customer.updated', updated);
  return updated;
}

/** For good, and with it the payment methods that were saved for it. */
export function deleteCustomer(store: Store, customer: Stripe.Customer): object {
  for (const method of savedMethods(store, customer.id)) detach(store, method);
  store.deletedCustomers.put(customer.id, true);
  store.emit('customer.deleted', customer);
  return showDeleted(customer.id);
}

export const showDeleted = (id: string) => ({ id, object: 'customer', deleted: true });
