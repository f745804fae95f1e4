/** Promotions, in the units of those who write them: percents here, parts per million within. */
import type { z } from 'zod';
import type { Promotion } from '../../models/pricing.ts';
import { isDuplicateKey, type Mongo } from '../../platform/mongo.ts';
import { isLimited } from '../../workflows/domain/promotions.ts';
import { notFound } from '../auth.ts';
import { endpoint, reply } from '../endpoint.ts';
import { page, readCursor } from '../paging.ts';
import { Problem } from '../problem.ts';
import { percentOf, ppmOf } from '../schemas/common.ts';
import * as schema from '../schemas/promotions.ts';

export const listPromotions = endpoint({
  summary: 'Promotions',
  query: schema.promotionQuery,
  answers: { 200: schema.promotionPage },
  async handle({ mongo }, { query }) {
    const after = readCursor(query.cursor, 1);
    const found = await mongo.models.promotions
      .find(after ? { _id: { $gt: after[0] } } : {})
      .sort({ _id: 1 })
      .limit(query.limit + 1)
      .lean<Promotion[]>();
    const { items, next } = page(found, query.limit, (last) => [last._id]);
    return reply(200, { promotions: await viewPromotions(mongo, items), next });
  },
});

export const getPromotion = endpoint({
  summary: 'One promotion',
  params: schema.promotionParams,
  answers: { 200: schema.promotion },
  async handle({ mongo }, { params }) {
    const promotion = await mongo.models.promotions.findById(params.id).lean<Promotion>();
    if (!promotion) throw notFound();
    return reply(200, (await viewPromotions(mongo, [promotion]))[0]!);
  },
});

export const putPromotion = endpoint({
  summary: 'Create or change a promotion, or switch it off',
  params: schema.promotionParams,
  body: schema.promotionBody,
  answers: { 200: schema.promotion, 201: schema.promotion },
  problems: ['code-taken'],
  async handle({ mongo }, { params: { id }, body }) {
    const stored = { ...body, discount: storedDiscount(body.discount) };
    const before = await mongo.models.promotions
      .findOneAndReplace({ _id: id }, stored, { upsert: true, returnDocument: 'before' })
      .lean()
      .catch((error) => {
        if (isDuplicateKey(error))
          throw new Problem('code-taken', `${body.code} is the code of another promotion already`);
        throw error;
      });
    const [promotion] = await viewPromotions(mongo, [{ _id: id, ...stored }]);
    return before ? reply(200, promotion!) : reply(201, promotion!);
  },
});

function storedDiscount(discount: z.output<typeof schema.promotionBody>['discount']): Promotion['discount'] {
  if (discount.kind === 'amount') return discount;
  const { percent, ...rest } = discount;
  return { ...rest, ppm: ppmOf(percent) };
}

function viewDiscount(discount: Promotion['discount']) {
  if (discount.kind === 'amount') return discount;
  const { ppm, ...rest } = discount;
  return { ...rest, percent: percentOf(ppm) };
}

async function viewPromotions({ models }: Mongo, promotions: readonly Promotion[]) {
  const limited = promotions.filter(isLimited).map(({ _id }) => _id);
  const counts = await models.promotionCounts.find({ _id: { $in: limited } }).lean();
  const used = new Map(counts.map((count) => [count._id, count.used]));
  return promotions.map((promotion) => ({
    ...viewPromotion(promotion),
    ...(limited.includes(promotion._id) && { used: used.get(promotion._id) ?? 0 }),
  }));
}

function viewPromotion({ _id: id, discount, ...promotion }: Promotion) {
  const { name, active, code, on, minimumSpend, validFrom, validUntil } = promotion;
  const { oncePerCustomer, totalLimit, priority, stacking, group } = promotion;
  const what = { name, active, code, on, discount: viewDiscount(discount), minimumSpend, validFrom, validUntil };
  return { id, ...what, oncePerCustomer, totalLimit, priority, stacking, group };
}
