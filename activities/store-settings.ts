import {
  defaultFulfilment,
  defaultOrders,
  defaultPayments,
  defaultReturns,
  defaultSettings,
  type FulfilmentRules,
  type OrderRules,
  type PaymentRules,
  type ReturnRules,
  type StoreSettings,
} from '../models/store.ts';
import type { Mongo } from '../platform/mongo.ts';
import { remembered } from '../platform/remember.ts';

/** As of a second ago at the most. */
export const storeSettings = remembered(1_000, async ({ models }: Mongo): Promise<StoreSettings> => {
  return (await models.settings.findById('store').lean<StoreSettings>()) ?? defaultSettings;
});

// MongoDB keeps no empty object: what is not there is as by default.

export async function paymentRules(mongo: Mongo): Promise<PaymentRules> {
  return { ...defaultPayments, ...(await storeSettings(mongo)).payments };
}

export async function fulfilmentRules(mongo: Mongo): Promise<FulfilmentRules> {
  return { ...defaultFulfilment, ...(await storeSettings(mongo)).fulfilment };
}

export async function orderRules(mongo: Mongo): Promise<OrderRules> {
  return { ...defaultOrders, ...(await storeSettings(mongo)).orders };
}

export async function returnRules(mongo: Mongo): Promise<ReturnRules> {
  return { ...defaultReturns, ...(await storeSettings(mongo)).returns };
}
