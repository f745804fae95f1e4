import { cancelIntent } from '../cancel-intent.ts';
import { captureIntent } from '../capture-intent.ts';
import { confirmIntent } from '../confirm-intent.ts';
import { intentOf } from '../intent-state.ts';
import { createIntent } from '../intents.ts';
import { metadataQuery, paging, searched } from '../lists.ts';
import { bool, integer, map, metadata, object, oneOf, type Reader, required, text, textList } from '../params.ts';
import { paymentMethodOptions } from '../payment-method-options.ts';
import { automaticPaymentMethods, noLongerSupported, readable, route, seenWith } from '../route.ts';
import type { Intent } from '../store.ts';

const positive = integer({ min: 1 });

const offSession: Reader<boolean> = (value, param) =>
  value === 'one_off' || value === 'recurring' ? true : bool(value, param);

const mandateData = object({
  customer_acceptance: required(
    object({
      type: required(oneOf('offline', 'online')),
      accepted_at: positive,
      offline: map,
      online: object({ ip_address: required(text), user_agent: required(text) }),
    }),
  ),
});

const shipping: Reader<NonNullable<Intent['shipping']>> = (value, param) =>
  map(value, param) as NonNullable<Intent['shipping']>;

export const paymentIntentRoutes = [
  ...readable('payment_intent', (store) => store.intents, ['customer']),
  route(
    'POST payment_intents',
    'payment_intents.create',
    'payment_intent',
    {
      amount: required(positive),
      currency: required(text),
      allowed_payment_method_types: textList,
      automatic_payment_methods: automaticPaymentMethods,
      capture_method: oneOf('automatic', 'automatic_async', 'manual'),
      confirm: bool,
      confirmation_token: text,
      customer: text,
      description: text,
      mandate_data: mandateData,
      metadata,
      off_session: offSession,
      payment_method: text,
      payment_method_options: paymentMethodOptions,
      payment_method_types: noLongerSupported,
      receipt_email: text,
      return_url: text,
      setup_future_usage: oneOf('off_session', 'on_session'),
      shipping,
      statement_descriptor: text,
      statement_descriptor_suffix: text,
      use_stripe_sdk: bool,
    },
    (store, params) => createIntent(store, params),
  ),
  route(
    'GET payment_intents/:id',
    'payment_intents.retrieve',
    'payment_intent',
    { client_secret: text },
    (store, { client_secret }, id) => seenWith(client_secret, intentOf(store, id)),
  ),
  route(
    'GET payment_intents/search',
    'payment_intents.search',
    'payment_intent[]',
    { query: required(metadataQuery), limit: paging.limit, page: integer({ min: 0 }) },
    (store, params) => searched([...store.intents.values()], '/v1/payment_intents/search', params),
  ),
  route(
    'POST payment_intents/:id/confirm',
    'payment_intents.confirm',
    'payment_intent',
    {
      confirmation_token: text,
      mandate_data: mandateData,
      off_session: offSession,
      payment_method: text,
      payment_method_options: paymentMethodOptions,
      payment_method_types: noLongerSupported,
      return_url: text,
      setup_future_usage: oneOf('off_session', 'on_session'),
      use_stripe_sdk: bool,
    },
    (store, params, id) => confirmIntent(store, intentOf(store, id), params),
  ),
  route(
    'POST payment_intents/:id/capture',
    'payment_intents.capture',
    'payment_intent',
    { amount_to_capture: integer({ min: 0 }), final_capture: bool, metadata },
    (store, params, id) => captureIntent(store, intentOf(store, id), params),
  ),
  route(
    'POST payment_intents/:id/cancel',
    'payment_intents.cancel',
    'payment_intent',
    { cancellation_reason: oneOf('abandoned', 'duplicate', 'fraudulent', 'requested_by_customer') },
    (store, params, id) => cancelIntent(store, intentOf(store, id), params.cancellation_reason ?? null),
  ),
];
