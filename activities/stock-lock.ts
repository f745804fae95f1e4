/**
 * Movements of one SKU queue up inside the process instead of colliding in the database, where each collision costs a
 * whole transaction. Across processes the transactions themselves decide.
 */
import { Mutex } from 'async-mutex';

const locks = new Map<string, { mutex: Mutex; users: number }>();

export async function withSku<T>(sku: string, run: () => Promise<T>): Promise<T> {
  const lock = locks.get(sku) ?? { mutex: new Mutex(), users: 0 };
  locks.set(sku, lock);
  lock.users += 1;
  try {
    return await lock.mutex.runExclusive(run);
  } finally {
    lock.users -= 1;
    if (lock.users === 0) locks.delete(sku);
  }
}
