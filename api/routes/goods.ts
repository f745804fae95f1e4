/** What the routes that move goods refuse alike. */
import { StockRefused } from '../../activities/stock/work.ts';
import type { Product } from '../../models/catalogue.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { Problem } from '../problem.ts';

/** @throws Problem where a product or a warehouse is not known, or the product is a bundle and has no stock */
export async function checkGoods(
  { models }: Mongo,
  skus: readonly string[],
  warehouseIds: readonly string[],
): Promise<void> {
  const [products, warehouses] = await Promise.all([
    models.products.find({ _id: { $in: [...skus] } }, { bundle: 1 }).lean<Pick<Product, '_id' | 'bundle'>[]>(),
    models.warehouses.find({ _id: { $in: [...warehouseIds] } }, { _id: 1 }).lean(),
  ]);
  const unknown = skus.filter((sku) => !products.some(({ _id }) => _id === sku));
  if (unknown.length > 0)
    throw new Problem('unknown-sku', `There is no product ${unknown.join(', ')}`, { skus: unknown });
  const nowhere = warehouseIds.filter((id) => !warehouses.some(({ _id }) => _id === id));
  if (nowhere.length > 0) throw new Problem('unknown-warehouse', `There is no warehouse ${nowhere.join(', ')}`);
  const bundle = products.find((product) => product.bundle);
  if (bundle) {
    const what = `${bundle._id} is a bundle: the stock is that of its parts`;
    throw new Problem('stock-refused', what, { code: 'bundle' });
  }
}

export async function refusedAsProblem<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof StockRefused) throw new Problem('stock-refused', error.message, { code: error.code });
    throw error;
  }
}
