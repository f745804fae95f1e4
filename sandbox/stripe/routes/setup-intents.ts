import { bool, metadata, oneOf, text, textList } from '../params.ts';
import { automaticPaymentMethods, noLongerSupported, readable, route, seenWith } from '../route.ts';
import { cancelSetupIntent, confirmSetupIntent, createSetupIntent, setupIntentOf } from '../setup-intents.ts';

export const setupIntentRoutes = [
  ...readable('setup_intent', (store) => store.setupIntents, ['customer', 'payment_method']),
  route(
    'POST setup_intents',
    'setup_intents.create',
    'setup_intent',
    {
      allowed_payment_method_types: textList,
      automatic_payment_methods: automaticPaymentMethods,
      confirm: bool,
      confirmation_token: text,
      customer: text,
      metadata,
      payment_method: text,
      payment_method_types: noLongerSupported,
      return_url: text,
      usage: oneOf('off_session', 'on_session'),
      use_stripe_sdk: bool,
    },
    createSetupIntent,
  ),
  route(
    'GET setup_intents/:id',
    'setup_intents.retrieve',
    'setup_intent',
    { client_secret: text },
    (store, { client_secret }, id) => seenWith(client_secret, setupIntentOf(store, id)),
  ),
  route(
    'POST setup_intents/:id/confirm',
    'setup_intents.confirm',
    'setup_intent',
    {
      confirmation_token: text,
      payment_method: text,
      payment_method_types: noLongerSupported,
      return_url: text,
      use_stripe_sdk: bool,
    },
    (store, params, id) => confirmSetupIntent(store, setupIntentOf(store, id), params),
  ),
  route(
    'POST setup_intents/:id/cancel',
    'setup_intents.cancel',
    'setup_intent',
    { cancellation_reason: oneOf('abandoned', 'duplicate', 'requested_by_customer') },
    (store, params, id) => cancelSetupIntent(store, setupIntentOf(store, id), params.cancellation_reason ?? null),
  ),
];
