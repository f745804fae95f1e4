/** Stock as CSV files, in and out. */
import { exportStock as exported } from '../../activities/stock/export.ts';
import { ImportRefused, importStock as imported } from '../../activities/stock/import.ts';
import { ImportRuns } from '../../activities/stock/import-run.ts';
import type { StockImport } from '../../models/stock-import.ts';
import { actorOf, notFound } from '../auth.ts';
import { endpoint, reply } from '../endpoint.ts';
import { afterNewest, page } from '../paging.ts';
import { Problem } from '../problem.ts';
import { csvFile } from '../schemas/common.ts';
import * as schema from '../schemas/stock.ts';

export const exportStock = endpoint({
  summary: 'The stock as a CSV file, which can be edited and imported',
  query: schema.exportQuery,
  answers: { 200: csvFile },
  async handle({ mongo }, { query: { warehouseId } }) {
    const headers = { 'content-disposition': 'attachment; filename="stock.csv"' };
    return reply(200, exported(mongo, { warehouseId }), headers);
  },
});

export const importStock = endpoint({
  summary: 'Set stock to what a CSV file says. The same file is imported once: a repeat gets the first answer',
  query: schema.importQuery,
  body: csvFile,
  answers: { 200: schema.stockImport },
  problems: ['import-refused', 'not-allowed-now'],
  async handle({ mongo }, { query: { mode, name }, body, caller }) {
    try {
      const { result } = await imported(mongo, { bytes: body, name, mode, actor: actorOf(caller) });
      return reply(200, view(result));
    } catch (error) {
      if (error instanceof ImportRefused) {
        const { message, errors, refused } = error;
        throw new Problem('import-refused', message, { errors, refused });
      }
      if (error instanceof ImportRuns) throw new Problem('not-allowed-now', error.message);
      throw error;
    }
  },
});

export const listImports = endpoint({
  summary: 'Files of stock that were imported, or are, the newest first',
  query: schema.importListQuery,
  answers: { 200: schema.importPage },
  async handle({ mongo }, { query: { limit, cursor } }) {
    const found = await mongo.models.stockImports
      .find(afterNewest(cursor, 'startedAt'), { errors: 0 })
      .sort({ startedAt: -1, _id: -1 })
      .limit(limit + 1)
      .lean<Omit<StockImport, 'errors'>[]>();
    const { items, next } = page(found, limit, ({ startedAt, _id }) => [startedAt.toISOString(), _id]);
    return reply(200, { imports: items.map(viewCounts), next });
  },
});

export const getImport = endpoint({
  summary: 'One import: how far it has come, or what came of it',
  params: schema.importParams,
  answers: { 200: schema.stockImport },
  async handle({ mongo }, { params }) {
    const found = await mongo.models.stockImports.findById(params.id).lean<StockImport>();
    if (!found) throw notFound();
    return reply(200, view(found));
  },
});

function view(found: StockImport) {
  return { ...viewCounts(found), errors: found.errors };
}

function viewCounts(found: Omit<StockImport, 'errors'>) {
  const { _id: id, name, mode, actor, startedAt, finishedAt, rows, changed, unchanged, refused } = found;
  return {
    id,
    name,
    mode,
    actor,
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt?.toISOString(),
    rows,
    changed,
    unchanged,
    refused,
  };
}
