/** Products, as shoppers and admins see them, and warehouses. */
import { type Available, availabilityOf, productsOf } from '../../activities/stock/availability.ts';
import type { Product } from '../../models/catalogue.ts';
import { isDuplicateKey, type Mongo } from '../../platform/mongo.ts';
import { barcodeKey } from '../../workflows/domain/barcodes.ts';
import { notFound } from '../auth.ts';
import { endpoint, reply } from '../endpoint.ts';
import { page, readCursor } from '../paging.ts';
import { Problem } from '../problem.ts';
import * as schema from '../schemas/catalogue.ts';

export const listProducts = endpoint({
  summary: 'Products on sale, with availability and the prices that hold already',
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
    return reply(200, { products: await viewProducts(mongo, items.map(withoutPlans)), next });
  },
});

/** A shopper's page may ask for many at a time and often, so a copy that is seconds old is good enough. */
export const listAvailability = endpoint({
  summary: 'What can be had of many products',
  query: schema.availabilityQuery,
  etag: 'public, max-age=2',
  answers: { 200: schema.availabilityList },
  async handle({ mongo }, { query }) {
    const known = await productsOf(mongo, query.sku);
    const found = [...new Set(query.sku)].flatMap((sku) => known.get(sku) ?? []).filter(({ active }) => active);
    const available = await availabilityOf(mongo, found, known);
    return reply(200, { products: found.map(({ _id: sku }) => ({ sku, ...available.get(sku)! })) });
  },
});

export const getProduct = endpoint({
  summary: 'One product on sale, with the prices that hold already',
  params: schema.productParams,
  answers: { 200: schema.product },
  async handle({ mongo }, { params }) {
    const product = await mongo.models.products.findOne({ _id: params.sku, active: true }).lean<Product>();
    if (!product) throw notFound();
    return reply(200, (await viewProducts(mongo, [withoutPlans(product)]))[0]!);
  },
});

export const getPrices = endpoint({
  summary: 'Everything that a product costs, planned prices among it',
  params: schema.productParams,
  answers: { 200: schema.productPrices },
  async handle({ mongo }, { params: { sku } }) {
    const product = await mongo.models.products.findById(sku, { prices: 1, specialPrices: 1 }).lean<Product>();
    if (!product) throw notFound();
    return reply(200, { sku, prices: product.prices, specialPrices: product.specialPrices ?? [] });
  },
});

export const putProduct = endpoint({
  summary: 'Create or change a product',
  params: schema.productParams,
  body: schema.productBody,
  answers: { 200: schema.product, 201: schema.product },
  problems: ['unknown-sku', 'not-a-bundle', 'barcode-taken'],
  async handle({ mongo }, { params: { sku }, body }) {
    if (body.bundle) await checkBundle(mongo, sku, body.bundle);
    const barcodeKeys = keysOf(sku, body.barcodes);
    await checkBarcodes(mongo, sku, barcodeKeys);
    const product = { ...body, ...(barcodeKeys.length > 0 && { barcodeKeys }) };
    const before = await mongo.models.products
      .findOneAndReplace({ _id: sku }, product, { upsert: true, returnDocument: 'before' })
      .lean<Product>()
      .catch((error) => {
        throw isDuplicateKey(error) ? barcodeTaken() : error;
      });
    const [viewed] = await viewProducts(mongo, [{ _id: sku, ...body }]);
    return before ? reply(200, viewed!) : reply(201, viewed!);
  },
});

