/** What can be had of products: one cheap look for many of them, and no promise. */
import type { Product } from '../../models/catalogue.ts';
import type { Backlog, Stock } from '../../models/stock.ts';
import { batched } from '../../platform/batch.ts';
import { findOneBy } from '../../platform/documents.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { type Availability, availability, expectedAt, free, offered } from '../../workflows/domain/stock.ts';
import { activeWarehouses } from './warehouses.ts';

export interface Offer {
  /** Over all warehouses that are switched on. */
  units: number;
  /** Units that accepted orders wait for: newcomers get nothing before them. */
  waiting: number;
}

/** Lookups of one moment, of whichever callers, go to the database together. */
export const offerOf = batched(500, async (mongo: Mongo, skus: string[]) => {
  const wanted = [...new Set(skus)];
  const [stock, backlogs, active] = await Promise.all([
    mongo.models.stock.find({ sku: { $in: wanted } }).lean<Stock[]>(),
    mongo.models.backlogs.find({ _id: { $in: wanted }, units: { $gt: 0 } }).lean<Backlog[]>(),
    activeWarehouses(mongo),
  ]);
  const open = new Set(active.map(({ _id }) => _id));
  const units = new Map<string, number>();
  for (const each of stock)
    if (open.has(each.warehouseId)) units.set(each.sku, (units.get(each.sku) ?? 0) + offered(each));
  const waiting = new Map(backlogs.map((each) => [each._id, each.units]));
  return skus.map((sku): PromiseFulfilledResult<Offer> => {
    return { status: 'fulfilled', value: { units: units.get(sku) ?? 0, waiting: waiting.get(sku) ?? 0 } };
  });
});

export interface Available {
  availability: Availability;
  /** When units that are ordered now are expected. ISO 8601, UTC. */
  until?: string;
}

/** The products with these SKUs, and the parts of those that are bundles. */
export async function productsOf(mongo: Mongo, skus: readonly string[]): Promise<Map<string, Product>> {
  const found = new Map<string, Product>();
  const add = async (some: readonly string[]) => {
    const products = await Promise.all(some.map((sku) => findOneBy(mongo.models.products, '_id', sku)));
    for (const product of products) if (product) found.set(product._id, product);
  };
  await add([...new Set(skus)]);
  const parts = [...found.values()].flatMap(({ bundle }) => bundle?.map(({ sku }) => sku) ?? []);
  await add([...new Set(parts)].filter((sku) => !found.has(sku)));
  return found;
}

/** Of products that `productsOf` has found, with their parts. */
export async function availabilityOf(
  mongo: Mongo,
  products: readonly Product[],
  known: ReadonlyMap<string, Product>,
): Promise<Map<string, Available>> {
  const now = new Date();
  const parts = products.map((product) => ({ product, parts: product.bundle ?? [{ sku: product._id, quantity: 1 }] }));
  const skus = [...new Set(parts.flatMap((each) => each.parts.map(({ sku }) => sku)))];
  const offers = new Map(await Promise.all(skus.map(async (sku) => [sku, await offerOf(mongo, sku)] as const)));
  const stateOf = (sku: string, quantity: number) => {
    const { units, waiting } = offers.get(sku)!;
    const state = availability(Math.floor(units / quantity), waiting, known.get(sku)?.backorder, now);
    const there = state.availability === 'in_stock' || state.availability === 'low';
    const mayHave = free({ units, waiting }) + state.backorderable;
    return there || mayHave >= quantity ? state.availability : 'out';
  };
  const result = new Map<string, Available>();
  for (const { product, parts: needed } of parts) {
    const states = needed.map(({ sku, quantity }) => ({ sku, quantity, state: stateOf(sku, quantity) }));
    const worst = worstFirst.find((state) => states.some((each) => each.state === state))!;
    const late = states.filter(({ state }) => state === 'backorder' || state === 'preorder');
    const coming = worst === 'out' ? [] : late;
    const until = await Promise.all(
      coming.map(({ sku, quantity }) => expectedOf(mongo, known.get(sku)!, quantity, offers)),
    );
    result.set(product._id, { availability: worst, ...(until.length > 0 && { until: until.sort().at(-1)! }) });
  }
  return result;
}

/** A bundle is there when all of it is. */
const worstFirst: readonly Availability[] = ['out', 'preorder', 'backorder', 'low', 'in_stock'];

/** When so many units that are ordered now are all expected, behind those who wait for the product already. */
export async function expectedOf(
  mongo: Mongo,
  { _id: sku, backorder }: Product,
  quantity: number,
  offers: ReadonlyMap<string, Offer>,
): Promise<string> {
  const offer = offers.get(sku) ?? { units: 0, waiting: 0 };
  const missing = offer.waiting + quantity - free(offer);
  const warehouseId = { $in: (await activeWarehouses(mongo)).map(({ _id }) => _id) };
  const expected = { 'lines.sku': sku, warehouseId, status: { $in: ['expected', 'partly_received'] as const } };
  const deliveries = await mongo.models.deliveries.find(expected as never, { lines: 1, expectedAt: 1 }).lean();
  const open = deliveries.map((delivery) => ({
    expectedAt: delivery.expectedAt.toISOString(),
    units: delivery.lines
      .filter((line) => line.sku === sku)
      .reduce((sum, line) => sum + Math.max(0, line.expected - line.received), 0),
  }));
  return expectedAt(backorder!, missing, open, new Date());
}
