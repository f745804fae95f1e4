/** The methods of payment that a customer has saved. Only a worker speaks with the provider, and we wait for it. */
import { ordersInNeedOf } from '../../activities/payments/wallet.ts';
import type { Customer } from '../../models/customer.ts';
import { newId } from '../../models/id.ts';
import { notFound } from '../auth.ts';
import { endpoint, reply } from '../endpoint.ts';
import { once } from '../idempotency.ts';
import { Problem } from '../problem.ts';
import * as schema from '../schemas/customers.ts';
import * as workflows from '../temporal.ts';
import { readCustomer } from './customers.ts';

const customerOf = ({ id }: { id: string }) => id;

export const listPaymentMethods = endpoint({
  summary: 'The saved methods of payment of a customer',
  params: schema.customerParams,
  answers: { 200: schema.wallet },
  customerOf,
  async handle({ mongo }, { params }) {
    return reply(200, view(await readCustomer(mongo, params.id)));
  },
});

export const addPaymentMethod = endpoint({
  summary: "Save a method of payment: the customer's browser does it with the client secret",
  params: schema.customerParams,
  idempotencyKey: 'required',
  answers: { 201: schema.methodSetup },
  customerOf,
  async handle({ mongo, temporal }, { params: { id: customerId }, idempotency }) {
    await readCustomer(mongo, customerId);
    // What is kept under the key holds no secret.
    const opened = await once(mongo, idempotency!, newId('set'), async (id) => {
      await workflows.askWallet(temporal, { step: 'openMethodSetup', customerId, about: id });
      return reply(201, { id });
    });
    const { id } = opened.body;
    const setup = await mongo.models.methodSetups.findById(id).lean().orFail();
    return reply(201, { id, clientSecret: setup!.clientSecret });
  },
});

export const setDefaultPaymentMethod = endpoint({
  summary: 'Choose which saved method of payment is the default one',
  params: schema.customerParams,
  body: schema.defaultBody,
  answers: { 200: schema.wallet },
  problems: ['unknown-payment-method'],
  customerOf,
  async handle({ mongo, temporal }, { params: { id: customerId }, body: { paymentMethod } }) {
    const unknown = () => new Problem('unknown-payment-method', `The customer has no saved method ${paymentMethod}`);
    if (!has(await readCustomer(mongo, customerId), paymentMethod)) throw unknown();
    await workflows.askWallet(temporal, { step: 'setDefaultMethod', customerId, about: paymentMethod });
    const customer = await readCustomer(mongo, customerId);
    // It went at the provider, and we had not heard of it.
    if (!has(customer, paymentMethod)) throw unknown();
    return reply(200, view(customer));
  },
});

export const removePaymentMethod = endpoint({
  summary: 'Remove a saved method of payment for good; the answer shows what is left',
  params: schema.paymentMethodParams,
  answers: { 200: schema.wallet },
  problems: ['payment-method-in-use'],
  customerOf,
  async handle({ mongo, temporal }, { params: { id: customerId, paymentMethodId } }) {
    if (!has(await readCustomer(mongo, customerId), paymentMethodId)) throw notFound();
    const orders = await ordersInNeedOf(mongo, customerId, paymentMethodId);
    if (orders.length > 0) {
      const detail = `Still to be charged by it, or with money held on it: ${orders.join(', ')}`;
      throw new Problem('payment-method-in-use', detail, { orders });
    }
    await workflows.askWallet(temporal, { step: 'removeMethod', customerId, about: paymentMethodId });
    return reply(200, view(await readCustomer(mongo, customerId)));
  },
});

function has({ paymentMethods = [] }: Customer, paymentMethod: string): boolean {
  return paymentMethods.some(({ id }) => id === paymentMethod);
}

function view({ _id: customerId, paymentMethods = [], defaultPaymentMethod }: Customer) {
  return {
    customerId,
    paymentMethods: paymentMethods.map((method) => ({ ...method, addedAt: method.addedAt.toISOString() })),
    ...(defaultPaymentMethod !== undefined && { defaultPaymentMethod }),
  };
}
