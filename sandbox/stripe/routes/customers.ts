import { allCustomers, createCustomer, customerOf, deleteCustomer, showDeleted, updateCustomer } from '../customers.ts';
import { createdFilter, metadataQuery, page, paging, searched } from '../lists.ts';
import { integer, metadata, object, required, text, textOrUnset } from '../params.ts';
import { route } from '../route.ts';
import { savedMethods } from '../saved-methods.ts';

export const customerRoutes = [
  route('POST customers', 'customers.create', 'customer', { email: text, metadata, name: text }, createCustomer),
  route('GET customers/:id', 'customers.retrieve', 'customer', {}, (store, _, id) =>
    store.deletedCustomers.get(id) ? showDeleted(id) : customerOf(store, id),
  ),
  route(
    'GET customers',
    'customers.list',
    'customer[]',
    { email: text, created: createdFilter, ...paging },
    (store, params) => {
      const { email, created } = params;
      const matches = allCustomers(store).filter(
        (customer) => (email === undefined || customer.email === email) && (created?.(customer.created) ?? true),
      );
      return page(matches, '/v1/customers', params);
    },
  ),
  route(
    'GET customers/search',
    'customers.search',
    'customer[]',
    { query: required(metadataQuery), limit: paging.limit, page: integer({ min: 0 }) },
    (store, params) => searched(allCustomers(store), '/v1/customers/search', params),
  ),
  route(
    'POST customers/:id',
    'customers.update',
    'customer',
    {
      email: textOrUnset,
      invoice_settings: object({ default_payment_method: textOrUnset }),
      metadata,
      name: textOrUnset,
    },
    (store, params, id) => updateCustomer(store, customerOf(store, id), params),
  ),
  route('DELETE customers/:id', 'customers.delete', 'customer', {}, (store, _, id) =>
    deleteCustomer(store, customerOf(store, id)),
  ),
  route(
    'GET customers/:id/payment_methods',
    'customers.list_payment_methods',
    'payment_method[]',
    { type: text, ...paging },
    (store, params, id) => {
      const { type } = params;
      const methods = savedMethods(store, customerOf(store, id).id);
      const wanted = methods.filter((method) => type === undefined || method.type === type);
      return page(wanted, `/v1/customers/${id}/payment_methods`, params);
    },
  ),
];
