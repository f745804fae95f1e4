/** The connection to MongoDB, with the settings that the guarantees rest on. */
import { setTimeout as delay } from 'node:timers/promises';
import mongoose, { type ClientSession, type Connection } from 'mongoose';
import { createModels, type Models } from '../models/models.ts';

export interface Mongo {
  connection: Connection;
  models: Models;
  close(): Promise<void>;
}

mongoose.set('strictQuery', 'throw');

/** @throws Error where the server is no replica set, or acknowledges writes before a majority has them. */
export async function connectMongo(uri: string): Promise<Mongo> {
  const connection = await mongoose
    .createConnection(uri, {
      autoIndex: false,
      autoCreate: false,
      bufferCommands: false,
      retryWrites: true,
      writeConcern: { w: 'majority', journal: true },
      readConcern: { level: 'majority' },
      serverSelectionTimeoutMS: 5_000,
      maxPoolSize: 50,
    })
    .asPromise()
    .catch((error: Error) => {
      throw new Error(`MongoDB cannot be reached at MONGODB_URI: ${error.message}`, { cause: error });
    });
  const hello = await connection.db!.admin().command({ hello: 1 });
  if (hello.setName === undefined && hello.msg !== 'isdbgrid') {
    await connection.close();
    throw new Error(
      'MongoDB runs as a standalone server. Waybill needs a replica set (one node is enough) for its transactions',
    );
  }
  return { connection, models: createModels(connection), close: () => connection.close() };
}

/** @throws Error where an index is missing that the guarantees rest on: the database was not set up, or not updated. */
export async function requireIndexes({ models }: Mongo): Promise<void> {
  for (const model of Object.values(models)) {
    const { toCreate } = await model.diffIndexes();
    if (toCreate.length > 0) {
      throw new Error(
        `The collection ${model.collection.name} lacks an index: ${JSON.stringify(toCreate[0])}. Run: npm run setup`,
      );
    }
  }
}

/** Somebody else kept what the transaction writes locked for all of its time. It may be tried again. */
class TransactionTimedOut extends Error {
  override name = 'TransactionTimedOut';
}

/** Others have written meanwhile what this attempt wanted to write. */
class MetOthers extends Error {}

/** The most that a transaction waits before it is tried again. The driver itself would come to wait for half a second. */
const longestPauseMs = 100;

/**
 * Runs a transaction: snapshot reads, majority writes, repeated on write conflicts as long as there is time. The function
 * may run many times.
 * @throws TransactionTimedOut
 */
export async function inTransaction<T>(
  { connection }: Pick<Mongo, 'connection'>,
  run: (session: ClientSession) => Promise<T>,
  patienceMs = 10_000,
): Promise<T> {
  const session = await connection.startSession();
  const deadline = Date.now() + patienceMs;
  const attempt = () =>
    run(session).catch((error) => {
      throw isTransient(error) ? new MetOthers('', { cause: error }) : error;
    });
  try {
    for (let pauseMs = 5; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      try {
        return await session.withTransaction(attempt, {
          readConcern: { level: 'snapshot' },
          writeConcern: { w: 'majority', journal: true },
          maxCommitTimeMS: 5_000,
        });
      } catch (error) {
        if (!(error instanceof MetOthers)) throw error;
        if (Date.now() > deadline)
          throw new TransactionTimedOut(`The transaction met others for ${patienceMs} ms`, { cause: error.cause });
        // Whoever loses comes back soon and at any moment, so that one process does not win all the time.
        await delay(Math.random() * pauseMs);
      }
    }
  } finally {
    await session.endSession();
  }
}

function isTransient(error: unknown): boolean {
  return error instanceof mongoose.mongo.MongoError && error.hasErrorLabel('TransientTransactionError');
}

export function isDuplicateKey(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 11_000;
}
