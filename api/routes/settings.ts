/** What is set once for the whole store. */
import type { z } from 'zod';
import {
  defaultFulfilment,
  defaultOrders,
  defaultPayments,
  defaultReturns,
  defaultSettings,
  type ReturnRules,
  type StoreSettings,
} from '../../models/store.ts';
import { endpoint, reply } from '../endpoint.ts';
import { percentOf, ppmOf } from '../schemas/common.ts';
import * as schema from '../schemas/settings.ts';

export const getSettings = endpoint({
  summary: 'Who sells, how taxes are worked out, how money is taken, and what mails say of the store',
  answers: { 200: schema.settings },
  async handle({ mongo }) {
    const stored = await mongo.models.settings.findById('store').lean<StoreSettings>();
    const { seller, taxes, payments, fulfilment, orders, returns, claims, refundPolicy, mail } =
      stored ?? defaultSettings;
    return reply(200, {
      ...{ seller, taxes, refundPolicy, mail, payments: { ...defaultPayments, ...payments } },
      fulfilment: { ...defaultFulfilment, ...fulfilment },
      orders: { ...defaultOrders, ...orders },
      claims,
      returns: viewReturns({ ...defaultReturns, ...returns }),
    });
  },
});

export const putSettings = endpoint({
  summary: 'Say who sells, how taxes are worked out, how money is taken, and what mails say of the store',
  body: schema.settings,
  answers: { 200: schema.settings },
  async handle({ mongo }, { body }) {
    const { returns, ...rest } = body;
    const settings = { ...rest, ...(returns && { returns: readReturns(returns) }) };
    await mongo.models.settings.findOneAndReplace({ _id: 'store' }, settings, { upsert: true });
    return reply(200, body);
  },
});

type Returns = NonNullable<z.output<typeof schema.settings>['returns']>;

/** Percents for those who write them, parts per million within. */
function viewReturns({ policies }: ReturnRules): Returns {
  const views = Object.entries(policies).map(([returnClass, { restockingPpm, labelFee, ...policy }]) => [
    returnClass,
    {
      ...policy,
      ...(labelFee && { labelFee: { ...labelFee } }),
      ...(restockingPpm !== undefined && { restockingPercent: percentOf(restockingPpm) }),
    },
  ]);
  return { policies: Object.fromEntries(views) };
}

function readReturns({ policies }: Returns): ReturnRules {
  const rules = Object.entries(policies).map(([returnClass, { restockingPercent, ...policy }]) => [
    returnClass,
    { ...policy, ...(restockingPercent !== undefined && { restockingPpm: ppmOf(restockingPercent) }) },
  ]);
  return { policies: Object.fromEntries(rules) };
}
