import { z } from 'zod';
import { standardClass } from '../../workflows/domain/taxes.ts';
import { country, isSpan, next, noSpan, pageQuery, percent, ruleId, slug, text, validity } from './common.ts';

export const taxRateParams = z.strictObject({ id: ruleId });
export const taxRateQuery = z.strictObject(pageQuery);

const taxRateFields = z.strictObject({
  name: text(50).meta({ description: 'As it stands on the invoice', example: 'VAT' }),
  country,
  region: text(100).optional().meta({
    description: 'As it stands in addresses. Of two rates with one name that of the region counts; others add up',
    example: 'NY',
  }),
  taxClass: slug.default(standardClass).meta({ example: 'reduced' }),
  percent,
  onShipping: z.boolean().default(true).meta({ description: 'Whether it is levied on shipping as well' }),
  ...validity,
});

export const taxRateBody = taxRateFields.refine(isSpan, noSpan);
export const taxRate = taxRateFields.extend({ id: z.string() }).meta({ id: 'TaxRate' });
export const taxRatePage = z.strictObject({ taxRates: z.array(taxRate), next });
