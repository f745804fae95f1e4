/**
 * A file of stock becomes movements and settings. The file is kept until the end and gone through twice: the first time
 * every row is only checked, the second time each is applied, once, however often somebody has to begin again.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Product } from '../../models/catalogue.ts';
import { type Stock, stockId } from '../../models/stock.ts';
import type { ImportMode, RowError, StockImport } from '../../models/stock-import.ts';
import type { Mongo } from '../../platform/mongo.ts';
import { fillFromQueue } from './backorders.ts';
import { readRows, type StockRow, UnreadableFile } from './csv.ts';
import { holdersOf, makeRoom } from './displacement.ts';
import { beginRun, type ImportRun, mostErrors } from './import-run.ts';
import { changeStock } from './ledger.ts';
import { emptyStock, refuseToBreak, StockRefused, type StockSettings, type Work } from './work.ts';

interface StockFile {
  bytes: Readable;
  name: string;
  mode: ImportMode;
  actor: string;
  onProgress?: (pass: 'check' | 'import', percent: number) => void;
}

/** Nothing was changed, because of these rows. */
export class ImportRefused extends Error {
  /** The first of them. */
  readonly errors: readonly RowError[];
  readonly refused: number;
  constructor(errors: readonly RowError[], refused: number) {
    super(`Nothing was imported: ${refused === 1 ? 'a row is' : `${refused} rows are`} wrong`);
    this.errors = errors;
    this.refused = refused;
  }
}

/**
 * `repeated` says that the file was imported before: the result is that of then, and nothing was changed now.
 * @throws ImportRefused, ImportRuns, or what stopped it on its way: importing the file again goes on from there
 */
