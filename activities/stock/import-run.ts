/** The record of an import: how far it has come, and who works on it. One at a time does. */
import { randomUUID } from 'node:crypto';
import type { RowError, StockImport } from '../../models/stock-import.ts';
import { isDuplicateKey, type Mongo } from '../../platform/mongo.ts';

/** So many bad rows are told one by one. */
export const mostErrors = 1_000;

/** Whoever was not heard of for so long has died. */
const silenceMs = 30_000;

/** The same file is being imported already. */
export class ImportRuns extends Error {}

export interface ImportRun {
  id: string;
  /** All rows up to this line are done. */
  readonly throughLine: number;
  /** The key of a row's movement: it is posted once, whoever goes through the file. */
  keyOf(line: number): string;
  /** @throws ImportRuns where somebody took this run for dead, and goes on in its place */
  save(done: { changed: number; unchanged: number; errors: RowError[]; throughLine: number }): Promise<void>;
  /** @throws ImportRuns */
  finish(): Promise<StockImport>;
  /** Lets somebody else go on at once. */
  leave(): Promise<void>;
}

/**
 * Begins an import, or goes on with one that nobody works on any more.
 * @throws ImportRuns
 */
export async function beginRun(
  { models }: Mongo,
  begun: Pick<StockImport, '_id' | 'name' | 'mode' | 'actor' | 'rows'>,
): Promise<ImportRun> {
  const { _id } = begun;
  const run = { id: randomUUID(), aliveAt: new Date() };
  const counts = { changed: 0, unchanged: 0, refused: 0, errors: [] };
  const document: StockImport = { ...begun, startedAt: new Date(), ...counts, throughLine: 0, run };
  const started = await models.stockImports.collection.insertOne(document as never).then(
    () => document,
    (error) => {
      if (!isDuplicateKey(error)) throw error;
      const lastHeard = new Date(Date.now() - silenceMs);
      const isDead = { $or: [{ run: { $exists: false } }, { 'run.aliveAt': { $lt: lastHeard } }] };
      return models.stockImports
        .findOneAndUpdate({ _id, finishedAt: { $exists: false }, ...isDead }, { $set: { run } })
        .lean<StockImport>();
    },
  );
  if (!started) {
    const again = `If it has died, this can be tried again in ${silenceMs / 1_000} seconds`;
    throw new ImportRuns(`The same file is being imported at the moment. ${again}`);
  }

  let { throughLine } = started;
  const update = async (change: object): Promise<StockImport> => {
    const saved = await models.stockImports
      .findOneAndUpdate({ _id, 'run.id': run.id }, change, { returnDocument: 'after' })
      .lean<StockImport>();
    if (!saved) throw new ImportRuns('Somebody else took this import for dead, and goes on with it');
    return saved;
  };
  return {
    id: _id,
    get throughLine() {
      return throughLine;
    },
    keyOf: (line) => `import:${_id}:${line}`,
    async save({ changed, unchanged, errors, throughLine: through }) {
      await update({
        $inc: { changed, unchanged, refused: errors.length },
        $push: { errors: { $each: errors, $slice: mostErrors } },
        $set: { throughLine: through, 'run.aliveAt': new Date() },
      });
      throughLine = through;
    },
    finish: () => update({ $set: { finishedAt: new Date() }, $unset: { run: 1 } }),
    async leave() {
      await models.stockImports.updateOne({ _id, 'run.id': run.id }, { $unset: { run: 1 } });
    },
  };
}
