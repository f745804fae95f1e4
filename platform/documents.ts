/** Reads and writes of single documents, which go to MongoDB in batches where many come at a time. */
import type { Model, mongo } from 'mongoose';
import { batched } from './batch.ts';

type Any = Record<string, unknown>;

/** What a model's documents are. */
export type DocumentOf<M> =
  M extends Model<infer T, infer _Q, infer _I, infer _V, infer _H, infer _S, infer _R> ? T & { _id: string } : never;

const find = batched(200, async (model: Model<Any>, calls: { field: string; value: string }[]) => {
  const found = new Map<string, Any>();
  for (const field of new Set(calls.map((call) => call.field))) {
    const values = new Set(calls.filter((call) => call.field === field).map(({ value }) => value));
    const documents = await model.find({ [field]: { $in: [...values] } }).lean<Any[]>();
    for (const document of documents) found.set(`${field}=${document[field]}`, document);
  }
  return calls.map(({ field, value }) => fulfilled(found.get(`${field}=${value}`) ?? null));
});

/** One document by a unique field. Callers of one moment may get the same object: it is not to be changed. */
export function findOneBy<M>(
  model: M,
  field: keyof DocumentOf<M> & string,
  value: string,
): Promise<DocumentOf<M> | null> {
  return find(model as Model<Any>, { field, value }) as Promise<DocumentOf<M> | null>;
}

const write = batched(200, async (model: Model<Any>, operations: mongo.AnyBulkWriteOperation<Any>[]) => {
  const outcomes: PromiseSettledResult<void>[] = operations.map(() => fulfilled(undefined));
  try {
    await model.collection.bulkWrite(operations, { ordered: false });
  } catch (error) {
    const { writeErrors, result } = error as Partial<mongo.MongoBulkWriteError>;
    const refused = [writeErrors ?? []].flat();
    // Without a majority none of them is safe, also where only some were refused.
    if (refused.length === 0 || result?.getWriteConcernError()) throw error;
    for (const each of refused) outcomes[each.index] = { status: 'rejected', reason: each };
  }
  return outcomes;
});

/**
 * One write of one document, past the model's schema: fields that are undefined become null, so leave them out.
 * @throws what `isDuplicateKey` knows where a unique index refuses it; other writes of the batch go on
 */
export function writeOne<M>(model: M, operation: mongo.AnyBulkWriteOperation<DocumentOf<M>>): Promise<void> {
  return write(model as Model<Any>, operation as never);
}

function fulfilled<T>(value: T): PromiseFulfilledResult<T> {
  return { status: 'fulfilled', value };
}