export async function importStock(mongo: Mongo, file: StockFile): Promise<{ result: StockImport; repeated: boolean }> {
  // The name says whose it is, where a process that was killed has left one behind.
  const folder = await mkdtemp(join(tmpdir(), `waybill-import-${process.pid}-`));
  try {
    const path = join(folder, 'stock.csv');
    const _id = await keep(file.bytes, path);
    const known = await mongo.models.stockImports.findById(_id).lean<StockImport>();
    if (known?.finishedAt) return { result: known, repeated: true };
    const { rows, errors, refused } = await check(mongo, path, file);
    // What is half done is not refused any more: it goes on, and names its bad rows like those of the other mode.
    if (refused > 0 && file.mode === 'all' && !known) throw new ImportRefused(errors, refused);
    const { name, mode, actor } = file;
    const run = await beginRun(mongo, { _id, name, mode, actor, rows });
    try {
      await applyAll(mongo, path, file, run);
      return { result: await run.finish(), repeated: false };
    } catch (error) {
      await run.leave();
      throw error;
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Answers with the SHA-256 of what it kept. */
async function keep(bytes: Readable, path: string): Promise<string> {
  const hash = createHash('sha256');
  const hashed = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  };
  await pipeline(bytes, hashed, createWriteStream(path));
  return hash.digest('hex');
}

/** @throws ImportRefused, in both modes, where the file cannot be read to its end */
async function check(
  mongo: Mongo,
  path: string,
  { onProgress }: StockFile,
): Promise<{ rows: number; errors: RowError[]; refused: number }> {
  const found = { rows: 0, errors: [] as RowError[], refused: 0 };
  try {
    for await (const { batch, percent } of checkedRows(mongo, path)) {
      const bad = batch.filter(isBad);
      found.rows += batch.length;
      found.refused += bad.length;
      found.errors.push(...bad.slice(0, mostErrors - found.errors.length));
      onProgress?.('check', percent);
    }
  } catch (error) {
    if (error instanceof UnreadableFile) throw new ImportRefused([{ line: error.line, reason: error.message }], 1);
    throw error;
  }
  return found;
}

function isBad(row: StockRow | RowError): row is RowError {
  return 'reason' in row;
}

/** The rows in their order, and whether what they name can have stock. */
async function* checkedRows(
  { models }: Mongo,
  path: string,
): AsyncGenerator<{ batch: (StockRow | RowError)[]; percent: number }> {
  const { size } = await stat(path);
  // Small pieces, so that little is read of a row that never ends.
  const bytes = createReadStream(path, { highWaterMark: 16_384 });
  const warehouses = new Set((await models.warehouses.find({}, { _id: 1 }).lean()).map(({ _id }) => _id));
  const lineOf = new Map<string, number>();
  for await (const batch of inBatches(readRows(bytes))) {
    const skus = new Set(batch.flatMap((row) => (isBad(row) ? [] : [row.sku])));
    const products = await models.products
      .find({ _id: { $in: [...skus] } }, { bundle: 1 })
      .lean<Pick<Product, '_id' | 'bundle'>[]>();
    const isBundle = new Map(products.map(({ _id, bundle }) => [_id, bundle != null]));
    const why = ({ line, sku, warehouseId }: StockRow): string | undefined => {
      if (!isBundle.has(sku)) return `There is no product ${sku}`;
      if (isBundle.get(sku)) return `${sku} is a bundle: the stock is that of its parts`;
      if (!warehouses.has(warehouseId)) return `There is no warehouse ${warehouseId}`;
      const id = stockId(sku, warehouseId);
      if (lineOf.has(id)) return `${sku} in ${warehouseId} is in line ${lineOf.get(id)} already`;
      lineOf.set(id, line);
      return undefined;
    };
    const checked = batch.map((row) => {
      const reason = isBad(row) ? row.reason : why(row);
      return reason === undefined ? row : { line: row.line, reason };
    });
    yield { batch: checked, percent: Math.floor((100 * bytes.bytesRead) / size) };
  }
}

async function* inBatches<T>(items: AsyncIterable<T>): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < 500) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function applyAll(mongo: Mongo, path: string, file: StockFile, run: ImportRun): Promise<void> {
  for await (const { batch, percent } of checkedRows(mongo, path)) {
    const rows = batch.filter(({ line }) => line > run.throughLine);
    if (rows.length > 0) {
      const outcomes = await applyBatch(mongo, rows, file, run);
      const errors = outcomes.filter((each) => typeof each !== 'string');
      const changed = outcomes.filter((each) => each === 'changed').length;
      const unchanged = outcomes.length - errors.length - changed;
      await run.save({ changed, unchanged, errors, throughLine: rows.at(-1)!.line });
    }
    file.onProgress?.('import', percent);
  }
}

type Outcome = 'changed' | 'unchanged' | RowError;

/** A change has its price, and so has a transaction, which takes 50 of them. */
const rowsPerChange = 5;

/** Most rows of an edited file are as they were: one look for all of them, and changes for the others only. */
async function applyBatch(
  mongo: Mongo,
  rows: readonly (StockRow | RowError)[],
  file: StockFile,
  run: ImportRun,
): Promise<Outcome[]> {
  const good = rows.filter((row): row is StockRow => !isBad(row));
  const [stock, movements] = await Promise.all([
    mongo.models.stock
      .find({ _id: { $in: good.map(({ sku, warehouseId }) => stockId(sku, warehouseId)) } })
      .lean<Stock[]>(),
    mongo.models.movements.find({ _id: { $in: good.map(({ line }) => run.keyOf(line)) } }, { _id: 1 }).lean(),
  ]);
  const stockById = new Map(stock.map((each) => [each._id, each]));
  const stockOf = ({ sku, warehouseId }: StockRow) =>
    stockById.get(stockId(sku, warehouseId)) ?? emptyStock(sku, warehouseId);
  const posted = new Set(movements.map(({ _id }) => _id));
  const outcomes = new Map<number, Outcome>();
  const open: StockRow[] = [];
  for (const row of rows) {
    if (isBad(row)) outcomes.set(row.line, row);
    else if (posted.has(run.keyOf(row.line))) outcomes.set(row.line, 'changed');
    else if (isAsItSays(row, stockOf(row))) outcomes.set(row.line, 'unchanged');
    else open.push(row);
  }
  const changes: Promise<void>[] = [];
  while (open.length > 0) {
    const some = open.splice(0, rowsPerChange);
    const noted = applyTogether(mongo, some, file, run).then((applied) => {
      for (const [index, outcome] of applied.entries()) outcomes.set(some[index]!.line, outcome);
    });
    changes.push(noted);
  }
  // Nothing is still under way when one that failed ends the import.
  await Promise.allSettled(changes);
  await Promise.all(changes);
  return rows.map(({ line }) => outcomes.get(line)!);
}

async function applyTogether(
  mongo: Mongo,
  rows: readonly StockRow[],
  file: StockFile,
  run: ImportRun,
): Promise<Outcome[]> {
  const skus = rows.map(({ sku }) => sku);
  const outcomes = await changeStock(mongo, {
    skus,
    queues: skus,
    documents: rows.map(({ line }) => ['movements', run.keyOf(line)]),
    make: (work) => rows.map((row) => refusedIsUndefined(() => applyRow(work, row, file, run))),
  });
  return Promise.all(rows.map((row, index) => outcomes[index] ?? applyAlone(mongo, row, file, run)));
}

function refusedIsUndefined<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof StockRefused) return undefined;
    throw error;
  }
}

