/** Ways of delivery, as staff sees them. Shoppers see what they come to for their cart. */
import type { DeliveryMethod } from '../../models/pricing.ts';
import { endpoint, reply } from '../endpoint.ts';
import * as schema from '../schemas/delivery-methods.ts';

export const listDeliveryMethods = endpoint({
  summary: 'Ways of delivery, also those that are switched off',
  answers: { 200: schema.deliveryMethodList },
  async handle({ mongo }) {
    const found = await mongo.models.deliveryMethods.find().sort({ _id: 1 }).lean();
    return reply(200, { deliveryMethods: found.map(view) });
  },
});

export const putDeliveryMethod = endpoint({
  summary: 'Create or change a way of delivery, or switch it off',
  params: schema.deliveryMethodParams,
  body: schema.deliveryMethodBody,
  answers: { 200: schema.deliveryMethod, 201: schema.deliveryMethod },
  async handle({ mongo }, { params, body }) {
    const before = await mongo.models.deliveryMethods
      .findOneAndReplace({ _id: params.id }, body, { upsert: true, returnDocument: 'before' })
      .lean();
    const deliveryMethod = { id: params.id, ...body };
    return before ? reply(200, deliveryMethod) : reply(201, deliveryMethod);
  },
});

function view({ _id: id, name, active, position, zones, volumetricDivisor, liveService, labels }: DeliveryMethod) {
  return { id, name, active, position, zones, volumetricDivisor, liveService, labels };
}
