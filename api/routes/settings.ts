/** What is set once for the whole store. */
import {
  defaultFulfilment,
  defaultOrders,
  defaultPayments,
  defaultSettings,
  type StoreSettings,
} from '../../models/store.ts';
import { endpoint, reply } from '../endpoint.ts';
import * as schema from '../schemas/settings.ts';

export const getSettings = endpoint({
  summary: 'Who sells, how taxes are worked out, how money is taken, and what mails say of the store',
  answers: { 200: schema.settings },
  async handle({ mongo }) {
    const stored = await mongo.models.settings.findById('store').lean<StoreSettings>();
    const { seller, taxes, payments, fulfilment, orders, claims, refundPolicy, mail } = stored ?? defaultSettings;
    return reply(200, {
      ...{ seller, taxes, refundPolicy, mail, payments: { ...defaultPayments, ...payments } },
      fulfilment: { ...defaultFulfilment, ...fulfilment },
      orders: { ...defaultOrders, ...orders },
      claims,
    });
  },
});

export const putSettings = endpoint({
  summary: 'Say who sells, how taxes are worked out, how money is taken, and what mails say of the store',
  body: schema.settings,
  answers: { 200: schema.settings },
  async handle({ mongo }, { body }) {
    await mongo.models.settings.findOneAndReplace({ _id: 'store' }, body, { upsert: true });
    return reply(200, body);
  },
});
