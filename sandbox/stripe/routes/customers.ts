import { createCustomer } from '../customers.ts';
import { metadata, text } from '../params.ts';
import { readable, route } from '../route.ts';

export const customerRoutes = [
  ...readable('customer', (store) => store.customers, ['email']),
  route('POST customers', 'customers.create', 'customer', { email: text, metadata, name: text }, createCustomer),
];