/** What takes from orders: finding those that could give way costs more than all of the rest, and few rows need it. */
async function applyAlone(mongo: Mongo, row: StockRow, file: StockFile, run: ImportRun): Promise<Outcome> {
  const { line, sku, warehouseId } = row;
  try {
    return await changeStock(mongo, {
      skus: [sku],
      queues: [sku],
      documents: [['movements', run.keyOf(line)]],
      find: holdersOf([{ sku, warehouseId }]),
      make: (work) => applyRow(work, row, file, run, true),
    });
  } catch (error) {
    if (error instanceof StockRefused) return { line, reason: error.message };
    throw error;
  }
}

/** @throws StockRefused; before anything is done, unless others are to give way */
function applyRow(work: Work, row: StockRow, file: StockFile, run: ImportRun, othersGiveWay = false): Outcome {
  const { line, sku, warehouseId } = row;
  const key = run.keyOf(line);
  const stock = work.stock(sku, warehouseId) ?? emptyStock(sku, warehouseId);
  if (work.document('movements', key)) return 'changed';
  if (isAsItSays(row, stock)) return 'unchanged';

  const { onHand = stock.onHand, damaged = stock.damaged } = row.values;
  const moves = onHand !== stock.onHand || damaged !== stock.damaged;
  if (moves && !othersGiveWay) refuseToBreak({ ...stock, onHand, damaged });
  const settings = newSettings(row, stock);
  if (settings) work.set(sku, warehouseId, settings);
  if (!moves) return 'changed';
  work.move({
    key,
    sku,
    warehouseId,
    kind: onHand === stock.onHand ? 'damage' : 'count',
    onHandChange: onHand - stock.onHand,
    damagedChange: damaged - stock.damaged,
    actor: file.actor,
    reason: `Import ${file.name}`,
    reference: run.id,
  });
  if (othersGiveWay) {
    makeRoom(work, sku, warehouseId);
    refuseToBreak(work.stock(sku, warehouseId));
  }
  fillFromQueue(work, sku);
  return 'changed';
}

function isAsItSays(row: StockRow, stock: Stock): boolean {
  const { onHand = stock.onHand, damaged = stock.damaged } = row.values;
  return onHand === stock.onHand && damaged === stock.damaged && newSettings(row, stock) === undefined;
}

/** All of the settings, where the row has another one. */
function newSettings({ values }: StockRow, stock: Stock): StockSettings | undefined {
  const { safetyStock, reorderPoint, reorderTo, bins = [] } = stock;
  const settings = {
    safetyStock,
    reorderPoint: reorderPoint ?? undefined,
    reorderTo: reorderTo ?? undefined,
    bins,
  };
  const { onHand: _, damaged: __, ...given } = values;
  return isDeepStrictEqual({ ...settings, ...given }, settings) ? undefined : { ...settings, ...given };
}
