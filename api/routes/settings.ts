/** What is set once for the whole store. */
import { defaultSettings, type StoreSettings } from '../../models/store.ts';
import { endpoint, reply } from '../endpoint.ts';
import * as schema from '../schemas/settings.ts';

export const getSettings = endpoint({
  summary: 'Who sells, and how taxes are worked out',
  answers: { 200: schema.settings },
  async handle({ mongo }) {
    const { seller, taxes } = (await mongo.models.settings.findById('store').lean<StoreSettings>()) ?? defaultSettings;
    return reply(200, { seller, taxes });
  },
});

export const putSettings = endpoint({
  summary: 'Say who sells, and how taxes are worked out',
  body: schema.settings,
  answers: { 200: schema.settings },
  async handle({ mongo }, { body }) {
    await mongo.models.settings.findOneAndReplace({ _id: 'store' }, body, { upsert: true });
    return reply(200, body);
  },
});
