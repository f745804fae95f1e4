/** The stock as a file, read and written piece by piece, and no faster than it is taken. */
import { Readable } from 'node:stream';
import type { Stock } from '../../models/stock.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { headerLine, writeRows } from './csv.ts';

const batch = 1_000;

/** @param onProgress is told how many rows there are so far */
export function exportStock(
  mongo: Mongo,
  {
    warehouseId,
    onProgress = () => {},
  }: { warehouseId?: string | undefined; onProgress?: (rows: number) => void } = {},
): Readable {
  return Readable.from(pieces(mongo, warehouseId, onProgress), { objectMode: false });
}

/** By the last key and not by one cursor, which the server would close on a reader that takes its time. */
async function* pieces(
  { models }: Mongo,
  warehouseId: string | undefined,
  onProgress: (rows: number) => void,
): AsyncGenerator<string> {
  yield headerLine;
  let rows = 0;
  let last = '';
  for (;;) {
    const stock = await models.stock
      .find({ _id: { $gt: last }, ...(warehouseId !== undefined && { warehouseId }) })
      .sort({ _id: 1 })
      .limit(batch)
      .lean<Stock[]>();
    if (stock.length === 0) return;
    const skus = [...new Set(stock.map(({ sku }) => sku))];
    const products = await models.products.find({ _id: { $in: skus } }, { name: 1 }).lean();
    const names = new Map(products.map(({ _id, name }) => [_id, name]));
    yield writeRows(stock.map((each) => ({ stock: each, name: names.get(each.sku) ?? '' })));
    last = stock.at(-1)!._id;
    rows += stock.length;
    onProgress(rows);
  }
}
