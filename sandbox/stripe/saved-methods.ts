/** Payment methods that belong to a customer. */
import { invalidRequest, StripeFailure } from './errors.ts';
import { futureUsageOf } from './payment-method-options.ts';
import { declineWhenSaved } from './payment-methods.ts';
import type { Intent, PaymentMethod, Store } from './store.ts';

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

/** Keeps the method of an authorized payment for its customer, where that was asked for. One of nobody has had its use. */
export function keepOrUseUp(store: Store, intent: Intent): void {
  const method = store.paymentMethods.get(intent.payment_method ?? '');
  if (!method) return;
  const usage = futureUsageOf(intent, method.type);
  const kept = usage ? attach(store, method, intent.customer) : method;
  if (kept.customer === null) store.usedUp.put(method.id, true);
  else if (usage === 'off_session') store.setUp.put(method.id, true);
}

export const savedMethods = (store: Store, customer: string): PaymentMethod[] =>
  [...store.paymentMethods.values()].filter((method) => method.customer === customer);

/** Takes the method from its customer. Nobody can use it any more. */
export function detach(store: Store, method: PaymentMethod): PaymentMethod {
  const customer = store.customers.get(method.customer ?? '');
  if (!customer) {
    throw invalidRequest('The payment method you provided is not attached to a customer so detachment is impossible.', {
      param: 'payment_method',
    });
  }
  if (customer.invoice_settings.default_payment_method === method.id) {
    const invoice_settings = { ...customer.invoice_settings, default_payment_method: null };
    store.emit('customer.updated', store.customers.put(customer.id, { ...customer, invoice_settings }));
  }
  store.usedUp.put(method.id, true);
  const detached = store.paymentMethods.put(method.id, { ...method, customer: null });
  store.emit('payment_method.detached', detached);
  return detached;
}
