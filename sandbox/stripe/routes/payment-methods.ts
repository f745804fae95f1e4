import { attachByHand, givenCustomer } from '../customers.ts';
import { required, text } from '../params.ts';
import { usePaymentMethod } from '../payment-methods.ts';
import { find, route } from '../route.ts';

export const paymentMethodRoutes = [
  route('GET payment_methods/:id', 'payment_methods.retrieve', 'payment_method', {}, (store, _, id) =>
    find(store.paymentMethods, 'PaymentMethod', id),
  ),
  route(
    'POST payment_methods/:id/attach',
    'payment_methods.attach',
    'payment_method',
    { customer: required(text) },
    (store, { customer }, id) => attachByHand(store, usePaymentMethod(store, id), givenCustomer(store, customer)),
  ),
];
