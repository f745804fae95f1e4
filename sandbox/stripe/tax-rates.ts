import type { Stripe } from 'stripe';

/** One authority that taxes. Percentages by what is sold; null: not taxed here. */
export interface Authority {
  jurisdiction: Stripe.Tax.CalculationLineItem.TaxBreakdown.Jurisdiction;
  tax: { display_name: string; tax_type: 'vat' | 'sales_tax' };
  goods: number;
  food: number | null;
  shipping: number | null;
}

const vat = (country: string, display_name: string, goods: number, food: number): Authority => ({
  jurisdiction: { country, display_name, level: 'country', state: null },
  tax: { display_name: 'VAT', tax_type: 'vat' },
  goods,
  food,
  shipping: goods,
});

const salesTax = (
  level: 'state' | 'city',
  state: string,
  display_name: string,
  goods: number,
  shipping: number | null,
): Authority => ({
  jurisdiction: { country: 'US', display_name, level, state },
  tax: { display_name: 'Sales Tax', tax_type: 'sales_tax' },
  goods,
  food: null,
  shipping,
});

/** Where the account is registered. Everywhere else it collects nothing. */
const COUNTRIES: Record<string, Authority[]> = {
  DE: [vat('DE', 'Germany', 19, 7)],
  FR: [vat('FR', 'France', 20, 5.5)],
  GB: [vat('GB', 'United Kingdom', 20, 0)],
};
const STATES: Record<string, { postalCodes: RegExp; authorities: Authority[] }> = {
  NY: {
    postalCodes: /^1[0-4]/,
    authorities: [salesTax('state', 'NY', 'New York', 4, 4), salesTax('city', 'NY', 'New York City', 4.875, 4.875)],
  },
  CA: { postalCodes: /^9[0-6]/, authorities: [salesTax('state', 'CA', 'California', 7.25, null)] },
  TX: { postalCodes: /^7[5-9]/, authorities: [salesTax('state', 'TX', 'Texas', 6.25, 6.25)] },
  WA: { postalCodes: /^9(8|9[0-4])/, authorities: [salesTax('state', 'WA', 'Washington', 6.5, 6.5)] },
};

export function authoritiesOf(address: { country: string; state?: string; postal_code?: string }): Authority[] {
  const { country, state, postal_code = '' } = address;
  if (country !== 'US') return COUNTRIES[country] ?? [];
  const found = state ? STATES[state] : Object.values(STATES).find(({ postalCodes }) => postalCodes.test(postal_code));
  return found?.authorities ?? [];
}

/** Food for home consumption and whatever else begins like it, and what nobody taxes. */
export const isFood = (taxCode: string): boolean => taxCode.startsWith('txcd_4006');
export const NONTAXABLE = 'txcd_00000000';
export const GOODS = 'txcd_99999999';
export const SHIPPING = 'txcd_92010001';
