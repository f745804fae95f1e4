/** What the bench `inventory` reserves from, and for whom. */
import { moveStock } from '../activities/stock/movements.ts';
import type { Mongo } from '../platform/mongo.ts';

/** One that everybody wants, or as many as a shop has. */
export type Goods = 'hot' | 'spread';

export const plenty = 1_000_000;
const skus = Array.from({ length: 1_000 }, (_, index) => `SKU-${index}`);
const address = { name: 'Bench', line1: 'Dock 1', city: 'Newark', region: 'NJ', postalCode: '07101', country: 'US' };

/** An empty shop with plenty of everything. */
export async function seedStock(mongo: Mongo): Promise<void> {
  const { models } = mongo;
  await Promise.all(Object.values(models).map((each) => each.collection.deleteMany({})));
  await models.warehouses.create([{ _id: 'wh', name: 'wh', address, priority: 1, active: true }]);
  await Promise.all(
    ['HOT', ...skus].map((sku) => {
      const change = { onHandChange: plenty, damagedChange: 0, actor: 'bench', reason: 'bench', reference: 'bench' };
      return moveStock(mongo, { key: `seed:${sku}`, sku, warehouseId: 'wh', kind: 'receive', ...change });
    }),
  );
}

/** Orders of one unit, which nobody has reserved for yet. */
export async function seedOrders(
  { models }: Mongo,
  name: string,
  first: number,
  count: number,
  goods: Goods,
  /** Where it begins among the SKUs, so that processes do not go through them side by side. */
  shift = 0,
): Promise<void> {
  const createdAt = new Date();
  const orderOf = (index: number) => {
    const sku = goods === 'hot' ? 'HOT' : skus[(index + shift) % skus.length]!;
    const line = { lineId: 'line_1', sku, name: sku, weightGrams: 400, quantity: 1, unitPrice: 1990, total: 1990 };
    return {
      _id: `${name}-${index}`,
      createdAt,
      placeBefore: createdAt,
      customer: { email: 'bench@example.com', name: 'Bench' },
      shipTo: address,
      currency: 'USD',
      items: [{ sku, quantity: 1 }],
      lines: [{ ...line, allocations: [] }],
      total: 1990,
      rev: 0,
      status: 'pending',
    };
  };
  for (let at = first; at < first + count; at += 1_000) {
    const some = Array.from({ length: Math.min(1_000, first + count - at) }, (_, index) => orderOf(at + index));
    await models.orders.collection.insertMany(some as never);
  }
}
