import {
  defaultFulfilment,
  defaultPayments,
  defaultSettings,
  type FulfilmentRules,
  type PaymentRules,
  type StoreSettings,
} from '../models/store.ts';
import type { Mongo } from '../platform/mongo.ts';
import { remembered } from '../platform/remember.ts';

/** As of a second ago at the most. MongoDB keeps no empty object: what is not there is as by default. */
export const paymentRules = remembered(1_000, async ({ models }: Mongo): Promise<PaymentRules> => {
  const settings = await models.settings.findById('store').lean<StoreSettings>();
  return { ...defaultPayments, ...settings?.payments };
});

export const fulfilmentRules = remembered(1_000, async ({ models }: Mongo): Promise<FulfilmentRules> => {
  const settings = await models.settings.findById('store').lean<StoreSettings>();
  return { ...defaultFulfilment, ...settings?.fulfilment };
});

/** As of a second ago at the most. */
export const storeSettings = remembered(1_000, async ({ models }: Mongo): Promise<StoreSettings> => {
  return (await models.settings.findById('store').lean<StoreSettings>()) ?? defaultSettings;
});
