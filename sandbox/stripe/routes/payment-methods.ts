import { createToken, showToken } from '../confirmation-tokens.ts';
import { givenCustomer } from '../customers.ts';
import { page, paging } from '../lists.ts';
import { oneOf, required, text } from '../params.ts';
import { usePaymentMethod } from '../payment-methods.ts';
import { find, route } from '../route.ts';
import { attachByHand, detach, savedMethods } from '../saved-methods.ts';

export const paymentMethodRoutes = [
  route('GET payment_methods/:id', 'payment_methods.retrieve', 'payment_method', {}, (store, _, id) =>
    find(store.paymentMethods, 'PaymentMethod', id),
  ),
  route(
    'GET payment_methods',
    'payment_methods.list',
    'payment_method[]',
    { customer: required(text), type: text, ...paging },
    (store, params) => {
      const { type, customer } = params;
      const methods = savedMethods(store, givenCustomer(store, customer)!);
      const wanted = methods.filter((method) => type === undefined || method.type === type);
      return page(wanted, '/v1/payment_methods', params);
    },
  ),
  route(
    'POST payment_methods/:id/attach',
    'payment_methods.attach',
    'payment_method',
    { customer: required(text) },
    (store, { customer }, id) => attachByHand(store, usePaymentMethod(store, id), givenCustomer(store, customer)),
  ),
  route('POST payment_methods/:id/detach', 'payment_methods.detach', 'payment_method', {}, (store, _, id) =>
    detach(store, find(store.paymentMethods, 'PaymentMethod', id)),
  ),
  route('GET confirmation_tokens/:id', 'confirmation_tokens.retrieve', 'confirmation_token', {}, (store, _, id) =>
    showToken(find(store.confirmationTokens, 'confirmation_token', id)),
  ),
  // Stripe itself has this one for tests, where there is no browser.
  route(
    'POST test_helpers/confirmation_tokens',
    'test_helpers.confirmation_tokens.create',
    'confirmation_token',
    {
      payment_method: required(text),
      return_url: text,
      setup_future_usage: oneOf('off_session', 'on_session'),
    },
    (store, params) => createToken(store, params),
  ),
];
