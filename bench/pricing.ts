/** How fast prices are worked out, and told. */
import type { Figures } from './load.ts';
import { pricingHttp } from './pricing-http.ts';
import { pricingPure } from './pricing-pure.ts';

export async function pricing(): Promise<Figures> {
  const pure = pricingPure();
  const http = await pricingHttp();
  return { ...pure, ...http, ratios: { ...pure.ratios, ...http.ratios } };
}
