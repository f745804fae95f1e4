/** Products, as shoppers and admins see them, and warehouses. */
import { offeredOf } from '../../activities/inventory.ts';
import { activeWarehouses } from '../../activities/warehouses.ts';
import type { Product } from '../../models/catalogue.ts';
import type { Stock } from '../../models/stock.ts';
import { batched } from '../../platform/batch.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { notFound } from '../auth.ts';
import { endpoint, reply } from '../endpoint.ts';
import { page, readCursor } from '../paging.ts';
import * as schema from '../schemas/catalogue.ts';

/** Fewer offered units than this are shown as `low`. */
const lowBelow = 5;

export const listProducts = endpoint({
  summary: 'Products on sale, with prices and availability',
  query: schema.productQuery,
  answers: { 200: schema.productPage },
  async handle({ mongo }, { query }) {
    const after = readCursor(query.cursor, 1);
    const found = await mongo.models.products
      .find({ active: true, ...(after && { _id: { $gt: after[0] } }) })
      .sort({ _id: 1 })
      .limit(query.limit + 1)
      .lean<Product[]>();
    const { items, next } = page(found, query.limit, (last) => [last._id]);
    const offered = await offeredUnits(
      mongo,
      items.map(({ _id }) => _id),
    );
    return reply(200, { products: items.map((product) => viewProduct(product, offered)), next });
  },
});

export const getProduct = endpoint({
  summary: 'One product on sale',
  params: schema.productParams,
  answers: { 200: schema.product },
  async handle({ mongo }, { params }) {
    const product = await mongo.models.products.findOne({ _id: params.sku, active: true }).lean<Product>();
    if (!product) throw notFound();
    return reply(200, viewProduct(product, await offeredUnits(mongo, [params.sku])));
  },
});

export const putProduct = endpoint({
  summary: 'Create or change a product',
  params: schema.productParams,
  body: schema.productBody,
  answers: { 200: schema.product, 201: schema.product },
  async handle({ mongo }, { params, body }) {
    const before = await mongo.models.products
      .findOneAndUpdate({ _id: params.sku }, { $set: body }, { upsert: true, returnDocument: 'before' })
      .lean<Product>();
    const product = viewProduct({ _id: params.sku, ...body }, await offeredUnits(mongo, [params.sku]));
    return before ? reply(200, product) : reply(201, product);
  },
});

export const listWarehouses = endpoint({
  summary: 'Warehouses',
  answers: { 200: schema.warehouseList },
  async handle({ mongo }) {
    const found = await mongo.models.warehouses.find().sort({ _id: 1 }).lean();
    const warehouses = found.map(({ _id: id, name, address, priority, active }) => ({
      id,
      name,
      address,
      priority,
      active,
    }));
    return reply(200, { warehouses });
  },
});

export const putWarehouse = endpoint({
  summary: 'Create or change a warehouse, or switch it off',
  params: schema.warehouseParams,
  body: schema.warehouseBody,
  answers: { 200: schema.warehouse, 201: schema.warehouse },
  async handle({ mongo }, { params, body }) {
    const before = await mongo.models.warehouses
      .findOneAndUpdate({ _id: params.id }, { $set: body }, { upsert: true, returnDocument: 'before' })
      .lean();
    const warehouse = { id: params.id, ...body };
    return before ? reply(200, warehouse) : reply(201, warehouse);
  },
});

/** Units per SKU that new orders can have, over all warehouses that are switched on: one cheap look, no promise. */
export async function offeredUnits(mongo: Mongo, skus: readonly string[]): Promise<Map<string, number>> {
  return new Map(await Promise.all(skus.map(async (sku) => [sku, await offeredOfSku(mongo, sku)] as const)));
}

const offeredOfSku = batched(200, async (mongo: Mongo, skus: string[]) => {
  const [stock, active] = await Promise.all([
    mongo.models.stock.find({ sku: { $in: [...new Set(skus)] } }).lean<Stock[]>(),
    activeWarehouses(mongo),
  ]);
  const open = new Set(active.map(({ _id }) => _id));
  return skus.map((sku): PromiseFulfilledResult<number> => {
    const there = stock.filter((each) => each.sku === sku && open.has(each.warehouseId));
    return { status: 'fulfilled', value: there.reduce((sum, each) => sum + offeredOf(each), 0) };
  });
});

function viewProduct({ _id: sku, name, weightGrams, prices }: Product, offered: ReadonlyMap<string, number>) {
  const units = offered.get(sku) ?? 0;
  const availability = units === 0 ? 'out' : units < lowBelow ? 'low' : 'in';
  return { sku, name, weightGrams, prices, availability } as const;
}
