import { checkAmount } from './amounts.ts';
import { confirmIntent, type PaymentConfirmation, refuseUnlessConfirmable } from './confirm-intent.ts';
import { type AutomaticPaymentMethods, offeredMethods, refuseForeignMethod } from './confirmation.ts';
import { refuseTokenWithoutConfirm, withToken } from './confirmation-tokens.ts';
import { givenCustomer } from './customers.ts';
import { mergeOptions, refuseUnofferedMethod } from './payment-method-options.ts';
import { usePaymentMethod } from './payment-methods.ts';
import { type Intent, newId, type Store } from './store.ts';

export interface NewIntent extends PaymentConfirmation {
  amount: number;
  currency: string;
  capture_method?: Intent['capture_method'];
  allowed_payment_method_types?: string[];
  automatic_payment_methods?: AutomaticPaymentMethods;
  customer?: string;
  description?: string;
  metadata?: Record<string, string>;
  receipt_email?: string;
  shipping?: Intent['shipping'];
  statement_descriptor?: string;
  statement_descriptor_suffix?: string;
  confirm?: boolean;
}

export function createIntent(store: Store, request: NewIntent): Intent {
  refuseTokenWithoutConfirm(request);
  const given = withToken(store, request);
  const currency = checkAmount(given.amount, given.currency);
  const offered = offeredMethods(given);
  const customer = givenCustomer(store, given.customer);
  const method = given.payment_method === undefined ? null : usePaymentMethod(store, given.payment_method);
  if (method) refuseForeignMethod({ object: 'payment_intent', customer }, method, {});
  const id = newId('pi');
  const intent: Intent = {
    id,
    object: 'payment_intent',
    ...offered,
    amount: given.amount,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: given.capture_method ?? 'automatic_async',
    client_secret: newId(`${id}_secret`),
    confirmation_method: 'automatic',
    created: store.now(),
    currency,
    customer,
    customer_account: null,
    description: given.description ?? null,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    managed_payments: null,
    metadata: given.metadata ?? {},
    next_action: null,
    on_behalf_of: null,
    payment_method: method?.id ?? null,
    payment_method_configuration_details: null,
    payment_method_options: mergeOptions(null, given.payment_method_options),
    payment_method_types: ['card'],
    payment_record: null,
    processing: null,
    receipt_email: given.receipt_email ?? null,
    review: null,
    setup_future_usage: given.setup_future_usage ?? null,
    shipping: given.shipping ?? null,
    source: null,
    statement_descriptor: given.statement_descriptor ?? null,
    statement_descriptor_suffix: given.statement_descriptor_suffix ?? null,
    status: method ? 'requires_confirmation' : 'requires_payment_method',
    transfer_group: null,
  };
  if (method) refuseUnofferedMethod(intent, method.type, undefined);
  if (!given.confirm) return store.intents.put(id, intent);
  // Naming a test method a second time would make another of it.
  const confirmation = { ...given, payment_method: method?.id };
  refuseUnlessConfirmable(store, intent, confirmation);
  return confirmIntent(store, store.intents.put(id, intent), confirmation);
}
