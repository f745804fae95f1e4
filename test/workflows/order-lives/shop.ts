/** The shop in which the orders live: what it sells, to whom, and on which terms. Prices leave odd cents behind. */
import { bookCredit } from '../../../activities/payments/credit.ts';
import { newId } from '../../../models/id.ts';
import { defaultFulfilment, defaultPayments, defaultSettings } from '../../../models/store.ts';
import { defaultReturnPolicy } from '../../../workflows/domain/return-policy.ts';
import type { World } from '../../support/world.ts';

export interface Item {
  sku: string;
  quantity: number;
}

export interface Shelf {
  /** Minor units. */
  prices: Map<string, number>;
  /** The parts of what has no stock of its own. */
  bundles: Map<string, string[]>;
  backorderable: string;
}

export const warehouses = ['wh_east', 'wh_west', 'wh_south'];
export const restockingPpm = 100_000;
export const labelFee = 700;
const promotionPpm = 100_000;

const buyer = { name: 'Buyer', line1: 'Street 1' };
/** Each with its own taxes and its own price of delivery. */
export const addresses = [
  { ...buyer, city: 'Town', region: 'NY', postalCode: '10001', country: 'US' },
  { ...buyer, city: 'Los Angeles', region: 'CA', postalCode: '90001', country: 'US' },
  { ...buyer, city: 'Berlin', postalCode: '10115', country: 'DE' },
] as const;
export type Address = (typeof addresses)[number];

const terms = [
  { taxPpm: 0, onShipping: false, shipping: 0 },
  { taxPpm: 88_750, onShipping: false, shipping: 499 },
  { taxPpm: 190_000, onShipping: true, shipping: 1_299 },
];

export function shippingTo(to: Address): number {
  return terms[addresses.indexOf(to)]!.shipping;
}

/** Minor units: what a customer has to be told that it costs, worked out from the price list. */
export function priceOf(
  items: readonly Item[],
  to: Address,
  hasCode: boolean,
  shelf: Shelf,
  isSentFree = false,
): number {
  const { prices } = shelf;
  const { taxPpm, onShipping, shipping: charge } = terms[addresses.indexOf(to)]!;
  const shipping = isSentFree ? 0 : charge;
  const goods = items.reduce((sum, { sku, quantity }) => sum + prices.get(sku)! * quantity, 0);
  const net = goods - (hasCode ? parts(goods, promotionPpm) : 0);
  return net + shipping + parts(net + (onShipping ? shipping : 0), taxPpm);
}

/** Parts per million, half a minor unit rounded up. */
export function parts(amount: number, ppm: number): number {
  return Math.floor((2 * amount * ppm + 1_000_000) / 2_000_000);
}

/** Once, for all lives: what prices depend on. */
export async function furnish({ mongo: { models } }: World): Promise<void> {
  await models.taxRates.create([
    { _id: 'ca', name: 'Sales tax', country: 'US', region: 'CA', taxClass: 'standard', ppm: 88_750, onShipping: false },
    { _id: 'de', name: 'VAT', country: 'DE', taxClass: 'standard', ppm: 190_000, onShipping: true },
  ]);
  const zones = addresses.map((to, index) => ({
    countries: [to.country],
    ...('region' in to && { regions: [to.region] }),
    prices: { USD: [{ price: terms[index]!.shipping }] },
    ...{ minDays: 1, maxDays: 3 },
  }));
  await models.deliveryMethods.create([{ _id: 'post', name: 'Post', active: true, position: 1, zones }]);
  const percent = { kind: 'percent' as const, ppm: promotionPpm };
  await models.promotions.create([
    {
      ...{ _id: 'ten', name: 'Ten percent', active: true, code: 'TEN', on: { what: 'order' as const } },
      ...{ discount: percent, priority: 1, stacking: 'with_others' as const },
    },
  ]);
}

/** For one life. Workers remember the settings for a second. */
export async function setRules({ mongo: { models } }: World, chance: number): Promise<void> {
  const shortPick = (['cancel', 'backorder', 'ask'] as const)[chance % 3]!;
  const policies = {
    standard: defaultReturnPolicy,
    fees: { ...defaultReturnPolicy, restockingPpm, returnShipping: 'customer' as const, labelFee: { USD: labelFee } },
    at_once: { ...defaultReturnPolicy, exchange: 'at_once' as const },
    asked: {
      ...defaultReturnPolicy,
      ...{ approval: 'person' as const, refundShipping: 'with_whole_order' as const },
    },
  };
  const rules = {
    payments: { ...defaultPayments, multicapture: chance % 2 === 1 },
    fulfilment: { ...defaultFulfilment, shortPick },
    returns: { policies },
  };
  await models.settings.replaceOne({ _id: 'store' }, { ...defaultSettings, ...rules }, { upsert: true });
  await new Promise((resolve) => setTimeout(resolve, 1_100));
}

/** New goods, so that no other life has anything of them. Few of them. */
export async function fillShelf(world: World, receive: (item: Item, warehouseId: string) => Promise<void>) {
  const { models } = world.mongo;
  const goods = [
    { price: 1_999, stock: [9, 0, 3], returnClass: 'standard' },
    { price: 333, stock: [7, 8, 0], returnClass: 'fees' },
    { price: 1_001, stock: [0, 8, 2], returnClass: 'asked' },
    { price: 705, stock: [3, 0, 0], returnClass: 'at_once', backorder: { limit: 12, leadDays: 5 } },
  ];
  const shelf: Shelf = { prices: new Map(), bundles: new Map(), backorderable: '' };
  for (const { price, stock, ...more } of goods) {
    const sku = await world.newSku({}, more);
    await models.products.updateOne({ _id: sku }, { $set: { prices: { USD: price } } });
    shelf.prices.set(sku, price);
    if (more.backorder) shelf.backorderable = sku;
    for (const [index, quantity] of stock.entries())
      if (quantity > 0) await receive({ sku, quantity }, warehouses[index]!);
  }
  const [first, second] = [...shelf.prices.keys()] as [string, string];
  const bundle = [
    { sku: first, quantity: 1 },
    { sku: second, quantity: 2 },
  ];
  const set = await world.newSku({}, { bundle });
  await models.products.updateOne({ _id: set }, { $set: { prices: { USD: 2_221 } } });
  shelf.prices.set(set, 2_221);
  shelf.bundles.set(set, [first, second]);
  return shelf;
}

/** With an account, and something in it. */
export async function newCustomer({ mongo }: World): Promise<{ id: string; granted: number }> {
  const customerId = newId('cus');
  const person = { email: `${customerId.toLowerCase()}@example.com`, name: 'Buyer', createdAt: new Date() };
  await mongo.models.customers.create([{ _id: customerId, ...person }]);
  const granted = 2_500;
  const grant = { key: newId('req'), customerId, currency: 'USD', amount: granted, kind: 'grant' as const };
  await bookCredit(mongo, { ...grant, reason: 'seed', actor: 'test' });
  return { id: customerId, granted };
}
