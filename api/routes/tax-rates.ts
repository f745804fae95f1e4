/** The table of tax rates: at any time a place has one rate of a name for each class. */
import type { TaxRate } from '../../models/pricing.ts';
import { inTransaction } from '../../platform/mongo.ts';
import { overlap } from '../../workflows/domain/taxes.ts';
import { notFound } from '../auth.ts';
import { endpoint, reply } from '../endpoint.ts';
import { page, readCursor } from '../paging.ts';
import { Problem } from '../problem.ts';
import { percentOf, ppmOf } from '../schemas/common.ts';
import * as schema from '../schemas/tax-rates.ts';

export const listTaxRates = endpoint({
  summary: 'Tax rates',
  query: schema.taxRateQuery,
  answers: { 200: schema.taxRatePage },
  async handle({ mongo }, { query }) {
    const after = readCursor(query.cursor, 1);
    const found = await mongo.models.taxRates
      .find(after ? { _id: { $gt: after[0] } } : {})
      .sort({ _id: 1 })
      .limit(query.limit + 1)
      .lean<TaxRate[]>();
    const { items, next } = page(found, query.limit, (last) => [last._id]);
    return reply(200, { taxRates: items.map(view), next });
  },
});

export const putTaxRate = endpoint({
  summary: 'Create or change a tax rate',
  params: schema.taxRateParams,
  body: schema.taxRateBody,
  answers: { 200: schema.taxRate, 201: schema.taxRate },
  problems: ['rates-overlap'],
  async handle({ mongo }, { params: { id }, body: { percent, ...body } }) {
    const rate = { ...body, ppm: ppmOf(percent) };
    const { name, country, region, taxClass } = rate;
    const { taxRates, taxTables } = mongo.models;
    const before = await inTransaction(mongo, async (session) => {
      // Of two that are written at once one is tried again, and finds the other.
      await taxTables.updateOne({ _id: country }, { $inc: { changes: 1 } }, { session, upsert: true });
      const others = await taxRates
        .find({ _id: { $ne: id }, name, country, region: region ?? null, taxClass }, null, { session })
        .lean<TaxRate[]>();
      const other = others.find((each) => overlap(each, rate));
      if (other) {
        const place = region === undefined ? country : `${region}, ${country}`;
        const detail = `${other._id} is the ${name} of ${place} for the class ${taxClass} at that time already`;
        throw new Problem('rates-overlap', detail);
      }
      return taxRates
        .findOneAndReplace({ _id: id }, rate, { session, upsert: true, returnDocument: 'before' })
        .lean<TaxRate>();
    });
    const taxRate = view({ _id: id, ...rate });
    return before ? reply(200, taxRate) : reply(201, taxRate);
  },
});

export const deleteTaxRate = endpoint({
  summary: 'Remove a tax rate; the answer shows what it was',
  params: schema.taxRateParams,
  answers: { 200: schema.taxRate },
  async handle({ mongo }, { params }) {
    const removed = await mongo.models.taxRates.findByIdAndDelete(params.id).lean<TaxRate>();
    if (!removed) throw notFound();
    return reply(200, view(removed));
  },
});

function view({ _id: id, ppm, ...rate }: TaxRate) {
  const { name, country, region, taxClass, onShipping, validFrom, validUntil } = rate;
  return { id, name, country, region, taxClass, percent: percentOf(ppm), onShipping, validFrom, validUntil };
}
