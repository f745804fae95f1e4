/** How fast prices are worked out. */
import type { Figures } from './load.ts';
import { pricingPure } from './pricing-pure.ts';

export async function pricing(): Promise<Figures> {
  return pricingPure();
}
