/** What the small shop charges beside its prices: taxes, deliveries, and promotions. */
import type { ShopClient } from './client.ts';

const seller = {
  name: 'Waybill Goods Ltd',
  address: { name: 'Waybill Goods Ltd', line1: 'Havenkade 3', city: 'Venlo', postalCode: '5928', country: 'NL' },
  taxIds: [{ name: 'VAT ID', value: 'NL001234567B01' }],
  email: 'books@waybill.example',
  timeZone: 'Europe/Amsterdam',
  footer: 'Registered in Venlo, 12345678. A shop of the sandbox: nothing here is for sale.',
};

/** Euros have the tax in them, dollars have not; in New York the delivery is taxed, in California it is not. */
const rates: Record<string, object> = {
  'vat-de': { name: 'VAT', country: 'DE', percent: 19 },
  'vat-nl': { name: 'VAT', country: 'NL', percent: 21 },
  'ny-state': { name: 'New York state tax', country: 'US', region: 'NY', percent: 4 },
  'ny-city': { name: 'New York city tax', country: 'US', region: 'NY', percent: 4.875 },
  ca: { name: 'California sales tax', country: 'US', region: 'CA', percent: 7.25, onShipping: false },
};

const deliveries: Record<string, object> = {
  standard: {
    name: 'Standard delivery',
    active: true,
    position: 1,
    zones: [
      {
        countries: ['US'],
        prices: { USD: [{ price: 590, upToGrams: 5_000 }, { price: 1_290 }] },
        freeFrom: { USD: 15_000 },
        minDays: 2,
        maxDays: 5,
      },
      { countries: ['DE', 'NL'], prices: { EUR: [{ price: 490 }] }, freeFrom: { EUR: 10_000 }, minDays: 1, maxDays: 3 },
    ],
  },
  express: {
    name: 'Express',
    active: true,
    position: 2,
    zones: [{ countries: ['*'], prices: { USD: [{ price: 2_490 }], EUR: [{ price: 1_990 }] }, minDays: 1, maxDays: 1 }],
    volumetricDivisor: 5_000,
  },
};

const promotions: Record<string, object> = {
  'filters-2-1': {
    name: 'Three packs of filters for the price of two',
    active: true,
    on: { what: 'products', skus: ['FILTER-100'] },
    discount: { kind: 'buy_get', buy: 2, get: 1, percent: 100 },
  },
  'last-one': {
    name: 'The first one saves a quarter',
    active: true,
    code: 'FIRST25',
    on: { what: 'order' },
    discount: { kind: 'percent', percent: 25 },
    totalLimit: 1,
  },
};

export async function setPrices(shop: ShopClient): Promise<void> {
  await shop.putSettings({ seller, taxes: { inclusiveIn: ['EUR'], rounding: 'total', source: 'table' } });
  for (const [id, rate] of Object.entries(rates)) await shop.putTaxRate(id, rate);
  for (const [id, delivery] of Object.entries(deliveries)) await shop.putDeliveryMethod(id, delivery);
  for (const [id, promotion] of Object.entries(promotions)) await shop.putPromotion(id, promotion);
}