export const listWarehouses = endpoint({
  summary: 'Warehouses',
  answers: { 200: schema.warehouseList },
  async handle({ mongo }) {
    const found = await mongo.models.warehouses.find().sort({ _id: 1 }).lean();
    const warehouses = found.map(({ _id: id, name, address, priority, active, ...optional }) => ({
      ...{ id, name, address, priority, active },
      ...{ email: optional.email, weightTolerance: optional.weightTolerance, calendar: optional.calendar },
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
      .findOneAndReplace({ _id: params.id }, body, { upsert: true, returnDocument: 'before' })
      .lean();
    const warehouse = { id: params.id, ...body };
    return before ? reply(200, warehouse) : reply(201, warehouse);
  },
});

/** A SKU is a barcode of its own: where it is a GTIN, it is looked up in the form of those. */
function keysOf(sku: string, barcodes: readonly string[] = []): string[] {
  const keys = new Set([sku, ...barcodes].map(barcodeKey));
  keys.delete(sku);
  return [...keys];
}

/** Nobody else may have its barcodes, the SKU among them. @throws Problem barcode-taken */
async function checkBarcodes({ models }: Mongo, sku: string, keys: readonly string[]): Promise<void> {
  const others = {
    _id: { $ne: sku },
    $or: [{ barcodeKeys: { $in: [...keys, barcodeKey(sku)] } }, { _id: { $in: [...keys] } }],
  };
  const taken = await models.products.findOne(others as never, { _id: 1 }).lean<{ _id: string }>();
  if (taken) throw barcodeTaken(taken._id);
}

function barcodeTaken(sku?: string): Problem {
  const whose = `${sku ?? 'Another product'} has one of these barcodes (a SKU is one too): give it to one product only`;
  return new Problem('barcode-taken', whose, sku ? { sku } : {});
}

/** @throws Problem where it has stock of its own, or a part of it cannot be one */
async function checkBundle({ models }: Mongo, sku: string, bundle: NonNullable<Product['bundle']>): Promise<void> {
  const skus = bundle.map((part) => part.sku);
  const [parts, stocked, waiting, within] = await Promise.all([
    models.products.find({ _id: { $in: skus } }, { bundle: 1 }).lean<Product[]>(),
    models.stock.exists({ sku, $or: [{ onHand: { $gt: 0 } }, { incoming: { $gt: 0 } }] }),
    models.backlogs.exists({ _id: sku, units: { $gt: 0 } }),
    models.products.exists({ 'bundle.sku': sku }),
  ]);
  const unknown = skus.filter((part) => !parts.some(({ _id }) => _id === part));
  if (unknown.length > 0)
    throw new Problem('unknown-sku', `Not in the catalogue: ${unknown.join(', ')}`, { skus: unknown });
  const nested = parts.find((part) => part.bundle || part._id === sku);
  if (nested) throw new Problem('not-a-bundle', `${nested._id} is a bundle itself: name its parts`);
  if (stocked)
    throw new Problem('not-a-bundle', `${sku} has stock of its own, or under way: a bundle has that of its parts`);
  if (waiting) throw new Problem('not-a-bundle', `Orders wait for ${sku} itself: it cannot be a bundle yet`);
  if (within) throw new Problem('not-a-bundle', `${sku} is part of a bundle: it cannot be one`);
}

async function viewProducts(mongo: Mongo, products: readonly Product[]) {
  const parts = products.flatMap(({ bundle }) => bundle?.map(({ sku }) => sku) ?? []);
  const known = new Map([...(await productsOf(mongo, parts)), ...products.map((each) => [each._id, each] as const)]);
  const available = await availabilityOf(mongo, products, known);
  return products.map((product) => viewProduct(product, available.get(product._id)!));
}

/** Special prices of the future are nobody's business yet. */
function withoutPlans(product: Product): Product {
  const now = new Date().toISOString();
  const begun = product.specialPrices?.filter(({ validFrom }) => validFrom === undefined || validFrom <= now);
  return { ...product, specialPrices: begun?.length ? begun : undefined };
}

function viewProduct({ _id: sku, ...product }: Product, available: Available) {
  const { name, weightGrams, prices, specialPrices, categories, taxClass, taxCode, sizeMm, barcodes } = product;
  const { bundle, backorder, returnClass } = product;
  const pricing = { prices, specialPrices, categories, taxClass, taxCode, sizeMm, barcodes };
  return { sku, name, weightGrams, ...pricing, returnClass, bundle, backorder, ...available };
}
